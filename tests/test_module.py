"""The module against the cell's equations, and against torch's own packing."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ks_2samp
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sklstm import LSTMClassifier, LSTMRegressor, SequenceWindower, make_supervised
from sklstm._net._module import LSTMModule, suggest_size

POOLINGS = ["last", "mean", "max", "last_mean"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def unroll(module, x):
    """Hidden states of the first layer, from the cell's equations; x (time, n_in)."""
    lstm = {k: v.double().numpy() for k, v in module.lstm.state_dict().items()}
    W, U = lstm["weight_ih_l0"], lstm["weight_hh_l0"]
    b = lstm["bias_ih_l0"] + lstm["bias_hh_l0"]
    h = c = np.zeros(U.shape[1])
    states = []
    for x_t in x:
        i, f, g, o = np.split(W @ x_t + U @ h + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)  # forget, and write
        h = sigmoid(o) * np.tanh(c)  # show
        states.append(h)
    return np.stack(states)


def head(module, pooled):
    state = {k: v.double().numpy() for k, v in module.head.state_dict().items()}
    return state["weight"] @ pooled + state["bias"]


POOLED = {
    "last": lambda states: states[-1],
    "mean": lambda states: states.mean(axis=0),
    "max": lambda states: states.max(axis=0),
    "last_mean": lambda states: np.r_[states[-1], states.mean(axis=0)],
}


def by_hand(model, sequence):
    """Output of the net for one sequence in the user's units."""
    x = model.scaler_.transform(sequence)
    states = unroll(model.module_, x)
    return head(model.module_, POOLED[model.pooling](states))


def ragged(rng, n=20):
    return [rng.normal(3, 5, size=(k, 2)) for k in rng.integers(1, 12, size=n)]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_regressor_is_the_cell_unrolled_by_hand(pooling):
    rng = np.random.default_rng(0)
    X = ragged(rng)
    y = np.array([x[:, 0].mean() * 10 + 100 for x in X])
    model = LSTMRegressor(
        8, pooling=pooling, linear_skip=False, max_epochs=3, random_state=0
    ).fit(X, y)
    scaler = model.target_scaler_
    expected = [by_hand(model, x) * scaler.scale_ + scaler.mean_ for x in X]
    assert_allclose(model.predict(X), np.ravel(expected), rtol=1e-5)


def test_classifier_is_the_cell_unrolled_by_hand():
    rng = np.random.default_rng(0)
    X, y = ragged(rng), rng.integers(0, 3, size=20)
    model = LSTMClassifier(
        8, bidirectional=False, pooling="last", max_epochs=3, random_state=0
    ).fit(X, y)
    logits = np.stack([by_hand(model, x) for x in X])
    assert_allclose(model.decision_function(X), logits, atol=1e-5)
    odds = np.exp(logits)
    expected = odds / odds.sum(axis=1, keepdims=True)
    assert_allclose(model.predict_proba(X), expected, atol=1e-5)


def drawn(*args, **kwargs):
    """A module with weights, and a generator for dropout."""
    module = LSTMModule(*args, **kwargs)
    module.generator = torch.Generator().manual_seed(0)
    module.draw(module.generator)
    return module


def make_module(bidirectional, pooling, num_layers=2):
    torch.manual_seed(0)
    return drawn(3, 2, 5, num_layers, bidirectional, 0.0, pooling, torch.float64).eval()


def pooled_plainly(module, x):
    """Reference for one sequence x (time, features) on torch's LSTM."""
    hidden, (h_n, _) = module.lstm(x[:, None])
    last = h_n.reshape(module.lstm.num_layers, -1, 5)[-1]  # (directions, hidden)
    if module.pooling == "last":
        return module.head(last.reshape(-1))
    if module.pooling == "last_mean":
        return module.head(torch.cat([last.reshape(-1), hidden[:, 0].mean(dim=0)]))
    pool = {"mean": torch.mean, "max": torch.amax}[module.pooling]
    return module.head(pool(hidden[:, 0], dim=0))


