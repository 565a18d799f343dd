"""A study as a page of Markdown."""

from datetime import UTC, datetime

from osetra.core.records import Study, StudyState, Task
from osetra.report.markdown import study_page


def made(**facts):
    return Study(
        name="s", state=StudyState.FINISHED, created=datetime(2026, 1, 1, tzinfo=UTC), task=Task.BINARY, target="label", source="t.csv",
        seed=0, error_name="error rate", facts=facts,
    )  # fmt: skip


def test_the_page_tells_how_the_parts_compare_and_what_rows_and_classes_weigh():
    pair = {"first": "training", "second": "dev", "auc": 0.9, "low": 0.85, "high": 0.94, "rows": [9, 9], "found": True, "columns": ["age"]}
    shift = {"ways": ["given", "given"], "pairs": [pair]}
    weights = {"column": "w", "effective_rows": {"train": [10.0, 20]}}
    page = study_page(made(shift=shift, weights=weights, class_weight={"no": 1.0, "yes": 3.0}), [], {})
    assert "- Training and dev part differ: a small classifier tells their rows apart with AUC 0.90" in page
    assert "- Rows are weighed by `w`" in page
    assert "- Class weights, in training and in the dev error that trials are compared by: no 1 and yes 3." in page
    assert study_page(made(), [], {}) == "# s: binary classification of label\n\n"
