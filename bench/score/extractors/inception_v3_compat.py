"""Extractor ``inception-v3-compat``: torch-fidelity's port of the network of the original FID.

Its published weights are a pickle. Size and sha256 are checked on the very bytes that are then
parsed, and parsing makes tensors and plain containers only: the sha256 comes from a registry, and a
registry may come from anybody.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from bench.score.extractors.base import (
    FeatureExtractor,
    hub_checkpoint,
    pickled_tensors,
    verified_weights,
)
from catalog.errors import InvalidInput
from catalog.schema import Extractor

LAYERS = ("64", "192", "768", "2048", "logits_unbiased", "logits")


class InceptionV3Compat(FeatureExtractor):
    """(B, 3, H, W) uint8, resized to 299 x 299, to ``2048`` and ``logits_unbiased`` (B, 1008)."""

    def __init__(
        self, name: str, layers: tuple[str, ...], sha256: str, weights: dict[str, Any]
    ) -> None:
        super().__init__(name, layers, sha256)
        # Slow to import, and most scores are of other extractors.
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        # torch-fidelity unpickles whatever it is given, so it is given a pickle made here.
        safe = BytesIO()
        torch.save(weights, safe)
        safe.seek(0)
        self.net = FeatureExtractorInceptionV3(
            name, list(layers), feature_extractor_weights_path=safe
        )

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, H, W) uint8 images."""
        return cast("dict[str, Tensor]", self.net.convert_features_tuple_to_dict(self.net(images)))


def load(entry: Extractor, weights: Path | None) -> FeatureExtractor:
    """The network with its verified weights, from a given file or torch.hub's cache.

    Raises:
        InvalidInput: the file does more than hold tensors, or they are of another network.
    """
    path = weights or hub_checkpoint(entry)
    state = pickled_tensors(path, verified_weights(path, entry))
    layers = tuple(sorted(set(entry.layers.values())))
    unknown = sorted(set(layers) - set(LAYERS))
    if unknown:
        raise InvalidInput(
            f"{entry.id} has no layer '{unknown[0]}'", hint=f"it has: {', '.join(LAYERS)}"
        )
    try:
        return InceptionV3Compat(entry.id, layers, str(entry.sha256), state)
    except RuntimeError as error:
        raise InvalidInput(f"{path}: not the weights of {entry.id}", where=str(error)) from error
