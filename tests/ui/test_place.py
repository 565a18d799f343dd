"""A dashboard may be older than its store: the store is opened once it is there, and anew where another lies there."""

import pytest

from osetra.core.errors import StoreError, StudyError
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.ui.place import Place

from .conftest import copy_store


def test_a_store_is_opened_once_it_is_there(tmp_path, demo_home):
    place = Place(str(tmp_path / "later.db"))
    assert not place.exists()
    with pytest.raises(StoreError, match="the first fit makes it: osetra fit DATA"):
        place.store()
    assert list(tmp_path.iterdir()) == []
    # The file of a store that is being made has nothing in it yet.
    (tmp_path / "later.db").touch()
    assert not place.exists()
    (tmp_path / "later.db").unlink()
    copy_store(demo_home / "osetra.db", tmp_path / "later.db")
    assert place.exists()
    assert place.store().study("people").name == "people"
    assert place.store() is place.store()


def test_a_store_in_the_place_of_another_is_read_instead_of_it(tmp_path, demo_home):
    path = copy_store(demo_home / "osetra.db", tmp_path / "my.db")
    place = Place(str(path))
    assert place.store().study("people")
    for beside in tmp_path.iterdir():
        beside.rename(beside.with_name(f"old-{beside.name}"))
    assert not place.exists()
    with pytest.raises(StoreError, match="no store at"):
        place.store()
    open_store(path).close()
    with pytest.raises(StudyError, match="holds no study yet"):
        place.store().study("people")


def test_what_is_no_store_is_said_when_it_is_asked_for(tmp_path):
    (tmp_path / "notes.db").write_text("somebody's notes", encoding="utf-8")
    with pytest.raises(StoreError, match="a file of another kind"):
        Place(str(tmp_path / "notes.db")).store()
    with pytest.raises(StoreError, match=r"a store must be a path ending in \.db"):
        Place(str(tmp_path / "notes.txt")).exists()


def test_a_store_that_is_open_is_used_as_it_is():
    store = MemoryStore()
    place = Place("memory", store)
    assert place.exists()
    assert place.store() is store
