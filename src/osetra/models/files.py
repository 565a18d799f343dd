"""Saved models: a folder of `model.json` and `weights.safetensors`, which hold numbers and text and nothing that could be executed.

A folder appears whole or not at all: it is written beside its place, flushed to the disk and renamed. Everything read is checked against
the network that `model.json` describes before a row is scored.

    model.json           format, format_version, network, batch_norm_eps, features, preparation, facts, weights_sha256
    weights.safetensors  W1, b1 (or gamma1, beta1, mean1, variance1), W2, ... as float32; W is [units before, units]

An ensemble has, in place of network and batch_norm_eps, members: network, batch_norm_eps, facts and weight of each; its tensors are
called 1.W1, 1.b1, ..., 2.W1, ..., by member.

Knows nothing of: how a model was found, what its facts say.
"""

import glob
import hashlib
import json
import math
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from osetra.core.errors import InputError, ModelError
from osetra.data.prepare import Preparation
from osetra.models.ensemble import Ensemble
from osetra.models.model import Model
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec

FORMAT = "osetra-model"
FORMAT_VERSION = 3
"""Raised when an older osetra could no longer read what is written.

    1    models of tables, written to this day
    2    models of images
    3    ensembles
"""
RECORD = "model.json"
WEIGHTS = "weights.safetensors"


def save(model: Model | Ensemble, folder: str | Path, *, overwrite: bool = False) -> None:
    """Write the model into `folder`, which it creates, with the folders above it.

    A saved model that is already there is replaced if `overwrite`; a folder that holds anything else never is.
    Replacing takes two renames: killed between them, both models are on the disk under names beginning with a dot and none is in place.
    Raises ModelError if the place is taken or cannot be written.
    """
    place = Path(os.path.realpath(folder))  # through a link, the folder it names is replaced, not the link
    weights = _weights_file(model)
    record = _record_file(model, weights)
    fresh = place.with_name(f".{place.name}.{secrets.token_hex(4)}.new")
    former = fresh.with_suffix(".old")
    try:
        _require_free(place, overwrite)
        fresh.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir()
        _write(fresh / WEIGHTS, weights)
        _write(fresh / RECORD, record)
        _flush_folder(fresh)
        if place.exists():
            place.rename(former)
            try:
                fresh.rename(place)
            except OSError:
                former.rename(place)
                raise
        else:
            fresh.rename(place)
        _flush_folder(place.parent)
    except OSError as error:
        why = error.strerror or str(error)
        raise ModelError(f"a model needs a place that can be written, got {folder}: {why}; free it or name another") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(former, ignore_errors=True)


def remove_leftovers(folder: str | Path) -> None:
    """Remove what saves into `folder` that were killed have left beside it; only for who alone saves there, and can save anew."""
    place = Path(os.path.realpath(folder))
    for left in place.parent.glob(f".{glob.escape(place.name)}.????????.*"):
        if left.suffix in (".new", ".old"):
            shutil.rmtree(left, ignore_errors=True)


def load(folder: str | Path) -> Model | Ensemble:
    """The model or ensemble saved in `folder`; it predicts the same bits as the one that was saved, on the same machine.

    Raises ModelError if there is no such folder, it holds no model, or a file in it is damaged, cut short or of a newer osetra.
    """
    place = Path(folder)
    _require_model(place)
    record = _read_record(place / RECORD)
    is_ensemble = "members" in record
    try:
        preparation = _preparation(record)
        parts = _members(record) if is_ensemble else [record]
        networks = [_network(part) for part in parts]
        layouts = [Layout(network) for network in networks]
    except InputError as error:
        raise _damaged(place / RECORD, str(error)) from error
    prefixes = _prefixes(len(parts)) if is_ensemble else [""]
    tensors = _read_weights(place / WEIGHTS, record, dict(zip(prefixes, layouts, strict=True)))
    try:
        models = [
            _model(record, part, preparation, network, layout, {name: tensors[prefix + name] for name in _shapes(layout)})
            for part, network, layout, prefix in zip(parts, networks, layouts, prefixes, strict=True)
        ]
        if not is_ensemble:
            return models[0]
        shares = tuple(_entry(part, "weight", "a number > 0") for part in parts)
        return Ensemble(members=tuple(models), weights=shares, facts=_entry(record, "facts", "an object"))
    except InputError as error:
        raise _damaged(place, str(error)) from error


