"""The compiled engine against hand arithmetic and the facts of the recipe."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from osetra.core.records import EpochRecord
from osetra.core.seeding import Seed
from osetra.engines.keyed_bits import shuffled
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import LOSSES, OPTIMIZERS, Hyperparameters, Member, TrainingData, initial_state
from osetra.network.layout import Layout
from osetra.network.spec import ACTIVATIONS, NetworkSpec

from .members import bits_of, constant_rate, curve, tiny_data, tiny_member

ENGINE = NativeEngine()
FLOATS = [np.float32, np.float64]
REGULARISERS = {"none": {}, "l2": {"l2": 3.0}, "dropout": {"keep_prob": (0.8, 0.8), "input_keep_prob": 0.9}}


def set_parameters(member: Member, **values: object) -> Member:
    for name, value in values.items():
        member.layout.view(member.state.parameters, name)[...] = value
    return member


def parameter(member: Member, name: str) -> np.ndarray:
    return member.layout.view(member.state.parameters, name)


def data_of(inputs: np.ndarray, targets: np.ndarray) -> TrainingData:
    """The same rows to train on and to score."""
    return TrainingData(train_inputs=inputs, train_targets=targets, dev_inputs=inputs, dev_targets=targets)


def advance(member: Member, data: TrainingData, *, epochs: int = 1) -> list[EpochRecord]:
    [records] = ENGINE.advance([member], data, epochs=epochs)
    return records


# Outputs and losses


def outputs_only(logits: list[float], *, loss: str, dtype: type[np.floating], label_smoothing: float = 0.0) -> tuple[Member, np.ndarray]:
    """A network whose z is `logits` for every row, and one row for it."""
    inputs = np.zeros((1, 1), dtype=dtype)
    targets = np.zeros(1, dtype=np.int64) if loss == "cross_entropy" else np.zeros((1, len(logits)), dtype=dtype)
    if loss == "cross_entropy":
        # The number of outputs follows from the largest class.
        targets = np.array([len(logits) - 1])
    member = tiny_member(data_of(inputs, targets), Hyperparameters(loss=loss, label_smoothing=label_smoothing), hidden_units=())
    return set_parameters(member, W1=0.0, b1=logits), inputs


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_of_the_notes_example(dtype: type[np.floating]) -> None:
    member, inputs = outputs_only([5.0, 2.0, -1.0, 3.0], loss="cross_entropy", dtype=dtype)
    yhat = ENGINE.score(member, inputs)
    np.testing.assert_allclose(yhat, [[0.842, 0.042, 0.002, 0.114]], atol=5e-4)
    cost, _ = ENGINE.cost_and_gradient(member, inputs, np.array([3]))
    assert cost == pytest.approx(-math.log(math.exp(3) / sum(math.exp(z) for z in (5, 2, -1, 3))), rel=1e-6)


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_and_its_loss_stand_any_logits(dtype: type[np.floating]) -> None:
    member, inputs = outputs_only([1e4, -1e4, 0.0], loss="cross_entropy", dtype=dtype)
    yhat = ENGINE.score(member, inputs)
    assert yhat.tolist() == [[1.0, 0.0, 0.0]]
    for label, cost in ((0, 0.0), (1, 2e4), (2, 1e4)):
        got, gradient = ENGINE.cost_and_gradient(member, inputs, np.array([label]))
        assert got == pytest.approx(cost, rel=1e-6)
        expected = yhat[0] - np.eye(3)[label]
        np.testing.assert_allclose(gradient[member.layout.weights_size :], expected, atol=1e-7)


@pytest.mark.parametrize("dtype", FLOATS)
def test_sigmoid_and_its_loss_stand_any_logits(dtype: type[np.floating]) -> None:
    member, inputs = outputs_only([1e4, -1e4], loss="binary_cross_entropy", dtype=dtype)
    assert ENGINE.score(member, inputs).tolist() == [[1.0, 0.0]]
    right, _ = ENGINE.cost_and_gradient(member, inputs, np.array([[1.0, 0.0]], dtype=dtype))
    wrong, gradient = ENGINE.cost_and_gradient(member, inputs, np.array([[0.0, 1.0]], dtype=dtype))
    assert right == 0.0
    assert wrong == pytest.approx(2e4, rel=1e-6)
    assert gradient[member.layout.weights_size :].tolist() == [1.0, -1.0]


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_dz_is_yhat_minus_y(loss: str, smoothing: float) -> None:
    data = tiny_data(loss)
    member = tiny_member(data, Hyperparameters(loss=loss, label_smoothing=smoothing), hidden_units=())
    x, y = data.train_inputs, data.train_targets
    _, gradient = ENGINE.cost_and_gradient(member, x, y)
    yhat = ENGINE.score(member, x)
    y = np.eye(3)[y] if loss == "cross_entropy" else y
    dz = yhat - ((1 - smoothing) * y + smoothing / (3 if loss == "cross_entropy" else 2))
    np.testing.assert_allclose(member.layout.view(gradient, "W1"), x.T @ dz / len(x), atol=1e-14)
    np.testing.assert_allclose(member.layout.view(gradient, "b1"), dz.mean(axis=0), atol=1e-14)


def test_softmax_of_two_classes_is_logistic_regression() -> None:
    """With softmax only the difference w = W[:, 1] - W[:, 0] matters, for yhat_1 = sigmoid(z_1 - z_0).

    dW[:, 1] = x^T (yhat_1 - y)/n = -dW[:, 0], so w moves by 2 x^T (yhat_1 - y)/n: logistic regression at twice the rate.
    """
    data = tiny_data("cross_entropy", num_outputs=2)
    y = data.train_targets
    softmax = tiny_member(data, Hyperparameters(optimizer="gd", batch_size=8), hidden_units=(), learning_rates=constant_rate(0.05))
    as_binary = data_of(data.train_inputs, y[:, None].astype(np.float64))
    logistic = tiny_member(
        as_binary, Hyperparameters(loss="binary_cross_entropy", optimizer="gd", batch_size=8),
        hidden_units=(), learning_rates=constant_rate(0.1),
    )  # fmt: skip
    set_parameters(
        logistic,
        W1=parameter(softmax, "W1")[:, 1:] - parameter(softmax, "W1")[:, :1],
        b1=parameter(softmax, "b1")[1:] - parameter(softmax, "b1")[:1],
    )
    start = parameter(logistic, "W1").copy()
    softmax_curve, logistic_curve = curve(advance(softmax, data, epochs=20)), curve(advance(logistic, as_binary, epochs=20))
    for name in ("W1", "b1"):
        difference = np.diff(parameter(softmax, name), axis=-1)
        np.testing.assert_allclose(difference, parameter(logistic, name), atol=1e-13)
    assert np.abs(parameter(logistic, "W1") - start).max() > 0.1
    np.testing.assert_allclose(softmax_curve[:, :2], logistic_curve[:, :2], atol=1e-13)
    np.testing.assert_allclose(
        ENGINE.score(softmax, data.train_inputs)[:, 1:],
        ENGINE.score(logistic, data.train_inputs),
        atol=1e-13,
    )


@pytest.mark.parametrize(
    ("loss", "cost", "slopes"),
    [
        # z = (0.5, -2, 3) against y = 0: 1/2 sum z^2, sum |z|, and Huber with delta 1: 1/8 + (2 - 1/2) + (3 - 1/2).
        ("squared", 6.625, [0.5, -2.0, 3.0]),
        ("absolute", 5.5, [1.0, -1.0, 1.0]),
        ("huber", 4.125, [0.5, -1.0, 1.0]),
    ],
)
def test_regression_losses_by_hand(loss: str, cost: float, slopes: list[float]) -> None:
    member, inputs = outputs_only([0.5, -2.0, 3.0], loss=loss, dtype=np.float64)
    got, gradient = ENGINE.cost_and_gradient(member, inputs, np.zeros((1, 3)))
    assert got == pytest.approx(cost, abs=1e-14)
    np.testing.assert_allclose(gradient[member.layout.weights_size :], slopes, atol=1e-14)
    # Root mean squared error of (0.5, -2, 3) in target units.
    _, error = ENGINE.measure(member, inputs, np.zeros((1, 3)), error_scale=10.0)
    assert error == pytest.approx(10 * math.sqrt(13.25 / 3))


# Batch norm


def normalised_pair(data: TrainingData) -> tuple[Member, Member]:
    """A network without batch norm and with no bias in its hidden layer, and its twin with it; the same weights."""
    h = Hyperparameters(batch_size=data.num_rows)
    without, with_norm = (tiny_member(data, h, hidden_units=(4,), batch_norm=flag) for flag in (False, True))
    set_parameters(with_norm, W1=parameter(without, "W1"), W2=parameter(without, "W2"), b2=[0.1, -0.2, 0.3])
    set_parameters(without, b1=0.0, b2=[0.1, -0.2, 0.3])
    return without, with_norm


def test_batch_norm_can_learn_to_change_nothing() -> None:
    data = tiny_data()
    without, with_norm = normalised_pair(data)
    z = data.train_inputs @ parameter(without, "W1")
    moments = {"gamma1": np.sqrt(z.var(axis=0) + 1e-5), "beta1": z.mean(axis=0)}
    set_parameters(with_norm, **moments)
    cost, _ = ENGINE.cost_and_gradient(with_norm, data.train_inputs, data.train_targets)
    expected, _ = ENGINE.cost_and_gradient(without, data.train_inputs, data.train_targets)
    assert cost == pytest.approx(expected, abs=1e-14)
    # So too in scoring mode, once the running moments are those of the data.
    layout, running = with_norm.layout, with_norm.state.running
    layout.view(running, "mean1")[:], layout.view(running, "variance1")[:] = z.mean(axis=0), z.var(axis=0)
    expected, scored = (ENGINE.score(m, data.dev_inputs) for m in (without, with_norm))
    np.testing.assert_allclose(scored, expected, atol=1e-14)


def test_a_constant_added_to_z_changes_nothing() -> None:
    """A constant comes in through a column of ones: whatever its weights, training and scoring go the same way."""
    data = tiny_data()
    train, dev = (np.hstack([inputs, np.ones((len(inputs), 1))]) for inputs in (data.train_inputs, data.dev_inputs))
    data = TrainingData(train_inputs=train, train_targets=data.train_targets, dev_inputs=dev, dev_targets=data.dev_targets)
    members = [tiny_member(data, Hyperparameters(batch_size=8, eps=1e-3), hidden_units=(4,), batch_norm=True) for _ in range(2)]
    parameter(members[1], "W1")[-1] = parameter(members[0], "W1")[-1] + [5.0, -3.0, 1.0, 20.0]
    first, second = (curve(advance(member, data, epochs=4)) for member in members)
    np.testing.assert_allclose(second, first, atol=1e-11)
    np.testing.assert_allclose(parameter(members[1], "W1")[:-1], parameter(members[0], "W1")[:-1], atol=1e-11)
    shift = parameter(members[1], "W1")[-1] - parameter(members[0], "W1")[-1]
    np.testing.assert_allclose(shift, [5.0, -3.0, 1.0, 20.0], atol=1e-11)
    assert np.abs(parameter(members[0], "gamma1") - 1).max() > 0.01


def test_running_moments_are_the_bias_corrected_average_over_the_batches() -> None:
    data = tiny_data(rows=32)
    member = tiny_member(
        data, Hyperparameters(batch_size=8, batch_norm_decay=0.8), hidden_units=(4,), batch_norm=True, learning_rates=constant_rate(0.0)
    )
    advance(member, data, epochs=2)
    z = data.train_inputs @ parameter(member, "W1")
    batches = [z[order] for epoch in (0, 1) for order in np.split(shuffled(member.seed.key("shuffle", epoch), 32), 4)]
    weights = 0.2 * 0.8 ** np.arange(7, -1, -1) / (1 - 0.8**8)
    assert weights.sum() == pytest.approx(1)
    for name, moments in (("mean1", [b.mean(axis=0) for b in batches]), ("variance1", [b.var(axis=0) for b in batches])):
        np.testing.assert_allclose(member.layout.view(member.state.running, name), weights @ np.array(moments), atol=1e-13)


def test_running_moments_converge_to_the_data_s() -> None:
    data = tiny_data(rows=32)
    h = Hyperparameters(batch_size=8, batch_norm_decay=0.999)
    member = tiny_member(data, h, hidden_units=(4,), batch_norm=True, learning_rates=constant_rate(0.0))
    advance(member, data, epochs=500)
    z = data.train_inputs @ parameter(member, "W1")
    mean, variance = (member.layout.view(member.state.running, name) for name in ("mean1", "variance1"))
    # About 1,000 batches count, so the mean strays by some 1/sqrt(8 * 1,000) of a deviation.
    assert np.abs((mean - z.mean(axis=0)) / z.std(axis=0)).max() < 0.05
    # The variance of 8 rows drawn from 32 without return is, on average, 7/8 * 32/31 of that of all.
    np.testing.assert_allclose(variance, z.var(axis=0) * (7 / 8) * (32 / 31), rtol=0.05)


def test_the_first_full_batch_gives_the_data_s_moments_whole() -> None:
    data = tiny_data()
    member = tiny_member(data, Hyperparameters(), hidden_units=(4,), batch_norm=True)
    z = data.train_inputs @ parameter(member, "W1")
    advance(member, data)
    np.testing.assert_allclose(member.layout.view(member.state.running, "mean1"), z.mean(axis=0), atol=1e-14)
    np.testing.assert_allclose(member.layout.view(member.state.running, "variance1"), z.var(axis=0), atol=1e-14)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_a_row_scores_the_same_alone_and_among_others(dtype: type[np.floating], tolerance: float, batch_norm: bool) -> None:
    data = tiny_data(dtype=dtype, rows=600)
    member = tiny_member(data, Hyperparameters(batch_size=64), activation="relu", batch_norm=batch_norm)
    advance(member, data, epochs=2)
    together = ENGINE.score(member, data.train_inputs)
    alone = [ENGINE.score(member, row[None]) for row in data.train_inputs]
    np.testing.assert_allclose(np.concatenate(alone), together, atol=tolerance)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_last_batch_of_one_row_is_safe_under_batch_norm(dtype: type[np.floating]) -> None:
    data = tiny_data(dtype=dtype, rows=9)
    member = tiny_member(data, Hyperparameters(batch_size=8), activation="relu", batch_norm=True)
    order = shuffled(member.seed.key("shuffle", 0), 9)
    records = advance(member, data)
    assert member.state.step == 2
    assert np.isfinite(curve(records)).all()
    assert np.isfinite(member.state.parameters).all()
    # One row has no variance: the running moments are still those of the first eight rows, all of them.
    fresh = tiny_member(data, Hyperparameters(batch_size=8), activation="relu", batch_norm=True)
    z = data.train_inputs[order[:8]] @ parameter(fresh, "W1")
    np.testing.assert_allclose(member.layout.view(member.state.running, "variance1"), z.var(axis=0), rtol=1e-5)
    advance(member, data, epochs=50)
    assert np.isfinite(member.state.parameters).all()


# Regularisation


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("optimizer", ["gd", "adamw"])
def test_l2_alone_shrinks_weights_by_one_minus_alpha_lambda_over_m_and_nothing_else(optimizer: str, batch_norm: bool) -> None:
    """Inputs of 0 give no weight of layer 1 a gradient, and no others with W2 = 0 and targets that z meets: only the penalty acts."""
    m, alpha, l2 = 16, 0.1, 4.0
    data = data_of(np.zeros((m, 5)), np.full((m, 2), 0.5))
    h = Hyperparameters(loss="squared", optimizer=optimizer, l2=l2)
    member = tiny_member(data, h, hidden_units=(4,), batch_norm=batch_norm, learning_rates=constant_rate(alpha))
    shift = {"beta1": 0.0} if batch_norm else {"b1": 0.0}
    set_parameters(member, b2=0.5, **shift)
    before = member.state.copy()
    advance(member, data, epochs=3)
    shrunk = (1 - alpha * l2 / m) ** 3
    size = member.layout.weights_size
    np.testing.assert_allclose(member.state.parameters[:size], shrunk * before.parameters[:size], rtol=1e-14)
    assert member.state.parameters[size:].tobytes() == before.parameters[size:].tobytes()


def test_the_cost_holds_lambda_over_two_m_times_the_squared_weights() -> None:
    data = tiny_data()
    costs = []
    for l2 in (0.0, 5.0):
        member = tiny_member(data, Hyperparameters(l2=l2), batch_norm=True)
        costs.append(ENGINE.cost_and_gradient(member, data.train_inputs, data.train_targets)[0])
        [record] = advance(tiny_member(data, Hyperparameters(l2=l2), batch_norm=True), data)
        assert record.train_cost == pytest.approx(costs[-1], abs=1e-14)
    weights = member.state.parameters[: member.layout.weights_size]
    assert costs[1] - costs[0] == pytest.approx(5.0 / (2 * 33) * (weights**2).sum(), abs=1e-14)
    assert ENGINE.measure(member, data.dev_inputs, data.dev_targets) == ENGINE.measure(
        tiny_member(data, Hyperparameters(), batch_norm=True), data.dev_inputs, data.dev_targets
    )


def test_dropout_keeps_the_expectation_of_what_a_layer_is_fed() -> None:
    """With linear units and squared loss at W = 1, b = 0, y = 0 a row's z is the mean of its kept inputs, scaled: 1 on average."""
    rows, units, keep_prob = 2000, 20, 0.8
    data = data_of(np.ones((rows, units)), np.zeros((rows, 1)))
    h = Hyperparameters(loss="squared", optimizer="gd", batch_size=100, input_keep_prob=keep_prob)
    member = tiny_member(data, h, hidden_units=(), learning_rates=constant_rate(0.0))
    set_parameters(member, W1=1 / units, b1=0.0)
    [record] = advance(member, data)
    variance = (1 - keep_prob) / keep_prob / units
    # E[z^2] = 1 + variance, so the cost is half of that; the deviation of a mean of 2,000 such squares is about 2 sqrt(variance/2,000).
    assert record.train_cost == pytest.approx((1 + variance) / 2, abs=4 * math.sqrt(variance / rows))
    # Scoring drops nothing.
    assert record.dev_loss == pytest.approx(0.5, abs=1e-12)


