"""The house rules: who may import whom, who may touch torch, how long a room may be.

Every rule yields one line per breach. The rules run over the package, and each of
them also runs over a small bad source that it must catch.
"""

import ast
import re
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    path.relative_to(ROOT).as_posix() for path in ROOT.glob("sklstm/**/*.py")
)

# A file or folder directly below sklstm -> its floor. Imports point strictly
# downwards, or stay inside one folder.
FLOORS = {
    "_sequences": 0,
    "_columns": 0,
    "_series": 0,
    "_module": 0,
    "_runtime": 0,
    "_labels": 0,
    "_losses": 0,
    "datasets": 0,
    "_input": 1,
    "_order": 1,
    "_output": 1,
    "_encoder": 1,
    "_batches": 1,
    "_splits": 1,
    "_parameters": 1,
    "_anchor": 1,
    "_categories": 1,
    "_folds": 1,
    "_blocks": 1,
    "_tables": 1,
    "_calendar": 1,
    "_naive": 2,
    "_future": 2,
    "_scaling": 2,
    "_unroll": 2,
    "_windows": 2,
    "_supervised": 2,
    "_callbacks": 2,
    "_net": 2,
    "_spread": 2,
    "_targets": 2,
    "_base": 3,
    "_conformal": 3,
    "_leads": 3,
    "_forecast": 3,
    "_blend": 3,
    "_regressor": 4,
    "_classifier": 4,
    "_view": 4,
    "_forecaster": 5,
    "_display": 5,
    "__init__": 9,
}
OPTIONAL = {"matplotlib", "narwhals", "pandas", "polars"}
TORCH_STATE = re.compile(
    r"torch\.(random|backends)\b"
    r"|torch\.([\w.]+\.)?(manual_seed\w*|seed(_all)?|set_\w+|use_deterministic_\w+)$"
)
MAX_FILE = 450
MAX_FUNCTION = 45  # lines, its docstring aside

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
IMPORTS = (ast.Import, ast.ImportFrom)


def unit(parts):
    """Name in FLOORS of the module that has these dotted parts."""
    return parts[1] if len(parts) > 1 else "__init__"


def module_parts(path):
    """sklstm/datasets/_make.py -> ["sklstm", "datasets", "_make"]."""
    parts = list(PurePosixPath(path).with_suffix("").parts)
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported(path, node):
    """Absolute dotted name of each module that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        package = PurePosixPath(path).with_suffix("").parts[: -node.level]
        base = ".".join([*package, *base.split(".")] if base else package)
    if base == "sklstm":  # `from . import _module` names a module, not the root
        return [f"sklstm.{a.name}" if a.name in FLOORS else base for a in node.names]
    return [base]


def dotted(node):
    """`a.b.c` as text, or "" for anything that is not a chain of names."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := dotted(node.value)):
        return f"{head}.{node.attr}"
    return ""


def check_names(path, tree):
    names = [part.strip("_") for part in module_parts(path)]
    if {"util", "utils"} & set(names):
        yield "utils is not a place: name what the code is about"
    if unit(module_parts(path)) not in FLOORS:
        yield "not in FLOORS: give it a floor"


def check_directions(path, tree):
    here = unit(module_parts(path))
    for node in ast.walk(tree):
        if not isinstance(node, IMPORTS):
            continue
        for name in imported(path, node):
            parts = name.split(".")
            if parts[0] != "sklstm":
                continue
            there = unit(parts)
            if there == "__init__":
                yield f"line {node.lineno}: imports the package root"
            elif there == here and path.count("/") > 1:
                continue
            elif FLOORS.get(there, 99) >= FLOORS.get(here, 99):
                yield f"line {node.lineno}: imports {there}, which is not below {here}"


def check_local_imports(path, tree):
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    local = {n for f in functions for n in ast.walk(f) if isinstance(n, IMPORTS)}
    for node in sorted(local, key=lambda node: node.lineno):
        for name in imported(path, node):
            if name.split(".")[0] not in OPTIONAL:
                yield f"line {node.lineno}: function-local import of {name}"


def check_torch_state(path, tree):
    if path == "sklstm/_runtime.py":
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


def check_lengths(path, tree):
    last = max((getattr(node, "end_lineno", 0) for node in ast.walk(tree)), default=0)
    if last > MAX_FILE:
        yield f"{last} lines, more than {MAX_FILE}"
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            n_lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            if n_lines > MAX_FUNCTION:
                yield f"{node.name} has {n_lines} lines, more than {MAX_FUNCTION}"


