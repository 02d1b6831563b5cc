"""Metrics of images: one pass through the extractor, then every metric on its features.

``score_features`` measures two sets as a user asks; ``Scorer`` measures generated images as a
protocol prescribes, with reference features that are made once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from bench.data import ImageData
from bench.identity.protocol import ScoringProtocol
from bench.records.metric_names import MetricName
from bench.records.ranges import METRICS
from bench.records.record import Metric
from bench.score.copies import PIXEL_IMAGES, copy_rates, pixel_copies
from bench.score.extractors import load_extractor
from bench.score.features import Features, extract, reference_features
from bench.score.metrics import (
    TooFewImages,
    frechet_distance,
    inception_score,
    kernel_distance,
    precision_recall,
    require_images,
)
from bench.stats.sampling import feature_bias, frechet_error
from catalog.errors import InvalidInput
from catalog.schema import Extractor

MetricGroup = Literal["fid", "is", "kid", "prc"]
GROUPS: dict[MetricGroup, tuple[MetricName, ...]] = {
    "fid": ("fid",),
    "is": ("is",),
    "kid": ("kid",),
    "prc": ("precision", "recall", "f_score"),
}
BY_FEATURES: tuple[MetricName, ...] = ("copy_rate", "copy_rate_low", "copy_rate_high")
BY_PIXELS: tuple[MetricName, ...] = ("copy_rate_pixels", "nearest_ratio")


@dataclass(frozen=True)
class Settings:
    """Parameters of the metrics; the defaults are torch-fidelity's.

    Attributes:
        layer_isc: which layer the inception score reads, and so on for the others.
        prc_samples: precision and recall see at most so many first images of each side.
        rng_seed: seed of the metrics' own shuffles.
    """

    layer_isc: str
    layer_fid: str
    layer_kid: str
    layer_prc: str
    isc_splits: int = 10
    kid_subsets: int = 100
    kid_subset_size: int = 1000
    prc_neighborhood: int = 3
    prc_samples: int | None = None
    rng_seed: int = 2020


def score_features(
    group: MetricGroup, fake: Features, real: Features, settings: Settings
) -> dict[str, float]:
    """One group of metrics on features of generated and real images.

    Args:
        group: which metrics.
        fake: layer name to (N, d) float32 of the generated images.
        real: layer name to (M, d) float32 of the real ones; not looked at by ``is``.
        settings: parameters of all metrics.

    Returns:
        The group's metrics by name; ``is`` and ``kid`` come with ``is_std`` and ``kid_std``, the
        spread over their splits and subsets.

    Raises:
        TooFewImages: the group is not defined for so few images.
        InvalidInput: a result is not finite.
    """
    if group == "is":
        score = inception_score(
            fake[settings.layer_isc], splits=settings.isc_splits, rng_seed=settings.rng_seed
        )
        return {"is": score.mean, "is_std": score.spread}
    if group == "fid":
        return {"fid": frechet_distance(fake[settings.layer_fid], real[settings.layer_fid])}
    if group == "kid":
        distance = kernel_distance(
            fake[settings.layer_kid],
            real[settings.layer_kid],
            subsets=settings.kid_subsets,
            subset_size=settings.kid_subset_size,
            rng_seed=settings.rng_seed,
        )
        return {"kid": distance.mean, "kid_std": distance.spread}
    coverage = precision_recall(
        fake[settings.layer_prc][: settings.prc_samples],
        real[settings.layer_prc][: settings.prc_samples],
        neighborhood=settings.prc_neighborhood,
    )
    return dict(coverage._asdict())


class Scorer:
    """Measures sets of generated images against one data set under one protocol.

    Precision and recall take time and memory that grow with the square of the number of images, so
    with 50,000 of them the literature looks at 10,000 of each side (1904.06991, section 3): where
    the protocol has ``prc_samples``, they see the first ones alone.
    """

    def __init__(
        self,
        data: ImageData,
        protocol: ScoringProtocol,
        entry: Extractor,
        device: torch.device | str,
        weights: Path | None = None,
    ) -> None:
        """Load the extractor, and make or recall the features of the real images.

        Args:
            data: the protocol's data set.
            protocol: what is measured and how.
            entry: the protocol's extractor.
            device: where features are made.
            weights: file to read the extractor's weights from instead of the usual one.

        Raises:
            MissingPrerequisite: the extractor's weights are absent.
            InvalidInput: data or extractor are not those of the protocol.
        """
        expected = (protocol.extractor, protocol.extractor_sha256)
        _require_same("extractor", (entry.id, entry.sha256), expected)
        _require_same("data set", data.fingerprint, protocol.dataset_fingerprint)
        self.protocol = protocol
        self.device = device
        self.extractor = load_extractor(entry, device, weights)
        self.data = data
        self.features: dict[str, Features] = {}
        self.shape = data[protocol.reference_split].images.shape[1:]
        self.n_classes = len(data[protocol.reference_split].labels.unique())
        self.reference, self.held_out = (
            self._features_of(split)
            for split in (protocol.reference_split, protocol.held_out_split)
        )
        prescribed = protocol.model_dump(include={field.name for field in fields(Settings)})
        most = protocol.prc_samples or protocol.n_reference
        self.settings = Settings(**{**prescribed, "prc_samples": most})

    def _features_of(self, split: str) -> Features:
        if split not in self.features:
            self.features[split] = reference_features(
                self.data[split].images,
                self.extractor,
                self.protocol.batch_size,
                self.device,
                split,
            )
        return self.features[split]

    def score(
        self, images: Tensor, labels: Tensor | None = None, *, trained_on: str | None = None
    ) -> tuple[Metric, ...]:
        """All metrics of a record for (N, C, H, W) uint8 generated images.

        A metric that is not defined for so few images has no value, and says why.

        Args:
            images: in the order of their indices: metrics at equal n see the first ones.
            labels: (N,) int64, the class that each image was asked to be of. Where there are any,
                and the extractor's layer for the inception score has an output per class of the
                data set, the share of images of that class is measured as well.
            trained_on: the split of which they may be copies; the reference where it is None.

        Raises:
            InvalidInput: the images are not like the real ones, or a feature or result is not
                finite.
        """
        _require_same("shape of an image", tuple(images.shape[1:]), tuple(self.shape))
        source = "generated images"
        fake = extract(images, self.extractor, self.protocol.batch_size, self.device, source)
        metrics: list[Metric] = []
        for group in GROUPS:
            metrics += self._group(group, fake)
        return (
            *metrics,
            self._few("fid_equal_n", fake, self.reference),
            self._few("fid_held_out", fake, self.held_out),
            self._bias(fake),
            *self._copies(images, fake, trained_on or self.protocol.reference_split),
            *self._label_accuracy(fake, labels),
        )

    def _group(self, group: MetricGroup, fake: Features) -> list[Metric]:
        n_fake, n_real = len(fake[self.settings.layer_fid]), self.protocol.n_reference
        if group == "prc":
            most = self.protocol.prc_samples or n_real
            n_fake, n_real = min(most, n_fake), min(most, n_real)
        return _measured(
            GROUPS[group],
            lambda: (
                score_features(group, fake, self.reference, self.settings)
                | (self._error(fake) if group == "fid" else {})
            ),
            n_fake=n_fake,
            n_real=None if group == "is" else n_real,
        )

    def _error(self, fake: Features) -> dict[str, float]:
        layer = self.settings.layer_fid
        error = frechet_error(fake[layer].numpy(), self.reference[layer].numpy())
        return {} if error is None else {"fid_std": error}

    def _few(self, name: MetricName, fake: Features, real: Features) -> Metric:
        """Distance of as many first generated images as there are held-out ones."""
        layer = self.settings.layer_fid
        few = fake[layer][: len(self.held_out[layer])]
        n_real = len(real[layer])
        return _metric(name, lambda: frechet_distance(few, real[layer]), len(few), n_real)

    def _bias(self, fake: Features) -> Metric:
        features = fake[self.settings.layer_fid]

        def measure() -> float:
            require_images("the bias of FID", features, 2)
            return feature_bias(features.numpy())

        return _metric("fid_bias", measure, len(features), None)

    def _label_accuracy(self, fake: Features, labels: Tensor | None) -> list[Metric]:
        logits = fake[self.settings.layer_isc]
        if labels is None or logits.shape[1] != self.n_classes:
            return []
        _require_same("number of labels", len(labels), len(logits))
        right = (logits.argmax(dim=1) == labels.cpu()).double().mean().item()
        return [_metric("label_accuracy", lambda: right, len(logits), None)]

    def _copies(self, images: Tensor, fake: Features, trained_on: str) -> list[Metric]:
        made, train, held_out = (
            features[self.settings.layer_prc].to(self.device)
            for features in (fake, self._features_of(trained_on), self.held_out)
        )
        seen, new = (
            self.data[split].images for split in (trained_on, self.protocol.held_out_split)
        )
        first = [part[:PIXEL_IMAGES].to(self.device) for part in (images, new)]
        return [
            *_measured(
                BY_FEATURES,
                lambda: copy_rates(made, train, held_out)._asdict(),
                n_fake=len(made),
                n_real=len(train),
            ),
            *_measured(
                BY_PIXELS,
                lambda: pixel_copies(first[0], seen.to(self.device), first[1])._asdict(),
                n_fake=len(first[0]),
                n_real=len(seen),
            ),
        ]


def _metric(
    name: MetricName, measure: Callable[[], float], n_fake: int, n_real: int | None
) -> Metric:
    return _measured((name,), lambda: {name: measure()}, n_fake=n_fake, n_real=n_real)[0]


def _measured(
    names: tuple[MetricName, ...],
    measure: Callable[[], dict[str, float]],
    *,
    n_fake: int,
    n_real: int | None,
) -> list[Metric]:
    values: dict[str, float] = {}
    reason = None
    try:
        values = measure()
    except TooFewImages as error:
        reason = error.what
    return [
        Metric(
            name=name,
            value=values.get(name),
            missing_reason=reason,
            higher_is_better=METRICS[name].higher_is_better,
            spread=values.get(f"{name}_std"),
            n_fake=n_fake,
            n_real=n_real,
        )
        for name in names
    ]


def _require_same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise InvalidInput(f"{what} is {found}, the protocol scores {expected}")
