"""`osetra ui` as a process: how it begins and ends, what it prints, what it serves, what it leaves behind."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import httpx
import pytest

from cli.calls import COMMAND, contents, environment, osetra_here
from cli.conftest import people
from osetra.core.errors import OsetraError
from osetra.store.sql import open_store

from .conftest import ODD, copy_store

TOKEN = "a-token-that-is-long-enough"


@pytest.fixture(scope="module")
def url(dashboard_url, demo_home):
    return dashboard_url(demo_home / "osetra.db", demo_home)


def test_pages_and_the_api_are_served_with_their_headers(url):
    page = httpx.get(f"{url}/", headers={"accept": "text/html", "accept-encoding": "gzip"})
    assert page.status_code == 200
    assert page.headers["content-encoding"] == "gzip"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "server" not in page.headers
    assert page.text.count("<script") == page.text.count('<script nonce="')
    api = httpx.get(f"{url}/api/studies")
    assert {one["study"] for one in api.json()} == {"people", ODD}
    assert httpx.get(f"{url}/api/openapi.json").json()["info"]["title"] == "osetra"
    assert httpx.get(f"{url}/api/docs").status_code == 404
    assert httpx.get(f"{url}/no-such-page").status_code == 404


def test_the_layer_stands_before_everything(url):
    for path in ("/", "/api/studies", "/_nicegui_ws/socket.io/?EIO=4&transport=polling"):
        assert httpx.get(url + path, headers={"host": "evil.example"}).status_code == 421
        assert httpx.get(url + path, headers={"origin": "http://evil.example"}).status_code == 403
    polled = httpx.get(f"{url}/_nicegui_ws/socket.io/?EIO=4&transport=polling", headers={"origin": url})
    assert polled.status_code == 200
    assert "access-control-allow-origin" not in polled.headers


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/_nicegui/..%2f..%2f..%2fetc/passwd",
        "/people.csv",
        "/osetra.db",
        "/models/people/model.json",
    ],
)
def test_no_address_leads_to_a_file(url, path):
    answer = httpx.get(url + path)
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text
    assert "age,income" not in answer.text


def test_beyond_loopback_the_link_is_printed_once_and_lets_in(serving, demo_home):
    served = serving(demo_home / "osetra.db", demo_home, "--host", "0.0.0.0")
    token = served.entrance.partition("?token=")[2]
    assert len(token) >= 32
    assert served.said.count(token) == 1
    assert "is not encrypted" in served.said
    with httpx.Client(base_url=served.url) as client:
        assert client.get("/", headers={"accept": "text/html"}).headers["location"] == "/login"
        assert client.get("/api/studies").status_code == 401
        assert client.get("/_nicegui_ws/socket.io/?EIO=4&transport=polling").status_code == 401
        assert client.get(served.entrance).status_code == 200
        assert client.get("/", headers={"accept": "text/html"}).status_code == 200
        assert client.get("/api/studies").status_code == 200
    served.end()


def test_a_token_of_ones_own_is_not_printed(serving, demo_home):
    served = serving(demo_home / "osetra.db", demo_home, OSETRA_TOKEN=TOKEN)
    assert TOKEN not in served.said
    assert "OSETRA_TOKEN" in served.said
    assert httpx.get(f"{served.url}/api/studies").status_code == 401
    assert httpx.get(f"{served.url}/api/studies", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    served.end()


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C as a signal is POSIX")
def test_ctrl_c_ends_it_cleanly_and_nothing_is_left_in_the_folder(serving, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    people().to_csv(work / "people.csv", index=False)
    before = contents(work)
    served = serving(tmp_path / "later.db", work)
    assert "osetra fit" in httpx.get(f"{served.url}/").text
    assert httpx.get(f"{served.url}/api/studies").json() == []
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(15) == 0
    assert "Traceback" not in served.said
    assert "Error" not in served.said
    assert contents(work) == before
    assert not (tmp_path / "later.db").exists()


def _wait_for(is_so, seconds=90):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.skipif(os.name != "posix", reason="a session of its own is POSIX")
def test_a_fit_outlives_the_dashboard_that_started_it(tmp_path):
    people().to_csv(tmp_path / "people.csv", index=False)
    options = "target='label', trials=3, epochs_per_trial=3, no_finals=True, workers=1"
    program = (
        "import sys, time\n"
        "from osetra.ui.server import Dashboard\n"
        "dashboard = Dashboard.of('my.db', '.')\n"
        f"dashboard.runs.start_fit('people.csv', {options})\n"
        "print('started', flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, start_new_session=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"started\n"
    # The whole group, as a terminal that is closed does it.
    os.killpg(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert not (tmp_path / "my.db").exists()

    def ended():
        try:
            store = open_store(tmp_path / "my.db", create=False, read_only=True)
            return store.study("people").state == "finished"
        except OsetraError:
            return False

    _wait_for(ended)
    _wait_for((tmp_path / "models" / "people" / "model.json").exists)


def test_what_cannot_be_served_is_said_in_one_sentence(tmp_path, demo_home, monkeypatch):
    monkeypatch.delenv("OSETRA_TOKEN", raising=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = osetra_here(demo_home, "ui", "--port", port).refused()
        assert said == f"port {port} of 127.0.0.1 is taken, perhaps by another dashboard; choose another with --port, or 0"
    assert "a port must lie between 0 and 65535, got 70000" in osetra_here(demo_home, "ui", "--port", 70000).refused()
    assert (
        "a host must be an address of this machine, got '192.0.2.7'"
        in osetra_here(demo_home, "ui", "--host", "192.0.2.7", "--port", 0).refused()
    )
    assert (
        "a host must be an address of this machine, got 'no.such.host.invalid'"
        in osetra_here(demo_home, "ui", "--host", "no.such.host.invalid").refused()
    )
    assert "the working folder must be there, got 'gone'" in osetra_here(demo_home, "ui", "--folder", "gone").refused()
    assert "a store must be" in osetra_here(demo_home, "ui", "--store", "notes.txt").refused()
    (tmp_path / "notes.db").write_text("somebody's notes", encoding="utf-8")
    assert "a file of another kind (left as it is)" in osetra_here(tmp_path, "ui", "--store", "notes.db").refused()
    assert contents(tmp_path).keys() == {"notes.db"}


def test_a_token_that_is_too_short_is_refused_before_anything_is_served(demo_home):
    call = subprocess.run(
        [COMMAND, "ui", "--port", "0"], cwd=demo_home, env=environment(OSETRA_TOKEN="short"), capture_output=True, text=True, timeout=60
    )
    assert call.returncode == 2
    assert "OSETRA_TOKEN must have at least 16 printable ASCII characters" in call.stderr
    assert call.stdout == ""


def test_a_store_of_an_older_osetra_is_refused_as_by_the_verbs_that_read(tmp_path, demo_home):
    connection = sqlite3.connect(copy_store(demo_home / "osetra.db", tmp_path / "old.db"))
    connection.execute("UPDATE alembic_version SET version_num = 'osetra_0001'")
    connection.commit()
    connection.close()
    said = osetra_here(tmp_path, "ui", "--store", "old.db").refused()
    assert said.endswith("; bring it up to date with osetra upgrade --store old.db")
    assert said == osetra_here(tmp_path, "studies", "--store", "old.db").refused()


def test_without_nicegui_the_extra_is_named(demo_home, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert osetra_here(demo_home, "ui").refused() == 'the dashboard needs NiceGUI, which is not installed; run: pip install "osetra[ui]"'


def test_the_verb_is_told_of_and_does_not_import_the_dashboard_until_it_is_run(demo_home):
    assert "--host" in osetra_here(demo_home, "ui", "--help").out
    program = "import sys; sys.argv = ['osetra', 'studies']\nfrom osetra.cli.app import main\nmain()"
    check = f"import atexit, sys\natexit.register(lambda: print('nicegui' in sys.modules, 'osetra.ui' in sys.modules))\n{program}"
    done = subprocess.run([sys.executable, "-c", check], cwd=demo_home, env=environment(), capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "False False"
