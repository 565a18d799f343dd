"""Scoring is what the formulas say, whatever batch a row is in, whichever thread asks."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osetra.core.errors import ModelError
from osetra.models.score import ACTIVATE, fold, outputs
from osetra.network.layout import Layout
from osetra.network.spec import ACTIVATIONS, NetworkSpec

from .made import weights

ROWS = 1100
SIZES = [(1, (), 2), (3, (5,), 2), (16, (32, 32), 2), (31, (17, 9), 10), (64, (64, 64), 10), (100, (1, 33), 3), (784, (128,), 10)]
OUTPUT_KINDS = {"softmax": 4, "sigmoid": 1, "linear": 2}


def say(z, output="softmax"):
    """The network's last step alone: logits [rows, outputs] through an identity matrix."""
    z = np.asarray(z)
    network = NetworkSpec(num_inputs=z.shape[1], hidden_units=(), num_outputs=z.shape[1], output=output)
    layout = Layout(network)
    parameters = np.zeros(layout.size, z.dtype)
    layout.view(parameters, "W1")[:] = np.eye(z.shape[1])
    return outputs(network, layout, parameters, np.zeros(0, z.dtype), z)


@pytest.mark.parametrize("output", OUTPUT_KINDS)
@pytest.mark.parametrize("batch_norm", [False, True])
def test_folded_batch_norm_equals_the_formula_written_out(batch_norm, output):
    network = NetworkSpec(
        num_inputs=6,
        hidden_units=(9, 7),
        num_outputs=OUTPUT_KINDS[output],
        output=output,
        activations=("tanh", "sigmoid"),
        batch_norm=batch_norm,
    )
    layout, parameters, running = weights(network, dtype=np.float64)
    X = np.random.default_rng(1).normal(size=(50, 6))
    p = {name: layout.view(parameters, name) for name in layout.parameters}
    r = {name: layout.view(running, name) for name in layout.running}
    a = X
    for layer, g in ((1, np.tanh), (2, lambda z: 1 / (1 + np.exp(-z)))):
        if batch_norm:
            z_norm = (a @ p[f"W{layer}"] - r[f"mean{layer}"]) / np.sqrt(r[f"variance{layer}"] + 1e-3)
            a = g(p[f"gamma{layer}"] * z_norm + p[f"beta{layer}"])
        else:
            a = g(a @ p[f"W{layer}"] + p[f"b{layer}"])
    z = a @ p["W3"] + p["b3"]
    expected = {"softmax": np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), "sigmoid": 1 / (1 + np.exp(-z)), "linear": z}[output]

    found = outputs(network, layout, parameters, running, X, batch_norm_eps=1e-3)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    single = outputs(network, layout, parameters.astype(np.float32), running.astype(np.float32), X, batch_norm_eps=1e-3)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=2e-5, atol=2e-6)


def test_gamma_and_beta_that_undo_batch_norm_give_the_network_without_it():
    plain = NetworkSpec(num_inputs=4, hidden_units=(6,), num_outputs=3, batch_norm=False)
    normalised = NetworkSpec(num_inputs=4, hidden_units=(6,), num_outputs=3, batch_norm=True)
    layout, parameters, running = weights(normalised, dtype=np.float64)
    layout.view(parameters, "gamma1")[:] = np.sqrt(layout.view(running, "variance1") + 1e-5)
    layout.view(parameters, "beta1")[:] = layout.view(running, "mean1")
    other = Layout(plain)
    same = np.zeros(other.size)
    for name in ("W1", "W2", "b2"):
        other.view(same, name)[:] = layout.view(parameters, name)
    X = np.random.default_rng(2).normal(size=(20, 4))
    np.testing.assert_allclose(outputs(normalised, layout, parameters, running, X), outputs(plain, other, same, np.zeros(0), X), rtol=1e-12)


def check_rows_do_not_depend_on_their_batch():
    """For every size: all rows at once against slices of many lengths at many places, and rows alone."""
    draw = np.random.default_rng(3)
    for number, (num_inputs, hidden, num_outputs) in enumerate(SIZES):
        kinds = tuple(ACTIVATIONS[(number + k) % len(ACTIVATIONS)] for k in range(len(hidden)))
        for output, count in (("softmax", num_outputs), ("linear", 1)):
            network = NetworkSpec(
                num_inputs=num_inputs, hidden_units=hidden, num_outputs=count, output=output, activations=kinds, batch_norm=number % 2 == 0
            )
            folded = fold(network, *weights(network))
            X = draw.normal(size=(ROWS, num_inputs)).astype(np.float32)
            together = folded.outputs(X)
            for rows in (1, 2, 15, 16, 17, 48, 100, 495, 496, 497, ROWS):
                for start in {0, 1, 7, ROWS - rows} & set(range(ROWS - rows + 1)):
                    alone = folded.outputs(X[start : start + rows])
                    assert np.array_equal(alone, together[start : start + rows]), (network, rows, start)
            same = folded.outputs(np.repeat(X[:1], 300, axis=0))
            assert (same == same[0]).all(), network


