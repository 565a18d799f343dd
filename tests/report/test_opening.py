"""What is said before a search begins."""

from osetra.report.opening import MOST_NOTES, opening
from osetra.space.scales import log
from osetra.space.space import Space


def said(*, column_notes=(), space=None, workers=2, strategy="random", epochs_per_trial=1, patience=None):
    return opening(
        dataset_notes=["income has 2 distinct values: binary classification"],
        column_notes=column_notes,
        split_rule="at random: 6 rows train, 2 dev, 2 test",
        space=space or Space({"l2": log(1e-4, 1), "learning_rate": log(1e-4, 1), "optimizer": "adam", "beta1": 0.9, "eps": 1e-8}),
        strategy=strategy,
        epochs_per_trial=epochs_per_trial,
        patience=patience,
        workers=workers,
        budget="60 s",
    )


def test_it_names_the_data_the_split_the_search_and_what_is_left_fixed():
    assert said() == [
        "income has 2 distinct values: binary classification",
        "Split at random: 6 rows train, 2 dev, 2 test",
        "Searching learning_rate and l2 at random on their scales: 2 trials at a time, up to 1 epoch each, budget 60 s.",
        "Left fixed: optimizer adam and 2 more (osetra show lists them).",
    ]


def test_many_notes_on_columns_are_counted():
    lines = said(column_notes=[f"note {k}" for k in range(MOST_NOTES + 1)])
    assert lines[1 : MOST_NOTES + 2] == [*(f"note {k}" for k in range(MOST_NOTES)), "1 more note on columns (osetra show lists them)"]
    assert not any("more note" in line for line in said(column_notes=["note"] * MOST_NOTES))


def test_a_space_without_anything_to_search_or_to_leave_fixed_is_said_so():
    assert "Nothing is left to search: training the one configuration for up to 1 epoch." in said(space=Space({"optimizer": "adam"}))
    assert not any(line.startswith("Left fixed") for line in said(space=Space({"l2": log(1e-4, 1)})))


def test_one_worker_trains_one_trial_at_a_time():
    assert any("scales: one trial at a time, up to" in line for line in said(workers=1))


def test_how_it_searches_and_when_trials_end_early_is_said():
    assert any("scales (Sobol) with ASHA: " in line for line in said(strategy="sobol+asha"))
    assert any("up to 30 epochs each, fewer after 10 without a better one" in line for line in said(epochs_per_trial=30, patience=10))
    assert not any("fewer" in line for line in said(epochs_per_trial=10, patience=10))


def test_every_strategy_has_its_words():
    from osetra.study.strategy import SAMPLERS, SCHEDULERS

    for sampler in SAMPLERS:
        for scheduler in SCHEDULERS[1:]:
            assert any(line.startswith("Searching ") for line in said(strategy=f"{sampler}+{scheduler}"))
