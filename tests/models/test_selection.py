"""Greedy selection finds mixtures that no search over its own steps betters, is not fooled by chance, and says how sure its gain is."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osetra.core.errors import ModelError
from osetra.models.selection import gain, mix, row_losses, select


def classes(models=6, rows=400, kinds=3, seed=0, skill=1.0):
    """Probabilities of models that see the right class through noise of their own, and the right classes."""
    draw = np.random.default_rng(seed)
    targets = draw.integers(0, kinds, rows)
    z = skill * np.eye(kinds)[targets] + draw.normal(0, 1, (models, rows, kinds))
    e = np.exp(z)
    return (e / e.sum(axis=2, keepdims=True)).astype(np.float32), targets


def values(models=5, rows=300, targets=2, seed=0):
    """Values that are right but for noise, more of it the later the model, and the right ones."""
    draw = np.random.default_rng(seed)
    truth = draw.normal(0, 1, (rows, targets)).astype(np.float32)
    noise = draw.normal(0, 1, (models, rows, targets)) * np.linspace(0.5, 1.0, models)[:, None, None]
    return (truth + noise).astype(np.float32), truth


def cost(outputs, targets, weights, rows=None):
    """(error, log loss) or (squared error, 0), written out once more."""
    rows = np.ones(len(targets)) if rows is None else rows
    mean = np.tensordot(weights, outputs.astype(np.float64), axes=1)
    if targets.ndim == 2:
        return np.average(((mean - targets) ** 2).mean(axis=1), weights=rows), 0.0
    right = mean[np.arange(len(targets)), targets]
    return np.average(mean.argmax(axis=1) != targets, weights=rows), -np.average(np.log(right), weights=rows)


def greedy(outputs, targets, size):
    """Section 2.1 of the source, word by word: the lowest cost along the way, from the best few of at most five."""
    count = len(outputs)

    def of(bag):
        error, loss = cost(outputs, targets, np.bincount(bag, minlength=count) / len(bag))
        return round(error, 12), loss

    ranked = sorted(range(count), key=lambda model: (of([model]), model))
    bag = min((ranked[:n] for n in range(1, min(5, size, count) + 1)), key=of)
    path = [bag]
    while len(bag) < size:
        bag = min(([*bag, model] for model in ranked), key=lambda tried: (of(tried), tried[-1]))
        path.append(bag)
    best = min(path, key=of)
    return np.bincount(best, minlength=count) / len(best)


@pytest.mark.parametrize("make", [classes, values])
@pytest.mark.parametrize("seed", range(4))
def test_one_bag_is_the_sources_algorithm(make, seed):
    outputs, targets = make(seed=seed)
    np.testing.assert_allclose(select(outputs, targets, size=12, bags=1), greedy(outputs, targets, 12), atol=1e-12)


@pytest.mark.parametrize("make", [classes, values])
def test_weights_are_shares_and_no_worse_than_the_best_model_alone(make):
    for seed in range(5):
        outputs, targets = make(seed=seed)
        chosen = select(outputs, targets, bags=1)
        assert chosen.sum() == pytest.approx(1)
        assert (chosen >= 0).all()
        assert cost(outputs, targets, chosen)[0] <= min(cost(outputs, targets, one)[0] for one in np.eye(len(outputs)))
        bagged = select(outputs, targets)
        assert bagged.sum() == pytest.approx(1)
        assert cost(outputs, targets, bagged)[0] < min(cost(outputs, targets, one)[0] for one in np.eye(len(outputs)))


def test_values_are_weighed_as_their_errors_ask():
    """Of independent errors of variance v, the best weights are as 1/v."""
    outputs, targets = values(models=3, rows=60_000, targets=1)
    wanted = np.linspace(0.5, 1.0, 3) ** -2.0
    np.testing.assert_allclose(select(outputs, targets, size=60, bags=1), wanted / wanted.sum(), atol=0.03)


def test_the_best_of_all_small_mixtures_is_found():
    outputs, targets = classes(models=3, rows=150, seed=8)
    chosen = select(outputs, targets, size=4, bags=1)
    all_errors = [
        cost(outputs, targets, np.bincount(bag, minlength=3) / len(bag))[0]
        for size in range(1, 5)
        for bag in itertools.combinations_with_replacement(range(3), size)
    ]
    assert cost(outputs, targets, chosen)[0] <= np.quantile(all_errors, 0.1)


def test_equal_errors_are_decided_by_log_loss():
    sure, unsure = (np.array([[[p, 1 - p]] * 10], np.float32) for p in (0.9, 0.6))
    targets = np.zeros(10, np.int64)
    assert select(np.concatenate([unsure, sure]), targets).tolist() == [0, 1]


def test_a_rows_weight_counts_as_so_many_rows():
    for make in (classes, values):
        outputs, targets = make(rows=120)
        times = np.random.default_rng(1).integers(1, 4, 120)
        again = np.repeat(np.arange(120), times)
        weighed = select(outputs, targets, weights=times.astype(float), bags=1)
        np.testing.assert_allclose(weighed, select(outputs[:, again], targets[again], bags=1), atol=1e-12)
        assert not np.allclose(weighed, select(outputs, targets, bags=1))


def test_it_is_the_same_each_time_and_bags_follow_the_seed():
    outputs, targets = classes(models=8)
    np.testing.assert_array_equal(select(outputs, targets), select(outputs, targets))
    assert not np.array_equal(select(outputs, targets), select(outputs, targets, seed=1))


def test_bags_do_better_on_new_rows_than_one_selection_among_many_models_on_few():
    once, bagged = [], []
    for seed in range(12):
        outputs, targets = classes(models=30, rows=2060, seed=seed, skill=0.7)
        few, new = slice(0, 60), slice(60, None)
        for bags, errors in ((1, once), (10, bagged)):
            errors.append(cost(outputs[:, new], targets[new], select(outputs[:, few], targets[few], bags=bags))[0])
    assert np.mean(bagged) < np.mean(once)


def test_the_gain_is_measured_on_rows_that_had_no_say():
    """Thirty models of pure chance: the ensemble looks better than chance on the rows that chose it, and the difference does not."""
    looked, differed, covered = [], [], 0
    for seed in range(12):
        outputs, targets = classes(models=30, rows=150, kinds=2, seed=seed, skill=0.0)
        found = gain(outputs, targets, select(outputs, targets), seed=seed)
        looked.append(found.error)
        differed.append(found.difference)
        covered += found.low <= 0 <= found.high
    assert np.mean(looked) < 0.43
    assert abs(np.mean(differed)) < 0.03
    assert covered >= 10


@pytest.mark.parametrize(("make", "scale"), [(classes, 1.0), (values, 7.0)])
def test_a_true_gain_is_found_and_its_interval_holds_what_new_rows_show(make, scale):
    outputs, targets = make(rows=30_000, seed=3)
    few, new = slice(0, 1500), slice(1500, None)
    chosen = select(outputs[:, few], targets[few])
    found = gain(outputs[:, few], targets[few], chosen, error_scale=scale)

    def error(of):
        mean = row_losses(of, targets[new]).mean()
        return mean if make is classes else scale * np.sqrt(mean)

    truth = error(mix(outputs[:, new], chosen)) - error(outputs[found.best, new])
    assert found.high < 0
    assert found.low < truth < found.high
    assert found.error < found.best_error
    assert found.to_dict()["rows"] == 1500


def test_the_interval_of_rates_is_agresti_and_mins():
    """By hand: 100 rows, the ensemble alone wrong on 2, the best alone on 12; 2.5/102 - 12.5/102, and 1.96 deviations."""
    from osetra.models.selection import _difference_of_rates

    wrong = np.zeros((2, 100))
    wrong[0, :2] = 1
    wrong[1, 2:14] = 1
    one, other = 2.5 / 102, 12.5 / 102
    half = 1.959964 * np.sqrt((one + other - (one - other) ** 2) / 102)
    expected = (-0.1, one - other - half, one - other + half)
    assert _difference_of_rates(wrong, np.ones(100)) == pytest.approx(expected)
    assert _difference_of_rates(wrong, np.full(100, 3.0)) == pytest.approx(expected)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 6), st.integers(2, 30), st.integers(1, 9), st.integers(1, 4), st.booleans(), st.integers(0, 99))
def test_any_shape_gives_shares(models, rows, size, bags, is_classes, seed):
    outputs, targets = classes(models, rows, 2, seed) if is_classes else values(models, rows, 1, seed)
    chosen = select(outputs, targets, size=size, bags=bags, seed=seed)
    assert chosen.shape == (models,)
    assert chosen.sum() == pytest.approx(1)
    found = gain(outputs, targets, chosen, size=size, bags=bags, seed=seed)
    assert found.low <= found.difference <= found.high


def test_what_does_not_fit_is_refused():
    outputs, targets = classes(rows=20)
    for wrong, right in ((outputs[:, :19], targets), (outputs[0], targets), (outputs[:0], targets), (outputs, targets / 2)):
        with pytest.raises(ModelError, match=r"needs outputs \[models, rows, outputs\] with class numbers .*; give the same rows to all"):
            select(wrong, right)
    with pytest.raises(ModelError, match="class numbers must be 0 to 2, got 0 to 5"):
        select(outputs, np.where(targets == 2, 5, targets))
    with pytest.raises(ModelError, match="size must be a whole number >= 1, got 0"):
        select(outputs, targets, size=0)
    for weights in (np.ones(19), np.zeros(20), np.full(20, np.nan)):
        with pytest.raises(ModelError, match="weights must be > 0, one for each of 20 rows"):
            select(outputs, targets, weights=weights)
    with pytest.raises(ModelError, match="at least 2 rows, got 1"):
        gain(outputs[:, :1], targets[:1], np.eye(6)[0])
