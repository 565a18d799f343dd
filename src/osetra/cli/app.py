"""The command line: which verbs there are, and how errors leave.

    exit codes: 0 done; 1 our own mistake (with a traceback), the reader of our output went away, or `check` found a gradient suspect or
                wrong; 2 something given cannot be used; 130 interrupted by Ctrl-C (but 0 where `fit` could keep the best so far)
                those that steer a trial (`set`, `pause` ...): 10 the command waits still and is carried out
                `retest`: 0 still best, 10 no longer distinguishable, 11 beaten; `due`: 0 nothing is due, 10 something is

Verbs and their options are in `cli.verbs`; the work of each is imported when it runs, so `osetra --help` answers at once.
Knows nothing of: what the verbs do.
"""

import errno
import io
import os
import sys
from typing import Annotated, NoReturn

import typer

from osetra.cli.verbs import checks, judging, models, reading, serving, steering, training
from osetra.core.errors import OsetraError

app = typer.Typer(
    name="osetra",
    help="Give it data: it returns a trained, tuned neural network.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

VERBS = {
    "fit": training.fit,
    "resume": training.resume,
    "plan": training.plan,
    "studies": reading.studies,
    "trials": reading.trials,
    "show": reading.show,
    "best": reading.best,
    "diagnose": judging.diagnose,
    "retest": judging.retest,
    "due": judging.due,
    "watch": reading.watch,
    "space": reading.space,
    "set": steering.set_trial,
    "pause": steering.pause,
    "continue": steering.proceed,
    "stop": steering.stop,
    "extend": steering.extend,
    "rollback": steering.rollback,
    "branch": steering.branch,
    "replay": steering.replay,
    "lineage": reading.lineage,
    "report": reading.report,
    "predict": models.predict,
    "score": models.score,
    "export": models.export,
    "check": checks.check,
    "range": checks.learning_rate_range,
    "ui": serving.ui,
    "upgrade": serving.upgrade,
    "doctor": checks.doctor,
}
"""In the order that help lists them."""

for _name, _verb in VERBS.items():
    app.command(name=_name)(_verb)


def main() -> None:
    """Run the command; a user's mistake is one message on stderr and exit code 2, never a traceback."""
    # What the terminal cannot show is written out instead of being an error.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            app(prog_name="osetra")
        finally:
            sys.stdout.flush()
    except OsetraError as error:
        _refuse(str(error))
    except OSError as error:
        # One without a file name is a stream's: our output could not be written.
        if error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EPIPE:
            sys.exit(1)
        _refuse(f"the output needs a place that can be written, got: {error.strerror}; free some space or name another")


def _refuse(message: str) -> NoReturn:
    from osetra.cli.screen import printable

    print(f"osetra: {printable(message)}", file=sys.stderr)  # noqa: T201
    sys.exit(2)


def _version(asked: bool) -> None:
    if asked:
        from osetra import __version__

        typer.echo(f"osetra {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")] = False,
) -> None:
    """Give it data: it returns a trained, tuned neural network."""
