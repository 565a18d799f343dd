"""Reading tables from files, frames and arrays."""

import gzip
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest

from osetra.core.errors import DataError
from osetra.data.sources import read_table, table_from_arrays


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


FRAME = pd.DataFrame({"age": [39, 50, 38], "job": ["clerk", None, "cook"], "pay": [1.5, np.nan, 3.25]})


def save_csv(frame, path):
    frame.to_csv(path, index=False)


def save_tsv(frame, path):
    frame.to_csv(path, index=False, sep="\t")


def save_stream(frame, path):
    table = pa.Table.from_pandas(frame)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def save_ipc(frame, path):
    pyarrow.feather.write_feather(frame, path, compression="uncompressed")


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("t.csv", save_csv),
        ("t.CSV", save_csv),
        ("t.csv.gz", save_csv),
        ("t.v2.csv", save_csv),
        ("t.tsv", save_tsv),
        ("t.tsv.gz", save_tsv),
        ("t.parquet", pd.DataFrame.to_parquet),
        ("t.feather", pd.DataFrame.to_feather),
        ("t.arrow", save_ipc),
        ("t.arrow", save_stream),
    ],
)
def test_every_format_gives_the_same_table(tmp_path, name, save):
    save(FRAME, tmp_path / name)
    table = read_table(tmp_path / name)
    assert table.source == str(tmp_path / name)
    pd.testing.assert_frame_equal(table.frame, FRAME, check_dtype=False)
    assert table.frame["age"].dtype == np.int64


def test_a_path_may_be_text_and_a_source_may_be_named(tmp_path):
    save_csv(FRAME, tmp_path / "t.csv")
    assert read_table(str(tmp_path / "t.csv"), name="people").source == "people"


class OtherFrame:
    """A frame of another library that converts itself, as polars frames do."""

    def to_pandas(self):
        return FRAME


class ArrowStream:
    """A frame that only speaks the Arrow C stream."""

    def __arrow_c_stream__(self, requested_schema=None):
        return pa.Table.from_pandas(FRAME).__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("frame", [FRAME, OtherFrame(), ArrowStream(), pa.Table.from_pandas(FRAME)])
def test_frames_of_any_library_give_the_same_table(frame):
    pd.testing.assert_frame_equal(read_table(frame).frame, FRAME, check_dtype=False)


def test_a_frame_given_is_not_changed():
    frame = pd.DataFrame({0: [1, 2], 1: [3, 4]}, index=[7, 9])
    table = read_table(frame)
    assert list(table.frame.columns) == ["0", "1"]
    assert list(table.frame.index) == [0, 1]
    assert list(frame.columns) == [0, 1]
    assert list(frame.index) == [7, 9]


def test_words_for_missing_and_spaces_around_text_go(tmp_path):
    path = write(tmp_path, "t.csv", "a, b ,c\n 1 , ? , red \n2,5,NA\n3,,null\nNaN, 7,blue\n")
    frame = read_table(path).frame
    assert list(frame.columns) == ["a", "b", "c"]
    np.testing.assert_array_equal(frame["a"], [1, 2, 3, np.nan])
    np.testing.assert_array_equal(frame["b"], [np.nan, 5, np.nan, 7])
    assert frame["c"].iloc[0] == "red"
    assert list(frame["c"].isna()) == [False, True, True, False]


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path):
    assert list(read_table(write(tmp_path, "t.csv", b"\xef\xbb\xbfa,b\n1,2\n")).frame.columns) == ["a", "b"]


def test_semicolons_and_tabs_are_found_out(tmp_path):
    assert read_table(write(tmp_path, "s.csv", "a;b\n1;x\n")).frame.to_dict("list") == {"a": [1], "b": ["x"]}
    assert read_table(write(tmp_path, "t.csv", "a\tb\n1\tx\n")).frame.to_dict("list") == {"a": [1], "b": ["x"]}


def test_quoted_values_may_hold_commas_and_line_ends(tmp_path):
    frame = read_table(write(tmp_path, "t.csv", 'a,b\n"x, y","two\nlines"\n')).frame
    assert frame.to_numpy().tolist() == [["x, y", "two\nlines"]]


def test_a_value_late_in_a_long_file_decides_the_type_too(tmp_path):
    rows = "".join(f"{k},{k}\n" for k in range(600_000))
    frame = read_table(write(tmp_path, "t.csv", f"a,b\n{rows}none,0.5\n")).frame
    assert len(frame) == 600_001
    assert frame["a"].iloc[-1] == "none"
    assert frame["a"].iloc[0] == "0"
    assert frame["b"].iloc[-1] == 0.5


def test_dates_and_truth_values_are_read_as_such(tmp_path):
    frame = read_table(write(tmp_path, "t.csv", "d,b,t\n2024-05-31,true,12:30\n2024-06-01,false,13:00\n")).frame
    assert frame["d"].dtype.kind == "M"
    assert frame["b"].dtype == bool
    assert frame["t"].iloc[0] == "12:30:00"


def test_a_column_without_a_name_is_called_by_its_place(tmp_path):
    assert list(read_table(write(tmp_path, "t.csv", ",a\n0,1\n")).frame.columns) == ["column 1", "a"]


