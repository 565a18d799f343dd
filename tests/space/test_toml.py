"""A space written in TOML is readable and comes back exactly."""

import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.space import Space, choice, log, one_minus_log, powers_of_two, when

from .strategies import conditional_spaces, constrained_spaces, spaces, values

SPACE = Space(
    {
        "learning_rate": log(1e-4, 0.1),
        "batch_size": powers_of_two(64, 512),
        "optimizer": choice("adam", "momentum"),
        "momentum": when(one_minus_log(0.8, 0.99), optimizer="momentum"),
        "num_layers": 2,
        "eps": 1e-8,
        "batch_norm": True,
        "activation": "relu",
    },
    constraints=("optimizer == 'adam' or learning_rate > 0.001",),
)
TEXT = """\
learning_rate = "log(0.0001, 0.1)"
batch_size = "powers_of_two(64, 512)"
optimizer = "choice(adam, momentum)"
momentum = "one_minus_log(0.8, 0.99)"
num_layers = 2
eps = 1e-08
batch_norm = true
activation = "relu"
constraints = [
    "optimizer == 'adam' or learning_rate > 0.001",
]

[when.momentum]
optimizer = ["momentum"]
"""


def test_it_is_written_as_a_person_would():
    assert SPACE.to_toml() == TEXT
    assert Space.from_toml(TEXT) == SPACE
    assert Space.from_toml(TEXT).describe() == SPACE.describe()


@given(st.one_of(spaces(), conditional_spaces(), constrained_spaces()))
def test_a_space_comes_back_from_toml(space):
    text = space.to_toml()
    again = Space.from_toml(text)
    assert again == space
    assert again.to_toml() == text


@given(st.text(max_size=5).filter(str.strip).filter(lambda name: name not in ("when", "constraints")), values)
@example(name="a\x7fb", value='\x7f\x00\t"\\')
def test_any_name_and_any_value_come_back(name, value):
    space = Space({name: value, "other" + name: when(choice(value, "x", "y"), {name: value}) if value not in ("x", "y") else 1})
    text = space.to_toml()
    tomllib.loads(text)
    assert Space.from_toml(text) == space


def test_words_of_the_command_line_are_understood():
    typed = 'learning_rate = "log(1e-4, 1)"\nmomentum = "0.9 when optimizer in (momentum, nesterov)"\noptimizer = "adam"\n'
    assert Space.from_toml(typed) == Space(
        {"learning_rate": log(1e-4, 1), "momentum": when(0.9, optimizer=("momentum", "nesterov")), "optimizer": "adam"}
    )
    single = 'a = "choice(x, y)"\nb = 3\n[when.b]\na = "x"\n'
    assert Space.from_toml(single) == Space({"a": choice("x", "y"), "b": when(3, a="x")})


def test_it_is_read_from_a_file(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(TEXT, encoding="utf-8")
    assert Space.from_toml(path) == Space.from_toml(str(path)) == SPACE


def test_nothing_at_all_is_an_empty_space():
    assert Space.from_toml("") == Space({})
    assert Space({}).to_toml().strip() == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no/such/space.toml", "a space must be TOML text or a file of it, got 'no/such/space.toml' (No such file or directory)"),
        ("a\x00b", "a space must be TOML text or a file of it"),
        ("learning_rate = log(1, 2)", "a space must be written in TOML, got 'learning_rate = log(1, 2)' ("),
        ("a = 1\na = 2", "a space must be written in TOML"),
        ('a = "lgo(1, 2)"', "a = 'lgo(1, 2)': a scale must be of a kind there is, got lgo; did you mean log?"),
        ("a = [1, 2]", "a must be a scale or a plain value"),
        ("a = 2020-01-01", "a must be a scale or a plain value"),
        ("a = {log = 3}", "a must be a scale or a plain value"),
        ("a = nan", "a must be a scale or a plain value"),
        ("a = 99999999999999999999", "finite number (64 bits)"),
        ('a = 1\nconstraints = "a < 2"', "constraints must be a list of texts, got 'a < 2'"),
        ("a = 1\nconstraints = [1]", "a constraint must be a text, got 1"),
        ("a = 1\nwhen = 3", "conditions must be tables such as [when.momentum]"),
        ("a = 1\n[when]\na = 3", "conditions must be tables such as [when.momentum]"),
        ("a = 1\n[when.b]\na = 3", "conditions must be of a hyperparameter of the space, got [when.b]; give b"),
        ('b = 1\na = "1 when b=1"\n[when.a]\nb = 1', "a must have its conditions in one place, got 1 when b=1 and [when.a]"),
        ("b = 1\na = 2\n[when.a]\nb = []", "a condition on b needs at least one value"),
        ("b = 1\na = 2\n[when.a]\n", "when needs at least one condition, got 2 alone"),
    ],
)
def test_anything_else_is_refused(text, message):
    with pytest.raises(SpaceError) as caught:
        Space.from_toml(text)
    assert message in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "space.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpaceError, match="it is no text in UTF-8"):
        Space.from_toml(path)
    with pytest.raises(SpaceError, match="a space must be TOML text or a file of it"):
        Space.from_toml(tmp_path)
