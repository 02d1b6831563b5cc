"""One process that scores a folder of PNG files against another with torch-fidelity.

The stock ``fidelity`` command cannot be given a feature network of one's own, so this does what it
would do: register the network, call ``calculate_metrics`` on the two folders, print the result.
"""

from __future__ import annotations

import json
import sys

import torch
from torch import Tensor
from torch_fidelity import calculate_metrics, register_feature_extractor
from torch_fidelity.feature_extractor_base import FeatureExtractorBase

from bench.score.extractors import load_extractor
from catalog.read.loader import load_registry

REGISTRY = load_registry()
PROTOCOL = REGISTRY.protocol("digits-10k")
LAYERS = REGISTRY.extractor("digits-cnn").layers


class DigitsCNN(FeatureExtractorBase):
    """The project's extractor in torch-fidelity's clothes."""

    def __init__(self, name: str, features_list: list[str], **_: object) -> None:
        super().__init__(name, features_list)
        self.network = load_extractor(REGISTRY.extractor("digits-cnn"), "cpu")

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return ("grid", "logits")

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return LAYERS[metric]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        features = self.network(images)
        return tuple(features[name] for name in self.features_list)


if __name__ == "__main__":
    torch.set_num_threads(1)
    register_feature_extractor("digits-cnn", DigitsCNN)
    metrics = calculate_metrics(
        input1=sys.argv[1],
        input2=sys.argv[2],
        feature_extractor="digits-cnn",
        cuda=False,
        batch_size=PROTOCOL.batch_size,
        isc=True,
        fid=True,
        kid=True,
        prc=True,
        isc_splits=PROTOCOL.isc_splits,
        kid_subsets=PROTOCOL.kid_subsets,
        kid_subset_size=PROTOCOL.kid_subset_size,
        prc_neighborhood=PROTOCOL.prc_neighborhood,
        rng_seed=PROTOCOL.rng_seed,
        verbose=False,
        cache=False,
    )
    print(json.dumps(metrics))
