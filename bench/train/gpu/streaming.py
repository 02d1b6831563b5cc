"""Where images wait for their turn: on the device if they fit, else on the host.

Every kind of batch here holds the same indices and the same pixels as ``ShuffledBatches``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.data.dataset import ImageSplit, to_unit_range
from bench.models.base import Batch, FitsAfterTraining
from bench.train.batches import ShuffledBatches
from bench.train.loop import Trainer

LARGEST_SHARE = 0.25
"""Of a device's free memory, for uint8 images: whatever is fitted to the whole split after training
sees it as float32, four times as many bytes."""


def fits_on(device: torch.device, split: ImageSplit, share: float = LARGEST_SHARE) -> bool:
    """Whether a split may be kept on a device: it takes at most ``share`` of the free memory.

    The host always holds it, so on a CPU the answer is yes.
    """
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return n_bytes(split) <= share * free


def n_bytes(split: ImageSplit) -> int:
    """Memory that images and labels of a split take."""
    return sum(t.numel() * t.element_size() for t in (split.images, split.labels))


class ResidentBatches(ShuffledBatches):
    """Batches of a split on a CUDA device, with each epoch's order there as well.

    ``ShuffledBatches`` copies the positions of every batch from pageable memory, for which the host
    waits until the device is done with all that came before.
    """

    def _epoch(self, epoch: int) -> Tensor:
        if epoch not in self._epochs:
            order = super()._epoch(epoch).pin_memory()
            self._epochs = {epoch: order.to(self.split.images.device, non_blocking=True)}
        return self._epochs[epoch]


class StreamedBatches(ShuffledBatches):
    """Batches of a split on the host, copied to the device one at a time.

    What is copied to CUDA is first gathered in pinned memory, so that the host need not wait; the
    allocator of pinned memory hands none out again before its copy is over. The split itself is not
    pinned: gathering reads it with the processor, and pinned pages are lost to everything else.

    Args:
        split: on the host.
        device: where batches are wanted.
    """

    def __init__(self, split: ImageSplit, batch_size: int, seed: int, device: torch.device) -> None:
        super().__init__(split, batch_size, seed)
        self.device = device

    def batch(self, step: int) -> Batch:
        """What one step sees, on the device."""
        indices = self.indices(step)
        images = to_unit_range(self._send(self.split.images, indices))
        images = images.contiguous(memory_format=torch.channels_last)
        return Batch(images, self._send(self.split.labels, indices))

    def _send(self, source: Tensor, indices: Tensor) -> Tensor:
        pinned = self.device.type == "cuda"
        shape = (len(indices), *source.shape[1:])
        staged = torch.empty(shape, dtype=source.dtype, device="cpu", pin_memory=pinned)
        torch.index_select(source, 0, indices, out=staged)
        return staged.to(self.device, non_blocking=True)


class StreamingTrainer(Trainer):
    """A ``Trainer`` whose split may be on another device than its model.

    What is fitted after training needs the whole split on the model's device all the same.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.device = next(self.model.parameters()).device
        self.streamed = self.split.images.device != self.device
        size = self.batches.batch_size
        if self.streamed:
            self.batches = StreamedBatches(self.split, size, self.seed, self.device)
        elif self.device.type == "cuda":
            self.batches = ResidentBatches(self.split, size, self.seed)

    def _finish(self) -> None:
        if self.streamed and isinstance(self.model, FitsAfterTraining):
            self.split = self.split.to(self.device)
        super()._finish()
