"""A study's search from first trial to finals, as one `Search`.

    searching   what the strategy hands out, until it ends or, where the budget is in seconds, until its share of the time is over
    finals      the best configurations, each with fresh seeds, if a fifth of the budget pays for at least two of them
    closing     where it does not: with the time that is left, the best of those who wait are trained to the end

Knows nothing of: how the strategy decides, who trains, stores.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from osetra.core.ports import Job, Search
from osetra.core.records import Configuration, TrialState
from osetra.search.finals import MOST_FINALISTS, MOST_OF_BUDGET, REPEATS, Finalist, Finals
from osetra.space.space import Space
from osetra.study.past import Searched
from osetra.study.sentences import sentences_of

SEARCHING = 1.0 - MOST_OF_BUDGET
"""Share of a budget in seconds after which nothing new is searched."""
FEWEST_FINALISTS = 2


@dataclass(slots=True)
class _Runner:
    configuration: Configuration
    best: float = math.inf
    epochs: int = 0
    waits: bool = False


class Phases:
    """The strategy's search, then finals or closing.

    last: epochs of a full training. final_epochs: of a budget in epochs, what is set aside for the finals. share_spent: of a budget in
    seconds, 0 .. 1; None without one. trainings_left: full trainings of the given trials that the time still pays for. searched: where the
    time was over in an earlier run of the same study, which is then taken over; note: hears it where the clock decides. recall_edits: makes
    the edits of the space that an earlier run made when the search had been asked so often.
    """

    def __init__(
        self,
        search: Search,
        *,
        last: int,
        final_epochs: int = 0,
        share_spent: Callable[[], float] | None = None,
        trainings_left: Callable[[Sequence[int]], float] = lambda _trials: 0.0,
        with_finals: bool = True,
        searched: Searched | None = None,
        note: Callable[[Searched], None] = lambda _: None,
        recall_edits: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._search, self._last = search, last
        self._final_epochs, self._share_spent, self._trainings_left = final_epochs, share_spent, trainings_left
        self._with_finals = with_finals
        self._searched, self._note = searched, note
        self._recall_edits = recall_edits
        self._asks = 0
        self._over_at: int | None = None
        """How often the search had been asked when the time was over."""
        self._runners: dict[int, _Runner] = {}
        self._out = 0
        self._is_searching = True
        self.finals: Finals | None = None

    def ask(self) -> Job | None:
        job = self._next()
        if job is not None:
            self._out += 1
            self._runners.setdefault(job.trial, _Runner(job.configuration)).waits = False
        return job

    def tell(self, job: Job, values: Sequence[float], state: TrialState) -> None:
        self._out -= 1
        runner = self._runners[job.trial]
        runner.epochs += len(values)
        is_good = state.can_win and not any(math.isnan(value) for value in values)
        runner.best = min([runner.best, *values]) if is_good else math.inf
        runner.waits = state is TrialState.PAUSED
        if self.finals is not None and self.is_final(job.trial):
            self.finals.tell(job, values, state)
        elif self._is_searching or not self._share_spent:
            self._search.tell(job, values, state)

    @property
    def asks(self) -> int:
        """How often the search was asked."""
        return self._asks

    @property
    def begun(self) -> int:
        """Trials so far."""
        return len(self._runners)

    def edit(self, space: Space) -> None:
        """New trials of the strategy are of this space; finals and closing train what has begun."""
        self._search.edit(space)

    @property
    def results(self) -> list[Finalist]:
        """Of the finals, best first; empty without finals or before their first seed is done."""
        return self.finals.results() if self.finals is not None else []

    @property
    def sentences(self) -> list[str]:
        """What the strategy said of its way, where it says anything."""
        return sentences_of(self._search)

    def is_final(self, trial: int) -> bool:
        """Whether a trial is one of the finals."""
        return self.finals is not None and trial in self.finals.sources

    @property
    def winner(self) -> int | None:
        """The best run of the configuration that won the finals; None without finals."""
        results = self.results
        if self.finals is None or not results:
            return None
        runs = [number for number, source in self.finals.sources.items() if source == results[0].trial and number in self._runners]
        return min(runs, key=lambda number: (self._runners[number].best, number))

    def _next(self) -> Job | None:
        if self._is_searching:
            self._recall_edits(self._asks)
            self._asks += 1
        if self._is_searching and not self._time_is_over():
            job = self._search.ask()
            if job is not None or self._out:
                return job
        if self._is_searching:
            # The finalists are known once all who train have been heard.
            if self._out:
                return None
            self._is_searching = False
            self._open_finals()
        if self.finals is not None:
            return self.finals.ask()
        return self._close() if self._share_spent else None

    def _time_is_over(self) -> bool:
        if self._searched is not None:
            return self._asks >= self._searched.asks
        # However late it is, the first trial is begun: without one there is nothing to close with, and no model.
        if self._share_spent is None or self._share_spent() < SEARCHING or not self._runners:
            return False
        self._over_at = self._over_at or self._asks
        return True

    def _open_finals(self) -> None:
        finalists: dict[int, Configuration] = {}
        # The same configuration twice would be one finalist with luck twice.
        able = sorted((runner.best, number) for number, runner in self._runners.items() if runner.best < math.inf)
        for _, number in able:
            configuration = self._runners[number].configuration
            if configuration not in finalists.values():
                finalists[number] = configuration
            if len(finalists) == MOST_FINALISTS:
                break
        chosen = self._chosen(finalists) if self._with_finals else {}
        if self._share_spent is not None and self._searched is None and self._over_at is not None:
            self._note(Searched(asks=self._over_at, finalists=tuple(chosen)))
        if not chosen:
            return
        self.finals = Finals(chosen, last=self._last, first_number=max(self._runners) + 1)

    def _chosen(self, finalists: Mapping[int, Configuration]) -> dict[int, Configuration]:
        """As many of the finalists, best first, as the budget pays for; none where that is fewer than two."""
        if self._searched is not None:
            return {number: finalists[number] for number in self._searched.finalists}
        if self._share_spent is None:
            count = self._final_epochs // (REPEATS * self._last)
        else:
            count = int(self._trainings_left(list(finalists)) / REPEATS)
        chosen = dict(list(finalists.items())[:count])
        return chosen if len(chosen) >= FEWEST_FINALISTS else {}

    def _close(self) -> Job | None:
        """The best of those who wait, to the end."""
        waiting = [(runner.best, number) for number, runner in self._runners.items() if runner.waits and runner.best < math.inf]
        if not waiting:
            return None
        _, number = min(waiting)
        runner = self._runners[number]
        return Job(trial=number, configuration=runner.configuration, start=runner.epochs, until=self._last)
