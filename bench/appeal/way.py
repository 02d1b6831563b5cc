"""A way to measure: a protocol in which nothing is left open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from bench.appeal.claim import LabelPolicy, Resize, Rounding, WeightsKind
from catalog.schema.loads import BatchNorm


class View(NamedTuple):
    """How one side's images reach a judge: whatever is in here needs a pass of its own."""

    extractor: str
    resize: Resize | None
    channels: int | None
    rounding: Rounding = "floor"
    jpeg: int | None = None
    weights: WeightsKind | None = None
    batch_norm: BatchNorm = "eval"
    truncation: float | None = None

    @property
    def told(self) -> str:
        """What is unusual about it, such as ``, jpeg 75``; empty where nothing is."""
        resize = None if self.resize is None else f"resize {self.resize.filter}"
        usual = View(self.extractor, self.resize, None)
        others = [
            f"{name} {value}"
            for name, value in self._asdict().items()
            if name != "resize" and value != getattr(usual, name)
        ]
        return "".join(f", {one}" for one in (resize, *others) if one)


@dataclass(frozen=True)
class Way:
    """Everything that decides a number; what a claim leaves open is filled in.

    Attributes:
        reference: as in a claim; None for metrics that need none.
        resize: before the judge; None where it does what it always does.
        reference_resize: of the reference, where it differs.
        swapped: whether generated and real images have changed places.
        root: whether the square root is printed.
        Others as in ``StatedProtocol``.
    """

    extractor: str
    layer: str
    n_images: int
    n_reference: int | None = None
    reference: str | None = None
    labels: LabelPolicy = "as-given"
    rounding: Rounding = "floor"
    jpeg: int | None = None
    channels: int | None = None
    resize: Resize | None = None
    reference_resize: Resize | None = None
    isc_splits: int = 10
    kid_subsets: int = 100
    kid_subset_size: int = 1000
    kid_biased: bool = False
    prc_neighborhood: int = 3
    covariance: Literal["n-1", "n"] = "n-1"
    factor: float = 1.0
    root: bool = False
    swapped: bool = False
    weights: WeightsKind | None = None
    batch_norm: BatchNorm = "eval"
    truncation: float | None = None

    @property
    def generated(self) -> View:
        """How the claim's own images are seen."""
        return View(
            self.extractor,
            self.resize,
            self.channels,
            self.rounding,
            self.jpeg,
            self.weights,
            self.batch_norm,
            self.truncation,
        )

    @property
    def real(self) -> View:
        """How the reference is seen."""
        return View(self.extractor, self.reference_resize or self.resize, self.channels)
