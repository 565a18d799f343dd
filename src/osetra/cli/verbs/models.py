"""The verbs that use a trained model: predict, score, export."""

from pathlib import Path
from typing import Annotated

import typer

from osetra.cli import DEFAULT_STORE
from osetra.cli.options import JsonOption, ModelArgument, StoreOption


def predict(
    model: ModelArgument,
    data: Annotated[Path, typer.Argument(help="A table with the columns that the model was trained on; or images, a folder or .npz.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="CSV file to write.  [default: standard output]")] = None,
    for_spreadsheet: Annotated[
        bool, typer.Option("--for-spreadsheet", help="Mark texts in the CSV that a spreadsheet would run as a formula, with an apostrophe.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Predict every row of a table, or every image."""
    from osetra.cli.scoring import run_predict

    run_predict(model, data, output=output, for_spreadsheet=for_spreadsheet, as_json=json)


def score(
    model: ModelArgument,
    data: Annotated[Path, typer.Argument(help="A table with the target in it; or images, a folder for each class, or .npz.")],
    json: JsonOption = False,
) -> None:
    """Measure a model's error on a table or images whose target is known."""
    from osetra.cli.scoring import run_score

    run_score(model, data, as_json=json)


def export(
    model: Annotated[str, typer.Argument(metavar="STUDY_OR_MODEL", help="The folder that fit left and named, or the name of a study.")],
    to: Annotated[str, typer.Option(help="onnx, torch (a module's source and its weights) or numpy (the same in NumPy alone).")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write, .onnx or .py.  [default: by the model]")] = None,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Write a model for use without osetra: ONNX, a PyTorch module, plain NumPy."""
    from osetra.cli.export import run_export

    run_export(model, store, to=to, out=out, as_json=json)
