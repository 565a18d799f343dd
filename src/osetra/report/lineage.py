"""The lineage of a trial: from its initialisation to the model's file, told as a story.

What came before a branch is told first, from the trial that it branched from, as far as the branch took it over.
Knows nothing of: stores, terminals, how trials are trained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from osetra.core.records import Command, CommandState, Event, Study, StudyState, Trial, TrialState
from osetra.report import words

_PASSED_OVER = frozenset({"probe", "started", "warm start", "branched"})
"""Kinds of events that are no steps: what layers look like, and how a trial began, which is told at its beginning."""
_SET = frozenset({"set", "extended", "suggested"})
STEERED = frozenset({"set", "extended", "rolled back", "branched", "paused", "continued", "suggested"})
"""Kinds of events that say what people and the babysitter did, or would."""
_ENDS = frozenset(str(state) for state in TrialState if state.is_over)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One sentence of the story."""

    trial: int
    epoch: int | None
    """Epochs completed when it happened."""
    who: str
    at: datetime | None
    """None for what is said of the whole and did not happen at one moment."""
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        at = None if self.at is None else self.at.isoformat()
        return {"trial": self.trial, "epoch": self.epoch, "who": self.who, "at": at, "sentence": self.sentence}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The story of one trial."""

    study: str
    trial: int
    steps: tuple[Step, ...]
    """In the order in which they happened."""
    is_model: bool
    """Whether its network is the study's model."""
    model: str | None
    """The folder of the model, if it is this trial's and was saved."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "study": self.study, "trial": self.trial, "is_model": self.is_model, "model": self.model,
            "steps": [step.to_dict() for step in self.steps],
        }  # fmt: skip


def lineage(study: Study, line: Sequence[tuple[Trial, Sequence[Event]]], commands: Sequence[Command] = ()) -> Lineage:
    """Tell the story of the last trial of `line`.

    line: the trial, with its events, and before it those that it comes from by branching, the first one first. commands: of the study; of
    those that wait it is told, and the reason for which one was stopped is taken from them.
    """
    steps: list[Step] = []
    for place, (trial, events) in enumerate(line):
        following = line[place + 1][1] if place + 1 < len(line) else None
        branch = None if following is None else _branched(following)
        asked = [command for command in commands if command.trial == trial.number]
        steps.append(_beginning(study, trial, events))
        steps += [_step(event, trial, asked, study.error_name) for event in events if _is_told(event, branch)]
    last = line[-1][0]
    steps += [_waiting(command) for command in commands if command.trial == last.number and command.state is CommandState.WAITING]
    is_model = study.facts.get("best") == last.number and not _is_ensemble(study)
    end = Step(trial=last.number, epoch=last.epochs, who="osetra", at=None, sentence=_end(study, last, is_model=is_model))
    model = study.facts.get("model") if is_model else None
    return Lineage(study=study.name, trial=last.number, steps=(*steps, end), is_model=is_model, model=model)


def parent_of(events: Sequence[Event]) -> int | None:
    """The trial that one with these events branched from; None: it began of its own."""
    branch = _branched(events)
    return None if branch is None else int(branch.detail["from"])


def told(event: Event, error_name: str) -> str | None:
    """What happened, as a sentence that begins small and has no stop; None for what is not told."""
    if event.kind in _PASSED_OVER:
        return None
    detail = event.detail
    if event.kind in _ENDS:
        return f"it ended, {event.kind}" + _because(detail.get("reason"), ": {}")
    sentence = {
        "promoted": lambda: f"it climbed a rung and went on, up to epoch {detail['until']}",
        "taken in hand": lambda: _taken(event),
        "set": lambda: f"{_who(event)} set {_changes(detail)}",
        "suggested": lambda: f"{_who(event)} suggested to {_suggested(detail)}",
        "extended": lambda: f"{event.who} gave it up to {detail['total']} epochs, {detail['old']} before",
        "paused": lambda: f"{event.who} had it stand still",
        "continued": lambda: f"{event.who} had it go on",
        "rolled back": lambda: _rolled_back(event),
        "cost rose": lambda: f"its cost rose from {words.value(detail['from'])} to {words.value(detail['to'])}",
        "tested": lambda: f"it was measured on test, once: {words.interval(detail, error_name)}",
    }.get(event.kind, lambda: event.kind)()
    return sentence + _because(detail.get("why"), " ({})")


def _branched(events: Sequence[Event]) -> Event | None:
    return next((event for event in events if event.kind == "branched"), None)


def _is_told(event: Event, branch: Event | None) -> bool:
    """Whether it is a step; of a trial that another branched from, whether that one took it over."""
    if event.kind in _PASSED_OVER:
        return False
    if branch is None:
        return True
    at = int(branch.detail["epoch"])
    if event.at > branch.at or event.epoch is None or event.kind in _ENDS:
        return False
    return event.epoch < at if event.kind in _SET else event.epoch <= at


def _beginning(study: Study, trial: Trial, events: Sequence[Event]) -> Step:
    branch = _branched(events)
    at = next((event.at for event in events if event.kind in ("started", "branched")), None)
    if branch is not None:
        detail = branch.detail
        changed = _listed(detail["settings"]) or "nothing else changed"
        sentence = (
            f"{branch.who} branched trial {trial.number} from trial {detail['from']} at the end of epoch {detail['epoch']}, with {changed}"
        )
        sentence += _because(detail.get("why"), " ({})")
        return Step(trial=trial.number, epoch=branch.epoch, who=branch.who, at=at, sentence=f"{sentence}.")
    scheme = trial.configuration.get("initialisation", "auto")
    sentence = (
        f"Trial {trial.number} began with weights drawn by initialisation {scheme} from the study's seed {study.seed} and its own number"
    )
    warm = next((event.detail for event in events if event.kind == "warm start"), None)
    if warm is not None:
        fitted = f", changed to fit: {', '.join(map(str, warm['changes']))}" if warm.get("changes") else ""
        sentence += f"; its configuration is that of trial {warm['trial']} of study {warm['study']}{fitted}"
    source = _finalist(study, trial)
    if source is not None:
        sentence += f"; it is the configuration of trial {source}, trained anew in the finals"
    return Step(trial=trial.number, epoch=0, who="osetra", at=at, sentence=f"{sentence}.")


def _finalist(study: Study, trial: Trial) -> int | None:
    """The trial whose configuration this one repeated in the finals."""
    results = study.facts.get("finals_results") or ()
    found = next((int(one["trial"]) for one in results if one["configuration"] == dict(trial.configuration)), None)
    return None if found is None or found >= trial.number else found


def _step(event: Event, trial: Trial, asked: Sequence[Command], error_name: str) -> Step:
    sentence, who = told(event, error_name) or event.kind, event.who
    if event.kind == "stopped":
        # The event is the end of the trial, which knows the command's words and not its reason.
        stop = next((one for one in reversed(asked) if one.kind == "stop" and one.state is CommandState.DONE), None)
        if stop is not None and stop.who in str(event.detail.get("reason", "")):
            who, sentence = stop.who, sentence + _because(stop.why, " ({})")
    after = "" if not event.epoch or event.kind in _ENDS else f"After epoch {event.epoch} "
    return Step(trial=trial.number, epoch=event.epoch, who=who, at=event.at, sentence=_sentence(after + sentence))


def _waiting(command: Command) -> Step:
    told = f"{command.who} asked for {command.kind}, which waits to be carried out{_because(command.why, ' ({})')}"
    return Step(trial=command.trial or 0, epoch=None, who=command.who, at=command.at, sentence=_sentence(told))


def _rolled_back(event: Event) -> str:
    forgotten: dict[str, Any] = {}
    for change in event.detail.get("forgotten", ()):
        forgotten |= change["settings"]
    kept = event.detail.get("settings") or {}
    forgotten = {name: old for name, old in forgotten.items() if name not in kept}
    rest = f", and what was set since was undone: {_listed(forgotten)}" if forgotten else ""
    changed = f" and set {_changes(event.detail)}" if event.detail.get("settings") else ""
    return f"{_who(event)} rolled it back from epoch {event.detail['from']}{changed}{rest}"


def _taken(event: Event) -> str:
    if not event.epoch:
        return "it was in hand from the first epoch on: people decide about it, and no search"
    return "it was taken in hand: from here on people decide about it, and no longer the search"


def _suggested(detail: Mapping[str, Any]) -> str:
    back = detail.get("rollback_to")
    todo = [] if back is None else [f"roll it back to epoch {back}"]
    return " and ".join([*todo, *([f"set {_listed(detail['settings'])}"] if detail.get("settings") else [])])


def _who(event: Event) -> str:
    """A person's name, or the babysitter with the rule by which it judged."""
    return f"the {event.who} (rule {event.detail['rule']})" if event.detail.get("rule") else event.who


