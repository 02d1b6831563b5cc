"""Extractor ``inception-v3-compat``: torch-fidelity's port of the network of the original FID.

Its published weights are a pickle, the only one that this package ever reads. Size and sha256 are
checked on the very bytes that are then parsed.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from bench.extractors.base import FeatureExtractor, verified_weights
from catalog.schema import Extractor


class InceptionV3Compat(FeatureExtractor):
    """(B, 3, H, W) uint8, resized to 299 x 299, to ``2048`` and ``logits_unbiased`` (B, 1008)."""

    def __init__(self, name: str, layers: tuple[str, ...], sha256: str, weights: bytes) -> None:
        super().__init__(name, layers, sha256)
        self.net = FeatureExtractorInceptionV3(
            name, list(layers), feature_extractor_weights_path=BytesIO(weights)
        )

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, H, W) uint8 images."""
        return cast("dict[str, Tensor]", self.net.convert_features_tuple_to_dict(self.net(images)))


def weights_place(entry: Extractor) -> Path:
    """Where the weights are looked for: torch.hub's cache, as torch-fidelity does."""
    return Path(torch.hub.get_dir()) / "checkpoints" / str(entry.weights)


def load(entry: Extractor, weights: Path | None) -> FeatureExtractor:
    """The network with its verified weights, from a given file or torch.hub's cache."""
    content = verified_weights(weights or weights_place(entry), entry)
    layers = tuple(sorted(set(entry.layers.values())))
    return InceptionV3Compat(entry.id, layers, str(entry.sha256), content)
