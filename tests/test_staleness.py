"""What became of an old winner: verdicts on worlds with a known truth, against independent arithmetic, and what is said."""

import json
import math

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import kendalltau

from osetra.core.errors import StudyError
from osetra.diagnosis.staleness import Entry, Verdict, judge

CASES = 100


def world(generator, rates, *, rows=1_000, seeds=3, row=1.2, own=0.3, luck=0.6, unstable=0.0):
    """Errors [seeds, rows] of candidates with these true rates. Each row is hard or easy for all, suits each candidate more or less (own),
    and each seed (luck); unstable: whole seeds are better or worse."""
    hard = row * generator.standard_normal(rows)
    total = math.sqrt(row**2 + own**2 + luck**2 + unstable**2)
    found = []
    for rate in rates:
        suits = own * generator.standard_normal(rows)
        noise = luck * generator.standard_normal((seeds, rows)) + unstable * generator.standard_normal((seeds, 1))
        found.append((hard + suits + noise < ndtri(rate) * total).astype(float))
    return found


def entries(errors, **more):
    return [Entry(name=f"trial {place}", errors=list(of), **more) for place, of in enumerate(errors)]


def verdicts(rates, *, cases=CASES, seed=1, **of_world):
    generator = np.random.default_rng(seed)
    found = [judge(entries(world(generator, rates, **of_world)), error_name="error rate") for _ in range(cases)]
    return found, {verdict: sum(one.verdict is verdict for one in found) for verdict in Verdict}


def test_a_winner_that_is_better_than_all_is_found_still_best():
    _, counted = verdicts([0.15, *[0.2] * 3, *[0.25] * 3])
    assert counted[Verdict.STILL_BEST] >= 0.9 * CASES, counted


def test_a_winner_that_another_beats_is_found_beaten_by_that_one():
    found, counted = verdicts([0.2, 0.21, 0.15, 0.21, 0.25, 0.25])
    assert counted[Verdict.BEATEN] >= 0.9 * CASES, counted
    assert all(one.by == "trial 2" for one in found if one.verdict is Verdict.BEATEN)


@pytest.mark.parametrize(
    ("rates", "of_world"),
    [
        ([0.15, 0.15, 0.25, 0.25], {}),
        ([0.15] * 7, {}),
        ([0.15] * 7, {"unstable": 0.1}),
        ([0.15] * 7, {"luck": 0.1}),
        ([0.15] * 4, {"own": 0.0, "seeds": 2}),
        ([0.03] * 4, {"rows": 200}),
    ],
)
def test_a_winner_as_good_as_another_cannot_be_told_from_it(rates, of_world):
    _, counted = verdicts(rates, **of_world)
    assert counted[Verdict.INDISTINGUISHABLE] >= 0.9 * CASES, counted


def test_intervals_of_all_differences_hold_together_in_about_95_of_100():
    rates = [0.15, 0.15, 0.16, 0.17, 0.2]
    found, _ = verdicts(rates, cases=100, seed=2)
    held = [
        all(one.difference_low <= rate - rates[0] <= one.difference_high for one, rate in zip(of.standings[1:], rates[1:], strict=True))
        for of in found
    ]
    assert np.mean(held) >= 0.9


def test_a_planted_rmse_is_judged_alike():
    generator = np.random.default_rng(3)

    def squares(spreads, rows=800):
        shared = generator.normal(size=rows)
        return [np.square(spread * (0.8 * shared + 0.6 * generator.normal(size=(3, rows)))) for spread in spreads]

    for spreads, verdict in (([1.0, 1.2, 1.3], "still best"), ([1.0, 1.0, 1.3], "no longer distinguishable"), ([1.0, 0.8, 1.3], "beaten")):
        found = [judge(entries(squares(spreads)), error_name="RMSE") for _ in range(40)]
        assert sum(one.verdict == verdict for one in found) >= 36, verdict
        assert found[0].standings[0].error == pytest.approx(1.0, rel=0.1)


def test_errors_and_differences_are_means_over_seeds_and_rows():
    errors = world(np.random.default_rng(4), [0.1, 0.2])
    found = judge(entries(errors), error_name="error rate").standings
    assert found[0].errors == pytest.approx(errors[0].mean(axis=1))
    assert found[1].difference == pytest.approx(errors[1].mean() - errors[0].mean())
    assert found[0].low < found[0].error < found[0].high
    weights = np.random.default_rng(5).uniform(0.5, 2, errors[0].shape[1])
    weighed = judge(entries(errors), error_name="error rate", weights=weights).standings[1]
    assert weighed.difference == pytest.approx(np.average((errors[1] - errors[0]).mean(axis=0), weights=weights))
    rmse = judge(entries([4 * of for of in errors]), error_name="RMSE").standings
    assert rmse[1].errors == pytest.approx(np.sqrt(4 * errors[1].mean(axis=1)))


def test_with_seeds_that_are_alike_the_interval_is_that_of_paired_rows():
    # The same network three times: no luck of seeds, so what is left is McNemar's situation.
    one, other = (of[0] for of in world(np.random.default_rng(6), [0.15, 0.18], own=0.5))
    found = judge(entries([np.stack([one] * 3), np.stack([other] * 3)]), error_name="error rate").standings[1]
    difference = other - one
    half = 1.96 * difference.std(ddof=1) / math.sqrt(len(one))
    assert found.difference_high - found.difference == pytest.approx(half, rel=1e-3)


