"""`Study.diagnose`: what stands between a study's network and a better one, from its records alone; nothing is trained.

Knows nothing of: how it is printed.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from osetra.core.direction import as_given, maximizes
from osetra.core.errors import StudyError
from osetra.core.records import Task, Trial
from osetra.diagnosis import base_error as base
from osetra.diagnosis.actions import ALIKE, Action, Circumstances, next_space, recipe
from osetra.diagnosis.bias_variance import PRACTICAL_RATE, BiasVariance, Verdict, judge, rate_of, scaled_like
from osetra.diagnosis.boundaries import Boundary, boundaries
from osetra.diagnosis.curves import read_curve
from osetra.diagnosis.finding import Finding
from osetra.diagnosis.gradients import Probe, judge_layers
from osetra.diagnosis.intervals import Measured
from osetra.diagnosis.ranking import Ranking, rank
from osetra.diagnosis.search import Region, infeasible, judge_search
from osetra.diagnosis.slices import slice_findings
from osetra.report.gathered import probes_of
from osetra.report.references import KNOWN
from osetra.study.judged import judged_trials

if TYPE_CHECKING:
    from osetra.space.space import Space
    from osetra.study.handle import Study


_PROBED = frozenset({"layer", "gradient_norm", "update_ratio", "activation_mean", "activation_deviation", "dead_units", "saturated"})
"""Of a layer, what is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The verdict on one trial of a study, what it rests on, and what to do."""

    study: str
    trial: int
    gaps: BiasVariance | None
    """None for a trial whose errors cannot be compared, such as one that diverged."""
    curve: tuple[Finding, ...]
    layers: tuple[Finding, ...]
    data: tuple[Finding, ...] = ()
    """What is odd about the rows: columns that give the target away; slices, of the best trial only, and where the model is an ensemble, of
    how that does."""
    references: tuple[Finding, ...] = ()
    """Where a simple model does better than the network."""
    search: tuple[Finding, ...] = ()
    """What is odd about the search that found the best trial; empty for another trial."""
    ranking: Ranking | None = None
    """How sure it is that the best trial is the best; None for another trial, and where there is nothing to compare it with."""
    actions: tuple[Action, ...]
    """In the order in which to take them."""
    space: "Space"
    sentence: str
    """The verdict with its numbers, or why there is none."""
    sample: str = ""
    """That the search was judged by a sample of its trials; empty where by all."""

    @property
    def verdict(self) -> Verdict | None:
        return None if self.gaps is None else self.gaps.verdict

    @property
    def first_action(self) -> Action | None:
        """The first that options of `fit` carry out, or else the first; where parts differ, making them alike; None: nothing to do."""
        if self.verdict is Verdict.MISMATCHED:
            return next(action for action in self.actions if action.name == ALIKE)
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
            "data": [finding.to_dict() for finding in self.data],
            "references": [finding.to_dict() for finding in self.references],
            "search": [finding.to_dict() for finding in self.search],
            "ranking": None if self.ranking is None else self.ranking.to_dict(),
            "actions": [action.to_dict() for action in self.actions],
            "sample": self.sample,
        }


def diagnose(study: "Study", *, base_error: float | None = None, trial: int | None = None) -> Diagnosis:
    """Judge the best trial of a study, or another one.

    base_error: the lowest error that can be hoped for, such as that of people, in units of the study's error (0.05 is 5 %); None:
    estimated from the study's references, as `diagnosis.base_error` says, or 0 where it has none. Of the best network the errors are the
    study's own; of another trial dev is that of its best epoch, and there is no test; one that was not trained to its end, or diverged, is
    judged by curve and layers alone. The verdict is on one network, also where the study's model is an ensemble. Of a study of an objective
    the search alone is judged. Raises StudyError for a study without errors to compare or without a value, and an unknown trial;
    InputError for a base error that makes no sense.
    """
    record, facts = study.record, study.facts
    if record.task is Task.OBJECTIVE:
        return _of_objective(study, trial)
    best = study.best
    one = best if trial is None else study.trial(trial)
    is_best = one.number == best.number
    judged, beside = None, ()
    known = facts.get("references")
    if _is_measured(one, study, is_asked_for=trial is not None):
        pairs = (facts.get("shift") or {}).get("pairs", ())
        training, dev, test = _errors(study, one, is_best=is_best)
        estimated = base.estimate(training, known, error_name=record.error_name)
        judged = judge(
            training, dev, test, error_name=record.error_name, base_error=estimated if base_error is None else base_error, shifts=pairs,
            notes=_notes(facts, is_best=is_best),
        )  # fmt: skip
        beside = base.compared(training, dev, known, error_name=record.error_name)
    events = study.events(one.number)
    rose = next((event.epoch for event in events if event.kind == "cost rose"), None)
    # Within the last tenth of such a schedule the rate is under 3 % of its highest.
    is_annealed = one.configuration.get("schedule") in ("cosine", "one_cycle") and one.epochs >= 0.9 * facts["epochs_per_trial"]
    epochs = study.curve(one.number)
    curve = read_curve(
        epochs, state=one.state, reason=one.reason, cost_rose=rose, is_annealed=is_annealed,
        is_averaged=one.configuration.get("weight_averaging", 0) != 0,
        practical=PRACTICAL_RATE if record.task.is_classification else 0.0,
    )  # fmt: skip
    probes = [Probe(epoch=seen["epoch"], layers=seen["layers"]) for seen in probes_of(events) if _is_whole(seen["layers"])]
    hidden = max((len(probe.layers) for probe in probes), default=1) - 1
    layers = judge_layers(probes, activations=_activations(one.configuration.get("activation", "relu"), hidden))
    trials, sample = judged_trials(study) if is_best else ((), "")
    found = _boundaries(study, trials, best) if is_best else ()
    data = _leaks(known) + (slice_findings(facts.get("evaluation"), record.error_name) if is_best else ())
    circumstances = Circumstances(
        space=study.space, best=one.configuration, rows=facts["split"]["sizes"][0], epochs_per_trial=facts["epochs_per_trial"],
        patience=facts.get("patience"), has_images="images" in facts.get("fingerprint", {}),
        trial_seconds=one.seconds / one.epochs * facts["epochs_per_trial"] if one.epochs else None, num_parameters=one.num_parameters,
        learning_curve=facts.get("learning_curve") if is_best else None,
    )  # fmt: skip
    ranking, searched, ends = _search(study, trials, best, judged, found) if is_best else (None, (), ())
    actions = recipe(judged, circumstances=circumstances, curve=curve, layers=layers, boundaries=found, search=searched, regions=ends)
    why = f"No verdict on bias and variance: trial {one.number} {one.state} ({one.reason}), and its training error was not measured"
    return Diagnosis(
        study=study.name, trial=one.number, gaps=judged, curve=curve, layers=layers, data=data, references=beside, search=searched,
        ranking=ranking, actions=actions, space=study.space, sentence=why if judged is None else judged.sentence, sample=sample,
    )  # fmt: skip


def _of_objective(study: "Study", trial: int | None) -> Diagnosis:
    """Values alone are known: what they say of the search."""
    best = study.best
    one = best if trial is None else study.trial(trial)
    is_best = one.number == best.number
    trials, sample = judged_trials(study) if is_best else ((), "")
    found = _boundaries(study, trials, best) if is_best else ()
    ranking, searched, ends = _search(study, trials, best, None, found) if is_best else (None, (), ())
    circumstances = Circumstances(
        space=study.space, best=one.configuration, rows=0, epochs_per_trial=study.facts.get("epochs_per_trial") or 1, patience=None
    )
    return Diagnosis(
        study=study.name, trial=one.number, gaps=None, curve=(), layers=(), search=searched, ranking=ranking, space=study.space,
        sample=sample,
        actions=recipe(None, circumstances=circumstances, boundaries=found, search=searched, regions=ends),
        sentence="No verdict on bias and variance: an objective has values alone, which speak of the search"
        + ("" if is_best else f"; see the best trial, {best.number}"),
    )  # fmt: skip


def _search(
    study: "Study", trials: Sequence[Trial], best: Trial, judged: BiasVariance | None, found: Sequence[Boundary]
) -> tuple[Ranking | None, tuple[Finding, ...], tuple[Region, ...]]:
    """The ranking, what is odd about the search, and the region that came to nothing. trials: as `judged_trials` gives them."""
    record, facts, space = study.record, study.facts, study.space
    finals = facts.get("finals_results") or ()
    ranking = rank(
        trials, best=study.store.trial(record.name, best.number), space=space, error_name=record.error_name,
        dev=None if judged is None else judged.errors["dev"], finals=finals, curve=study.store.curve(record.name, best.number),
        maximize=maximizes(record),
    )  # fmt: skip
    # A finalist's seeds are the same configuration on purpose; the trial that found it is numbered below them.
    first = {tuple(sorted(one["configuration"].items())): one["trial"] for one in finals}
    own = [trial for trial in trials if first.get(tuple(sorted(trial.configuration.items())), trial.number) == trial.number]
    region = infeasible(space, own)
    try:
        importances = {one.name: asdict(one) for one in study.importance().hyperparameters}
    except StudyError:
        # Too few trials to tell, or nothing searched.
        importances = {}
    findings = judge_search(
        space, own, error_name=record.error_name, ranking=ranking, boundaries=found, region=region, importances=importances, gaps=judged
    )
    return ranking, findings, () if region is None else (region,)


def _boundaries(study: "Study", trials: Sequence[Trial], best: Trial) -> tuple[Boundary, ...]:
    return boundaries(study.space, [as_given(study.record, trial) for trial in trials], best=best)


def _leaks(known: Mapping[str, Any] | None) -> tuple[Finding, ...]:
    """Columns that give the target away, from the study's references."""
    return tuple(
        Finding(
            name="leak", sentence=leak["sentence"].removesuffix(KNOWN), certainty="plain; whether it is a mistake, only you can tell",
            remedy=f"if it is not known at prediction time, train without it: --drop {shlex.quote(leak['column'])}", figure="references",
        )
        for leak in (known or {}).get("leaks", ())
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


def _is_whole(layers: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a probe says of every layer all that is judged."""
    return bool(layers) and all(layer.keys() >= _PROBED for layer in layers)


def _activations(given: Any, hidden: int) -> list[str]:
    parts = str(given).split("-")
    return parts * hidden if len(parts) == 1 else parts
