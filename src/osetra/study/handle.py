"""`osetra.Study`: a study as its owner holds it, during a session or opened later from its store.

Knows nothing of: how a study comes about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osetra.core.direction import as_given
from osetra.core.errors import StudyError
from osetra.core.ports import Store
from osetra.core.records import EpochRecord, Event, Task, Trial, TrialState
from osetra.core.records import Study as StudyRecord

if TYPE_CHECKING:
    from osetra.diagnosis.learning_curve import LearningCurve
    from osetra.models.ensemble import Ensemble
    from osetra.models.model import Model
    from osetra.report.lineage import Lineage
    from osetra.search.importance import Importances
    from osetra.space.space import Space
    from osetra.study.apply import Applied, Series
    from osetra.study.diagnose import Diagnosis
    from osetra.study.plot import Plots
    from osetra.study.replay import Replayed
    from osetra.study.retest import Retest
    from osetra.study.steer import Steer


class Study:
    """A tuned task: its trials, its best, its model. `fit` returns one; `Study.open` finds one in a store."""

    def __init__(
        self, record: StudyRecord, store: Store, *, model: "Model | Ensemble | None" = None, place: str | Path | None = None
    ) -> None:  # fmt: skip
        self.record = record
        self.store = store
        self._model = model
        self.place = place
        """Where the store lies, if it was opened for reading only, as `open` does."""

    @classmethod
    def open(cls, name: str, store: str | Path | Store = "osetra.db") -> "Study":
        """The study of that name; StoreError if there is no such store, StudyError if it holds no such study."""
        if not isinstance(store, str | Path):
            return cls(store.study(name), store)
        from osetra.store.sql import open_store

        opened = open_store(store, create=False, read_only=True)
        return cls(opened.study(name), opened, place=store)

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the study remembers besides its trials: budget, space, split, fingerprint, environment, results."""
        return self.record.facts

    @property
    def best(self) -> Trial:
        """The trial with the lowest dev error, or the best value of an objective. Raises StudyError if none has one."""
        number = self.facts.get("best")
        if number is not None:
            return self.trial(int(number))
        page = self.store.trials(self.name, states=[state for state in TrialState if state.can_win], limit=1)
        if not page or page[0].dev_error is None:
            raise StudyError(f"study {self.name!r} has no trained trial yet; look at `osetra trials {self.name}`")
        return as_given(self.record, page[0])

    @property
    def dev_error(self) -> Mapping[str, Any] | None:
        """Of the best model: value, low, high (95 % interval), rows; effective_rows where rows have weights."""
        return self.facts.get("dev")

    @property
    def test_error(self) -> Mapping[str, Any] | None:
        """Of the best model, measured once; None where the split has no test part."""
        return self.facts.get("test")

    @property
    def space(self) -> "Space":
        from osetra.space.space import Space

        return Space.from_dict(self.facts["space"])

    @property
    def model(self) -> "Model | Ensemble":
        """The trained best model. Raises StudyError if none was kept, ModelError if its folder cannot be read."""
        if self._model is None:
            folder = self.facts.get("model")
            if folder is None:
                raise StudyError(f"study {self.name!r} kept no model; fit with models=FOLDER to save one")
            from osetra.models.files import load

            self._model = load(Path(folder))
        return self._model

    def trials(self, *, states: Sequence[TrialState] = (), limit: int | None = None, offset: int = 0) -> Sequence[Trial]:
        """Best first; those without a dev error last."""
        page = self.store.trials(self.name, states=states, limit=limit, offset=offset)
        return [as_given(self.record, trial) for trial in page]

    def trial(self, number: int) -> Trial:
        return as_given(self.record, self.store.trial(self.name, number))

    def curve(self, number: int, *, smoothing: float = 0.0) -> Sequence[EpochRecord]:
        """The epochs of one trial in order.

        smoothing: the weight of the past in an exponentially weighted average of costs, losses and errors, as in `osetra.smooth`, such as
        0.9; 0 leaves them as they are. InputError outside [0, 1).
        """
        epochs = [as_given(self.record, epoch) for epoch in self.store.curve(self.name, number)]
        if smoothing == 0:
            return epochs
        from osetra.diagnosis.smoothing import smooth

        names = ("train_cost", "train_error", "dev_loss", "dev_error")
        smoothed = [smooth([getattr(epoch, name) for epoch in epochs], smoothing).tolist() for name in names]
        return [replace(epoch, **dict(zip(names, values, strict=True))) for epoch, *values in zip(epochs, *smoothed, strict=True)]

    def curves(self, numbers: Sequence[int], *, most: int | None = None) -> Mapping[int, Sequence[EpochRecord]]:
        """The curves of these trials by number, in one reading of the store; of each at most so many epochs, evenly."""
        found = self.store.curves(self.name, numbers, most=most)
        return {number: [as_given(self.record, epoch) for epoch in curve] for number, curve in found.items()}

    def sample(self, *, best: int, drawn: int, is_scored: bool = False) -> Sequence[Trial]:
        """Trials that stand for all (or, with `is_scored`, for those with a dev error): so many of the best, and others drawn by a fixed
        key of their numbers, best first.
        """
        found = self.store.sample_trials(self.name, best=best, drawn=drawn, is_scored=is_scored)
        return [as_given(self.record, trial) for trial in found]

    def events(self, trial: int | None = None) -> Sequence[Event]:
        return self.store.events(self.name, trial=trial)

    def importance(self, *, share: float = 0.1, region: float = 1.0) -> "Importances":
        """How much each searched hyperparameter mattered for coming out among the best `share` of the trials.

        region: 1 asks about all trials, 0.5 about the better half, where the worst are avoided already. Of more than 10,000 trials so many
        are drawn at random, and the last sentence says so. Raises StudyError for shares that
        make no sense and where there are too few trials to tell, as `osetra.search.importance.importance` says.
        """
        from osetra.search.importance import importance
        from osetra.study.judged import judged_trials

        trials, told = judged_trials(self)
        found = importance(self.space, trials, share=share, region=region, seed=self.record.seed)
        return replace(found, sentences=(*found.sentences, told)) if told else found

    def diagnose(self, base_error: float | None = None, *, trial: int | None = None) -> "Diagnosis":
        """What stands between the best network (or that of another trial) and a better one, and what to do, as `study.diagnose` says.

        base_error: the lowest error that can be hoped for, in units of the study's error (0.05 is 5 %); None: what the study's references
        tell of it. Nothing is trained. Of an objective the search alone is judged. Raises StudyError for a study without errors to compare
        and an unknown trial, InputError for another base error.
        """
        from osetra.study.diagnose import diagnose

        return diagnose(self, base_error=base_error, trial=trial)

    @property
    def plot(self) -> "Plots":
        """Its figures, for notebooks: `study.plot.curves()` and so on, each a `plotly.graph_objects.Figure`."""
        from osetra.study.plot import Plots

        return Plots(self)

    def report(self, path: str | Path, *, base_error: float | None = None) -> Path:
        """Write a report of the study as one HTML file that opens offline, with its figures, tables and how to repeat it.

        base_error: as in `diagnose`. Raises InputError for a place that cannot be written, and for a base error that makes no sense.
        """
        from osetra.study.plot import write_report

        return write_report(self, path, base_error=base_error)

    def learning_curve(self, data: Any = None, **options: Any) -> "LearningCurve":
        """What more rows would bring, from trainings on parts of the training part, as `study.learning_curve` says, with its options.

        data: the study's data, as in `fit`; None reads them where they were. Takes some times as long as a few trials.
        """
        from osetra.study.learning_curve import learning_curve

        return learning_curve(self, data, **options)

    def apply(self, **options: Any) -> "Applied":
        """Run the next search that the verdict asks for, and say whether the gap shrank, as `study.apply` says, with its options."""
        from osetra.study.apply import apply

        return apply(self, **options)

    def apply_until(self, total: float | str = "done", **options: Any) -> "Series":
        """Apply again and again until no gap is high, nothing helps any more or `total`, such as 10m, is spent, as `study.apply` says."""
        from osetra.study.apply import until

        return until(self, total, **options)

    def retest(self, data: Any = None, **options: Any) -> "Retest":
        """Is the winner still the best, on new data or the old: it, its rivals and fresh ones trained anew, as `study.retest` says.

        data: as in `fit`; None reads the study's data where they were, as they are now.
        """
        from osetra.study.retest import retest

        return retest(self, data, **options)

    def steer(self, trial: int | None = None) -> "Steer":
        """Take a trial in hand that is being trained, by this process or another: `study.steer(7).set(learning_rate=0.001, why="...")`.

        set, pause, proceed, stop, extend, rollback and branch, as `study.steer` says; nothing happens before one of them is called. Of the
        whole study, which no trial stands for, there is stop: it ends as after Ctrl-C.
        """
        from osetra.study.steer import Steer

        return Steer(self, trial)

    def replay(self, trial: int, data: Any = None, *, y: Any = None) -> "Replayed":
        """Train a trial once more by all that was done to it, on the study's data or others, as `study.replay` says."""
        from osetra.study.replay import replay

        return replay(self, trial, data, y=y)

    def lineage(self, trial: int) -> "Lineage":
        """The story of a trial, from its initialisation to the model's file. Raises StudyError for an unknown one."""
        from osetra.report.lineage import lineage, parent_of

        line = [(self.trial(trial), self.events(trial))]
        while (parent := parent_of(line[0][1])) is not None:
            line.insert(0, (self.trial(parent), self.events(parent)))
        return lineage(self.store.study(self.name), line, self.store.commands(self.name))

    def to_frame(self) -> Any:
        """All trials as a pandas frame, a row each, hyperparameters as columns."""
        import pandas as pd

        is_objective = self.record.task is Task.OBJECTIVE
        rows = [
            {"trial": t.number, "state": str(t.state)}
            | ({"value": t.value} if is_objective else {"dev_error": t.dev_error, "train_error": t.train_error})
            | {"epochs": t.epochs, "seconds": t.seconds}
            | dict(t.configuration)
            for t in self.trials()
        ]
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        return f"<Study {self.name!r}: {self.record.task.in_words} of {self.record.target}, {self.record.state}>"
