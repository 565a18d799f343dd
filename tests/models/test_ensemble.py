"""An ensemble answers as the weighted mean of its members, is saved and loaded like a model, and tells what it gains and costs."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load as tensors_from

import osetra
from osetra.core.errors import DataError, ModelError
from osetra.core.records import Task
from osetra.data.images import Images
from osetra.models.ensemble import Ensemble, build_ensemble
from osetra.models.files import RECORD, WEIGHTS, load, save
from osetra.models.model import Model, predictions_frame
from osetra.network.spec import NetworkSpec
from osetra.study.measure import measure

from .made import ROWS, classifier, features, model, pixels, regressor, weights


def another(first, *, hidden=(9,), output=None, seed=1, **facts):
    """A network of another shape behind the preparation of `first`."""
    count = 1 if output == "sigmoid" else first.network.num_outputs
    network = NetworkSpec(
        num_inputs=first.network.num_inputs, hidden_units=hidden, num_outputs=count, output=output or first.network.output,
        activations=("relu",) * len(hidden), batch_norm=bool(hidden) and seed % 2 == 0,
    )  # fmt: skip
    layout, parameters, running = weights(network, seed=seed)
    for name in layout.parameters:
        layout.view(parameters, name)[:] *= 2 if name[0] == "W" else 0.1
    return replace(first, network=network, parameters=parameters, running=running, facts=facts)


def three(first):
    return Ensemble(
        members=(first, another(first, trial=4), another(first, hidden=(), seed=2)), weights=(0.5, 0.2, 0.3), facts={"study": "made"}
    )


def binary():
    first = model(features(), pd.DataFrame({"y": np.array(["no", "yes"])[np.arange(ROWS) % 2]}), Task.BINARY)
    return Ensemble(members=(first, another(first, output="sigmoid")), weights=(0.25, 0.75))


ENSEMBLES = [
    pytest.param(lambda: three(classifier(feature_names=("id", "age", "weight", "job", "since"))), id="classes"),
    pytest.param(lambda: three(regressor()), id="values"),
    pytest.param(lambda: three(regressor(2)), id="several values"),
    pytest.param(binary, id="softmax and sigmoid"),
]


@pytest.mark.parametrize("make", ENSEMBLES)
def test_outputs_are_the_weighted_mean_of_the_members(make):
    made = make()
    frame = features(60, seed=9)
    expected = sum(w * member.outputs(frame).astype(np.float64) for w, member in zip(made.weights, made.members, strict=True))
    np.testing.assert_array_equal(made.outputs(frame), expected.astype(np.float32))
    np.testing.assert_array_equal(made.predict(frame), made.preparation.decode(expected.astype(np.float32)))
    np.testing.assert_array_equal(made.outputs(frame.iloc[7:8]), made.outputs(frame)[7:8])
    assert made.num_parameters == sum(member.layout.size for member in made.members)


@pytest.mark.parametrize("make", ENSEMBLES)
def test_a_saved_ensemble_predicts_the_same_bits_in_a_fresh_process_without_compiling(make, tmp_path):
    made = make()
    save(made, tmp_path / "together")
    features().to_parquet(tmp_path / "rows.parquet")
    code = (
        "import sys, numpy as np, osetra\n"
        "model = osetra.load_model('together')\n"
        "np.save('outputs.npy', model.outputs('rows.parquet'))\n"
        "assert 'numba' not in sys.modules and 'torch' not in sys.modules and 'sklearn' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, check=True)
    assert np.load(tmp_path / "outputs.npy").tobytes() == made.outputs(features()).tobytes()
    found = load(tmp_path / "together")
    assert isinstance(found, Ensemble)
    assert (found.weights, found.facts, found.feature_names) == (made.weights, made.facts, made.feature_names)
    assert [member.facts for member in found.members] == [member.facts for member in made.members]
    save(found, tmp_path / "again")
    for name in (RECORD, WEIGHTS):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "together" / name).read_bytes()


def test_an_ensemble_of_images_is_saved_and_loaded(tmp_path):
    first = model(Images(pixels=pixels()), pd.DataFrame({"y": np.arange(ROWS) % 3}), Task.MULTICLASS)
    made = three(first)
    save(made, tmp_path / "m")
    np.testing.assert_array_equal(load(tmp_path / "m").predict_proba(pixels(20, seed=1)), made.predict_proba(pixels(20, seed=1)))


def test_the_files_are_open_formats_of_a_version_that_older_ones_refuse(tmp_path):
    save(three(classifier()), tmp_path / "m")
    record = json.loads((tmp_path / "m" / RECORD).read_text())
    assert record["format_version"] == 3
    assert [part["weight"] for part in record["members"]] == [0.5, 0.2, 0.3]
    assert record["members"][1]["facts"] == {"trial": 4}
    tensors = tensors_from((tmp_path / "m" / WEIGHTS).read_bytes())
    assert {"1.W1", "1.gamma2", "2.W2", "2.b1", "3.W1", "3.b1"} <= set(tensors)
    save(classifier(), tmp_path / "m", overwrite=True)
    assert json.loads((tmp_path / "m" / RECORD).read_text())["format_version"] == 1
    assert isinstance(load(tmp_path / "m"), Model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(members=[]), r"members must be objects, at least one, got \[\]"),
        (lambda r: r.update(members={"weight": 1.0}), "members must be objects, at least one"),
        (lambda r: r["members"].pop(), r"besides those of the network, 3\.W1"),
        (lambda r: r["members"].append(r["members"][0]), r"lacks 4\.W1"),
        (lambda r: r["members"][1].pop("weight"), "weight must be a number > 0, got nothing"),
        (lambda r: r["members"][1].update(weight=0.4), "must be > 0 with sum 1, one for each of its 3 members"),
        (lambda r: r["members"][0].update(network=3), "network must be an object, got 3"),
        (lambda r: r["members"][2]["network"].update(num_inputs=3), r"3\.W1 must be float32 \[3, 3\]"),
        (lambda r: r["members"][2].update(facts=None), "facts must be an object, got None"),
        (lambda r: r.update(format_version=4), "must be of format version 3 or older, got 4; it is of a newer osetra"),
    ],
)
def test_a_record_that_is_not_as_written_is_named(tmp_path, change, message):
    save(three(classifier()), tmp_path / "m")
    record = json.loads((tmp_path / "m" / RECORD).read_text())
    change(record)
    (tmp_path / "m" / RECORD).write_text(json.dumps(record))
    with pytest.raises(ModelError, match=message):
        load(tmp_path / "m")


def test_it_scores_and_measures_like_a_model():
    made = three(classifier())
    frame = features()
    truth = made.predict(frame).astype(object)
    truth[:60] = np.where(truth[:60] == "high", "low", "high")
    assert made.errors(frame, truth) == {"error_name": "error rate", "error": 0.2, "rows": 300, "dropped": 0}
    assert made.score(frame, truth) == 0.8
    assert measure(made, frame.assign(grade=truth)).value == pytest.approx(0.2)
    assert made.row_errors(frame.assign(grade=truth))[0].sum() == 60
    table = predictions_frame(made, frame)
    assert list(table.columns) == ["predicted grade", "probability of high", "probability of low", "probability of middle"]
    values = three(regressor())
    assert values.score(frame, values.predict(frame)) == 1.0


def test_it_refuses_what_a_model_refuses_in_the_same_words():
    one = classifier()
    for wrong, kind in (
        (features().drop(columns="job"), DataError),
        (features().assign(age="old"), DataError),
        (np.zeros((3, 9)), ModelError),
    ):
        with pytest.raises(kind) as by_model:
            one.predict(wrong)
        with pytest.raises(kind) as by_ensemble:
            three(one).predict(wrong)
        assert str(by_ensemble.value) == str(by_model.value)
    with pytest.raises(ModelError, match="probabilities need a model of classes"):
        three(regressor()).predict_proba(features())
    with pytest.raises(ModelError, match="scoring needs the target, got no column 'grade'"):
        three(one).score(features())


def test_threads_share_it():
    made = three(classifier())
    frame = features()
    alone = made.predict_proba(frame)
    with ThreadPoolExecutor(4) as pool:
        for together in pool.map(lambda _: made.predict_proba(frame), range(12)):
            np.testing.assert_array_equal(together, alone)


def test_members_that_do_not_belong_together_are_refused():
    one = classifier()
    for members, shares in (((one,), (0.5,)), ((one, one), (1.0,)), ((one, one), (1.5, -0.5)), ((one,), (float("nan"),))):
        with pytest.raises(ModelError, match="weights of an ensemble must be > 0 with sum 1, one for each of its"):
            Ensemble(members=members, weights=shares)
    with pytest.raises(ModelError, match="an ensemble must have members, got none"):
        Ensemble(members=(), weights=())
    with pytest.raises(ModelError, match="must share one preparation, got another in member 2; take models of one study"):
        Ensemble(members=(one, regressor()), weights=(0.5, 0.5))
    assert Ensemble(members=(one, classifier()), weights=(0.5, 0.5)).classes == one.classes


def candidates(first, count=4):
    return [another(first, seed=seed, trial=seed) for seed in range(1, count + 1)]


@pytest.mark.parametrize("make", [classifier, regressor])
def test_one_is_built_from_candidates_and_says_what_it_gains_and_costs(make):
    members = candidates(make())
    hidden = Ensemble(members=(members[1], members[3]), weights=(0.6, 0.4))
    frame = features()
    preparation = members[0].preparation
    inputs = preparation.inputs(frame)
    targets = preparation.targets(frame.assign(**{preparation.target_names[0]: hidden.predict(frame)}))
    built = build_ensemble(members, inputs, targets)
    told = built.facts["ensemble"]
    assert {part["trial"] for part in told["members"]} >= {2, 4}
    assert [part["weight"] for part in told["members"]] == list(built.weights)
    gained = told["gain"]
    assert gained["error"] < gained["best_error"]
    assert gained["low"] <= gained["difference"] <= gained["high"] < 0
    truth = frame.assign(**{preparation.target_names[0]: hidden.predict(frame)})
    assert built.errors(truth)["error"] == pytest.approx(gained["error"])
    assert members[gained["best"]].errors(truth)["error"] == pytest.approx(gained["best_error"])
    assert told["parameters"] == {"best": members[gained["best"]].layout.size, "ensemble": built.num_parameters}
    assert min(told["microseconds_per_row"].values()) > 0
    assert f"An ensemble of {len(built.members)} of 4 models has dev" in told["sentence"]
    assert "on rows that had no say in choosing, it is better by" in told["sentence"]
    assert f"{built.num_parameters:,} parameters" in told["sentence"]
    json.dumps(built.facts, allow_nan=False)


def test_rows_of_weight_count_and_one_candidate_is_an_ensemble_of_one():
    members = candidates(classifier())
    frame = features(120)
    targets = members[0].preparation.targets(frame.assign(grade=members[2].predict(frame)))
    # Rows on which the fourth model is right, too, count for nearly all.
    heavy = np.where(members[3].predict(frame) == members[2].predict(frame), 1e6, 1.0)
    inputs = members[0].preparation.inputs(frame)
    assert build_ensemble(members, inputs, targets).facts["ensemble"]["gain"]["best"] == 2
    weighed = build_ensemble(members[3:], inputs, targets, heavy)
    assert weighed.facts["ensemble"]["gain"]["best_error"] < 1e-3
    assert weighed.weights == (1.0,)
    assert weighed.facts["ensemble"]["gain"]["difference"] == 0
    assert "which may be chance" in weighed.facts["ensemble"]["sentence"]
    np.testing.assert_array_equal(weighed.outputs(frame), members[3].outputs(frame))
    with pytest.raises(ModelError, match="chosen among models, got none"):
        build_ensemble([], inputs, targets)


def test_the_command_predicts_and_scores_with_an_ensemble(tmp_path, capsys):
    from osetra.cli.scoring import run_predict, run_score

    made = replace(three(classifier()), facts={"error_name": "error rate"})
    save(made, tmp_path / "m")
    frame = features().assign(grade=made.predict(features()))
    frame.to_parquet(tmp_path / "rows.parquet")
    run_predict(tmp_path / "m", tmp_path / "rows.parquet", output=tmp_path / "out.csv", for_spreadsheet=False, as_json=False)
    assert pd.read_csv(tmp_path / "out.csv")["predicted grade"].tolist() == frame["grade"].tolist()
    capsys.readouterr()
    run_score(tmp_path / "m", tmp_path / "rows.parquet", as_json=True)
    assert json.loads(capsys.readouterr().out)["value"] == 0.0
    assert osetra.load_model(tmp_path / "m").score(frame) == 1.0
