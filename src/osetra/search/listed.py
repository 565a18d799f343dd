"""A manual list: the configurations that a person wrote down, in their order.

Knows nothing of: training, results.
"""

from collections.abc import Mapping, Sequence

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, Value
from osetra.search.proposed import lies_in
from osetra.space.space import Space


class ListSampler:
    """A `Sampler`. Trial n gets configuration n of the list; behind its end there is None.

    A configuration may leave out what the space fixes. Raises `SpaceError`, with the place in the list counted from 1, for one that does
    not lie in the space, for the same one twice, and for an empty list.
    """

    def __init__(self, space: Space, configurations: Sequence[Configuration]) -> None:
        if not configurations:
            raise SpaceError("a list of configurations needs at least one, got none; such as [{'learning_rate': 0.01}]")
        self._configurations: list[dict[str, Value]] = []
        self._given: list[frozenset[str]] = []
        """The names that the person wrote down."""
        self._asked = 0
        places: dict[tuple[Value | None, ...], int] = {}
        for place, configuration in enumerate(configurations, start=1):
            if not isinstance(configuration, Mapping):
                raise SpaceError(
                    f"configuration {place} of the list must map names to values, got {configuration!r}; write {{'name': value}}"
                )
            try:
                whole = _whole(space, configuration)
            except SpaceError as error:
                raise SpaceError(f"configuration {place} of the list: {error}") from None
            earlier = places.setdefault(space.key(whole), place)
            if earlier != place:
                raise SpaceError(f"a list must hold each configuration once, got the same as number {earlier} and {place}; drop one")
            self._configurations.append(whole)
            self._given.append(frozenset(configuration))

    def propose(self, number: int) -> dict[str, Value] | None:
        """Configuration `number` of the list, from 0; None behind its end."""
        self._asked = max(self._asked, number + 1)
        return dict(self._configurations[number]) if number < len(self._configurations) else None

    def observe(self, number: int, epoch: int, value: float) -> None:
        """Does nothing: a list learns nothing from results."""

    def edit(self, space: Space) -> None:
        """Leave out, for good, what of the rest of the list does not lie in this space; in its place come no values that nobody wrote down.

        What a configuration did not name follows what the space fixes now.
        """
        rest = list(zip(self._configurations, self._given, strict=True))[self._asked :]
        del self._configurations[self._asked :], self._given[self._asked :]
        for configuration, names in rest:
            moved = {name: value for name, value in configuration.items() if name in names or name not in space.fixed}
            moved |= {name: space.fixed[name] for name in space.absent_from(moved)}
            if lies_in(space, moved) and moved not in self._configurations:
                self._configurations.append(moved)
                self._given.append(names)


def _whole(space: Space, configuration: Configuration) -> dict[str, Value]:
    """With what is fixed, in the order and types of the space."""
    given = {**configuration}
    for name in space.absent_from(given):
        given[name] = space.fixed[name]
    space.validate(given)
    return space.nearest(given)
