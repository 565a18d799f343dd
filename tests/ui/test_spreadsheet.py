"""Predictions that are downloaded run nothing in a spreadsheet, and lose nothing."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from models.made import features, model
from osetra.core.records import Task
from osetra.models.predictor import predictions_frame
from osetra.report.spreadsheet import GUARDED
from osetra.ui.pages.model.upload import predicted


@pytest.mark.parametrize(("labels", "cells"), [(("=1+1", "plain"), True), (("-1", "plain"), False)])
def test_predictions_to_download_run_nothing_and_the_page_says_what_was_done_to_them(labels, cells):
    frame = features(60)
    saved = model(frame, pd.DataFrame({"kind": np.array(labels)[np.arange(60) % 2]}), Task.BINARY)
    truth = predictions_frame(saved, frame)
    made = predicted(saved, [("rows.csv", frame.to_csv(index=False).encode())])
    lines = made.csv.decode().splitlines()
    assert not any(line.startswith("=") for line in lines)
    head, *rows = csv.reader(io.StringIO(made.csv.decode()))
    assert head == list(truth.columns)
    assert [row[0].removeprefix("'") for row in rows] == truth["predicted kind"].tolist()
    chances = truth.iloc[:, 1:].to_numpy()
    np.testing.assert_array_equal(np.array([row[1:] for row in rows]).astype(chances.dtype), chances)
    count = truth["predicted kind"].tolist().count("=1+1")
    assert count > 0 or not cells
    said = f"{GUARDED} That is so of {count} cell{'s' if count != 1 else ''}."
    assert (said in made.told) == cells
    # On the page nothing runs, so there it stands as it is.
    assert not any(cell.startswith("'") for row in made.first for cell in row)
