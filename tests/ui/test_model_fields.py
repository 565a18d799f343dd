"""The fields of a model's form are made of what its preparation knows, and what is typed becomes the row that was meant."""

import numpy as np
import pandas as pd
import pytest

from models.made import ROWS, features, model
from osetra.core.errors import DataError
from osetra.core.records import Task
from osetra.data.sketch import sketch
from osetra.ui.files import MOST_BYTES
from osetra.ui.pages.model.fields import MOST_FIELDS, fields_of, row_of
from osetra.ui.received import received


def made(frame):
    return model(frame, pd.DataFrame({"y": np.array(["no", "yes"])[np.arange(len(frame)) % 2]}), Task.BINARY)


@pytest.fixture(scope="module")
def frame():
    words = np.array(["(missing)", "(another)", "plain"])[np.arange(ROWS) % 3]
    return features().assign(words=words, street=[f"street {k % 60}" for k in range(ROWS)])


def test_fields_follow_the_columns_and_begin_with_what_is_usual(frame):
    of = made(frame)
    known = sketch(frame, pd.DataFrame({"y": np.zeros(len(frame))}))["features"]
    fields = {field.name: field for field in fields_of(of.preparation, known)}
    assert [(name, field.kind) for name, field in fields.items()] == [
        ("age", "number"), ("weight", "number"), ("job", "choice"), ("since", "date"), ("words", "choice"), ("street", "text"),
    ]  # fmt: skip
    assert fields["age"].hint == f"{frame['age'].min():g} to {frame['age'].max():g}"
    assert float(fields["weight"].value) == pytest.approx(frame["weight"].median(), abs=1)
    assert fields["job"].value == frame["job"].mode()[0]
    assert set(fields["job"].options) == {"clerk", "cook", "pilot", "(another)", "(missing)"}
    assert fields["since"].hint.startswith(str(frame["since"].min())[:10])
    usual = row_of(of.preparation, list(fields.values()), {field.name: field.value for field in fields.values()})
    assert of.predict_proba(usual).shape == (1, 2)


def test_what_is_typed_is_the_row_that_was_meant(frame):
    of = made(frame)
    fields = fields_of(of.preparation, {})

    def row(**typed):
        return row_of(of.preparation, fields, typed)

    def said(**row):
        blank = {column.column: None for column in of.preparation.columns}
        return of.predict_proba(pd.DataFrame([blank | row]).astype(object))

    np.testing.assert_array_equal(of.predict_proba(row(age=" 41 ", job="cook")), said(age=41, job="cook"))
    np.testing.assert_array_equal(of.predict_proba(row(job="(missing)", since="")), said())
    np.testing.assert_array_equal(of.predict_proba(row(job="(another)")), said(job="astronaut"))
    # A level that is called as these words are is that level.
    np.testing.assert_array_equal(of.predict_proba(row(words="(missing)")), said(words="(missing)"))
    np.testing.assert_array_equal(of.predict_proba(row(words="(another)")), said(words="(another)"))
    with pytest.raises(DataError, match="'since' must hold dates such as 2024-05-31, got 'soon'"):
        of.predict_proba(row(since="soon"))


def test_a_wide_model_has_a_bounded_form_and_still_answers():
    draw = np.random.default_rng(0)
    wide = pd.DataFrame(draw.normal(size=(40, MOST_FIELDS + 20)), columns=[f"c{k}" for k in range(MOST_FIELDS + 20)])
    of = made(wide)
    fields = fields_of(of.preparation, {})
    assert len(fields) == MOST_FIELDS
    assert of.predict_proba(row_of(of.preparation, fields, {"c0": "1"})).shape == (1, 2)


def test_a_received_file_lies_under_a_name_of_ours_and_is_gone_afterwards():
    with received([("../../etc/x;rm -rf.csv", b"a,b\n1,2\n")], images=False) as place:
        assert place.name == "rows.csv"
        assert place.read_bytes() == b"a,b\n1,2\n"
    assert not place.exists()
    with received([("b.PNG", b"1"), ("a.jpg", b"2")], images=True) as folder:
        assert sorted(path.name for path in folder.iterdir()) == ["0000.png", "0001.jpg"]


@pytest.mark.parametrize(
    ("files", "images", "message"),
    [
        ([], False, "need a file, got none"),
        ([("a.xlsx", b"")], False, r"must end in \.csv, .*got 'a\.xlsx'"),
        ([("a.csv", b""), ("b.csv", b"")], False, "one file, got 2 files"),
        ([("a.csv", b"")], True, r"must end in \.png"),
        ([("a.csv", bytes(MOST_BYTES + 1))], False, "at most 50 MB"),
    ],
)
def test_what_is_no_file_for_predictions_is_refused(files, images, message):
    with pytest.raises(DataError, match=message), received(files, images=images):
        pass


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused():
    import gzip

    packed = gzip.compress(bytes(11 * MOST_BYTES), compresslevel=1)
    with (
        pytest.raises(DataError, match=r"must unpack to at most 500 MB, got 'zeros\.csv\.gz'"),
        received([("zeros.csv.gz", packed)], images=False),
    ):
        pass
