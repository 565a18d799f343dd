"""The head of a trial's page: which it is, how it stands, its main numbers, and the ways to its neighbours.

Knows nothing of: controls.
"""

from nicegui.element import Element

from osetra.report import words
from osetra.ui import shell
from osetra.ui.pages.trial.lists import Listing
from osetra.ui.pages.trial.seen import Seen


class Head:
    """`show` has it say how the trial stands now."""

    def __init__(self, seen: Seen) -> None:
        with shell.tag("div", "between"):
            with shell.tag("div"):
                with shell.tag("div", "row"):
                    shell.text(f"Trial {seen.trial.number}", "h1")
                    self._state: Element = shell.state(seen.state)
                    self._best = shell.text("best of the study", "span", "state finished")
                self._reason = shell.text("", classes="quiet")
            self._ways = Listing(shell.tag("nav", "row").props('aria-label="Other trials"'))
        with shell.tag("div", "card"), shell.tag("dl", "numbers"):
            self._numbers = [_place(what) for what, _, _ in _numbers(seen)]
        self.show(seen)

    def show(self, seen: Seen) -> None:
        """From now on this is so."""
        trial = seen.trial
        shell.put(self._state, seen.state)
        self._state.classes(replace=f"state {seen.state}")
        self._best.set_visibility(seen.best == trial.number)
        shell.put(self._reason, _reason(seen))
        ways = (seen.before, seen.after, seen.best, seen.parent, tuple(seen.branches))
        self._ways.show(ways, lambda: _ways(seen))
        for (main, more), (_, number, rest) in zip(self._numbers, _numbers(seen), strict=True):
            shell.put(main, number)
            shell.put(more, rest)


def _numbers(seen: Seen) -> list[tuple[str, str, str]]:
    """What, the number, what else."""
    trial, name = seen.trial, seen.record.error_name
    last = seen.curve[-1] if seen.curve else None
    part = words.part("dev", name)
    dev, train, at = (None, None, "") if last is None else (last.dev_error, last.train_error, f"at epoch {last.epoch:,}")
    return [
        ("epoch", f"{trial.epochs:,} of {seen.total:,}", "at most"),
        (f"best {part}", words.error(trial.dev_error, name), "" if trial.best_epoch is None else f"at epoch {trial.best_epoch:,}"),
        (f"latest {part}", words.error(dev, name), at),
        ("latest training error", words.error(train, name), "as trained, over mini-batches"),
        ("trained for", words.duration(trial.seconds), _pace(seen)),
    ]


def _place(what: str) -> tuple[Element, Element]:
    """Where a number and what else there is to say of it stand."""
    with shell.tag("div"):
        shell.text(what, "dt")
        with shell.tag("dd"):
            return shell.text("", "div", "main"), shell.text("", "div", "quiet")


def _reason(seen: Seen) -> str:
    trial = seen.trial
    return "Taken in hand: people decide about it, no longer the search." if trial.reason == "in hand" else _capital(trial.reason)


def _pace(seen: Seen) -> str:
    return f"{words.duration(seen.curve[-1].seconds)} the last epoch" if seen.curve else ""


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') or not text else '.'}"


def _ways(seen: Seen) -> None:
    def way(shown: str, number: int | None) -> None:
        if number is not None:
            shell.link(shown, shell.address("study", seen.record.name, "trial", number), "btn")

    way("← Previous", seen.before)
    way("Next →", seen.after)
    if seen.best != seen.trial.number:
        way("Best trial", seen.best)
    if seen.parent is not None:
        way(f"Branched from trial {seen.parent}", seen.parent)
    for number in seen.branches:
        way(f"Branch {number}", number)
