"""What pages read: studies, pages of trials, figures; cheap to ask again and again.

Everything comes through the store's port. A figure is drawn once for each state of its study, however many tabs show it.
"""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from osetra.core.ports import Store
from osetra.core.records import StudySummary
from osetra.study.handle import Study

if TYPE_CHECKING:
    import plotly.graph_objects as go


class Reading:
    """A store as the dashboard reads it. Any thread may ask."""

    def __init__(self, store: Store, where: str) -> None:
        self.store = store
        self.where = where

    def studies(self) -> Sequence[StudySummary]:
        """All studies, newest first."""
        return self.store.studies()

    def study(self, name: str) -> Study:
        """As the store holds it now. Raises StudyError for an unknown one."""
        study = Study(self.store.study(name), self.store)
        study.place = self.where
        return study

    def version(self, name: str) -> Hashable:
        """Something that differs once anything about the study has changed."""
        counts = self.store.count_trials(name)
        return self.store.study(name), tuple(counts.items()), len(self.store.events(name))

    def figure(self, name: str, kind: str, *options: object) -> "go.Figure":
        """`study.plot.KIND(*options)`. Raises StudyError where the study has none, which says why."""
        return getattr(self.study(name).plot, kind)(*options)
