"""Tune networks on handwritten digits, score the model on rows that it never saw, leave a model and a report in demo/.

The data is scikit-learn's: 1,797 images of 8 x 8 pixels (UCI ML hand-written digits, CC BY 4.0). Everything here is done with the
commands that a user types.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_digits

PLACE = Path("demo")


def osetra(*arguments: str) -> None:
    """Run a verb as a user would, showing the command."""
    print(f"\n$ osetra {' '.join(arguments)}", flush=True)
    subprocess.run([str(Path(sys.executable).parent / "osetra"), *arguments], check=True)


def main() -> None:
    """Two tables, a study, a model, predictions, a report."""
    began = time.monotonic()
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir()
    rows: pd.DataFrame = load_digits(as_frame=True).frame.rename(columns={"target": "digit"})
    known, new = PLACE / "digits.csv", PLACE / "new_digits.csv"
    rows[:-100].to_csv(known, index=False)
    rows[-100:].to_csv(new, index=False)

    store, models = str(PLACE / "osetra.db"), str(PLACE / "models")
    osetra("fit", str(known), "--target", "digit", "--budget", "20s", "--store", store, "--models", models)
    osetra("score", f"{models}/digits", str(new))
    osetra("predict", f"{models}/digits", str(new), "-o", str(PLACE / "predictions.csv"))

    report = PLACE / "digits.html"
    osetra("report", "digits", "--store", store, "--out", str(report))
    print(f"\nDone in {time.monotonic() - began:.0f} s. Model: {models}/digits   Report: {report}")


if __name__ == "__main__":
    main()
