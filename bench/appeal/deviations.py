"""What the authors of a number may plausibly have done otherwise, the most usual first.

Why a published FID is not reached is mostly one of these: another reference file, fewer images,
another resize, images stored as JPEG, weights that were not averaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from bench.appeal.claim import Claim, Resize, StatedProtocol
from bench.appeal.passes import BARE, size_read_by
from bench.appeal.search import Deviation
from bench.appeal.subject import Drawn, SampleSet, sliced, splits_of
from bench.appeal.way import Way
from bench.records.appeal_record import ALIASED, AXES, Axis
from catalog.schema import Registry

COUNTS = (100, 200, 250, 500, 1000, 2000, 2500, 5000, 10_000, 20_000, 25_000, 30_000, 50_000)
"""Numbers of images that people choose."""
QUALITIES = (95, 90, 75, 50)
"""Of JPEG: Pillow's default is 75."""
SPLITS = (1, 5, 10, 20)
NEIGHBOURS = (3, 5, 10)
SUBSETS = (100, 250, 500, 1000)
FACTORS = (100.0, 1000.0)
TRUNCATIONS = (0.5, 0.7, 1.0, 2.0)
FILTERS = (
    Resize(filter="bilinear"),
    Resize(filter="bilinear", antialias=False),
    Resize(filter="bicubic"),
    Resize(filter="bicubic", antialias=False),
    Resize(filter="nearest"),
    Resize(filter="box"),
    Resize(filter="lanczos"),
)
NO_JPEG = "PNG"


