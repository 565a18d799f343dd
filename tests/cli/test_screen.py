"""Tables that fit the terminal, text shown as it is, JSON that every reader takes, a progress line that never wraps."""

import io
import math
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from osetra.cli.screen import Column, PlainConsole, TerminalProgress, describe, print_json, print_table, print_trials, printable, say
from osetra.core.records import Trial, TrialState

from .calls import strict_json


class Screen:
    """A terminal of some width that remembers what it was told."""

    def __init__(self, width):
        self.console = PlainConsole()
        self.console.width = width
        self.console.file = self.file = io.StringIO()

    @property
    def lines(self):
        return self.file.getvalue().splitlines()


def trial(number, *, state=TrialState.FINISHED, dev_error: float | None = 0.1234):
    configuration = {
        "learning_rate": 0.000298 * (number + 1), "batch_size": 64 * 2**number, "hidden_units": 64 + number, "keep_prob": 0.8 + number / 50,
        "l2": 1e-7 * (number + 1), "num_layers": number, "schedule": f"schedule {number}", "optimizer": "adam",
    }  # fmt: skip
    return Trial(
        number=number, configuration=configuration, state=state, dev_error=dev_error, train_error=dev_error, epochs=50, seconds=725.0
    )  # fmt: skip


MIXED = [trial(0), trial(1, state=TrialState.STOPPED), trial(2, state=TrialState.DIVERGED, dev_error=None)]


@pytest.mark.parametrize("width", [200, 120, 100, 80, 60, 40])
@pytest.mark.parametrize("error_name", ["error rate", "RMSE"])
def test_a_leaderboard_fits_and_says_what_it_left_out(width, error_name):
    screen = Screen(width)
    print_trials(screen.console, MIXED, error_name=error_name, title="Leaderboard")
    assert max(map(cell_len, screen.lines)) <= width
    assert len([line for line in screen.lines if line.strip()[:1] in "012"]) == 3
    shown, left_out = "\n".join(screen.lines), " ".join(" ".join(screen.lines).split())
    for word in ("dev", "learning"):
        assert word in shown
    assert ("--json shows everything" in left_out) == (width < 110)
    assert ("schedule" in shown.split("No room")[0]) == (width >= 110)


def test_what_does_not_vary_has_no_column():
    screen = Screen(200)
    print_trials(screen.console, MIXED, error_name="error rate")
    assert "optimizer" not in "\n".join(screen.lines)


def test_the_state_is_shown_only_where_some_trial_did_not_finish():
    for trials, shown in ((MIXED, True), (MIXED[:1], False)):
        screen = Screen(100)
        print_trials(screen.console, trials, error_name="error rate")
        assert ("state" in "\n".join(screen.lines)) == shown


def test_columns_leave_in_the_order_of_their_rank_and_rank_0_never():
    screen = Screen(10)
    columns = [Column(heading=name, cells=["12345678"], rank=rank) for name, rank in (("a", 0), ("b", 2), ("c", 1))]
    print_table(screen.console, columns)
    assert screen.lines[0].split() == ["a"]
    assert "No room" in screen.lines[2]
    wide = Screen(18)
    print_table(wide.console, columns)
    assert wide.lines[0].split() == ["a", "c"]


@given(st.text(max_size=40))
def test_any_text_is_printed_as_it_is_but_for_control_characters(text):
    shown = printable(text)
    assert all(c.isprintable() or c == "\n" for c in shown)
    if text.isprintable():
        assert shown == text
    screen = Screen(10_000)
    screen.console.print(text, soft_wrap=True)
    assert screen.file.getvalue() == shown + "\n"


def test_escape_sequences_of_a_name_never_reach_the_terminal():
    screen = Screen(80)
    name = "\x1b[31mred\x07 [bold]b[/] :smile:"
    print_table(screen.console, [Column(heading="study", cells=[name])], title=name)
    say(screen.console, name)
    text = "\n".join(screen.lines)
    assert "\x1b" not in text
    assert text.count(r"\x1b[31mred\x07 [bold]b[/] :smile:") == 3


def test_sentences_wrap_with_their_further_lines_indented():
    screen = Screen(40)
    say(screen.console, "a sentence that is rather longer than the terminal is wide, so that it has to go on below")
    assert len(screen.lines) > 1
    assert all(line.startswith("  ") for line in screen.lines[1:])
    assert all(len(line) < 40 for line in screen.lines)


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (float("nan"), None), (float("inf"), None), (-np.inf, None), (np.float32("nan"), None),
        (np.float64(0.5), 0.5), (np.float32(0.5), 0.5), (np.int64(3), 3), (np.bool_(True), True), (np.str_("x"), "x"),
        (True, True), (None, None), (Colour.RED, "red"), ((1, np.int8(2)), [1, 2]), (np.array([1.5, np.nan]), [1.5, None]),
        ({3: {"a": np.float64("inf")}}, {"3": {"a": None}}),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00"), (pd.Timestamp("2026-01-02"), "2026-01-02 00:00:00"),
        ("[b]\x1b\u2028", "[b]\x1b\u2028"),
    ],
)  # fmt: skip
def test_json_carries_whatever_comes(given_, expected, capsys):
    print_json({"fact": given_})
    found = strict_json(capsys.readouterr().out)["fact"]
    assert found == expected
    assert type(found) is type(expected)


FACTS = {
    "trials_done": 1234, "diverged": 12, "epochs_done": 99, "epochs_per_s": 1234.56, "best_error": 0.1508, "share_done": 0.5,
    "best_interval": (0.1393, 0.1631), "seconds_left": 3725.0, "error_name": "error rate",
}  # fmt: skip


@pytest.mark.parametrize("width", [math.inf, 110, 88, 68, 48, 30])
def test_the_progress_line_drops_what_matters_least(width):
    line = describe(FACTS, width)
    assert len(line) <= max(width, 58)
    assert line.startswith("1,234 trials")
    assert "best dev error 15.08 %" in line
    assert line.endswith("1 h 2 min left")
    assert ("epochs/s" in line) == (width >= 110)
    assert ("(13.93 to 16.31 %)" in line) == (width >= 88)


def test_the_progress_line_at_the_beginning_has_no_best():
    facts = {**FACTS, "trials_done": 1, "diverged": 0, "best_error": None, "best_interval": None, "seconds_left": None}
    assert describe(facts) == "1 trial · 1,234.6 epochs/s · 50 % done"


def test_an_rmse_is_told_in_its_own_units():
    facts = {**FACTS, "error_name": "RMSE", "best_error": 630.94, "best_interval": None}
    assert "best dev RMSE 630.9 ·" in describe(facts)


def test_progress_goes_to_standard_error_and_seldom_where_it_is_no_terminal(capsys):
    with TerminalProgress() as progress:
        progress.notice("a notice")
        for _ in range(100):
            progress.update(FACTS)
    assert capsys.readouterr() == ("", "a notice\n")


def test_progress_in_a_terminal_is_one_line_that_goes_away(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    with TerminalProgress() as progress:
        progress.notice("a notice")
        progress.update(FACTS)
    written = screen.getvalue()
    assert "reading the data" in written
    assert "best dev error 15.08 %" in written
    assert written.rstrip().endswith("\x1b[2K")
