"""How a study stands, in a word and its colour; of one whose process was killed, also when it was last heard of and how it goes on."""

import shlex
from typing import TYPE_CHECKING

from osetra.cli import DEFAULT_STORE
from osetra.core.records import Study, StudyState
from osetra.report import words

if TYPE_CHECKING:
    from osetra.study.heard import Heard

STYLE = {
    str(StudyState.RUNNING): "cyan",
    str(StudyState.FINISHED): "green",
    str(StudyState.STOPPED): "yellow",
    str(StudyState.FAILED): "red",
    words.BROKEN_OFF: "red",
}


def why(study: Study, heard: "Heard", store: str) -> str:
    """What is to be said beside the state, if anything; `store` goes with the command that goes on with it."""
    if not heard.has_broken_off:
        return study.reason or heard.sentence
    suffix = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
    return f"{heard.sentence}; {words.gone(study.task, f'osetra resume {shlex.quote(study.name)}{suffix}')}"
