"""Scales are bijections to [0, 1], exact both ways."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.space import choice, integer, linear, log, log_integer, one_minus_log, ordinal, powers_of_two
from osetra.space.continuous import Continuous
from osetra.space.counted import Counted
from osetra.space.scale import Scale

from .strategies import counted_scales, float_scales, scales

units = st.floats(0, 1)
EPS = 2.0**-52


def lost_digits(scale: Continuous) -> float:
    """How much one rounding of u moves a value, in its own last digits: the unavoidable part of a round trip."""
    if scale.kind == "log":
        return 1 + math.log(scale.high / scale.low)
    return 1 + max(abs(scale.low), abs(scale.high)) / (scale.high - scale.low)


@given(float_scales())
def test_bounds_map_to_0_and_1_and_back_exactly(scale):
    assert (scale.encode(scale.low), scale.encode(scale.high)) == (0.0, 1.0)
    assert (scale.decode(0), scale.decode(1)) == (scale.low, scale.high)


@given(st.floats(1e-8, 1e8), st.floats(1e-6, 1e6), units)
def test_log_values_come_back_within_a_few_last_digits(low, stretch, u):
    scale = log(low, low * (1 + stretch))
    value = scale.decode(u)
    assert scale.decode(scale.encode(value)) == pytest.approx(value, rel=4 * EPS * lost_digits(scale), abs=0)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), units)
def test_linear_values_come_back_within_a_few_last_digits(low, width, u):
    scale = linear(low, low + width)
    value = scale.decode(u)
    size = max(abs(scale.low), abs(scale.high))
    assert scale.decode(scale.encode(value)) == pytest.approx(value, rel=0, abs=4 * EPS * size)


@given(float_scales(), units)
def test_unit_coordinates_of_floats_come_back(scale, u):
    tolerance = {"log": 1e-14 / math.log(scale.high / scale.low) if scale.low > 0 else 0, "linear": EPS * lost_digits(scale)}
    if scale.kind == "one_minus_log":
        tolerance["one_minus_log"] = EPS / ((1 - scale.high) * math.log((1 - scale.low) / (1 - scale.high)))
    assert scale.encode(scale.decode(u)) == pytest.approx(u, abs=1e-15 + 4 * tolerance[scale.kind])


@given(counted_scales(), st.data())
def test_counted_values_come_back_exactly(scale, data):
    value = scale.at(data.draw(st.integers(0, scale.size - 1)))
    again = scale.decode(scale.encode(value))
    assert again == value
    assert type(again) is type(value)


@given(counted_scales(), units)
def test_a_unit_coordinate_and_its_bin_centre_give_one_value(scale, u):
    value = scale.decode(u)
    assert scale.contains(value)
    assert scale.at(scale.index_of(value)) == value
    assert scale.decode(scale.encode(value)) == value


@given(scales(), units, units)
def test_decoding_is_monotone(scale, one, other):
    low, high = sorted((one, other))
    if isinstance(scale, Counted):
        assert scale.index_of(scale.decode(low)) <= scale.index_of(scale.decode(high))
    else:
        assume(high - low > 1e-12 or low == high)
        assert scale.decode(low) <= scale.decode(high)


@given(float_scales(), units, units)
def test_encoding_is_monotone(scale, one, other):
    low, high = sorted((scale.decode(one), scale.decode(other)))
    assert scale.encode(low) <= scale.encode(high)


@given(scales(), units)
def test_decoded_values_lie_within_the_scale(scale, u):
    assert scale.contains(scale.decode(u))


@given(st.floats(1e-6, 1e6), st.floats(1.001, 1e6), st.floats(1e-3, 1e3), units)
def test_rescaling_a_log_axis_leaves_unit_coordinates_unchanged(low, ratio, factor, u):
    one, other = log(low, low * ratio), log(low * factor, low * ratio * factor)
    value = one.decode(u)
    moved = min(max(value * factor, other.low), other.high)
    assert other.encode(moved) == pytest.approx(one.encode(value), abs=1e-11)


def test_log_gives_every_decade_its_share():
    values = [log(1e-4, 1).decode(u) for u in np.random.default_rng(0).random(4000)]
    shares = np.histogram(np.log10(values), bins=[-4, -3, -2, -1, 0])[0] / 4000
    assert shares == pytest.approx([0.25] * 4, abs=0.03)


def test_log_is_ten_to_a_uniform_power():
    assert [log(1e-4, 1).decode(u) for u in (0.25, 0.5, 0.75)] == pytest.approx([1e-3, 1e-2, 1e-1], rel=1e-14)


def test_one_minus_log_is_one_minus_ten_to_a_uniform_power():
    assert [one_minus_log(0.9, 0.999).decode(u) for u in (0, 0.5, 1)] == pytest.approx([0.9, 0.99, 0.999], rel=1e-14)


@pytest.mark.parametrize(
    ("scale", "values"),
    [
        (integer(1, 4), [1, 2, 3, 4]),
        (integer(-1, 1), [-1, 0, 1]),
        (powers_of_two(16, 512), [16, 32, 64, 128, 256, 512]),
        (ordinal(1, 3, 10.5), [1, 3, 10.5]),
        (choice("tanh", "relu", True), ["tanh", "relu", True]),
    ],
)
def test_values_share_the_unit_interval_equally(scale, values):
    middles = [(i + 0.5) / len(values) for i in range(len(values))]
    assert [scale.decode(u) for u in middles] == values
    assert [scale.encode(value) for value in values] == middles
    assert [scale.decode(i / len(values) + 1e-9) for i in range(len(values))] == values
    assert (scale.decode(0), scale.decode(1)) == (values[0], values[-1])


def test_log_integers_share_by_factor():
    drawn = [log_integer(1, 1000).decode(u) for u in np.random.default_rng(1).random(4000)]
    # The axis runs from log 0.5 to log 1000.5; 1 .. 9 own log 0.5 .. log 9.5.
    assert np.mean(np.array(drawn) <= 9) == pytest.approx(math.log(19) / math.log(2001), abs=0.03)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: log(1, 0.1), "log needs 0 < low < high, got log(1, 0.1); swap them: log(0.1, 1)"),
        (lambda: log(0, 1), "log needs 0 < low < high, got log(0, 1); start above 0"),
        (lambda: log(0.1, 0.1), "log needs 0 < low < high, got log(0.1, 0.1); to fix the value give 0.1 itself"),
        (lambda: log(math.nan, 1), "log needs 0 < low < high, got log(nan, 1); give two finite numbers"),
        (lambda: linear(0, math.inf), "linear needs low < high, got linear(0, inf); give two finite numbers"),
        (lambda: linear(-1e308, 1.5e308), "linear needs high - low to be finite"),
        (lambda: log(1e-300, 1e300), "log needs high / low to be finite"),
        (lambda: linear("a", 1), "linear needs low < high, got linear(a, 1); give two finite numbers"),
        (lambda: linear(False, True), "give two finite numbers"),
        (lambda: linear([1], None), "linear needs low < high, got linear([1], None); give two finite numbers"),
        (lambda: one_minus_log(0.9, 1), "one_minus_log needs 0 < low < high < 1, got one_minus_log(0.9, 1); end below 1"),
        (lambda: one_minus_log(0, 0.9), "one_minus_log needs 0 < low < high < 1, got one_minus_log(0, 0.9); start above 0"),
        (lambda: one_minus_log(0.99, 0.9), "swap them: one_minus_log(0.9, 0.99)"),
        (lambda: one_minus_log(1e-30, 1e-20), "one_minus_log needs bounds that 1 - x tells apart"),
        (lambda: integer(4, 1), "integer needs low < high, got integer(4, 1); swap them: integer(1, 4)"),
        (lambda: integer(0.5, 2), "integer needs whole numbers of at most 2^40, got integer(0.5, 2); round its bounds"),
        (lambda: integer(0, 2**41), "integer needs whole numbers of at most 2^40"),
        (lambda: log_integer(0, 10), "log_integer needs 1 <= low < high, got log_integer(0, 10); start above 0"),
        (lambda: powers_of_two(17, 500), "got powers_of_two(17, 500); powers_of_two(16, 512) is near, or use log_integer(17, 500)"),
        (lambda: powers_of_two(5, 6), "got powers_of_two(5, 6); powers_of_two(4, 8) is near, or use log_integer(5, 6)"),
        (lambda: powers_of_two(0, 8), "powers_of_two needs 1 <= low < high, got powers_of_two(0, 8); start above 0"),
        (lambda: choice(), "choice needs at least two values, got choice(); list them"),
        (lambda: choice("relu"), "choice needs at least two values, got choice(relu); to fix the value give relu itself"),
        (lambda: choice("relu", "tanh", "relu"), "choice needs distinct values, got choice(relu, tanh, relu); list relu once"),
        (lambda: choice(1, True), "choice needs distinct values"),
        (lambda: choice([1, 2], 3), "several values are choice(1, 2)"),
        (lambda: choice(math.nan, 1.0), "finite number"),
        (lambda: ordinal(3, 1, 10), "ordinal needs rising numbers, got ordinal(3, 1, 10); sort them: ordinal(1, 3, 10)"),
        (lambda: ordinal("a", "b"), "ordinal needs numbers, got ordinal(a, b); words without an order are choice(a, b)"),
        (lambda: ordinal(1, 1.0), "ordinal needs distinct values"),
    ],
)
def test_nonsense_is_refused_with_its_remedy(make, message):
    with pytest.raises(SpaceError) as caught:
        make()
    assert message in str(caught.value)


@pytest.mark.parametrize("u", [-1e-9, 1.0000001, math.nan, math.inf])
@pytest.mark.parametrize("scale", [linear(0, 1), integer(1, 4), log_integer(1, 9), choice("a", "b")])
def test_coordinates_outside_the_unit_interval_are_refused(scale, u):
    with pytest.raises(SpaceError, match=r"must lie in \[0, 1\]"):
        scale.decode(u)


@pytest.mark.parametrize(
    ("scale", "value", "message"),
    [
        (log(1e-4, 0.1), 0.5, "a value must be in log 0.0001 .. 0.1, got 0.5; the nearest is 0.1"),
        (log(1e-4, 0.1), "fast", "got fast; give a number"),
        (linear(0, 1), True, "got true; give a number"),
        (integer(1, 4), 2.0, "a value must be in integer 1 .. 4, got 2.0; the nearest is 2"),
        (powers_of_two(16, 64), 48, "a value must be in powers of two 16 .. 64, got 48; the nearest is 64"),
        (ordinal(1, 3, 10), 7, "a value must be in ordinal 1, 3, 10, got 7; the nearest is 10"),
        (choice("relu", "tanh"), "rellu", "a value must be in choice of relu, tanh, got rellu; did you mean relu?"),
        (choice(1, 2), True, "got true; there are: 1, 2"),
    ],
)
def test_a_value_that_a_scale_does_not_hold_cannot_be_encoded(scale, value, message):
    with pytest.raises(SpaceError) as caught:
        scale.encode(value)
    assert message in str(caught.value)


@given(scales(), st.one_of(st.floats(-1e12, 1e12), st.integers(-(10**12), 10**12), st.text(), st.booleans()))
def test_the_nearest_value_is_held(scale, value):
    assert scale.contains(scale.nearest(value))


@given(scales(), units)
def test_a_held_value_is_its_own_nearest(scale, u):
    value = scale.decode(u)
    nearest = scale.nearest(value)
    assert nearest == value
    assert type(nearest) is type(value)


def test_nearest_clips_and_rounds():
    assert log(1e-4, 0.1).nearest(3) == 0.1
    assert integer(1, 4).nearest(-7) == 1
    assert powers_of_two(16, 512).nearest(90) == 64  # by factor: 90 < 64 sqrt(2)
    assert ordinal(1, 3, 10).nearest(6) == 3
    assert choice("a", "b").nearest("c") == "a"


def test_numpy_scalars_are_taken_for_plain_values():
    assert integer(1, 4).encode(np.int64(2)) == integer(1, 4).encode(2)
    assert log(np.float64(0.1), np.float32(1)) == log(0.1, 1)
    assert all(type(scale.decode(np.float64(0.3))) is float for scale in (linear(0, 1), log(1, 2), one_minus_log(0.1, 0.5)))


def test_scales_that_print_differently_are_different():
    assert choice(1, 2) != choice(1.0, 2.0)
    assert choice("1", "2") != choice(1, 2)
    assert choice(0, 5) != choice(False, 5)
    assert linear(0, 1) != log(0.1, 1)
    assert len({linear(0, 1), linear(0.0, 1.0), linear(-0.0, 1)}) == 1


def test_sizes_count_values():
    sizes = [scale.size for scale in (integer(1, 4), log_integer(2, 9), powers_of_two(16, 512), ordinal(1, 5), choice("a", "b", "c"))]
    assert sizes == [4, 8, 6, 2, 3]
    assert linear(0, 1).size == log(1, 2).size == one_minus_log(0.1, 0.2).size == math.inf


def test_only_a_choice_is_without_order():
    ordered: dict[str, bool] = {scale.kind: scale.is_ordered for scale in (linear(0, 1), integer(0, 1), ordinal(0, 1), choice(0, 1))}
    assert ordered == {"linear": True, "integer": True, "ordinal": True, "choice": False}
    assert issubclass(Continuous, Scale)
