"""The dashboard at 100,000 trials, and beside a study that trains.

    python benchmarks/dashboard.py --scratch FOLDER --out benchmarks/results/dashboard.json
    python benchmarks/dashboard.py --scratch FOLDER --parts reading,pages      only some of the parts that follow

reading     milliseconds of what pages read, none of it known before: versions, pages of the leaderboard by any column, filtered, figures;
            by the clock, and the processor's time alone, which is what it takes on a machine that has nothing else to do
pages       milliseconds of the server for each page, the first time and again
browser     seconds until a page is painted and until its figures are drawn in headless Chromium; left out where there is none
delay       seconds from an epoch's being recorded to its being at the page, while 300 trials train
tabs        50 tabs for a minute on a study of 300 trials: errors, delay, memory and share of one core that the server takes
cost        seconds of a core that the server takes in a minute beside a fit that trains, and after it, with no tab, one and five: unlike
            epochs per second it can be told on a machine that has something else to do
overhead    epochs per second of a fit without a dashboard, with one tab and with five, in turn

The store of 100,000 trials of 20 epochs is kept in FOLDER. Tabs are sockets without a browser: what a browser draws, it draws elsewhere.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dashboard_tabs import EPOCHS, MANY, SPACE, Server, Tab, Writer, make_store, serving

from osetra.core.errors import OsetraError
from osetra.core.ports import FIELDS, Condition, hyperparameter
from osetra.core.records import TrialState
from osetra.ui.reading import Reading

PARTS = ("reading", "pages", "browser", "delay", "tabs", "cost", "overhead")
LIVE = 300
"""Trials that train at once."""
FIT_EPOCHS = 2_000
"""Of the search that overhead is measured on: a few hundred trials, eight of which hold a place at a time."""
SETTLE_S = 15.0
"""Until what a page asks for once is there."""
AWAY_S = 35.0
"""Until a page that was closed is given up."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=5, help="of overhead, each with 0, 1 and 5 tabs")
    parser.add_argument("--seconds", type=float, default=60.0, help="for which the 50 tabs stay open, and each cost is counted")
    parser.add_argument("--out", type=Path, help="write the figures to this file, as JSON; parts not asked for stay as they are")
    parser.add_argument("--fit", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--fit-epochs", type=int, default=FIT_EPOCHS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fit:
        path, name = arguments.fit
        fit(path, name, arguments.fit_epochs)
        return
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    many = arguments.scratch / f"many_{arguments.trials}.db"
    if not many.exists():
        making = many.with_suffix(".making.db")
        making.unlink(missing_ok=True)
        make_store(making, arguments.trials)
        making.rename(many)
    known: dict[str, Any] = json.loads(arguments.out.read_text()) if arguments.out and arguments.out.exists() else {}
    known |= {"machine": machine(), "trials": arguments.trials, "epochs of each": EPOCHS}
    measures: dict[str, Callable[[], Any]] = {
        "reading": lambda: reading(many),
        "pages": lambda: pages(many),
        "browser": lambda: browser(many),
        "delay": lambda: asyncio.run(live(arguments.scratch, tabs=1, seconds=30.0)),
        "tabs": lambda: asyncio.run(live(arguments.scratch, tabs=50, seconds=arguments.seconds)),
        "cost": lambda: asyncio.run(cost(arguments.scratch, arguments.seconds)),
        "overhead": lambda: overhead(arguments.scratch, arguments.rounds),
    }
    for part in arguments.parts.split(","):
        known[part] = measures[part]()
        print(part, json.dumps(known[part], indent=2), flush=True)
        if arguments.out:
            arguments.out.parent.mkdir(parents=True, exist_ok=True)
            arguments.out.write_text(json.dumps(known, indent=2) + "\n")


def reading(path: Path) -> dict[str, Any]:
    """Each reading is of a new `Reading`, which has nothing at hand; the median of five."""

    def timed(call: Callable[[Reading], Any], repeats: int = 5) -> dict[str, float] | str:
        seconds, busy = [], []
        for _ in range(repeats):
            fresh = Reading(None, str(path))
            fresh.study(MANY)
            began, worked = time.perf_counter(), time.process_time()
            try:
                call(fresh)
            except OsetraError as error:
                return str(error)
            seconds.append(time.perf_counter() - began)
            busy.append(time.process_time() - worked)
        return {"ms": round(1e3 * statistics.median(seconds), 2), "processor ms": round(1e3 * statistics.median(busy), 2)}

    rate, batch = hyperparameter("learning_rate"), hyperparameter("batch_size")
    asked: dict[str, dict[str, Any]] = {f"by {column}": {"order_by": column} for column in FIELDS}
    asked |= {f"by {name}": {"order_by": hyperparameter(name)} for name in SPACE.names}
    asked |= {
        "by learning_rate, downwards, in the middle": {"order_by": rate, "descending": True, "offset": 50_000},
        "finished ones by learning_rate": {"order_by": rate, "states": [TrialState.FINISHED]},
        "of a range of learning_rate": {"where": [Condition(column=rate, low=1e-3, high=1e-2)]},
        "of a range of learning_rate and two batch sizes, by l2": {
            "order_by": hyperparameter("l2"),
            "where": [Condition(column=rate, low=1e-3, high=1e-2), Condition(column=batch, among=(64, 128))],
        },
        "one number": {"where": [Condition(column="number", among=(77_777,))]},
    }
    draw = random.Random(2)
    board = {name: timed(lambda of, options=options: of.page(MANY, **options), 3) for name, options in asked.items()}
    kinds: list[tuple[str, tuple[Any, ...]]] = [
        ("curves", ()), ("leaderboard", ()), ("ladder", ()), ("parallel", ()), ("scatter", ("learning_rate",)), ("events", ()),
        ("importance", ()), ("trial", (draw.randrange(1000),)),
    ]  # fmt: skip
    Reading(None, str(path)).figure(MANY, "curves")
    return {
        "version": timed(lambda of: of.store.version(MANY), 20),
        "study": timed(lambda of: of.store.study(MANY)),
        "header": timed(lambda of: of.header(MANY)),
        "60 curves": timed(lambda of: of.study(MANY).curves(range(0, 60_000, 1_000))),
        "leaderboard": board,
        "figures": {kind: timed(lambda of, kind=kind, given=given: of.figure(MANY, kind, *given), 3) for kind, given in kinds},
        "importance": timed(lambda of: of.importance(MANY), 1),
        "diagnosis": timed(lambda of: of.diagnosis(MANY), 1),
    }


ADDRESSES = ("/", f"/study/{MANY}", f"/study/{MANY}/trial/777", f"/study/{MANY}/model", "/new")


def pages(path: Path) -> dict[str, Any]:
    """Of the first request after the server's start, and the median of five more."""
    import urllib.request

    def fetch(url: str) -> float:
        began = time.perf_counter()
        with urllib.request.urlopen(url) as response:
            response.read()
        return round(1e3 * (time.perf_counter() - began), 1)

    with serving(path) as server:
        found = {}
        for address in ADDRESSES:
            first, *again = [fetch(server.url + address) for _ in range(6)]
            found[address] = {"first, ms": first, "again, ms": statistics.median(again)}
        return found


def browser(path: Path) -> dict[str, Any] | str:
    """Seconds from the address to the first contentful paint, and until nothing is waited for and a figure is drawn if there is any."""
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        return "left out: selenium is not installed"
    driver_path = shutil.which("chromedriver")
    if driver_path is None:
        return "left out: there is no chromedriver"
    options = webdriver.ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1440,1000"):
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=Service(driver_path))
    paint = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
    try:
        with serving(path) as server:
            found: dict[str, Any] = {}
            for address in ADDRESSES:
                painted, drawn = [], []
                for _ in range(4):
                    driver.get(server.url + address)
                    at = None
                    began = time.monotonic()
                    while at is None and time.monotonic() - began < 10:
                        at = driver.execute_script(paint)
                        time.sleep(0.02)
                    painted.append(at)
                    while time.monotonic() - began < 20:
                        if driver.execute_script("return document.querySelector('.main-svg') !== null"):
                            drawn.append(driver.execute_script("return performance.now()"))
                            break
                        if "/study/" not in address and time.monotonic() - began > 2:
                            break
                        time.sleep(0.05)
                known = [at for at in painted if at is not None]
                found[address] = {
                    "first paint after the server's start, s": None if painted[0] is None else round(painted[0] / 1e3, 2),
                    "first paint, s": round(statistics.median(known) / 1e3, 2) if known else None,
                    "first figure, s": round(statistics.median(drawn) / 1e3, 2) if drawn else None,
                }
            return found
    finally:
        driver.quit()


