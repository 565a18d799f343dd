"""Going round the places: why a study comes out the same whatever the timing and however many work.

A search's jobs are held at `lag` places, each job cut into slices. Going round the places hands out one slice after the other, numbered
k = 0, 1, ...; where a job is over its search is told, and asked for the next one. What slice k is follows from the outcomes of slices
0 .. k - lag, taken in that order, and from nothing else. As there are more places than workers, none waits while there is work; how fast
outcomes come, and whether some come long before their turn, changes nothing.

Knows nothing of: what a slice is made of, who trains, clocks.
"""

from dataclasses import dataclass, field

from osetra.core.ports import Job, Search
from osetra.core.records import TrialState

LEAST_LAG = 8
"""Jobs held at once on few cores. Kept with the study: another number decides with other knowledge."""


def lag_for(workers: int) -> int:
    """Jobs to hold at once: a little more than the workers."""
    return max(LEAST_LAG, workers + 2)


@dataclass(slots=True)
class Place:
    """A job on its way."""

    job: Job
    values: list[float] = field(default_factory=list)
    """Dev errors of the epochs trained for it."""
    state: TrialState = TrialState.PAUSED
    """Of the trial after the last slice heard of."""
    handed_out: int = 0
    """Slices whose turn has come."""
    heard_of: int = 0
    """Slices that are over; may run ahead of those handed out."""
    last: int | None = None
    """The slice with which the job was over, counted from 1; None until that is known."""

    @property
    def is_full(self) -> bool:
        """Whether all epochs of the job are trained."""
        return self.job.start + len(self.values) >= self.job.until

    def hear(self, state: TrialState = TrialState.PAUSED, *, is_last: bool) -> None:
        """One more slice is over."""
        assert self.last is None, f"trial {self.job.trial}: a slice after the last"
        self.heard_of += 1
        self.state = state
        if is_last:
            self.last = self.heard_of


class Rounds:
    """The places of a search, and whose turn it is."""

    def __init__(self, search: Search, lag: int) -> None:
        self._search = search
        self._places: list[Place | None] = [None] * lag
        self._next = 0
        self._idle = 0

    @property
    def exhausted(self) -> bool:
        """Once round without a job at any place: there is none to come."""
        return self._idle >= len(self._places)

    @property
    def can_turn(self) -> bool:
        """Whether all that the next slice follows from is known, and there may be one."""
        place = self._places[self._next]
        return not self.exhausted and (place is None or place.heard_of >= place.handed_out)

    def turn(self) -> tuple[Place | None, Place | None]:
        """(the place whose job was over, if one was: the search knows; the place whose next slice is handed out, if there is a job).

        A place with one slice handed out has a job that begins.
        """
        over, place = None, self._places[self._next]
        if place is not None and place.last is not None and place.handed_out >= place.last:
            self._search.tell(place.job, place.values, place.state)
            over, place = place, None
        if place is None:
            job = self._search.ask()
            place = None if job is None else Place(job)
        self._places[self._next] = place
        self._next = (self._next + 1) % len(self._places)
        if place is None:
            self._idle += 1
        else:
            self._idle = 0
            place.handed_out += 1
        return over, place

    def of(self, number: int) -> Place:
        """The place of a trial that has a job."""
        return next(place for place in self._places if place is not None and place.job.trial == number)
