"""What pages read: studies, pages of trials, figures; cheap to ask again and again.

Everything comes through the store's port. A figure is drawn once for each state of its study, however many tabs show it.
"""

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from osetra.core.direction import as_given
from osetra.core.ports import Condition, Store, TrialPage
from osetra.core.records import EpochRecord, Event, StudyState, StudySummary, Trial, TrialState
from osetra.report.records import ROUTINE
from osetra.study.due import Due
from osetra.study.handle import Study
from osetra.study.heard import Heard, Hearing
from osetra.ui.board import Column, columns, page
from osetra.ui.drawn import drawn
from osetra.ui.dues import Dues
from osetra.ui.header import Header, header
from osetra.ui.place import Place
from osetra.ui.shared import Shared

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from osetra.search.importance import Importances
    from osetra.study.diagnose import Diagnosis

AT_MOST_OLD_S = 0.2
"""Of what is known of a study's version."""


class Reading:
    """A store as the dashboard reads it. Any thread may ask."""

    def __init__(self, store: Store | None, where: str) -> None:
        """store: None opens the one at `where` once it is asked for; it may come into being later."""
        self.where = where
        self._place = Place(where, store)
        self._shared = Shared()
        self._dues = Dues(self._shared.wake)
        self._hearing = Hearing()
        self._seen: dict[str, tuple[int, float]] = {}
        self._seen_store: Store | None = None

    @property
    def store(self) -> Store:
        """Raises StoreError where there is none yet."""
        return self._place.store()

    @property
    def has_store(self) -> bool:
        """Whether there is a store; the first fit makes one."""
        return self._place.exists()

    def studies(self) -> Sequence[StudySummary]:
        """All studies, newest first; none where there is no store yet."""
        if not self.has_store:
            return ()
        return [replace(one, best=None if one.best is None else as_given(one.study, one.best)) for one in self.store.studies()]

    def study(self, name: str) -> Study:
        """As the store holds it now. Raises StudyError for an unknown one."""
        return self._shared_at(name, "study", self._read_study, is_exact=True)

    def version(self, name: str) -> Hashable:
        """Something that differs once anything about the study has changed, or something of it may be drawn anew."""
        return self._recorded(name), self._shared.turn(name)

    def header(self, name: str) -> Header:
        """How it stands: counts, the best, progress."""
        return self._shared_at(name, "header", lambda: header(self.study(name)))

    def heard(self, name: str) -> Heard:
        """Whether somebody still trains it, and when it was last heard of."""
        return self._hearing.listen(self.study(name), self._recorded(name))

    def columns(self, name: str) -> tuple[Column, ...]:
        """Of the leaderboard."""
        return self._shared_at(name, "columns", lambda: columns(self.study(name)))

    def page(
        self,
        name: str,
        *,
        order_by: str = "dev_error",
        descending: bool = False,
        limit: int = 50,
        offset: int = 0,
        states: Sequence[TrialState] = (),
        where: Sequence[Condition] = (),
    ) -> TrialPage:
        """Of the leaderboard, as `ui.board.page` says. Raises StoreError for a column that there is not."""
        asked: dict[str, Any] = {"order_by": order_by, "descending": descending, "limit": limit, "offset": offset}
        asked |= {"states": tuple(states), "where": tuple(where)}
        return self._shared_at(name, ("page", *asked.values()), lambda: page(self.study(name), **asked))

    def trial(self, name: str, number: int) -> Trial:
        """Raises StudyError for an unknown one."""
        return self.study(name).trial(number)

    def curve(self, name: str, number: int) -> Sequence[EpochRecord]:
        """Its epochs in order."""
        return self.study(name).curve(number)

    def events(self, name: str, number: int) -> Sequence[Event]:
        """Of one trial, in the order in which they happened."""
        return self.store.events(name, trial=number)

    def notable(self, name: str, limit: int = 50) -> Sequence[Event]:
        """The last events of the study that not every trial has, the newest last."""
        return self._shared_at(name, ("notable", limit), lambda: self.store.last_events(name, but=ROUTINE, limit=limit))

    def figure(self, name: str, kind: str, *options: Any, **named: Any) -> "go.Figure":
        """`study.plot.KIND(*options)`. Raises StudyError where the study has none, which says why."""
        key = ("figure", kind, options, tuple(sorted(named.items())))

        def make() -> "go.Figure":
            made = self.study(name).plot.of_kind(kind, *options, **named)
            # Here, in the thread of whoever asks; a page's own is the event loop's.
            drawn(made)
            return made

        return self._shared_at(name, key, make)

    def diagnosis(self, name: str) -> "Diagnosis":
        """Of its best trial. Raises StudyError where there is none, which says why."""
        return self._shared_at(name, "diagnosis", lambda: self.study(name).diagnose())

    def importance(self, name: str) -> "Importances":
        """Of its hyperparameters. Raises StudyError where there are too few trials to tell."""
        return self._shared_at(name, "importance", lambda: self.study(name).importance())

    def due(self, name: str) -> Due | None:
        """How it stood when it was last looked at whether it is due for a re-test, at most ten minutes ago; never waits.

        None: it was not looked at yet, or cannot be re-tested.
        """
        return self._dues.get(name, lambda: self._read_study(name))

    def _read_study(self, name: str) -> Study:
        study = Study(self.store.study(name), self.store)
        study.place = self.where
        return study

    def _recorded(self, name: str) -> int:
        """The store's version, asked for a few times a second however many ask here."""
        store, now = self.store, time.monotonic()
        if self._seen_store is not store:
            # Another file lies there now, whose versions begin anew.
            self._seen_store = store
            self._seen.clear()
            self._shared.clear()
            self._hearing = Hearing()
        version, at = self._seen.get(name, (0, -AT_MOST_OLD_S))
        if now - at >= AT_MOST_OLD_S:
            version = store.version(name)
            self._seen[name] = version, now
        return version

    def _shared_at(self, name: str, key: Hashable, make: Callable[..., Any], *, is_exact: bool = False) -> Any:
        version = self._recorded(name)
        if is_exact:
            return self._shared.get(name, key, version, lambda: make(name), is_changing=False)
        is_changing = self.study(name).record.state is StudyState.RUNNING
        return self._shared.get(name, key, version, make, is_changing=is_changing)
