"""The end of a study: the best weights become a model, measured on dev and, once, on test; saved; recorded.

Knows nothing of: how trials were found.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from osetra.core.errors import ModelError, StudyError
from osetra.core.ports import Store
from osetra.core.records import Event, Trial, TrialState
from osetra.core.records import Study as StudyRecord
from osetra.core.records import StudyState as State
from osetra.diagnosis.divergence import diverging_region
from osetra.models.files import save
from osetra.models.model import Model
from osetra.study.handle import Study
from osetra.study.loop import Found
from osetra.study.measure import measure
from osetra.study.table import PreparedTable


def conclude(table: PreparedTable, record: StudyRecord, found: Found, store: Store, folder: Path | None) -> Study:
    """Close the record of a study whose search has ended. Raises StudyError if there is nothing to make a model of."""
    facts: dict[str, Any] = {
        **record.facts,
        "ended": found.ended,
        "seconds": found.seconds,
        "epochs": found.epochs,
        "trials": len(found.trials),
        "divergence": diverging_region(found.trials),
    }
    best = found.best
    if best is None or found.member is None:
        reason = _why_nothing(found.trials)
        state = State.STOPPED if found.interrupted else State.FAILED
        store.update_study(replace(record, state=state, reason=reason, finished=datetime.now(UTC), facts=facts))
        raise StudyError(f"study {record.name!r} has no model: {reason}")
    model = _model(table, record, found)
    facts |= {
        "best": best.number,
        "dev": model.facts["dev"],
        "test": model.facts["test"],
        "train_error": best.train_error,
        "model": None if folder is None else str(folder),
    }
    if folder is not None:
        try:
            save(model, folder)
        except ModelError as error:
            facts["model"] = None
            store.update_study(replace(record, state=State.FAILED, reason=str(error), finished=datetime.now(UTC), facts=facts))
            raise
    if model.facts["test"] is not None:
        tested = Event(trial=best.number, epoch=best.best_epoch, kind="tested", detail=model.facts["test"], at=datetime.now(UTC))
        store.record(record.name, events=[tested])
    state = State.STOPPED if found.interrupted else State.FINISHED
    record = replace(record, state=state, reason=found.ended, finished=datetime.now(UTC), facts=facts)
    store.update_study(record)
    return Study(record, store, model=model)


def rescue(table: PreparedTable, record: StudyRecord, found: Found, folder: Path | None) -> str:
    """Save the best model of a study whose store failed; says in a sentence what became of it."""
    if found.best is None or found.member is None:
        return "No trial had ended, so there is no model to keep"
    if folder is None:
        return f"The best trial so far was {found.best.number}, with {dict(found.best.configuration)}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        save(_model(table, record, found), folder)
    except (ModelError, OSError) as error:
        return f"Nor could the best model so far be saved: {error}"
    return f"The best model so far, of trial {found.best.number}, is saved in {folder}"


def _model(table: PreparedTable, record: StudyRecord, found: Found) -> Model:
    from osetra import __version__

    best, member = found.best, found.member
    assert best is not None
    assert member is not None
    model = Model(
        preparation=table.preparation,
        network=member.network,
        parameters=member.state.parameters,
        running=member.state.running,
        feature_names=table.dataset.feature_names,
        batch_norm_eps=member.hyperparameters.batch_norm_eps,
    )

    def measured(part: np.ndarray) -> dict[str, Any] | None:
        weights = None if table.weights is None else table.weights[part]
        return measure(model, table.dataset.table(part), weights=weights).to_dict() if len(part) else None

    facts = {
        "study": record.name,
        "trial": best.number,
        "configuration": dict(best.configuration),
        "epoch": best.best_epoch,
        "error_name": record.error_name,
        "dev": measured(table.split.dev),
        "test": measured(table.split.test),
        "osetra": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return replace(model, facts=facts)


def _why_nothing(trials: Sequence[Trial]) -> str:
    if not trials:
        return "no trial could begin within the budget; give it more time"
    if all(trial.state is TrialState.DIVERGED for trial in trials):
        return f"all {len(trials)} trials diverged; lower the learning rate, for example --set learning_rate='log(1e-5, 1e-3)'"
    failed = [trial for trial in trials if trial.state is TrialState.FAILED]
    if failed:
        return f"{len(failed)} of {len(trials)} trials failed, the first with: {failed[0].reason}"
    return "no trial completed an epoch within the budget; give it more time"
