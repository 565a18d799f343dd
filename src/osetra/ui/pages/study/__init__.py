"""One study: its header, and five tabs of which the one in view is built and kept up to date."""

import asyncio
from typing import TYPE_CHECKING

from nicegui import ui

from osetra.core.errors import OsetraError
from osetra.ui import shell
from osetra.ui.pages.current_run import CurrentRun
from osetra.ui.pages.study import diagnosis, download, leaderboard, overview, record, search
from osetra.ui.pages.study.header import Top
from osetra.ui.pages.study.live import Live
from osetra.ui.seeing import every

if TYPE_CHECKING:
    from osetra.ui.server import Dashboard

TABS = {
    overview.TAB: ("Overview", overview.build),
    leaderboard.TAB: ("Trials", leaderboard.build),
    search.TAB: ("Search", search.build),
    diagnosis.TAB: ("Diagnosis", diagnosis.build),
    record.TAB: ("Record", record.build),
}
EVERY_S = 1.0


def install(dashboard: "Dashboard") -> None:
    """At /study/NAME, with the tab in view behind ?tab=; the report to download at /study/NAME/report.html."""
    download.install(dashboard)

    @ui.page("/study/{name:path}")
    async def study_page(name: str, tab: str = overview.TAB) -> None:
        with shell.page(name, [("Studies", "/")]):
            try:
                study, header = await asyncio.to_thread(lambda: (dashboard.reading.study(name), dashboard.reading.header(name)))
            except OsetraError as error:
                shell.empty(str(error))
                return
            live = Live(dashboard, study, header)
            run = CurrentRun(dashboard, name)
            top = Top(live)
            lost = shell.text("", "p", "card lost").props("role=alert")
            lost.set_visibility(False)
            tabs = Tabs(live)

            async def look() -> None:
                await run.look()
                top.tick()
                await live.look()

            every(EVERY_S, look, immediate=False)

            def tell(why: str) -> None:
                shell.put(lost, why)
                lost.set_visibility(bool(why))

            live.on_lost = tell
            if await shell.connected():
                await run.look()
                await tabs.show(tab if tab in TABS else overview.TAB)


class Tabs:
    """In-page navigation; a tab's panel is built when it is first in view."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._buttons: dict[str, shell.Element] = {}
        self._panels: dict[str, shell.Element] = {}
        with shell.tag("nav", "tabs").props('aria-label="Parts of the study"'):
            for name, (title, _) in TABS.items():
                self._buttons[name] = shell.button(title, lambda name=name: self.show(name))
                self._buttons[name].classes(remove="btn", add="tab")
        self._place = shell.tag("div")

    async def show(self, name: str) -> None:
        """Bring a tab into view."""
        live = self._live
        for other, button in self._buttons.items():
            button.props("aria-current=page") if other == name else button.props(remove="aria-current")
        for other, panel in self._panels.items():
            panel.set_visibility(other == name)
        if name not in self._panels:
            with self._place, shell.tag("div", "stack") as self._panels[name]:
                TABS[name][1](live)
        if live.tab and name != live.tab:
            suffix = "" if name == overview.TAB else f"?tab={name}"
            ui.navigate.history.replace(f"{shell.address('study', live.name)}{suffix}")
        await live.show(name)
