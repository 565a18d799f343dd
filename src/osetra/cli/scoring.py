"""The verbs that use a saved model: predict, score."""

import sys
from pathlib import Path

from osetra.cli.screen import output, print_json
from osetra.core.errors import DataError
from osetra.report import words


def run_predict(folder: Path, data: Path, *, output: Path | None, as_json: bool) -> None:
    """Write a row of predictions for every row of the table, in its order."""
    from osetra.data.sources import read_table
    from osetra.models.files import load
    from osetra.models.model import predictions_frame

    model = load(folder)
    frame = predictions_frame(model, read_table(data).frame)
    if as_json:
        print_json(frame.to_dict(orient="records"))
        return
    if output is None:
        frame.to_csv(sys.stdout, index=False)
        return
    try:
        frame.to_csv(output, index=False)
    except OSError as error:
        raise DataError(f"the predictions need a file that can be written, got {output}: {error.strerror}; give another -o") from error
    print(f"{len(frame):,} predictions in {output}", file=sys.stderr)  # noqa: T201


def run_score(folder: Path, data: Path, *, as_json: bool) -> None:
    """The model's error on a table with its 95 % interval."""
    from osetra.models.files import load
    from osetra.study.measure import measure_table

    model = load(folder)
    measured = measure_table(model, data).to_dict()
    error_name = model.facts.get("error_name", "error")
    if as_json:
        print_json({"model": str(folder), "error_name": error_name, **measured})
        return
    output().print(f"{error_name} {words.interval(measured, error_name)}")
