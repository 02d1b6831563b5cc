"""Scores of large sets: what compares every image with every other sees the first ones alone.

Precision and recall take time and memory that grow with the square of the number of images, so with
50,000 of them the literature looks at 10,000 of each side (1904.06991, section 3).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from bench.data import ImageData
from bench.identity.protocol import ScoringProtocol
from bench.records.record import Metric
from bench.score.features import Features
from bench.score.scorer import MetricGroup, Scorer
from catalog.schema import Extractor


class SubsetScorer(Scorer):
    """A scorer for protocols with ``prc_samples``."""

    def __init__(
        self,
        data: ImageData,
        protocol: ScoringProtocol,
        entry: Extractor,
        device: torch.device | str,
        weights: Path | None = None,
    ) -> None:
        super().__init__(data, protocol, entry, device, weights)
        self.settings = replace(self.settings, prc_samples=protocol.prc_samples)

    def _group(self, group: MetricGroup, fake: Features) -> list[Metric]:
        found = super()._group(group, fake)
        if group != "prc":
            return found
        most = self.protocol.prc_samples or self.protocol.n_reference
        n_fake = min(most, len(fake[self.settings.layer_prc]))
        n_real = min(most, self.protocol.n_reference)
        return [metric.model_copy(update={"n_fake": n_fake, "n_real": n_real}) for metric in found]
