"""Configuration of the documentation build."""

import sys
import zlib
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.domains.python import PyXRefRole
from sphinx_gallery.sorting import ExplicitOrder

HERE = Path(__file__).parent
# Like the tests, the pages are about this tree, whatever is installed.
sys.path.insert(0, str(HERE.parent))

from sklstm import __version__  # noqa: E402

project = "sklstm"
author = "The sklstm developers"
copyright = f"2026, {author}"
version = release = __version__

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "inventories"]
templates_path = ["_templates"]
default_role = "py:name"

nitpicky = True
nitpick_ignore_regex = [
    # The default role: any code, which is a link where it names something public.
    ("py:name", ".*"),
]

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say it in words
toc_object_entries_show_parents = "hide"  # `fit`, not `LSTMRegressor.fit`
numpydoc_class_members_toctree = False  # methods stand on the page of their class
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # of the words of a type, link these alone:
numpydoc_xref_aliases = {
    "DataFrame": "pandas.DataFrame",
    "Sequences": "sklstm.Sequences",
    "estimator": "sklearn.base.BaseEstimator",
    "ndarray": "numpy.ndarray",
}

intersphinx_mapping = {
    # The build needs no network: it reads docs/inventories (see inventories/update.py).
    path.stem: (path.read_text().split()[1], f"_build/inventories/{path.stem}")
    for path in sorted((HERE / "inventories").glob("*.txt"))
}

html_theme = "pydata_sphinx_theme"
html_title = f"sklstm {version}"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_use_index = False  # no page leads to it
html_math_renderer = "mathml"
html_theme_options = {
    "logo": {
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo.svg",
        "text": "sklstm",
    },
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

plot_formats = ["svg"]
plot_html_show_formats = False
plot_html_show_source_link = False

# Lessons in the order in which to read them; others come after these.
lessons = ["co2_forecast", "windows", "search_window", "panel_known_future"]
lessons += ["intervals", "early_stopping", "ragged_classification", "text"]
lessons += ["digits_rows", "cell", "stream_drift", "onnx"]
order = [*(f"plot_{lesson}.py" for lesson in lessons), "*"]

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "within_subsection_order": ExplicitOrder(order),
    "backreferences_dir": "generated/backreferences",
    "default_thumb_file": str(HERE / "_static" / "logo.svg"),
    "doc_module": ("sklstm",),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}


def compress_inventories():
    """Write the inventories as Sphinx reads them, which is compressed."""
    folder = HERE / "_build" / "inventories"
    folder.mkdir(parents=True, exist_ok=True)
    head = "# Sphinx inventory version 2\n# Project: {}\n# Version:\n# zlib\n"
    for path in (HERE / "inventories").glob("*.txt"):
        lines = path.read_text().partition("\n")[2]
        data = head.format(path.stem).encode() + zlib.compress(lines.encode())
        (folder / path.stem).write_bytes(data)


def resolve_short_name(app, env, node, contnode):
    """Link `LSTMRegressor`, `LSTMRegressor.fit` and `GridSearchCV` from any page."""
    if node.get("refdomain") != "py":
        return None
    name, domain = node["reftarget"], env.domains.python_domain
    for path, found in domain.objects.items():
        public = "." in name or found.objtype in {"class", "function"}
        if public and path.endswith(f".{name}"):
            where = (env, node["refdoc"], app.builder)
            return domain.resolve_xref(*where, "obj", path, node, contnode)
    for kind in ("py:class", "py:function"):
        for path, found in env.intersphinx_inventory.get(kind, {}).items():
            if path.endswith(f".{name}"):
                return nodes.reference("", "", contnode, refuri=found.uri)
    return None


def drop_empty_sidebar(app, pagename, templatename, context, doctree):
    """Leave out the list of sister pages and chapters where there are none."""
    if not context.get("parents") and pagename not in app.env.toctree_includes:
        context["sidebars"] = []


def inline_math(self, node):
    """Browsers read MathML by themselves: no script, no fonts."""
    self.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def display_math(self, node):
    block = tex2mathml(node.astext(), as_block=True)
    self.body.append(f'<div class="equation">{block}</div>')
    raise nodes.SkipNode


def setup(app):
    compress_inventories()
    app.add_role_to_domain("py", "name", PyXRefRole())
    app.add_html_math_renderer("mathml", (inline_math, None), (display_math, None))
    app.connect("missing-reference", resolve_short_name)
    app.connect("html-page-context", drop_empty_sidebar)
