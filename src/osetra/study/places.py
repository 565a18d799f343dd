"""Where a study goes: its name in the store, its model's folder; both known to be free before anything is begun.

Knows nothing of: what a study does.
"""

import os
import re
from collections.abc import Container
from pathlib import Path

from osetra.core.errors import ModelError, StudyError
from osetra.core.ports import Store
from osetra.store.rows import require_study_name


def open_place(store: str | Path | Store | None) -> Store | None:
    """The store; None if it is a place where none is yet, so that a mistake in the data leaves no empty store behind.

    Raises StoreError for a place that cannot be used.
    """
    if store is None:
        from osetra.store.memory import MemoryStore

        return MemoryStore()
    if isinstance(store, str | Path):
        from osetra.store.sql import open_store, store_exists

        return open_store(store) if store_exists(store) else None
    return store


def name_and_folder(name: str | None, source: str, store: Store | None, models: str | Path | None) -> tuple[str, Path | None]:
    """The name of the study, by its source if none is given, and the folder of its model, None without `models`.

    Raises StudyError for a name or a folder that is taken, ModelError for a folder that cannot be made.
    """
    taken = set() if store is None else {summary.study.name for summary in store.studies()}
    if name is None:
        # Data handed over in memory has a word for a source, and no ending; a folder's source ends in a slash.
        stem = Path(source).name.split(".")[0] if Path(source).suffix or source.endswith("/") else ""
        name = _free_name(stem or "study", taken, models)
    require_study_name(name)
    if name in taken:
        raise StudyError(f"a study needs a name of its own, got {name!r}, which is taken; choose another or leave it out")
    folder = _folder(name, models)
    if folder is not None and folder.exists():
        raise StudyError(f"a model needs a folder of its own, got {folder}, which is taken; choose another study name or remove it")
    if folder is not None:
        _require_possible(folder)
    return name, folder


def _free_name(stem: str, taken: Container[str], models: str | Path | None) -> str:
    number = 1
    while True:
        name = stem if number == 1 else f"{stem}-{number}"
        folder = _folder(name, models)
        if name not in taken and (folder is None or not folder.exists()):
            return name
        number += 1


def _folder(name: str, models: str | Path | None) -> Path | None:
    return None if models is None else Path(models) / (re.sub(r"[^\w.-]+", "-", name).strip(".-") or "model")


def _require_possible(folder: Path) -> None:
    above = next(place for place in folder.absolute().parents if place.exists())
    why = "a file" if not above.is_dir() else "" if os.access(above, os.W_OK) else "a folder that cannot be written to"
    if why:
        raise ModelError(f"a model needs a folder that can be made, got {folder}, and {above} is {why}; name another folder for models")
