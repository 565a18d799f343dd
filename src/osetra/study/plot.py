"""`study.plot` and `study.report`: a study's records, fetched from its store for the figures and for the report.

Knows nothing of: how figures are drawn, how a page is made.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osetra.core.direction import maximizes
from osetra.core.errors import InputError, StudyError
from osetra.core.records import Task, Trial
from osetra.report.figures import one_trial, outcome, searching, where
from osetra.report.figures.curves import curves, spoken_epochs
from osetra.report.figures.events import COUNTED_EVENTS, event_counts
from osetra.report.figures.ladder import ladder
from osetra.report.figures.layers import layers
from osetra.report.figures.sample import MOST_POINTS, curves_of
from osetra.report.figures.theme import height_of, title_of
from osetra.report.gathered import Gathered, probes_of, searched, second_of_two
from osetra.report.records import MOST_NOTABLE, ROUTINE
from osetra.report.words import in_order
from osetra.study.drawn_trials import best_first, best_of, curved, leaders_of, levels_of, rungs_of, sample_of
from osetra.study.heard import heard

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from osetra.space.space import Space
    from osetra.study.handle import Study


MOST_READ = 10_000
"""Trials of a study of which a report reads all; of more it reads a sample, and says so."""


class Plots:
    """The figures of a study, each a `plotly.graph_objects.Figure`. One whose data the study lacks raises StudyError, which says why."""

    def __init__(self, study: "Study") -> None:
        self._study = study

    def of_kind(self, kind: str, *arguments: Any, **options: Any) -> "go.Figure":
        """The figure of this name, such as `curves`. StudyError for one that there is not."""
        known = [name for name in vars(Plots) if not name.startswith("_") and name != "of_kind"]
        if kind not in known:
            raise StudyError(f"a figure must be one of {', '.join(known)}, got {kind!r}; choose one of these")
        return getattr(self, kind)(*arguments, **options)

    def curves(self, *, by: str = "trial", log: bool = False) -> "go.Figure":
        """Dev error by epoch, of at most 60 trials, the best one's with its training error.

        by: what colours tell apart: trial (none of the others), wave (when a trial was begun) or rung (how far it came). log: a log axis.
        """
        study, best, space = self._study, best_of(self._study), self._space
        total = sum(study.store.count_trials(study.name).values())
        chosen = curved(study, best)
        given = study.curves([trial.number for trial in chosen], most=spoken_epochs(len(chosen)))
        if best is not None:
            given = {**given, best.number: study.curve(best.number)}
        return _titled(
            curves(
                given, best=None if best is None else best.number, error_name=self._error_name,
                trials=total, states={trial.number: trial.state for trial in chosen}, maximize=maximizes(study.record),
                events=() if best is None else study.events(best.number), by=by, log=log,
                configurations={trial.number: searched(trial.configuration, space) for trial in chosen},
            )
        )  # fmt: skip

    def trial(self, number: int, *, log: bool = False, loss: bool = False, smoothing: float = 0.0) -> "go.Figure":
        """The curve of one trial, with what happened to it.

        log: a log axis. loss: dev loss and training cost instead of the errors. smoothing: as in `Study.curve`; above 0 the averaged curve
        is drawn above the other. StudyError for an unknown trial, and one without an epoch.
        """
        study = self._study
        trial, given, smoothed = study.trial(number), study.curve(number), study.curve(number, smoothing=smoothing) if smoothing else None
        return _titled(
            one_trial.curve(
                trial, given, study.events(number), error_name=self._error_name, log=log, loss=loss, smoothed=smoothed
            )
        )  # fmt: skip

    def leaderboard(self) -> "go.Figure":
        """What each trial came to, in the order begun, and the best so far; of many trials at most 2,000."""
        study, (trials, of) = self._study, self._trials()
        leaders = leaders_of(study) if of > len(trials) else None
        return _titled(searching.leaderboard(trials, error_name=self._error_name, maximize=maximizes(study.record), of=of, leaders=leaders))

    def importance(self) -> "go.Figure":
        """How much each searched hyperparameter mattered, with its interval."""
        return _titled(searching.importance(self._study.importance().to_dict()))

    def parallel(self) -> "go.Figure":
        """A line for each trial across the searched hyperparameters, on their own scales."""
        study, (trials, of) = self._study, self._trials()
        return _titled(searching.parallel(trials, study.space, error_name=self._error_name, maximize=maximizes(study.record), of=of))

    def scatter(self, name: str) -> "go.Figure":
        """What trials came to against one searched hyperparameter, on its own scale. StudyError for one that was not searched."""
        scales = self._study.space.scales
        if name not in scales:
            listed = ", ".join(in_order(self._study.space.names)) or "none"
            raise StudyError(
                f"a scatter needs a hyperparameter that study {self._study.name!r} searched, got {name!r}; it searched {listed}"
            )
        trials, of = self._trials()
        return _titled(searching.scatter(trials, name, scales[name], error_name=self._error_name, of=of))

    def ladder(self) -> "go.Figure":
        """How far each trial was trained, and what it came to."""
        study, (trials, _) = self._study, self._trials()
        return _titled(
            ladder(trials, error_name=self._error_name, rungs=rungs_of(study), maximize=maximizes(study.record), levels=levels_of(study))
        )

    def layers(self, trial: int | None = None) -> "go.Figure":
        """Gradient and step of each layer as trial `trial` trained, by default the best."""
        number = self._study.best.number if trial is None else self._study.trial(trial).number
        return _titled(layers(probes_of(self._study.events(number)), trial=number))

    def events(self) -> "go.Figure":
        """How many trials had begun, gone on, ended and diverged by each moment."""
        study = self._study
        return _titled(event_counts(study.store.event_times(study.name, COUNTED_EVENTS)))

    def bias_variance(self, base_error: float | None = None) -> "go.Figure":
        """The error of each part, made up of base error, bias, variance and over-tuning on dev. base_error: as in `diagnose`."""
        return _titled(outcome.bias_variance(self._study.diagnose(base_error).to_dict()))

    def references(self) -> "go.Figure":
        """Dev errors of simple references beside the network's."""
        given = self._fact("references", "simple references")
        return _titled(outcome.references(given, error_name=self._error_name, network=self._study.dev_error))

    def confusion(self) -> "go.Figure":
        """Which class was taken for which on dev."""
        return _titled(outcome.confusion(self._evaluated("confusion", "a confusion matrix, which classification has")))

    def residuals(self, target: str | None = None) -> "go.Figure":
        """Predicted against actual values of dev rows, of one target, by default the first."""
        given = self._evaluated("residuals", "residuals, which regression has")
        found = [one for one in given if target in (None, one["target"])]
        if not found:
            listed = ", ".join(str(one["target"]) for one in given)
            raise StudyError(f"residuals need a target of study {self._study.name!r}, got {target!r}; choose one of {listed}")
        return _titled(outcome.residuals(found[0]))

    def calibration(self) -> "go.Figure":
        """How often the network was right against how sure it was."""
        given = self._evaluated("calibration", "calibration, which classification has")
        return _titled(outcome.calibration(given, label=second_of_two(self._study.facts["evaluation"])))

    def slices(self) -> "go.Figure":
        """Parts of the dev rows where the network is worst."""
        return _titled(where.slices(self._evaluated("slices", "slices of its dev rows"), error_name=self._error_name))

    def worst_rows(self) -> "go.Figure":
        """The dev rows that the network got most wrong."""
        return _titled(where.worst_rows(self._evaluated("worst", "worst rows")))

    def boundary(self) -> "go.Figure":
        """What the network answers over the plane of its two features."""
        given = self._evaluated("boundary", "a decision boundary, which data of exactly two numeric features have")
        is_classes = self._study.record.task.is_classification
        return _titled(where.boundary(given, labels=self._evaluated("confusion", "labels")["labels"] if is_classes else None))

    def learning_curve(self) -> "go.Figure":
        """Dev error by rows trained on, and what more rows would buy."""
        return _titled(where.learning_curve(self._fact("learning_curve", "a learning curve"), error_name=self._error_name))

    @property
    def _error_name(self) -> str:
        return self._study.record.error_name

    @property
    def _space(self) -> "Space | None":
        return self._study.space if "space" in self._study.facts else None

    def _trials(self) -> tuple[list[Trial], int]:
        """Trials with a result, best first, or a sample of very many, and how many there are."""
        sample = sample_of(self._study)
        of = len(sample) if len(sample) < MOST_POINTS else sum(level.scored for level in self._study.store.levels(self._study.name))
        return sample, of

    def _fact(self, name: str, what: str) -> Any:
        known = self._study.facts.get(name)
        if not known:
            raise StudyError(f"this figure needs {what}, got study {self._study.name!r}, which has none{_why(self._study)}")
        return known

    def _evaluated(self, name: str, what: str) -> Any:
        known: Mapping[str, Any] = self._study.facts.get("evaluation") or {}
        if not known.get(name):
            raise StudyError(f"this figure needs {what}, got study {self._study.name!r}, which has none{_why(self._study)}")
        return known[name]


