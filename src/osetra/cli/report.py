"""The verb `report`: a study as one HTML file."""

from pathlib import Path

from osetra.cli.reading import open_study
from osetra.cli.screen import output, print_json, say

ENDING = ".html"


def run_report(name: str | None, store: str, *, out: Path | None, base_error: float | None, as_json: bool) -> None:
    """Write the report of a study, of the newest if none is named, and say where; without `out` into this folder, by the study's name."""
    study = open_study(name, store)
    path = study.report(out or Path(_file_name(study.name)), base_error=base_error)
    size = path.stat().st_size
    if as_json:
        print_json({"study": study.name, "report": str(path), "bytes": size})
        return
    console = output()
    console.print(str(path), soft_wrap=True)
    say(
        console,
        f"The report of study {study.name}, {size / 1e6:.1f} MB with the figure library; open it in a browser, also offline.",
        style="dim",
    )


def _file_name(study: str) -> str:
    """A name that every system can keep, in this folder and nowhere else."""
    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in study).strip("-.")
    return f"{kept[:100] or 'report'}{ENDING}"
