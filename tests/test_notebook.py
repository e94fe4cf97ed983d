"""What notebooks show of estimators and of sequences."""

import re
from email.message import Message
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from time import perf_counter
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceEncoder,
    Sequences,
    SequenceWindower,
    StepTransformer,
    _state,
    make_supervised,
)
from sklstm._state import PlainState
from sklstm.forecasting import (
    AnchoredRegressor,
    AutoForecaster,
    ConformalRegressor,
    NaiveRegressor,
)

API = Path(__file__).parents[1] / "docs" / "api.rst"
X, Y = make_supervised(np.sin(np.arange(60) / 3))
QUICK = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}


class Reader(HTMLParser):
    """Keeps the texts of cells and captions, the links, and open elements."""

    def __init__(self, html):
        super().__init__()
        self.open, self.texts, self.links = [], {}, []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in ("br", "input"):
            self.open.append((tag, attrs.get("class") or ""))
        self.links += [attrs["href"]] if "href" in attrs else []

    def handle_startendtag(self, tag, attrs):
        """Such as br, which hold nothing."""

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data.strip())


def attributes(html):
    """Types and values of fitted attributes, by name."""
    rows = re.findall(
        r'<td class="param">((?:(?!</td>).)*)</td>'
        r'\s*<td class="fitted-att-type">(.*?)</td>\s*<td>(.*?)</td>',
        html,
        re.DOTALL,
    )
    names = [re.search(r">\s*(\w+)", name)[1] for name, _, _ in rows]
    return dict(zip(names, [row[1:] for row in rows], strict=True))


@pytest.mark.parametrize(
    ("model", "data", "caption"),
    [
        (
            LSTMRegressor(**QUICK),
            (np.zeros((9, 3, 2)) + np.eye(9)[:, :3, None], np.arange(9)),
            "2 inputs → LSTM(4) → 1 output",
        ),
        (
            LSTMClassifier(**QUICK, num_layers=2),
            (np.eye(9), np.arange(9) % 3),
            "1 input → 2 × bidirectional LSTM(4) → 3 outputs",
        ),
    ],
)
def test_a_fitted_net_tells_its_architecture(model, data, caption):
    assert "→" not in model._repr_html_()
    model.fit(*data)
    html = model._repr_html_()
    n = sum(weight.numel() for weight in model.module_.parameters())
    shown = Reader(html)
    assert shown.texts["div", "caption"] == [f"{caption}, {n:,} parameters"]
    values = attributes(html)
    assert values["net_"][1] == "2 epochs"
    assert values["module_"] == ("LSTMModule", f"{n:,} parameters")
    assert "&lt;class" not in html
    assert set(values) >= {"loss_curve_", "n_iter_", "scaler_", "best_epoch_"}


