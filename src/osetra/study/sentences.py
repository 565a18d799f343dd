"""What a search says of its way, as it goes.

Knows nothing of: what searches say, who hears it.
"""

from osetra.core.ports import Search


def sentences_of(search: Search) -> list[str]:
    """All so far, such as `after 40 trials: learning_rate 0.0003 .. 0.002`; none of a search that says nothing."""
    return list(getattr(search, "sentences", ()))


class Unsaid:
    """What a search has said since it was last asked for, made to stand alone."""

    def __init__(self, search: Search) -> None:
        self._search, self._said = search, 0

    def take(self) -> list[str]:
        sentences = sentences_of(self._search)
        new, self._said = sentences[self._said :], len(sentences)
        return [f"{sentence[:1].upper()}{sentence[1:]}." for sentence in new]
