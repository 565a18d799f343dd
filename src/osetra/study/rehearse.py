"""A search rehearsed without training: the real search and the real rounds, in virtual time.

Each epoch takes the seconds that the probe's cost model says. Trials that the probe trained come to the errors that it saw; how the others
do is guessed (see `guessed_errors`), so which configurations climb is as uncertain as it is, but where those that did well in the probe
are slow or fast ones, the cost of the climb follows. One that no network can be made for fails.
Knows nothing of: training, the clock on the wall, how costs were measured.
"""

import heapq
import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from osetra.core.records import Configuration, TrialState
from osetra.search.finals import MOST_FINALISTS
from osetra.study.budget import Budget
from osetra.study.epoch_cost import EpochCost
from osetra.study.guessed_errors import GuessedErrors
from osetra.study.phases import SEARCHING, Phases
from osetra.study.rounds import Place, Rounds
from osetra.study.setting import Setting

FAILURE_S = 0.001
"""What a trial takes that cannot begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a search would come to."""

    epochs: int
    seconds: float
    """From the first slice to the end of the last one."""
    lengths: tuple[int, ...]
    """Epochs of every trial, by number; those of the finals last."""
    finals: int
    """Of those, trials of the finals."""
    rungs: tuple[int, ...]
    """Epochs at which the search stops to compare, rising."""
    searched_lengths: tuple[int, ...]
    """`lengths` before the finals, or whatever fills the end of a budget in seconds."""
    searched_s: float
    best_epoch_s: float
    """Seconds of an epoch, with what lies before it, of the configurations that would come to the finals; 0 where nothing was trained."""
    end_epochs: float
    """Mean epochs of the trials that came to their end, at their last epoch or before; those of a full training if none did."""
    waiting_bytes: float
    """Of all trials that wait at the end."""

    @property
    def reached(self) -> tuple[tuple[int, int], ...]:
        """(epoch, trials that reach it), rung by rung."""
        return reached(self.rungs, self.lengths)


