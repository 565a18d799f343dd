"""The verb `plan`: its words, its JSON, and what it refuses; it writes nothing."""

from .calls import osetra_here, strict_json

SHORT = ("--probe", "0.2s", "--epochs-per-trial", "8")


def test_a_plan_is_told_and_nothing_is_written(tables, tmp_path):
    call = osetra_here(tmp_path, "plan", tables["binary"][0], "--target", "label", "--budget", "10m", *SHORT).succeeded()
    lines = call.out.splitlines()
    assert " rows train, " in lines[0]
    assert "tell candidates apart (an error near " in lines[0]
    for beginning in (
        "Mini-batches of ",
        "One epoch of one model takes ",
        "10m less ",
        "Tuned: tier 1: learning_rate; ",
        "The ladder: ",
        "Memory: ",
    ):
        assert any(line.startswith(beginning) for line in lines), beginning
    assert any(": caviar: many side by side" in line for line in lines), "10 minutes are plenty for 200 rows"
    assert "training for some seconds" in call.err
    assert not list(tmp_path.iterdir())


def test_json_says_everything(tables, tmp_path):
    for name in ("multiclass", "regression", "arrays"):
        table, options = tables[name]
        call = osetra_here(tmp_path, "plan", table, *options, "--trials", 6, *SHORT, "--set", "num_layers=1", "--json").succeeded()
        facts = strict_json(call.out)
        assert facts["budget"] == {"seconds": None, "trials": 6, "epochs": None}
        assert facts["epochs"] == 6 * 8
        assert facts["full_trainings"] == 6
        assert facts["approach"] == "mix"
        assert facts["reached"][-1] == [8, 6]
        assert facts["fixed"]["num_layers"] == 1


def test_what_cannot_be_used_is_refused(tables, bad, tmp_path):
    table = tables["binary"][0]
    assert "target" in osetra_here(tmp_path, "plan", table).refused()
    assert "--set must be NAME=VALUE" in osetra_here(tmp_path, "plan", table, "--target", "label", "--set", "x").refused()
    assert "a time must be a number" in osetra_here(tmp_path, "plan", table, "--target", "label", "--budget", "long").refused()
    assert "--no-test" in osetra_here(tmp_path, "plan", table, "--target", "label", "--test", table, "--no-test").refused()
    assert "--sizes must be three numbers" in osetra_here(tmp_path, "plan", table, "--target", "label", "--sizes", "9").refused()
    assert "empty.csv" in osetra_here(tmp_path, "plan", bad / "empty.csv", "--target", "label").refused()
