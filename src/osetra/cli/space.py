"""The verb `space`: what a study searches, how that came about, and edits of it while it runs."""

from collections.abc import Sequence

from osetra.cli.reading import open_study
from osetra.cli.screen import output, print_json, say
from osetra.core.errors import SpaceError


def run_space(name: str | None, store: str, *, edits: Sequence[str], why: str, as_json: bool) -> None:
    """Print a study's space, with its history if it was edited; with `edits`, NAME=VALUE or NAME=RANGE, have who runs it edit it."""
    from osetra.study.steer import Steer

    study = open_study(name, store)
    console = output()
    if edits:
        answered = Steer(study, None).ask("edit", {"edits": dict(_edit(text) for text in edits)}, why=why)
        if as_json:
            print_json({"study": study.name, "answer": answered.answer, "state": str(answered.state)})
        else:
            say(console, f"{answered.answer or 'It waits, and is carried out soon'}.")
        return
    history = study.facts.get("space_history")
    if as_json:
        print_json({"study": study.name, "space": study.space.to_dict(), "history": history})
        return
    console.print(study.space.describe(), markup=False, highlight=False)
    if history is not None:
        from osetra.space.history import SpaceHistory

        console.print(SpaceHistory.from_dict(history).describe(), markup=False, highlight=False)


def _edit(text: str) -> tuple[str, str]:
    name, equals, entry = text.partition("=")
    if not equals or not name.strip():
        raise SpaceError(f"--set must be NAME=VALUE or NAME=RANGE, got {text!r}; for example learning_rate='log(1e-4, 0.1)'")
    return name.strip(), entry
