"""The quick references of a study, for its record: simple models, disagreement among duplicates, leaks.

Knows nothing of: the search, what a diagnosis makes of them.
"""

import time
from typing import Any

import numpy as np

from osetra.core.seeding import Seed
from osetra.data.images import Images
from osetra.diagnosis.duplicates import MAX_ROWS, Duplicates, duplicates
from osetra.diagnosis.leaks import Leak, leaks
from osetra.diagnosis.references import effort_for, references
from osetra.report.references import leak_sentence
from osetra.study.table import PreparedTable


def reference_facts(table: PreparedTable, *, seed: int, budget_s: float | None) -> dict[str, Any]:
    """Under `references` of a study's facts: rows_used, references, left_out, duplicates, leaks, seconds. The test part is not looked at.

    budget_s: of the whole study, of which the references take about a tenth; None: as long as they need, which is seconds.
    """
    began = time.monotonic()
    draws, effort = Seed(study=seed), effort_for(budget_s)
    weights, parts = table.weights, table.split
    found = references(
        table.training, task=table.dataset.task, num_outputs=table.preparation.num_outputs, generator=draws.generator("references"),
        row_weights=None if weights is None else (weights[parts.train], weights[parts.dev]), effort=effort,
    )  # fmt: skip
    same = _duplicates(table, effort)
    error_name = "error rate" if table.dataset.task.is_classification else "RMSE"
    given = [
        {
            "column": leak.column,
            "error": leak.error,
            "baseline": leak.baseline,
            "sentence": leak_sentence(leak.column, leak.target, found=leak.error, baseline=leak.baseline, error_name=error_name),
        }
        for leak in _leaks(table, draws.generator("leaks"))
    ]
    return {
        "rows_used": found.rows_used,
        "references": [reference.to_dict() for reference in found.references],
        "left_out": list(found.left_out),
        "duplicates": None if same is None else same.to_dict(),
        "leaks": given,
        "seconds": time.monotonic() - began,
    }


def _duplicates(table: PreparedTable, effort: float) -> Duplicates | None:
    data = table.training
    is_classification = table.dataset.task.is_classification
    return duplicates(
        np.concatenate([data.train_inputs, data.dev_inputs]),
        np.concatenate([data.train_targets, data.dev_targets]),
        num_classes=table.preparation.num_outputs if is_classification else None,
        scale=data.error_scale,
        max_rows=max(10_000, int(effort * MAX_ROWS)),
    )


def _leaks(table: PreparedTable, generator: np.random.Generator) -> tuple[Leak, ...]:
    rows, data, parts = table.dataset, table.training, table.split
    if isinstance(rows.features, Images):
        return ()
    # Of the rows of the test part the target is left at 0: nobody asks for it.
    targets = np.zeros((len(rows.target), *data.train_targets.shape[1:]), dtype=data.train_targets.dtype)
    targets[parts.train], targets[parts.dev] = data.train_targets, data.dev_targets
    return leaks(
        rows.features, targets, rows.target_names, columns=[column.column for column in table.preparation.columns],
        training=parts.train, dev=parts.dev, generator=generator,
        scales=None if rows.task.is_classification else table.preparation.target_scale.tolist(),
    )  # fmt: skip