def gather(study: "Study", *, base_error: float | None = None) -> Gathered:
    """All that the report is made of. Raises InputError for a base error that makes no sense."""
    total, best = sum(study.store.count_trials(study.name).values()), best_of(study)
    if total <= MOST_READ:
        trials, levels, leaders = best_first(best, study.trials()), None, None
        chosen = curves_of(trials)
    else:
        trials, levels, leaders = sample_of(study), levels_of(study), leaders_of(study)
        chosen = curved(study, best)
    diagnosis = found = None
    no_diagnosis = no_importance = ""
    try:
        diagnosis = study.diagnose(base_error).to_dict()
    except StudyError as error:
        no_diagnosis = str(error)
    try:
        found = study.importance().to_dict()
    except StudyError as error:
        no_importance = str(error)
    return Gathered(
        study=study.record, trials=trials, levels=levels, leaders=leaders, best=best,
        curves=study.curves([trial.number for trial in chosen]), states={trial.number: trial.state for trial in chosen},
        events=() if best is None else study.events(best.number), space=study.space if "space" in study.facts else None,
        notable=study.store.last_events(study.name, but=ROUTINE, limit=MOST_NOTABLE + 1), rungs=rungs_of(study),
        times=study.store.event_times(study.name, COUNTED_EVENTS),
        diagnosis=diagnosis, no_diagnosis=no_diagnosis, importance=found, no_importance=no_importance,
        broke_off=heard(study).broke_off,
    )  # fmt: skip


