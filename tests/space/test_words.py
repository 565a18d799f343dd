"""What is typed after --set becomes a scale or a value; what is printed reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.space import choice, integer, linear, log, log_integer, one_minus_log, ordinal, parse_scale, powers_of_two, print_scale, when

from .strategies import scales, values


@given(scales())
def test_a_printed_scale_reads_back_as_itself(scale):
    assert parse_scale(print_scale(scale)) == scale


@given(
    st.one_of(values, st.sampled_from(["true", "nan", "64", "1e3", "it's", 'a "b"', "log(1, 2)", " x", "", "a,b", "\x00", "-inf", "1_0"]))
)
def test_a_printed_value_reads_back_as_itself(value):
    again = parse_scale(print_scale(value))
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("log(1e-4, 1)", log(1e-4, 1)),
        ("  log ( 1e-4,1 ) ", log(1e-4, 1)),
        ("linear(-1, 1)", linear(-1, 1)),
        ("one_minus_log(0.9, 0.999)", one_minus_log(0.9, 0.999)),
        ("integer(1, 4)", integer(1, 4)),
        ("log_integer(1, 1000)", log_integer(1, 1000)),
        ("powers_of_two(16, 512)", powers_of_two(16, 512)),
        ("ordinal(1, 3, 10)", ordinal(1, 3, 10)),
        ("choice(relu, tanh)", choice("relu", "tanh")),
        ("choice('relu', \"tanh\")", choice("relu", "tanh")),
        ("choice(true, false)", choice(True, False)),
        ("choice('a, b', 'c)')", choice("a, b", "c)")),
    ],
)
def test_every_form_is_read(text, scale):
    assert parse_scale(text) == scale


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.01", 0.01), ("1e-4", 1e-4), ("64", 64), ("-3", -3), ("adam", "adam"), ("True", True), ("false", False), ("'64'", "64")],
)
def test_a_plain_value_keeps_its_type(text, value):
    parsed = parse_scale(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loguniform(1, 2)", "got loguniform; there are: log, linear, one_minus_log"),
        ("log(1e-4)", "log needs two numbers, low and high, got log(0.0001); give both"),
        ("log(1, 0.1)", "swap them: log(0.1, 1)"),
        ("log(1e-4, 1", "a plain value must be one number or word, got 'log(1e-4, 1'"),
        ("choice(relu,, tanh)", "arguments must be numbers or words with commas between"),
        ("choice(relu, tanh,)", "nothing follows the last comma"),
        ("choice(relu tanh)", "arguments must be numbers or words with commas between"),
        ("choice(log(1, 2), 3)", "arguments must be numbers or words with commas between"),
        ("log(low=1, high=2)", "a plain value must be one number or word, got 'low=1'"),
        ("[1, 2]", "a plain value must be one number or word"),
        ("1, 2", "a plain value must be one number or word"),
        ("", "a plain value must be one number or word, got ''"),
        ("'adam", "quoted text must begin and end with the same quote"),
        ("'a' + 'b'", "quoted text must begin and end with the same quote"),
        ("nan", "a number must be finite and fit 64 bits, got nan"),
        ("1" * 30, "a number must be finite and fit 64 bits"),
        ("__import__('os').getcwd()", "arguments must be numbers or words with commas between"),
        ("exec('1')", "a scale must be of a kind there is, got exec"),
    ],
)
def test_anything_else_is_refused_with_the_accepted_forms(text, message):
    with pytest.raises(SpaceError) as caught:
        parse_scale(text)
    assert message in str(caught.value)
    assert "(accepted: log(1e-4, 1), linear(0, 1)" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("one_minus_log(0.8,0.99) when optimizer=momentum", when(one_minus_log(0.8, 0.99), optimizer="momentum")),
        ("0.9 when optimizer in (momentum, nesterov)", when(0.9, optimizer=("momentum", "nesterov"))),
        ("  log(1e-4, 1)  when  a = 1  and b in(2,3) and c=true ", when(log(1e-4, 1), a=1, b=(2, 3), c=True)),
        ("adam when kind='two words' and and_so = 3", when("adam", kind="two words", and_so=3)),
        ("' when a=1' when b=' and c=2'", when(" when a=1", b=" and c=2")),
        ("choice('x when y', z) when b in ('(', ' in ')", when(choice("x when y", "z"), b=("(", " in "))),
    ],
)
def test_conditions_are_read(text, entry):
    assert parse_scale(text) == entry
    assert parse_scale(print_scale(entry)) == entry


@pytest.mark.parametrize("text", ["when", "whenever", "'3 when a=1'", "choice('x when a=1', b)"])
def test_the_word_itself_makes_no_condition(text):
    assert parse_scale(print_scale(parse_scale(text))) == parse_scale(text)
    assert not hasattr(parse_scale(text), "conditions")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3 when", "a plain value must be one number or word, got '3 when'"),
        ("3 when a", "conditions must read name=value or name in (value, value), with and between, got 'a'"),
        ("3 when a=", "conditions must read name=value"),
        ("3 when a=1 b=2", "conditions must read name=value"),
        ("3 when a=1 and", "conditions must read name=value"),
        ("3 when a=1 and ", "conditions must read name=value"),
        ("3 when a==1", "conditions must read name=value"),
        ("3 when a > 1", "conditions must read name=value"),
        ("3 when a in 1, 2", "conditions must read name=value"),
        ("3 when a in ()", "a condition on a needs at least one value"),
        ("3 when a in (1, 1)", "a condition on a needs distinct values, got 1 twice"),
        ("3 when a=1 and a=2", "must name each hyperparameter once, got a twice; write a in (one, other)"),
        ("log(1, 0.1) when a=1", "swap them: log(0.1, 1)"),
        (" when a=1", "a plain value must be one number or word, got ''"),
    ],
)
def test_conditions_that_cannot_be_read_are_refused(text, message):
    with pytest.raises(SpaceError) as caught:
        parse_scale(text)
    assert message in str(caught.value)
    assert "when optimizer in (momentum, nesterov))" in str(caught.value)
