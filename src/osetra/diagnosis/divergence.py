"""Which region of the space diverges, said from the trials that did.

Knows nothing of: why a trial diverged.
"""

from collections.abc import Sequence

from osetra.core.records import Trial, TrialState


def diverging_region(trials: Sequence[Trial]) -> str | None:
    """A sentence on the learning rates that diverged, or None if none did."""
    diverged = [trial for trial in trials if trial.state is TrialState.DIVERGED]
    if not diverged:
        return None
    share = f"{len(diverged)} of {len(trials)} trials diverged"
    rates = [float(trial.configuration["learning_rate"]) for trial in diverged if "learning_rate" in trial.configuration]
    kept = [
        float(trial.configuration["learning_rate"])
        for trial in trials
        if trial.state in (TrialState.FINISHED, TrialState.STOPPED) and "learning_rate" in trial.configuration
    ]
    if not rates:
        return f"{share}."
    if kept and min(rates) > max(kept):
        return f"{share}: all with a learning rate above {max(kept):.2g}, and none below it."
    return f"{share}, at learning rates from {min(rates):.2g} to {max(rates):.2g}; other settings there did not."
