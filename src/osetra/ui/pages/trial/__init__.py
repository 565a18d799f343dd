"""The page of one trial: its curve, what happened to it, how its layers do, and the controls by which it is steered while it trains."""

import asyncio
from typing import TYPE_CHECKING

from nicegui import ui

from osetra.core.errors import OsetraError
from osetra.ui import shell
from osetra.ui.pages.trial.live import TrialPage
from osetra.ui.pages.trial.seen import look
from osetra.ui.seeing import every

if TYPE_CHECKING:
    from osetra.ui.server import Dashboard


def install(dashboard: "Dashboard") -> None:
    """At /study/NAME/trial/NUMBER."""

    @ui.page("/study/{name:path}/trial/{number:int}")
    async def trial_page(name: str, number: int) -> None:
        with shell.page(f"Trial {number}", [("Studies", "/"), (name, shell.address("study", name))]):
            try:
                seen = await asyncio.to_thread(look, dashboard.reading, name, number)
            except OsetraError as error:
                shell.empty(str(error))
                return
            page = TrialPage(dashboard.reading, seen)
            if await shell.connected():
                # Its first look is at once.
                every(1.0, page.look_again)
