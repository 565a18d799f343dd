"""Randomness that is keyed, never shared.

Every random number follows from (study seed, trial number, purpose, epoch) and from nothing else: not from timing, not from the
worker, not from how many trials run beside it.

Knows nothing of: what the bits are used for.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

STUDY_WIDE = -1
"""The trial number of draws that belong to the study as a whole, such as its split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """The source of all randomness of one trial (or, with `trial` left out, of a study)."""

    study: int
    trial: int = STUDY_WIDE

    def key(self, purpose: str, epoch: int = 0) -> np.uint64:
        """64 bits for a counter-based generator in compiled code; the same for ever for the same arguments."""
        return np.frombuffer(self._digest(purpose, epoch, size=8), dtype="<u8")[0]

    def generator(self, purpose: str, epoch: int = 0) -> np.random.Generator:
        """A NumPy generator (Philox, Salmon et al. 2011) for draws made outside compiled code."""
        digest = self._digest(purpose, epoch, size=16)
        return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))

    def _digest(self, purpose: str, epoch: int, *, size: int) -> bytes:
        text = f"{self.study}/{self.trial}/{purpose}/{epoch}"
        return hashlib.blake2b(text.encode(), digest_size=size).digest()
