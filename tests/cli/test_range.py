"""The verb `range`: its chart, its words, its JSON, what it refuses; and the same from Python."""

import math

import pytest

from osetra.cli.range import CURVE, HEIGHT, RANGE, WIDTH, chart
from osetra.core.errors import InputError
from osetra.report.figures.theme import text_of
from osetra.study.range_test import learning_rate_range

from .calls import osetra_here, strict_json


@pytest.fixture
def people_csv(tables):
    return tables["binary"][0]


def test_it_draws_the_curve_and_says_what_to_try(people_csv, tmp_path):
    call = osetra_here(tmp_path, "range", people_csv, "--target", "label").succeeded()
    lines = call.out.splitlines()
    assert lines[0].startswith(f"{people_csv}: ")
    assert lines[0].endswith(" mini-batches")
    assert sum(CURVE in line for line in lines) > 3
    assert lines[HEIGHT + 1].count(RANGE) > 5
    assert "learning rate" in lines[HEIGHT + 2]
    assert "try learning_rate log(" in lines[HEIGHT + 3]
    assert not list(tmp_path.iterdir()), "nothing is written"


def test_what_it_says_to_try_is_a_range_that_fit_understands(people_csv, tmp_path):
    from osetra.space.scale import Scale
    from osetra.space.words import parse_scale

    facts = strict_json(osetra_here(tmp_path, "range", people_csv, "--target", "label", "--json").succeeded().out)
    text = facts["sentence"].partition("try learning_rate ")[2].partition(", or ")[0]
    scale = parse_scale(text)
    assert isinstance(scale, Scale)
    assert [scale.decode(0.0), scale.decode(1.0)] == pytest.approx(facts["search"])
    assert facts["search"][0] < facts["suggested"] < facts["search"][1]


def test_json_says_everything(people_csv, tmp_path):
    call = osetra_here(
        tmp_path, "range", people_csv, "--target", "label", "--set", "optimizer=gd", "--set", "batch_norm=false", "--low", 1e-3, "--high",
        100, "--steps", 50, "--json",
    ).succeeded()  # fmt: skip
    facts = strict_json(call.out)
    assert (facts["configuration"]["optimizer"], facts["configuration"]["batch_norm"]) == ("gd", False)
    assert facts["rates"][0] == pytest.approx(1e-3)
    assert facts["rates"][-1] == facts["exploded"] < 100
    assert len(facts["rates"]) == len(facts["costs"]) >= len(facts["smoothed"])
    assert facts["lowest"] in facts["rates"]


def test_every_kind_of_table_has_its_range(tables, tmp_path):
    for name in ("multiclass", "regression", "arrays"):
        table, options = tables[name]
        facts = strict_json(osetra_here(tmp_path, "range", table, *options, "--json").succeeded().out)
        assert facts["suggested"] > 0


def test_python_gives_the_same_and_a_figure(people_csv, tmp_path):
    facts = strict_json(osetra_here(tmp_path, "range", people_csv, "--target", "label", "--seed", 3, "--json").succeeded().out)
    found = learning_rate_range(people_csv, "label", seed=3)
    assert list(found.test.costs) == facts["costs"]
    assert found.rows == facts["rows"]
    assert text_of(found.figure()).startswith(found.test.sentence)
    assert learning_rate_range(people_csv, "label", seed=4).test.costs != found.test.costs


def test_the_rate_and_schedule_of_the_configuration_play_no_part(people_csv):
    space = [{"learning_rate": 0.5, "schedule": "inverse"}, {"learning_rate": 1e-5, "schedule": "one_cycle"}]
    first, second = (learning_rate_range(people_csv, "label", space=edits).test for edits in space)
    assert first == second


def test_a_chart_shows_low_and_high_and_cuts_off_an_explosion():
    rates = [10.0 ** (at / 10 - 6) for at in range(61)]
    costs = [1.0 - 0.01 * at for at in range(55)] + [5.0, 9.0, 30.0, 100.0, 1000.0, 1e4]
    lines = chart(rates, costs, search=(1e-3, 1e-1))
    assert len(lines) == HEIGHT + 2
    assert lines[0].startswith("1.54 │")
    assert lines[HEIGHT - 1].startswith("0.46 │")
    drawn = [line.partition("│")[2] for line in lines[:HEIGHT]]
    assert max(map(len, drawn)) <= WIDTH
    assert sum(line.count(CURVE) for line in drawn) <= 55
    below = lines[HEIGHT].partition("└")[2]
    assert (below.index(RANGE), len(below)) == (round(0.5 * (WIDTH - 1)), round(5 / 6 * (WIDTH - 1)) + 1)
    assert math.isclose(float(lines[-1].split()[1]), 1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.csv", "--target", "label"], "nowhere.csv"),
        (["PEOPLE"], "a target is required"),
        (["PEOPLE", "--target", "label", "--low", "1", "--high", "0.1"], "from a rate > 0 to a higher one, got 1.0 to 0.1"),
        (["PEOPLE", "--target", "label", "--steps", "3"], "a whole number of steps >= 20, got 3"),
        (["PEOPLE", "--target", "label", "--set", "activation=tan"], "activation must be one of relu"),
        (["PEOPLE", "--target", "label", "--set", "loss=huber"], "loss must be one of"),
    ],
)
def test_bad_input_is_exit_code_two_and_one_message(people_csv, tmp_path, arguments, words):
    call = osetra_here(tmp_path, "range", *[people_csv if argument == "PEOPLE" else argument for argument in arguments])
    assert words in call.refused()


def test_a_seed_that_makes_no_sense_is_refused(people_csv):
    with pytest.raises(InputError, match="seed must be a whole number >= 0, got -1; leave it out for 0"):
        learning_rate_range(people_csv, "label", seed=-1)
