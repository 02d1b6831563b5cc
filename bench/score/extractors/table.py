"""The table of extractors, and how one is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from bench.identity.names import present_name
from bench.score.extractors import (
    digits_cnn,
    efficientnet_lite0,
    inception_v3_compat,
    pixel_identity,
    resnet_judge,
    shapes_judge,
    torch_fidelity_networks,
)
from bench.score.extractors.base import FeatureExtractor, hub_checkpoint, weights_file
from catalog.errors import InvalidInput
from catalog.schema import Extractor


class Loader(NamedTuple):
    """Functions that load an entry's extractor, and tell where its weights are expected."""

    load: Callable[[Extractor, Path | None], FeatureExtractor]
    place: Callable[[Extractor], Path] = weights_file


JUDGE = Loader(resnet_judge.load)
EXTRACTORS: dict[str, Loader] = {
    "celeba-64-judge": JUDGE,
    "cifar10-judge": JUDGE,
    "clip-vit-b-32": Loader(torch_fidelity_networks.load_clip, hub_checkpoint),
    "digits-cnn": Loader(digits_cnn.load),
    "dinov2-vit-b-14": Loader(torch_fidelity_networks.load_dinov2, hub_checkpoint),
    "efficientnet-lite0": Loader(efficientnet_lite0.load, efficientnet_lite0.weights_place),
    "fashion-mnist-judge": JUDGE,
    "folder-judge": JUDGE,
    "inception-v3-compat": Loader(inception_v3_compat.load, hub_checkpoint),
    "mnist-judge": JUDGE,
    "pixel-identity": Loader(pixel_identity.load),
    "shapes-judge": Loader(shapes_judge.load),
    "stl10-48-judge": JUDGE,
    "vgg16": Loader(torch_fidelity_networks.load_vgg16, hub_checkpoint),
}
"""Loaders of extractors by id in the registry."""


def load_extractor(
    entry: Extractor, device: torch.device | str, weights: Path | None = None
) -> FeatureExtractor:
    """The registered extractor on a device, frozen and in evaluation mode.

    Args:
        entry: its entry in the registry.
        device: where it is to run.
        weights: file to read instead of the usual one; it has to hold the same bytes.

    Raises:
        MissingPrerequisite: the weights file is absent.
        InvalidInput: there is no such extractor, the weights file is not the registered one or
            does not fit, or the registry names a layer that the extractor has not.
    """
    require_extractor(entry)
    extractor = EXTRACTORS[present_name("extractor", entry.id)].load(entry, weights)
    absent = sorted(set(entry.layers.values()) - set(extractor.layers))
    if absent:
        raise InvalidInput(
            f"{entry.id} has no layer '{absent[0]}'", hint=f"it has: {', '.join(extractor.layers)}"
        )
    return extractor.requires_grad_(False).eval().to(device)


def weights_place(entry: Extractor) -> Path | None:
    """Path at which an extractor's weights are expected; None for one without weights."""
    require_extractor(entry)
    loader = EXTRACTORS[present_name("extractor", entry.id)]
    return loader.place(entry) if entry.weights else None


def require_extractor(entry: Extractor) -> None:
    """Refuse an entry that is not in the table; InvalidInput names it."""
    if present_name("extractor", entry.id) not in EXTRACTORS:
        raise InvalidInput(f"the program has no extractor '{entry.id}'")
