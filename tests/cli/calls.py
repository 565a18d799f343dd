"""Calling the command: `osetra` in a process of its own, as a person does, output piped; `osetra_here` in this one, which is quicker."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import unittest.mock
from dataclasses import dataclass
from pathlib import Path

from osetra.cli.app import main

COMMAND = shutil.which("osetra", path=str(Path(sys.executable).parent)) or "osetra"


@dataclass(frozen=True)
class Call:
    code: int
    out: str
    err: str

    def succeeded(self) -> "Call":
        assert self.code == 0, self.err
        assert "Traceback" not in self.err
        return self

    def refused(self) -> str:
        """The message of a call that could not be done: exit code 2, nothing on standard output, one message on standard error."""
        assert self.code == 2, (self.code, self.err)
        assert self.out == ""
        assert "Traceback" not in self.err
        lines = self.err.splitlines()
        assert [line.startswith("osetra: ") for line in lines].count(True) == 1, self.err
        assert lines[-1].startswith("osetra: "), self.err
        return lines[-1].removeprefix("osetra: ")


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("OSETRA_STORE", "COLUMNS", "FORCE_COLOR", "NO_COLOR")}
    return {**kept, **variables}


def osetra(folder: Path, *arguments: object, **variables: str) -> Call:
    done = subprocess.run(
        [COMMAND, *map(str, arguments)],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    return Call(done.returncode, done.stdout, done.stderr)


def osetra_here(folder: Path, *arguments: object) -> Call:
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        unittest.mock.patch.object(sys, "argv", ["osetra", *map(str, arguments)]),
        unittest.mock.patch.dict(os.environ, environment(), clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as left:
            return Call(int(left.code or 0), out.getvalue(), err.getvalue())
    raise AssertionError("the command always leaves with an exit code")


def contents(folder: Path) -> dict[str, str]:
    """Every file under a folder with a digest of its bytes; what SQLite keeps beside an open store is left out."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
        if not path.name.endswith(("-wal", "-shm"))
    }


def strict_json(text: str):
    """JSON as the standard has it: NaN and Infinity are none."""

    def refuse(token):
        raise AssertionError(f"{token} is no JSON")

    return json.loads(text, parse_constant=refuse)
