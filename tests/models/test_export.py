"""An exported model answers as the model does, for every kind of model and input, without osetra; no name in it is ever code."""

import ast
import importlib.util
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from osetra.core.errors import MissingExtra, ModelError
from osetra.core.records import Task
from osetra.data.images import Images
from osetra.data.sources import Table
from osetra.models import export_rows
from osetra.models.ensemble import Ensemble
from osetra.models.export import Parts
from osetra.models.model import Model
from osetra.network.spec import ACTIVATIONS

from .made import ROWS, classifier, features, model, pixels, regressor, weights

NASTY = '\'"""\n__import__("os").abort()\\\'</script>é\u2028'


def yes_or_no():
    return pd.DataFrame({"y": np.array(["no", "yes"])[np.arange(ROWS) % 2]})


def hashed():
    """With a column of so many levels that they are hashed, and dates by the hour."""
    draw = np.random.default_rng(2)
    frame = features().assign(
        street=draw.choice([f"street {k}" for k in range(60)], ROWS),
        seen=np.datetime64("2020-01-01") + draw.integers(0, 9**7, ROWS).astype("timedelta64[s]"),
    )
    frame.loc[::9, "street"] = None
    frame.loc[::11, "seen"] = pd.NaT
    return frame


MADE = {
    "classes": lambda: (classifier(), features(60, seed=3)),
    "sigmoid": lambda: (model(features(), yes_or_no(), Task.BINARY, output="sigmoid"), features(60, seed=3)),
    "value": lambda: (regressor(), features(60, seed=3)),
    "values": lambda: (regressor(2), features(60, seed=3)),
    "linear": lambda: (model(features(), yes_or_no(), Task.BINARY, hidden=()), features(60, seed=3)),
    "hashed": lambda: (model(hashed(), yes_or_no(), Task.BINARY), hashed().iloc[::-1].reset_index(drop=True)),
    "ensemble": lambda: (joined(), features(60, seed=3)),
    "images": lambda: (model(Images(pixels=pixels(channels=3)), yes_or_no(), Task.BINARY), pixels(20, channels=3, seed=4)),
}


def joined():
    first = classifier()
    _, parameters, running = weights(first.network, seed=7)
    parts = {"preparation": first.preparation, "network": first.network, "parameters": parameters, "running": running}
    return Ensemble(members=(first, Model(**parts)), weights=(0.25, 0.75))


def answers(made, rows):
    return made.predict_proba(rows) if made.classes else made.predict(rows).reshape(len(rows), -1)


