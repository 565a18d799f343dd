"""Which trials stand for all where there are too many: drawn by a fixed key, so that whoever draws, draws the same.

    x = (number + 1) * 1103515245 mod p,    key = x^5 mod p,    p = 2^31 - 1

Those of the lowest keys are drawn. No two numbers below p - 1 have the same key (5 does not divide p - 1), and a trial that comes later
puts out one other at most. The power makes keys of neighbours unlike: a multiple alone would go round evenly, as many a search's
proposals do. Plain arithmetic in 63 bits, so that a database draws as Python does.

Knows nothing of: trials, stores.
"""

from typing import TypeVar

MODULUS = 2**31 - 1
FACTOR = 1103515245

N = TypeVar("N")


def key(number: N) -> N:
    """Of a trial, by its number: an int, an array of int64, or an expression of a database's integers of 64 bits."""
    # What of the operators a type has, a checker cannot see.
    at = (number + 1) * FACTOR % MODULUS  # pyright: ignore[reportOperatorIssue]
    square = at * at % MODULUS
    return square * square % MODULUS * at % MODULUS