@pytest.mark.parametrize("names", [("X", "y"), ("X_train", "y_train"), ("x_train", "y_train")])
def test_npz_archives_give_numbered_columns_and_a_target(tmp_path, names):
    np.savez(tmp_path / "t.npz", **{names[0]: np.arange(6.0).reshape(3, 2), names[1]: np.array(["a", "b", "a"])})
    frame = read_table(tmp_path / "t.npz").frame
    assert list(frame.columns) == ["x0", "x1", "target"]
    assert list(frame["target"]) == ["a", "b", "a"]
    assert list(frame["x1"]) == [1, 3, 5]


def test_arrays_give_numbered_columns():
    assert list(read_table(np.zeros((4, 3))).frame.columns) == ["x0", "x1", "x2"]
    table = table_from_arrays([[1, 2], [3, 4]], [[1.0, 2.0], [3.0, 4.0]], names=["a", "b"])
    assert list(table.frame.columns) == ["a", "b", "target0", "target1"]
    assert list(table.frame["target1"]) == [2, 4]
    mixed = table_from_arrays(np.array([[1, "a"], [2, "b"]], dtype=object), pd.Series([True, False], index=[5, 6]))
    assert mixed.frame["x0"].dtype == np.int64
    assert list(mixed.frame["target"]) == [True, False]


BAD_FILES = {
    "empty": ("t.csv", b"", "got an empty file"),
    "blank": ("t.csv", b"\n \n", "got an empty file"),
    "header only": ("t.csv", b"a,b\n", r"at least one row, got a header only \(2 columns\)"),
    "binary": ("t.csv", bytes(range(256)) * 20, "got binary data"),
    "another format": ("t.csv", b"PAR1" + bytes(100), "got Parquet; rename or convert it"),
    "not UTF-8": ("t.csv", "a,b\n1,été\n".encode("latin-1"), "must be UTF-8 text, got bytes that are not in column 'b'"),
    "names not UTF-8": ("t.csv", "é,b\n1,2\n".encode("latin-1"), "must be UTF-8 text"),
    "UTF-16": ("t.csv", "a,b\n1,2\n".encode("utf-16"), "must be UTF-8 text"),
    "a short row": ("t.csv", b"a,b\n1,2\n3\n", r"must have 2 values, as the header has, got 1 in row 2; .*double quotes"),
    "a long row": ("t.csv", b"a,b\n1,2\n3,4\n5,6,7\n", "must have 2 values, as the header has, got 3 in row 3"),
    "repeated names": ("t.csv", b"a,b,a\n1,2,3\n", "columns of different names, got 'a' more than once"),
    "damaged gzip": ("t.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99)[:-12], "must be a whole gzip file, got one that is damaged"),
    "not Parquet": ("t.parquet", b"a,b\n1,2\n", "must be in Parquet format"),
    "not Arrow": ("t.feather", b"a,b\n1,2\n", "must be in Arrow/Feather format"),
    "not an archive": ("t.npz", b"a,b\n1,2\n", "never loaded; save numbers"),
    "another ending": ("t.xlsx", b"PK", r"must end in \.csv, .*, got 't\.xlsx'"),
    "no ending": ("t", b"a,b\n1,2\n", "must end in"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_is_no_table_says_what_it_is(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message):
        read_table(write(tmp_path, name, content))


def test_lists_in_a_column_are_a_data_error(tmp_path):
    pd.DataFrame({"a": [1, 2], "tags": [["x"], ["y", "z"]]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="must hold single values, got lists or records in 'tags'"):
        read_table(tmp_path / "t.parquet")


def test_a_damaged_archive_or_a_truncated_parquet_file_is_a_data_error(tmp_path):
    np.savez(tmp_path / "t.npz", X=np.zeros((9, 9)), y=np.zeros(9))
    FRAME.to_parquet(tmp_path / "t.parquet")
    for path in (tmp_path / "t.npz", tmp_path / "t.parquet"):
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(DataError, match="cannot be read as such"):
            read_table(path)


def test_pickled_objects_are_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was loaded",))

    trap = np.empty((2, 1), dtype=object)
    trap[:] = Trap()
    np.savez(tmp_path / "t.npz", X=trap, y=np.zeros(2))
    with pytest.raises(DataError, match=r"pickled objects .* never loaded"):
        read_table(tmp_path / "t.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros((2, 2))}, "arrays X .* and y, or X_train and y_train, got images"),
        ({"X": np.zeros(2), "y": np.zeros(2)}, r"must be \[rows, columns\], got shape \(2,\)"),
        ({"X": np.zeros((2, 2)), "y": np.zeros(3)}, r"each of the 2 rows of X, got shape \(3,\)"),
    ],
)
def test_an_archive_of_another_layout_says_which_is_wanted(tmp_path, arrays, message):
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / "t.npz")


def test_an_archive_in_parts_says_which_row_is_of_which(tmp_path):
    draw = np.random.default_rng(0)
    pieces = {name: draw.normal(size=(rows, 2)) for name, rows in (("X_train", 5), ("X_test", 3), ("X_VAL", 2))}
    answers = {"y_train": np.arange(5), "y_test": np.arange(3, dtype=np.uint8), "y_val": np.arange(2)}
    np.savez(tmp_path / "t.npz", **pieces, **answers, X_dev=np.zeros((1, 2)))
    table = read_table(tmp_path / "t.npz")
    assert table.given.dtype == np.int8
    assert table.given.tolist() == [0] * 5 + [1] * 2 + [2] * 3
    joined = np.concatenate([pieces["X_train"], pieces["X_VAL"], pieces["X_test"]])
    np.testing.assert_array_equal(table.frame[["x0", "x1"]].to_numpy(), joined)
    assert table.frame["target"].tolist() == [0, 1, 2, 3, 4, 0, 1, 0, 1, 2]
    assert table.notes == (
        "the file comes in parts: 5 rows in X_train, 2 rows in X_val, 3 rows in X_test",
        "X_dev was left out, as there is no y_dev",
    )


def test_an_archive_of_one_piece_has_no_parts(tmp_path):
    for arrays in ({"X": np.zeros((4, 2)), "y": np.zeros(4), "X_test": np.zeros((3, 2))}, {"X_train": np.zeros((4, 2))}):
        np.savez(tmp_path / "t.npz", **arrays)
        table = read_table(tmp_path / "t.npz")
        assert (len(table.frame), table.given, table.notes) == (4, None, ())


def test_an_archive_of_images_is_a_table_of_images(tmp_path):
    pixels = np.arange(120, dtype=np.uint8).reshape(6, 5, 4)
    np.savez(tmp_path / "t.npz", X_train=pixels[:4], y_train=list("abab"), X_test=pixels[4:], y_test=list("ba"))
    table = read_table(tmp_path / "t.npz")
    np.testing.assert_array_equal(table.images.pixels, pixels[..., np.newaxis])
    assert (table.given.tolist(), table.frame["target"].tolist()) == ([0] * 4 + [2] * 2, list("ababba"))


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ((np.zeros((2, 3)), np.zeros(2)), r"X_train and X_test of .* must differ in their rows only, got shapes \[4, 2\] and \[2, 3\]"),
        ((np.zeros((2, 2)), np.array(["a", "b"])), "y_train and y_test of .* must be of one kind, got float64 and <U1"),
        ((np.zeros((2, 2)), np.zeros(3)), r"as many rows as its y, got .*, X_test \[2, 2\] and y_test \[3\]"),
        ((np.zeros((2, 2)), np.array(3)), r"y_train and y_test of .* must differ in their rows only"),
    ],
)
def test_parts_of_an_archive_that_are_not_alike_are_named(tmp_path, test, message):
    np.savez(tmp_path / "t.npz", X_train=np.zeros((4, 2)), y_train=np.zeros(4), X_test=test[0], y_test=test[1])
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / "t.npz")


