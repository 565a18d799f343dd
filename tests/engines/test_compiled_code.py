"""Where compiled code is kept, and that it computes the same however it came to be."""

import os
import subprocess
import sys

import pytest

TRAIN = """
import hashlib
import numpy as np
from osetra.core.seeding import Seed
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import Hyperparameters, Member, TrainingData, initial_state
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec

print(NativeEngine.is_compiled())
if {child}:
    NativeEngine.compile()
inputs = np.random.default_rng(0).normal(size=(500, 20)).astype(np.float32)
labels = (inputs[:, 0] > 0).astype(np.int64)
data = TrainingData(train_inputs=inputs, train_targets=labels, dev_inputs=inputs, dev_targets=labels)
network = NetworkSpec(num_inputs=20, hidden_units=(32, 20), num_outputs=2, batch_norm=True, activations=("relu", "tanh"))
layout, seed = Layout(network), Seed(study=1, trial=2)
member = Member(
    network=network, layout=layout, hyperparameters=Hyperparameters(batch_size=64, keep_prob=(0.8, 0.9), l2=1.0), seed=seed,
    state=initial_state(layout, seed), learning_rates=lambda _, steps: np.full(steps, 0.01),
)
record = NativeEngine().advance([member], data, epochs=3)[0][-1]
print(hashlib.sha256(member.state.parameters.tobytes() + member.state.running.tobytes()).hexdigest(), record.dev_loss)
"""


def trained(cache, *, child):
    environment = os.environ | {"OSETRA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", TRAIN.replace("{child}", str(child))],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    compiled, bits = done.stdout.splitlines()
    return compiled == "True", bits


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """What the process that compiles computes, and where it kept the code."""
    cache = tmp_path_factory.mktemp("cache")
    return cache, trained(cache, child=False)


def test_code_from_disk_computes_the_bits_of_the_process_that_compiled_it(first):
    cache, (was_compiled, bits) = first
    assert not was_compiled
    assert trained(cache, child=False) == (True, bits)


def test_where_nothing_can_be_kept_the_bits_are_the_same(first, tmp_path):
    _, (_, bits) = first
    (tmp_path / "file").touch()
    assert trained(tmp_path / "file" / "cache", child=True) == (False, bits)
