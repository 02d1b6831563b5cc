"""Extractors ``vgg16``, ``clip-vit-b-32`` and ``dinov2-vit-b-14``, as torch-fidelity has them.

torch-fidelity's own classes resize, normalise and run; here weights are only verified and handed to
them. Its DINOv2 comes as code from a repository, which is never fetched or run: a network of our
own takes its place. None of the three sorts images into classes, so there is no inception score.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from bench.score.extractors.base import (
    FeatureExtractor,
    hub_checkpoint,
    pickled_tensors,
    verified_weights,
)
from bench.score.extractors.vision_transformer import VisionTransformer
from catalog.errors import InvalidInput
from catalog.schema import Extractor

if TYPE_CHECKING:
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase

Make = Callable[[Path, bytes, Extractor, list[str]], "FeatureExtractorBase"]


class TorchFidelityNetwork(FeatureExtractor):
    """(B, 3, H, W) uint8 of any size to the layers of a network of torch-fidelity, (B, d)."""

    def __init__(
        self, name: str, layers: tuple[str, ...], sha256: str, net: FeatureExtractorBase
    ) -> None:
        super().__init__(name, layers, sha256)
        self.net = net

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, H, W) uint8 images."""
        return cast("dict[str, Tensor]", self.net.convert_features_tuple_to_dict(self.net(images)))


def load_vgg16(entry: Extractor, weights: Path | None) -> FeatureExtractor:
    """VGG-16 of torchvision, layers ``fc2`` and ``fc2_relu`` (B, 4096)."""
    return _loaded(entry, weights, ("fc2", "fc2_relu"), _vgg16)


def load_clip(entry: Extractor, weights: Path | None) -> FeatureExtractor:
    """The image half of CLIP, layer ``clip`` (B, 512)."""
    return _loaded(entry, weights, ("clip",), _clip)


def load_dinov2(entry: Extractor, weights: Path | None) -> FeatureExtractor:
    """DINOv2, layer ``dinov2`` (B, 768)."""
    return _loaded(entry, weights, ("dinov2",), _dinov2)


def _loaded(
    entry: Extractor, weights: Path | None, layers: tuple[str, ...], make: Make
) -> FeatureExtractor:
    """The network with its verified weights, from a given file or torch.hub's cache.

    Raises:
        MissingPrerequisite: the file is absent.
        InvalidInput: it is not the registered one, does more than hold tensors, or holds those of
            another network; or the registry names a layer that the network has not.
    """
    path = weights or hub_checkpoint(entry)
    content = verified_weights(path, entry)
    asked = sorted(set(entry.layers.values()))
    unknown = sorted(set(asked) - set(layers))
    if unknown:
        raise InvalidInput(
            f"{entry.id} has no layer '{unknown[0]}'", hint=f"it has: {', '.join(layers)}"
        )
    try:
        net = make(path, content, entry, asked)
    except (RuntimeError, ValueError, LookupError, AttributeError) as error:
        first = str(error).partition("\n")[0]
        raise InvalidInput(f"{path}: not the weights of {entry.id}", where=first) from error
    return TorchFidelityNetwork(entry.id, tuple(asked), str(entry.sha256), net)


def _vgg16(path: Path, content: bytes, entry: Extractor, layers: list[str]) -> FeatureExtractorBase:
    from torch_fidelity.feature_extractor_vgg16 import FeatureExtractorVGG16

    # torch-fidelity unpickles whatever it is given, so it is given a pickle made here.
    safe = BytesIO()
    torch.save(pickled_tensors(path, content), safe)
    safe.seek(0)
    return FeatureExtractorVGG16(entry.id, layers, feature_extractor_weights_path=safe)


def _clip(_: Path, content: bytes, entry: Extractor, layers: list[str]) -> FeatureExtractorBase:
    from torch_fidelity.feature_extractor_clip import FeatureExtractorCLIP

    # An archive of TorchScript, whose tensors alone are taken over: nothing in it is called.
    archive = BytesIO(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of TorchScript's age
        return FeatureExtractorCLIP(entry.id, layers, feature_extractor_weights_path=archive)


def _dinov2(
    path: Path, content: bytes, entry: Extractor, layers: list[str]
) -> FeatureExtractorBase:
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase
    from torch_fidelity.feature_extractor_dinov2 import FeatureExtractorDinoV2

    net = FeatureExtractorDinoV2.__new__(FeatureExtractorDinoV2)  # its constructor fetches code
    FeatureExtractorBase.__init__(net, entry.id, layers)
    net.feature_extractor_internal_dtype = torch.float32
    net.model = VisionTransformer.of(pickled_tensors(path, content))
    return net
