"""From a verdict to the next experiment: the recipe as ordered actions.

    first        what keeps training itself from going well: steps, gradients, units, the end of training
    high bias    bigger network, longer training, better optimiser, another architecture
    high variance    more data, more l2 or dropout, augmentation, early stopping, a smaller network
    mismatched data  parts that are alike
    over-tuning on dev    a larger dev part
    last         ranges whose end the best trials lie at, ranges whose end came to nothing, a choice among equals

First bias, then variance: what lowers bias may raise variance, which has remedies of its own.
Knows nothing of: studies, how a search is run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, Value
from osetra.diagnosis.bias_variance import BiasVariance, Verdict
from osetra.diagnosis.boundaries import Boundary, entry_like, is_allowed
from osetra.diagnosis.expected import cost_of, effect_of
from osetra.diagnosis.finding import Finding
from osetra.diagnosis.search import Region
from osetra.space.conditions import When
from osetra.space.continuous import Continuous
from osetra.space.counted import Integer, LogInteger, PowersOfTwo
from osetra.space.known import ADAPTIVE_OPTIMIZERS, check_names, check_values
from osetra.space.scale import Scale
from osetra.space.scales import choice, integer, linear, log, log_integer, powers_of_two
from osetra.space.space import Space
from osetra.space.words import print_scale

Entry = Scale | Value | When
ALIKE = "parts that are alike"
"""The action where dev or test rows are of another kind than the rows trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing to do next."""

    name: str
    sentence: str
    """What to do."""
    evidence: str
    """What speaks for it."""
    edits: Mapping[str, Entry] = field(default_factory=dict)
    """Of the space, by hyperparameter; empty where it is no edit of the space."""
    options: Mapping[str, int] = field(default_factory=dict)
    """Of `fit`, such as epochs_per_trial."""
    effect: str = ""
    """What it can bring."""
    cost: str = ""
    """What it takes."""

    @property
    def can_be_typed(self) -> bool:
        """Whether options of `fit` carry it out."""
        return bool(self.edits or self.options)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; each edit as the text that `--set` takes."""
        return {
            "name": self.name,
            "sentence": self.sentence,
            "evidence": self.evidence,
            "edits": {name: print_scale(entry) for name, entry in self.edits.items()},
            "options": dict(self.options),
            "effect": self.effect,
            "cost": self.cost,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the recipe has to know of the study beside the verdict."""

    space: Space
    best: Configuration
    rows: int
    """Of the training part."""
    epochs_per_trial: int
    patience: int | None
    has_images: bool = False
    trial_seconds: float | None = None
    """Of a trial like the best one that trains to its last epoch; None where it is not known."""
    num_parameters: int | None = None
    """Of the best trial."""
    learning_curve: Mapping[str, Any] | None = None
    """As a study's facts keep it; None where none was made."""


def next_space(space: Space, action: Action) -> Space:
    """The space with the action's edits, and `edit` saying what the last one was where it is one of the edits of a space.

    Raises SpaceError for an action that is no edit of the space, and for a value that its hyperparameter cannot take.
    """
    if not action.edits:
        raise SpaceError(
            f"an action must edit the space to make the next one, got {action.name!r}; carry it out by hand: {action.sentence}"
        )
    for name, entry in action.edits.items():
        space = _edited(space, name, entry, action.name)
    check_names(space)
    check_values(space)
    return space


def recipe(
    judged: BiasVariance | None,
    *,
    circumstances: Circumstances,
    curve: Sequence[Finding] = (),
    layers: Sequence[Finding] = (),
    boundaries: Sequence[Boundary] = (),
    search: Sequence[Finding] = (),
    regions: Sequence[Region] = (),
) -> tuple[Action, ...]:
    """What to do, the most urgent first; empty where nothing is to be done. An action of one name is named once, where it comes first.

    judged: None where the errors cannot be compared; the actions then follow from the rest alone.
    """
    actions = _health(circumstances, [*curve, *layers])
    if judged is not None:
        actions += _against_gaps(judged, circumstances)
        # Where the best trials are those with the most units, fewer would be against the evidence.
        if any(boundary.name == "hidden_units" and boundary.end == "upper" for boundary in boundaries):
            actions = [action for action in actions if action.name != "smaller network"]
    for boundary in boundaries:
        told = f"The best value, {_figure(boundary.value)}, lies at the {boundary.end} end of {boundary.old}, as the best trials do"
        edits = {boundary.name: entry_like(circumstances.space, boundary.name, boundary.new)}
        words = f"Search {boundary.name} further, over {boundary.new}"
        actions.append(Action(name=f"wider range of {boundary.name}", sentence=words, evidence=told, edits=edits))
    actions += _of_search(circumstances, search, regions)
    first: dict[str, Action] = {}
    for action in actions:
        first.setdefault(action.name, action)
    return tuple(
        replace(
            action, effect=action.effect or effect_of(action, judged, circumstances), cost=action.cost or cost_of(action, circumstances)
        )
        for action in first.values()
    )


def _of_search(given: Circumstances, search: Sequence[Finding], regions: Sequence[Region]) -> list[Action]:
    actions = []
    for region in regions:
        edits = {region.name: entry_like(given.space, region.name, region.new)}
        told = f"Search {region.name} over {region.new} only"
        actions.append(Action(name=f"narrower range of {region.name}", sentence=told, evidence=_capital(region.sentence), edits=edits))
    for finding in search:
        if finding.name == "cannot tell":
            effect, cost = "a choice that rests on more than luck", "rows that no longer train, or a few more trainings"
            told, evidence = _capital(finding.remedy), _capital(finding.sentence.split("; ")[0])
            actions.append(Action(name="a choice among equals", sentence=told, evidence=evidence, effect=effect, cost=cost))
    return actions


def _health(given: Circumstances, findings: Sequence[Finding]) -> list[Action]:
    by_name = {finding.name: finding for finding in findings}
    actions: list[Action] = []

    def add(name: str, words: str, causes: Sequence[str], edits: Mapping[str, Entry]) -> None:
        cause = next((by_name[cause] for cause in causes if cause in by_name), None)
        # Without edits the space has the remedy already.
        if cause is not None and edits:
            actions.append(Action(name=name, sentence=words, evidence=cause.sentence, edits=edits))

    rate = given.best.get("learning_rate")
    if isinstance(rate, float | int):
        lower, higher = _rates(given, rate / 30, rate / 2), _rates(given, rate * 2, rate * 30)
        too_high = ("diverging", "oscillating", "cost rose", "large steps", "dead units")
        # Steps are small where the gradient has vanished; a higher rate would not bring it back.
        too_low = ("learning rate too low", *(("small steps",) if "vanishing gradients" not in by_name else ()))
        add("lower learning rate", f"Search the learning rate below {rate:.2g}", too_high, lower)
        add("higher learning rate", f"Search the learning rate above {rate:.2g}", too_low, higher)
    if "still falling" in by_name:
        actions.append(_longer(given, by_name["still falling"].sentence))
    gradients = ("exploding gradients", "vanishing gradients")
    add(
        "healthier start",
        "Use batch norm and the scheme's own starting variance",
        (*gradients, "saturated units", "plateau"),
        _start(given),
    )
    clipping = {} if given.best.get("clip_norm") else _entries(given, clip_norm=log(0.1, 10))
    add("gradient clipping", "Clip the gradient, at a length that is searched", gradients[:1], clipping)
    relu = _entries(given, activation=choice("leaky_relu", "elu", "relu"))
    add("another activation", "Choose among leaky_relu, elu and relu", ("dead units", "saturated units", "vanishing gradients"), relu)
    return actions


def _against_gaps(judged: BiasVariance, given: Circumstances) -> list[Action]:
    """First bias, then variance, then what has to do with the parts."""
    actions = []
    if judged.has_bias:
        actions += _against_bias(given, judged.gaps[0].in_words(judged.error_name))
    if judged.has_variance:
        actions += _against_variance(given, judged.gaps[1].in_words(judged.error_name))
    if judged.verdict is Verdict.MISMATCHED:
        told = "Make dev and test rows of the kind that the model is for, and add such rows to the training part"
        actions.append(Action(name=ALIKE, sentence=told, evidence=judged.sentence))
    elif len(judged.gaps) > 2 and judged.gaps[2].is_high:
        told = "Use a larger dev part (--sizes), and a new test part, since this one has been looked at"
        evidence = _capital(judged.gaps[2].in_words(judged.error_name))
        actions.append(Action(name="a larger dev part", sentence=told, evidence=evidence))
    return actions


def _against_bias(given: Circumstances, gap: str) -> list[Action]:
    evidence, actions = _capital(gap), []
    units = _units(given, bigger=True)
    if units:
        told = f"Search bigger networks: the best has hidden_units {_figure(given.best['hidden_units'])}"
        actions.append(Action(name="bigger network", sentence=told, evidence=evidence, edits=units))
    actions.append(_longer(given, evidence))
    optimizer = given.best.get("optimizer", "adam")
    if optimizer in ADAPTIVE_OPTIMIZERS:
        better, told = _entries(given, optimizer=choice("adam", "adamw", "rmsprop")), "Choose among adam, adamw and rmsprop"
    else:
        better = _entries(given, optimizer="adam", learning_rate=log(1e-4, 3e-2))
        told = f"Use adam in place of {optimizer}, with learning rates for it"
    actions.append(Action(name="better optimiser", sentence=told, evidence=evidence, edits=better))
    layers = given.best.get("num_layers")
    other = _entries(given, activation=choice("relu", "elu", "gelu", "silu", "tanh"))
    if isinstance(layers, int):
        other |= _entries(given, num_layers=integer(max(1, layers), layers + 3))
    told = "Try another architecture: more layers, other activations"
    return [*actions, Action(name="another architecture", sentence=told, evidence=evidence, edits=other)]


def _against_variance(given: Circumstances, gap: str) -> list[Action]:
    evidence, rows = _capital(gap), given.rows
    actions = [Action(name="more data", sentence=f"Train on more rows than these {rows:,}, if they can be had", evidence=evidence)]
    penalties: dict[str, Entry] = {}
    l2 = given.best.get("l2", 0.0)
    if isinstance(l2, float | int):
        low = max(float(l2), 1e-5 * rows)
        penalties |= _entries(given, l2=log(_short(low), _short(max(100 * low, 1e-1 * rows))))
    keep = given.best.get("keep_prob", 1.0)
    if isinstance(keep, float | int) and keep > 0.45:
        penalties |= _entries(given, keep_prob=linear(_short(max(0.3, keep - 0.4)), _short(keep)))
    if penalties:
        told = "Search stronger l2 and dropout than the best has" if len(penalties) > 1 else f"Search stronger {next(iter(penalties))}"
        actions.append(Action(name="more l2 or dropout", sentence=told, evidence=evidence, edits=penalties))
    noisy: dict[str, Scale] = {"crop_padding": integer(0, 3), "rotation": linear(0, 15)} if given.has_images else {"noise": linear(0, 0.3)}
    added = {name: scale for name, scale in {**noisy, "mixup": linear(0, 0.4)}.items() if not given.best.get(name)}
    if added:
        told = f"Augment the training part: {' and '.join(added)}"
        actions.append(Action(name="augmentation", sentence=told, evidence=evidence, edits=_entries(given, **added)))
    if given.patience is None:
        patience = max(10, given.epochs_per_trial // 3)
        told = f"End a trial after {patience} epochs without a better one"
        actions.append(Action(name="early stopping", sentence=told, evidence=evidence, options={"patience": patience}))
    units = _units(given, bigger=False)
    if units:
        told = f"Search smaller networks: the best has hidden_units {_figure(given.best['hidden_units'])}"
        actions.append(Action(name="smaller network", sentence=told, evidence=evidence, edits=units))
    return actions


def _longer(given: Circumstances, evidence: str) -> Action:
    epochs = 2 * given.epochs_per_trial
    told = f"Train each trial for up to {epochs} epochs, twice as many"
    return Action(name="longer training", sentence=told, evidence=evidence, options={"epochs_per_trial": epochs})


def _start(given: Circumstances) -> dict[str, Entry]:
    wanted: dict[str, Value] = {"batch_norm": True, "initialisation": "auto", "gain": 1.0}
    changed = {name: value for name, value in wanted.items() if given.best.get(name, value) != value}
    return _entries(given, **changed)


def _rates(given: Circumstances, low: float, high: float) -> dict[str, Entry]:
    return _entries(given, learning_rate=log(_short(low), _short(high)))


def _units(given: Circumstances, *, bigger: bool) -> dict[str, Entry]:
    """Hidden units from the best's to 4 times as many, or from a quarter of it; of a text such as 128-64, each doubled or halved."""
    units = given.best.get("hidden_units")
    if isinstance(units, str):
        each = [max(1, int(part) * 2 if bigger else int(part) // 2) for part in units.split("-")]
        return _entries(given, hidden_units="-".join(map(str, each)))
    if not isinstance(units, int) or (units < 2 and not bigger):
        return {}
    low, high = (units, 4 * units) if bigger else (max(1, units // 4), units)
    is_power = low & (low - 1) == 0 and high & (high - 1) == 0
    return _entries(given, hidden_units=powers_of_two(low, high) if is_power else log_integer(low, high))


def _entries(given: Circumstances, **entries: Scale | Value) -> dict[str, Entry]:
    """Those entries, as the space has them, that its networks can take and that are not there already."""
    there = given.space.entries()
    made = {name: entry_like(given.space, name, entry) for name, entry in entries.items() if is_allowed(name, entry)}
    return {name: entry for name, entry in made.items() if name not in there or print_scale(there[name]) != print_scale(entry)}


def _edited(space: Space, name: str, entry: Entry, why: str) -> Space:
    """By the edit of the space that it is, or else by putting the entry in the place of the old one."""
    old, new = (one.entry if isinstance(one, When) else one for one in (space.entries().get(name), entry))
    ranges = (Continuous, Integer, LogInteger, PowersOfTwo)
    if isinstance(old, ranges) and isinstance(new, ranges) and old.kind == new.kind:
        if new.low <= old.low and old.high <= new.high and new != old:
            return space.widen(name, new.low, new.high, why)
        if old.low <= new.low and new.high <= old.high and new != old:
            return space.narrow(name, new.low, new.high, why)
    if old is not None and not isinstance(old, Scale) and isinstance(new, Scale) and new.contains(old):
        return space.release(name, new, why)
    return space.replace({name: entry})


def _short(value: float) -> float:
    """To 2 digits: a bound that a person reads."""
    return float(f"{value:.2g}")


def _figure(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
