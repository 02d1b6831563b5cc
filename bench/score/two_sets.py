"""What a user names, compared outside of any suite, with all settings told.

Generated images are compared with real ones, or with statistics of real ones that a file holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.identity.digest import sha256_of_arrays
from bench.outside.statistics import ReferenceStatistics, StatisticsStamp, read_statistics
from bench.score.extractors import FeatureExtractor
from bench.score.features import extract, reference_features
from bench.score.metrics import Side, TooFewImages, distance_to_statistics
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
    return _measured(groups, sources, lambda group: score_features(group, fakes, reals, settings))


def known_statistics(
    path: Path,
    images: Tensor,
    source: str,
    network: FeatureExtractor,
    settings: Settings,
    device: torch.device,
) -> ReferenceStatistics:
    """The statistics of a file, if an extractor's features of ``images`` may meet them.

    One image is looked at, so that a file of another network is refused before all others are.

    Raises:
        InvalidInput: naming the file, or the images that are of no use to the extractor.
    """
    layer = settings.layer_fid
    [features] = extract(images[:1], network, 1, device, source)[layer]
    found = read_statistics(path, len(features), network.name)
    found.require_made_by(network.name, network.sha256, layer)
    return found


def compare_with_statistics(
    images: Tensor,
    sources: Mapping[Side, str],
    groups: Sequence[MetricGroup],
    network: FeatureExtractor,
    settings: Settings,
    device: torch.device,
    known: ReferenceStatistics,
) -> dict[str, float]:
    """Metrics of generated images, (N, C, H, W) uint8, against what a file says of real ones.

    Raises:
        InvalidInput: there are too few images for a metric.
        UsageError: a metric needs the features of the real images, and the file holds none.
    """
    without = sorted(group for group in groups if group not in measurable(known))
    if without:
        raise UsageError(
            f"{known.path} holds mean and covariance alone: no {' or '.join(without)}",
            hint="--metrics fid, or a file that aigc bench stats --features wrote",
        )
    fakes = extract(images, network, BATCH_SIZE, device, sources["generated"])
    reals = fakes
    if known.features is not None:
        of_file = torch.from_numpy(known.features)
        reals = dict.fromkeys((settings.layer_fid, settings.layer_kid, settings.layer_prc), of_file)

    def measure(group: MetricGroup) -> dict[str, float]:
        if group == "fid":
            of_fakes = fakes[settings.layer_fid]
            return {"fid": distance_to_statistics(of_fakes, known.mu, known.sigma)}
        return score_features(group, fakes, reals, settings)

    return _measured(groups, sources, measure)


def statistics_of(
    images: Tensor, source: str, network: FeatureExtractor, layer: str, device: torch.device
) -> tuple[NDArray[np.float32], StatisticsStamp]:
    """Features of (N, C, H, W) uint8 real images, (N, d), and the stamp for a file of them.

    Raises:
        InvalidInput: the images are of no use to the extractor.
    """
    features = reference_features(images, network, BATCH_SIZE, device, source)[layer].numpy()
    stamp = StatisticsStamp(
        extractor=network.name,
        extractor_sha256=network.sha256,
        layer=layer,
        n_images=len(images),
        images_sha256=sha256_of_arrays(images.numpy()),
        batch_size=BATCH_SIZE,
        device=device.type,
        torch=torch.__version__,
        torch_fidelity=version("torch-fidelity"),
    )
    return features, stamp


def measurable(known: ReferenceStatistics) -> tuple[MetricGroup, ...]:
    """Groups of metrics that a file of statistics is enough for."""
    return ("fid", "is") if known.features is None else tuple(GROUPS)


def _measured(
    groups: Sequence[MetricGroup],
    sources: Mapping[Side, str],
    measure: Callable[[MetricGroup], dict[str, float]],
) -> dict[str, float]:
    values: dict[str, float] = {}
    for group in groups:
        try:
            values |= measure(group)
        except TooFewImages as error:
            raise InvalidInput(f"{sources[error.side]}: {error.what}") from None
    return values


def protocol_of(
    images: Mapping[Side, Tensor],
    network: FeatureExtractor,
    settings: Settings,
    device: torch.device,
    known: ReferenceStatistics | None = None,
) -> dict[str, Any]:
    """All settings that decide the numbers of ``compare``, so that they can be made again."""
    sets = {
        side: {"n_images": len(tensor), "sha256": sha256_of_arrays(tensor.numpy())}
        for side, tensor in images.items()
    }
    told: dict[str, Any] = {}
    if known is not None:
        made_by = None if known.stamp is None else known.stamp.model_dump()
        told = {"statistics": {"sha256": known.sha256, "stamp": made_by}}
    return {
        "images": sets,
        **told,
        "extractor": network.name,
        "extractor_sha256": network.sha256,
        **asdict(settings),
        "grey_to_rgb": "repeat",
        "tf32": False,
        "batch_size": BATCH_SIZE,
        "device": device.type,
        "torch_fidelity": version("torch-fidelity"),
    }
