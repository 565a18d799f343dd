"""A PostgreSQL server for tests: private, in a temporary folder, reached through a socket there; gone with the tests.

Without a server's programs, its driver or an account that it may run under such tests are skipped; in CI, as root, they must run.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ACCOUNT = "postgres"
"""A server does not run as root."""
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "listen_addresses": "", "max_connections": "60"}
"""What a crash of the machine would cost does not matter here."""


def _programs() -> Path | None:
    """Where the newest server's programs are; Debian keeps them off the path."""
    known = [path for path in Path("/usr/lib/postgresql").glob("*/bin/initdb") if path.parts[-3].isdigit()]
    newest = max(known, key=lambda path: int(path.parts[-3]), default=None)
    found = shutil.which("initdb") or newest
    return None if found is None else Path(found).parent


def _has_account() -> bool:
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        return False
    return True


def _why_not() -> str | None:
    if _programs() is None:
        return "needs a PostgreSQL server: apt-get install postgresql"
    if importlib.util.find_spec("psycopg") is None:
        return "needs psycopg, which the extra postgres brings"
    if os.geteuid() == 0 and not _has_account():
        return f"needs the account {ACCOUNT}, for a server does not run as root"
    return None


WHY_NOT = _why_not()


def require() -> None:
    """Called by a module whose tests all need the server."""
    if WHY_NOT and not (os.environ.get("CI") and os.geteuid() == 0):
        pytest.skip(WHY_NOT, allow_module_level=True)


@contextmanager
def server() -> Iterator[str]:
    """The URL of an empty database, whose server ends with the block."""
    assert WHY_NOT is None, WHY_NOT
    programs = _programs()
    assert programs is not None
    # Not below the folder of the tests, which is closed to other accounts and too long a path for a socket.
    folder = Path(tempfile.mkdtemp(prefix="osetra-pg-"))
    account = {"user": ACCOUNT, "group": pwd.getpwnam(ACCOUNT).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}

    def run(program: str, *arguments: str) -> None:
        command = [programs / program, "--pgdata", folder / "data", *arguments]
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, **account)
        log = (folder / "log").read_text() if (folder / "log").exists() else ""
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}{log}"

    try:
        if account:
            shutil.chown(folder, ACCOUNT)
        run("initdb", "--auth=trust", "--username=osetra", "--encoding=UTF8", "--no-locale", "--no-sync")
        settings = " ".join(f"-c {name}='{value}'" for name, value in {**QUICK, "unix_socket_directories": str(folder)}.items())
        run("pg_ctl", "--wait", "--timeout=60", f"--log={folder / 'log'}", f"--options={settings}", "start")
        try:
            yield f"postgresql://osetra@/postgres?host={folder}"
        finally:
            run("pg_ctl", "--mode=immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
