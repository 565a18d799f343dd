"""osetra: give it data; it returns a trained, tuned neural network.

    import osetra
    study = osetra.fit("adult.csv.gz", target="income", budget="60s")
    study.best, study.test_error, study.model.predict(new_rows)

Importing it is cheap: every name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from osetra.diagnosis.smoothing import smooth
    from osetra.estimators import TunedClassifier, TunedRegressor
    from osetra.models.files import load as load_model
    from osetra.space.conditions import when
    from osetra.space.scales import choice, integer, linear, log, one_minus_log, ordinal, powers_of_two
    from osetra.space.space import Space
    from osetra.study.ask_tell import Tuner
    from osetra.study.fit import fit
    from osetra.study.handle import Study
    from osetra.study.optimize import optimize
    from osetra.study.plan import plan
    from osetra.study.resume import resume
    from osetra.training.check_function import check_gradients
    from osetra.training.minimize import minimize

__version__ = "0.1.0"

_HOME = {
    "Space": "osetra.space.space",
    "Study": "osetra.study.handle",
    "TunedClassifier": "osetra.estimators",
    "TunedRegressor": "osetra.estimators",
    "Tuner": "osetra.study.ask_tell",
    "check_gradients": "osetra.training.check_function",
    "choice": "osetra.space.scales",
    "fit": "osetra.study.fit",
    "integer": "osetra.space.scales",
    "linear": "osetra.space.scales",
    "load_model": "osetra.models.files",
    "log": "osetra.space.scales",
    "minimize": "osetra.training.minimize",
    "one_minus_log": "osetra.space.scales",
    "optimize": "osetra.study.optimize",
    "ordinal": "osetra.space.scales",
    "plan": "osetra.study.plan",
    "powers_of_two": "osetra.space.scales",
    "resume": "osetra.study.resume",
    "smooth": "osetra.diagnosis.smoothing",
    "when": "osetra.space.conditions",
}

__all__ = [
    "Space",
    "Study",
    "TunedClassifier",
    "TunedRegressor",
    "Tuner",
    "check_gradients",
    "choice",
    "fit",
    "integer",
    "linear",
    "load_model",
    "log",
    "minimize",
    "one_minus_log",
    "optimize",
    "ordinal",
    "plan",
    "powers_of_two",
    "resume",
    "smooth",
    "when",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'osetra' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), "load" if name == "load_model" else name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
