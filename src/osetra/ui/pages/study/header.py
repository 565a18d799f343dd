"""The top of a study's page: name, state, main numbers, how far it has come, and what can be done with it.

Knows nothing of: the tabs below.
"""

from osetra.core.records import TrialState
from osetra.report import told, words
from osetra.report.gathered import Gathered
from osetra.ui import shell
from osetra.ui.pages.study.kin import Kin
from osetra.ui.pages.study.live import Live, has_epochs
from osetra.ui.pages.study.running import Running


class Top:
    """Kept up to date in place."""

    def __init__(self, live: Live) -> None:
        self._live = live
        header = live.header
        with shell.tag("div", "card study-top"):
            with shell.tag("div", "between"):
                with shell.tag("div", "grow"):
                    with shell.tag("div", "row"):
                        shell.text(header.name, "h1")
                        self._state = shell.state(str(header.state))
                    self._about = shell.text(_about(live), "p", "quiet")
                    Kin(live)
                with shell.tag("div", "row"):
                    self._running = Running(live)
                    self._model = shell.link("Model", shell.address("study", header.name, "model"), "btn")
                    report = shell.link("Report", shell.address("study", header.name, "report.html"), "btn")
                    report.props('download title="One HTML file that opens offline"')
            self._numbers = Numbers()
            with shell.tag("div", "progress") as self._progress:
                self._bar = shell.tag("progress").props('max=1 aria-label="Budget spent"')
                self._spent = shell.text("", "p", "quiet small")
        self._part = live.follow(self._refresh)

    async def _refresh(self) -> None:
        live = self._live
        header = live.header
        record = live.study.record
        state = str(header.state) if live.heard is None else live.heard.state
        if self._state._text != state:
            self._state.classes(remove=self._state._text or "", add=state)
            shell.put(self._state, state)
        shell.put(self._about, _about(live))
        measured = [one for one in told.numbers(Gathered(study=record, best=header.best)) if one.label not in ("trials", "time")]
        listed = [(one.label, one.value, one.note) for one in measured]
        self._numbers.show([*listed, _trials(live), *_epochs(live), _time(live)])
        self._progress.set_visibility(header.is_live)
        if header.is_live:
            self._bar.set_visibility(not live.has_broken_off)
            self._bar.props["value"] = None if header.share_done is None else round(header.share_done, 4)
            self._bar.update()
            shell.put(self._spent, _spent(live))
        self._model.set_visibility(bool(record.facts.get("model")))
        self._running.show()

    def tick(self) -> None:
        """Once a second: what passes with the clock alone."""
        if self._live.header.is_live:
            self._part.ask()


class Numbers:
    """Main numbers that are changed in place."""

    def __init__(self) -> None:
        self._shown: list[tuple[str, str, str]] = []
        self._texts: list[tuple[shell.Element, shell.Element]] = []
        self._list = shell.tag("dl", "numbers")

    def show(self, numbers: list[tuple[str, str, str]]) -> None:
        """Each (what, the number, what else)."""
        if [one[0] for one in numbers] != [one[0] for one in self._shown]:
            self._list.clear()
            self._texts = []
            with self._list:
                for what, number, more in numbers:
                    with shell.tag("div"):
                        shell.text(what, "dt")
                        with shell.tag("dd"):
                            self._texts.append((shell.text(number, "div", "main"), shell.text(more, "div", "quiet")))
        else:
            for (main, rest), (_, number, more) in zip(self._texts, numbers, strict=True):
                shell.put(main, number)
                shell.put(rest, more)
        self._shown = list(numbers)


def _about(live: Live) -> str:
    header = live.header
    made = f"{header.task.in_words} of {header.target}, begun {header.created.astimezone():%Y-%m-%d %H:%M}"
    made = made[:1].upper() + made[1:]
    return f"{made}; {header.reason}" if header.reason else made


def _trials(live: Live) -> tuple[str, str, str]:
    counts = live.header.counts
    states = ", ".join(f"{counts[state]:,} {state}" for state in TrialState if counts.get(state))
    return "trials", f"{live.header.trials:,}", states


def _epochs(live: Live) -> list[tuple[str, str, str]]:
    header = live.header
    if not has_epochs(header):
        return []
    speed = f"{header.epochs / header.seconds:,.0f} a second" if header.epochs and header.seconds >= 1 else ""
    return [("epochs", f"{header.epochs:,}", speed)]


def _time(live: Live) -> tuple[str, str, str]:
    header = live.header
    if live.heard is not None and live.has_broken_off:
        return "time", words.duration(max(0.0, header.seconds - live.heard.silent_s)), "until it broke off"
    left = f"{words.duration(header.seconds_left)} left" if header.is_live and header.seconds_left is not None else ""
    return "time", words.duration(header.seconds), left


def _spent(live: Live) -> str:
    """How much of the budget is spent, and when the study was last heard of, where that is long ago."""
    header = live.header
    said = "" if live.heard is None else live.heard.sentence
    if live.has_broken_off:
        return shell.sentence(f"{said}; {words.gone(header.task, 'Resume')}")
    over = sum(count for state, count in header.counts.items() if state.is_over)
    spent = {
        "seconds": (words.duration(header.seconds), lambda most: words.duration(most)),
        "trials": (f"{over:,}", lambda most: words.counted(most, "trial")),
        "epochs": (f"{header.epochs:,}", lambda most: words.counted(most, "epoch")),
    }
    parts = [f"{spent[name][0]} of {spent[name][1](most)}" for name, most in header.budget.items() if most is not None and name in spent]
    share = "" if header.share_done is None else f"{100 * header.share_done:.0f} % done: "
    waits = f"; {words.counted(header.waiting, 'command')} waiting" if header.waiting else ""
    spent_so_far = f"{share}{', '.join(parts)}{waits}" if parts else "Until it is stopped"
    return f"{spent_so_far}; {said}" if said else spent_so_far