@pytest.mark.parametrize(
    "model",
    [
        LSTMRegressor(),
        LSTMClassifier(),
        SequenceWindower(),
        SequenceEncoder(),
        StepTransformer(LSTMRegressor()),
        AnchoredRegressor(LSTMRegressor()),
        ConformalRegressor(LSTMRegressor()),
        AutoForecaster(),
        NaiveRegressor(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_every_parameter_is_there_and_linked(model, monkeypatch):
    template = "https://site/generated/{estimator_module}.{estimator_name}.html"
    monkeypatch.setattr(PlainState, "_doc_link_template", template)
    html = model._repr_html_()
    shown = Reader(html)
    names = re.findall(r"copyToClipboard\('(\w+)'", html)
    assert set(names) >= set(model.get_params(deep=False))
    module = (
        "sklstm.forecasting" if "forecasting" in type(model).__module__ else "sklstm"
    )
    page = f"generated/{module}.{type(model).__name__}.html"
    assert {link.split("#")[0].split("//site/")[1] for link in shown.links} >= {page}
    assert not [link for link in shown.links if "scikit-learn.org" in link]
    # The reference writes a page of this name for each class that it lists.
    assert f"   {type(model).__name__}\n" in API.read_text(encoding="utf-8")


def test_the_site_is_where_the_package_says(monkeypatch):
    """Nothing is linked before there is a site."""
    for url, pages in [
        ("Documentation, https://site", "https://site/generated/"),
        ("Source, https://code", ""),
    ]:
        message = Message()
        message["Project-URL"] = url
        monkeypatch.setattr(_state, "metadata", lambda name, found=message: found)
        assert _state._find_pages() == pages


def test_names_are_escaped():
    table = pd.DataFrame({"<i>load</i>": np.arange(30.0), "price": np.arange(30.0)})
    windower = SequenceWindower(3, flatten=True, group=None).fit(table)
    encoder = SequenceEncoder(token_pattern="(?u)<b>.+</b>")
    sequences, _ = make_supervised(table, target="<i>load</i>")
    for each in (windower, encoder, sequences):
        html = each._repr_html_()
        Reader(html)
        assert "<i>load" not in html
        assert "<b>." not in html
    assert "<i>load</i>" in unescape(sequences._repr_html_())


def test_the_windower_tells_what_comes_out():
    pipeline = make_pipeline(SequenceWindower(6), LSTMRegressor(**QUICK)).fit(X, Y)
    captions = Reader(pipeline._repr_html_()).texts["div", "caption"]
    assert captions[0] == "windows of up to 6 steps × 1 feature"
    assert captions[1].startswith("1 input → LSTM(4) → 1 output")
    rows = np.arange(40).reshape(20, 2)
    flat = SequenceWindower(3, time=0, flatten=True).fit(rows)
    html = flat._repr_html_()
    assert "windows of up to 3 steps × 1 feature<" in html
    assert "3 features" in html


@pytest.mark.parametrize("kind", [ConformalRegressor, AnchoredRegressor])
def test_wrappers_show_what_they_have_fitted(kind):
    model = make_pipeline(SequenceWindower(6), kind(LSTMRegressor(**QUICK)))
    assert "→" not in model._repr_html_()
    html = model.fit(X, Y)._repr_html_()
    assert "1 input → LSTM(4) → 1 output" in html
    assert "or_: LSTMRegressor" in html
    assert "→" not in make_pipeline(AnchoredRegressor())._repr_html_()


def facts(html):
    """The rows of the table of sequences, without the sketch."""
    rows = re.findall(r"<tr><th[^>]*>(\w+)</th><td[^>]*>(.*?)</td></tr>", html)
    return {name: unescape(value.split("<svg")[0]) for name, value in rows}


def bars(html):
    """Centres and heights of the bars of the sketch."""
    (svg,) = re.findall("<svg.*</svg>", html)
    rects = list(ET.fromstring(svg).iter("rect"))
    box = [[float(r.get(k)) for k in ("x", "y", "width", "height")] for r in rects]
    x, y, width, height = np.transpose(box)
    assert min(*x, *y) >= 0
    assert max(x + width) <= 240
    np.testing.assert_allclose(y + height, 40, atol=0.1)
    return np.column_stack([x, height])


def test_sequences_tell_their_sizes():
    lengths = [1, 2, 2, 4]
    steps = np.zeros((9, 3), np.float32)
    html = Sequences(steps, [0, 1, 3, 5], lengths)._repr_html_()
    assert facts(html) == {
        "n_sequences": "4",
        "lengths": "min 1, median 2, max 4",
        "n_steps": "9 on a table of 9",
        "n_features": "3",
        "dtype": "float32",
    }
    places, heights = bars(html).T
    np.testing.assert_allclose(places, [0, 60, 180])  # none is of length 3
    np.testing.assert_allclose(heights, [20, 40, 20])


def test_bars_count_all_lengths():
    lengths = np.random.default_rng(0).integers(1, 1000, size=5000)
    sequences = Sequences(np.zeros((1000, 1)), np.zeros(5000, int), lengths)
    heights = bars(sequences._repr_html_())[:, 1]
    first, last = lengths.min(), lengths.max()
    edges = np.arange(first, last + 42, 42)  # 999 lengths in at most 24 bars
    counts = np.histogram(lengths, edges)[0]
    np.testing.assert_allclose(heights, 40 * counts / counts.max(), atol=0.06)


def test_there_is_no_sketch_of_one_length():
    alike = Sequences(np.zeros((4, 1)), [0, 1], [3, 3])
    assert facts(alike._repr_html_())["lengths"] == "min 3, median 3, max 3"
    for sequences in (alike, alike[:0]):
        assert "<svg" not in sequences._repr_html_()


def test_many_names_are_cut():
    names = [f"f{i}" for i in range(1000)]
    sequences = Sequences(np.zeros((2, 1000)), [0], [2], feature_names=names)
    shown = facts(sequences._repr_html_())["feature_names"]
    assert shown.startswith("f0, f1, ")
    assert shown.endswith("f19, …")


def test_a_million_sequences_are_shown_at_once():
    n = 1_000_000
    lengths = np.random.default_rng(0).integers(1, 500, size=n)
    sequences = Sequences(np.zeros((n + 500, 2)), np.arange(n), lengths)
    start = perf_counter()
    html = sequences._repr_html_()
    assert perf_counter() - start < 2
    assert len(html) < 5000
