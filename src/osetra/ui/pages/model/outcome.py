"""How good a model is: errors with intervals, figures of its answers on dev, its worst rows, the finalists and the ensemble.

Knows nothing of: predicting.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from osetra.core.errors import OsetraError
from osetra.core.records import Trial
from osetra.report import told, words
from osetra.report.gathered import Gathered
from osetra.ui import shell
from osetra.ui.figure import Figure
from osetra.ui.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from osetra.study.handle import Study
    from osetra.ui.reading import Reading

MOST_FINALISTS = 8
FOUR = 4
"""Cards that fill two rows of two, and would leave one alone in rows of three."""


def numbers(study: "Study", best: Trial | None, parameters: int | None) -> None:
    """The errors, and what they compare with."""
    listed = [
        (one.label, one.value, one.note)
        for one in told.numbers(Gathered(study=study.record, best=best))
        if one.label not in ("trials", "time", "epochs")
    ]
    if parameters is not None:
        listed.append(("parameters", f"{parameters:,}", ""))
    shell.numbers(listed)


def kinds(study: "Study") -> list[tuple[str, str, tuple[str, ...]]]:
    """Figures that the study has: heading, kind, arguments."""
    known: Mapping[str, Any] = study.facts.get("evaluation") or {}
    found: list[tuple[str, str, tuple[str, ...]]] = []
    if known.get("boundary"):
        found.append(("Decision boundary" if known.get("confusion") else "Predicted over its two features", "boundary", ()))
    if known.get("confusion"):
        found.append(("Confusion", "confusion", ()))
    if known.get("calibration"):
        found.append(("Calibration", "calibration", ()))
    found += [(f"Residuals of {one['target']}", "residuals", (one["target"],)) for one in known.get("residuals") or ()]
    if study.facts.get("references"):
        found.append(("Beside simple references", "references", ()))
    if known.get("slices"):
        found.append(("Slices", "slices", ()))
    return found


async def figures(reading: "Reading", study: "Study") -> None:
    """A card for each, drawn one after the other."""
    places = []
    listed = kinds(study)
    with shell.tag("div", "grid two" if len(listed) == FOUR else "grid"):
        for title, kind, arguments in listed:
            with shell.tag("section", "card"):
                shell.text(title, "h2")
                with shell.tag("div", "figure-place") as place:
                    shell.text("Drawing …", "p", "quiet")
                places.append((place, kind, arguments))
    for place, kind, arguments in places:
        try:
            made = await asyncio.to_thread(reading.figure, study.name, kind, *arguments)
        except OsetraError as error:
            place.clear()
            with place:
                shell.text(f"{error}.", "p", "quiet")
            continue
        place.clear()
        with place:
            Figure(made)


def worst_rows(study: "Study") -> None:
    """The dev rows that it got most wrong, with their first features."""
    known: Sequence[Mapping[str, Any]] = (study.facts.get("evaluation") or {}).get("worst") or ()
    if not known:
        return
    is_sure = known[0].get("confidence") is not None
    features = list(known[0].get("features") or {})
    columns = [
        Column(name="row", label="row", kind="number", title="Counted from 0 among the rows with a target"),
        *([Column(name="target", label="target")] if len({one["target"] for one in known}) > 1 else []),
        Column(name="actual", label="actual", kind="number" if not is_sure else ""),
        Column(name="predicted", label="predicted", kind="number" if not is_sure else ""),
        Column(name="off", label="sure to" if is_sure else "off by", kind="number"),
        *(Column(name=f"feature {place}", label=name) for place, name in enumerate(features)),
    ]
    has_target = any(column.name == "target" for column in columns)
    rows = [
        Row(
            key=place,
            cells=[
                f"{one['row']:,}", *([str(one["target"])] if has_target else []), _shown(one["actual"]), _shown(one["predicted"]),
                f"{100 * one['confidence']:.1f} %" if is_sure else _shown(-one["residual"]),
                *(_shown((one.get("features") or {}).get(name)) for name in features),
            ],
        )
        for place, one in enumerate(known)
    ]  # fmt: skip
    with shell.tag("section", "card wide"):
        shell.text("Worst rows", "h2")
        shell.text(
            "Dev rows of which it was surest of a wrong class." if is_sure
            else "Dev rows where it is furthest off: predicted less actual.", "p", "quiet",
        )  # fmt: skip
        Table("Worst dev rows", columns, rows)


def made_of(study: "Study") -> None:
    """The ensemble's members and the finalists, where there are any."""
    _ensemble(study)
    results = study.facts.get("finals_results") or ()
    if not results:
        return
    name = study.record.error_name
    columns = [
        Column(name="trial", label="configuration of"), Column(name="mean", label=f"mean dev {name}", kind="number"),
        Column(name="seeds", label="of each seed", kind="long"),
    ]  # fmt: skip
    rows = []
    for place, one in enumerate(results[:MOST_FINALISTS]):
        seeds = ", ".join(words.errors(list(one["errors"]), name))
        link = Cell(
            text=f"trial {one['trial']}",
            href=shell.address("study", study.name, "trial", one["trial"]),
            note="the winner" if place == 0 else "",
        )
        rows.append(Row(key=place, cells=[link, words.error(one["mean"], name), seeds], mark="best" if place == 0 else ""))
    with shell.tag("section", "card wide"):
        shell.text("Finalists", "h2")
        shell.text(
            "The best of the search, trained anew with fresh seeds; the mean decides, so that a lucky start does not win.", "p", "quiet"
        )
        Table("Finalists", columns, rows)


def _ensemble(study: "Study") -> None:
    known = study.facts.get("ensemble")
    if not known:
        return
    with shell.tag("section", "card wide"):
        shell.text("Ensemble", "h2")
        used = "It is the model of this study." if known["is_model"] else "The best network alone was kept as the model of this study."
        shell.text(f"{known['sentence']} {used}")
        details = shell.tag("details")
        columns = [Column(name="trial", label="member"), Column(name="weight", label="weight")]
        rows = [
            Row(
                key=place,
                cells=[
                    "-" if one["trial"] is None
                    else Cell(text=f"trial {one['trial']}", href=shell.address("study", study.name, "trial", one["trial"])),
                    Cell(text=f"{100 * one['weight']:.0f} %", share=one["weight"]),
                ],
            )
            for place, one in enumerate(known["members"])
        ]  # fmt: skip
        with details:
            shell.text(words.counted(len(rows), "member"), "summary")
            Table("Members of the ensemble", columns, rows)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,.5g}" if isinstance(value, float) else str(value)