CHECKS = [
    check_names,
    check_directions,
    check_local_imports,
    check_torch_state,
    check_lengths,
]


def breaches(path, source):
    tree = ast.parse(source)
    return [breach for check in CHECKS for breach in check(path, tree)]


def test_the_package_is_looked_at():
    assert "sklstm/__init__.py" in MODULES


@pytest.mark.parametrize("path", MODULES)
def test_house_rules(path):
    found = breaches(path, (ROOT / path).read_text(encoding="utf-8"))
    assert not found, "\n".join([path, *found])


@pytest.mark.parametrize(
    ("path", "source", "breach"),
    [
        ("sklstm/_new.py", "", "give it a floor"),
        ("sklstm/inspection/_new.py", "", "give it a floor"),
        ("sklstm/_utils.py", "", "utils is not a place"),
        ("sklstm/datasets/utils.py", "", "utils is not a place"),
        ("sklstm/_net.py", "from sklstm._base import BaseLSTM", "not below _net"),
        ("sklstm/_net.py", "from ._base import BaseLSTM", "not below _net"),
        ("sklstm/_net.py", "import sklstm._base", "not below _net"),
        ("sklstm/_net.py", "import sklstm._unknown", "not below _net"),
        ("sklstm/_windows.py", "from sklstm._net import x", "not below _windows"),
        ("sklstm/datasets/_a.py", "from .._module import x", "not below datasets"),
        ("sklstm/_net.py", "import sklstm", "package root"),
        ("sklstm/_net.py", "from sklstm import LSTMRegressor", "package root"),
        ("sklstm/_net.py", "from . import LSTMRegressor", "package root"),
        ("sklstm/_net.py", "from . import _base", "not below _net"),
        ("sklstm/_net.py", "def f():\n    import json", "function-local"),
        ("sklstm/_net.py", "class A:\n    def f(self):\n        import os", "local"),
        ("sklstm/_net.py", "import torch\ntorch.manual_seed(0)", "_runtime.py"),
        ("sklstm/_net.py", "import torch as t\nt.set_num_threads(1)", "_runtime.py"),
        ("sklstm/_net.py", "import torch\ntorch.cuda.set_rng_state(s)", "_runtime.py"),
        ("sklstm/_net.py", "import torch\ntorch.random.fork_rng()", "_runtime.py"),
        ("sklstm/_net.py", "from torch import manual_seed", "_runtime.py"),
        ("sklstm/_net.py", "from torch.random import fork_rng", "_runtime.py"),
        (
            "sklstm/_net.py",
            "import torch\ntorch.use_deterministic_algorithms(True)",
            "_runtime.py",
        ),
        (
            "sklstm/_net.py",
            "import torch\ntorch.backends.cudnn.benchmark = True",
            "_runtime.py",
        ),
        ("sklstm/_net.py", "x = 1\n" * 451, "451 lines"),
        ("sklstm/_net.py", "def f():\n" + "    x = 1\n" * 46, "f has 46 lines"),
    ],
)
def test_each_rule_fires(path, source, breach):
    assert breach in "\n".join(breaches(path, source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("sklstm/__init__.py", "from sklstm._regressor import LSTMRegressor"),
        ("sklstm/__init__.py", "from . import datasets"),
        ("sklstm/_net.py", "import numpy\nfrom ._batches import gather"),
        ("sklstm/datasets/__init__.py", "from ._load import load_co2"),
        ("sklstm/datasets/_load.py", "from sklstm.datasets._make import x"),
        ("sklstm/_sequences.py", "def f():\n    import pandas as pd"),
        ("sklstm/_runtime.py", "import torch\ntorch.manual_seed(0)"),
        ("sklstm/_net.py", "import torch\ntorch.Generator().manual_seed(0)"),
        ("sklstm/_net.py", "import torch\ntorch.get_num_threads()"),
        ("sklstm/_net.py", "x = 1\n" * 450),
        (
            "sklstm/_net.py",
            'def f():\n    """\n' + "\n" * 60 + '    """\n' + "    x = 1\n" * 45,
        ),
    ],
)
def test_no_rule_fires_on_good_code(path, source):
    assert breaches(path, source) == []
