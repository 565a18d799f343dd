"""What a fit was asked for, kept with its study, so that the same can be asked again: on the same data, or on other.

Knows nothing of: how a fit goes, what comes of it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import StudyError

if TYPE_CHECKING:
    from osetra.study.handle import Study
    from osetra.study.table import PreparedTable

OF_DATA = ("target", "task", "drop", "sizes", "groups", "time_column", "dev", "test", "weights", "class_weight")
"""Options of `fit` that say what is to be made of the data."""
OF_SEARCH = ("epochs_per_trial", "patience", "strategy", "finals", "ensemble", "warm_start", "workers")
OF_PANDA = ("panda", "babysitter")
"""Kept for whoever repeats the fit as it was; the next search of a verdict is one that searches."""
IN_MEMORY = "in memory"
"""Stands for data that were handed over in memory and are not kept."""


def asked_facts(data: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """For the study's record: where the data lie, as an absolute path, and the options of `fit` named above, JSON-able."""
    kept = {name: _jsonable(options[name]) for name in (*OF_DATA, *OF_SEARCH, *OF_PANDA) if name not in ("dev", "test", "class_weight")}
    weights = options["class_weight"]
    kept["class_weight"] = [[_jsonable(label), float(of)] for label, of in weights.items()] if isinstance(weights, Mapping) else weights
    return {"data": _place(data), **kept, "dev": _place(options["dev"]), "test": _place(options["test"])}


def options_of(study: "Study") -> dict[str, Any]:
    """The options of `fit` that the study was made with, those about data and search; without budget, space, seed and names.

    Raises StudyError for a study that does not know them: one of an objective, or of an older osetra.
    """
    asked = _asked(study)
    options = {name: asked[name] for name in (*OF_DATA, *OF_SEARCH)}
    options["sizes"] = None if options["sizes"] is None else tuple(options["sizes"])
    if isinstance(options["class_weight"], list):
        options["class_weight"] = dict(options["class_weight"])
    return options


def data_of(study: "Study") -> str:
    """The path of the data. Raises StudyError where they were handed over in memory, or are no longer there."""
    asked = _asked(study)
    if IN_MEMORY in (asked["data"], asked["dev"], asked["test"]):
        raise StudyError(f"study {study.name!r} was given its data in memory, so they cannot be read again; hand them over anew (data=...)")
    if not Path(asked["data"]).exists():
        raise StudyError(f"the data of study {study.name!r} must be where they were, got nothing at {asked['data']}; name their new place")
    return asked["data"]


def reopen(study: "Study", data: Any = None, *, y: Any = None) -> "PreparedTable":
    """The study's data once more: read, split and prepared as they were.

    data, y: as in `fit`; None reads them where they were. Raises StudyError where they cannot be read again or are not the same, row for
    row, as the study's, and DataError for what is wrong with data handed over.
    """
    from osetra.study.environment import fingerprint
    from osetra.study.table import PreparedTable

    options = options_of(study)
    given = data_of(study) if data is None else data
    if data is not None:
        for part in ("dev", "test"):
            if options[part] == IN_MEMORY:
                raise StudyError(f"study {study.name!r} was given its {part} part in memory, so its data cannot be put together again")
    target = options.pop("target")
    table = PreparedTable.of(given, target, y=y, seed=study.record.seed, **{name: options[name] for name in OF_DATA if name != "target"})
    known = study.facts["fingerprint"]["sha256"]
    if fingerprint(table.dataset.features, table.dataset.target)["sha256"] != known:
        raise StudyError(f"the data must be those of study {study.name!r}, got others from {table.dataset.source}; fit them as a new study")
    return table


def _asked(study: "Study") -> Mapping[str, Any]:
    asked = study.facts.get("asked")
    if asked is None:
        raise StudyError(f"study {study.name!r} does not know what its fit was asked for; only studies of fit, made by this version, do")
    return asked


def _place(data: Any) -> Any:
    if data is None or isinstance(data, bool | np.bool_):
        return None if data is None else bool(data)
    return str(Path(data).absolute()) if isinstance(data, str | Path) else IN_MEMORY


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [_jsonable(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
