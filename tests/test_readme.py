"""What the README shows is run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_the_readme_s_python_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})


def test_every_command_that_the_readme_shows_exists():
    verbs = set(re.findall(r"^\$ osetra ([a-z]+)", README, re.MULTILINE))
    told = subprocess.run([sys.executable, "-m", "osetra", "--help"], capture_output=True, text=True, check=True).stdout
    assert verbs >= {"fit", "predict", "doctor"}
    assert all(re.search(rf"^\s+{verb}\s", told, re.MULTILINE) for verb in verbs)


def test_every_file_that_the_readme_links_to_exists():
    links = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert "ARCHITECTURE.md" in links
    assert all((Path(__file__).parents[1] / link).exists() for link in links)
