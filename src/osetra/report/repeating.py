"""The command or the call that makes a study anew, from what its record keeps.

Knows nothing of: how a study is run.
"""

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from osetra.core.records import Study, Task

if TYPE_CHECKING:
    from osetra.space.space import Space

IN_MEMORY = "in memory"
"""Stands in a record for data that were handed over in memory."""
_PLAIN = ("task", "groups", "epochs_per_trial", "patience", "warm_start", "weights", "workers")
_FLAGS = {"time_column": "time"}


def command(study: Study, *, more: str = "") -> str | None:
    """`osetra fit DATA --target T ... --seed 0`, with `more` behind it. None for a study that no command makes: one of an objective, of
    data in memory, or one that does not know what it was asked for.
    """
    asked = study.facts.get("asked")
    if study.task is Task.OBJECTIVE or not asked or IN_MEMORY in (asked.get("data"), asked.get("dev"), asked.get("test")):
        return None
    given: list[str] = ["osetra", "fit", study.source]
    targets = asked.get("target")
    for name in targets if isinstance(targets, list) else [targets]:
        given += [] if name is None else ["--target", str(name)]
    for name, amount in (study.facts.get("budget") or {}).items():
        if amount is not None:
            given += ["--budget", f"{amount:g}s"] if name == "seconds" else [f"--{name}", str(amount)]
    for name in (*_PLAIN, *_FLAGS):
        if asked.get(name) is not None:
            given += [f"--{_FLAGS.get(name, name).replace('_', '-')}", str(asked[name])]
    for name in asked.get("drop") or ():
        given += ["--drop", str(name)]
    if asked.get("sizes"):
        given += ["--sizes", ",".join(f"{size:g}" for size in asked["sizes"])]
    if asked.get("strategy", "waves") != "waves":
        given += ["--strategy", asked["strategy"]]
    given += ["--panda"] if study.facts.get("strategy") == "panda" else []
    given += ["--babysitter", asked["babysitter"]] if asked.get("babysitter") is not None else []
    given += ["--no-finals"] if asked.get("finals") is False else []
    given += ["--ensemble"] if asked.get("ensemble") else []
    for part in ("dev", "test"):
        given += [f"--{part}", asked[part]] if isinstance(asked.get(part), str) else []
    given += ["--no-test"] if asked.get("test") is False else []
    weights = asked.get("class_weight")
    if weights:
        told = ",".join(f"{label}={weight:g}" for label, weight in weights) if isinstance(weights, list) else str(weights)
        given += ["--class-weight", told]
    given += ["--seed", str(study.seed)]
    return " ".join([*map(shlex.quote, given), *([more] if more else [])])


def space_options(space: "Space") -> str:
    """`--set` of every hyperparameter, which makes the very space whatever a version's own is."""
    from osetra.space.words import print_scale

    return " ".join(f"--set {name}={shlex.quote(print_scale(entry))}" for name, entry in space.entries().items())


def call(study: Study, space: "Space | None" = None) -> str:
    """The same for Python, where data or objective come from a program."""
    facts = study.facts
    budget = {name: amount for name, amount in (facts.get("budget") or {}).items() if amount is not None}
    options: dict[str, Any] = {("budget" if name == "seconds" else name): amount for name, amount in budget.items()} | {"seed": study.seed}
    if study.task is Task.OBJECTIVE:
        options |= {"strategy": facts.get("strategy"), "direction": facts.get("direction")}
        each = facts.get("epochs_per_trial") or 1
        options |= {"epochs_per_trial": each} if each > 1 else {}
        before = f"space = osetra.Space.from_toml({_quoted('' if space is None else space.to_toml())})"
        return _called("osetra.optimize", ["objective  # " + _one_line(study.target), "space"], options, before)
    asked: Mapping[str, Any] = facts.get("asked") or {"target": study.target.split(", ") if ", " in study.target else study.target}
    defaults = {"strategy": "waves", "panda": False, "finals": True, "ensemble": False, "test": True, "drop": []}
    for name, given in asked.items():
        if name == "data" or given is None or defaults.get(name) == given:
            continue
        options[name] = dict(given) if name == "class_weight" and isinstance(given, list) else given
    return _called("osetra.fit", ["data  # " + _one_line(study.source)], options, "")


def _called(function: str, first: list[str], options: Mapping[str, Any], before: str) -> str:
    arguments = [f"    {one.split('  # ')[0]},{'  # ' + one.split('  # ', 1)[1] if '  # ' in one else ''}" for one in first]
    arguments += [f"    {name}={given!r}," for name, given in options.items()]
    return "\n".join(["import osetra", *([before] if before else []), f"study = {function}(", *arguments, ")"])


def _quoted(text: str) -> str:
    """A text as Python writes it, line by line where that can be."""
    return f"'''\\\n{text}'''" if "'''" not in text and "\\" not in text else repr(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:100]
