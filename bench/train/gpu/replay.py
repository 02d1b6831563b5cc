"""An update recorded once as a CUDA graph and replayed: one launch instead of hundreds.

A recorded update reads and writes fixed addresses. So images and labels are copied into buffers of
its own; learning rates are tensors on the device, which are filled before a replay; and what a
replay hands out is copied, since the next one writes over it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from bench.models.base import Batch

Groups = Sequence[dict[str, Any]]


class RecordedUpdate:
    """One update as a CUDA graph.

    Recording runs no kernel and changes no weight. Random numbers advance with every replay, as the
    default generator of the device takes part in the recording.

    Args:
        update: from a batch to losses.
        batch: of the right shape and memory format; copied.
        groups: of all optimisers, each with a rate; after recording they are as they were, so that
            a checkpoint looks the same with and without a graph.

    Raises:
        RuntimeError: CUDA refuses to record the update. Random generator and groups are then as
            they were.
    """

    def __init__(
        self, update: Callable[[Batch], dict[str, Tensor]], batch: Batch, groups: Groups
    ) -> None:
        device = batch.images.device
        self._batch = Batch(batch.images.clone(), batch.labels.clone())
        self._rates = [torch.zeros((), device=device) for _ in groups]
        self._filled: list[float] = []
        self._graph = torch.cuda.CUDAGraph()
        with (
            torch.cuda.device(device),
            torch.cuda.stream(torch.cuda.current_stream(device)),  # back to it if recording fails
            _recordable(groups, self._rates),
            _random_state_kept(device),
            torch.cuda.graph(self._graph, stream=torch.cuda.Stream(device)),
        ):
            self._losses = update(self._batch)

    def __call__(self, batch: Batch, rates: list[float]) -> dict[str, Tensor]:
        """Update once on a batch, with one learning rate per group; returns the losses."""
        if rates != self._filled:
            for tensor, rate in zip(self._rates, rates, strict=True):
                tensor.fill_(rate)
            self._filled = rates
        for buffer, tensor in zip(self._batch, batch, strict=True):
            buffer.copy_(tensor)
        self._graph.replay()
        return {name: loss.clone() for name, loss in self._losses.items()}


@contextmanager
def _recordable(groups: Groups, rates: Sequence[Tensor]) -> Iterator[None]:
    """Within it optimisers take their rates from tensors and may be recorded."""
    before = [(group["lr"], group.get("capturable", False)) for group in groups]
    for group, rate in zip(groups, rates, strict=True):
        group["lr"], group["capturable"] = rate, True
    try:
        yield
    finally:
        for group, (rate, capturable) in zip(groups, before, strict=True):
            group["lr"], group["capturable"] = rate, capturable


@contextmanager
def _random_state_kept(device: torch.device) -> Iterator[None]:
    """Put the device's generator back if recording fails.

    A recording that is broken off leaves the generator in a state in which it draws no more.
    """
    index = device.index if device.index is not None else torch.cuda.current_device()
    generator = torch.cuda.default_generators[index]
    before = generator.clone_state()
    try:
        yield
    except RuntimeError:
        generator.graphsafe_set_state(before)
        raise
