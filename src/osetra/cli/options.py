"""Options and arguments that several verbs take, each written once.

    def best(study: StudyArgument = None, store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None: ...

The parameter's name becomes the option's, unless the alias gives one. A default belongs to the verb.
Knows nothing of: what is done with them.
"""

from pathlib import Path
from typing import Annotated

import typer

# Of most verbs.
StoreOption = Annotated[str, typer.Option(help="Where studies are kept: a file or a URL.", envvar="OSETRA_STORE")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]

# Which study, which trial, which model.
StudyArgument = Annotated[str | None, typer.Argument(help="Name of a study; the newest if left out.")]
OneStudyArgument = Annotated[str, typer.Argument(metavar="STUDY", help="Name of a study.")]
TrialArgument = Annotated[int, typer.Argument(metavar="TRIAL", min=0, help="Number of a trial.")]
ModelArgument = Annotated[Path, typer.Argument(help="The folder that fit left and named.")]
WhyOption = Annotated[str, typer.Option(help="Why, for those who look at it later.")]

# The data: what is read of them ...
DataArgument = Annotated[Path, typer.Argument(help="A table or images, as for fit.")]
DataOption = Annotated[Path | None, typer.Option(help="Where the study's data lie now.  [default: where they were]")]
TargetOption = Annotated[list[str] | None, typer.Option(help="Column to predict; repeat for several (regression).")]
TaskOption = Annotated[str | None, typer.Option(help="binary, multiclass or regression.  [default: inferred from the target]")]
DropOption = Annotated[list[str] | None, typer.Option(help="Column to leave out. Repeatable.")]
WeightsOption = Annotated[str | None, typer.Option(help="Column of row weights >= 0, in the cost and in every error.")]
ClassWeightOption = Annotated[str | None, typer.Option(help="What mistakes on classes cost in training: balanced, or such as yes=3,no=1.")]

# ... and how they are parted.
SizesOption = Annotated[str | None, typer.Option(help="Train,dev,test as shares or rows, such as 0.8,0.1,0.1.  [default: by rows]")]
GroupsOption = Annotated[str | None, typer.Option(help="Column whose groups never span parts.")]
TimeOption = Annotated[str | None, typer.Option(help="Column of times: later rows are dev and test.")]
DevOption = Annotated[Path | None, typer.Option(help="A table of its own for dev, with the same columns.")]
NoTestOption = Annotated[bool, typer.Option("--no-test", help="Keep no test part: its rows train.")]

# The search: what bounds it, and what it goes through.
BudgetOption = Annotated[str | None, typer.Option(help="Time to spend, such as 60s or 10m.  [default: 60s if nothing is bounded]")]
TrialsOption = Annotated[int | None, typer.Option(help="Train this many configurations.")]
EpochsOption = Annotated[int | None, typer.Option(help="Spend this many epochs, over all trials.")]
EpochsPerTrialOption = Annotated[int | None, typer.Option(help="Longest training of one trial.  [default: by the data]")]
PatienceOption = Annotated[int | None, typer.Option(help="End a trial after so many epochs without a better one; 0: never.")]
NoFinalsOption = Annotated[bool, typer.Option("--no-finals", help="Do not train the best anew with fresh seeds.")]
SpaceOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Edit the space: NAME=VALUE or NAME=RANGE, such as learning_rate='log(1e-4, 0.1)'. Repeatable."),
]
WorkersOption = Annotated[int | None, typer.Option(help="Trials trained side by side.  [default: the cores]")]
