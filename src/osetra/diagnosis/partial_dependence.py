"""What a network answers on average as one column moves and all others stay as they are.

    partial dependence     f_c(v) = 1/n sum over rows i of f(row i with column c set to v)        one value for each v
    influence              1/n sum |f(row i) - f(row i with column c taken from another row)|     one number for each column

The mean hides what differs from row to row, and where columns hang together some of the rows averaged over are such as never occur.
Source: Friedman 2001, Greedy function approximation: a gradient boosting machine, Annals of Statistics 29(5), section 8.2; shuffling after
Breiman 2001, Random forests, Machine Learning 45, section 10, with answers in place of errors, so that no target is needed.
Knows nothing of: models, tables, what inputs stand for.
"""

from collections.abc import Callable, Sequence

import numpy as np

Answers = Callable[[np.ndarray], np.ndarray]
"""From inputs [rows, num_inputs] to answers [rows, outputs]."""


def partial_dependence(answers: Answers, inputs: np.ndarray, place: slice, values: np.ndarray) -> np.ndarray:
    """The mean answer for each value of a column, float64 [values, outputs].

    inputs: float32 [rows, num_inputs]. place: the inputs that are the column's. values: what it is set to, float32 [values, its inputs].
    """
    moved = inputs.copy()
    means = []
    for value in values:
        moved[:, place] = value
        means.append(answers(moved).mean(axis=0, dtype=np.float64))
    return np.stack(means)


def influence(answers: Answers, inputs: np.ndarray, places: Sequence[slice], generator: np.random.Generator) -> np.ndarray:
    """How far answers move on average where a column is shuffled among the rows, float64 [columns], summed over outputs."""
    before = answers(inputs).astype(np.float64)
    order = generator.permutation(len(inputs))
    moved = inputs.copy()
    found = np.empty(len(places))
    for number, place in enumerate(places):
        moved[:, place] = inputs[order, place]
        found[number] = np.abs(answers(moved) - before).sum(axis=1).mean()
        moved[:, place] = inputs[:, place]
    return found
