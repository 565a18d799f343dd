"""The working folder: what of it may be named, and what is listed."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.errors import DataError
from osetra.ui import files as module
from osetra.ui.files import MOST_BYTES, Files, require_size


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A working folder beside a folder that is none of its business."""
    above = tmp_path_factory.mktemp("above")
    (above / "secret.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (above / "private.png").write_bytes(b"")
    folder = above / "work"
    for name in (
        "rows.csv",
        "data/more.csv.gz",
        "data/deep/arrays.npz",
        "data/notes.txt",
        ".hidden.csv",
        ".git/rows.csv",
        "UPPER.CSV",
        "osetra.db",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"content")
    for name in ("cats/1.png", "dogs/2.jpg", "dogs/notes.txt"):
        (folder / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pets" / name).write_bytes(b"")
    for name in ("train/a/1.png", "train/b/1.png", "dev/a/2.png", "dev/b/2.png"):
        (folder / "parts" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "parts" / name).write_bytes(b"")
    (folder / "out.csv").symlink_to(above / "secret.csv")
    (folder / "up").symlink_to(above, target_is_directory=True)
    (folder / "alias.csv").symlink_to(folder / "rows.csv")
    (folder / "disguised.csv").symlink_to(folder / "osetra.db")
    (folder / "round").symlink_to(folder, target_is_directory=True)
    (folder / "broken.csv").symlink_to(folder / "gone.csv")
    (folder / "mixed" / "a").mkdir(parents=True)
    (folder / "mixed" / "a" / "1.png").write_bytes(b"")
    (folder / "mixed" / "b").symlink_to(above, target_is_directory=True)
    return folder


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rows.csv", "table"), ("data/more.csv.gz", "table"), ("data/deep/arrays.npz", "arrays"), ("UPPER.CSV", "table"),
        ("pets", "images"),
        ("parts", "images"), ("alias.csv", "table"),
    ],
)  # fmt: skip
def test_data_in_the_folder_may_be_named_and_are_listed(place, name, kind):
    assert Files(place).path(name) == (place / name).resolve()
    assert {one.name: one.kind for one in Files(place).listing().files}[name] == kind


def test_nothing_else_is_listed(place):
    listing = Files(place).listing()
    assert [one.name for one in listing.files] == [
        "alias.csv", "parts", "pets", "rows.csv", "UPPER.CSV", "data/more.csv.gz", "data/deep/arrays.npz",
    ]  # fmt: skip
    assert not listing.is_cut
    assert {one.bytes for one in listing.files if one.kind != "images"} == {7}


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../secret.csv", "data/../../secret.csv", "data/../rows.csv", "/etc/passwd", "//rows.csv", "./rows.csv",
        "data//more.csv.gz",
        "rows.csv/", ".hidden.csv", ".git/rows.csv", "~/rows.csv", "C:\\rows.csv", "C:rows.csv", "..\\secret.csv", "data\\more.csv.gz",
        "rows.csv\0.png", "\0", "out.csv", "up/secret.csv", "broken.csv", "gone.csv", "osetra.db", "disguised.csv", "data/notes.txt",
        "data", "rows.csv:stream", "mixed", "x" * 5000 + ".csv", "a/" * 3000 + "b.csv", "\udcff.csv",
    ],
)  # fmt: skip
def test_nothing_else_may_be_named(place, name):
    with pytest.raises(DataError, match=r"choose|copy it"):
        Files(place).path(name)


@given(
    st.lists(
        st.sampled_from(["..", ".", "", "up", "data", "round", "rows.csv", "secret.csv", "work", "/", "~", "C:", "\\", "%2e%2e"]),
        max_size=6,
    )
)
def test_whatever_is_named_lies_in_the_folder_or_is_refused(place, parts):
    files = Files(place)
    try:
        found = files.path("/".join(parts))
    except DataError:
        return
    assert found.is_relative_to(files.root)
    assert found.name != "secret.csv"


def test_a_listing_is_bounded_and_says_so(place, monkeypatch):
    monkeypatch.setattr(module, "DEPTH", 1)
    shallow = Files(place).listing()
    assert shallow.is_cut
    assert "data/deep/arrays.npz" not in {one.name for one in shallow.files}
    monkeypatch.setattr(module, "MOST_FILES", 2)
    few = Files(place).listing()
    assert few.is_cut
    assert len(few.files) == 2
    monkeypatch.setattr(module, "MOST_ENTRIES", 3)
    assert Files(place).listing().is_cut


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="everybody's folders are open to the superuser")
def test_a_folder_that_may_not_be_read_is_passed_over(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    assert Files(tmp_path).listing().files == ()


def test_a_working_folder_has_to_be_one(tmp_path):
    (tmp_path / "rows.csv").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match="the working folder must be there"):
        Files(tmp_path / "gone")
    with pytest.raises(DataError, match=r"rows\.csv.*which is a file; name the folder"):
        Files(tmp_path / "rows.csv")


def test_a_file_of_more_than_50_MB_is_refused_by_size():
    require_size(MOST_BYTES)
    with pytest.raises(DataError, match=r"at most 50 MB, got huge\.csv of 50\.0 MB; use osetra predict"):
        require_size(MOST_BYTES + 1, "huge.csv")
