"""A search that was asked and told in an earlier run is told it all again, in the order in which it was recorded.

Knows nothing of: who asks, where values come from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from osetra.core.errors import StudyError
from osetra.core.ports import Job, Search, Store
from osetra.core.records import Trial, TrialState
from osetra.study.past import Past

TOLD = frozenset({TrialState.PAUSED, TrialState.FINISHED, TrialState.STOPPED, TrialState.DIVERGED, TrialState.FAILED})
CLOSED = "the study was closed"
"""Why the trials are stopped that wait, or were never told, when a study is closed: nobody told that of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retold:
    """Where an earlier run had come to."""

    trials: Sequence[Trial]
    out: Sequence[Job]
    """Asked and not told, in the order in which they were asked."""


def retell(store: Store, study: str, search: Search) -> Retold:
    """Ask and tell a new search what an earlier one was asked and told.

    Raises StudyError if it comes to other trials than are recorded.
    """
    past = Past.of(store, study)
    out: dict[int, Job] = {}
    states: dict[int, TrialState] = {}
    for event in store.events(study):
        number = event.trial
        if number is None:
            continue
        if event.kind in ("started", "promoted"):
            job = search.ask()
            if job is None or (job.trial, job.start) != (number, event.epoch) or job.configuration != past.trials[number].configuration:
                came = "no trial" if job is None else f"trial {job.trial} from epoch {job.start} with {dict(job.configuration)}"
                raise StudyError(
                    f"a study that goes on must come to the same trials, got {came} where trial {number} from epoch {event.epoch} with "
                    f"{dict(past.trials[number].configuration)} is recorded: its search is another one now, or of another version; "
                    "begin a study of another name"
                )
            out[number], states[number] = job, TrialState.RUNNING
        elif event.kind in TOLD and number in out and not str(event.detail.get("reason", "")).startswith(CLOSED):
            job = out.pop(number)
            states[number] = TrialState(event.kind)
            values = [record.dev_error for record in past.curve(number)[job.start : event.epoch]]
            search.tell(job, values, states[number])
    return Retold(trials=[_standing(trial, states[number]) for number, trial in past.trials.items()], out=list(out.values()))


def _standing(trial: Trial, state: TrialState) -> Trial:
    """As it was before a close that broke off half-way."""
    return trial if trial.state is state else replace(trial, state=state, reason="")
