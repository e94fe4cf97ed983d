"""Configuration of the documentation build."""

import sys
from pathlib import Path

# Like the tests, the pages are about this tree, whatever is installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

from sklstm import __version__

project = "sklstm"
author = "The sklstm developers"
copyright = f"2026, {author}"
version = release = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
default_role = "code"

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say it in words
numpydoc_show_class_members = False  # _templates/class.rst lists them

html_theme = "pydata_sphinx_theme"
html_title = f"sklstm {version}"
html_show_sourcelink = False
html_theme_options = {"show_prev_next": False, "navigation_with_keys": False}
html_sidebars = {"api": [], "defaults": [], "changelog": []}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklstm",),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}

# What scikit-learn's base classes add is described there, in docstrings that link to
# pages which only its own documentation has. These few are worth listing here too.
KEPT = {"fit_transform", "get_params", "set_params"}


def skip_inherited(app, what, name, obj, skip, options):
    module = getattr(obj, "__module__", None) or ""
    return True if module.startswith("sklearn.") and name not in KEPT else None


def setup(app):
    app.connect("autodoc-skip-member", skip_inherited)
