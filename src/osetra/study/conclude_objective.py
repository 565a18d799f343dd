"""The end of a study of an objective: its record says how it ended and what was best.

Knows nothing of: how trials were found.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from osetra.core.errors import StudyError
from osetra.core.ports import Store
from osetra.core.records import Study as StudyRecord
from osetra.core.records import StudyState as State
from osetra.core.records import Trial, TrialState
from osetra.diagnosis.divergence import diverging_region
from osetra.study.handle import Study
from osetra.study.objective_loop import ObjectiveFound


def conclude_objective(record: StudyRecord, found: ObjectiveFound, store: Store, *, sentences: Sequence[str]) -> Study:
    """Close the record of a study whose search has ended. sentences: what that said. Raises StudyError if no trial came to a value."""
    facts = {
        **record.facts,
        "ended": found.ended,
        "seconds": found.seconds,
        "epochs": found.epochs,
        "trials": len(found.trials),
        "divergence": diverging_region(found.trials),
        "sentences": list(sentences),
    }
    if found.best is None:
        reason = "interrupted before a trial came to a value" if found.interrupted else _why_nothing(found.trials)
        state = State.STOPPED if found.interrupted else State.FAILED
        store.update_study(replace(record, state=state, reason=reason, finished=datetime.now(UTC), facts=facts))
        error = StudyError(f"study {record.name!r} has no value: {reason}")
        if found.traceback:
            error.add_note(f"The first of them:\n{found.traceback}")
        raise error
    facts["best"] = found.best.number
    state = State.STOPPED if found.interrupted else State.FINISHED
    record = replace(record, state=state, reason=found.ended, finished=datetime.now(UTC), facts=facts)
    store.update_study(record)
    return Study(record, store)


def _why_nothing(trials: Sequence[Trial]) -> str:
    if not trials:
        return "no trial could begin within the budget; give it more time"
    failed = [trial for trial in trials if trial.state is TrialState.FAILED]
    if failed:
        return f"{len(failed)} of {len(trials)} trials failed, the first with: {failed[0].reason}"
    if all(trial.state is TrialState.DIVERGED for trial in trials):
        return f"all {len(trials)} trials came to values that are not finite; narrow the space"
    return "no trial came to a value within the budget; give it more time"
