"""The trials that a study's search is judged by: all, or of very many a sample drawn at random, which is said.

What is told from them (importance, boundaries, the luck of the best) needs thousands of trials, not all of a hundred thousand, from which
importance alone takes some ten seconds. Knows nothing of: what is told from them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from osetra.core.records import Trial

if TYPE_CHECKING:
    from osetra.study.handle import Study

MOST_JUDGED = 10_000


def judged_trials(study: "Study") -> tuple[Sequence[Trial], str]:
    """As the store keeps them (the lowest is best), best first, the best one always among them; and a sentence if they are a sample."""
    trials = study.store.sample_trials(study.name, best=1, drawn=MOST_JUDGED - 1)
    total = len(trials) if len(trials) < MOST_JUDGED else sum(study.store.count_trials(study.name).values())
    told = f"Told from {len(trials):,} of {total:,} trials, drawn at random." if len(trials) < total else ""
    return trials, told
