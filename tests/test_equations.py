"""docs/equations.md names files and tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in (ROOT / "docs" / "equations.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|")
][2:]


def test_every_formula_has_a_file_and_a_test_that_exist():
    assert len(ROWS) > 20
    for formula, file, test in ROWS:
        path, name = test.split("::")
        assert (ROOT / file).is_file(), f"{formula}: no file {file}"
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{formula}: no test {test}"


def test_every_module_of_the_native_engine_that_holds_a_formula_is_named():
    named = {file for _, file, _ in ROWS}
    formulas = ("forward", "backward", "batch_norm", "activations", "dropout", "loss", "update", "epoch")
    assert {f"src/osetra/engines/native/{module}.py" for module in formulas} <= named
