"""The images that a score record is about, drawn from a trained model; always the same ones."""

from __future__ import annotations

from torch import Tensor

from bench.data import ImageData
from bench.identity.protocol import ScoringProtocol
from bench.records.record import RunSubject
from bench.sample.image_sets import RECONSTRUCTION
from bench.sample.trained_model import TrainedModel


def draw_subject(
    subject: RunSubject, model: TrainedModel, data: ImageData, protocol: ScoringProtocol
) -> Tensor:
    """All images of a subject, (N, C, H, W) uint8 on the CPU.

    Raises:
        UsageError: the model has no such sampler, or no averaged weights.
        NonFiniteImages: a pixel is NaN or infinite.
    """
    if subject.sampler == RECONSTRUCTION:
        return model.reconstruct(data[protocol.held_out_split].images, ema=subject.ema)
    return model.sample(subject.sampler, protocol.n_fake, seed=subject.seed, ema=subject.ema)
