"""The first page: all studies of the store."""

import asyncio
from typing import TYPE_CHECKING

from nicegui import ui

from osetra.ui import shell
from osetra.ui.figure import Figure

if TYPE_CHECKING:
    from osetra.ui.server import Dashboard


def install(dashboard: "Dashboard") -> None:
    """At /."""

    @ui.page("/")
    async def studies_page() -> None:
        with shell.page("Studies"):
            shell.text("Studies", "h1")
            with shell.tag("div", "card scroll"), shell.tag("table"), shell.tag("tbody"):
                for one in await asyncio.to_thread(dashboard.reading.studies):
                    with shell.tag("tr"):
                        with shell.tag("td"):
                            shell.link(one.study.name, shell.address("study", one.study.name))
                        with shell.tag("td"):
                            shell.state(str(one.study.state))
            with shell.tag("div", "card"):
                first = (await asyncio.to_thread(dashboard.reading.studies))[0].study.name
                Figure(await asyncio.to_thread(dashboard.reading.figure, first, "curves"))