def _model(
    record: Mapping[str, Any],
    part: Mapping[str, Any],
    preparation: Preparation,
    network: NetworkSpec,
    layout: Layout,
    tensors: Mapping[str, np.ndarray],
) -> Model:
    """One network of a record: that of the model, or of a `part`, which is a member of an ensemble."""
    parameters, running = (np.zeros(size, np.float32) for size in (layout.size, layout.running_size))
    for name, tensor in tensors.items():
        layout.view(parameters if name in layout.parameters else running, name)[:] = tensor
    return Model(
        preparation=preparation,
        network=network,
        parameters=parameters,
        running=running,
        batch_norm_eps=_entry(part, "batch_norm_eps", "a number > 0"),
        feature_names=tuple(_entry(record, "features", "texts")),
        facts=_entry(part, "facts", "an object"),
    )


def _require_free(place: Path, overwrite: bool) -> None:
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return
    if not place.is_dir():
        raise ModelError(f"a model is saved as a folder, got {place}, which is a file; name another place")
    others = sorted({entry.name for entry in place.iterdir()} - {RECORD, WEIGHTS})
    if others:
        held = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        raise ModelError(f"only a saved model may be replaced, got {place}, which holds {held}; name another folder")
    try:
        _read_record(place / RECORD)
    except ModelError as error:
        raise ModelError(f"only a saved model may be replaced, got {place}, which is none ({error}); name another folder") from error
    if not overwrite:
        raise ModelError(f"{place} must be free, got a folder that holds a model; name another, or replace it with overwrite=True")


def _require_model(place: Path) -> None:
    try:
        exists, holds_record = place.exists(), (place / RECORD).is_file()
    except OSError as error:
        raise ModelError(f"{place} must be readable, got: {error.strerror or error}; check its permissions") from error
    if not exists:
        raise ModelError(f"a model is a folder, got {place}, which does not exist; check the path")
    if not holds_record:
        raise ModelError(f"a model is a folder with {RECORD} and {WEIGHTS}, got {place}, which is not; name the folder that was saved")


def _version(model: Model | Ensemble) -> int:
    """The oldest that can say what the model is, so that older versions of osetra read all they can."""
    if isinstance(model, Ensemble):
        return 3
    return 1 if model.preparation.image_shape is None else 2


def _prefixes(members: int) -> list[str]:
    """Of the tensors of each member of an ensemble."""
    return [f"{number}." for number in range(1, members + 1)]


def _weights_file(model: Model | Ensemble) -> bytes:
    from safetensors.numpy import save as to_bytes

    members = dict(zip(_prefixes(len(model.members)), model.members, strict=True)) if isinstance(model, Ensemble) else {"": model}
    tensors: dict[str, np.ndarray] = {}
    for prefix, one in members.items():
        for row, names in ((one.parameters, one.layout.parameters), (one.running, one.layout.running)):
            tensors |= {prefix + name: np.ascontiguousarray(one.layout.view(row, name)) for name in names}
    # One entry only: safetensors writes several in no fixed order, and the same model would not give the same bytes.
    return to_bytes(tensors, metadata={"format": f"{FORMAT} {_version(model)}"})


def _network_record(model: Model) -> dict[str, Any]:
    return {"network": asdict(model.network), "batch_norm_eps": model.batch_norm_eps, "facts": dict(model.facts)}


