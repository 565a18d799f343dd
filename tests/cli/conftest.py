"""A command line to call, and one small study that the tests share."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from .calls import osetra


def people(rows=200):
    """A table with numbers, text, a blank here and there, and a label that can be learned."""
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": generator.normal(40, 10, rows).round(1),
            "income": generator.normal(0, 1, rows).round(3),
            "city": generator.choice(["Oslo", "Bergen", "Hamar"], rows),
        }
    )
    frame["label"] = np.where(frame["age"] + 5 * frame["income"] > 40, "yes", "no")
    frame.loc[::17, "income"] = np.nan
    return frame


@pytest.fixture(scope="session")
def home(tmp_path_factory) -> Path:
    """A folder with a table, a store with the study `people` of 5 trials and its model. Not to be changed."""
    folder = tmp_path_factory.mktemp("home")
    people().to_csv(folder / "people.csv", index=False)
    osetra(folder, "fit", "people.csv", "--target", "label", "--trials", "5", "--epochs-per-trial", "4").succeeded()
    return folder


@pytest.fixture(scope="session")
def tables(tmp_path_factory) -> dict[str, tuple[Path, list[str]]]:
    """Tables of every kind, each with what `fit` needs to know of it."""
    folder = tmp_path_factory.mktemp("tables")
    generator = np.random.default_rng(1)
    X = generator.normal(size=(150, 3))
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    kind = np.array(["low", "middle", "high"])[np.digitize(X[:, 0], [-0.4, 0.4])]
    with gzip.open(folder / "kinds.csv.gz", "wt", encoding="utf-8") as file:
        frame.assign(kind=kind).to_csv(file, index=False)
    frame.assign(cost=1e4 + 3e3 * X[:, 0] + X[:, 1]).to_parquet(folder / "costs.parquet")
    np.savez(folder / "arrays.npz", X=X, y=(X[:, 1] > 0).astype(int))
    people().to_csv(folder / "people.csv", index=False)
    return {
        "binary": (folder / "people.csv", ["--target", "label"]),
        "multiclass": (folder / "kinds.csv.gz", ["--target", "kind"]),
        "regression": (folder / "costs.parquet", ["--target", "cost"]),
        "arrays": (folder / "arrays.npz", ["--target", "target"]),
    }


@pytest.fixture(scope="session")
def bad(tmp_path_factory) -> Path:
    """A folder of tables, stores and models that cannot be used."""
    folder = tmp_path_factory.mktemp("bad")
    good = people()
    (folder / "binary.csv").write_bytes(bytes(range(256)) * 20)
    (folder / "sheet.xlsx").write_bytes(b"PK\x03\x04" + bytes(200))
    (folder / "torn.parquet").write_bytes(b"PAR1" + bytes(50))
    (folder / "empty.csv").write_bytes(b"")
    (folder / "header.csv").write_text("age,label\n", encoding="utf-8")
    (folder / "ragged.csv").write_text("age,label\n1,yes\n2,no,maybe\n", encoding="utf-8")
    good.assign(label="yes").to_csv(folder / "one-class.csv", index=False)
    good.head(3).to_csv(folder / "three-rows.csv", index=False)
    good.assign(age=[np.inf, *good["age"][1:]]).to_csv(folder / "infinite.csv", index=False)
    good.assign(age=1, income=2, city="Oslo").to_csv(folder / "constant.csv", index=False)
    good.rename(columns={"income": "age"}).to_csv(folder / "twins.csv", index=False)
    good.drop(columns="label").assign(age=["forty", *good["age"][1:]]).to_csv(folder / "words.csv", index=False)
    good.drop(columns=["age", "city"]).to_csv(folder / "lacking.csv", index=False)
    good.assign(label=["perhaps", *good["label"][1:]]).to_csv(folder / "unknown-label.csv", index=False)
    (folder / "notes.db").write_text("not a database, but somebody's notes\n" * 20, encoding="utf-8")
    (folder / "folder.db").mkdir()
    (folder / "a-file").write_text("", encoding="utf-8")
    return folder