def test_keep_prob_one_is_no_dropout_to_the_last_bit() -> None:
    data = tiny_data(dtype=np.float32)
    members = [tiny_member(data, Hyperparameters(batch_size=8, keep_prob=keep_prob)) for keep_prob in ((), (1.0, 1.0))]
    first, second = (bits_of(member, advance(member, data, epochs=2)) for member in members)
    assert first == second


# Optimisers


@pytest.mark.parametrize(
    ("optimizer", "options", "expected"),
    [
        # Cost b^2/2, so the gradient is b itself. From b = 1, rate 0.1, two steps:
        ("gd", {}, [0.9, 0.81]),
        # v = 0.5, vhat = 0.5/0.5 = 1; then v = 0.25 + 0.45 = 0.7, vhat = 0.7/0.75.
        ("momentum", {}, [0.9, 0.9 - 0.1 * 0.7 / 0.75]),
        # v = 0.5; then v = 0.25 + 0.475 = 0.725.
        ("momentum", {"bias_correction": False}, [0.95, 0.8775]),
        # v = 1; then v = 0.5 + 0.9 = 1.4.
        ("momentum_sum", {}, [0.9, 0.76]),
        # v = 1, step 1 + 0.5; then v = 0.5 + 0.85 = 1.35, step 0.85 + 0.675.
        ("nesterov", {}, [0.85, 0.6975]),
        # s = 0.25, step 1/0.5; then s = 0.1875 + 0.16 = 0.3475.
        ("rmsprop", {}, [0.8, 0.8 - 0.08 / math.sqrt(0.3475)]),
        # mhat = shat = 1; then m = 0.7, s = 0.1875 + 0.2025 = 0.39, corrected by 0.75 and 0.4375.
        ("adam", {}, [0.9, 0.9 - 0.1 * (0.7 / 0.75) / math.sqrt(0.39 / 0.4375)]),
        ("adamw", {}, [0.9, 0.9 - 0.1 * (0.7 / 0.75) / math.sqrt(0.39 / 0.4375)]),
        # m = 0.5, s = 0.25, step 1; then m = 0.25 + 0.45, s = 0.39.
        ("adam", {"bias_correction": False}, [0.9, 0.9 - 0.1 * 0.7 / math.sqrt(0.39)]),
    ],
)
def test_two_steps_by_hand(optimizer: str, options: dict, expected: list[float]) -> None:
    data = data_of(np.zeros((1, 1)), np.zeros((1, 2)))
    h = Hyperparameters(loss="squared", optimizer=optimizer, momentum=0.5, beta1=0.5, beta2=0.75, eps=1e-15, **options)
    member = tiny_member(data, h, hidden_units=(), learning_rates=constant_rate(0.1))
    set_parameters(member, b1=[1.0, -1.0])
    for value in expected:
        advance(member, data)
        np.testing.assert_allclose(parameter(member, "b1"), [value, -value], rtol=1e-12)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "adamw"])
