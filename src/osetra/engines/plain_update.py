"""The plain engine's updates: torch.optim where it means the same as ours, by hand in torch where it does not.

    by torch.optim    gd, momentum_sum, nesterov (SGD), rmsprop, adam, adamw
    by hand           momentum (torch has no (1-beta) form), adam and adamw without bias correction

Knows nothing of: networks, losses, batches.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from osetra.core.errors import MissingExtra
from osetra.engines.port import Hyperparameters, Member

if TYPE_CHECKING:
    from torch import Tensor


def import_torch() -> Any:
    """The torch module. Raises MissingExtra where it is not installed."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra('the plain engine needs PyTorch, which is not installed; pip install "osetra[torch]"') from error
    return torch


def optimizer(member: Member, parameters: "dict[str, Tensor]", *, decay: float) -> Callable[[float], None]:
    """Give a function of the rate that makes one update of the parameters along their gradients, with the moments of the member's state.

    `decay` is lambda/m, which adamw takes off the weights directly; `member.state.step` counts this update already.
    """
    torch = import_torch()
    h, state, layout = member.hyperparameters, member.state, member.layout
    m = {name: torch.from_numpy(layout.view(state.first_moment, name)) for name in parameters}
    s = {name: torch.from_numpy(layout.view(state.second_moment, name)) for name in parameters}
    adam_like = h.optimizer in ("adam", "adamw")
    # torch.optim knows no (1 - beta) in momentum and no Adam without correction, and keeps no v where momentum is 0.
    if h.optimizer == "momentum" or (h.optimizer in ("momentum_sum", "nesterov") and h.momentum == 0):
        return _momentum_by_hand(member, parameters, m)
    if adam_like and not h.bias_correction:
        return _uncorrected_adam_by_hand(h, parameters, m, s, decay=decay)
    options: dict[str, Any]
    if h.optimizer == "rmsprop":
        kind, options = torch.optim.RMSprop, {"alpha": h.beta2, "eps": h.eps}
    elif adam_like:
        kind, options = torch.optim.Adam if h.optimizer == "adam" else torch.optim.AdamW, {"betas": (h.beta1, h.beta2), "eps": h.eps}
    else:
        kind = torch.optim.SGD
        options = {"momentum": 0.0 if h.optimizer == "gd" else h.momentum, "nesterov": h.optimizer == "nesterov"}
    decays = {True: decay if h.optimizer == "adamw" else 0.0, False: 0.0}
    groups = [
        {"params": [p for name, p in parameters.items() if name.startswith("W") is is_weight], "weight_decay": decays[is_weight]}
        for is_weight in (True, False)
    ]
    by_torch = kind(groups, lr=0.0, **options)
    for name, parameter in parameters.items():
        step = torch.tensor(float(state.step))
        if h.optimizer in ("momentum_sum", "nesterov"):
            by_torch.state[parameter] = {"momentum_buffer": m[name]}
        elif h.optimizer == "rmsprop":
            by_torch.state[parameter] = {"step": step, "square_avg": s[name]}
        elif adam_like:
            by_torch.state[parameter] = {"step": step, "exp_avg": m[name], "exp_avg_sq": s[name]}

    def update(rate: float) -> None:
        for group in by_torch.param_groups:
            group["lr"] = rate
        by_torch.step()

    return update


def _momentum_by_hand(member: Member, parameters: dict[str, Any], m: "dict[str, Tensor]") -> Callable[[float], None]:
    """Make v = beta v + (1-beta) g and w -= rate v / (1 - beta^t); with beta 0 every kind of momentum is this."""
    h = member.hyperparameters

    def update(rate: float) -> None:
        correction = 1 - h.momentum**member.state.step if h.bias_correction else 1.0
        for name, parameter in parameters.items():
            m[name].copy_(h.momentum * m[name] + (1 - h.momentum) * parameter.grad)
            parameter.data -= rate * m[name] / correction

    return update


def _uncorrected_adam_by_hand(
    h: Hyperparameters, parameters: dict[str, Any], m: "dict[str, Tensor]", s: "dict[str, Tensor]", *, decay: float
) -> Callable[[float], None]:
    """Make w -= rate m / (sqrt(s) + eps), and for adamw w -= rate decay w."""

    def update(rate: float) -> None:
        for name, parameter in parameters.items():
            m[name].copy_(h.beta1 * m[name] + (1 - h.beta1) * parameter.grad)
            s[name].copy_(h.beta2 * s[name] + (1 - h.beta2) * parameter.grad**2)
            shrink = rate * decay if h.optimizer == "adamw" and name.startswith("W") else 0.0
            parameter.data.copy_((1 - shrink) * parameter.data - rate * m[name] / (s[name].sqrt() + h.eps))

    return update
