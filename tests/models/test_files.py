"""A saved model predicts the same bits in a fresh process; whatever is wrong with a folder is said, and nothing in it is executed."""

import ast
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load as tensors_from
from safetensors.numpy import save as tensors_to

import osetra
from osetra.core.errors import InputError, ModelError
from osetra.core.records import Task
from osetra.models.files import RECORD, WEIGHTS, load, save

from .made import ROWS, classifier, features, model, regressor

FACTS = {"study": "adult", "trial": 17, "configuration": {"learning_rate": 0.1 + 0.2, "layers": 2}, "dev": {"low": 1 / 3, "high": None}}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A saved classifier, to be copied, never changed."""
    folder = tmp_path_factory.mktemp("kept") / "model"
    save(classifier(facts=FACTS), folder)
    return folder


@pytest.fixture
def folder(kept, tmp_path):
    return Path(shutil.copytree(kept, tmp_path / "model"))


def rewrite(folder, change):
    """Change model.json."""
    record = json.loads((folder / RECORD).read_text())
    change(record)
    (folder / RECORD).write_text(json.dumps(record))


def reweigh(folder, change):
    """Change the tensors, and the checksum with them."""
    tensors = {name: np.array(tensor) for name, tensor in tensors_from((folder / WEIGHTS).read_bytes()).items()}
    change(tensors)
    put_weights(folder, tensors_to(tensors))


def put_weights(folder, content):
    (folder / WEIGHTS).write_bytes(content)
    rewrite(folder, lambda record: record.update(weights_sha256=hashlib.sha256(content).hexdigest()))


@pytest.mark.parametrize(
    "made",
    [
        classifier(facts=FACTS, batch_norm_eps=1e-3, feature_names=("id", "age", "weight", "job", "since")),
        regressor(1),
        regressor(2, hidden=()),
        model(features(), pd.DataFrame({"y": np.arange(ROWS) % 2 == 0}), Task.BINARY, output="sigmoid"),
    ],
    ids=["classes", "values", "several values, no hidden layer", "truth values"],
)
def test_a_saved_model_predicts_the_same_bits_in_a_fresh_process_without_compiling(made, tmp_path):
    save(made, tmp_path / "deep" / "er" / "model")
    features().to_parquet(tmp_path / "rows.parquet")
    code = (
        "import sys, numpy as np\n"
        "from osetra.models.files import load\n"
        "model = load('deep/er/model')\n"
        "np.save('outputs.npy', model.outputs('rows.parquet'))\n"
        "np.save('answers.npy', model.predict('rows.parquet'))\n"
        "assert 'numba' not in sys.modules and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, check=True)
    outputs, answers = np.load(tmp_path / "outputs.npy"), np.load(tmp_path / "answers.npy")
    assert outputs.tobytes() == made.outputs(features()).tobytes()
    assert answers.tolist() == made.predict(features()).tolist()
    assert answers.dtype == made.predict(features()).dtype


def test_everything_comes_back_and_saves_to_the_same_bytes(kept, tmp_path):
    found, made = load(kept), classifier(facts=FACTS)
    assert (found.network, found.facts, found.feature_names) == (made.network, made.facts, made.feature_names)
    assert found.batch_norm_eps == made.batch_norm_eps
    assert found.parameters.tobytes() == made.parameters.tobytes()
    assert found.running.tobytes() == made.running.tobytes()
    assert found.preparation.to_dict() == made.preparation.to_dict()
    save(found, tmp_path / "again")
    for name in (RECORD, WEIGHTS):
        assert (tmp_path / "again" / name).read_bytes() == (kept / name).read_bytes()


def test_the_files_are_open_formats(kept):
    assert sorted(path.name for path in kept.iterdir()) == [RECORD, WEIGHTS]
    record = json.loads((kept / RECORD).read_text())
    assert list(record) == sorted(record)
    tensors = tensors_from((kept / WEIGHTS).read_bytes())
    assert set(tensors) == {"W1", "gamma1", "beta1", "mean1", "variance1", "W2", "gamma2", "beta2", "mean2", "variance2", "W3", "b3"}
    assert tensors["W2"].shape == (17, 8)
    assert {tensor.dtype.name for tensor in tensors.values()} == {"float32"}


def test_a_folder_that_holds_a_model_is_replaced_only_on_request(folder):
    other = regressor()
    with pytest.raises(ModelError, match=r"must be free, got a folder that holds a model; .* overwrite=True"):
        save(other, folder)
    assert load(folder).preparation.task is Task.MULTICLASS
    save(other, folder, overwrite=True)
    assert load(folder).preparation.task is Task.REGRESSION
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_folder_that_holds_anything_else_is_never_replaced(folder, tmp_path):
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match=r"only a saved model may be replaced, got .*, which holds notes\.txt"):
        save(regressor(), folder, overwrite=True)
    assert (folder / "notes.txt").read_text() == "mine"
    (folder / "notes.txt").unlink()
    (folder / RECORD).write_text("{}")
    with pytest.raises(ModelError, match="which is none"):
        save(regressor(), folder, overwrite=True)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelError, match="which is a file; name another place"):
        save(regressor(), tmp_path / "file", overwrite=True)
    with pytest.raises(ModelError, match="a place that can be written"):
        save(regressor(), tmp_path / "file" / "model")
    (tmp_path / "empty").mkdir()
    save(regressor(), tmp_path / "empty")
    assert load(tmp_path / "empty").classes == ()


@pytest.mark.parametrize("failing", ["fsync", "rename"])
def test_a_save_that_fails_leaves_what_was_there_and_nothing_else(folder, monkeypatch, failing):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    rename = Path.rename

    def half(path, target):
        return full() if path.name.endswith(".new") else rename(path, target)

    if failing == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "rename", half)
    for place in (folder, folder.parent / "fresh"):
        with pytest.raises(ModelError, match="No space left on device; free it or name another"):
            save(regressor(), place, overwrite=True)
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert load(folder).preparation.task is Task.MULTICLASS


def test_a_link_to_a_model_stays_a_link(folder, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder, target_is_directory=True)
    save(regressor(), link, overwrite=True)
    assert link.is_symlink()
    assert load(link).preparation.task is Task.REGRESSION


def test_facts_that_json_cannot_carry_are_refused_before_anything_is_written(tmp_path):
    for facts in ({"when": object()}, {"dev": float("nan")}):
        with pytest.raises(ModelError, match="facts of a model must be what JSON can carry"):
            save(replace_facts(facts), tmp_path / "model")
    assert not any(tmp_path.iterdir())


def replace_facts(facts):
    return replace(classifier(), facts=facts)


def test_a_folder_that_is_no_model_is_named(tmp_path):
    with pytest.raises(ModelError, match="nowhere, which does not exist; check the path"):
        load(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"a folder with model\.json and weights\.safetensors, got .*, which is not"):
        load(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="which is not; name the folder that was saved"):
        load(tmp_path / "file")
    (tmp_path / RECORD).write_text('{"name": "some web page"}')
    with pytest.raises(ModelError, match="must be of the format osetra-model"):
        load(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_files_cut_short_are_named(folder, share):
    for name, why in ((WEIGHTS, "its sha256 is not the one in model.json, so it was cut short"), (RECORD, "not JSON, or cut short")):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(share * len(content))])
        with pytest.raises(ModelError, match=rf"{name} must be as osetra wrote it, got a damaged one \({why}.*copy the whole folder again"):
            load(folder)


@pytest.mark.parametrize("cut", [0, 4, 100, 1000])
def test_weights_cut_short_before_they_were_saved_are_named(folder, cut):
    put_weights(folder, (folder / WEIGHTS).read_bytes()[:cut])
    with pytest.raises(ModelError, match="not a safetensors file, or cut short"):
        load(folder)


def test_a_missing_weights_file_is_named(folder):
    (folder / WEIGHTS).unlink()
    with pytest.raises(ModelError, match=r"got no .*weights\.safetensors; copy the whole folder again"):
        load(folder)


def test_one_flipped_bit_in_the_weights_is_noticed(folder):
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-3] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(ModelError, match="sha256"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("gamma2"), "lacks gamma2"),
        (lambda t: t.update(b1=np.zeros(17, np.float32)), "besides those of the network, b1"),
        (lambda t: t.update(W2=t["W2"].T.copy()), r"W2 must be float32 \[17, 8\] for the network in model\.json, got float32 \[8, 17\]"),
        (lambda t: t.update(W2=t["W2"].astype(np.float64)), r"got float64 \[17, 8\]"),
        (lambda t: t["W1"].__setitem__((0, 0), np.nan), "must be finite, got NaN or infinity"),
        (lambda t: t["mean1"].__setitem__(0, np.inf), "must be finite"),
        (lambda t: t["variance1"].__setitem__(0, -1), "must be >= 0"),
    ],
)
def test_tensors_that_do_not_fit_the_network_are_named(folder, change, message):
    reweigh(folder, change)
    with pytest.raises(ModelError, match=message):
        load(folder)


def test_a_tensor_that_claims_a_huge_shape_is_refused(folder):
    header = json.dumps({"W1": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 8]}}).encode()
    put_weights(folder, len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(ModelError, match="not a safetensors file, or cut short"):
        load(folder)


def network_with(**changes):
    return lambda record: record["network"].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(format_version=4), "must be of format version 3 or older, got 4; it is of a newer osetra, so upgrade"),
        (lambda r: r.update(format_version="1"), "format_version must be a whole number >= 1, got '1'"),
        (lambda r: r.update(format="onnx"), "must be of the format osetra-model"),
        (lambda r: r.pop("network"), "network must be an object, got nothing"),
        (network_with(activations=["relu", "__import__('os')"]), "activation must be one of relu, .* got "),
        (network_with(activations=["relu"]), "activations must name one for each of the 2 hidden layers, got 1"),
        (network_with(activations="relu"), "activations must be texts, got 'relu'"),
        (network_with(output="hardmax"), "output must be one of softmax"),
        (network_with(batch_norm=1), "batch_norm must be true or false, got 1"),
        (network_with(hidden_units=[17, True]), "hidden_units must be whole numbers"),
        (network_with(hidden_units=[17, -8]), "every layer needs at least 1 unit"),
        (network_with(hidden_units=[10**12, 10**12]), r"W1 must be float32 \[\d+, 1000000000000\]"),
        (network_with(num_inputs=3), "W1 must be float32"),
        (network_with(num_inputs=10**30), "W1 must be float32"),
        (lambda r: r.update(batch_norm_eps=-1.0), r"batch_norm_eps must be a number > 0, got -1\.0"),
        (lambda r: r.update(facts=[]), "facts must be an object"),
        (lambda r: r.update(features=["age"]), "none called 'job'"),
        (lambda r: r.update(preparation={}), "a preparation must be what"),
        (lambda r: r["preparation"].update(classes=[[], {}, 1]), "classes must be text, numbers or truth values"),
        (lambda r: r["preparation"].update(classes=["a", "b"]), "must have .* 2 softmax outputs"),
        (lambda r: r["preparation"]["columns"][0]["inputs"][0].__setitem__(1, 10**400), "preparation is not one that osetra wrote"),
        (lambda r: r["preparation"]["columns"][3]["inputs"][0].__setitem__(0, "phase of the moon"), "preparation is not one"),
    ],
)  # fmt: skip
def test_a_record_that_is_not_as_written_is_named(folder, change, message):
    rewrite(folder, change)
    with pytest.raises(ModelError, match=message):
        load(folder)


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "1e999", "[" * 100_000, '"' + "9" * 9, "9" * 5000])
def test_numbers_and_nesting_beyond_bounds_are_refused(folder, text):
    content = (folder / RECORD).read_text()
    (folder / RECORD).write_text(content.replace('"batch_norm_eps": 1e-05', f'"batch_norm_eps": {text}'))
    with pytest.raises(ModelError, match=r"model\.json must be as osetra wrote it"):
        load(folder)


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


ANYTHING = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)


@settings(max_examples=80)
@given(data=st.data(), value=ANYTHING | st.lists(ANYTHING, max_size=3) | st.dictionaries(st.text(max_size=5), ANYTHING, max_size=2))
def test_whatever_stands_in_the_record_it_loads_or_says_why_not(kept, tmp_path_factory, data, value):
    record = json.loads((kept / RECORD).read_text())
    *above, last = data.draw(st.sampled_from([path for path in places(record) if path]))
    inner = record
    for key in above:
        inner = inner[key]
    inner[last] = value
    folder = tmp_path_factory.mktemp("changed")
    shutil.copy(kept / WEIGHTS, folder / WEIGHTS)
    (folder / RECORD).write_text(json.dumps(record))
    with contextlib.suppress(InputError):  # anything else fails the test
        load(folder).predict(features(30))


def test_nothing_in_the_package_unpickles_or_evaluates():
    forbidden_imports = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle"}
    files = sorted(Path(osetra.__file__).parent.rglob("*.py"))
    assert len(files) > 20
    # The user's own function goes to processes that were begun for it, and to nothing else; no file is read there.
    to_processes = {"executors/processes.py", "executors/worker.py"}
    for file in files:
        if file.relative_to(Path(osetra.__file__).parent).as_posix() in to_processes:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & forbidden_imports, file
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in forbidden_imports, file
            elif isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                assert called not in {"read_pickle", "to_pickle"}, (file, node.lineno)
                assert not (isinstance(node.func, ast.Name) and called in {"eval", "exec"}), (file, node.lineno)
                options = {word.arg: word.value for word in node.keywords}
                allowed = options.get("allow_pickle")
                assert allowed is None or (isinstance(allowed, ast.Constant) and allowed.value is False), (file, node.lineno)