def test_seeds_that_vary_more_than_rows_make_them_do_widen_the_intervals():
    widths = []
    for unstable in (0.0, 0.4):
        found, _ = verdicts([0.15, 0.15], cases=20, unstable=unstable)
        widths.append(np.mean([one.standings[1].difference_high - one.standings[1].difference_low for one in found]))
    assert widths[1] > 1.5 * widths[0]


def test_a_candidate_that_has_learned_nothing_does_not_blur_the_others():
    generator = np.random.default_rng(11)
    noise = [np.square(generator.normal(size=(3, 400)) * spread) for spread in (1.0, 1.4)]
    wild = np.square(generator.normal(size=(3, 400))) * np.array([[1e3], [1e7], [1e12]])
    calm, blurred = (judge(entries(errors), error_name="RMSE") for errors in (noise, [*noise, wild]))
    assert calm.verdict is Verdict.STILL_BEST
    for one, other in zip(calm.standings, blurred.standings[:2], strict=True):
        assert other.error == one.error
        assert other.high - other.low < 2 * (one.high - one.low)
    assert blurred.standings[1].difference_low > 0


def test_tau_is_kendall_s_of_the_known_candidates_and_turns_with_the_order():
    generator = np.random.default_rng(7)
    rising = judge(entries(world(generator, [0.1, 0.15, 0.2, 0.25])), error_name="error rate")
    assert (rising.tau, rising.tau_low) == (1.0, pytest.approx(1.0))
    assert "agrees with the study's" in rising.order
    falling = judge(entries(world(generator, [0.25, 0.2, 0.15, 0.1])), error_name="error rate")
    assert (falling.tau, falling.tau_high) == (-1.0, pytest.approx(-1.0))
    assert "turned round" in falling.order
    mixed = [*entries(world(generator, [0.15, 0.15, 0.15, 0.15, 0.15]))]
    mixed[3] = Entry(name="fresh 1", errors=mixed[3].errors, is_old=False)
    found = judge(mixed, error_name="error rate")
    known = [one.error for one in found.standings if one.is_old]
    assert found.tau == pytest.approx(kendalltau(range(4), known).statistic)
    assert found.tau_low < 0 < found.tau_high
    assert "does not clearly agree" in found.order
    assert "the 4 candidates" in found.order


def test_sentences_say_the_verdict_with_its_interval():
    generator = np.random.default_rng(8)
    best = judge(entries(world(generator, [0.1, 0.2, 0.3])), error_name="error rate").sentence
    assert best.startswith("Still best: the old winner, trial 0, has dev error ")
    assert "and the next, trial 1, is " in best
    assert best.endswith(") worse")
    beaten = judge(entries(world(generator, [0.2, 0.1, 0.12])), error_name="error rate").sentence
    assert beaten.startswith("Beaten by trial 1: its dev error is ")
    assert "points (" in beaten
    assert beaten.endswith("; trial 2 beats it too")
    tied = judge(entries(world(generator, [0.2, 0.2])), error_name="error rate").sentence
    assert tied.startswith("No longer distinguishable: the old winner, trial 0, ")
    assert tied.endswith("which may be luck of seeds and rows")
    assert json.loads(json.dumps(judge(entries(world(generator, [0.2, 0.2])), error_name="error rate").to_dict()))["verdict"] == (
        "no longer distinguishable"
    )


def test_candidates_that_diverge_lose():
    good = world(np.random.default_rng(9), [0.2, 0.3])
    winner, other = entries(good)
    gone = Entry(name="trial 9", errors=[], diverged=3)
    assert judge([winner, gone], error_name="error rate").sentence.endswith("and all others diverged")
    found = judge([gone, other], error_name="error rate")
    assert (found.verdict, found.by) == (Verdict.BEATEN, "trial 1")
    assert found.sentence.startswith("Beaten: of 3 trainings of the old winner, trial 9, 3 diverged, and trial 1 has dev error ")
    partly = Entry(name="trial 0", errors=list(good[0][:2]), diverged=1)
    assert judge([partly, other], error_name="error rate").verdict is Verdict.STILL_BEST


def test_networks_without_an_error_and_networks_alike_cannot_be_told_apart():
    none = np.zeros((3, 50))
    for error_name in ("error rate", "RMSE"):
        found = judge(entries([none, none]), error_name=error_name)
        assert found.verdict is Verdict.INDISTINGUISHABLE
        assert found.standings[1].difference == 0
    few = none.copy()
    few[:, :1] = 1
    assert judge(entries([none, few]), error_name="error rate").verdict is Verdict.INDISTINGUISHABLE


def test_too_few_candidates_or_trainings_are_refused():
    [errors] = world(np.random.default_rng(10), [0.2])
    with pytest.raises(StudyError, match="another candidate, got 1; add rivals"):
        judge(entries([errors]), error_name="error rate")
    with pytest.raises(StudyError, match="needs 2 trainings of a candidate that went well, got none of 2"):
        judge([Entry(name="a", errors=[errors[0]], diverged=2), Entry(name="b", errors=[], diverged=3)], error_name="error rate")
