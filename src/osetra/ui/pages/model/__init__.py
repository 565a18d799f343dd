"""The model of a study: how good it is, what moves its answers, what it predicts, and how to take it elsewhere."""

import asyncio
from typing import TYPE_CHECKING

from nicegui import ui

from osetra.core.errors import OsetraError
from osetra.core.records import StudyState, Task
from osetra.report import words
from osetra.ui import shell
from osetra.ui.pages.model import download, outcome
from osetra.ui.pages.model.along import Along
from osetra.ui.pages.model.form import Form
from osetra.ui.pages.model.saved import SavedModels
from osetra.ui.pages.model.upload import Upload

if TYPE_CHECKING:
    from osetra.models.predictor import Predictor
    from osetra.study.handle import Study
    from osetra.ui.server import Dashboard

EVERY_S = 2.0


def install(dashboard: "Dashboard") -> None:
    """At /study/NAME/model; downloads at /study/NAME/model/download/FORM."""
    models = SavedModels(dashboard.files)
    download.install(dashboard, models)

    @ui.page("/study/{name:path}/model")
    async def model_page(name: str) -> None:
        with shell.page("Model", [("Studies", "/"), (name, shell.address("study", name))]):
            try:
                study = await asyncio.to_thread(dashboard.reading.study, name)
            except OsetraError as error:
                shell.empty(shell.sentence(str(error)))
                return
            if not study.facts.get("model") and not study.facts.get("evaluation"):
                shell.text(f"Model of {name}", "h1")
                shell.empty(_why_none(study))
                _wait(dashboard, name, study)
                return
            why, model = "", None
            try:
                model = await asyncio.to_thread(models.of, study)
            except OsetraError as error:
                why = str(error)
            await _built(dashboard, models, study, model, why)


async def _built(dashboard: "Dashboard", models: SavedModels, study: "Study", model: "Predictor | None", why: str) -> None:
    best = (await asyncio.to_thread(dashboard.reading.header, study.name)).best
    with shell.tag("section", "card"):
        with shell.tag("div", "between"):
            with shell.tag("div", "grow"):
                shell.text(f"Model of {study.name}", "h1")
                shell.text(_about(study, model), "p", "quiet")
            if model is not None:
                download.links(study.name)
        outcome.numbers(study, best, None if model is None else model.num_parameters)
    form = along = None
    if model is None:
        with shell.tag("section", "card problem"):
            shell.text(shell.sentence(why)).props("role=alert")
            shell.text("What the study keeps of its answers on dev is below.", "p", "quiet")
    else:
        is_table = model.preparation.image_shape is None
        if is_table:
            with shell.tag("section", "card"):
                shell.text("Predict a row", "h2")
                sketch = ((study.facts.get("fingerprint") or {}).get("sketch") or {}).get("features") or {}
                form = Form(model, sketch)
        with shell.tag("section", "card"):
            shell.text("Predict a file" if is_table else "Predict images", "h2")
            Upload(model, study.name)
        if is_table:
            along = Along(models, study, model)
    rest = shell.tag("div", "stack")
    await ui.context.client.connected()
    if form is not None:
        await form.predict()
    with rest:
        await outcome.figures(dashboard.reading, study)
        outcome.worst_rows(study)
        outcome.made_of(study)
    if along is not None:
        await along.show()


def _about(study: "Study", model: "Predictor | None") -> str:
    said = f"{study.record.task.in_words} of {study.record.target}"
    parts = [f"{said[:1].upper()}{said[1:]}"]
    if model is not None:
        from osetra.models.ensemble import Ensemble
        from osetra.models.model import Model

        if isinstance(model, Ensemble):
            parts.append(f"an ensemble of {words.counted(len(model.members), 'network')}")
        elif isinstance(model, Model):
            parts.append(f"network {'-'.join(map(str, model.network.layer_sizes))}")
        trial = model.facts.get("trial")
        parts += [] if trial is None else [f"trial {trial} at epoch {model.facts.get('epoch')}"]
    kept = study.facts.get("model")
    return ", ".join(parts) + (f"; saved in {kept}" if kept else "; not saved")


def _why_none(study: "Study") -> str:
    if study.record.task is Task.OBJECTIVE:
        return "This study tunes an objective and has no network of its own."
    if study.record.state is StudyState.RUNNING:
        return "The model is made when the search ends. This page follows."
    return f"This study came to no model: {study.record.reason or study.record.state}."


def _wait(dashboard: "Dashboard", name: str, study: "Study") -> None:
    """Show the model once there is one."""
    if study.record.state is not StudyState.RUNNING:
        return

    async def look() -> None:
        try:
            now = await asyncio.to_thread(dashboard.reading.study, name)
        except OsetraError:
            return
        if now.record.state is not StudyState.RUNNING:
            timer.deactivate()
            ui.navigate.reload()

    timer = ui.timer(EVERY_S, look)