def test_eps_is_added_to_the_root(optimizer: str) -> None:
    """Gradient 1, so sqrt(s) is sqrt(1 - beta2) for rmsprop and, corrected, 1 for adam."""
    data = data_of(np.zeros((1, 1)), np.zeros((1, 1)))
    h = Hyperparameters(loss="squared", optimizer=optimizer, beta2=0.75, eps=0.5)
    member = tiny_member(data, h, hidden_units=(), learning_rates=constant_rate(0.1))
    set_parameters(member, b1=1.0)
    advance(member, data)
    root = 0.5 if optimizer == "rmsprop" else 1.0
    assert parameter(member, "b1")[0] == pytest.approx(1 - 0.1 / (root + 0.5))


# Training


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_separable_toy_is_learned(optimizer: str, dtype: type[np.floating]) -> None:
    draw = np.random.default_rng(1)
    labels = draw.integers(0, 3, 300)
    inputs = (draw.normal(size=(300, 2)) * 0.3 + np.array([[0, 2], [2, 0], [-2, -2]])[labels]).astype(dtype)
    data = TrainingData(train_inputs=inputs[:200], train_targets=labels[:200], dev_inputs=inputs[200:], dev_targets=labels[200:])
    member = tiny_member(
        data, Hyperparameters(optimizer=optimizer, batch_size=32), hidden_units=(8,), activation="relu", batch_norm=True,
        learning_rates=constant_rate(0.02),
    )  # fmt: skip
    records = advance(member, data, epochs=60)
    assert records[-1].dev_error == 0
    assert records[-1].train_error == 0
    assert records[-1].train_cost < 0.3 * records[0].train_cost


