"""An appeal is heard: the stated protocol first, then what may have been done otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from bench.appeal import parameters
from bench.appeal.arithmetic import Reading, Real, drawn, measured
from bench.appeal.claim import ReadClaim, Resize
from bench.appeal.deviations import Case
from bench.appeal.passes import Passes, size_read_by
from bench.appeal.search import Deviation, Ground, Search, by_chance, by_plausibility
from bench.appeal.subject import Drawn, ImageSets, parts_of, subject_of
from bench.appeal.way import Way
from bench.outside.statistics import holds_statistics, read_statistics
from bench.records.appeal_record import AppealRecord, Tried, Verdict
from bench.score.extractors import require_extractor
from bench.score.metrics import TooFewImages
from catalog.errors import InvalidInput, UsageError
from catalog.schema import Registry

TOLERANCE = 1e-3
"""Relative: what libraries differ by in decoding, resizing and square roots of matrices."""
LIBRARIES = ("torch", "torch-fidelity", "numpy", "scipy", "pillow")
LAYER_OF = {"fid": "fid", "is": "isc", "kid": "kid"}


def heard(
    read: ReadClaim,
    registry: Registry,
    device: torch.device,
    tell: Callable[[str], None] = lambda _: None,
) -> AppealRecord:
    """Measure what a claim is about, and say whether and how its number comes out.

    Args:
        read: the claim and its file.
        registry: data sets, judges and networks.
        device: where images are drawn and judged.
        tell: is given a line before each pass of images through a judge.

    Raises:
        InvalidInput: the claim asks for what its images, judge or network do not have, or names a
            data set, a split, a judge or a variant that is unknown.
        MissingPrerequisite: a data set, weights or statistics are absent.
    """
    if read.claim.metric == "parameters":
        return _counted(read, registry)
    return _Scored(read, registry, device, tell).record()


class _Scored:
    """A claim about images, with all that is made once for it."""

    def __init__(
        self,
        read: ReadClaim,
        registry: Registry,
        device: torch.device,
        tell: Callable[[str], None],
    ) -> None:
        self.read = read
        self.claim = read.claim
        self.registry = registry
        self.sets = ImageSets(registry, device)
        self.passes = Passes(registry, device, tell)
        with _field(read, "protocol.extractor"):
            self.entry = registry.extractor(str(self.claim.protocol.extractor))
        require_extractor(self.entry)
        self.judge = self.passes.judge(self.entry.id)
        with _field(read, "about.samples" if self.claim.about.run is None else "about.run"):
            self.subject = subject_of(self.claim, self.sets)
        self._references: dict[str, Tensor] = {}
        reference = self.claim.reference
        self._is_statistics = reference is not None and holds_statistics(Path(reference))
        self.way = self._stated()
        if reference is not None and not self._is_statistics:
            with _field(read, "reference"):  # before any image passes through a judge
                for part in parts_of(reference, registry):
                    self._real(part)

    def record(self) -> AppealRecord:
        ground = Ground(self.claim.interval, TOLERANCE)
        try:
            stated = self._over_draws(self.way)
        except TooFewImages as error:
            raise InvalidInput(f"{self.read.file}: {error.what}") from None
        # Draws of another way are taken to differ as much as those of the stated one.
        relative = stated.half_width / abs(stated.value) if stated.value else 0.0

        def measure(way: Way) -> Reading:
            found = self._measured(way, self.subject.draws[0])
            if len(self.subject.draws) == 1:
                return found
            return Reading(found.value, max(found.half_width, relative * abs(found.value)))

        search = Search(ground, self.way, measure, lambda: self.passes.n, self._is_free)
        return _judged(self.read, stated, search, self._deviations, self._facts())

    def _deviations(self) -> list[Deviation]:
        named = self.way.reference is not None and not self._is_statistics
        n = len(self._real(str(self.way.reference))) if named else None
        return Case(
            self.claim, self.subject, self.way, n, self.judge.layers, self.registry
        ).deviations()

    def _facts(self) -> dict[str, str | None]:
        return {
            "about": self.subject.name,
            "extractor": self.entry.id,
            "extractor_sha256": self.entry.sha256,
            "images_sha256": self.subject.sha256,
        }

    def _stated(self) -> Way:
        """The claim's protocol with everything filled in."""
        said, subject = self.claim.protocol, self.subject
        layer = said.layer or self.entry.layers[LAYER_OF.get(self.claim.metric, "prc")]  # type: ignore[index]
        if layer not in self.judge.layers:
            raise InvalidInput(
                f"{self.read.file}: {self.entry.id} has no layer '{layer}'",
                hint=f"it has: {', '.join(self.judge.layers)}",
            )
        if said.n_images is not None and said.n_images > subject.n:
            raise InvalidInput(
                f"{self.read.file}: the claim is of {said.n_images:,} images,"
                f" {subject.name} has {subject.n:,}",
                hint="name all the images, or state n_images as it was",
            )
        way = Way(
            extractor=self.entry.id,
            layer=layer,
            n_images=said.n_images or subject.n,
            n_reference=said.n_reference,
            reference=self.claim.reference,
            resize=self._resize(said.resize),
            channels=said.channels,
        )
        if isinstance(subject, Drawn):
            if stated := [key for key in subject.cannot if getattr(said, key) is not None]:
                raise InvalidInput(
                    f"{self.read.file}: protocol.{stated[0]}: {subject.name} was loaded, and its"
                    " convention settles this",
                    hint=f"leave {', '.join(stated)} out; aigc bench load states a convention",
                )
            if said.batch_norm == "train" and not subject.has_batch_norm:
                raise InvalidInput(
                    f"{self.read.file}: protocol.batch_norm: {subject.name} has no batch norm",
                    hint="leave batch_norm out",
                )
            way = replace(way, weights=said.weights or subject.weights[0])
            if way.weights not in subject.weights:
                raise InvalidInput(
                    f"{self.read.file}: {subject.name} keeps no averaged weights",
                    hint="state weights: raw",
                )
        elif said.weights or said.batch_norm or said.truncation or said.sampler:
            raise InvalidInput(
                f"{self.read.file}: only a run has weights, batch_norm, truncation and sampler",
                hint="leave them out for images that are there already",
            )
        alike = {
            key: value
            for key in Way.__dataclass_fields__
            if key not in ("extractor", "layer", "n_images", "resize", "weights")
            and (value := getattr(said, key, None)) is not None
        }
        return replace(way, **alike)

    def _resize(self, said: Resize | None) -> Resize | None:
        reads = size_read_by(self.entry)
        size = (said.to if said else None) or reads
        if said is None and (size is None or self.subject.size == (size, size)):
            return None
        if size is None:
            raise InvalidInput(
                f"{self.read.file}: {self.entry.id} reads images of any size",
                hint="say to which they were resized: resize.to",
            )
        if reads is not None and size != reads:
            raise InvalidInput(
                f"{self.read.file}: {self.entry.id} reads {reads} x {reads} images, not {size}",
                hint="leave resize.to out",
            )
        return (said or Resize(filter="bicubic")).model_copy(update={"to": size})

    def _real(self, name: str) -> Tensor:
        if name not in self._references:
            self._references[name], _ = self.sets.images(name)
        return self._references[name]

    def _over_draws(self, way: Way) -> Reading:
        """The number of a way: of one set of images, or the mean over those drawn anew."""
        found = [self._measured(way, draw) for draw in self.subject.draws]
        if len(found) == 1:
            return found[0]
        mean, half_width = drawn([one.value for one in found])
        return Reading(mean, max(half_width, *(one.half_width for one in found)))

    def _measured(self, way: Way, draw: int) -> Reading:
        name = self._name(draw)
        fake = self.passes.features(
            name, way.generated, lambda: self.subject.images(way.generated, draw)
        )
        return measured(
            self.claim.metric,
            fake[way.layer][self._chosen(way)],
            self._reference(way, fake[way.layer].shape[1]),
            way,
        )

    def _reference(self, way: Way, dimension: int) -> Real:
        name = way.reference
        if name is None:
            return None
        if self._is_statistics:
            known = read_statistics(Path(name), dimension, way.extractor)
            if way.extractor == self.entry.id and way.layer == self.way.layer:
                known.require_made_by(self.entry.id, self.entry.sha256, way.layer)
            return known
        parts = [
            self.passes.features(part, way.real, partial(self._real, part))[way.layer]
            for part in parts_of(name, self.passes.registry)
        ]
        return torch.cat(parts)[: way.n_reference]

    def _name(self, draw: int) -> str:
        return self.subject.name if len(self.subject.draws) == 1 else f"{self.subject.name} {draw}"

    def _chosen(self, way: Way) -> Tensor:
        """Indices (n,) of the generated images that count."""
        labels = self.subject.labels
        if way.labels == "as-given" or labels is None:
            return torch.arange(way.n_images)
        classes = labels.unique()
        each = way.n_images // len(classes)
        found = [(labels == one).nonzero().flatten()[:each] for one in classes]
        if each == 0 or any(len(one) < each for one in found):
            raise InvalidInput(f"some class has fewer than {each} images")
        return torch.cat(found).sort().values

    def _is_free(self, way: Way) -> bool:
        draw = self.subject.draws[0]
        return self.passes.knows(self._name(draw), way.generated) and (
            way.reference is None
            or self._is_statistics
            or all(
                self.passes.knows(part, way.real)
                for part in parts_of(way.reference, self.passes.registry)
            )
        )


