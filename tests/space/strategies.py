"""Scales and spaces for property tests."""

import keyword
import math

from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.space import Space, choice, integer, linear, log, log_integer, one_minus_log, ordinal, powers_of_two, when
from osetra.space.counted import Choice, Counted
from osetra.space.scale import Scale

numbers = st.floats(-1e6, 1e6).map(lambda value: value + 0.0)
values = st.one_of(numbers, st.integers(-(10**9), 10**9), st.booleans(), st.text(max_size=8))


@st.composite
def _log(draw):
    low = draw(st.floats(1e-8, 1e6))
    return log(low, low * draw(st.floats(1.01, 1e8)))


@st.composite
def _one_minus_log(draw):
    low = draw(st.floats(0.01, 0.9))
    return one_minus_log(low, 1 - (1 - low) * draw(st.floats(1e-4, 0.9)))


@st.composite
def _whole(draw):
    low, width = draw(st.integers(-1000, 10**6)), draw(st.integers(1, 10**6))
    if low >= 1 and draw(st.booleans()):
        return log_integer(low, low + width)
    return integer(low, low + width)


@st.composite
def _powers(draw):
    low = draw(st.integers(0, 20))
    return powers_of_two(2**low, 2 ** (low + draw(st.integers(1, 15))))


def float_scales():
    wide = st.tuples(numbers, numbers).map(sorted).filter(lambda pair: pair[1] - pair[0] > 1e-3)
    return st.one_of(wide.map(lambda pair: linear(*pair)), _log(), _one_minus_log())


def counted_scales():
    ordered = st.lists(st.one_of(numbers, st.integers(-1000, 1000)), min_size=2, max_size=6, unique=True).map(
        lambda some: ordinal(*sorted(some))
    )
    chosen = st.lists(values, min_size=2, max_size=6, unique=True).map(lambda some: choice(*some))
    return st.one_of(_whole(), _powers(), ordered, chosen)


def scales():
    return st.one_of(float_scales(), counted_scales())


def names():
    return st.text("abcdefgh_", min_size=1, max_size=6).filter(lambda name: not keyword.iskeyword(name))


def spaces():
    return st.dictionaries(names(), st.one_of(scales(), values), max_size=6).map(Space)


def finite_spaces(most: int = 200):
    return (
        st.dictionaries(names(), _few_values(), max_size=4)
        .map(Space)
        .filter(lambda space: not math.isinf(space.size) and space.size <= most)
    )


@st.composite
def _conditional(draw, entries, most):
    """Entries of which some exist only where earlier ones, counted or fixed, have certain values."""
    written = {}
    for name in draw(st.lists(names(), max_size=most, unique=True)):
        entry = draw(entries)
        parents = [other for other, (held, _) in written.items() if not isinstance(held, Scale) or isinstance(held, Counted)]
        chosen = draw(st.lists(st.sampled_from(parents), max_size=2, unique=True)) if parents else []
        conditions = {}
        for parent in chosen:
            held = written[parent][0]
            if isinstance(held, Counted):
                indices = draw(st.lists(st.integers(0, min(int(held.size), 4) - 1), min_size=1, max_size=2, unique=True))
                conditions[parent] = tuple(held.at(index) for index in indices)
            else:
                conditions[parent] = (held if draw(st.booleans()) else "another",)
        written[name] = (entry, conditions)
    order = draw(st.permutations(list(written)))
    return Space({name: when(written[name][0], written[name][1]) if written[name][1] else written[name][0] for name in order})


def conditional_spaces():
    return _conditional(st.one_of(scales(), values), most=6)


def finite_conditional_spaces(most: int = 300):
    return _conditional(_few_values(), most=5).filter(lambda space: space.size <= most)


def constrained_spaces():
    """Finite ones, of which a constraint on the numbers in them leaves something."""

    def constrain(space, bound):
        numbers_of = [name for name, scale in space.scales.items() if not isinstance(scale, Choice)]
        return space if not numbers_of else space.replace({}, constraints=(f"{' + '.join(numbers_of)} <= {bound}",))

    def leaves_something(space):
        try:
            return space.size > 0
        except SpaceError:
            return False

    return st.builds(constrain, finite_conditional_spaces(), st.integers(2, 12)).filter(leaves_something)


def _few_values():
    return st.one_of(
        st.integers(0, 3).map(lambda low: integer(low, low + 3)),
        st.just(choice("a", "b", "c")),
        st.just(powers_of_two(2, 8)),
        st.just(log_integer(1, 6)),
        st.just(7),
    )