@dataclass(frozen=True)
class Case:
    """What deviations depend on.

    Attributes:
        claim: whose number does not come out.
        subject: what it is about.
        way: the stated one.
        n_reference: images of the reference; None where there are none, or their statistics alone.
        layers: of the judge.
        registry: data sets and protocols.
    """

    claim: Claim
    subject: SampleSet | Drawn
    way: Way
    n_reference: int | None
    layers: tuple[str, ...]
    registry: Registry

    def deviations(self) -> list[Deviation]:
        """All that apply to the claim's metric and images."""
        kinds = (
            *(self._of_images(), self._of_pixels(), self._of_resize(), self._of_judge()),
            *(self._of_model(), self._of_metric()),
        )
        return sorted(chain(*kinds), key=lambda one: AXES.index(one.axis))

    def _one(self, axis: Axis, stated: object, tried: object, **changes: Any) -> Deviation:
        return Deviation(
            axis, _text(stated), _text(tried), changes, contradicts=self._said(axis, tried)
        )

    def _said(self, axis: Axis, tried: object) -> bool:
        """Whether the authors state what is done otherwise."""
        said = self.claim.protocol
        if axis == "rounded":
            return said.resize is not None and "rounded" in said.resize.model_fields_set
        if isinstance(tried, Resize):  # those who name a filter rarely say whether it widens
            stated = said.resize
            aliased = stated is not None and "antialias" in stated.model_fields_set
            return stated is not None and (aliased or stated.filter != tried.filter)
        return axis in StatedProtocol.model_fields and getattr(said, axis) is not None

    def _of_images(self) -> Iterator[Deviation]:
        way, n_real = self.way, self.n_reference
        for name in self._references():
            yield self._one("reference", way.reference, name, reference=name, n_reference=None)
        counts = {*COUNTS, self.subject.n, n_real or 0}
        for n in sorted(counts):
            if 2 <= n <= self.subject.n and n != way.n_images:
                yield self._one("n_images", way.n_images, n, n_images=n)
        if n_real is not None:
            for n in sorted({*COUNTS, way.n_images}):
                if 2 <= n < n_real and n != way.n_reference:
                    yield self._one("n_reference", way.n_reference or n_real, n, n_reference=n)
        if self.subject.labels is not None:
            other = "balanced" if way.labels == "as-given" else "as-given"
            yield self._one("labels", way.labels, other, labels=other)

    def _references(self) -> Iterator[str]:
        splits = splits_of(self.way.reference or "", self.registry)
        if splits is None:
            return
        name, stated = splits
        _, first = sliced(str(self.way.reference))
        ending = "" if first is None else f"[:{first}]"
        known = list(self.registry.dataset(name).splits)
        alone = [(split,) for split in known]
        for one in alone if first else [*alone, tuple(known)]:
            if set(one) != set(stated):
                yield f"{name}:{'+'.join(one)}{ending}"

    def _of_pixels(self) -> Iterator[Deviation]:
        way, subject = self.way, self.subject
        for quality in (*QUALITIES, None):
            if quality != way.jpeg:
                yield self._one("jpeg", way.jpeg or NO_JPEG, quality or NO_JPEG, jpeg=quality)
        if subject.is_float:
            for rounding in ("floor", "round", "truncate"):
                if rounding != way.rounding:
                    yield self._one("rounding", way.rounding, rounding, rounding=rounding)
        grey = subject.n_channels == 1
        if not grey or way.extractor == BARE:
            usual: int = 1 if grey else 3
            tried = 4 - (way.channels or usual)
            changed = None if tried == usual else tried
            yield self._one("channels", way.channels or usual, tried, channels=changed)

    def _of_judge(self) -> Iterator[Deviation]:
        way = self.way
        for name in self._judges():
            layer = self.registry.extractor(name).layers[_kind(self.claim.metric)]
            yield self._one("extractor", way.extractor, name, extractor=name, layer=layer)
        if self.claim.metric != "is":
            for layer in self.layers:
                if layer != way.layer:
                    yield self._one("layer", way.layer, layer, layer=layer)

    def _of_resize(self) -> Iterator[Deviation]:
        usual = self.way.resize
        if usual is None:
            return
        shrinks = usual.to is not None and min(self.subject.size) > usual.to
        changed = [
            one.model_copy(update={"to": usual.to, "rounded": usual.rounded})
            for one in FILTERS
            if shrinks or one.antialias or one.filter == "bicubic"
        ]
        for resize in changed:
            if resize != usual:
                yield self._one("resize", usual, resize, resize=resize)
                if self.n_reference is not None:
                    changes = {"reference_resize": resize}
                    yield self._one("reference_resize", usual, resize, **changes)
        other = usual.model_copy(update={"rounded": not usual.rounded})
        yield self._one("rounded", usual.rounded, other.rounded, resize=other)

    def _judges(self) -> Iterator[str]:
        """Other judges that have a protocol for the reference's data set, and read its size."""
        splits = splits_of(self.way.reference or self.subject.name, self.registry)
        if splits is None:
            return
        names = {one.extractor for one in self.registry.protocols if one.dataset == splits[0]}
        for name in sorted(names - {self.way.extractor}):
            size = size_read_by(self.registry.extractor(name))
            if self.way.resize is None or self.way.resize.to == size:
                yield name

    def _of_model(self) -> Iterator[Deviation]:
        way, subject = self.way, self.subject
        if not isinstance(subject, Drawn):
            return
        for weights in subject.weights:
            if weights != way.weights:
                yield self._one("weights", way.weights, weights, weights=weights)
        if subject.has_batch_norm:
            other = "train" if way.batch_norm == "eval" else "eval"
            yield self._one("batch_norm", way.batch_norm, other, batch_norm=other)
        bounds = () if "truncation" in subject.cannot else (*TRUNCATIONS, None)
        for bound in bounds:
            if bound != way.truncation:
                yield self._one("truncation", way.truncation, bound, truncation=bound)

    def _of_metric(self) -> Iterator[Deviation]:
        way, metric = self.way, self.claim.metric
        if metric == "is":
            for splits in SPLITS:
                if splits != way.isc_splits:
                    yield self._one("isc_splits", way.isc_splits, splits, isc_splits=splits)
        elif metric == "fid":
            other = "n" if way.covariance == "n-1" else "n-1"
            yield self._one("covariance", way.covariance, other, covariance=other)
            yield self._one("root", way.root, not way.root, root=not way.root)
        elif metric == "kid":
            yield from self._of_kernel()
        else:
            yield from self._of_neighbours()
        if metric not in ("fid", "is"):
            for factor in FACTORS:
                if factor != way.factor:
                    yield self._one("factor", way.factor, factor, factor=factor)

    def _of_neighbours(self) -> Iterator[Deviation]:
        way = self.way
        for k in NEIGHBOURS:
            if k != way.prc_neighborhood:
                yield self._one("prc_neighborhood", way.prc_neighborhood, k, prc_neighborhood=k)
        if self.claim.metric != "f_score":
            yield self._one("swapped", way.swapped, not way.swapped, swapped=not way.swapped)

    def _of_kernel(self) -> Iterator[Deviation]:
        way = self.way
        yield self._one(
            "kid_biased", way.kid_biased, not way.kid_biased, kid_biased=not way.kid_biased
        )
        most = min(way.n_images, self.n_reference or way.n_images)
        for size in sorted({*SUBSETS, most}):
            if size <= most and size != min(way.kid_subset_size, most):
                yield self._one("kid_subset_size", way.kid_subset_size, size, kid_subset_size=size)


def _kind(metric: str) -> Any:
    return {"fid": "fid", "is": "isc", "kid": "kid"}.get(metric, "prc")


def _text(value: object) -> str:
    """A value for people, in any language."""
    if isinstance(value, Resize):
        aliased = "" if value.antialias or value.filter == "nearest" else ALIASED
        return f"{value.filter}{aliased}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else "–" if value is None else str(value)