@contextmanager
def _field(read: ReadClaim, name: str) -> Iterator[None]:
    """What a claim names in vain is a fault of its file, not of the command line.

    Raises:
        InvalidInput: in place of a UsageError.
    """
    try:
        yield
    except UsageError as error:
        raise InvalidInput(f"{read.file}: {name}: {error.what}", hint=error.hint) from error


def _counted(read: ReadClaim, registry: Registry) -> AppealRecord:
    network = parameters.network_of(read.claim)
    with _field(read, "about.variant"):
        registry.variant(network.variant)
    with _field(read, "about.dataset"):
        registry.dataset(network.dataset)
    search = Search(
        Ground(read.claim.interval, 0.0),
        network,
        lambda other: parameters.count(registry, other),
        lambda: 0,
        lambda _: True,
    )
    stated = parameters.count(registry, network)
    told = "".join(f", {key} {value}" for key, value in network.settings)
    about = f"{network.variant} on {network.dataset}{told}, {network.part}"
    return _judged(
        read, stated, search, lambda: parameters.deviations(registry, network), {"about": about}
    )


def _judged(
    read: ReadClaim,
    stated: Reading,
    search: Search[Way] | Search[parameters.Network],
    options: Callable[[], list[Deviation]],
    facts: dict[str, str | None],
) -> AppealRecord:
    claim, ground = read.claim, search.ground
    tried: list[Tried] = []
    left_out: list[str] = []
    verdict: Verdict = "reproduced"
    if not ground.holds(stated):
        deviations = options()
        tried, left_out = search.singles(deviations)
        if not any(one.comes_out for one in tried):
            tried += search.pairs(deviations, tried, stated)
        verdict = "explained" if any(one.comes_out for one in tried) else "not-explained"
    explanations = by_plausibility(tried, ground.centre)
    said = claim.protocol.model_dump(mode="json", exclude_none=True)
    return AppealRecord(
        id=claim.id,
        title=claim.title,
        remark=claim.remark,
        source=claim.source,
        claim_sha256=read.sha256,
        about=str(facts["about"]),
        reference=claim.reference,
        metric=claim.metric,
        printed=claim.value,
        low=ground.interval[0],
        high=ground.interval[1],
        protocol={key: _shown(value) for key, value in said.items()},
        extractor=facts.get("extractor"),
        extractor_sha256=facts.get("extractor_sha256"),
        images_sha256=facts.get("images_sha256"),
        tolerance=ground.tolerance,
        value=stated.value,
        half_width=stated.half_width,
        verdict=verdict,
        tried=tuple(tried),
        explanations=tuple(tried.index(one) for one in explanations),
        by_chance=by_chance(tried, stated, ground, explanations),
        left_out=tuple(left_out),
        passes=search.count(),
        libraries={name: version(name) for name in LIBRARIES},
    )


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(inner)}" for key, inner in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    return str(value)
