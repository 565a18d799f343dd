"""The reference engine as users meet it; what it computes is held against the compiled one elsewhere."""

import subprocess
import sys

import numpy as np
import pytest

from osetra.core.errors import MissingExtra
from osetra.engines.plain import PlainEngine
from osetra.engines.port import Hyperparameters

from .members import bits_of, constant_rate, curve, tiny_data, tiny_member


def test_without_pytorch_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    engine = PlainEngine()
    data = tiny_data()
    member = tiny_member(data, Hyperparameters())
    calls = [
        lambda: engine.advance([member], data),
        lambda: engine.score(member, data.dev_inputs),
        lambda: engine.measure(member, data.dev_inputs, data.dev_targets),
        lambda: engine.cost_and_gradient(member, data.dev_inputs, data.dev_targets),
    ]
    for call in calls:
        with pytest.raises(MissingExtra, match=r'needs PyTorch, which is not installed; pip install "osetra\[torch\]"'):
            call()


def test_pytorch_is_imported_only_when_used() -> None:
    code = "import sys; from osetra.engines.plain import PlainEngine; PlainEngine(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


class TestWithPytorch:
    @pytest.fixture(autouse=True)
    def _needs_pytorch(self) -> None:
        pytest.importorskip("torch", reason="the plain engine needs PyTorch: pip install 'osetra[torch]'")

    def test_a_member_is_the_same_alone_and_among_others(self) -> None:
        data = tiny_data(dtype=np.float32)
        h = Hyperparameters(batch_size=8, keep_prob=(0.8, 0.8))
        members = [tiny_member(data, h, batch_norm=True, trial=trial) for trial in range(3)]
        results = PlainEngine().advance(members, data, epochs=2)
        alone = tiny_member(data, h, batch_norm=True, trial=1)
        [records] = PlainEngine().advance([alone], data, epochs=2)
        assert bits_of(members[1], results[1]) == bits_of(alone, records)

    def test_a_diverged_member_ends_early_and_disturbs_no_other(self) -> None:
        data = tiny_data("squared", np.float32)
        h = Hyperparameters(loss="squared", optimizer="gd", batch_size=8)
        wild = tiny_member(data, h, activation="relu", learning_rates=constant_rate(1e30))
        sound = tiny_member(data, h, activation="relu", trial=1)
        diverged, records = PlainEngine().advance([wild, sound], data, epochs=5)
        assert len(diverged) < 5
        assert not np.isfinite(diverged[-1].train_cost)
        assert np.isfinite(curve(records)).all()
        assert len(records) == 5

    def test_shared_data_is_read_and_never_written(self) -> None:
        data = tiny_data(dtype=np.float32, weighted=True)
        for array in (data.train_inputs, data.train_targets, data.train_weights, data.dev_inputs, data.dev_targets, data.dev_weights):
            assert array is not None
            array.flags.writeable = False
        member = tiny_member(data, Hyperparameters(batch_size=8))
        [records] = PlainEngine().advance([member], data)
        assert np.isfinite(curve(records)).all()