def imported(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def raw_of(made, rows):
    """What the graph takes."""
    return rows if made.preparation.image_shape else export_rows.raw_inputs(rows, Parts.of(made).columns)


def run_onnx(path, made, rows):
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX graphs are run by onnxruntime")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: raw_of(made, rows)})


@pytest.mark.parametrize("kind", list(MADE))
@pytest.mark.parametrize("to", ["torch", "numpy"])
def test_the_source_answers_as_the_model_does(tmp_path, kind, to):
    made, rows = MADE[kind]()
    files = made.export(to, tmp_path / "net.py")
    assert [file.suffix for file in files] == [".py", {"torch": ".safetensors", "numpy": ".npz"}[to]]
    module = imported(files[0])
    wanted = answers(made, rows)
    np.testing.assert_allclose(module.outputs(rows), wanted, rtol=2e-5, atol=1e-6 * np.abs(wanted).max())
    if made.classes:
        assert module.predict(rows) == made.predict(rows).tolist()
    assert "osetra" not in {
        name.name.split(".")[0] for node in ast.walk(ast.parse(files[0].read_text())) for name in getattr(node, "names", ())
    }


@pytest.mark.parametrize("kind", list(MADE))
def test_the_graph_answers_as_the_model_does(tmp_path, kind):
    pytest.importorskip("onnx", reason="graphs are written by the library onnx")
    made, rows = MADE[kind]()
    (file,) = made.export("onnx", tmp_path / "net.onnx")
    found, wanted = run_onnx(file, made, rows), answers(made, rows)
    np.testing.assert_allclose(found[0], wanted, rtol=2e-5, atol=1e-6 * np.abs(wanted).max())
    if made.classes:
        assert [made.classes[place] for place in found[1]] == made.predict(rows).tolist()


def test_the_graph_says_what_its_inputs_and_classes_are(tmp_path):
    onnx = pytest.importorskip("onnx", reason="graphs are written by the library onnx")
    made = classifier()
    made.export("onnx", tmp_path / "net.onnx")
    told = {one.key: json.loads(one.value) for one in onnx.load(tmp_path / "net.onnx").metadata_props}
    assert told["classes"] == ["high", "low", "middle"]
    assert told["input_names"] == list(made.preparation.input_names)
    assert told["target"] == ["grade"]


def test_every_activation_is_the_models_own(tmp_path):
    target = pd.DataFrame({"y": np.random.default_rng(1).normal(size=ROWS)})
    made = model(features(), target, Task.REGRESSION)
    network = type(made.network)(
        num_inputs=made.network.num_inputs, hidden_units=(6,) * len(ACTIVATIONS), num_outputs=1, output="linear", activations=ACTIVATIONS
    )
    _, parameters, running = weights(network)
    made = Model(preparation=made.preparation, network=network, parameters=2 * parameters, running=running)
    rows = features(50, seed=3)
    for to in ("torch", "numpy"):
        files = made.export(to, tmp_path / f"{to}_net.py")
        np.testing.assert_allclose(imported(files[0]).outputs(rows)[:, 0], made.predict(rows), rtol=1e-4)
    pytest.importorskip("onnx", reason="graphs are written by the library onnx")
    (file,) = made.export("onnx", tmp_path / "net.onnx")
    np.testing.assert_allclose(run_onnx(file, made, rows)[0][:, 0], made.predict(rows), rtol=1e-4)


def test_the_source_runs_where_osetra_is_not_and_takes_a_plain_dict(tmp_path):
    made = classifier()
    made.export("numpy", tmp_path / "net.py")
    rows = {
        "age": [30, None],
        "weight": ["61.5", "?"],
        "job": [" cook ", "astronaut"],
        "since": ["2016-01-05", "2017-03-02T10:30:00+02:00"],
    }
    program = f"""
import sys
sys.modules["osetra"] = sys.modules["pandas"] = None
import net
print(net.predict({rows!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout) == made.predict(pd.DataFrame(rows)).tolist()


@pytest.mark.parametrize("to", ["torch", "numpy"])
def test_no_name_or_label_of_the_data_is_code(tmp_path, to):
    frame = features().rename(columns={"age": NASTY}).assign(job=np.array([NASTY, "cook"])[np.arange(ROWS) % 2])
    target = pd.DataFrame({f"t{NASTY}": np.array([NASTY, "plain"])[np.arange(ROWS) % 2]})
    made = model(frame, target, Task.BINARY)
    (source, _) = made.export(to, tmp_path / "net.py")
    assert source.read_bytes().isascii()
    module = imported(source)
    assert list(made.classes) == module.CLASSES
    assert [f"t{NASTY}"] == module.TARGETS
    assert NASTY in [name for _, name, _, _ in module.COLUMNS]
    assert module.predict(frame) == made.predict(frame).tolist()
    honest = model(features(), yes_or_no(), Task.BINARY)
    (plain, _) = honest.export(to, tmp_path / "plain.py")

    def statements(path):
        return [type(node).__name__ for node in ast.parse(path.read_text()).body]

    assert statements(source) == statements(plain)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [("age", "old", "'age' must hold numbers, got 'old'"), ("since", "soon", "'since' must hold dates"), ("age", np.inf, "finite")],
)
def test_the_source_says_which_value_does_not_fit(tmp_path, column, value, message):
    classifier().export("numpy", tmp_path / "net.py")
    with pytest.raises(ValueError, match=message):
        imported(tmp_path / "net.py").predict(features(3).assign(**{column: value}))


def test_rows_prepared_for_an_export_are_those_of_the_preparation():
    frame = hashed()
    made = model(frame, yes_or_no(), Task.BINARY)
    odd = frame.astype(object)
    odd.loc[0, "street"], odd.loc[1, "street"], odd.loc[2, "age"] = "nowhere", " street 5 ", "41"
    odd.loc[3, "seen"], odd.loc[4, "since"] = "2021-05-06T07:08:09Z", "2021-05"
    parts = Parts.of(made)
    raw = export_rows.raw_inputs(odd, parts.columns)
    found = np.nan_to_num(np.clip((raw - parts.mean) / parts.scale, -20, 20)).astype(np.float32)
    table = Table(frame=odd, source="made")
    np.testing.assert_array_equal(found, made.preparation.inputs(table.features))


def test_what_cannot_be_written_is_said_and_nothing_is_left(tmp_path, monkeypatch):
    made = classifier()
    with pytest.raises(ModelError, match="exported to one of onnx, torch, numpy, got 'tflite'"):
        made.export("tflite", tmp_path / "net.py")
    with pytest.raises(ModelError, match=r"ends in \.py and can be imported, got 'my-net\.py'"):
        made.export("torch", tmp_path / "my-net.py")
    with pytest.raises(ModelError, match=r"ends in \.onnx, got 'net\.py'"):
        made.export("onnx", tmp_path / "net.py")
    with pytest.raises(ModelError, match="an export needs a place that can be written"):
        made.export("numpy", tmp_path / "no" / "net.py")
    assert list(tmp_path.iterdir()) == []
    made.export("numpy", tmp_path / "net.py")
    with pytest.raises(ModelError, match=r"names that are free, got .*net\.py"):
        made.export("torch", tmp_path / "net.py")
    made.export("torch", tmp_path / "net.py", overwrite=True)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra, match=r"pip install 'osetra\[onnx\]'"):
        made.export("onnx", tmp_path / "net.onnx")
