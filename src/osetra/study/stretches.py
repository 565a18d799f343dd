"""How a stretch of an objective's trial ended in an earlier run, as far as the store knows.

Knows nothing of: who calls objectives, searches.
"""

import math
from dataclasses import dataclass

from osetra.core.errors import StudyError
from osetra.core.ports import Job
from osetra.core.records import TrialState
from osetra.study.past import Past

ENDED = (TrialState.FINISHED, TrialState.FAILED, TrialState.DIVERGED)
"""What a trial comes to by itself; it is stopped only as its study ends, and goes on with that."""
LAST_REPORT, ONE_VALUE = "reported its last epoch", "returned its value"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Of one stretch."""

    state: TrialState
    """Paused where the trial could go on."""
    reason: str
    is_recorded: bool
    """Whether the store says so; else it follows from the epochs recorded, and the call itself may not have ended."""


def require_same(past: Past, job: Job) -> None:
    """Raises StudyError if the search begins a trial with another configuration than is recorded: nothing recorded would be of use."""
    known = past.trials.get(job.trial)
    if known is not None and dict(known.configuration) != dict(job.configuration):
        raise StudyError(
            f"a study that goes on must come to the same trials, got {dict(job.configuration)} for trial {job.trial}, recorded with "
            f"{dict(known.configuration)}: its search is another one now, or of another version; begin a study of another name"
        )


def end_of(past: Past, job: Job, *, last: int, has_epochs: bool) -> End | None:
    """How a stretch ended; None: that is not known, so that the objective has to be called for it.

    last: the most epochs of a trial. has_epochs: whether objectives report; else they return their one value.
    """
    trial = past.trials.get(job.trial)
    if trial is None:
        return None
    curve = past.curve(job.trial)
    diverged_at = next((record.epoch for record in curve[job.start : job.until] if math.isnan(record.dev_error)), None)
    if diverged_at is not None:
        is_recorded = trial.state is TrialState.DIVERGED
        # A trial whose call had not ended has its reason already, with the epoch (see the loop).
        reason = trial.reason if is_recorded or trial.state is TrialState.RUNNING else ""
        return End(
            state=TrialState.DIVERGED, reason=reason or f"the value was nan after epoch {diverged_at}", is_recorded=is_recorded
        )  # fmt: skip
    waits = End(state=TrialState.PAUSED, reason=f"waits at epoch {job.until}", is_recorded=True)
    if len(curve) > job.until or job.until in past.promoted.get(job.trial, ()):
        return waits
    if trial.state in ENDED:
        return End(state=trial.state, reason=trial.reason, is_recorded=True)
    if len(curve) < job.until:
        return None
    if job.until < last:
        return waits if trial.state is TrialState.PAUSED else End(state=waits.state, reason=waits.reason, is_recorded=False)
    told = f"{LAST_REPORT} after {job.until} of {last} epochs" if has_epochs else ONE_VALUE
    return End(state=TrialState.FINISHED, reason=told, is_recorded=False)