@pytest.mark.parametrize("l2", [0.0, 3.0])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_cost_falls_at_every_step_of_full_batch_gradient_descent(loss: str, batch_norm: bool, l2: float) -> None:
    data = tiny_data(loss)
    h = Hyperparameters(loss=loss, optimizer="gd", batch_size=data.num_rows, l2=l2)
    # The absolute loss has kinks: only a rate well below what its corners allow falls at every step.
    member = tiny_member(data, h, batch_norm=batch_norm, learning_rates=constant_rate(0.005 if loss == "absolute" else 0.05))
    costs = curve(advance(member, data, epochs=60))[:, 0]
    assert (np.diff(costs) < 0).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_cost_falls_at_every_step_with_every_activation(activation: str) -> None:
    data = tiny_data()
    h = Hyperparameters(optimizer="gd", batch_size=data.num_rows)
    member = tiny_member(data, h, activation=activation, learning_rates=constant_rate(0.02))
    costs = curve(advance(member, data, epochs=60))[:, 0]
    assert (np.diff(costs) < 0).all()


def test_the_training_cost_is_the_mean_over_rows_as_trained() -> None:
    """With a rate of 0 the weighted mean over mini-batches, the short last one too, is the cost over all rows."""
    data = tiny_data(rows=33)
    member = tiny_member(data, Hyperparameters(batch_size=8, l2=2.0), learning_rates=constant_rate(0.0))
    [record] = advance(member, data)
    cost, _ = ENGINE.cost_and_gradient(member, data.train_inputs, data.train_targets)
    _, error = ENGINE.measure(member, data.train_inputs, data.train_targets)
    assert record.train_cost == pytest.approx(cost, abs=1e-14)
    assert record.train_error == pytest.approx(error, abs=1e-14)


