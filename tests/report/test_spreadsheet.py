"""Tables for a spreadsheet run nothing in a spreadsheet, and lose nothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.report.spreadsheet import guarded

EVIL = ('=HYPERLINK("http://evil","x")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "-inf", "+", "'=1")


@pytest.mark.parametrize("text", EVIL)
def test_a_text_that_a_spreadsheet_would_run_begins_with_an_apostrophe_in_cells_and_headings(text):
    made, marked = guarded(pd.DataFrame({text: ["plain", text]}))
    assert (made.columns[0], made.iloc[0, 0], made.iloc[1, 0], marked) == (f"'{text}", "plain", f"'{text}", 2)


@pytest.mark.parametrize("text", ["plain", "a=b", "", "-1", "+4.5", "-.5e-3", "+7.", "<script>", '"=1"', " =1"])
def test_other_texts_and_numbers_as_texts_stay(text):
    made, marked = guarded(pd.DataFrame({"label": [text]}))
    assert (made.iloc[0, 0], marked) == (text, 0)


def test_numbers_stay_numbers_to_the_bit():
    frame = pd.DataFrame(
        {"a": [-1.5, np.nan, -np.inf], "b": np.array([-3, 0, 4]), "c": [-0.1, "=1", None], "d": pd.array([-1, None, 3], dtype="Int64")}
    )
    made, marked = guarded(frame)
    assert marked == 1
    pd.testing.assert_frame_equal(made.drop(columns="c"), frame.drop(columns="c"))
    assert made["c"].tolist() == [-0.1, "'=1", None]
    assert frame["c"].tolist() == [-0.1, "=1", None]
    assert made.to_csv(index=False).splitlines()[1] == "-1.5,-3,-0.1,-1"


def test_columns_that_share_a_name_keep_their_own_cells():
    made, marked = guarded(pd.DataFrame([["=a", -1], ["b", -2]], columns=["=x", "=x"]))
    assert made.columns.tolist() == ["'=x", "'=x"]
    assert made.to_numpy().tolist() == [["'=a", -1], ["b", -2]]
    assert marked == 3


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6), min_size=1, max_size=8))
def test_taking_one_apostrophe_off_gives_every_text_back(texts):
    made, _ = guarded(pd.DataFrame({"label": texts}))
    assert [text.removeprefix("'") for text in made["label"]] == texts
