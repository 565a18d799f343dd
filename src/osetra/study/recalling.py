"""What is known from an earlier run is told again instead of trained.

Knows nothing of: how weights are brought back, when a slice is handed out.
"""

from collections.abc import Callable

from osetra.core.ports import Job
from osetra.core.records import TrialState
from osetra.study.past import Past
from osetra.study.terms import Plan
from osetra.study.workers import Message
from osetra.training.life import Life
from osetra.training.remembered import Remembered
from osetra.training.shelf import Waiting


def recall(job: Job, life: Waiting | None, epochs: int, *, plan: Plan, past: Past, tell: Callable[[Message], None]) -> bool:
    """Whether all of a slice's epochs are known; then they are told as if they had been trained. life: None where the trial begins."""
    number = job.trial
    known = past.curve(number)
    if not known or isinstance(life, Life):
        return False
    begins = life is None
    if life is None:
        life = Remembered(known, epochs=plan.epochs_per_trial, patience=plan.patience)
    recalled = life.recall(epochs)
    before = past.trials[number]
    if recalled is None:
        return False
    is_end_known = before.train_error is not None or number in past.taken
    if life.state is TrialState.FINISHED and life.standing.best is not None and not is_end_known:
        # It broke off before its end was recorded.
        life.standing.back_to(life.epochs - len(recalled))
        return False
    if begins:
        tell(Message(number, begun=life, num_parameters=before.num_parameters))
    for record in recalled:
        tell(Message(number, epoch=record))
    train_error = before.train_error if life.state is TrialState.FINISHED else None
    tell(Message(number, ended=True, state=life.state, train_error=train_error))
    return True
