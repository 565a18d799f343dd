"""The hyperparameters that osetra's own networks take, what each means and which values make sense.

So that a misspelt name or a range that reaches nonsense is refused before anything is trained.
Knows nothing of: ranges worth searching, training, how an engine uses them.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from osetra.core.errors import SpaceError
from osetra.core.records import Value
from osetra.space.scale import Scale
from osetra.space.space import Space
from osetra.space.values import did_you_mean, is_number, is_whole, print_value

ADAPTIVE_OPTIMIZERS = ("rmsprop", "adam", "adamw")
MOMENTUM_OPTIMIZERS = ("momentum", "momentum_sum", "nesterov")
"""Those that the default space chooses among; every other one is searched, or fixed, when asked for."""

KNOWN_HYPERPARAMETERS: Mapping[str, str] = MappingProxyType(
    {
        "learning_rate": "size of a step, alpha; where the schedule starts",
        "optimizer": "the rule that turns gradients into steps",
        "momentum": "beta of momentum, momentum_sum and nesterov; 0.9 averages about 10 steps",
        "beta1": "decay of the averaged gradient in adam and adamw",
        "beta2": "decay of the averaged squared gradient in rmsprop, adam and adamw",
        "eps": "keeps rmsprop, adam and adamw from dividing by zero",
        "bias_correction": "whether averages are corrected for their start at zero",
        "batch_size": "rows a mini-batch",
        "hidden_units": "units of each hidden layer, or a text such as 128-64, one number a layer",
        "num_layers": "hidden layers, where hidden_units does not list them",
        "activation": "what a hidden unit does with its input; or a text such as relu-tanh, one a layer",
        "batch_norm": "whether hidden layers are normalised over the mini-batch",
        "initialisation": "the scheme of the starting weights",
        "gain": "factor on the deviation of the starting weights",
        "distribution": "of the starting weights",
        "l2": "lambda of the penalty (lambda/2m) sum ||W||^2, m the rows of the training part",
        "l1": "lambda of the penalty (lambda/m) sum |W|",
        "clip_norm": "longest gradient that a step sees; 0 is no clipping",
        "keep_prob": "share of hidden units that dropout keeps, or a text such as 0.9-0.5, one a layer; 1 is no dropout",
        "input_keep_prob": "share of inputs that dropout keeps; 1 is no dropout",
        "noise": "standard deviation of the noise added to training inputs, in standard deviations of the input; 0 is none",
        "mixup": "alpha of mixup, which trains on mixtures of two rows; 0 is none",
        "flip": "whether half of the training images are mirrored",
        "crop_padding": "pixels by which training images are padded before a random crop, that is, shifted at most; 0 is none",
        "rotation": "degrees by which training images are turned at most; 0 is none",
        "distortion": "standard deviation of the smooth random displacement of training images, in pixels; 0 is none",
        "label_smoothing": "share of a label spread over all classes",
        "loss": "what the output layer is trained to make small",
        "schedule": "how the learning rate moves over epochs and steps",
        "decay": "how fast the inverse schedule falls: learning_rate/(1 + decay*epoch)",
        "decay_base": "of the exponential schedule: learning_rate * decay_base^epoch",
        "decay_factor": "what staircase and reduce_on_plateau multiply the learning rate by, each time it falls",
        "decay_every": "epochs a stair of the staircase schedule; left out, a third of the trial's epochs",
        "decay_patience": "epochs without a better one after which reduce_on_plateau lowers the learning rate",
        "warmup_epochs": "epochs, or a fraction of one, over which the learning rate rises from near 0; one_cycle has its own rise",
        "huber_delta": "where the huber loss turns from squared to absolute, in standard deviations of the target",
        "batch_norm_decay": "of batch norm's running mean and variance",
        "batch_norm_eps": "keeps batch norm from dividing by zero",
        "weight_averaging": "mean age of the averaged weights that are scored and kept, as a share of the steps so far; 0 is none",
    }
)
"""Name -> meaning, in one line."""

VALID_WORDS: Mapping[str, tuple[Value, ...]] = MappingProxyType(
    {
        "optimizer": ("gd", *MOMENTUM_OPTIMIZERS, *ADAPTIVE_OPTIMIZERS),
        "bias_correction": (True, False),
        "activation": ("relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "linear"),
        "batch_norm": (True, False),
        "flip": (True, False),
        "initialisation": ("auto", "he", "xavier", "lecun"),
        "distribution": ("normal", "uniform"),
        "loss": ("cross_entropy", "binary_cross_entropy", "squared", "absolute", "huber"),
        "schedule": (
            "constant",
            "cosine",
            "inverse",
            "exponential",
            "sqrt_epoch",
            "sqrt_step",
            "staircase",
            "one_cycle",
            "reduce_on_plateau",
        ),
    }
)
"""Name -> all values it may take."""

LAYER_WORDS = ("activation",)
"""Those that may list a value for each layer, such as relu-tanh."""

IMAGE_HYPERPARAMETERS = ("flip", "crop_padding", "rotation", "distortion")
"""Those that only images can take."""


def _is_units(value: Value) -> bool:
    """Whether it is a number of units, or text that lists one for each layer."""
    return value >= 1 if is_whole(value) else isinstance(value, str) and re.fullmatch(r"[1-9]\d*(-[1-9]\d*)+", value) is not None


def _above_zero(value: Value) -> bool:
    return is_number(value) and value > 0


def _not_below_zero(value: Value) -> bool:
    return is_number(value) and value >= 0


def _below_one(value: Value) -> bool:
    return is_number(value) and 0 <= value < 1


def _up_to_half(value: Value) -> bool:
    return is_number(value) and 0 <= value <= 0.5


def _a_share(value: Value) -> bool:
    return is_number(value) and 0 < value <= 1


def _are_shares(value: Value) -> bool:
    """Whether it is a share, or text that lists one for each layer."""
    if not isinstance(value, str):
        return _a_share(value)
    try:
        return all(_a_share(float(part)) for part in value.split("-"))
    except ValueError:
        return False


def _whole_from(least: int) -> Callable[[Value], bool]:
    return lambda value: is_whole(value) and value >= least


_REQUIREMENTS: Mapping[str, tuple[str, Callable[[Value], bool]]] = MappingProxyType(
    {
        "learning_rate": ("> 0", _above_zero),
        "momentum": ("in [0, 1)", _below_one),
        "beta1": ("in [0, 1)", _below_one),
        "beta2": ("in [0, 1)", _below_one),
        "eps": ("> 0", _above_zero),
        "batch_size": ("a whole number >= 1", _whole_from(1)),
        "hidden_units": ("a whole number >= 1 or a text such as 128-64", _is_units),
        "num_layers": ("a whole number >= 0", _whole_from(0)),
        "gain": ("> 0", _above_zero),
        "l2": (">= 0", _not_below_zero),
        "l1": (">= 0", _not_below_zero),
        "clip_norm": (">= 0", _not_below_zero),
        "keep_prob": ("in (0, 1] or a text such as 0.9-0.5", _are_shares),
        "input_keep_prob": ("in (0, 1]", _a_share),
        "noise": (">= 0", _not_below_zero),
        "mixup": (">= 0", _not_below_zero),
        "crop_padding": ("a whole number >= 0", _whole_from(0)),
        "rotation": (">= 0", _not_below_zero),
        "distortion": (">= 0", _not_below_zero),
        "label_smoothing": ("in [0, 1)", _below_one),
        "decay": (">= 0", _not_below_zero),
        "decay_base": ("in (0, 1]", _a_share),
        "decay_factor": ("in (0, 1]", _a_share),
        "decay_every": ("a whole number >= 1", _whole_from(1)),
        "decay_patience": ("a whole number >= 1", _whole_from(1)),
        "warmup_epochs": (">= 0", _not_below_zero),
        "huber_delta": ("> 0", _above_zero),
        "batch_norm_decay": ("in [0, 1)", _below_one),
        "batch_norm_eps": ("> 0", _above_zero),
        "weight_averaging": ("in [0, 0.5]", _up_to_half),
    }
)
_EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "learning_rate": "0.01 or log(1e-4, 1)",
        "momentum": "0.9 or one_minus_log(0.8, 0.99)",
        "beta1": "0.9 or one_minus_log(0.8, 0.99)",
        "beta2": "0.999 or one_minus_log(0.99, 0.9999)",
        "eps": "1e-8 or log(1e-10, 1e-6)",
        "batch_size": "128 or powers_of_two(64, 512)",
        "hidden_units": "64 or powers_of_two(32, 256)",
        "num_layers": "2 or integer(1, 4)",
        "gain": "1 or log(0.5, 2)",
        "l2": "0 or log(1e-3, 100)",
        "l1": "0 or log(1e-3, 10)",
        "clip_norm": "0 or log(0.1, 10)",
        "keep_prob": "1 or linear(0.6, 1)",
        "input_keep_prob": "1 or linear(0.6, 1)",
        "noise": "0 or linear(0, 0.3)",
        "mixup": "0 or linear(0, 0.4)",
        "crop_padding": "0 or integer(0, 3)",
        "rotation": "0 or linear(0, 20)",
        "distortion": "0 or linear(0, 2)",
        "label_smoothing": "0 or linear(0, 0.2)",
        "decay": "1 or log(0.01, 1)",
        "decay_base": "0.95 or one_minus_log(0.9, 0.999)",
        "decay_factor": "0.5 or linear(0.1, 0.9)",
        "decay_every": "10 or integer(5, 20)",
        "decay_patience": "3 or integer(2, 10)",
        "warmup_epochs": "0 or linear(0, 5)",
        "huber_delta": "1 or log(0.1, 10)",
        "batch_norm_decay": "0.9 or one_minus_log(0.8, 0.99)",
        "batch_norm_eps": "1e-5",
        "weight_averaging": "0.04 or linear(0, 0.2)",
    }
)


def check_names(space: Space) -> None:
    """Raises `SpaceError`, with the nearest names, for a hyperparameter that osetra's own networks do not take."""
    for name in (*space.names, *space.fixed):
        if name not in KNOWN_HYPERPARAMETERS:
            raise SpaceError(f"osetra's networks take no hyperparameter {name}; {did_you_mean(name, KNOWN_HYPERPARAMETERS)}")


def check_values(space: Space) -> None:
    """Raises `SpaceError` for a value, or a range that reaches a value, that its hyperparameter cannot take; passes over unknown names."""
    for name, entry in (*space.scales.items(), *space.fixed.items()):
        # The arguments of a scale are its bounds or all its values, so what holds for them holds for all that it reaches.
        for value in entry.arguments if isinstance(entry, Scale) else (entry,):
            _check_value(name, value, entry)


def _check_value(name: str, value: Value, entry: Scale | Value) -> None:
    got = f"{entry}" if isinstance(entry, Scale) else print_value(entry)
    if name in VALID_WORDS:
        words = [print_value(word) for word in VALID_WORDS[name]]
        text = print_value(value)
        wrong = [part for part in (text.split("-") if name in LAYER_WORDS else [text]) if part not in words]
        if wrong:
            raise SpaceError(f"{name} must be one of {', '.join(words)}, got {got}; {did_you_mean(wrong[0], words)}")
    elif name in _REQUIREMENTS:
        requirement, good = _REQUIREMENTS[name]
        if not good(value):
            raise SpaceError(f"{name} must be {requirement}, got {got}; such as {_EXAMPLES[name]}")
