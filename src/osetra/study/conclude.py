"""The end of a study: the best weights become a model, measured on dev and, once, on test; saved; recorded.

Knows nothing of: how trials were found.
"""

from collections.abc import Mapping, Sequence
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
from osetra.engines.port import Member
from osetra.models.ensemble import Ensemble, build_ensemble
from osetra.models.files import remove_leftovers, save
from osetra.models.model import Model
from osetra.models.predictor import Predictor
from osetra.study.evaluate import evaluate
from osetra.study.handle import Study
from osetra.study.measure import measure
from osetra.study.past import Past
from osetra.study.table import PreparedTable
from osetra.study.terms import Found


def conclude(
    table: PreparedTable,
    record: StudyRecord,
    found: Found,
    store: Store,
    folder: Path | None,
    *,
    more: Mapping[str, Any] | None = None,
    ensemble: int = 0,
    past: Past | None = None,
) -> Study:
    """Close the record of a study whose search has ended. Raises StudyError if there is nothing to make a model of.

    past: what the store holds of a study that went on; a model that lies in `folder` then is its own.
    more: facts of the search for the record. ensemble: choices of an ensemble of the networks that were kept, which becomes the study's
    model if it is the better one on rows that had no say in choosing; 0: the best trial alone.
    """
    past = past or Past()
    facts: dict[str, Any] = {
        **record.facts,
        "ended": found.ended,
        "seconds": found.seconds,
        "epochs": found.epochs,
        "trials": len(found.trials),
        "divergence": diverging_region(found.trials),
        **(more or {}),
    }
    best = found.best
    if best is None or found.member is None:
        reason = _why_nothing(found.trials, is_interrupted=found.interrupted)
        state = State.STOPPED if found.interrupted else State.FAILED
        store.update_study(replace(record, state=state, reason=reason, finished=datetime.now(UTC), facts=facts))
        raise StudyError(f"study {record.name!r} has no model: {reason}")
    model: Model | Ensemble = _model(table, record, best, found.member)
    facts["ensemble"] = None
    if ensemble:
        joined = _ensemble(table, record, found, size=ensemble)
        is_better = len(joined.members) > 1 and joined.facts["ensemble"]["gain"]["difference"] < 0
        facts["ensemble"] = {**joined.facts["ensemble"], "is_model": is_better}
        if is_better:
            facts["single"] = {part: model.facts[part] for part in ("dev", "test")}
            model = joined
    facts |= {
        "best": best.number,
        "dev": model.facts["dev"],
        "test": model.facts["test"],
        "train_error": best.train_error,
        "model": None if folder is None else str(folder),
    }
    if folder is not None:
        try:
            if past.is_known:
                remove_leftovers(folder)
            save(model, folder, overwrite=past.is_known)
        except ModelError as error:
            facts["model"] = None
            store.update_study(replace(record, state=State.FAILED, reason=str(error), finished=datetime.now(UTC), facts=facts))
            raise
    facts["evaluation"] = evaluate(model, table)
    if model.facts["test"] is not None:
        tested = Event(trial=best.number, epoch=best.best_epoch, kind="tested", detail=model.facts["test"], at=datetime.now(UTC))
        store.record(record.name, events=past.new_events([tested]))
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
        save(_model(table, record, found.best, found.member), folder)
    except (ModelError, OSError) as error:
        return f"Nor could the best model so far be saved: {error}"
    return f"The best model so far, of trial {found.best.number}, is saved in {folder}"


def _model(table: PreparedTable, record: StudyRecord, trial: Trial, member: Member) -> Model:
    parameters, running = member.state.scored
    model = Model(
        preparation=table.preparation,
        network=member.network,
        parameters=parameters,
        running=running,
        feature_names=table.dataset.feature_names,
        batch_norm_eps=member.hyperparameters.batch_norm_eps,
    )
    of_trial = {"trial": trial.number, "configuration": dict(trial.configuration), "epoch": trial.best_epoch}
    return replace(model, facts=_facts(table, record, model) | of_trial)


def _ensemble(table: PreparedTable, record: StudyRecord, found: Found, *, size: int) -> Ensemble:
    trials = {trial.number: trial for trial in found.trials}
    members = [_model(table, record, trials[number], member) for number, member in found.members.items()]
    part = table.split.dev
    weights = None if table.weights is None else table.weights[part]
    joined = build_ensemble(
        members, table.training.dev_inputs, table.training.dev_targets, weights, size=size, seed=record.seed
    )  # fmt: skip
    return replace(joined, facts={**joined.facts, **_facts(table, record, joined)})


def _facts(table: PreparedTable, record: StudyRecord, model: Predictor) -> dict[str, Any]:
    """What a model says of itself: where it comes from, and its errors."""
    from osetra import __version__

    def measured(part: np.ndarray) -> dict[str, Any] | None:
        weights = None if table.weights is None else table.weights[part]
        return measure(model, table.dataset.table(part), weights=weights).to_dict() if len(part) else None

    return {
        "study": record.name,
        "error_name": record.error_name,
        "dev": measured(table.split.dev),
        "test": measured(table.split.test),
        "osetra": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _why_nothing(trials: Sequence[Trial], *, is_interrupted: bool) -> str:
    if not trials:
        return "it was interrupted before a trial began" if is_interrupted else "no trial could begin within the budget; give it more time"
    if len(trials) == 1 and trials[0].state is TrialState.DIVERGED:
        rate = float(trials[0].configuration.get("learning_rate", 0.0))
        lower = f"--set learning_rate={rate / 10:.2g}" if rate else "--set learning_rate=0.001"
        return f"trial {trials[0].number} diverged ({trials[0].reason}); lower the learning rate, for example {lower}"
    if all(trial.state is TrialState.DIVERGED for trial in trials):
        return f"all {len(trials)} trials diverged; lower the learning rate, for example --set learning_rate='log(1e-5, 1e-3)'"
    failed = [trial for trial in trials if trial.state is TrialState.FAILED]
    if failed:
        return f"{len(failed)} of {len(trials)} trials failed, the first with: {failed[0].reason}"
    if is_interrupted:
        return "it was interrupted before a trial had completed an epoch"
    return "no trial completed an epoch within the budget; give it more time"
