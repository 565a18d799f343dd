"""How a study that breaks off is left in its store.

Knows nothing of: why it broke off.
"""

from dataclasses import replace
from datetime import UTC, datetime

from osetra.core.ports import Store
from osetra.core.records import StudyState


def close_record(store: Store, name: str, error: BaseException) -> None:
    """Have the study say how it ended, unless it does."""
    current = store.study(name)
    if current.state is StudyState.RUNNING:
        is_interrupt = isinstance(error, KeyboardInterrupt)
        state, reason = (StudyState.STOPPED, "interrupted") if is_interrupt else (StudyState.FAILED, str(error) or type(error).__name__)
        store.update_study(replace(current, state=state, reason=reason, finished=datetime.now(UTC)))
