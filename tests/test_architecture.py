"""The house rules: who imports whom, and who may touch torch and its state.

Every rule yields one line per breach. The rules run over the package, and each of
them also runs over a small bad source that it must catch.
"""

import ast
import re
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(ROOT.glob("sklstm/**/*.py"))
}
OPTIONAL = {"matplotlib", "narwhals", "pandas", "polars"}
TORCH_STATE = re.compile(
    r"torch\.(random|backends)\b"
    r"|torch\.([\w.]+\.)?(manual_seed\w*|seed(_all)?|set_\w+|use_deterministic_\w+)$"
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
IMPORTS = (ast.Import, ast.ImportFrom)


def imported(path, node):
    """Absolute dotted name of each module that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        package = PurePosixPath(path).with_suffix("").parts[: -node.level]
        base = ".".join([*package, *base.split(".")] if base else package)
    if base == "sklstm":  # `from . import _module` names a module, not the root
        folders = ("datasets", "forecasting", "inspection", "onnx", "streaming")
        return [
            f"sklstm.{a.name}" if a.name[0] == "_" or a.name in folders else base
            for a in node.names
        ]
    return [base]


def dotted(node):
    """`a.b.c` as text, or "" for anything that is not a chain of names."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := dotted(node.value)):
        return f"{head}.{node.attr}"
    return ""


def check_root(path, tree):
    if path == "sklstm/__init__.py":
        return
    for node in ast.walk(tree):
        if isinstance(node, IMPORTS) and "sklstm" in imported(path, node):
            yield f"line {node.lineno}: imports the package root"


def check_wings(path, tree):
    for node in ast.walk(tree):
        for name in imported(path, node) if isinstance(node, IMPORTS) else []:
            wings = ("forecasting/", "inspection/", "onnx/", "streaming/", "__init__")
            wings = tuple(f"sklstm/{wing}" for wing in wings)
            if name.startswith("sklstm.forecasting") and not path.startswith(wings):
                yield f"line {node.lineno}: the core imports forecasting"
            own = ("sklstm/inspection/", "sklstm/__init__")
            if name.startswith("sklstm.inspection") and not path.startswith(own):
                yield f"line {node.lineno}: imports inspection"
            is_onnx = name.split(".")[0] in ("onnx", "onnxruntime", "skl2onnx")
            is_onnx |= name.startswith("sklstm.onnx")
            if is_onnx and not path.startswith("sklstm/onnx/"):
                yield f"line {node.lineno}: {name} is optional, and stays in onnx/"
            is_torch = name.split(".")[0] in ("torch", "skorch")
            if is_torch and not path.startswith("sklstm/_net/"):
                yield f"line {node.lineno}: {name} belongs in _net/"


def check_private(path, tree):
    """Private names of scikit-learn, skorch and torch have one place."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or path == "sklstm/_compat.py":
            continue
        module = node.module or ""
        if module.split(".")[0] in ("sklearn", "skorch", "torch"):
            dotted = [f"{module}.{alias.name}" for alias in node.names]
            for name in dotted:
                if any(part[0] == "_" for part in name.split(".")):
                    yield f"line {node.lineno}: {name} belongs in _compat.py"


def check_local_imports(path, tree):
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    local = {n for f in functions for n in ast.walk(f) if isinstance(n, IMPORTS)}
    for node in sorted(local, key=lambda node: node.lineno):
        for name in imported(path, node):
            if name.split(".")[0] not in OPTIONAL:
                yield f"line {node.lineno}: function-local import of {name}"


def check_torch_state(path, tree):
    if path == "sklstm/_net/_runtime.py":
        return
    aliases = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {a.asname: a.name for a in node.names if a.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                aliases[alias.asname or alias.name] = name
                if TORCH_STATE.match(name):
                    yield f"line {node.lineno}: {name} belongs in _runtime.py"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (name := dotted(node)):
            head, _, tail = name.partition(".")
            name = f"{aliases.get(head, head)}.{tail}"
            if TORCH_STATE.match(name):
                yield f"line {node.lineno}: {name} belongs in _runtime.py"


def breaches(path, source):
    checks = [
        check_root,
        check_wings,
        check_private,
        check_local_imports,
        check_torch_state,
    ]
    tree = ast.parse(source)
    return [breach for check in checks for breach in check(path, tree)]


def find_circle(sources):
    """Name the modules of a circle of imports, if there is one."""
    names = {
        path.removesuffix(".py").replace("/", ".").removesuffix(".__init__"): path
        for path in sources
    }
    arrows = {
        name: {
            target
            for node in ast.walk(ast.parse(sources[path]))
            if isinstance(node, IMPORTS)
            for target in imported(path, node)
            if target in names and target != "sklstm"
        }
        for name, path in names.items()
    }
    while free := [name for name, targets in arrows.items() if not targets]:
        arrows = {n: t - set(free) for n, t in arrows.items() if n not in free}
    return sorted(arrows)


def test_the_package_is_looked_at():
    assert "sklstm/__init__.py" in SOURCES


@pytest.mark.parametrize("path", SOURCES)
def test_house_rules(path):
    found = breaches(path, SOURCES[path])
    assert not found, "\n".join([path, *found])


def test_imports_make_no_circle():
    assert find_circle(SOURCES) == []


def test_a_circle_is_found():
    sources = {
        "sklstm/_a.py": "from ._b import f",
        "sklstm/_b.py": "from sklstm._c import g",
        "sklstm/_c.py": "import sklstm._a",
        "sklstm/_d.py": "from ._a import h",
    }
    assert {"sklstm._a", "sklstm._b", "sklstm._c"} <= set(find_circle(sources))
    del sources["sklstm/_c.py"]
    assert find_circle(sources) == []


@pytest.mark.parametrize(
    ("source", "breach"),
    [
        ("import sklstm", "package root"),
        ("from sklstm import LSTMRegressor", "package root"),
        ("from .. import LSTMRegressor", "package root"),
        ("def f():\n    import json", "function-local"),
        ("class A:\n    def f(self):\n        import os", "local"),
        ("import torch\ntorch.manual_seed(0)", "_runtime.py"),
        ("import torch as t\nt.set_num_threads(1)", "_runtime.py"),
        ("import torch\ntorch.cuda.set_rng_state(s)", "_runtime.py"),
        ("import torch\ntorch.random.fork_rng()", "_runtime.py"),
        ("from torch import manual_seed", "_runtime.py"),
        ("from torch.random import fork_rng", "_runtime.py"),
        ("import torch\ntorch.use_deterministic_algorithms(True)", "_runtime.py"),
        ("import torch\ntorch.backends.cudnn.benchmark = True", "_runtime.py"),
    ],
)
def test_each_rule_fires(source, breach):
    assert breach in "\n".join(breaches("sklstm/_net/_net.py", source))


@pytest.mark.parametrize(
    ("path", "source", "breach"),
    [
        ("sklstm/_base.py", "import torch", "belongs in _net"),
        ("sklstm/forecasting/_a.py", "from skorch import NeuralNet", "belongs in _net"),
        ("sklstm/_base.py", "from .forecasting._naive import x", "imports forecasting"),
        ("sklstm/_rows/_a.py", "from ..forecasting import x", "imports forecasting"),
        ("sklstm/forecasting/_a.py", "from .. import inspection", "imports inspection"),
        ("sklstm/__init__.py", "from . import onnx", "stays in onnx/"),
        ("sklstm/_base.py", "import skl2onnx.common", "stays in onnx/"),
        ("sklstm/_a.py", "from sklearn.base import _fit_context", "in _compat.py"),
        ("sklstm/_a.py", "from sklearn.utils._mask import f", "in _compat.py"),
        ("sklstm/_net/_a.py", "from torch import _VF", "in _compat.py"),
    ],
)
def test_rooms_keep_to_themselves(path, source, breach):
    assert breach in "\n".join(breaches(path, source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("sklstm/__init__.py", "from sklstm._regressor import LSTMRegressor"),
        ("sklstm/__init__.py", "from . import datasets"),
        ("sklstm/_net/_net.py", "from . import _batches"),
        ("sklstm/__init__.py", "from . import forecasting"),
        ("sklstm/forecasting/_anchor.py", "from ._levels import find_levels"),
        ("sklstm/onnx/__init__.py", "from ..forecasting import NaiveRegressor"),
        ("sklstm/onnx/_graph.py", "from onnx import TensorProto"),
        ("sklstm/_sequences.py", "def f():\n    import pandas as pd"),
        ("sklstm/_net/_runtime.py", "import torch\ntorch.manual_seed(0)"),
        ("sklstm/_net/_net.py", "import torch\ntorch.Generator().manual_seed(0)"),
        ("sklstm/_net/_net.py", "import torch\ntorch.get_num_threads()"),
    ],
)
def test_no_rule_fires_on_good_code(path, source):
    assert breaches(path, source) == []
