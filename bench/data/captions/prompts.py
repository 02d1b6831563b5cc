"""Captions as tensors: draws one for each label, and knows which classes have any to draw."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bench.data.captions.base import Captions


class Prompts(nn.Module):
    """The encoded captions of one kind, trained or held out, ordered by class.

    Holds no weights; its tables move with the model and are not saved.

    Args:
        captions: of the data set.
        chosen: the captions of a class that may be drawn: ``captions.trained`` or ``.unseen``.
    """

    tokens: Tensor
    first: Tensor
    counts: Tensor
    classes: Tensor

    def __init__(self, captions: Captions, chosen: Callable[[int], tuple[str, ...]]) -> None:
        super().__init__()
        texts = [chosen(label) for label in range(len(captions.of_class))]
        rows = [captions.encode(text) for group in texts for text in group]
        counts = torch.tensor([len(group) for group in texts])
        tables = {
            "tokens": torch.tensor(rows, dtype=torch.int64).view(-1, captions.length),
            "first": counts.cumsum(0) - counts,  # row of a class's first caption
            "counts": counts,
            "classes": counts.nonzero().flatten(),
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def draw(self, labels: Tensor, uniforms: Tensor) -> Tensor:
        """Draw a caption (N, length) per label (N,), evenly in its class; uniforms (N,) in [0, 1).

        Every label must be of a class that has captions of this kind.
        """
        counts = self.counts[labels]
        # a float32 below 1 may still round up to the count when multiplied
        index = torch.minimum((uniforms * counts).long(), counts - 1)
        return self.tokens[self.first[labels] + index]

    def spread(self, labels: Tensor) -> Tensor:
        """Replace labels (N,) by ones that have captions; no change if every class has some."""
        return self.classes[labels % len(self.classes)]
