"""What a trial is and was: its configuration, its layers, its story, the checkpoints kept of it, what to type for it.

Knows nothing of: what is live.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from osetra.report import words
from osetra.report.lineage import Lineage, local
from osetra.space.known import KNOWN_HYPERPARAMETERS
from osetra.space.space import Space
from osetra.ui import shell
from osetra.ui.figure import Figure
from osetra.ui.pages.trial.lists import table
from osetra.ui.pages.trial.seen import Seen
from osetra.ui.pages.trial.typed import done, further

if TYPE_CHECKING:
    import plotly.graph_objects as go


def configuration(seen: Seen) -> None:
    """What was searched, what was changed while it trained, what was fixed."""
    first, now = seen.trial.configuration, seen.settings
    try:
        searched = set(Space.from_dict(seen.record.facts["space"]).names)
    except KeyError:
        searched = set()
    ordered = words.in_order(sorted({*first, *now}))
    changed = [name for name in ordered if now.get(name) != first.get(name)]
    groups: Mapping[str, list[str]] = {
        "Changed while it trained": changed,
        "Searched": [name for name in ordered if name in searched and name not in changed],
        "Fixed": [name for name in ordered if name not in searched and name not in changed],
    }
    for heading, names in groups.items():
        if names:
            shell.text(heading, "h3")
            with shell.tag("dl", "facts"):
                for name in names:
                    shell.text(name, "dt").props["title"] = KNOWN_HYPERPARAMETERS.get(name, "")
                    before = f" (began with {words.value(first[name])})" if name in changed and name in first else ""
                    shell.text(f"{words.value(now[name])}{before}", "dd")
    if seen.trial.num_parameters is not None:
        shell.text(f"{words.counted(seen.trial.num_parameters, 'weight')} in all.", classes="quiet small")


def layers(made: "go.Figure") -> None:
    Figure(made)


def nothing(sentence: str) -> None:
    shell.text(f"{sentence[:1].upper()}{sentence[1:]}.", classes="quiet")


def story(told: Lineage) -> None:
    """A sentence a step."""
    with shell.tag("ol", "story"):
        for step in told.steps:
            with shell.tag("li"):
                shell.text(step.sentence)
                if step.at is not None:
                    shell.text(local(step.at), "div", "quiet")


def checkpoints(seen: Seen, roll_back: Callable[[int], Awaitable[None]]) -> None:
    """Each with a way back to it."""
    if not seen.checkpoints:
        shell.text("None. Weights are kept when a trial is changed, and while its study may have to go on after a break.", classes="quiet")
        return
    can = not seen.why_not

    def back(epoch: int) -> Any:
        return lambda: shell.button("Roll back", lambda: roll_back(epoch), label=f"Roll back to the end of epoch {epoch}")

    table(
        "Checkpoints",
        ["epoch", "kept because", "size", "time", ""],
        [
            [f"{one.epoch:,}", one.why, _size(one.bytes), local(one.at), back(one.epoch) if can and one.epoch < seen.trial.epochs else ""]
            for one in reversed(seen.checkpoints)
        ],
    )


def typed_commands(seen: Seen, where: str) -> None:
    """What was done, and what else there is."""
    lines = done(seen, where)
    if lines:
        shell.text("What was done here, as commands:")
        shell.text("\n".join(lines), "pre")
    shell.text("Watch it, hear its story, or train it once more by all that was done to it:")
    shell.text("\n".join(further(seen, where)), "pre")


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"
