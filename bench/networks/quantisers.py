"""Quantisers: from a grid of real vectors to a grid of codes, with a gradient that passes through.

A quantiser has a fixed number of codes. In training it may move its codes; in evaluation it is a
function of its input alone. Positions are counted in raster order, image after image.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss


class Quantised(NamedTuple):
    """Output of a quantiser for a grid (N, D, h, w).

    Attributes:
        grid: codes (N, D, h, w); its gradient goes to the encoder as if nothing had been rounded.
        indices: the code of every position, (M,) int64 with M = N h w.
        commitment: mean squared distance between the encoder's output and its codes, a scalar;
            zero for a quantiser that needs no such term.
    """

    grid: Tensor
    indices: Tensor
    commitment: Tensor


class Quantiser(nn.Module, ABC):
    """Contract of quantisers; ``n_codes`` is the size of the vocabulary of a prior."""

    n_codes: int

    @abstractmethod
    def forward(self, grid: Tensor) -> Quantised:
        """Quantise the encoder's output (N, D, h, w)."""

    @abstractmethod
    def indices(self, vectors: Tensor) -> Tensor:
        """The code of every vector, (M, D) to (M,) in 0 .. n_codes - 1."""

    @abstractmethod
    def lookup(self, indices: Tensor) -> Tensor:
        """Vectors (M, D) that the decoder sees for codes (M,)."""


def as_vectors(grid: Tensor) -> Tensor:
    """Grid (N, D, h, w) to vectors (N h w, D) in raster order."""
    return grid.permute(0, 2, 3, 1).flatten(0, 2)


def as_grid(vectors: Tensor, side: int) -> Tensor:
    """Vectors (N side side, D) of square grids back to (N, D, side, side); N may be 0."""
    n = len(vectors) // side**2
    return vectors.view(n, side, side, vectors.shape[1]).permute(0, 3, 1, 2)


class AveragedCodebook(Quantiser):
    """Codes that follow the average of the vectors assigned to them, 1711.00937 appendix A.1.

    Args:
        n_codes: K.
        code_dim: D.
        decay: of counts and sums; a code is their smoothed quotient.
        restart_below: a code whose averaged count per batch falls below this is put on a vector
            of the batch; 0 lets unused codes be.
    """

    codes: Tensor
    counts: Tensor
    sums: Tensor
    started: Tensor
    smoothing = 1.0e-5

    def __init__(
        self, n_codes: int, code_dim: int, decay: float, restart_below: float = 0.0
    ) -> None:
        super().__init__()
        self.n_codes = n_codes
        self.decay = decay
        self.restart_below = restart_below
        self.register_buffer("codes", torch.randn(n_codes, code_dim) / n_codes)
        self.register_buffer("counts", torch.ones(n_codes))
        self.register_buffer("sums", self.codes.clone())
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    def forward(self, grid: Tensor) -> Quantised:
        """Nearest codes of (N, D, h, w); in training the codebook then moves, 1711.00937 eq. 3."""
        vectors = as_vectors(grid).detach()
        if self.training and not self.started:
            self.start(vectors)
        indices = self.indices(vectors)
        quantised = as_grid(self.lookup(indices), grid.shape[2])
        commitment = mse_loss(grid, quantised)
        if self.training:
            self.update(vectors, indices)
            self.restart(vectors)
        return Quantised(grid + (quantised - grid).detach(), indices, commitment)

    def indices(self, vectors: Tensor) -> Tensor:
        """Index of the nearest code of every vector, (M, D) to (M,)."""
        # ||v - c||^2 without the term that is the same for all codes
        distances = self.codes.square().sum(1) - 2.0 * vectors @ self.codes.T  # (M, K)
        return distances.argmin(1)

    def lookup(self, indices: Tensor) -> Tensor:
        """Codes (M, D) by their indices (M,)."""
        return self.codes[indices]

    @torch.no_grad()
    def update(self, vectors: Tensor, indices: Tensor) -> None:
        """Move counts, sums and codes towards one batch of vectors (M, D) and their codes (M,)."""
        n_codes = len(self.codes)
        counts = torch.bincount(indices, minlength=n_codes).to(vectors.dtype)
        sums = torch.zeros_like(self.sums).index_add_(0, indices, vectors)
        self.counts.lerp_(counts, 1.0 - self.decay)
        self.sums.lerp_(sums, 1.0 - self.decay)
        total = self.counts.sum()
        smoothed = (self.counts + self.smoothing) / (total + n_codes * self.smoothing) * total
        self.codes.copy_(self.sums / smoothed[:, None])

    @torch.no_grad()
    def start(self, vectors: Tensor) -> None:
        """Begin at vectors drawn from the first batch, so that no code starts out of reach."""
        chosen = torch.randint(len(vectors), (len(self.codes),), device=vectors.device)
        self.codes.copy_(vectors[chosen])
        self.counts.fill_(len(vectors) / len(self.codes))
        self.sums.copy_(self.codes * self.counts[:, None])
        self.started.fill_(True)

    @torch.no_grad()
    def restart(self, vectors: Tensor) -> None:
        """Put codes that are hardly used on vectors (M, D) drawn from the batch.

        An encoder that moves away from its first outputs leaves most codes behind: their averages
        fade at one rate, so they never move again, and no vector is nearest to them.
        """
        if self.restart_below == 0.0:
            return  # without drawing random numbers
        chosen = torch.randint(len(vectors), (len(self.codes),), device=vectors.device)
        dead = self.counts < self.restart_below
        self.codes.copy_(torch.where(dead[:, None], vectors[chosen], self.codes))
        # the smallest count of a code in use, so that it has time to find vectors of its own
        self.counts.masked_fill_(dead, self.restart_below)
        alive_sums = self.codes * self.restart_below
        self.sums.copy_(torch.where(dead[:, None], alive_sums, self.sums))


