"""What the documentation says is what the code does."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import sklstm
import sklstm.datasets
import sklstm.forecasting
import sklstm.inspection
import sklstm.streaming

README = Path(__file__).parents[1] / "README.md"
EXAMPLES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in README.parent.glob("examples/plot_*.py")
)
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (
        sklstm,
        sklstm.datasets,
        sklstm.forecasting,
        sklstm.inspection,
        sklstm.streaming,
    )
    for name in module.__all__
    if callable(getattr(module, name))
}
# numpydoc's checks that do not apply: scikit-learn's house style differs (GL01, the
# summary starts on the opening line; RT02, a single return value has a name), or the
# section is welcome but not compulsory (ES01 extended summary, EX01 examples, SA01 see
# also). EX04 forbids imports in examples, which here run by themselves.
NOT_CHECKED = {"ES01", "EX01", "EX04", "GL01", "RT02", "SA01"}


def public_methods(cls):
    """Names of the methods and properties that this package defines."""
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        module = getattr(getattr(member, "fget", member), "__module__", None)
        if not name.startswith("_") and str(module).startswith("sklstm."):
            yield name


DOCUMENTED = [
    *PUBLIC,
    *(
        f"{path}.{method}"
        for path, obj in PUBLIC.items()
        if inspect.isclass(obj)
        for method in public_methods(obj)
    ),
]


@pytest.mark.parametrize("path", DOCUMENTED)
def test_docstring_is_valid_numpydoc(path):
    errors = validate(path)["errors"]
    assert [error for error in errors if error[0] not in NOT_CHECKED] == []


@pytest.mark.parametrize("path", PUBLIC)
def test_docstring_has_an_example(path):
    assert ">>> " in inspect.getdoc(PUBLIC[path])


def documented_defaults(obj):
    """Name and default, as text, of each documented parameter; no default is None."""
    defaults = {}
    for parameter in NumpyDocString(inspect.getdoc(obj))["Parameters"]:
        default = re.search(r"default=(.+)$|^(Ignored)$", parameter.type, re.DOTALL)
        for name in parameter.name.split(", "):
            defaults[name] = default and default[default.lastindex].strip("`")
    return defaults


def as_value(text):
    """Read a documented default: a literal, a constant of numpy, else the bare word."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return getattr(np, text.removeprefix("np."), text)


def mismatches(obj):
    """One line for each parameter whose documentation and signature differ."""
    documented = {k.lstrip("*"): v for k, v in documented_defaults(obj).items()}
    signature = dict(inspect.signature(obj).parameters)
    signature.pop("self", None)
    if list(documented) != list(signature):
        return [f"documents {list(documented)}, takes {list(signature)}"]
    found = []
    for name, parameter in signature.items():
        default, text = parameter.default, documented[name]
        if default is parameter.empty:
            same = text is None
        else:
            value = None if text is None else as_value(text)
            same = text is not None and type(value) is type(default)
            same = text == "Ignored" or (same and value == default)
        if not same:
            found.append(f"{name}: documents {text}, takes {default!r}")
    return found


@pytest.mark.parametrize("path", DOCUMENTED)
def test_documented_defaults_are_the_defaults(path):
    owner, _, name = path.rpartition(".")
    obj = PUBLIC[path] if path in PUBLIC else getattr(PUBLIC[owner], name)
    if callable(obj):  # a property has no parameters
        assert mismatches(obj) == []


def test_a_wrong_default_is_caught():
    def f(a, b=1, c=None, d="mean", e=1e-3, g=True, h=0.0):
        """Take seven.

        Parameters
        ----------
        a : int
        b : int, default=2
        c : int or None
        d : {"mean", "last"}, default="mean"
        e : float, default=0.001
        g : bool, default=1
        h : float, default=0.0
        """

    assert [line.split(":")[0] for line in mismatches(f)] == ["b", "c", "g"]


def test_a_missing_parameter_is_caught():
    def f(a, b=1):
        """Take two.

        Parameters
        ----------
        a : int
        """

    assert mismatches(f) == ["documents ['a'], takes ['a', 'b']"]


def test_readme_snippets_run(monkeypatch, tmp_path, capsys):
    """From a CSV with dates to a dated forecast of the next day in eight lines."""
    readme = README.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    hours = pd.date_range("2024-02-29", periods=480, freq="h", name="hour")
    wave = np.sin(np.arange(480) * np.pi / 12) * np.linspace(2, 4, 480)
    load = pd.Series(wave + np.random.default_rng(0).normal(0, 0.2, 480), hours)
    load.rename("load").to_csv(tmp_path / "load.csv")
    monkeypatch.chdir(tmp_path)
    lines = [line for line in blocks[1].splitlines() if line]
    assert len(lines) <= 8
    names = {"__name__": "readme"}
    for block in blocks:
        exec(block, names)
    printed = capsys.readouterr().out
    (shown,) = re.findall(r"^```\n({.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert printed.startswith(shown)
    assert "load_upper" in printed
    values = names["forecast"](names["model"], names["load"], interval=0.9)
    assert list(values) == ["hour", "load", "load_lower", "load_upper"]
    assert list(values["hour"]) == list(
        pd.date_range(hours[-1], periods=25, freq="h")[1:]
    )
    came = 4 * np.sin(np.arange(480, 504) * np.pi / 12)
    assert ((values["load_lower"] < came) & (came < values["load_upper"])).mean() > 0.7


def test_the_parameters_of_estimators_stand_in_groups_on_the_page_of_the_api():
    page = (README.parent / "docs" / "api.rst").read_text(encoding="utf-8")
    table = page[page.index("Their parameters fall into groups") :]
    named = re.findall(r"`(\w+)`", table[: table.index("Histories and targets")])
    for Estimator in (sklstm.LSTMRegressor, sklstm.LSTMClassifier):
        parameters = list(inspect.signature(Estimator).parameters)
        assert len(parameters) <= 32
        assert [name for name in named if name in parameters] == parameters


def messages():
    """All texts of the package, with … for what is filled in."""
    for path in Path(sklstm.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                fixed = (isinstance(part, ast.Constant) for part in node.values)
                parts = zip(node.values, fixed, strict=True)
                yield "".join(part.value if known else "…" for part, known in parts)
            elif isinstance(node, ast.Constant):
                yield str(node.value)


def test_warnings_that_tips_explain_are_those_of_the_code():
    page = (README.parent / "docs" / "tips.rst").read_text(encoding="utf-8")
    every = list(messages())
    headings = [line for line in page.splitlines() if line.startswith('"')]
    quotes = re.findall(r'"(.+?)"', "\n".join(headings))
    assert len(quotes) > 10
    assert [quote for quote in quotes if not any(quote in text for text in every)] == []


@pytest.mark.parametrize("path", PUBLIC)
def test_each_public_name_is_in_an_example(path):
    assert re.search(rf"\b{path.rpartition('.')[2]}\b", EXAMPLES)