async def live(scratch: Path, *, tabs: int, seconds: float) -> dict[str, Any]:
    """Tabs on a study whose 300 trials have an epoch more every half second or so."""
    path = scratch / "live.db"
    for file in scratch.glob("live.db*"):
        file.unlink()
    writer = Writer(path, "live", LIVE)
    writer.epoch()
    draw = random.Random(3)
    with serving(path) as server:
        opened = [Tab(server.url, "/study/live") for _ in range(tabs)]
        came = [await tab.open() for tab in opened]
        await asyncio.sleep(5)
        cpu, begun, memory = server.cpu_s, time.perf_counter(), server.megabytes
        recorded: list[tuple[float, str]] = []
        while time.perf_counter() - begun < seconds:
            error = await asyncio.to_thread(writer.epoch)
            recorded.append((time.perf_counter(), repr(error)))
            await asyncio.sleep(draw.uniform(0.3, 0.9))
        await asyncio.sleep(3)
        share = (server.cpu_s - cpu) / (time.perf_counter() - begun)
        delays = [delay for tab in opened for delay in _delays(recorded, tab.heard)]
        errors = [error for tab in opened for error in tab.errors]
        found = {
            "tabs": tabs, "seconds": seconds, "page came after, median s": round(statistics.median(came), 3),
            "page came after, worst s": round(max(came), 3), "epochs recorded": len(recorded), "epochs seen": len(delays),
            "delay, median s": _rounded(statistics.median(delays)) if delays else None,
            "delay, 95 % s": _rounded(sorted(delays)[int(0.95 * len(delays))]) if delays else None,
            "delay, worst s": _rounded(max(delays)) if delays else None, "errors": len(errors), "first errors": errors[:3],
            "messages": sum(len(tab.heard) for tab in opened),
            "megabytes before": round(memory), "megabytes after": round(server.megabytes),
            "share of one core": round(share, 3),
        }  # fmt: skip
        for tab in opened:
            await tab.close()
    writer.close()
    return found


