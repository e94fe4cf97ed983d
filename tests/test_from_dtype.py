"""Strings and categories are ids that know their labels, from table to embedding."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceEncoder,
    Sequences,
    SequenceWindower,
    StepTransformer,
    make_histories,
    make_supervised,
    make_windows,
)
from sklstm.forecasting import (
    AnchoredRegressor,
    AutoForecaster,
    NaiveRegressor,
    forecast,
)
from tests._data import message_of, outputs, target

RNG = np.random.RandomState(0)
N = 60
PROMO = np.array(["none", "half", "free"])[RNG.randint(0, 3, N)]
TABLE = pd.DataFrame(
    {
        "store": np.repeat(["A", "B"], N // 2),
        "day": np.tile(np.arange(N // 2), 2),
        "promo": PROMO,
        "kind": pd.Categorical(np.repeat(["x", "y"], N // 2), ["y", "x", "z"]),
        "sales": RNG.normal(size=N),
    }
)
KEYS = {"group": "store", "time": "day"}
X, Y = make_supervised(TABLE, target="sales", **KEYS)


NEW_LABELS = pytest.mark.filterwarnings("ignore:X has labels in the features")


def small(**params):
    return LSTMRegressor(hidden_size=4, max_epochs=2, random_state=0, **params)


def pipe(**params):
    return make_pipeline(SequenceWindower(5), small(**params))


def labels_of(sequences):
    """Labels in place of ids, for each step of each sequence."""
    return [
        [
            tuple(
                value
                if labels is None
                else None
                if np.isnan(value) or value < 0
                else labels[int(value)]
                for value, labels in zip(step, sequences.categories, strict=True)
            )
            for step in sequence
        ]
        for sequence in sequences
    ]


def test_histories_hold_the_labels_of_their_rows():
    assert X.feature_names.tolist() == ["promo", "kind", "sales"]
    rows = list(zip(PROMO, TABLE["kind"], TABLE["sales"], strict=True))
    expected = [rows[i - i % 30 : i + 1] for i in range(N) if i % 30 < 29]
    assert labels_of(X) == expected
    assert "n_categories={'promo': 3, 'kind': 2}" in repr(X)
    for kept in (X[::3], X.tail(4), X.compact(), pickle.loads(pickle.dumps(X))):
        assert kept.categories == X.categories
    assert X.on_table(X.steps[:, :2]).categories is None


def test_as_encoded_by_hand():
    by_hand = TABLE.assign(
        promo=np.searchsorted(["free", "half", "none"], PROMO),
        kind=TABLE["kind"].map({"x": 0, "y": 1}).astype(int),
    )
    ids, y = make_supervised(by_hand, target="sales", **KEYS)
    plain = pipe(categorical_features=["promo", "kind"]).fit(ids, y)
    model = pipe().fit(X, Y)
    assert_array_equal(model.predict(X), plain.predict(ids))
    sizes = [len(e.weight) - 1 for e in model[-1].module_.embeddings]
    assert sizes == [3, 2]
    both = pipe(categorical_features=["promo"]).fit(X, Y)  # kind has labels anyway
    assert_array_equal(both.predict(X), plain.predict(ids))


@NEW_LABELS
def test_labels_mean_the_same_in_every_table():
    """Whatever else a table holds, and in whatever form."""
    model = pipe().fit(X, Y)
    expected = model.predict(make_histories(TABLE, **KEYS))
    few = TABLE[TABLE["store"] == "B"]
    assert_array_equal(model.predict(make_histories(few, **KEYS)), expected[30:])
    others = TABLE[:30].assign(promo="another", store="C")
    more = pd.concat([TABLE, others], ignore_index=True)
    assert_array_equal(model.predict(make_histories(more, **KEYS))[:N], expected)
    as_category = TABLE.assign(promo=pd.Categorical(PROMO, ["none", "half", "free"]))
    as_text = TABLE.astype({"kind": str})
    in_polars = pl.DataFrame({c: TABLE[c].tolist() for c in TABLE})
    as_enum = in_polars.cast({"promo": pl.Enum(["half", "none", "free"])})
    for table in (as_category, as_text, in_polars, as_enum):
        assert_array_equal(model.predict(make_histories(table, **KEYS)), expected)
    assert_array_equal(
        pickle.loads(pickle.dumps(model)).predict(make_histories(few, **KEYS)),
        expected[30:],
    )


def test_labels_that_fit_has_not_seen_are_unknown():
    model = pipe().fit(X, Y)
    last = TABLE.index[-1]
    outputs = []
    for label in ("another", None, "zzz"):
        table = TABLE.copy()
        table.loc[last, "promo"] = label
        histories = make_histories(table, **KEYS)
        if label is None:
            outputs.append(model.predict(histories))
            continue
        with pytest.warns(UserWarning, match=rf"\['promo'\], such as '{label}', that"):
            outputs.append(model.predict(histories))
        model.predict(histories[:-1])  # of which none holds the label
    assert_array_equal(outputs[0], outputs[1])
    assert_array_equal(outputs[0], outputs[2])
    embedding = model[-1].module_.embeddings[0].weight
    assert (embedding[0] == 0).all()  # there were none in training
    changed = outputs[0] != model.predict(make_histories(TABLE, **KEYS))
    assert changed.tolist() == [False] * (N - 1) + [True]


def test_a_recipe_is_told_of_labels_that_no_block_holds():
    v = [0.1, 0.2]
    for _ in range(298):
        v.append(1 - 1.4 * v[-1] ** 2 + 0.3 * v[-2])  # the Hénon map
    table = pd.DataFrame({"v": v, "day": np.arange(300), "kind": "usual"})
    table.loc[280:, "kind"] = "late"  # which one copy does not see
    recipe = AutoForecaster(max_epochs=10, random_state=0)
    recipe.fit(*make_supervised(table, target="v", time="day"))
    assert "LSTM" in recipe.summary_
    with pytest.warns(UserWarning, match="such as 'new', that LSTMRegressor"):
        forecast(recipe, table.assign(kind="new"))


def test_new_labels_are_not_told_of_where_training_had_unknown_ones():
    gaps = TABLE.assign(promo=TABLE["promo"].where(TABLE["day"] != 3))
    model = pipe().fit(*make_supervised(gaps, target="sales", **KEYS))
    histories = make_histories(TABLE.replace({"promo": {"free": "new"}}), **KEYS)
    assert np.isfinite(model.predict(histories)).all()
    encoder = SequenceEncoder().fit(["new words"])
    texts = make_pipeline(encoder, LSTMClassifier(hidden_size=4, max_epochs=2))
    texts.fit(["a word", "the words"] * 8, [0, 1] * 8).predict(["other tokens"])


@NEW_LABELS
def test_a_label_that_only_some_samples_hold_is_unknown_to_the_others():
    rare = TABLE.copy()
    rare.loc[55, "promo"] = "rare"
    X, y = make_supervised(rare, target="sales", **KEYS)
    model = pipe().fit(X[:30], y[:30])
    assert X.categories[0] == ["free", "half", "none", "rare"]
    assert len(model[-1].module_.embeddings[0].weight) == 4
    lost = rare.assign(promo=rare["promo"].where(rare["promo"] != "rare"))
    expected = model.predict(make_histories(lost, **KEYS))
    assert_array_equal(model.predict(make_histories(rare, **KEYS)), expected)


def test_rows_through_a_windower_that_remembers():
    """Ids of rows kept from fit and of later ones are those of one list."""
    windower = SequenceWindower(4, **KEYS)
    early, late = TABLE[TABLE["day"] < 20], TABLE[TABLE["day"] >= 20]
    early = early.assign(promo=early["promo"].replace("free", "half"))
    whole = pd.concat([early, late])
    windower.fit(early)
    expected = SequenceWindower(4, **KEYS).fit_transform(whole)
    assert labels_of(windower.transform(late)) == labels_of(expected)[len(early) :]


def test_codes_that_look_like_numbers_are_known_later():
    """A part of the labels may be all numbers where all are not."""
    codes = TABLE.assign(promo=TABLE["promo"].replace({"free": "17", "half": "2"}))
    y = TABLE["sales"] ** 2
    numbers = codes["promo"] != "none"
    windower = SequenceWindower(4, **KEYS).fit(codes)
    assert windower.transform(codes.assign(promo="2")).categories[0][1] == "2"
    by_code = make_pipeline(windower, small()).fit(codes, y)
    as_words = make_pipeline(windower, small()).fit(TABLE, y)
    assert_array_equal(by_code.predict(codes), as_words.predict(TABLE))
    table = codes[["sales", "promo"]].assign(before=1.0)
    model = small(static_features=["promo"], n_timesteps="columns").fit(table, y)
    expected = model.predict(table)[numbers]
    assert_array_equal(model.predict(table[numbers]), expected)
    series = [part.drop(columns="store") for _, part in codes.groupby("day")]
    model = small().fit(series, np.arange(30.0) ** 2)
    later = [part.assign(promo="17") for part in series]
    assert model.predict(later).shape == (30,)
    again = StepTransformer(
        make_column_transformer((StandardScaler(), ["sales"]), remainder="passthrough")
    )
    kinds = codes.assign(promo=pd.Categorical(np.where(numbers, "1", "2")))
    read = make_supervised(kinds, target="sales", **KEYS)[0]
    assert again.fit_transform(read).categories[1] == ["1", "2"]


def test_labels_of_another_type_are_told():
    kinds = TABLE.assign(kind=pd.Categorical(np.repeat([1, 2], N // 2)))
    y = TABLE["sales"] ** 2
    words = kinds.assign(kind=kinds["kind"].map({1: "1", 2: "x"}).astype(str))
    model = pipe().fit(make_histories(kinds, **KEYS), y)
    message = message_of(model.predict, make_histories(words, **KEYS))
    assert "'kind' of X holds labels of type str, such as '1', and held" in message
    assert "of type int, such as 1, when SequenceWindower was fitted" in message
    rows = make_pipeline(SequenceWindower(5, **KEYS), small()).fit(kinds, y)
    words["kind"] = words["kind"].astype("category")
    assert "holds labels of type str, such as '1'" in message_of(rows.predict, words)


@NEW_LABELS
@pytest.mark.parametrize(("library", "nothing"), [(pd, None), (pd, np.nan), (pl, None)])
def test_a_column_without_a_label_is_one_of_unknown_ones(library, nothing):
    table = library.DataFrame({name: TABLE[name].tolist() for name in TABLE})
    late = TABLE["day"].to_numpy() >= 20
    column = [nothing] * late.sum()
    if library is pd:
        early, lost = table[~late], table[late].assign(promo=column)
        new = table[late].assign(promo="new")
    else:
        early = table.filter(pl.Series(~late))
        lost = table.filter(pl.Series(late)).with_columns(promo=pl.Series(column))
        new = lost.with_columns(promo=pl.lit("new"))
    model = make_pipeline(SequenceWindower(4, **KEYS), small())
    model.fit(early, early["sales"].to_numpy() ** 2)
    assert_array_equal(model.predict(lost), model.predict(new))
    inner = model[1]
    lost, new = (make_histories(part, **KEYS).tail(4) for part in (lost, new))
    assert_array_equal(inner.predict(lost), inner.predict(new))
    series = [early[["sales", "promo"]], library.DataFrame({"sales": [1.0, 2.0]})]
    series[1] = (
        series[1].assign(promo=[nothing] * 2)
        if library is pd
        else series[1].with_columns(promo=pl.Series([nothing] * 2))
    )
    for pair in (series, series[::-1]):
        fitted = small().fit(pair, [1.0, 2.0])
        assert np.isfinite(fitted.predict(pair[:1])).all()
        assert fitted.module_.embeddings[0].weight.shape[0] == 4


def test_ids_that_have_no_label_are_told():
    places = {"starts": [0, 1], "lengths": [1, 2]}
    ids = np.array([[0], [1], [2]], dtype=np.uint8)
    three = Sequences(ids, **places, categories=[["x", "b", "a"]])
    model = small().fit(three, [1.0, 2.0])
    new = Sequences(ids, **places, categories=[["y", "b", "a"]])
    unknown = Sequences([[-1], [1], [2]], **places, categories=[["x", "b", "a"]])
    assert_array_equal(model.predict(new), model.predict(unknown))
    two = Sequences(ids, **places, categories=[["x", "b"]])
    for read in (model.predict, lambda X: small().fit(X, [1.0, 2.0])):
        assert "the id 2: sequence 1, step 1, feature 0. The last with" in message_of(
            read, two
        )
        with pytest.raises(ValueError, match=r"contains the id 0\.5"):
            read(three.on_table(ids / 2))


def test_forecasts_and_levels():
    model = pipe().fit(X, Y)
    expected = model.predict(make_histories(TABLE, **KEYS))[[29, 59]]
    assert_array_equal(forecast(model, TABLE)["sales"], expected)
    future = pd.DataFrame(
        {
            "store": ["A", "A", "B", "B"],
            "promo": ["half", "new", "free", "none"],
            "kind": ["x", "x", "y", "y"],
        }
    )
    assert forecast(model, TABLE, 2, future=future).shape == (4, 3)
    known, y = make_supervised(TABLE, target="sales", known=["promo"], **KEYS)
    assert known.categories[-1] == known.categories[0]
    inner = AnchoredRegressor(small())
    anchored = make_pipeline(SequenceWindower(5), inner).fit(known, y)
    assert np.isfinite(anchored.predict(known)).all()
    for of_levels in (NaiveRegressor, AnchoredRegressor, AutoForecaster):
        message = message_of(of_levels(feature="promo").fit, X, Y)
        assert "Feature 'promo', from whose level y is to be forecast, hol" in message


def test_step_transformers_are_given_labels():
    scale = make_column_transformer(
        (StandardScaler(), ["sales"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    scaled = StepTransformer(scale).fit_transform(X)
    assert scaled.feature_names.tolist() == ["sales", "promo", "kind"]
    for before, after in zip(labels_of(X), labels_of(scaled), strict=True):
        assert [step[:2] for step in before] == [step[1:] for step in after]
    scale.set_output(transform="pandas")
    again = StepTransformer(scale).fit_transform(X)
    assert labels_of(again) == labels_of(scaled)
    one_hot = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["promo"]), remainder="drop"
    )
    ones = StepTransformer(one_hot).fit_transform(X)
    assert ones.categories is None
    names = [name.removeprefix("onehotencoder__promo_") for name in ones.feature_names]
    assert [names[k] for k in ones[-1].argmax(axis=1)] == [
        s[0] for s in labels_of(X)[-1]
    ]
    with pytest.raises(ValueError, match="could not convert string"):
        StepTransformer(StandardScaler()).fit(X)


@pytest.mark.parametrize("verbose", [False, True])
def test_labels_that_become_magnitudes_are_told(verbose):
    codes = TABLE.assign(kind=pd.Categorical(RNG.randint(1, 4, N)))
    read = make_supervised(codes, target="sales", **KEYS)[0]
    scale = make_column_transformer(
        (StandardScaler(), ["sales"]),
        remainder="passthrough",
        verbose_feature_names_out=verbose,
    )
    steps = StepTransformer(scale).fit(read)
    with pytest.warns(UserWarning, match="'kind' held labels, such as 1, and is"):
        assert list(steps.transform(read).labels()) == [1]
    scale.set_output(transform="pandas")
    kept = StepTransformer(scale).fit_transform(read)
    assert kept.categories[2] == [1, 2, 3]
    encode = make_column_transformer(
        (OrdinalEncoder(), ["kind"]), remainder="drop", verbose_feature_names_out=False
    )
    assert StepTransformer(encode).fit_transform(read).categories is None


def test_lag_columns_of_labels_are_categories_or_none():
    flat = SequenceWindower(3, flatten=True)
    message = message_of(flat.fit_transform, X)
    assert "The features ['promo', 'kind'] hold labels" in message
    assert "OneHotEncoder" in message
    table = flat.set_output(transform="pandas").fit_transform(X)
    assert table["promo_lag1"].tolist()[1:29] == PROMO[:28].tolist()
    assert table["kind_lag0"].tolist() == [step[-1][1] for step in labels_of(X)]
    trees = make_pipeline(flat, HistGradientBoostingRegressor()).fit(X, Y)
    assert trees[-1].is_categorical_.tolist() == [True, True, False] * 3


def test_what_does_not_fit_together_is_told():
    message = message_of(small().fit, TABLE, TABLE["sales"])
    assert "Column 'store' of X holds labels, and in a table each column" in message
    message = message_of(make_supervised, TABLE, **KEYS)
    assert "columns ['promo', 'kind'] hold labels, which are not predicted" in message
    model = pipe().fit(X, Y)
    numbers = TABLE.assign(kind=0)
    message = message_of(model.predict, make_histories(numbers, **KEYS))
    assert "Feature 'kind' of X holds numbers, and held labels when Seq" in message
    ids, y = make_supervised(numbers, target="sales", **KEYS)
    message = message_of(pipe().fit(ids, y).predict, make_histories(TABLE, **KEYS))
    assert "Feature 'kind' of X holds labels, and held numbers when" in message
    with pytest.raises(ValueError, match="categories has 1 entries for 3 features"):
        Sequences(X.steps, [0], [2], categories=[["a"]])


WORDS = {
    "words": ["a", "b"] * 3,
    "categories": pd.Categorical([1, 2] * 3),
    "digits": ["1", "2.5", "-3", None, "5", "6"],
    "dates": [f"2024-01-0{i}" for i in range(1, 7)],
}


@pytest.mark.parametrize("kind", WORDS)
@pytest.mark.parametrize("library", [pd, pl])
def test_strings_that_may_be_meant_otherwise_are_refused(library, kind):
    column = WORDS[kind]
    if library is pl and kind == "categories":
        column = pl.Series(["a", "b"] * 3, dtype=pl.Categorical)
    table = library.DataFrame({"x": np.arange(6.0), "what": column})
    readers = [make_histories, SequenceWindower(3).fit]
    for read in readers:
        if kind in ("words", "categories"):
            read(table)
            continue
        message = message_of(read, table)
        assert f"Column 'what' holds {'dates' if kind == 'dates' else 'num'}" in message
    message = message_of(make_windows, table, 2)
    assert "'what'" in message
    if kind in ("words", "categories"):
        with warnings.catch_warnings(action="ignore"):  # of names that fit had not
            windower = SequenceWindower(3).fit(np.ones((6, 2)))
            assert "holds labels, and held num" in message_of(windower.transform, table)


def test_a_list_of_dataframes(Estimator):
    y = target(Estimator)[:6]
    tables = [
        pd.DataFrame({"x": RNG.normal(size=n), "what": RNG.choice(list("abc"), n)})
        for n in (3, 5, 2, 4, 6, 3)
    ]
    tables[0]["what"] = list("abc")  # ids are given in order of appearance
    codes = [table.assign(what=table["what"].map("abc".index)) for table in tables]
    params = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}
    plain = Estimator(categorical_features=["what"], **params).fit(codes, y)
    model = Estimator(**params).fit(tables, y)
    assert_array_equal(outputs(model, tables), outputs(plain, codes))
    assert_array_equal(outputs(model, tables[2:3]), outputs(plain, codes)[2:3])
    mixed = [*tables[:5], codes[5]]
    message = message_of(model.fit, mixed, y)
    assert "Column 'what' holds labels in some sequences and numbers in ot" in message
    with pytest.raises(ValueError, match="holds numbers as strings, such as '1'"):
        model.fit([table.assign(what="1") for table in tables], y)


def test_a_label_for_each_row_is_told():
    names = [f"row{i}" for i in range(20)]
    table = pd.DataFrame({"x": np.arange(20.0), "what": names})
    with pytest.warns(UserWarning, match=r"'what' has another label in each of 20"):
        make_histories(table)
    make_histories(table[:19])
    make_histories(table.assign(what=[*names[:-1], "row0"]))


def test_ids_of_an_encoder_are_embedded():
    texts = ["to be or not to be", "let it be", "be it so", "not so"] * 5
    y = np.arange(20) % 2
    ids = SequenceEncoder().fit_transform(texts)
    bare = Sequences(ids.steps, ids.starts, ids.lengths)
    params = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}
    plain = LSTMClassifier(categorical_features=[0], **params).fit(bare, y)
    model = make_pipeline(SequenceEncoder(), LSTMClassifier(**params)).fit(texts, y)
    assert_array_equal(model.predict_proba(texts), plain.predict_proba(bare))
    # Another encoder has other ids for the same words.
    other = SequenceEncoder().fit(["so so so it it let", *texts])
    assert other.vocabulary_ != model[0].vocabulary_
    again = model[1].predict_proba(other.transform(texts))
    assert_array_equal(again, model.predict_proba(texts))
    message = message_of(model[1].predict, bare)
    assert "Feature 0 of X holds numbers, and held labels" in message


@given(
    st.lists(st.sampled_from(["a", "b", "c", "", "é", None]), min_size=1),
    st.sampled_from([[], ["b"], ["q", "a"]]),
)
def test_encoding_can_be_undone(values, known):
    base = pd.DataFrame({"x": [*known, "a"], "n": 0.0})
    windower = SequenceWindower(1, time="n", max_gap=np.inf)
    windower = windower.fit(base.assign(n=np.arange(len(base))))
    table = pd.DataFrame(
        {"x": pd.array(values, dtype="string"), "n": np.arange(len(values))}
    )
    table["n"] += 100
    windows = windower.transform(table)
    assert [window[0][0] for window in labels_of(windows)] == values
