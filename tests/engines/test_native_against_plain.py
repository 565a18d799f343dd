"""The compiled engine against the plain PyTorch loop: same start, same batches, same parameters and curve after 20 steps.

float64 is held to 1e-11, relative to the largest parameter where that exceeds 1: 20 steps of a few roundings (2e-16) each, and room
for the network to enlarge them. In float32 the compiled engine is held to the float64 result of the plain one: each step may add one
rounding of the largest parameter for each of its four parts (forward, backward, moments, update).

Adam and RMSprop divide by sqrt(s) + eps. Some gradients are exactly 0 in mathematics (beta of a layer that feeds a second batch norm
through a linear activation) and rounding noise in fact; with the usual eps of 1e-8 the division turns noise into whole steps, of
either engine, along directions that change nothing. Here eps is 1e-3, so that noise stays noise.
"""

from functools import cache

import numpy as np
import pytest

from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import LOSSES, OPTIMIZERS, Hyperparameters, Member, TrainingData
from osetra.network.spec import ACTIVATIONS

from .members import curve, steps_an_epoch, tiny_data, tiny_member

pytest.importorskip("torch", reason="the reference needs PyTorch: pip install 'osetra[torch]'")

from osetra.engines.plain import PlainEngine

EXACT = 1e-11
ENGINES = {"native": NativeEngine(), "plain": PlainEngine()}
REGULARISERS = {
    "none": {},
    "l2": {"l2": 3.0},
    "dropout": {"keep_prob": (0.8, 0.9), "input_keep_prob": 0.9},
    "l2+dropout": {"l2": 3.0, "keep_prob": (0.8, 0.9), "input_keep_prob": 0.9},
}


@cache
def trained(
    engine: str, dtype: type[np.floating], optimizer: str, batch_norm: bool, activation: str, regulariser: str
) -> tuple[Member, np.ndarray]:
    """A member after 4 epochs of 5 steps, the last of each on a batch of one row, and its curve."""
    data = tiny_data(dtype=dtype, rows=33)
    h = Hyperparameters(optimizer=optimizer, batch_size=8, eps=1e-3, beta2=0.99, **REGULARISERS[regulariser])
    member = tiny_member(data, h, activation=activation, batch_norm=batch_norm)
    [records] = ENGINES[engine].advance([member], data, epochs=4)
    assert member.state.step == 20
    return member, curve(records)


def assert_close(native: tuple[Member, np.ndarray], plain: tuple[Member, np.ndarray], tolerance: float) -> None:
    """Parameters, moments and curve within `tolerance` of the plain engine's, relative to the largest number where that exceeds 1."""
    for name in ("parameters", "first_moment", "second_moment", "running", "averaged"):
        ours, theirs = getattr(native[0].state, name), getattr(plain[0].state, name).astype(np.float64)
        assert np.isfinite(theirs).all()
        scale = max(1.0, float(np.abs(theirs).max(initial=0.0)))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * scale, err_msg=name)
    assert (native[0].state.step, native[0].state.epoch) == (plain[0].state.step, plain[0].state.epoch)
    np.testing.assert_allclose(native[1], plain[1], rtol=tolerance, atol=tolerance, err_msg="curve")


def float32_tolerance(steps: int) -> float:
    return 4 * steps * float(np.finfo(np.float32).eps)