def _delays(recorded: list[tuple[float, str]], heard: list[tuple[float, str]]) -> list[float]:
    """Of each epoch until a message held it or a later one, which a page may have gone on to at once."""
    seen: dict[str, float] = {}
    for at, text in heard:
        for number in re.findall(r"\d+\.\d+", text):
            seen.setdefault(number, at)
    delays, following = [], float("inf")
    for at, error in reversed(recorded):
        following = min(following, seen.get(error, float("inf")))
        if following < float("inf"):
            delays.append(following - at)
    return delays


async def cost(scratch: Path, seconds: float) -> dict[str, Any]:
    """Once what is made at the first look is there; a study that trains grows meanwhile."""
    path = scratch / "cost.db"
    for file in scratch.glob("cost.db*"):
        file.unlink()
    command = [sys.executable, __file__, "--scratch", str(scratch), "--fit", str(path), "cost", "--fit-epochs", str(10**6)]
    fitting = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not path.exists() or not Reading(None, str(path)).has_store or not Reading(None, str(path)).studies():
            await asyncio.sleep(0.2)
        with serving(path) as server:
            await asyncio.sleep(SETTLE_S)
            training = {f"{tabs} tabs": await _cost(server, tabs, seconds) for tabs in (0, 1, 5)}
            fitting.send_signal(signal.SIGINT)
            fitting.wait()
            over = {f"{tabs} tabs": await _cost(server, tabs, seconds) for tabs in (0, 1, 5)}
    finally:
        fitting.kill()
        fitting.wait()
    return {"seconds of a core a minute, while it trains": training, "seconds of a core a minute, once it is over": over}