@pytest.mark.parametrize("factor", [1, 3])
def test_a_row_of_weight_three_is_three_rows(factor: int) -> None:
    data = tiny_data("squared", rows=10)
    h = Hyperparameters(loss="squared", optimizer="gd")
    twice = np.repeat(np.arange(10), [factor, *[1] * 9])
    repeated = data_of(data.train_inputs[twice], data.train_targets[twice])
    weights = np.array([factor, *[1.0] * 9]) * 10 / (9 + factor)
    weighted = TrainingData(
        train_inputs=data.train_inputs, train_targets=data.train_targets, train_weights=weights,
        dev_inputs=data.train_inputs, dev_targets=data.train_targets, dev_weights=weights,
    )  # fmt: skip
    members = [tiny_member(data, h) for _ in range(2)]
    expected, got = (curve(advance(member, part, epochs=5)) for member, part in zip(members, (repeated, weighted), strict=True))
    np.testing.assert_allclose(got, expected, atol=1e-13)
    np.testing.assert_allclose(members[0].state.parameters, members[1].state.parameters, atol=1e-13)


# A trial's bits


@pytest.mark.parametrize("regulariser", REGULARISERS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_two_epochs_are_twice_one_epoch(optimizer: str, regulariser: str) -> None:
    data = tiny_data(dtype=np.float32)
    h = Hyperparameters(optimizer=optimizer, batch_size=8, **REGULARISERS[regulariser])
    at_once, in_two = (tiny_member(data, h, batch_norm=True) for _ in range(2))
    expected = bits_of(at_once, advance(at_once, data, epochs=2))
    first = advance(in_two, data)
    in_two.state = in_two.state.copy()
    assert bits_of(in_two, first + advance(in_two, data)) == expected


def crowd(data: TrainingData, *, only: int | None = None) -> list[Member]:
    """64 members of every kind; or one of them alone."""
    members = []
    for trial in range(64) if only is None else [only]:
        h = Hyperparameters(
            optimizer=OPTIMIZERS[trial % 7],
            batch_size=(16, 32, 64)[trial % 3],
            l2=float(trial % 2),
            keep_prob=(0.8, 0.9) if trial % 5 == 0 else (),
        )
        members.append(
            tiny_member(
                data, h, hidden_units=(16 + trial % 9, 12), activation=ACTIVATIONS[trial % 8], batch_norm=trial % 4 < 2, trial=trial
            )
        )
    return members


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_trial_is_the_same_alone_and_among_sixty_three_on_one_thread_and_two(dtype: type[np.floating]) -> None:
    data = tiny_data(dtype=dtype, rows=150, num_inputs=20)
    alone = []
    for trial in range(64):
        [member] = crowd(data, only=trial)
        alone.append(bits_of(member, advance(member, data, epochs=2)))
    assert len(set(alone)) == 64
    together = crowd(data)
    results = ENGINE.advance(together, data, epochs=2)
    assert [bits_of(*pair) for pair in zip(together, results, strict=True)] == alone
    threaded = crowd(data)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda member: advance(member, data, epochs=2), threaded))
    assert [bits_of(*pair) for pair in zip(threaded, results, strict=True)] == alone


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_diverged_trial_ends_with_a_cost_that_is_not_finite_and_disturbs_no_other(loss: str, dtype: type[np.floating]) -> None:
    data = tiny_data(loss, dtype)
    h = Hyperparameters(loss=loss, optimizer="gd", batch_size=8)

    def sound() -> Member:
        return tiny_member(data, h, activation="relu", trial=1)

    rate = constant_rate(1e30 if dtype is np.float32 else 1e200)
    members = [tiny_member(data, h, activation="relu", learning_rates=rate), sound()]
    diverged, records = ENGINE.advance(members, data, epochs=5)
    assert not math.isfinite(diverged[-1].train_cost) or not math.isfinite(diverged[-1].dev_loss)
    assert len(diverged) < 5
    assert all(math.isfinite(record.train_cost) for record in diverged[:-1])
    alone = sound()
    assert bits_of(members[1], records) == bits_of(alone, advance(alone, data, epochs=5))
    assert np.isfinite(curve(records)).all()


