"""Sketches of data and the drift between two of them: small, the same for the same rows, silent without drift, loud with it."""

import json

import numpy as np
import pandas as pd
import pytest

from osetra.data.drift import compare
from osetra.data.images import Images
from osetra.data.sketch import MOST_COLUMNS, MOST_ROWS, cumulative, sketch


def people(rows, generator, *, age=40.0, oslo=0.4, missing=0.05, yes=0.3):
    frame = pd.DataFrame(
        {
            "age": generator.normal(age, 10, rows).round(1),
            "gain": np.where(generator.random(rows) < 0.92, 0.0, generator.lognormal(8, 1, rows)),
            "rooms": generator.integers(1, 6, rows),
            "city": generator.choice(["Oslo", "Bergen", "Hamar"], rows, p=[oslo, 0.9 - oslo, 0.1]),
            "street": [f"street {place}" for place in generator.zipf(1.3, rows) % 500],
        }
    )
    frame.loc[generator.random(rows) < missing, "age"] = np.nan
    return frame, pd.DataFrame({"label": np.where(generator.random(rows) < yes, "yes", "no")})


def moved(rows=3_000, **changes):
    generator = np.random.default_rng(4)
    return compare(sketch(*people(rows, generator)), sketch(*people(rows, generator, **changes)))


def test_a_sketch_holds_what_numpy_and_pandas_say():
    features, target = people(5_000, np.random.default_rng(0))
    found = sketch(features, target)
    age = found["features"]["age"]
    assert found["rows"] == found["looked_at"] == 5_000
    assert (age["mean"], age["deviation"]) == (
        pytest.approx(features["age"].mean(), rel=1e-3),
        pytest.approx(features["age"].std(), rel=1e-3),
    )
    assert age["missing"] == pytest.approx(features["age"].isna().mean(), rel=1e-3)
    assert age["quantiles"] == pytest.approx(features["age"].quantile(np.linspace(0, 1, 21)).tolist(), abs=0.2)
    assert found["features"]["rooms"]["values"] == [
        [float(value), pytest.approx(share, rel=1e-3)]
        for value, share in features["rooms"].value_counts(normalize=True).sort_index().items()
    ]
    assert found["features"]["city"]["levels"]["Oslo"] == pytest.approx((features["city"] == "Oslo").mean(), rel=1e-3)
    assert found["features"]["street"]["distinct"] == features["street"].nunique()
    assert len(found["features"]["street"]["levels"]) == 10
    assert found["target"]["label"]["levels"]["yes"] == pytest.approx((target["label"] == "yes").mean(), rel=1e-3)


@pytest.mark.parametrize("kind", ["number", "text"])
def test_a_hundred_columns_take_less_than_20_kilobytes_and_the_rest_are_counted(kind):
    generator = np.random.default_rng(1)
    values = generator.normal(size=(400, 130)) * 1e3
    frame = pd.DataFrame(values, columns=[f"column_{place}" for place in range(130)])
    if kind == "text":
        frame = frame.map(lambda value: f"a rather long level, number {int(value) % 40}")
    found = sketch(frame, pd.DataFrame({"y": generator.normal(size=400)}))
    assert len(found["features"]) == MOST_COLUMNS
    assert found["left_out"] == 30
    assert len(json.dumps(found)) < 20_000
    # The columns that a sketch leaves out do not count as gone.
    assert compare(sketch(frame.iloc[:, ::-1], pd.DataFrame({"y": values[:, 0]})), found).changed == ()


def test_the_same_rows_have_the_same_sketch_also_where_some_are_drawn():
    generator = np.random.default_rng(2)
    frame, target = (
        pd.DataFrame({"x": generator.normal(size=MOST_ROWS + 5_000)}),
        pd.DataFrame({"y": generator.normal(size=MOST_ROWS + 5_000)}),
    )
    first = sketch(frame, target)
    assert first == sketch(frame.copy(), target.copy()) == json.loads(json.dumps(first))
    assert (first["rows"], first["looked_at"]) == (MOST_ROWS + 5_000, MOST_ROWS)
    assert compare(first, first).largest == 0


def test_quantiles_give_back_the_share_at_or_below_a_value():
    generator = np.random.default_rng(3)
    for values in (
        generator.normal(size=4_000),
        np.round(generator.exponential(2, 4_000)),
        np.where(generator.random(4_000) < 0.8, 0, 7.5),
    ):
        column = sketch(pd.DataFrame({"x": values}), pd.DataFrame({"y": values}))["features"]["x"]
        at = np.quantile(values, [0.1, 0.5, 0.9, 1.0])
        np.testing.assert_allclose(cumulative(column, at), [(values <= one).mean() for one in at], atol=0.051)
        assert cumulative(column, np.array([values.min() - 1, values.max() + 1])).tolist() == [0.0, pytest.approx(1.0, abs=1e-3)]


