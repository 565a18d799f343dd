"""A store may hold probes and events that say less than osetra's own, or something else: what is there is shown, and nothing raises."""

from datetime import UTC, datetime

import pytest

from osetra.core.records import EpochRecord, Event, Study, StudyState, Task, Trial, TrialState
from osetra.space import Space, log
from osetra.store.sql import open_store

from .calls import osetra_here, strict_json

LAYER = {
    "layer": 1, "gradient_norm": 0.125, "weight_norm": 5.0, "update_ratio": 0.003, "activation_mean": 0.0, "activation_deviation": 1.0,
    "dead_units": 0.25, "saturated": None,
}  # fmt: skip
ODD = {
    "says nothing": {},
    "no layers": {"layers": []},
    "layers that are none": {"layers": None},
    "layers that are a number": {"layers": 3},
    "layers that are texts": {"layers": ["first"]},
    "a layer without fields": {"layers": [{}]},
    "a layer of texts": {"layers": [{"layer": 1, "gradient_norm": "small", "dead_units": "none"}]},
}
MEASURED = {"value": 0.1, "low": 0.08, "high": 0.12, "rows": 400}
AT = datetime(2026, 3, 1, tzinfo=UTC)


def a_study(folder, *details):
    """Of one trial, with probes of these details."""
    space = Space({"learning_rate": log(1e-4, 1e-1)})
    record = Study(
        name="odd", state=StudyState.FINISHED, created=AT, finished=AT, task=Task.BINARY, target="y", source="rows.csv", seed=0,
        error_name="error rate",
        facts={
            "space": space.to_dict(), "best": 0, "dev": MEASURED, "test": None, "epochs_per_trial": 4, "patience": 2,
            "split": {"rule": "at random", "sizes": [1200, 400, 400]},
        },
    )  # fmt: skip
    trial = Trial(
        number=0, configuration={"learning_rate": 0.01, "activation": "relu"}, state=TrialState.FINISHED, epochs=1, best_epoch=1,
        dev_error=0.1, dev_loss=0.3, train_error=0.05,
    )  # fmt: skip
    curve = [EpochRecord(epoch=1, train_cost=0.5, train_error=0.1, dev_loss=0.3, dev_error=0.1, seconds=0.1)]
    events = [Event(trial=0, epoch=None, kind="probe", detail=detail, at=AT) for detail in details]
    events += [Event(trial=0, epoch=1, kind=kind, detail={}, at=AT) for kind in ("raised", "cost rose")]
    store = open_store(folder / "osetra.db")
    store.create_study(record)
    store.record("odd", trials=[trial], epochs={0: curve}, events=events)
    store.close()


@pytest.mark.parametrize("detail", ODD.values(), ids=ODD)
def test_an_odd_probe_stops_nobody_from_reading(tmp_path, detail):
    a_study(tmp_path, detail)
    shown = osetra_here(tmp_path, "show", "odd", 0).succeeded().out
    assert "best dev error rate 10.00 % at epoch 1" in shown
    facts = strict_json(osetra_here(tmp_path, "show", "odd", 0, "--json").succeeded().out)
    assert [probe["epoch"] for probe in facts["probes"]] == [0]
    assert "study odd" in osetra_here(tmp_path, "diagnose", "odd").succeeded().out.lower()
    osetra_here(tmp_path, "report", "odd").succeeded()


def test_the_last_probe_with_layers_is_shown_with_a_dash_for_what_is_not_known(tmp_path):
    lacking = {name: value for name, value in LAYER.items() if name != "weight_norm"}
    a_study(tmp_path, {"layers": [LAYER]}, {"layers": [lacking]}, {})
    row = next(line for line in osetra_here(tmp_path, "show", "odd", 0).succeeded().out.splitlines() if "0.12" in line)
    assert row.split() == ["1", "0.12", "-", "0.003", "0", "1", "25", "%", "-"]
