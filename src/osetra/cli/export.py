"""The verb `export`: a model for ONNX, PyTorch or plain NumPy."""

from pathlib import Path

from osetra.cli.screen import output, print_json, say
from osetra.core.errors import ModelError


def run_export(which: str, store: str, *, to: str, out: Path | None, as_json: bool) -> None:
    """Export the model in a folder, or that of the study of that name, and name the files."""
    from osetra.models.export import ENDINGS
    from osetra.models.files import load

    folder = _folder(which, store)
    model = load(folder)
    files = model.export(to, out or Path(_file_name(folder.name, ENDINGS.get(to, ""))))
    if as_json:
        print_json({"model": str(folder), "to": to, "files": [str(file) for file in files]})
        return
    console = output()
    for file in files:
        console.print(str(file), soft_wrap=True)
    if to == "onnx":
        say(console, "It takes the inputs named in its metadata, standardised within; text and dates are not read by it.", style="dim")


def _folder(which: str, store: str) -> Path:
    """That of a study's model; what is no study's name is a folder."""
    if Path(which).is_dir():
        return Path(which)
    from osetra.cli.reading import open_study

    study = open_study(which, store)
    kept = study.facts.get("model")
    if not kept:
        raise ModelError(f"an export needs a saved model, got study {which!r}, which has none; fit it with --models FOLDER")
    return Path(kept)


def _file_name(name: str, ending: str) -> str:
    """A name that can be imported."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name)[:100].strip("_")
    return f"{kept if kept[:1].isalpha() else f'model_{kept}'}{ending}"
