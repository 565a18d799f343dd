"""A manual list: the configurations that a person wrote down, in their order.

Knows nothing of: training, results.
"""

from collections.abc import Mapping, Sequence

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, Value
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

    def propose(self, number: int) -> dict[str, Value] | None:
        """Configuration `number` of the list, from 0; None behind its end."""
        return dict(self._configurations[number]) if number < len(self._configurations) else None

    def observe(self, number: int, epoch: int, value: float) -> None:
        """Does nothing: a list learns nothing from results."""


def _whole(space: Space, configuration: Configuration) -> dict[str, Value]:
    """With what is fixed, in the order and types of the space."""
    given = {**configuration}
    for name in space.absent_from(given):
        given[name] = space.fixed[name]
    space.validate(given)
    return space.nearest(given)
