"""What `dashboard.py` measures with: a store of very many trials, a server in a process of its own, and tabs without a browser.

A tab asks for a page as a browser does and then listens at its socket, so that the server works for it as for an open page. Nothing is
drawn.
"""

import asyncio
import json
import math
import os
import random
import re
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

from osetra.core.records import EpochRecord, Event, Study, StudyState, Task, Trial, TrialState
from osetra.space import Space, choice, integer, linear, log, powers_of_two
from osetra.store.fields import as_json
from osetra.store.sql import open_store

MANY = "many"
EPOCHS = 20
RUNGS = (1, 4, 10, EPOCHS)
SPACE = Space(
    {
        "learning_rate": log(1e-4, 1e-1), "momentum": linear(0.8, 0.99), "batch_size": powers_of_two(32, 256), "num_layers": integer(1, 4),
        "hidden_units": powers_of_two(16, 256), "keep_prob": linear(0.5, 1.0), "l2": log(1e-6, 1e-1),
        "schedule": choice("constant", "cosine"), "optimizer": "adam", "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "activation": "relu",
        "batch_norm": True, "gain": 1.0, "initialisation": "auto", "input_keep_prob": 1.0, "label_smoothing": 0.0,
    }
)  # fmt: skip


def study(name: str, state: StudyState, **facts: Any) -> Study:
    began = datetime.now(UTC) - timedelta(hours=2)
    measured = {"value": 0.06, "low": 0.05, "high": 0.07, "rows": 5000}
    known = {
        "space": SPACE.to_dict(), "budget": {"seconds": None, "trials": 100_000, "epochs": None}, "epochs_per_trial": EPOCHS, "patience": 5,
        "split": {"rule": "70/15/15", "sizes": [20_000, 5_000, 5_000]},
    }  # fmt: skip
    over = None
    if state is not StudyState.RUNNING:
        over = began + timedelta(hours=2)
        known |= {"dev": measured, "test": measured, "seconds": 7200.0, "epochs": 2_000_000, "ended": "its search came to its end"}
    return Study(
        name=name, state=state, created=began, finished=over, task=Task.BINARY, target="label", source="table.csv", seed=0,
        error_name="error rate", facts=known | facts,
    )  # fmt: skip


def make_store(path: Path, count: int) -> None:
    """A finished study of so many trials of 20 epochs, written past the store's own checks, which would take ten times as long."""
    draw = random.Random(0)
    store = open_store(path)
    names, points = SPACE.names, [[draw.random() for _ in SPACE.names] for _ in range(count)]
    configurations = [SPACE.decode(point) for point in points]
    errors = [0.06 + 0.1 * abs(point[names.index("learning_rate")] - 0.5) + 0.05 * draw.random() for point in points]
    best = min(range(count), key=errors.__getitem__)
    store.create_study(study(MANY, StudyState.FINISHED, best=best))
    store.close()
    now = int(time.time() * 1e6) - 7200 * 10**6
    trials, events = [], []
    for number in range(count):
        diverged = draw.random() < 0.05 and number != best
        state = "diverged" if diverged else "finished" if draw.random() < 0.2 or number == best else "stopped"
        error = None if diverged and draw.random() < 0.5 else errors[number]
        train = 0.04 if state == "finished" else None
        kept = as_json(configurations[number], "configuration")
        trials.append((1, number, kept, state, "not promoted", EPOCHS, EPOCHS, error, 0.3, train, draw.random(), 5000))
        at = now + number * 70_000
        climbed = [("promoted", rung) for rung in RUNGS[: draw.randrange(len(RUNGS))]]
        for place, (kind, epoch) in enumerate([("started", 0), *climbed, (state, EPOCHS)]):
            events.append((1, number, epoch, kind, "{}", "osetra", at + place * 1000))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    with connection:
        connection.executemany(f"INSERT INTO trials VALUES ({','.join('?' * 12)})", trials)
        curves = (
            (1, number, epoch, 1 / epoch, 0.05, 0.3, errors[number] * (1 + 1 / epoch - 1 / EPOCHS), 0.01)
            for number in range(count) for epoch in range(1, EPOCHS + 1)
        )  # fmt: skip
        connection.executemany(f"INSERT INTO epochs VALUES ({','.join('?' * 8)})", curves)
        connection.executemany("INSERT INTO events (study_id,trial,epoch,kind,detail,who,at) VALUES (?,?,?,?,?,?,?)", events)
    connection.close()


