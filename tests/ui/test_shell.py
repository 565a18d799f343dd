"""Pieces that every page has, where no browser is needed to see what they come to."""

import pytest

from osetra.ui.flags import flags

pytest.importorskip("nicegui")

from osetra.ui import shell


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("the best is known", "The best is known."),
        ("plain; whether it is a mistake, only you can tell", "Plain; whether it is a mistake, only you can tell."),
        ("by chance, perhaps.", "By chance, perhaps."),
        ("over-tuned on dev", "Over-tuned on dev."),
        ("a trial's luck is 0.3 %", "A trial's luck is 0.3 %."),
        ("trial's", "Trial's."),
        ("learning_rate lies at an end", "learning_rate lies at an end."),
        ("age: a number is needed", "age: a number is needed."),
        ("rows.csv has no rows", "rows.csv has no rows."),
        ("3 of 5", "3 of 5."),
        ("", "."),
    ],
)
def test_a_sentence_begins_with_a_capital_unless_with_a_name_and_ends_with_one_full_stop(said, sentence):
    assert shell.sentence(said) == sentence


def test_a_value_is_an_option_that_is_never_taken_for_another_one():
    assert flags("epochs_per_trial", 3) == ["--epochs-per-trial=3"]
    assert flags("drop", ["--a", "b"]) == ["--drop=--a", "--drop=b"]
    assert flags("ensemble", True) == ["--ensemble"]
    assert [flags("test", nothing) for nothing in (None, False, "", [])] == [[], [], [], []]
