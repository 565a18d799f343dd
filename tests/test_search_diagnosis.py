"""What is odd about a search, from planted trials."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

import osetra
from osetra.core.records import Trial, TrialState
from osetra.diagnosis.actions import Circumstances, recipe
from osetra.diagnosis.bias_variance import judge
from osetra.diagnosis.boundaries import boundaries
from osetra.diagnosis.intervals import error_rate
from osetra.diagnosis.ranking import rank
from osetra.diagnosis.search import infeasible, judge_search
from osetra.space import Space, choice, integer, linear, log, powers_of_two

SPACE = Space({"learning_rate": log(1e-4, 1), "hidden_units": powers_of_two(16, 128), "keep_prob": linear(0.5, 1), "schedule": "cosine"})


def drawn(count=60, seed=0, *, lost=lambda _: False, error=lambda _, generator: 0.1 + 0.2 * generator.random(), space=SPACE):
    """Random trials; those of which `lost` says so diverged."""
    generator = np.random.default_rng(seed)
    made = []
    for number in range(count):
        configuration = space.decode(generator.random(len(space.names)))
        is_lost = lost(configuration)
        made.append(
            Trial(
                number=number, configuration=configuration, state=TrialState.DIVERGED if is_lost else TrialState.FINISHED, epochs=10,
                dev_error=None if is_lost else float(error(configuration, generator)), dev_loss=0.3,
            )
        )  # fmt: skip
    return made


def names(findings):
    return [finding.name for finding in findings]


def shares(**given):
    """Importances by name: tier, share, low, high."""
    return {
        name: {"tier": tier, "share": share, "low": low, "high": high, "above_chance": low > 0}
        for name, (tier, share, low, high) in given.items()
    }


@pytest.mark.parametrize("seed", range(20))
def test_the_end_at_which_trials_diverge_is_found_and_cut_off_short_of_them(seed):
    trials = drawn(seed=seed, lost=lambda configuration: configuration["learning_rate"] > 0.1)
    region = infeasible(SPACE, trials)
    assert (region.name, region.end) == ("learning_rate", "upper")
    kept = [trial.configuration["learning_rate"] for trial in trials if trial.state is TrialState.FINISHED]
    lost = [trial.configuration["learning_rate"] for trial in trials if trial.state is TrialState.DIVERGED]
    assert max(kept) <= region.new.high < min(lost)
    assert region.new.low == 1e-4
    (found,) = judge_search(SPACE, trials, error_name="error rate", region=region)
    assert found.name == "infeasible region"
    assert found.sentence.startswith(f"{len(lost)} of 60 trials diverged: all {len(lost)} trials with learning_rate above ")
    assert found.remedy == f"narrow learning_rate to {region.new}"
    assert found.figure == "parallel"


def test_an_infeasible_end_may_be_the_lower_one():
    low = drawn(lost=lambda configuration: configuration["keep_prob"] < 0.6)
    region = infeasible(SPACE, low)
    assert (region.name, region.end, region.new.high) == ("keep_prob", "lower", 1)
    assert region.lost == region.of


def test_trials_that_diverge_anywhere_have_no_region():
    generator = np.random.default_rng(1)
    found = []
    for seed in range(50):
        trials = drawn(seed=seed, lost=lambda _: generator.random() < 0.2)
        found.append(infeasible(SPACE, trials))
    assert sum(region is not None for region in found) <= 2
    said = judge_search(SPACE, drawn(lost=lambda c: c["hidden_units"] in (16, 64)), error_name="error rate", region=None)
    assert "at no one end of a range" in said[0].sentence


def test_one_trial_that_diverges_among_many_is_no_finding():
    trials = drawn(60)
    trials[3] = Trial(number=3, configuration=trials[3].configuration, state=TrialState.DIVERGED, epochs=1)
    assert infeasible(SPACE, trials) is None
    assert judge_search(SPACE, trials, error_name="error rate") == ()


def test_the_best_on_a_boundary_is_a_finding_that_names_the_range_beyond():
    trials = drawn(40, error=lambda configuration, _: 0.3 - 0.1 * SPACE.scales["learning_rate"].encode(configuration["learning_rate"]))
    trials.sort(key=lambda trial: trial.dev_error)
    ends = boundaries(SPACE, trials, best=trials[0])
    (found,) = judge_search(SPACE, trials, error_name="error rate", boundaries=ends)
    assert found.name == "best on a boundary"
    assert "lies at the upper end of log(0.0001, 1" in found.sentence
    assert found.remedy == f"search learning_rate over {ends[0].new}"


def test_a_late_tier_that_surely_mattered_more_is_named_and_one_that_may_have_is_not():
    trials = drawn(30)
    early = {"learning_rate": (1, 0.1, 0.0, 0.2), "hidden_units": (2, 0.1, 0.0, 0.25)}
    (found,) = judge_search(SPACE, trials, error_name="error rate", importances=shares(**early, schedule=(3, 0.7, 0.5, 0.9)))
    assert found.name == "importance against tier"
    assert "schedule, which is of tier 3, mattered more than everything of tiers 1 and 2: 70 %" in found.sentence
    assert "(50 to 90 %)" in found.sentence
    assert not judge_search(SPACE, trials, error_name="error rate", importances=shares(**early, schedule=(3, 0.4, 0.2, 0.6)))
    assert not judge_search(SPACE, trials, error_name="error rate", importances=shares(schedule=(3, 0.7, 0.5, 0.9)))
    (own,) = judge_search(SPACE, trials, error_name="error rate", importances=shares(**early, width=(None, 0.7, 0.5, 0.9)))
    assert "width, which is in no tier" in own.sentence


def test_trials_spent_on_what_was_tried_before_are_counted_with_their_epochs():
    trials = drawn(20)
    again = [
        Trial(
            number=20 + place, configuration=trials[place].configuration, state=TrialState.FINISHED, epochs=10, dev_error=0.2, dev_loss=0.3
        )
        for place in range(5)
    ]
    (found,) = judge_search(SPACE, [*trials, *again], error_name="error rate")
    assert found.name == "duplicates"
    assert found.sentence.startswith("5 of 25 trials are within 1 % of every range of an earlier one")
    assert "20 % of all epochs" in found.sentence


def test_near_trials_are_wasted_only_where_noise_hides_what_they_differ_by():
    line = Space({"x": linear(0, 1)})

    def near(gap):
        return [
            Trial(
                number=place, configuration={"x": 0.5 + 0.0001 * place}, state=TrialState.FINISHED, epochs=10, dev_error=0.1 + gap * place,
                dev_loss=0.1,
            )
            for place in range(10)
        ]  # fmt: skip

    # Without noise the search of a minimum comes ever nearer, and rightly so.
    assert judge_search(line, near(1e-4), error_name="value") == ()
    for gap, wasted in ((1e-6, True), (0.05, False)):
        trials = near(gap)
        ranking = rank(trials, best=trials[0], space=line, error_name="error rate", dev=error_rate(100, 1_000))
        said = names(judge_search(line, trials, error_name="error rate", ranking=ranking))
        assert ("duplicates" in said) is wasted


def test_where_nothing_can_be_told_apart_that_is_said_and_no_boundary_is():
    space = Space({"learning_rate": log(1e-4, 1), "keep_prob": linear(0.5, 1)})
    trials = drawn(40, space=space, error=lambda _, generator: generator.binomial(2_000, 0.1) / 2_000)
    trials.sort(key=lambda trial: trial.dev_error)
    ranking = rank(trials, best=trials[0], space=space, error_name="error rate", dev=error_rate(180, 2_000))
    dev = error_rate(180, 2_000)
    gaps = judge(error_rate(900, 10_000), dev, error_name="error rate")
    extreme = drawn(40, error=lambda configuration, _: configuration["learning_rate"], space=space)
    extreme.sort(key=lambda trial: trial.dev_error)
    ends = boundaries(space, extreme, best=extreme[0])
    found = judge_search(space, trials, error_name="error rate", ranking=ranking, boundaries=ends, gaps=gaps)
    assert ends
    assert names(found)[0] == "cannot tell"
    assert "best on a boundary" not in names(found)
    assert "a dev part four times as large, or four seeds of each, halves the luck" in found[0].remedy
    assert found[0].figure == "leaderboard"
    assert "luck" in found[0].certainty


@pytest.mark.parametrize(
    ("wrong_in_test", "said"), [(105, None), (165, "and chance explain that"), (300, "more than the luck of the best")]
)
def test_a_gap_between_test_and_dev_is_held_against_the_luck_of_the_best(wrong_in_test, said):
    space = Space({"learning_rate": log(1e-4, 1), "keep_prob": linear(0.5, 1)})
    trials = drawn(60, space=space, error=lambda _, generator: generator.binomial(1_000, 0.125) / 1_000)
    best = min(trials, key=lambda trial: trial.dev_error)
    dev, test = error_rate(round(1_000 * best.dev_error), 1_000), error_rate(wrong_in_test, 1_000)
    ranking = rank(trials, best=best, space=space, error_name="error rate", dev=dev)
    gaps = judge(error_rate(900, 10_000), dev, test, error_name="error rate")
    found = {finding.name: finding for finding in judge_search(space, trials, error_name="error rate", ranking=ranking, gaps=gaps)}
    assert ("over-tuned on dev" in found) is (said is not None)
    assert said is None or said in found["over-tuned on dev"].sentence


def test_the_recipe_narrows_the_infeasible_range_and_says_how_to_rank_equals():
    trials = drawn(lost=lambda configuration: configuration["learning_rate"] > 0.1)
    region = infeasible(SPACE, trials)
    given = Circumstances(space=SPACE, best=trials[0].configuration, rows=1_000, epochs_per_trial=10, patience=None)
    (action,) = recipe(None, circumstances=given, regions=[region])
    assert action.name == "narrower range of learning_rate"
    assert action.edits == {"learning_rate": region.new}
    equal = drawn(40, error=lambda _, generator: generator.binomial(2_000, 0.1) / 2_000)
    best = min(equal, key=lambda trial: trial.dev_error)
    ranking = rank(equal, best=best, space=SPACE, error_name="error rate", dev=error_rate(180, 2_000))
    (last,) = recipe(None, circumstances=given, search=judge_search(SPACE, equal, error_name="error rate", ranking=ranking))
    assert last.name == "a choice among equals"
    assert not last.can_be_typed


def test_seeds_of_the_finals_are_no_trials_of_the_search_and_measure_its_noise():
    study = osetra.fit(load_digits(as_frame=True).frame, "target", epochs=100, epochs_per_trial=3)
    found = study.diagnose()
    seeds = sum(len(one["errors"]) for one in study.facts["finals_results"])
    assert seeds >= 6
    assert found.ranking.source == "finals"
    assert found.ranking.trials == study.facts["trials"] - seeds
    assert "duplicates" not in names(found.search)
    assert found.to_dict()["ranking"]["best"] == study.best.number


def test_a_healthy_search_has_nothing_out_of_order():
    """Errors that follow two of three ranges, best inside them, on 4,000 rows."""
    space = Space({"learning_rate": log(1e-4, 1e-1), "keep_prob": linear(0.5, 1), "num_layers": integer(1, 4), "kind": choice("a", "b")})

    def error(configuration, generator):
        rate = 0.1 + 0.05 * (np.log10(configuration["learning_rate"]) + 2.5) ** 2 + 0.3 * (configuration["keep_prob"] - 0.8) ** 2
        return generator.binomial(4_000, min(rate, 0.5)) / 4_000

    alarms = []
    for seed in range(50):
        trials = sorted(drawn(40, seed, error=error, space=space), key=lambda trial: trial.dev_error)
        dev = error_rate(round(4_000 * trials[0].dev_error), 4_000)
        ranking = rank(trials, best=trials[0], space=space, error_name="error rate", dev=dev)
        ends = boundaries(space, trials, best=trials[0])
        region = infeasible(space, trials)
        alarms += judge_search(space, trials, error_name="error rate", ranking=ranking, boundaries=ends, region=region)
    assert len(alarms) <= 5, names(alarms)
