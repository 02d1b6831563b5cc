"""Generators that others trained: where they come from, and by which convention they are used.

A file of weights does not say what noise it wants, in which range its pixels are, or in which order
its axes. Whoever states that differently gets other images, so it is part of what a number is of.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from catalog.schema.base import Entry, Id, Sentence, Sha256, Text
from catalog.schema.benchmark import Channels, Resolution

NoiseKind = Literal["normal", "uniform", "uniform-0..1", "truncated"]
PixelRange = Literal["-1..1", "0..1", "0..255"]
Layout = Literal["NCHW", "NHWC"]
LabelForm = Literal["none", "index", "one-hot"]
LabelPlace = Literal["after", "before", "joined"]
BatchNorm = Literal["eval", "train"]
Truncation = Annotated[float, Field(ge=0.01, le=10.0, allow_inf_nan=False)]
"""Below it, all noise is the same to a network."""
NoiseShape = Annotated[tuple[Annotated[int, Field(ge=1, le=2**20)], ...], Field(max_length=4)]


class StatedConvention(Entry):
    """What somebody says of how a generator is used; None where it is left to be found out.

    Attributes:
        noise: distribution of each value: standard normal, uniform in -1 .. 1 or in 0 .. 1, or
            ``truncated``: normal, with draws beyond ``truncation`` drawn again.
        truncation: largest absolute value of truncated noise; whoever says it means such noise.
        noise_shape: of one image's noise, without the batch; empty where it takes none, or draws
            as it goes.
        range: of the pixels that come out.
        layout: of the images that come out; NCHW where they have no axis of channels.
        channels: of the images that come out.
        resolution: height and width of the images that come out.
        labels: how the class is given, if it is.
        label_place: the class is an argument after the noise or before it, or ``joined``: one-hot
            values at the end of the noise vector.
        batch_norm: whether batch normalisation uses its running statistics, or those of a batch,
            with which an image depends on its neighbours.
    """

    noise: NoiseKind | None = None
    truncation: Truncation | None = None
    noise_shape: NoiseShape | None = None
    range: PixelRange | None = None
    layout: Layout | None = None
    channels: Channels | None = None
    resolution: Resolution | None = None
    labels: LabelForm | None = None
    label_place: LabelPlace | None = None
    batch_norm: BatchNorm | None = None

    @model_validator(mode="before")
    @classmethod
    def _truncated(cls, data: Any) -> Any:
        is_said = isinstance(data, dict) and data.get("truncation") is not None
        return {**data, "noise": data.get("noise") or "truncated"} if is_said else data


class Convention(Entry):
    """How a generator is used, to the last choice; attributes as in ``StatedConvention``."""

    noise: NoiseKind = "normal"
    truncation: Truncation | None = None
    noise_shape: NoiseShape = ()
    range: PixelRange = "-1..1"
    layout: Layout = "NCHW"
    channels: Channels
    resolution: Resolution
    labels: LabelForm = "none"
    label_place: LabelPlace = "after"
    batch_norm: BatchNorm = "eval"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.noise == "truncated") != (self.truncation is not None):
            raise ValueError("truncated noise, and no other, says where it is truncated")
        if self.label_place == "joined" and self.labels == "index":
            raise ValueError("a class that is joined to the noise is one-hot")
        return self


SourceText = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]


class Load(Entry):
    """A generator or a set of samples of somebody else, as a row of the tables of a data set.

    Attributes:
        paper: the resource that introduced the model; None where there is none.
        source: what ``aigc bench load`` takes: a path from the registry's folder, ``hf:…`` or
            ``samples:…``.
        sha256: of the file, checked before it is parsed.
        url: where people find it.
        licence: of the weights or samples.
        dataset: whose real images it is compared with.
        variant: the variant of the registry whose network the weights fit, for a state dict.
        keys: names of tensors in the file, by the names that the variant's network has for them.
        convention: what of it is stated; the rest is found out and said.
    """

    id: Id
    name: Text
    paper: Id | None = None
    source: SourceText
    sha256: Sha256
    url: Sentence | None = None
    licence: Sentence
    dataset: Id
    variant: Id | None = None
    keys: dict[Sentence, Sentence] = Field(default_factory=dict)
    convention: StatedConvention = StatedConvention()