def _record_file(model: Model | Ensemble, weights: bytes) -> bytes:
    if isinstance(model, Ensemble):
        pairs = zip(model.members, model.weights, strict=True)
        parts = {"members": [{**_network_record(member), "weight": weight} for member, weight in pairs]}
    else:
        parts = _network_record(model)
    record = {
        **parts,
        "format": FORMAT,
        "format_version": _version(model),
        "features": model.feature_names,
        "preparation": model.preparation.to_dict(),
        "facts": dict(model.facts),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    try:
        return (json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise ModelError(f"the facts of a model must be what JSON can carry, got something else ({error}); leave it out") from error


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_record(path: Path) -> Mapping[str, Any]:
    try:
        record = json.loads(_read(path), parse_constant=_reject, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"not JSON, or cut short: {error}") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ModelError(f"{path} must be of the format {FORMAT}, got something else; name the folder of a saved model")
    version = record.get("format_version")
    if type(version) is not int or version < 1:
        raise _damaged(path, f"format_version must be a whole number >= 1, got {version!r}")
    if version > FORMAT_VERSION:
        raise ModelError(f"{path} must be of format version {FORMAT_VERSION} or older, got {version}; it is of a newer osetra, so upgrade")
    return record


def _reject(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number that a model may hold")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _reject(text)


_IS = {
    "a whole number": lambda value: type(value) is int,
    "whole numbers": lambda value: type(value) is list and all(type(item) is int for item in value),
    "text": lambda value: type(value) is str,
    "texts": lambda value: type(value) is list and all(type(item) is str for item in value),
    "true or false": lambda value: type(value) is bool,
    "a number > 0": lambda value: type(value) is float and value > 0,
    "an object": lambda value: type(value) is dict,
    "objects, at least one": lambda value: type(value) is list and value and all(type(item) is dict for item in value),
}


def _entry(record: Mapping[str, Any], name: str, kind: str) -> Any:
    if name not in record or not _IS[kind](record[name]):
        got = repr(record[name])[:80] if name in record else "nothing"
        raise ModelError(f"{name} must be {kind}, got {got}")
    return record[name]


def _members(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return _entry(record, "members", "objects, at least one")


def _network(record: Mapping[str, Any]) -> NetworkSpec:
    entries = _entry(record, "network", "an object")
    return NetworkSpec(
        num_inputs=_entry(entries, "num_inputs", "a whole number"),
        hidden_units=tuple(_entry(entries, "hidden_units", "whole numbers")),
        num_outputs=_entry(entries, "num_outputs", "a whole number"),
        output=_entry(entries, "output", "text"),
        activations=tuple(_entry(entries, "activations", "texts")),
        batch_norm=_entry(entries, "batch_norm", "true or false"),
    )


def _preparation(record: Mapping[str, Any]) -> Preparation:
    """The preparation, which has shown that it prepares: a row without any value, or a black image, so that no part of it fails later."""
    try:
        preparation = Preparation.from_dict(_entry(record, "preparation", "an object"))
        if any(not isinstance(label, str | int | float) for label in preparation.classes):
            raise ModelError("classes must be text, numbers or truth values")
        preparation.inputs(preparation.features.blank())
        preparation.decode(np.zeros((1, preparation.num_outputs), np.float32))
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"the preparation is not one that osetra wrote ({error!r})") from error
    return preparation


def _shapes(layout: Layout) -> dict[str, tuple[int, ...]]:
    """Of all tensors of a network, by name."""
    return {name: shape for name, (_, shape) in (*layout.parameters.items(), *layout.running.items())}


def _read_weights(path: Path, record: Mapping[str, Any], layouts: Mapping[str, Layout]) -> dict[str, np.ndarray]:
    """Tensors by name, all that the layouts ask for, names after their prefix, and no others, each float32 and in its shape."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    if not path.is_file():
        raise ModelError(f"a model is a folder with {RECORD} and {WEIGHTS}, got no {path}; copy the whole folder again")
    content = _read(path)
    if hashlib.sha256(content).hexdigest() != record.get("weights_sha256"):
        raise _damaged(path, f"its sha256 is not the one in {RECORD}, so it was cut short, changed, or belongs to another model")
    try:
        tensors = from_bytes(content)
    except (SafetensorError, LookupError, TypeError, ValueError, MemoryError, OverflowError) as error:
        raise _damaged(path, f"not a safetensors file, or cut short: {error}") from error
    wanted = {prefix + name: shape for prefix, layout in layouts.items() for name, shape in _shapes(layout).items()}
    for what, names in (("lacks", wanted.keys() - tensors.keys()), ("has, besides those of the network,", tensors.keys() - wanted.keys())):
        if names:
            raise _damaged(path, f"it {what} {', '.join(sorted(names)[:5])}")
    for name, shape in wanted.items():
        if tensors[name].shape != shape or tensors[name].dtype != np.float32:
            found = f"{tensors[name].dtype} {list(tensors[name].shape)}"
            raise _damaged(path, f"{name} must be float32 {list(shape)} for the network in {RECORD}, got {found}")
    return tensors


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} must be readable, got: {error.strerror or error}; check its permissions") from error


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(f"{path} must be as osetra wrote it, got a damaged one ({why}); copy the whole folder again or save the model anew")