async def _cost(server: Server, tabs: int, seconds: float) -> float:
    opened = [Tab(server.url, "/study/cost") for _ in range(tabs)]
    for tab in opened:
        await tab.open()
    await asyncio.sleep(SETTLE_S)
    cpu, begun = server.cpu_s, time.perf_counter()
    await asyncio.sleep(seconds)
    found = 60 * (server.cpu_s - cpu) / (time.perf_counter() - begun)
    for tab in opened:
        await tab.close()
    await asyncio.sleep(AWAY_S if tabs else 0)
    return round(found, 2)


def overhead(scratch: Path, rounds: int) -> dict[str, Any]:
    """Each round makes the same search three times, in another order each round."""
    speeds: dict[int, list[float]] = {0: [], 1: [], 5: []}
    fit_once(scratch, 0, "warm")
    for place in range(rounds):
        order = [0, 1, 5]
        for tabs in order[place % 3 :] + order[: place % 3]:
            speeds[tabs].append(fit_once(scratch, tabs, f"round {place}, {tabs} tabs"))
    medians = {tabs: statistics.median(of) for tabs, of in speeds.items()}
    pairs = {tabs: [with_ / without - 1 for with_, without in zip(speeds[tabs], speeds[0], strict=True)] for tabs in (1, 5)}
    return {
        "epochs per second": {f"{tabs} tabs": [round(speed, 1) for speed in of] for tabs, of in speeds.items()},
        "medians": {f"{tabs} tabs": round(speed, 1) for tabs, speed in medians.items()},
        "lost, % of the medians": {f"{tabs} tabs": round(100 * (1 - medians[tabs] / medians[0]), 2) for tabs in (1, 5)},
        "lost, %, median of rounds": {f"{tabs} tabs": round(-100 * statistics.median(of), 2) for tabs, of in pairs.items()},
    }


def fit_once(scratch: Path, tabs: int, name: str) -> float:
    """Epochs per second of a fit, with so many tabs on its page, of a dashboard that was open before."""
    path = scratch / "fit.db"
    for file in scratch.glob("fit.db*"):
        file.unlink()
    command = [sys.executable, __file__, "--scratch", str(scratch), "--fit", str(path), name]
    with serving(path) if tabs else nullcontext() as server:
        fitting = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if server is not None:
            while not path.exists() or not Reading(None, str(path)).has_store or not Reading(None, str(path)).studies():
                time.sleep(0.2)
            asyncio.run(_watch(server, name, tabs, fitting))
        told, _ = fitting.communicate()
    epochs, seconds = map(float, told.split()[-2:])
    return epochs / seconds


async def _watch(server: Server, name: str, tabs: int, fitting: "subprocess.Popen[str]") -> None:
    from urllib.parse import quote

    opened = [Tab(server.url, f"/study/{quote(name)}") for _ in range(tabs)]
    for tab in opened:
        await tab.open()
    while fitting.poll() is None:
        await asyncio.sleep(0.2)
    for tab in opened:
        await tab.close()


def fit(path: str, name: str, epochs: int) -> None:
    """In a process of its own: a search on made data; prints epochs trained and the seconds of the search."""
    import numpy as np

    import osetra

    draw = np.random.default_rng(0)
    X = draw.normal(size=(12_000, 20)).astype(np.float32)
    y = (np.sin(X[:, 0] * X[:, 1]) + X[:, 2] + 0.5 * draw.normal(size=len(X)) > 0).astype(int)
    study = osetra.fit(X, y=y, study=name, store=path, epochs=epochs, epochs_per_trial=20, seed=0, finals=False)
    print(study.facts["epochs"], study.facts["seconds"])


def _rounded(seconds: float) -> float:
    return round(seconds, 3)


def machine() -> str:
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"NiceGUI {version('nicegui')}, Plotly {version('plotly')}"
    )


if __name__ == "__main__":
    main()
