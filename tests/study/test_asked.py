"""What a fit was asked for: kept with its study, and asked again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import osetra
from osetra.core.errors import StudyError
from osetra.study.asked import data_of, options_of, reopen


def rows(count: int = 300) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    a, b = generator.normal(size=(2, count))
    return pd.DataFrame({"a": a, "b": b, "extra": 1.0 * np.arange(count), "label": np.where(a + b > 0, "yes", "no")})


def fitted(data: object, **options: object) -> osetra.Study:
    return osetra.fit(data, "label", epochs=2, epochs_per_trial=1, finals=False, drop=["extra"], sizes=(0.5, 0.3, 0.2), seed=4, **options)


def test_data_are_read_again_split_and_prepared_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows().to_csv(path, index=False)
    study = fitted(path, class_weight={"yes": 3.0, "no": 1.0}, store=tmp_path / "s.db")
    table = reopen(osetra.Study.open(study.name, tmp_path / "s.db"))
    assert [len(table.split.train), len(table.split.dev), len(table.split.test)] == study.facts["split"]["sizes"]
    assert table.class_weights == {"yes": 3.0, "no": 1.0}
    assert table.dataset.feature_names == ("a", "b")


def test_options_of_a_study_make_the_same_study_again() -> None:
    study = fitted(rows(), patience=3)
    again = osetra.fit(rows(), epochs=2, seed=4, **options_of(study))
    assert [trial.dev_error for trial in again.trials()] == [trial.dev_error for trial in study.trials()]
    assert again.facts["asked"] == study.facts["asked"]


def test_changed_rows_are_not_the_study_s(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows().to_csv(path, index=False)
    study = fitted(path)
    changed = rows()
    changed.loc[0, "a"] += 1.0
    changed.to_csv(path, index=False)
    with pytest.raises(StudyError, match=r"must be those of study 'rows', got others from .*; fit them as a new study"):
        reopen(study)


def test_data_from_memory_are_asked_for_and_then_taken() -> None:
    study = fitted(rows())
    with pytest.raises(StudyError, match="hand them over anew"):
        reopen(study)
    assert len(reopen(study, rows()).split.train) == 150


def test_data_that_are_gone_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows().to_csv(path, index=False)
    study = fitted(path)
    path.unlink()
    with pytest.raises(StudyError, match=f"got nothing at {path}"):
        data_of(study)


def test_an_objective_has_no_data_to_reopen() -> None:
    study = osetra.optimize(lambda trial: float(trial.params["x"]), {"x": osetra.linear(0, 1)}, trials=2, workers=1)
    with pytest.raises(StudyError, match="only studies of fit"):
        options_of(study)