def test_rows_of_a_table_are_taken_with_all_that_is_known_of_them(tmp_path):
    np.savez(tmp_path / "t.npz", X_train=np.arange(8).reshape(4, 2), y_train=np.arange(4), X_test=[[9, 9]], y_test=[9])
    some = read_table(tmp_path / "t.npz").take(np.array([4, 1]))
    assert some.frame.to_dict("list") == {"x0": [9, 2], "x1": [9, 3], "target": [9, 1]}
    assert some.given.tolist() == [2, 0]


def test_a_missing_file_names_the_path_and_one_like_it(tmp_path):
    write(tmp_path, "adult.csv", "a\n1\n")
    with pytest.raises(DataError, match=r"adlut\.csv does not exist; did you mean .*adult\.csv\?"):
        read_table(tmp_path / "adlut.csv")
    with pytest.raises(DataError, match="does not exist; check the path"):
        read_table(tmp_path / "nothing-like-it.parquet")
    with pytest.raises(DataError, match="nor does the folder"):
        read_table(tmp_path / "nowhere" / "adult.csv")
    with pytest.raises(DataError, match="got the folder"):
        read_table(tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (17, "a path, a frame or an array .*, got int"),
        (np.zeros(3), r"must be \[rows, columns\], got shape \(3,\)"),
        (np.zeros((0, 3)), "at least one row"),
        (np.zeros((3, 0)), "must have named columns, got none"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "got 'a' more than once"),
    ],
)
def test_what_is_no_table_is_a_data_error(source, message):
    with pytest.raises(DataError, match=message):
        read_table(source)


def test_importing_the_package_loads_no_heavy_library():
    modules = "osetra.data.sources, osetra.data.tables, osetra.data.split, osetra.data.prepare"
    check = f"import sys, {modules}; sys.exit(any(name in sys.modules for name in ('pandas', 'pyarrow', 'scipy', 'sklearn')))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_rows_of_different_length_are_a_data_error():
    with pytest.raises(DataError, match="X must be an array or rows of equal length"):
        table_from_arrays([[1], [1, 2]])
    with pytest.raises(DataError, match="names must name each of the 2 columns, got 1"):
        table_from_arrays(np.zeros((3, 2)), names=["a"])