@pytest.mark.parametrize("regulariser", REGULARISERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain_z", "batch_norm"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
class TestEveryCombination:
    def test_float64_agrees_to_rounding(self, optimizer: str, batch_norm: bool, activation: str, regulariser: str) -> None:
        combination = (np.float64, optimizer, batch_norm, activation, regulariser)
        assert_close(trained("native", *combination), trained("plain", *combination), EXACT)

    def test_float32_strays_by_its_roundings_only(self, optimizer: str, batch_norm: bool, activation: str, regulariser: str) -> None:
        combination = (optimizer, batch_norm, activation, regulariser)
        ours, theirs = trained("native", np.float32, *combination), trained("plain", np.float64, *combination)
        assert_close(ours, theirs, float32_tolerance(20))


def both(data: TrainingData, h: Hyperparameters, *, epochs: int = 4, **network: object) -> dict[str, tuple[Member, np.ndarray]]:
    """The same member trained by each engine."""
    result = {}
    for name, engine in ENGINES.items():
        member = tiny_member(data, h, **network)  # pyright: ignore[reportArgumentType]
        [records] = engine.advance([member], data, epochs=epochs)
        result[name] = (member, curve(records))
    return result


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain_z", "batch_norm"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_agrees(loss: str, smoothing: float, batch_norm: bool, weighted: bool) -> None:
    data = tiny_data(loss, weighted=weighted)
    h = Hyperparameters(loss=loss, batch_size=8, eps=1e-3, l2=1.0, label_smoothing=smoothing, huber_delta=0.7, input_keep_prob=0.8)
    result = both(data, h, batch_norm=batch_norm)
    assert_close(result["native"], result["plain"], EXACT)


@pytest.mark.parametrize("hidden_units", [(), (4, 3, 5, 4)], ids=["depth_0", "depth_4"])
@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain_z", "batch_norm"])
@pytest.mark.parametrize("batch_size", [1, 7, 33, 1000])
def test_every_depth_and_batch_size_agrees(hidden_units: tuple[int, ...], batch_norm: bool, batch_size: int) -> None:
    data = tiny_data()
    h = Hyperparameters(batch_size=batch_size, eps=1e-3, keep_prob=(0.9,) * len(hidden_units))
    result = both(data, h, hidden_units=hidden_units, batch_norm=batch_norm)
    assert result["native"][0].state.step == 4 * steps_an_epoch(data, h)
    assert_close(result["native"], result["plain"], EXACT)


SHAPES = [
    # A million multiply-adds and more a product, which the compiled engine may cut into pieces of rows.
    *[(105, (128, 128), 100), (105, (128, 128), 251), (300, (130, 130), 64)],
    # Widths of one, two and three vectors of 16, which it may multiply by tiles of 8, 4 and 1 rows; the last batch has one row.
    *[(16, (48, 16, 32), 61), (33, (32, 16, 48), 14), (48, (16, 20, 32), 7), (32, (64, 48, 17), 8)],
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("num_inputs", "hidden_units", "batch_size"), SHAPES, ids=str)
def test_products_of_every_shape_agree(num_inputs: int, hidden_units: tuple[int, ...], batch_size: int, dtype: type[np.floating]) -> None:
    data = tiny_data(dtype=dtype, rows=2 * batch_size + 1, num_inputs=num_inputs, num_outputs=10)
    h = Hyperparameters(batch_size=batch_size, eps=1e-3)
    result = both(data, h, epochs=2, hidden_units=hidden_units, batch_norm=True)
    # In float32 both engines round the sums of some hundred terms, each in its own order.
    assert_close(result["native"], result["plain"], EXACT if dtype is np.float64 else 1e-4)


OPTIMIZER_OPTIONS = [
    *[(optimizer, {}) for optimizer in OPTIMIZERS],
    *[(optimizer, {"bias_correction": False}) for optimizer in ("momentum", "adam", "adamw")],
    *[(optimizer, {"momentum": 0.0}) for optimizer in ("momentum", "momentum_sum", "nesterov")],
    ("adam", {"beta1": 0.0, "beta2": 0.5}),
    ("rmsprop", {"beta2": 0.5}),
]


@pytest.mark.parametrize(("optimizer", "options"), OPTIMIZER_OPTIONS, ids=str)
def test_a_checkpoint_moves_between_engines(optimizer: str, options: dict) -> None:
    """10 steps of one engine and 10 of the other are 20 of either, in both orders."""
    data = tiny_data()
    h = Hyperparameters(optimizer=optimizer, batch_size=8, **{"eps": 1e-3, "l2": 2.0, "keep_prob": (0.9, 0.9), **options})
    result = both(data, h, batch_norm=True)
    assert_close(result["native"], result["plain"], EXACT)
    for first, second in (("native", "plain"), ("plain", "native")):
        member = tiny_member(data, h, batch_norm=True)
        [begun] = ENGINES[first].advance([member], data, epochs=2)
        member.state = member.state.copy()
        [ended] = ENGINES[second].advance([member], data, epochs=2)
        assert [record.epoch for record in begun + ended] == [1, 2, 3, 4]
        assert_close((member, curve(begun + ended)), result["plain"], EXACT)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain_z", "batch_norm"])
@pytest.mark.parametrize("loss", LOSSES)
def test_scores_measures_costs_and_gradients_agree(loss: str, batch_norm: bool, dtype: type[np.floating]) -> None:
    data = tiny_data(loss, dtype, rows=40)
    h = Hyperparameters(loss=loss, optimizer="gd", batch_size=8, l2=2.0, keep_prob=(0.5, 0.5))
    member = tiny_member(data, h, activation="gelu", batch_norm=batch_norm)
    ENGINES["plain"].advance([member], data)  # so that batch norm has moments of its own
    native, plain = ENGINES["native"], ENGINES["plain"]
    rtol, atol = (1e-11, 1e-11) if dtype is np.float64 else (1e-5, 2e-6)
    inputs, targets = data.train_inputs, data.train_targets
    before = member.state.copy()
    ours, theirs = (engine.score(member, inputs) for engine in (native, plain))
    assert ours.dtype == theirs.dtype == dtype
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)
    ours, theirs = (engine.measure(member, inputs, targets, error_scale=3.0) for engine in (native, plain))
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)
    (cost, gradient), (expected, expected_gradient) = (
        engine.cost_and_gradient(member, inputs, targets, num_rows=100) for engine in (native, plain)
    )
    np.testing.assert_allclose(cost, expected, rtol=rtol, atol=atol)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=rtol, atol=atol)
    assert before.parameters.tobytes() == member.state.parameters.tobytes()
    assert before.running.tobytes() == member.state.running.tobytes()
