"""`osetra export`: the model of a study, or of a folder, as files that answer as `osetra predict` does."""

import csv
import importlib.util
import io

import pandas as pd
import pytest

from .calls import osetra_here, strict_json


@pytest.mark.parametrize("which", ["people", "models/people"])
def test_a_study_or_a_folder_is_exported_and_answers_as_predict(home, tmp_path, which):
    called = osetra_here(home, "export", which, "--to", "numpy", "--out", tmp_path / "net.py", "--json").succeeded()
    told = strict_json(called.out)
    assert told == {"model": "models/people", "to": "numpy", "files": [str(tmp_path / "net.py"), str(tmp_path / "net.npz")]}
    spec = importlib.util.spec_from_file_location("net", tmp_path / "net.py")
    net = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(net)
    predicted = csv.DictReader(io.StringIO(osetra_here(home, "predict", "models/people", "people.csv").succeeded().out))
    assert net.predict(pd.read_csv(home / "people.csv")) == [row["predicted label"] for row in predicted]


def test_files_are_named_by_the_model_where_no_name_is_given(home, tmp_path):
    called = osetra_here(tmp_path, "export", home / "models" / "people", "--to", "torch").succeeded()
    assert called.out.splitlines()[:2] == ["people.py", "people.safetensors"]
    assert "names that are free" in osetra_here(tmp_path, "export", home / "models" / "people", "--to", "torch").refused()


def test_what_cannot_be_exported_is_refused(home, tmp_path):
    assert "one of onnx, torch, numpy, got 'pickle'" in osetra_here(home, "export", "people", "--to", "pickle").refused()
    assert "nobody" in osetra_here(home, "export", "nobody", "--to", "numpy").refused()
    assert "ends in .onnx, got 'net.py'" in osetra_here(home, "export", "people", "--to", "onnx", "-o", tmp_path / "net.py").refused()
    assert list(tmp_path.iterdir()) == []