def _end(study: Study, trial: Trial, *, is_model: bool) -> str:
    facts = study.facts
    best = ""
    if trial.dev_error is not None:
        error = words.error(trial.dev_error, study.error_name)
        best = f"Its best {words.part('dev', study.error_name)} was {error}, at epoch {trial.best_epoch}. "
    if is_model:
        place = f"saved in {facts['model']}" if facts.get("model") else "not saved to a file: no folder for models was given"
        return f"{best}Its weights of epoch {trial.best_epoch} became the study's model, {place}."
    if study.state is StudyState.RUNNING:
        stands = f"It stands at the end of epoch {trial.epochs}, {trial.state}"
        return f"{best}{stands}; which trial becomes the model is open while the study runs."
    if _is_ensemble(study):
        return f"{best}The study's model is an ensemble" + (f", saved in {facts['model']}." if facts.get("model") else ".")
    if facts.get("best") is not None:
        return f"{best}It did not become the model; trial {facts['best']} did."
    return f"{best}The study has no model ({study.reason or study.state})."


def _is_ensemble(study: Study) -> bool:
    return bool((study.facts.get("ensemble") or {}).get("is_model"))


def _changes(detail: Mapping[str, Any]) -> str:
    old = detail.get("old") or {}
    named = [f"{name} from {words.value(old[name])} to {words.value(new)}" if old.get(name) is not None else f"{name} to {words.value(new)}"
             for name, new in detail["settings"].items()]  # fmt: skip
    return ", ".join(named)


def _listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {words.value(value)}" for name, value in settings.items())


def _because(why: Any, form: str) -> str:
    return form.format(why) if why else ""


def _sentence(text: str) -> str:
    # A sentence may also begin with a person's name, which stays as it is.
    return f"{text[:1].upper()}{text[1:]}." if text.startswith(("it ", "its ", "the babysitter ")) else f"{text}."


def local(at: datetime) -> str:
    """A moment as the person's clock shows it."""
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