def test_a_start_and_its_batches_follow_from_the_seed_alone() -> None:
    data = tiny_data(dtype=np.float32)
    h = Hyperparameters(batch_size=8)
    first, again, other = (tiny_member(data, h, trial=trial) for trial in (1, 1, 2))
    bits = [bits_of(member, advance(member, data, epochs=2)) for member in (first, again, other)]
    assert bits[0] == bits[1] != bits[2]
    other = tiny_member(data, h, trial=1)
    other.seed = Seed(study=other.seed.study, trial=2)
    assert bits_of(other, advance(other, data, epochs=2)) != bits[0], "the same start with another seed sees other batches"


def test_data_that_may_not_be_written_to_trains() -> None:
    data = tiny_data(dtype=np.float32)
    for array in (data.train_inputs, data.train_targets, data.dev_inputs, data.dev_targets):
        array.flags.writeable = False
    member = tiny_member(data, Hyperparameters(batch_size=8))
    assert np.isfinite(curve(advance(member, data))).all()


def test_a_deep_start_keeps_the_size_of_the_signal() -> None:
    """He's variance holds the mean square of a relu layer's z at about that of its input, through 6 layers of 200 units."""
    network = NetworkSpec(num_inputs=200, hidden_units=(200,) * 6, num_outputs=200, output="linear")
    layout, seed = Layout(network), Seed(study=1, trial=0)
    member = Member(
        network=network, layout=layout, hyperparameters=Hyperparameters(loss="squared"), state=initial_state(layout, seed), seed=seed,
        learning_rates=lambda _, steps: np.zeros(steps),
    )  # fmt: skip
    inputs = np.random.default_rng(0).normal(size=(200, 200)).astype(np.float32)
    z = ENGINE.score(member, inputs)
    # z of the first layer has mean square 2; that of the output, which counts as linear (variance 1/n_in), half of it.
    assert 0.5 < (z**2).mean() < 2
