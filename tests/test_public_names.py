"""The public names are these; one more or one fewer is a decision, made here."""

import osetra

NAMES = [
    "Space", "Study", "TunedClassifier", "TunedRegressor", "Tuner", "check_gradients", "choice", "fit", "integer", "linear", "load_model",
    "log",
    "minimize", "one_minus_log", "optimize", "ordinal", "plan", "powers_of_two", "resume", "smooth", "when",
]  # fmt: skip


def test_the_public_names_are_these():
    assert osetra.__all__ == NAMES
    assert dir(osetra) == sorted([*NAMES, "__version__"])


def test_every_public_name_is_there_and_says_what_it_is():
    for name in NAMES:
        assert getattr(osetra, name).__doc__, name


def test_another_name_is_an_attribute_error():
    try:
        osetra.fitt  # noqa: B018
    except AttributeError as error:
        assert "no attribute 'fitt'" in str(error)  # noqa: PT017
    else:
        raise AssertionError("osetra.fitt exists")