@pytest.mark.parametrize(("rows", "then"), [(3_000, 3_000), (60, 3_000), (60, 60), (20, 15)])
def test_without_drift_none_is_found(rows, then):
    generator = np.random.default_rng(5)
    alarms = [compare(sketch(*people(then, generator)), sketch(*people(rows, generator))).beyond(0.2) for _ in range(25)]
    # 150 comparisons of a column; in small parts chance alone would pass 0.2 in most.
    assert sum(map(len, alarms)) <= 2


@pytest.mark.parametrize(
    ("changes", "column", "said"),
    [
        ({"age": 50.0}, "age", "age: median 4"),
        ({"oslo": 0.75}, "city", "city: 'Bergen' 5"),
        ({"missing": 0.5}, "age", "age: missing 4.5 % -> 50 %"),
        ({"yes": 0.6}, "label", "label: 'yes' 3"),
    ],
)
def test_what_moved_is_named(changes, column, said):
    found = moved(**changes)
    assert [one.column for one in found.beyond(0.2)] == [column]
    assert found.columns[0].sentence.startswith(said), found.columns[0].sentence
    assert found.columns[0].is_target is (column == "label")
    assert found.verdict == "large"
    assert said in found.sentence
    assert "PSI" in found.sentence
    assert json.loads(json.dumps(found.to_dict()))["columns"][0]["column"] == column


def test_psi_is_that_of_its_formula():
    then, now = (sketch(pd.DataFrame({"x": ["a"] * a + ["b"] * (1_000 - a)}), pd.DataFrame({"y": range(1_000)})) for a in (500, 700))
    p, q = np.array([500.5, 500.5]) / 1_001, np.array([700.5, 300.5]) / 1_001
    assert compare(then, now).columns[0].psi == pytest.approx(((q - p) * np.log(q / p)).sum(), rel=1e-6)


def test_new_gone_and_changed_columns_are_told_and_dates_and_counters_never_are():
    rows, generator = 200, np.random.default_rng(6)
    x = generator.normal(size=rows)
    then = pd.DataFrame({"x": x, "old": x, "code": x, "id": range(rows), "day": pd.date_range("2020-01-01", periods=rows)})
    now = pd.DataFrame(
        {"x": x, "code": ["a", "b"] * 100, "fresh": x, "id": range(900, 900 + rows), "day": pd.date_range("2024-01-01", periods=rows)}
    )
    target = pd.DataFrame({"y": x})
    found = compare(sketch(then, target), sketch(now, target))
    assert [one.sentence for one in found.changed] == ["old is gone", "code held numbers and now holds text", "fresh is new"]
    assert found.largest == 0
    assert found.verdict == "large"


def test_levels_that_trade_places_at_the_end_of_a_list_make_no_drift():
    generator = np.random.default_rng(7)
    halves = [pd.DataFrame({"x": generator.integers(0, 400, 4_000).astype(str)}) + "th" for _ in range(2)]
    lists = [sketch(half, half.rename(columns={"x": "y"})) for half in halves]
    # Of 400 levels as frequent as one another other ten are listed each time.
    assert set(lists[0]["features"]["x"]["levels"]) != set(lists[1]["features"]["x"]["levels"])
    assert compare(*lists).largest < 0.1


def test_images_that_turn_darker_have_drifted():
    generator = np.random.default_rng(8)
    pixels = generator.integers(60, 250, (300, 6, 6, 3), dtype=np.uint8)
    target = pd.DataFrame({"class": generator.choice(["a", "b"], 300)})
    then = sketch(Images(pixels=pixels), target)
    assert set(then["features"]) == {f"{what} of {colour}" for what in ("mean", "deviation") for colour in ("red", "green", "blue")}
    darker = pixels.copy()
    darker[..., 1] //= 2
    found = compare(then, sketch(Images(pixels=darker), target))
    assert {one.column for one in found.beyond(0.2)} == {"mean of green", "deviation of green"}


def test_values_far_from_zero_keep_their_spread():
    stamps = 1.7e9 + np.random.default_rng(9).uniform(0, 1_000, 500)
    column = sketch(pd.DataFrame({"x": stamps}), pd.DataFrame({"y": stamps}))["features"]["x"]
    assert len(set(column["quantiles"])) == 21
