"""The verbs that use a saved model: predict, score."""

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from osetra.cli.screen import error_output, output, print_json, say
from osetra.core.errors import DataError
from osetra.report import words
from osetra.report.spreadsheet import GUARDED, guarded

if TYPE_CHECKING:
    import pandas as pd

    from osetra.data.sources import Table

OUTPUT_SUFFIXES = (".csv", ".csv.gz")


def run_predict(folder: Path, data: Path, *, output: Path | None, for_spreadsheet: bool, as_json: bool) -> None:
    """Write a row of predictions for every row or image, in the order of the data. Raises DataError or ModelError.

    for_spreadsheet: whether what a spreadsheet would run as a formula is marked as text in the CSV; else every label is as it is.
    """
    from osetra.models.files import load
    from osetra.models.model import predictions_frame

    if for_spreadsheet and as_json and output is None:
        raise DataError("--for-spreadsheet is for CSV, got --json without a file; leave one of them out, or name a CSV file with -o")
    if output is not None:
        _require_usable(output, data)
    model = load(folder)
    table = model.read(data)
    _tell(table)
    frame = predictions_frame(model, table)
    if output is None and as_json:
        print_json(frame.to_dict(orient="records"))
        return
    written = _for_spreadsheet(frame) if for_spreadsheet else _for_programs(frame)
    if output is None:
        written.to_csv(sys.stdout, index=False)
        return
    _write(written, output)
    print(f"{words.counted(len(frame), 'prediction')} in {output}", file=sys.stderr)  # noqa: T201
    if as_json:
        print_json(frame.to_dict(orient="records"))


def run_score(folder: Path, data: Path, *, as_json: bool) -> None:
    """The model's error on a table or images with its 95 % interval."""
    from osetra.models.files import load
    from osetra.study.measure import measure

    model = load(folder)
    table = model.read(data)
    _tell(table)
    measured = measure(model, table).to_dict()
    dropped = len(table.frame) - int(measured["rows"])
    error_name = model.facts.get("error_name", "error")
    if as_json:
        print_json({"model": str(folder), "error_name": error_name, **measured, "dropped": dropped})
        return
    left_out = f"; {words.counted(dropped, 'row')} without a target left out" if dropped else ""
    output().print(f"{error_name} {words.interval(measured, error_name)}{left_out}", soft_wrap=True)


def _for_spreadsheet(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Whoever opens it runs nothing; what that changes is said."""
    harmless, marked = guarded(frame)
    if marked:
        say(error_output(), f"{GUARDED} That is so of {words.counted(marked, 'cell')}.", style="dim")
    return harmless


def _for_programs(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The labels themselves, since what reads them compares them; where a spreadsheet would run some, the way out is said."""
    _, marked = guarded(frame)
    if marked:
        told = f"A spreadsheet could run {words.counted(marked, 'cell')} as a formula; --for-spreadsheet marks what it could run as text."
        say(error_output(), told, style="dim")
    return frame


def _tell(table: "Table") -> None:
    """What reading left out or joined, beside the results and not among them."""
    for note in table.notes:
        say(error_output(), note, style="dim")


def _require_usable(path: Path, data: Path) -> None:
    """Before anything is read, so that no work is lost."""
    if path.is_dir():
        raise DataError(f"the predictions need a file, got the folder {path}; name a file in it such as -o {path / 'predictions.csv'}")
    if not path.parent.is_dir():
        raise DataError(f"the predictions need a folder that exists, got {path}, and there is no {path.parent}; make it or give another -o")
    if path.exists() and data.exists() and path.samefile(data):
        raise DataError(f"the predictions need a file of their own, got {path}, which holds the data; give another -o")
    if _is_ordinary(path) and not path.name.lower().endswith(OUTPUT_SUFFIXES):
        raise DataError(f"predictions are written as {' or '.join(OUTPUT_SUFFIXES)}, got {path.name!r}; give a name that ends so")


def _is_ordinary(path: Path) -> bool:
    """A file or nothing yet; not a pipe or a device."""
    return path.is_file() or not path.exists()


def _write(frame: "pd.DataFrame", path: Path) -> None:
    """Whole or not at all: beside its place first, so that a full disk costs no file that was there."""
    fresh = path.with_name(f".{secrets.token_hex(4)}.{path.name}") if _is_ordinary(path) else path
    try:
        frame.to_csv(fresh, index=False)
        if fresh != path:
            fresh.replace(path)
    except OSError as error:
        raise DataError(
            f"the predictions need a file that can be written, got {path}: {error.strerror or error}; give another -o"
        ) from error
    finally:
        if fresh != path:
            fresh.unlink(missing_ok=True)
