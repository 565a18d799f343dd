"""Several models that answer as one: the weighted mean of their probabilities or values.

    members with one preparation -> selection on the dev part -> Ensemble, with what it gains and what it costs

Knows nothing of: how the members were trained or found, files of models.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from osetra.core.errors import ModelError
from osetra.data.prepare import Preparation
from osetra.models.model import Model
from osetra.models.predictor import Predictor
from osetra.models.selection import SIZE, Gain, gain, select

TIMED_ROWS = 2_000
"""Rows scored to tell what a row takes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Ensemble(Predictor):
    """Models behind one preparation. Nothing in it changes, so threads may share it; what `data` may be, `Predictor` says.

    Raises ModelError for no member, weights that are not > 0 with sum 1, one for each member, and members of different preparations.
    """

    members: tuple[Model, ...]
    weights: tuple[float, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    preparation: Preparation = field(init=False)
    feature_names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        members, weights = tuple(self.members), tuple(float(weight) for weight in self.weights)
        if not members:
            raise ModelError("an ensemble must have members, got none; give at least one model")
        is_whole = len(weights) == len(members) and all(weight > 0 for weight in weights) and abs(sum(weights) - 1) < 1e-9
        if not is_whole:
            raise ModelError(
                f"the weights of an ensemble must be > 0 with sum 1, one for each of its {len(members)} members, got {weights}; "
                "leave out members that do not count"
            )
        _require_one_preparation(members)
        object.__setattr__(self, "members", members)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "preparation", members[0].preparation)
        object.__setattr__(self, "feature_names", members[0].feature_names)

    @property
    def num_parameters(self) -> int:
        return sum(member.num_parameters for member in self.members)

    def prepared_outputs(self, inputs: np.ndarray) -> np.ndarray:
        """The weighted mean of what the members say of prepared inputs [rows, num_inputs], float32.

        Summed in float64 in the order of the members, so that a row scores to the same bits wherever it stands.
        """
        total = np.zeros((len(inputs), self.preparation.num_outputs), np.float64)
        for member, weight in zip(self.members, self.weights, strict=True):
            total += weight * member.prepared_outputs(inputs).astype(np.float64)
        return total.astype(np.float32)

    def __repr__(self) -> str:
        count = f"{len(self.members)} member{'s' * (len(self.members) != 1)}"
        return f"<Ensemble: {self.preparation.task} of {', '.join(self.preparation.target_names)}, {count}>"


def build_ensemble(
    members: Sequence[Model],
    inputs: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    size: int = SIZE,
    seed: int = 0,
) -> Ensemble:
    """The ensemble that greedy selection on these rows makes of the candidates `members`; those that do not count are left out.

    inputs: prepared, float32 [rows, num_inputs], of the dev part. targets: as `Preparation.targets` gives them. weights: of the rows, > 0,
    [rows]. size, seed: see `selection.select`. The ensemble's `facts["ensemble"]` say what it is made of, gains and costs:

        members      trial (if the member's facts name one), weight
        gain         see `selection.Gain`; `best` is the place among the candidates
        parameters, microseconds_per_row    of `best` and of the `ensemble`, times measured here on up to 2,000 rows
        sentence     all this for a person

    Raises ModelError for no candidates, different preparations, and shapes that do not fit.
    """
    members = tuple(members)
    if not members:
        raise ModelError("an ensemble is chosen among models, got none; give at least one")
    _require_one_preparation(members)
    outputs = np.stack([member.prepared_outputs(inputs) for member in members])
    chosen = select(outputs, targets, weights=weights, size=size, seed=seed)
    scale = members[0].preparation.error_scale
    found = gain(outputs, targets, chosen, weights=weights, size=size, seed=seed, error_scale=scale)
    kept = [number for number in range(len(members)) if chosen[number] > 0]
    ensemble = Ensemble(members=tuple(members[number] for number in kept), weights=tuple(chosen[kept].tolist()))
    best = members[found.best]
    facts = {
        "candidates": len(members),
        "members": [
            {"trial": member.facts.get("trial"), "weight": weight}
            for member, weight in zip(ensemble.members, ensemble.weights, strict=True)
        ],
        "gain": found.to_dict(),
        "parameters": {"best": best.num_parameters, "ensemble": ensemble.num_parameters},
        "microseconds_per_row": {"best": _time_a_row(best, inputs), "ensemble": _time_a_row(ensemble, inputs)},
    }
    is_rate = best.preparation.task.is_classification
    facts["sentence"] = _sentence(found, facts, "error rate" if is_rate else "RMSE", best)
    return Ensemble(members=ensemble.members, weights=ensemble.weights, facts={"ensemble": facts})


def _require_one_preparation(members: Sequence[Model]) -> None:
    first = members[0]
    for number, member in enumerate(members[1:], start=2):
        is_same = member.preparation is first.preparation or member.preparation.to_dict() == first.preparation.to_dict()
        if not is_same or member.feature_names != first.feature_names:
            raise ModelError(
                f"the members of an ensemble must share one preparation, got another in member {number}; take models of one study"
            )


def _time_a_row(model: Predictor, inputs: np.ndarray) -> float:
    """Microseconds, the least of three tries, which other work on the machine disturbs least."""
    rows = inputs[:TIMED_ROWS]
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        model.prepared_outputs(rows)
        seconds.append(time.perf_counter() - began)
    return min(seconds) / len(rows) * 1e6


def _sentence(found: Gain, facts: Mapping[str, Any], error_name: str, best: Model) -> str:
    """What it gains and costs, for a person."""

    def said(error: float) -> str:
        return f"{100 * error:.2f} %" if error_name == "error rate" else f"{error:.4g}"

    alone = "the best member alone" if best.facts.get("trial") is None else f"trial {best.facts['trial']} alone"
    if found.high < 0 or found.low > 0:
        least, most = sorted((abs(found.low), abs(found.high)))
        than = "better" if found.high < 0 else "worse"
        verdict = f"is {than} by {said(abs(found.difference))} (95 % interval {said(least)} to {said(most)})"
    else:
        verdict = f"differs by {said(found.difference)} (95 % interval {said(found.low)} to {said(found.high)}), which may be chance"
    parameters, times = facts["parameters"], facts["microseconds_per_row"]
    models = f"{len(facts['members'])} of {facts['candidates']} models"
    return (
        f"An ensemble of {models} has dev {error_name} {said(found.error)}, {alone} {said(found.best_error)}; "
        f"on rows that had no say in choosing, it {verdict}. It has {parameters['ensemble']:,} parameters against {parameters['best']:,} "
        f"and takes {times['ensemble']:.2g} us a row against {times['best']:.2g}."
    )