class FiniteScalar(Quantiser):
    """Every channel is bounded and rounded to a few levels (Mentzer et al. 2023, 2309.15505).

    The codebook is the product of the levels and is never stored: it has nothing to learn, no
    auxiliary loss and no averages.

    Args:
        levels: number of values of each channel, at least two; their product is ``n_codes``.
    """

    levels: Tensor
    half_range: Tensor
    offset: Tensor
    basis: Tensor
    margin = 1.0e-3
    """Distance of the bound beyond the outermost levels, so that both can be rounded to."""

    def __init__(self, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.n_codes = math.prod(levels)
        counts = torch.tensor(levels)
        half_range = (counts - 1) * (1.0 + self.margin) / 2.0
        self.register_buffer("levels", counts, persistent=False)
        self.register_buffer("half_range", half_range, persistent=False)
        # an even number of levels has no middle: they are -L/2 .. L/2 - 1
        self.register_buffer("offset", torch.where(counts % 2 == 0, 0.5, 0.0), persistent=False)
        self.register_buffer("basis", torch.cumprod(counts, 0) // counts, persistent=False)

    def forward(self, grid: Tensor) -> Quantised:
        """Rounded values of (N, D, h, w), which need no commitment."""
        bounded = self.bound(as_vectors(grid))
        rounded = bounded + (bounded.round() - bounded).detach()
        values = as_grid(rounded / self._scale, grid.shape[2])
        return Quantised(values, self._index(bounded.detach().round()), grid.new_zeros(()))

    def bound(self, vectors: Tensor) -> Tensor:
        """Squash (M, D) so that rounding gives ``levels`` values, 2309.15505 section 3.1.

        Zero stays zero: the shift of the paper's listing undoes the offset at the origin.
        """
        shift = torch.atanh(self.offset / self.half_range)
        return torch.tanh(vectors + shift) * self.half_range - self.offset

    def indices(self, vectors: Tensor) -> Tensor:
        """Mixed-radix number of the rounded levels, (M, D) to (M,)."""
        return self._index(self.bound(vectors).round())

    def lookup(self, indices: Tensor) -> Tensor:
        """Values in -1 .. 1 by their indices, (M,) to (M, D)."""
        digits = indices[:, None] // self.basis % self.levels
        return (digits - self.levels // 2) / self._scale

    @property
    def _scale(self) -> Tensor:
        return (self.levels // 2).to(self.half_range)

    def _index(self, rounded: Tensor) -> Tensor:
        digits = rounded.to(torch.int64) + self.levels // 2  # each 0 .. L - 1
        return (digits * self.basis).sum(1)
