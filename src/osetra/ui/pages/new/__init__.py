"""A new fit: data, what to predict, how; the plan before it is spent; and the start. A fit goes on when the browser is closed."""

import asyncio
from typing import TYPE_CHECKING

from nicegui import ui

from osetra.core.errors import DataError, SpaceError
from osetra.ui import shell
from osetra.ui.pages.new.data import Data
from osetra.ui.pages.new.options import Options
from osetra.ui.pages.new.plan_card import EVERY_S, Asked, PlanCard
from osetra.ui.pages.new.space import SpaceCard

if TYPE_CHECKING:
    from osetra.ui.server import Dashboard


def install(dashboard: "Dashboard") -> None:
    """At /new, with a file chosen behind ?data=."""

    @ui.page("/new")
    async def new_page(data: str = "") -> None:
        with shell.page("New fit", [("Studies", "/")]):
            shell.text("New fit", "h1")
            found = await asyncio.to_thread(dashboard.files.listing)
            if not found.files:
                shell.empty(
                    f"There are no data in the working folder {dashboard.folder}.",
                    "Put a .csv, .parquet, .feather or .npz file, or a folder with a folder of images for each class, into it;\n"
                    "or start the dashboard where the data are: osetra ui --folder FOLDER",
                )
                return
            with shell.tag("div", "beside"):
                with shell.tag("div", "stack"):
                    page = NewFit(dashboard)
                    page.data = Data(dashboard.files, found.files, is_cut=found.is_cut, changed=page.other_data)
                    page.options = Options(page.other)
                    page.space = SpaceCard(page.other)
                page.card = PlanCard(dashboard, page.asked)
            page.card.follow()
            await ui.context.client.connected()
            ui.context.client.on_delete(page.card.end)
            if data in {one.name for one in found.files}:
                page.data.choose(data)
            ui.timer(EVERY_S, page.card.look)


class NewFit:
    """Joins the cards: what one says, the others hear."""

    data: Data
    options: Options
    space: SpaceCard
    card: PlanCard

    def __init__(self, dashboard: "Dashboard") -> None:
        self._dashboard = dashboard

    def asked(self) -> Asked:
        """All of it. Raises an OsetraError that says what is missing or wrong."""
        if not self.data.name or self.data.guess is None:
            raise DataError("choose the data to learn from" if not self.data.name else "choose what to predict, as said above")
        options = self.options.read()
        if self.space.why:
            raise SpaceError(self.space.why)
        chosen = {"target": self.data.targets, "task": self.data.task}
        return Asked(data=self.data.name, study=self.options.name, edits=self.space.edits, options={**chosen, **options})

    async def other_data(self) -> None:
        """Other data, or another target."""
        self.options.show_columns([name for name in self.data.columns if name not in self.data.targets])
        self.space.follow(self.data.guess, images=self.data.is_images)
        self.card.follow()

    async def other(self) -> None:
        """Another option or edit."""
        self.card.follow()
