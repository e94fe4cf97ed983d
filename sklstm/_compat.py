"""Each private name of scikit-learn that is used, and why no public one will do.

Private names of skorch or torch are not used.
"""

# Validates parameters in `fit`, and skips it in nested calls: what the estimators of
# scikit-learn have in place of code of their own.
from sklearn.base import _fit_context

# Sets each `random_state` of an estimator and its parts, as ensembles do.
from sklearn.ensemble._base import _set_random_states

# Selects rows or columns of arrays, lists, Sequences and dataframes alike.
from sklearn.utils import _safe_indexing

# Says under array_api_dispatch to which library an array belongs.
from sklearn.utils._array_api import get_namespace

# Tell missing labels and tokens of any type, without pandas.
from sklearn.utils._missing import is_pandas_na, is_scalar_nan

# Words the error if pandas is not installed.
from sklearn.utils._optional_dependencies import check_pandas_support

# The constraints that `_fit_context` and functions check parameters against.
from sklearn.utils._param_validation import (
    HasMethods,
    Hidden,
    Interval,
    RealNotInt,
    StrOptions,
    validate_params,
)

# Merges styles as the displays of scikit-learn do, aliases such as "lw" included.
from sklearn.utils._plotting import _validate_style_kwargs

# Puts a line of our own below the name of an estimator in its diagram.
from sklearn.utils._repr_html.estimator import _VisualBlock

# Tells which container `set_output` or the configuration asks for.
from sklearn.utils._set_output import _get_output_config

# Tells whether `enable_metadata_routing` is set.
from sklearn.utils.metadata_routing import _routing_enabled

# Lets estimators be composed of named ones.
from sklearn.utils.multiclass import _check_partial_fit_first_call

# Check and cut what has one value per sample, and names of features.
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_method_params,
    _check_sample_weight,
    _num_samples,
)
