"""What the REST API takes: commands to a trial or a study.

Knows nothing of: who carries them out.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, JsonValue, RootModel, StrictBool, StrictInt

_MOST = 2**31 - 1


def _whole(given: Any) -> Any:
    """JSON knows no whole numbers: 10.0 is 10."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


_FROM_JSON = BeforeValidator(_whole)
Text: TypeAlias = Annotated[str, Field(strict=True, max_length=1000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Name: TypeAlias = Annotated[str, Field(strict=True, min_length=1, max_length=100, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Setting: TypeAlias = StrictBool | Annotated[StrictInt, Field(ge=-_MOST, le=_MOST)] | Annotated[FiniteFloat, Field(strict=True)] | Text
_NO_OTHERS: dict[str, JsonValue] = {"additionalProperties": False}
Settings: TypeAlias = Annotated[dict[Name, Setting], Field(json_schema_extra=_NO_OTHERS)]
Epoch: TypeAlias = Annotated[StrictInt, Field(ge=0, le=_MOST), _FROM_JSON] | Literal["best"]


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    why: Text = Field("", description="For those who look at it later", examples=["the curve has flattened"])

    def detail(self) -> dict[str, Any]:
        """As the store keeps it."""
        return self.model_dump(exclude={"kind", "why"}, exclude_none=True)


class SetOrder(_Order):
    """From the next epoch on these settings."""

    kind: Literal["set"]
    settings: Annotated[Settings, Field(min_length=1, json_schema_extra=_NO_OTHERS, examples=[{"learning_rate": 0.001}])]


class PauseOrder(_Order):
    """Stand still at the end of the epoch."""

    kind: Literal["pause"]


class ContinueOrder(_Order):
    """Go on."""

    kind: Literal["continue"]


class StopOrder(_Order):
    """Be over; the study goes on."""

    kind: Literal["stop"]


class ExtendOrder(_Order):
    """So many epochs more."""

    kind: Literal["extend"]
    epochs: Annotated[StrictInt, Field(ge=1, le=_MOST, examples=[10]), _FROM_JSON]


class RollbackOrder(_Order):
    """Back to the end of an earlier epoch, and on from there."""

    kind: Literal["rollback"]
    epoch: Annotated[Epoch, Field(examples=["best"])]


class BranchOrder(_Order):
    """A new trial that begins as this one was at the end of an epoch, by default where it is now."""

    kind: Literal["branch"]
    epoch: Epoch | None = Field(None, examples=[12])
    settings: Settings = Field(default_factory=dict, json_schema_extra=_NO_OTHERS, examples=[{"learning_rate": 0.001}])


class TrialOrder(
    RootModel[
        Annotated[
            SetOrder | PauseOrder | ContinueOrder | StopOrder | ExtendOrder | RollbackOrder | BranchOrder, Field(discriminator="kind")
        ]
    ]
):
    """A command to a trial that trains."""


class EndOrder(_Order):
    """Have the study end, as Ctrl-C does: the best so far is kept, and it can be resumed."""


class EditOrder(_Order):
    """An edit of the space, for the trials to come."""

    edits: Annotated[
        dict[Name, Text],
        Field(min_length=1, json_schema_extra=_NO_OTHERS, examples=[{"learning_rate": "log(1e-4, 0.1)", "optimizer": "adam"}]),
    ]