def test_a_row_scores_to_the_same_bits_alone_and_in_any_batch():
    check_rows_do_not_depend_on_their_batch()


def test_a_row_scores_to_the_same_bits_with_the_kernel_whose_rounding_depends_on_the_place():
    flags = Path("/proc/cpuinfo")
    if not (flags.exists() and {"avx2", "fma"} <= set(flags.read_text().split())):
        pytest.skip("this processor cannot run OpenBLAS's Haswell kernel")
    code = (
        "import numpy, threadpoolctl\n"
        "from models.test_score import check_rows_do_not_depend_on_their_batch\n"
        "check_rows_do_not_depend_on_their_batch()\n"
        "print([pool.get('architecture') for pool in threadpoolctl.threadpool_info()])\n"
    )
    places = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    environment = {**os.environ, "OPENBLAS_CORETYPE": "Haswell", "PYTHONPATH": places}
    child = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    if "Haswell" not in child.stdout:
        pytest.skip(f"this NumPy has no OpenBLAS with a Haswell kernel: {child.stdout.strip()}")


def test_threads_sharing_a_network_get_the_same_bits():
    network = NetworkSpec(num_inputs=40, hidden_units=(64, 48), num_outputs=5, activations=("gelu", "silu"), batch_norm=True)
    folded = fold(network, *weights(network))
    X = np.random.default_rng(4).normal(size=(3000, 40)).astype(np.float32)
    expected = folded.outputs(X)

    def score(start):
        return start, folded.outputs(X[start : start + 777])

    with ThreadPoolExecutor(8) as pool:
        for start, found in pool.map(score, [k * 31 % 2200 for k in range(120)]):
            assert np.array_equal(found, expected[start : start + 777])


def test_softmax_of_the_notes_example():
    np.testing.assert_array_equal(np.round(say(np.array([[5.0, 2.0, -1.0, 3.0]])), 3), [[0.842, 0.042, 0.002, 0.114]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_and_sigmoid_are_stable_for_huge_logits(dtype):
    z = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, -1e4]], dtype)
    np.testing.assert_allclose(say(z), [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0]], rtol=1e-6)
    np.testing.assert_array_equal(say(z, "sigmoid"), [[1, 0, 0.5], [0, 0, 0], [1, 1, 0]])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=1, max_size=20))
def test_softmax_of_two_is_logistic_regression(logits):
    z = np.array(logits)
    logistic = 1 / (1 + np.exp(-(z[:, 1] - z[:, 0])))
    np.testing.assert_allclose(say(z), np.stack([1 - logistic, logistic], axis=1), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_equals_torch(name, dtype):
    torch = pytest.importorskip("torch")
    twins = {
        "relu": torch.relu,
        "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, 0.01),
        "elu": torch.nn.functional.elu,
        "gelu": torch.nn.functional.gelu,
        "silu": torch.nn.functional.silu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "linear": lambda z: z,
    }
    z = np.concatenate([np.linspace(-12, 12, 4801), [-1e4, -100, 0, 100, 1e4]]).astype(dtype)
    expected = twins[name](torch.from_numpy(z)).numpy()
    found = ACTIVATE[name](z)
    assert found.dtype == dtype
    precision = np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=8 * precision, atol=16 * precision)


def test_inputs_of_another_width_are_refused():
    network = NetworkSpec(num_inputs=4, hidden_units=(3,), num_outputs=2)
    layout, parameters, running = weights(network)
    with pytest.raises(ModelError, match=r"inputs must be \[rows, 4\], got \[7, 5\]; give the prepared inputs"):
        outputs(network, layout, parameters, running, np.zeros((7, 5)))
    with pytest.raises(ModelError, match=r"got \[4\]"):
        outputs(network, layout, parameters, running, np.zeros(4))


def test_parameters_of_another_network_are_refused():
    network = NetworkSpec(num_inputs=4, hidden_units=(3,), num_outputs=2, batch_norm=True)
    layout, parameters, running = weights(network)
    with pytest.raises(ModelError, match=r"has 26 parameters and 6 running moments, got \[25\] and \[6\]"):
        fold(network, layout, parameters[:-1], running)
    with pytest.raises(ModelError, match=r"got \[26\] and \[0\]"):
        fold(network, layout, parameters, running[:0])


def test_no_rows_give_no_rows():
    network = NetworkSpec(num_inputs=4, hidden_units=(3,), num_outputs=2)
    assert fold(network, *weights(network)).outputs(np.zeros((0, 4), np.float32)).shape == (0, 2)
