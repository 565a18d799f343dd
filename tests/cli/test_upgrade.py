"""A store that an older osetra wrote: what is said of it, and how it is brought up to date."""

import shlex
import shutil
import sqlite3
from pathlib import Path

import pytest

from osetra.store.schema import VERSION

from .calls import contents, osetra_here

GOLDEN = Path(__file__).parent.parent / "store" / "golden"


def version_of(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    finally:
        connection.close()


def test_an_older_store_is_brought_up_to_date_and_then_is(tmp_path):
    shutil.copy(GOLDEN / "osetra_0001.sqlite", tmp_path / "osetra.db")
    assert osetra_here(tmp_path, "upgrade").succeeded().out == f"osetra.db: version osetra_0001 brought to {VERSION}\n"
    assert version_of(tmp_path / "osetra.db") == VERSION
    before = contents(tmp_path)
    assert osetra_here(tmp_path, "upgrade").succeeded().out == f"osetra.db is up to date ({VERSION})\n"
    assert contents(tmp_path) == before
    assert "first" in osetra_here(tmp_path, "studies").succeeded().out


@pytest.mark.parametrize("name", ["old.db", "somebody's old store.db"])
def test_the_verbs_that_read_name_the_command_that_helps(tmp_path, name):
    shutil.copy(GOLDEN / "osetra_0001.sqlite", tmp_path / name)
    said = osetra_here(tmp_path, "studies", "--store", name).refused()
    told = "; bring it up to date with osetra "
    assert said == f"the store {name} is of version osetra_0001, and this osetra reads {VERSION}{told}upgrade --store {shlex.quote(name)}"
    osetra_here(tmp_path, *shlex.split(said.partition(told)[2])).succeeded()
    osetra_here(tmp_path, "studies", "--store", name).succeeded()


def test_where_there_is_no_store_none_is_made(tmp_path):
    assert osetra_here(tmp_path, "upgrade").refused() == "no store at osetra.db; give the path of one, or record a study there first"
    sqlite3.connect(tmp_path / "empty.db").close()
    (tmp_path / "notes.db").write_text("somebody's notes", encoding="utf-8")
    before = contents(tmp_path)
    assert "the database is there and holds no studies" in osetra_here(tmp_path, "upgrade", "--store", "empty.db").refused()
    assert "a file of another kind (left as it is)" in osetra_here(tmp_path, "upgrade", "--store", "notes.db").refused()
    assert contents(tmp_path) == before


def test_a_store_of_a_newer_osetra_is_left_as_it_is(tmp_path):
    path = tmp_path / "osetra.db"
    shutil.copy(GOLDEN / f"{VERSION}.sqlite", path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = 'osetra_9999'")
    connection.commit()
    connection.close()
    assert "was written by a newer osetra (version osetra_9999" in osetra_here(tmp_path, "upgrade").refused()
    assert version_of(path) == "osetra_9999"