def write_report(study: "Study", path: str | Path, *, base_error: float | None = None) -> Path:
    """Write the report as one HTML file, all of it or nothing. Raises InputError for a place that cannot be written."""
    from osetra.report.html import report_page

    path = Path(path)
    page = report_page(gather(study, base_error=base_error))
    unfinished = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=".report-", suffix=".html", delete=False, encoding="utf-8", newline="\n"
        ) as file:
            unfinished = file.name
            file.write(page)
        # A temporary file is its maker's alone; a report is as any file that is written.
        umask = os.umask(0)
        os.umask(umask)
        Path(unfinished).chmod(0o666 & ~umask)
        Path(unfinished).replace(path)
    except OSError as error:
        if unfinished is not None:
            Path(unfinished).unlink(missing_ok=True)
        raise InputError(f"a report needs a file that can be written, got {path}: {error.strerror or error}; name another place") from error
    return path


def _why(study: "Study") -> str:
    if study.record.task is Task.OBJECTIVE:
        return ": it tunes an objective and has no network of its own"
    return "; fit the data anew with this version" if "evaluation" not in study.facts else " of its data"


def _titled(made: "go.Figure") -> "go.Figure":
    """With its title above it, which a report has in a heading."""
    made.update_layout(
        title={"text": title_of(made), "x": 0.01, "y": 0.98, "yanchor": "top"}, margin={"t": 72}, height=height_of(made) + 36
    )
    return made