def reached(rungs: Sequence[int], lengths: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """(rung, trials of those lengths that reach it), for the rungs that any does."""
    counts = ((rung, sum(length >= rung for length in lengths)) for rung in rungs)
    return tuple((rung, count) for rung, count in counts if count)


def rehearse(
    setting: Setting, budget: Budget, *, setup_s: float, cost: EpochCost, gap_s: float, errors: GuessedErrors, seed: int
) -> Rehearsal:
    """The study of that setting and budget. `setup_s`: of a budget in seconds, what is gone before the first epoch.

    gap_s: seconds between two epochs on a core. Raises SpaceError, StudyError, MissingExtra as the search does.
    """
    from osetra.core.blas import one_blas_thread

    # The matrices of the surface are small: more threads only wait for one another, for seconds where other work has the cores.
    with one_blas_thread():
        return _Stage(setting, budget, setup_s=setup_s, cost=cost, gap_s=gap_s, errors=errors, seed=seed).play()


@dataclass(slots=True)
class _Actor:
    configuration: Configuration
    epoch_s: float
    last_s: float = 0.0
    epochs: int = 0
    searched: int = 0
    """Of the epochs, those before the finals or the end."""
    ends: float = math.inf
    """The epoch after which it is over before its last."""
    error: float = math.inf
    """The lowest."""


class _Stage:
    """A study's loop, with a heap of ends where it has threads."""

    def __init__(
        self, setting: Setting, budget: Budget, *, setup_s: float, cost: EpochCost, gap_s: float, errors: GuessedErrors, seed: int
    ) -> None:
        from osetra.study.strategy import make_search

        self._setting, self._cost, self._gap_s, self._errors = setting, cost, gap_s, errors
        self._now = 0.0
        self._deadline = math.inf if budget.seconds is None else max(0.0, budget.seconds - setup_s)
        share: Callable[[], float] | None = None
        if budget.seconds is not None:
            whole = budget.seconds
            share = lambda: (setup_s + self._now) / whole  # noqa: E731
        self._search = Phases(
            make_search(
                setting.strategy, setting.space, seed=seed, first=setting.first, last=setting.epochs_per_trial,
                epochs=None if budget.epochs is None else budget.epochs - setting.final_epochs, trials=budget.trials,
            ),
            last=setting.epochs_per_trial, final_epochs=setting.final_epochs, with_finals=setting.finals, share_spent=share,
            trainings_left=self._trainings_left,
        )  # fmt: skip
        self._rounds = Rounds(self._search, setting.lag)
        self._actors: dict[int, _Actor] = {}
        self._queue: deque[tuple[Place, int]] = deque()
        self._ends: list[tuple[float, int, Place, int]] = []
        """When a slice ends, a number for ties, its place, epochs trained in it."""
        self._slices = 0
        self._searched_s = 0.0
        self._search_end = math.inf if budget.seconds is None else SEARCHING * budget.seconds - setup_s
        self._rungs: Counter[int] = Counter()
        self._last_end = 0.0

    def play(self) -> Rehearsal:
        while True:
            if self._now >= self._deadline:
                self._queue.clear()
            else:
                self._hand_out()
            if not self._ends:
                break
            self._now, _, place, epochs = heapq.heappop(self._ends)
            self._hear(place, epochs)
        lengths = {number: actor.epochs for number, actor in sorted(self._actors.items()) if actor.epochs}
        last = self._setting.epochs_per_trial
        waiting = [actor for actor in self._actors.values() if 0 < actor.epochs < min(last, actor.ends)]
        ended = [actor.epochs for actor in self._actors.values() if actor.epochs >= min(last, actor.ends)]
        # What the end of a budget cuts off is no rung.
        rungs = [until for until, jobs in sorted(self._rungs.items()) if jobs > 1 or until == last]
        return Rehearsal(
            epochs=sum(lengths.values()),
            seconds=self._last_end,
            searched_lengths=tuple(actor.searched for actor in self._actors.values() if actor.searched),
            searched_s=self._searched_s,
            best_epoch_s=self._best_epoch_s(),
            end_epochs=sum(ended) / len(ended) if ended else last,
            lengths=tuple(lengths.values()),
            finals=sum(self._search.is_final(number) for number in lengths),
            rungs=tuple(rungs),
            # Parameters, two moments, and the same of the best epoch, four bytes each.
            waiting_bytes=sum(24.0 * self._cost.parameters(actor.configuration) for actor in waiting),
        )

    def _hand_out(self) -> None:
        while True:
            while self._rounds.can_turn:
                _, place = self._rounds.turn()
                if place is not None:
                    self._rungs[place.job.until] += place.handed_out == 1
                    left = place.job.until - place.job.start - len(place.values)
                    self._queue.append((place, min(left, self._setting.slice_epochs)))
            if not self._queue or len(self._ends) == self._setting.workers:
                return
            self._begin(*self._queue.popleft())

    def _begin(self, place: Place, epochs: int) -> None:
        """A worker takes a slice; an epoch that would end after the deadline is not begun, the first of a trial always is."""
        job = place.job
        if job.trial not in self._actors:
            self._actors[job.trial] = _Actor(
                job.configuration,
                self._cost.of(job.configuration) + self._gap_s,
                ends=self._errors.ends(job.trial, job.configuration),
            )
        actor = self._actors[job.trial]
        at, trained = self._now, 0
        if math.isinf(actor.epoch_s):
            at, epochs = at + FAILURE_S, 0
        while trained < min(epochs, actor.ends - actor.epochs) and at + actor.last_s <= self._deadline:
            at, actor.last_s, trained = at + actor.epoch_s, actor.epoch_s, trained + 1
        self._slices += 1
        heapq.heappush(self._ends, (at, self._slices, place, trained))
        if trained:
            self._last_end = max(self._last_end, at)
            if self._now < self._search_end and not self._search.is_final(job.trial):
                actor.searched += trained
                self._searched_s = max(self._searched_s, at)

    def _hear(self, place: Place, epochs: int) -> None:
        job, actor = place.job, self._actors[place.job.trial]
        state = TrialState.PAUSED
        for _ in range(epochs):
            actor.epochs += 1
            error = self._errors.of(job.trial, job.configuration, actor.epochs)
            actor.error = min(actor.error, error)
            place.values.append(error)
            if math.isinf(error):
                state = TrialState.DIVERGED
        if state is TrialState.PAUSED and actor.epochs >= min(self._setting.epochs_per_trial, actor.ends):
            state = TrialState.FINISHED
        if epochs == 0:
            state = TrialState.FAILED if math.isinf(actor.epoch_s) else TrialState.STOPPED
        place.hear(state, is_last=state.is_over or place.is_full)

    def _best_epoch_s(self) -> float:
        trained = (actor for actor in self._actors.values() if actor.epochs)
        best = heapq.nsmallest(MOST_FINALISTS, trained, key=lambda actor: actor.error)
        return sum(actor.epoch_s for actor in best) / len(best) if best else 0.0

    def _trainings_left(self, trials: Sequence[int]) -> float:
        if math.isinf(self._deadline) or not trials:
            return 0.0
        mean = sum(self._actors[number].epoch_s for number in trials) / len(trials)
        return max(0.0, self._deadline - self._now) * self._setting.workers / (mean * self._setting.epochs_per_trial)
