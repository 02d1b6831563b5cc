"""Two sets of images that a user names, compared outside of any suite, with all settings told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor

from bench.identity.digest import sha256_of_arrays
from bench.score.extractors import FeatureExtractor
from bench.score.features import extract, reference_features
from bench.score.metrics import Side, TooFewImages
from bench.score.scorer import GROUPS, MetricGroup, Settings, score_features
from catalog.errors import InvalidInput, UsageError

BATCH_SIZE = 64


def metric_groups(text: str) -> list[MetricGroup]:
    """Groups of metrics from their names with commas between, in the order of ``GROUPS``.

    Raises:
        UsageError: one is unknown.
    """
    wanted = {part.strip() for part in text.split(",")}
    unknown = wanted - set(GROUPS)
    if unknown:
        shown = ", ".join(sorted(f"'{name}'" for name in unknown))
        raise UsageError(f"no metric is called {shown}", hint=f"choose from {','.join(GROUPS)}")
    return [group for group in GROUPS if group in wanted]


def compare(
    images: Mapping[Side, Tensor],
    sources: Mapping[Side, str],
    groups: Sequence[MetricGroup],
    network: FeatureExtractor,
    settings: Settings,
    device: torch.device,
) -> dict[str, float]:
    """Metrics of generated images, (N, C, H, W) uint8, against real ones if there are any.

    Args:
        images: by side; without real ones only ``is`` can be measured.
        sources: what the user called them, for messages.
        groups: which metrics.
        network: makes the features.
        settings: parameters of all metrics.
        device: where the network is.

    Raises:
        InvalidInput: the two sets differ in size, or one is too small for a metric.
    """
    if "real" in images and images["real"].shape[2:] != images["generated"].shape[2:]:
        fake, real = images["generated"].shape[2:], images["real"].shape[2:]
        raise InvalidInput(
            f"{sources['generated']}: images are {fake[0]} x {fake[1]},"
            f" the real ones of {sources['real']} are {real[0]} x {real[1]}"
        )
    fakes = extract(images["generated"], network, BATCH_SIZE, device, sources["generated"])
    reals = fakes
    if "real" in images:
        reals = reference_features(images["real"], network, BATCH_SIZE, device, sources["real"])
    values: dict[str, float] = {}
    for group in groups:
        try:
            values |= score_features(group, fakes, reals, settings)
        except TooFewImages as error:
            raise InvalidInput(f"{sources[error.side]}: {error.what}") from None
    return values


def protocol_of(
    images: Mapping[Side, Tensor],
    network: FeatureExtractor,
    settings: Settings,
    device: torch.device,
) -> dict[str, Any]:
    """All settings that decide the numbers of ``compare``, so that they can be made again."""
    sets = {
        side: {"n_images": len(tensor), "sha256": sha256_of_arrays(tensor.numpy())}
        for side, tensor in images.items()
    }
    return {
        "images": sets,
        "extractor": network.name,
        "extractor_sha256": network.sha256,
        **asdict(settings),
        "grey_to_rgb": "repeat",
        "tf32": False,
        "batch_size": BATCH_SIZE,
        "device": device.type,
        "torch_fidelity": version("torch-fidelity"),
    }