class Writer:
    """Records what a study of many trials at once records: a few times a second, all that came since."""

    def __init__(self, path: Path, name: str, trials: int) -> None:
        self.name, self._store = name, open_store(path)
        self._store.create_study(study(name, StudyState.RUNNING))
        draw = random.Random(1)
        configurations = [SPACE.decode([draw.random() for _ in SPACE.names]) for _ in range(trials)]
        self._trials = [Trial(number=at, configuration=one, state=TrialState.RUNNING) for at, one in enumerate(configurations)]
        events = [Event(trial=trial.number, epoch=0, kind="started", at=datetime.now(UTC)) for trial in self._trials]
        self._store.record(name, trials=self._trials, events=events)
        self._epoch = 0

    def epoch(self) -> float:
        """One epoch more of every trial; the dev error of the best after it, which no other epoch of any trial has."""
        self._epoch += 1
        # As many digits as a page is told, the last of them a 7, which no other trial's error has there.
        error = float(f"{0.15 + 0.4 / math.sqrt(self._epoch):.5f}7")
        trials, epochs = [], {}
        for trial in self._trials:
            dev = error if trial.number == 0 else round(error + 0.01 + 1e-4 * trial.number, 4)
            epochs[trial.number] = [
                EpochRecord(epoch=self._epoch, train_cost=0.5, train_error=dev * 0.9, dev_loss=0.4, dev_error=dev, seconds=0.01)
            ]
            trials.append(
                Trial(
                    number=trial.number, configuration=trial.configuration, state=trial.state, epochs=self._epoch, best_epoch=self._epoch,
                    dev_error=dev, dev_loss=0.4, seconds=0.01 * self._epoch,
                )
            )  # fmt: skip
        self._store.record(self.name, trials=trials, epochs=epochs)
        return error

    def close(self) -> None:
        self._store.update_study(study(self.name, StudyState.STOPPED))
        self._store.close()


class Server:
    """`osetra ui` in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url

    @property
    def cpu_s(self) -> float:
        user, system = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    @property
    def megabytes(self) -> float:
        return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[0]) / 1024


@contextmanager
def serving(store: Path) -> Iterator[Server]:
    code = "import sys; from osetra.ui.server import serve; serve(sys.argv[1], folder=sys.argv[2], port=0)"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(store), str(store.parent)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout
    try:
        for line in process.stdout:
            if found := re.search(r"http://\S+", line):
                yield Server(process, found[0])
                return
        raise SystemExit("the dashboard did not start")
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


class Tab:
    """One open page. `heard` holds what came over its socket, each with its time."""

    def __init__(self, url: str, path: str) -> None:
        self._url, self._path = url, path
        self.heard: list[tuple[float, str]] = []
        self.errors: list[str] = []
        self._messages = 0
        self._socket: Any = None

    async def open(self) -> float:
        """Seconds until the page had come."""
        import aiohttp
        import socketio

        began = time.perf_counter()
        async with aiohttp.ClientSession() as session, session.get(self._url + self._path) as response:
            page = await response.text()
            if response.status != 200:
                raise RuntimeError(f"{self._path}: {response.status}")
        took = time.perf_counter() - began
        text = unescape(page)
        client = re.search(r"""['"]?client_id['"]?\s*:\s*['"]([0-9a-f-]{36})""", text)
        following = re.search(r"""['"]?next_message_id['"]?\s*:\s*(\d+)""", text)
        assert client, "a page of NiceGUI names its client"
        self._messages = int(following[1]) if following else 0
        own = {"client_id": client[1], "document_id": str(uuid.uuid4()), "tab_id": str(uuid.uuid4()), "next_message_id": self._messages}
        self._socket = socketio.AsyncClient(reconnection=False)
        self._socket.on("*", self._hear)
        self._socket.on("disconnect", lambda *reason: self.errors.append(f"disconnected {reason}"))
        query = "&".join(f"{name}={value}" for name, value in own.items())
        await self._socket.connect(f"{self._url}?{query}", socketio_path="/_nicegui_ws/socket.io", transports=["websocket"])
        if not await self._socket.call("handshake", own, timeout=30):
            self.errors.append("handshake refused")
        self._acknowledging = asyncio.create_task(self._acknowledge(client[1]))
        return took

    async def _hear(self, event: str, data: Any = None, *_: Any) -> None:
        self._messages += 1
        self.heard.append((time.perf_counter(), "" if event != "update" else json.dumps(data)))

    async def _acknowledge(self, client: str) -> None:
        while True:
            await asyncio.sleep(3)
            await self._socket.emit("ack", {"client_id": client, "next_message_id": self._messages})

    async def close(self) -> None:
        self._acknowledging.cancel()
        self._socket.handlers["/"].pop("disconnect", None)
        await self._socket.disconnect()