@pytest.fixture
def keep_torch_rng():
    with torch.random.fork_rng(devices=[]):
        yield


@pytest.mark.usefixtures("keep_torch_rng")
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_cannot_be_seen(pooling, bidirectional):
    module = make_module(bidirectional, pooling)
    lengths = torch.tensor([4, 1, 7, 7, 2])
    x = torch.randn(7, 5, 3, dtype=torch.float64)
    with torch.no_grad():
        alone = [pooled_plainly(module, x[:k, i]) for i, k in enumerate(lengths)]
        together = module(x, lengths)
        x[torch.arange(7)[:, None] >= lengths] = 1e3
        noise = module(x, lengths)
    assert_allclose(together, torch.stack(alone), rtol=1e-12)
    assert_allclose(noise, together, rtol=0, atol=0)


@pytest.mark.usefixtures("keep_torch_rng")
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_equal_lengths_need_not_be_told(pooling, bidirectional):
    module = make_module(bidirectional, pooling)
    x = torch.randn(6, 4, 3, dtype=torch.float64)
    with torch.no_grad():
        told = module(x, torch.full((4,), 6))
        assert_allclose(module(x), told, rtol=1e-12)


@pytest.mark.usefixtures("keep_torch_rng")
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_dense_run_is_the_packed_run(bidirectional, num_layers):
    torch.manual_seed(0)
    module = drawn(3, 2, 5, num_layers, bidirectional, 0.0, "mean", torch.float64)
    lengths = torch.tensor([3, 6, 1])
    x = torch.randn(6, 3, 3, dtype=torch.float64)
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    hidden, _ = pad_packed_sequence(module.lstm(packed)[0])
    expected = module.head(hidden.sum(dim=0) / lengths[:, None])
    parameters = list(module.parameters())
    theirs = torch.autograd.grad(expected.square().sum(), parameters)
    ours = torch.autograd.grad(module(x, lengths).square().sum(), parameters)
    with torch.no_grad():
        assert_allclose(module(x, lengths), expected, rtol=1e-12)
    for mine, other in zip(ours, theirs, strict=True):
        assert_allclose(mine, other, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("keep_torch_rng")
def test_dropout_stands_between_layers_that_read_both_ways():
    module = drawn(1, 1, 40, 2, True, 0.5, "last", torch.float32)
    x, lengths = torch.ones(3, 5, 1), torch.tensor([3, 1, 2, 3, 3])
    entered = []
    run = module._read
    module._read = lambda x, *others: entered.append(x) or run(x, *others)
    module(x, lengths)
    shares = [(x == 0).float().mean().item() for x in entered]
    assert shares[0] == shares[1] == 0  # of the first layer, ahead and behind
    assert 0.3 < shares[2] == shares[3] < 0.7
    module.eval()
    entered.clear()
    module(x, lengths)
    assert not any((x == 0).any() for x in entered)


@pytest.mark.usefixtures("keep_torch_rng")
@pytest.mark.parametrize("num_layers", [1, 3])
def test_dropout_stands_between_layers_and_before_the_head(num_layers):
    module = drawn(1, 1, 4, num_layers, False, 0.5, "last", torch.float32)
    assert module.lstm.dropout == (0.5 if num_layers > 1 else 0)
    assert module.dropout == 0.5
    x = torch.randn(3, 50, 1)
    module.train()
    assert (module(x) != module(x)).any()
    module.eval()
    assert (module(x) == module(x)).all()


def make_embedding_module(bidirectional=False, pooling="last"):
    """Features 1 and 3 of 4 hold 3 and 5 ids; two features are numbers."""
    torch.manual_seed(0)
    module = drawn(
        4, 2, 5, 1, bidirectional, 0.0, pooling, torch.float64, [1, 3], [3, 5], 2
    )
    nn.init.normal_(module.embeddings[0].weight[0])  # or unknown would say nothing
    return module


def mixed_steps(n_steps, n_sequences):
    x = torch.randn(n_steps, n_sequences, 4, dtype=torch.float64)
    x[..., 1] = torch.randint(-1, 3, (n_steps, n_sequences))
    x[..., 3] = torch.randint(-1, 5, (n_steps, n_sequences))
    return x


@pytest.mark.usefixtures("keep_torch_rng")
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_an_embedding_is_a_matrix_times_one_hot(pooling, bidirectional):
    module = make_embedding_module(bidirectional, pooling)
    plain = drawn(6, 2, 5, 1, bidirectional, 0.0, pooling, torch.float64)
    plain.load_state_dict(module.state_dict(), strict=False)
    x, lengths = mixed_steps(7, 4), torch.tensor([7, 3, 1, 6])
    module(x, lengths).square().sum().backward()
    matrices = [e.weight.detach().requires_grad_() for e in module.embeddings]
    parts = [x[..., [0, 2]]]
    for feature, matrix in zip([1, 3], matrices, strict=True):
        # The first row stands for all that is unknown, which is -1.
        one_hot = (x[..., [feature]] == torch.arange(-1, len(matrix) - 1)).double()
        parts.append(one_hot @ matrix)
    expected = plain(torch.cat(parts, dim=-1), lengths)
    expected.square().sum().backward()
    assert_allclose(module(x, lengths).detach(), expected.detach(), rtol=1e-12)
    for embedding, matrix in zip(module.embeddings, matrices, strict=True):
        assert_allclose(embedding.weight.grad, matrix.grad, rtol=1e-9, atol=1e-15)
        assert matrix.grad.any()
    assert_allclose(module.lstm.weight_ih_l0.grad, plain.lstm.weight_ih_l0.grad)


@pytest.mark.usefixtures("keep_torch_rng")
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_never_embeds(pooling, bidirectional):
    module = make_embedding_module(bidirectional, pooling)
    x, lengths = mixed_steps(6, 3), torch.tensor([2, 6, 4])
    x[..., 1] = x[..., 1].clamp(min=1)  # the ids 1 and 2 only
    padding = torch.arange(6)[:, None] >= lengths
    x[padding] = 0.0
    output = module(x, lengths)
    output.square().sum().backward()
    by_id = module.embeddings[0].weight.grad.abs().sum(dim=1)
    assert (by_id > 0).tolist() == [False, False, True, True]  # unknown, 0, 1, 2
    x[padding] = 2.0
    assert_array_equal(module(x, lengths).detach(), output.detach())


@pytest.mark.usefixtures("keep_torch_rng")
def test_all_negative_ids_are_one():
    module, x = make_embedding_module(), mixed_steps(3, 2)
    x[..., 1] = -1
    expected = module(x).detach()
    for value in (-2, -1e9, -1e300):
        x[..., 1] = value
        assert_array_equal(module(x).detach(), expected)


@pytest.mark.usefixtures("keep_torch_rng")
def test_unknown_starts_as_nothing():
    sizes = {"categorical_features": [0, 1], "n_ids": [4, 30]}
    module = drawn(2, 1, 3, 1, False, 0.0, "last", torch.float32, **sizes)
    shapes = [tuple(embedding.weight.shape) for embedding in module.embeddings]
    assert shapes == [(5, suggest_size(4)), (31, suggest_size(30))]
    for embedding in module.embeddings:
        assert not embedding.weight[0].any()
        assert embedding.weight[1:].all()


@pytest.mark.parametrize("num_layers", [1, 2])
def test_weights_start_as_those_of_torch_do(num_layers):
    """All but the forget gates: of the same distributions."""
    module = drawn(3, 7, 50, num_layers, True, 0.0, "last", torch.float32)
    theirs = nn.LSTM(3, 50, num_layers, bidirectional=True), nn.Linear(100, 7)
    for part, other in zip((module.lstm, module.head), theirs, strict=True):
        for (name, ours), values in zip(
            part.named_parameters(), other.parameters(), strict=True
        ):
            ours, values = ours.detach().ravel(), values.detach().ravel()
            if "bias" in name and part is module.lstm:
                ours = torch.cat([ours[:50], ours[100:]])
            assert ours.abs().max() <= (50 if part is module.lstm else 100) ** -0.5
            if len(ours) > 100:
                assert ks_2samp(ours, values).pvalue > 1e-4


def test_nothing_is_drawn_but_from_the_generator_given():
    state = torch.get_rng_state()
    module = drawn(3, 2, 5, 2, True, 0.5, "mean", torch.float32, [1], [4])
    module(torch.ones(4, 3, 3))
    assert torch.equal(torch.get_rng_state(), state)


def test_the_size_of_an_embedding_grows_slowly():
    sizes = [suggest_size(n) for n in range(1, 3000)]
    assert [suggest_size(n) for n in (1, 2, 10, 100, 10**6)] == [2, 2, 6, 21, 600]
    assert sizes == sorted(sizes)


@pytest.mark.usefixtures("keep_torch_rng")
def test_forget_gates_start_open():
    lstm = make_module(bidirectional=True, pooling="last").lstm
    for layer in ("l0", "l0_reverse", "l1", "l1_reverse"):
        bias = getattr(lstm, f"bias_ih_{layer}") + getattr(lstm, f"bias_hh_{layer}")
        i, f, g, o = bias.detach().chunk(4)
        assert (f == 1).all()
        assert (torch.cat([i, g, o]).abs() < 1).all()


ROWS, TARGETS = make_supervised(
    np.random.default_rng(0).normal(size=(200, 2)), horizon=3, target=0
)


def with_skip(length=6, **params):
    """A regressor with a skip, and the windows that it was fitted to."""
    windows = SequenceWindower(length).fit_transform(ROWS)
    model = LSTMRegressor(
        **{"hidden_size": 6, "max_epochs": 2, "dtype": "float64"} | params,
        linear_skip=True,
        random_state=0,
    )
    return model.fit(windows, TARGETS), windows


def test_the_skip_is_a_line_through_the_window():
    model, windows = with_skip(standardize=False)
    weight = model.module_.skip.weight
    assert weight.shape == (3, 12)
    without = model.predict(windows)
    with torch.no_grad():
        line = torch.linspace(-1, 1, 36, dtype=torch.float64).view(3, 12)
        weight.add_(line)
    lags = np.zeros((len(windows), 6, 2))  # from the last step back
    for i, window in enumerate(windows):
        lags[i, : len(window)] = window[::-1]
    expected = without + lags.reshape(-1, 12) @ line.numpy().T
    assert_allclose(model.predict(windows), expected, rtol=1e-6, atol=1e-9)


def test_the_skip_reads_many_windows_in_parts(monkeypatch):
    model, windows = with_skip()
    expected = model.predict(windows)
    monkeypatch.setattr("sklstm._net._module.SKIPPED_VALUES", 1)
    assert_array_equal(model.predict(windows), expected)


@pytest.mark.parametrize("length", [5, 37])
def test_bits_do_not_depend_on_company_whatever_the_widths(length):
    model, windows = with_skip(length, dtype="float32", hidden_size=33)
    together = model.predict(windows)
    for i in range(0, len(windows), 7):
        assert_array_equal(model.predict(windows[[i]])[0], together[i])


def test_longer_sequences_than_in_fit_are_read_from_their_end():
    model, windows = with_skip()
    with torch.no_grad():
        for parameter in model.module_.head.parameters():
            parameter.zero_()  # nothing but the skip is left
    longer = SequenceWindower(9).fit_transform(ROWS)
    assert_allclose(model.predict(longer), model.predict(windows))
