"""Where a fine-tuning begins: weights of an earlier training in place of freshly drawn ones.

A network keeps what fits, tensor by tensor: the same name, the same shape. What does not fit, such
as the layers for another resolution or a critic that the earlier model had none of, stays as it was
drawn. Optimisers and averages begin anew.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from catalog.errors import InvalidInput


@torch.no_grad()
def take_over(model: nn.Module, weights: Mapping[str, Tensor]) -> tuple[int, int]:
    """Copy every tensor of ``weights`` that fits into ``model``, running statistics included.

    Args:
        model: freshly initialised.
        weights: a state dict of an earlier model, of this algorithm or of another.

    Returns:
        How many trainable scalars came over, and how many stayed as they were drawn.

    Raises:
        InvalidInput: not one parameter fits.
    """
    state = model.state_dict(keep_vars=True)
    fitting = {name for name, tensor in state.items() if _fits(tensor, weights.get(name))}
    trained = {id(state[n]): state[n] for n in state if isinstance(state[n], nn.Parameter)}
    taken = {id(state[name]) for name in fitting} & trained.keys()
    if not taken:
        raise InvalidInput(
            "no parameter of the earlier run fits this model, so there is nothing to go on from",
            hint="both need an algorithm, a width and a resolution in common",
        )
    for name in fitting:
        state[name].copy_(weights[name])
    n_taken = sum(trained[one].numel() for one in taken)
    return n_taken, sum(one.numel() for one in trained.values()) - n_taken


def _fits(own: Tensor, other: Tensor | None) -> bool:
    return other is not None and (own.shape, own.dtype) == (other.shape, other.dtype)
