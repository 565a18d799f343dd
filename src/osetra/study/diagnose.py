"""`Study.diagnose`: what stands between a study's network and a better one, from its records alone; nothing is trained.

Knows nothing of: how it is printed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osetra.core.errors import StudyError
from osetra.core.records import Task, Trial
from osetra.diagnosis.actions import Action, Circumstances, next_space, recipe
from osetra.diagnosis.bias_variance import BiasVariance, Verdict, judge, rate_of, scaled_like
from osetra.diagnosis.boundaries import boundaries
from osetra.diagnosis.curves import read_curve
from osetra.diagnosis.finding import Finding
from osetra.diagnosis.gradients import Probe, judge_layers
from osetra.diagnosis.intervals import Measured

if TYPE_CHECKING:
    from osetra.space.space import Space
    from osetra.study.handle import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The verdict on one trial of a study, what it rests on, and what to do."""

    study: str
    trial: int
    gaps: BiasVariance | None
    """None for a trial whose errors cannot be compared, such as one that diverged."""
    curve: tuple[Finding, ...]
    layers: tuple[Finding, ...]
    actions: tuple[Action, ...]
    """In the order in which to take them."""
    space: "Space"
    sentence: str
    """The verdict with its numbers, or why there is none."""

    @property
    def verdict(self) -> Verdict | None:
        return None if self.gaps is None else self.gaps.verdict

    @property
    def first_action(self) -> Action | None:
        """The first that options of `fit` carry out, or else the first; None where there is nothing to do."""
        return next((action for action in self.actions if action.can_be_typed), self.actions[0] if self.actions else None)

    def next_space(self, action: Action) -> "Space":
        """The study's space with the action's edits. Raises SpaceError for an action that does not edit the space."""
        return next_space(self.space, action)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "study": self.study,
            "trial": self.trial,
            **({"verdict": None, "sentence": self.sentence, "gaps": []} if self.gaps is None else self.gaps.to_dict()),
            "curve": [finding.to_dict() for finding in self.curve],
            "layers": [finding.to_dict() for finding in self.layers],
            "actions": [action.to_dict() for action in self.actions],
        }


def diagnose(study: "Study", *, base_error: float = 0.0, trial: int | None = None) -> Diagnosis:
    """Judge the best trial of a study, or another one.

    base_error: the lowest error that can be hoped for, such as that of people, in units of the study's error (0.05 is 5 %). Of the best
    network the errors are the study's own; of another trial dev is that of its best epoch, and there is no test; one that
    was not trained to its end, or diverged, is judged by curve and layers alone. The verdict is on one
    network, also where the study's model is an ensemble. Raises StudyError for a study of an objective, one without errors to compare,
    and an unknown trial; InputError for a base error that makes no sense.
    """
    record, facts = study.record, study.facts
    if record.task is Task.OBJECTIVE:
        raise StudyError(
            f"a diagnosis needs a study of osetra's own networks, got {study.name!r}, which tunes an objective and has no training error; "
            f"see what mattered with osetra show {study.name}"
        )
    best = study.best
    one = best if trial is None else study.trial(trial)
    is_best = one.number == best.number
    judged = None
    if _is_measured(one, study, is_asked_for=trial is not None):
        pairs = (facts.get("shift") or {}).get("pairs", ())
        judged = judge(
            *_errors(study, one, is_best=is_best), error_name=record.error_name, base_error=base_error, shifts=pairs,
            notes=_notes(facts, is_best=is_best),
        )  # fmt: skip
    events = study.events(one.number)
    rose = next((event.epoch for event in events if event.kind == "cost rose"), None)
    curve = read_curve(study.curve(one.number), state=one.state, reason=one.reason, cost_rose=rose)
    probes = [Probe(epoch=event.epoch or 0, layers=event.detail["layers"]) for event in events if event.kind == "probe"]
    hidden = max((len(probe.layers) for probe in probes), default=1) - 1
    layers = judge_layers(probes, activations=_activations(one.configuration.get("activation", "relu"), hidden))
    found = boundaries(study.space, study.trials(), best=best) if is_best else ()
    circumstances = Circumstances(
        space=study.space, best=one.configuration, rows=facts["split"]["sizes"][0], epochs_per_trial=facts["epochs_per_trial"],
        patience=facts.get("patience"), has_images="images" in facts.get("fingerprint", {}),
    )  # fmt: skip
    actions = recipe(judged, circumstances=circumstances, curve=curve, layers=layers, boundaries=found)
    why = f"No verdict on bias and variance: trial {one.number} {one.state} ({one.reason}), and its training error was not measured"
    return Diagnosis(
        study=study.name, trial=one.number, gaps=judged, curve=curve, layers=layers, actions=actions, space=study.space,
        sentence=why if judged is None else judged.sentence,
    )  # fmt: skip


def _is_measured(trial: Trial, study: "Study", *, is_asked_for: bool) -> bool:
    """Whether its errors can be compared; StudyError where they cannot and no trial was asked for, so that there is no other answer."""
    is_measured = trial.train_error is not None and trial.dev_error is not None and trial.state.can_win
    if not is_measured and not is_asked_for:
        raise StudyError(
            f"a diagnosis needs a training and a dev error, got {study.name!r}, whose best trial, {trial.number}, is {trial.state} and has "
            "none in training; let the study come to its end, or name a trial"
        )
    return is_measured


def _errors(study: "Study", trial: Trial, *, is_best: bool) -> tuple[Measured, Measured, Measured | None]:
    """Of training, dev and test, all of the one network."""
    facts = study.facts
    assert trial.train_error is not None
    assert trial.dev_error is not None
    # Of an ensemble the record keeps its best network's errors beside its own.
    own = facts.get("single") or facts
    if not own.get("dev"):
        raise StudyError(f"a diagnosis needs a study that has ended, with a model that was measured, got {study.name!r}; wait for its end")
    known = _measured(own["dev"])
    rows, dev_rows, _ = facts["split"]["sizes"]
    if study.record.task.is_classification:
        training = rate_of(trial.train_error, rows)
        dev = known if is_best else rate_of(trial.dev_error, dev_rows, known.effective_rows)
    else:
        training = scaled_like(known, trial.train_error, rows)
        dev = known if is_best else scaled_like(known, trial.dev_error, dev_rows)
    return training, dev, _measured(own["test"]) if is_best and own.get("test") else None


def _measured(fact: Mapping[str, Any]) -> Measured:
    return Measured(
        value=fact["value"], low=fact["low"], high=fact["high"], rows=fact["rows"], effective_rows=fact.get("effective_rows")
    )  # fmt: skip


def _notes(facts: Mapping[str, Any], *, is_best: bool) -> list[str]:
    notes = []
    if facts.get("weights"):
        column = facts["weights"]["column"]
        notes.append(f"Dev and test rows are weighed by {column}, training rows are not, so part of a gap may come from the weights.")
    if facts.get("class_weight") and not is_best:
        notes.append("Class weights count in this trial's dev error and not in its training error.")
    if facts.get("single"):
        notes.append("The model is an ensemble; this is about its best network alone, of which the training error is known.")
    return notes


def _activations(given: Any, hidden: int) -> list[str]:
    parts = str(given).split("-")
    return parts * hidden if len(parts) == 1 else parts
