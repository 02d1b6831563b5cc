"""Networks that others wrote down as graphs: what inputs mean, and whether they are functions.

A graph has named inputs of some sizes and types. Which of them is the noise and which the class
follows from those; where it does not, the graph is refused rather than guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bench.models.noise import ImageNoise
from bench.outside.convention import Convention, StatedConvention, require_pixels
from bench.outside.generator import Forward, LatentGenerator, Opening, OutsideGenerator
from catalog.errors import InvalidInput
from catalog.schema.loads import LabelForm, LabelPlace

CLASS_NAME = re.compile(r"(?:^|_|\b)(?:y|c|cls|class\w*|labels?|target|one_?hot|cond\w*)(?:$|_|\b)")
"""Names that inputs for classes have."""
N_TRIED = 4
"""Images with which a network is looked at."""
NEIGHBOURS = 1e-3
"""How far, as a share of the range of its pixels, an image may be off when others stand beside it:
more than rounding makes, less than other statistics of a batch do."""
SAMPLES_INSTEAD = "draw the samples where it was made, and load them by samples:PATH"


@dataclass(frozen=True)
class Input:
    """An input of a graph; None for a size that may be any."""

    name: str
    shape: tuple[int | None, ...]
    dtype: torch.dtype

    def __str__(self) -> str:
        """The input as people write it."""
        sizes = " x ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} ({sizes or 'a single number'})"


@dataclass(frozen=True)
class Signature:
    """What the inputs of a graph mean.

    Attributes:
        noise_shape: of one image, without the batch.
        labels: how the class is given, if it is.
        label_place: whether its input comes before that of the noise.
        batch: the only number of images that the graph takes; None for any.
        dtype: of the noise.
    """

    noise_shape: tuple[int, ...]
    labels: LabelForm
    label_place: LabelPlace
    batch: int | None
    dtype: torch.dtype

    def told(self, opening: Opening) -> StatedConvention:
        """The convention as far as inputs tell; a class that is joined takes part of the noise.

        Raises:
            InvalidInput: that would leave no noise.
        """
        shape, labels, place = self.noise_shape, self.labels, self.label_place
        stated = opening.stated
        if stated.label_place == "joined" and labels == "none":
            if stated.noise_shape is not None:
                return StatedConvention(labels="one-hot", label_place="joined")
            if shape[0] <= opening.n_classes:
                raise InvalidInput(
                    f"{opening.source.path}: {shape[0]} values cannot hold {opening.n_classes}"
                    " classes and noise",
                    hint="leave --label-place joined out, or state --noise-shape without classes",
                )
            shape = (shape[0] - opening.n_classes, *shape[1:])
            return StatedConvention(noise_shape=shape, labels="one-hot", label_place="joined")
        return StatedConvention(noise_shape=shape, labels=labels, label_place=place)


def signature_of(inputs: Sequence[Input], opening: Opening) -> Signature:
    """Which input is the noise and which the class.

    Raises:
        InvalidInput: there are none or more than two of them, or their sizes leave it open.
    """
    path = opening.source.path
    if not 1 <= len(inputs) <= 2:
        names = ", ".join(map(str, inputs)) or "none"
        raise InvalidInput(
            f"{path}: a generator takes noise and perhaps a class, this graph has"
            f" {len(inputs)} inputs: {names}",
            hint="export it with those inputs alone, the others fixed",
        )
    classes = [one for one in inputs if _is_class(one, inputs, opening.n_classes)]
    noises = [one for one in inputs if one not in classes]
    if len(noises) != 1:
        raise InvalidInput(
            f"{path}: it is open which input is the noise: {', '.join(map(str, inputs))}",
            hint="call the input of the class 'labels' when exporting it",
        )
    noise, label = noises[0], classes[0] if classes else None
    shape = opening.stated.noise_shape or tuple(size or 0 for size in noise.shape[1:])
    if len(noise.shape) < 2 or not all(shape) or len(shape) != len(noise.shape) - 1:
        raise InvalidInput(
            f"{path}: the sizes of the noise are open or without a batch: {noise}",
            hint="export it with sizes that are fixed but for the first, or state --noise-shape",
        )
    batches = {one.shape[0] for one in inputs if one.shape and one.shape[0] is not None}
    if len(batches) > 1:
        raise InvalidInput(
            f"{path}: its inputs are for unequal numbers of images: {', '.join(map(str, inputs))}",
            hint="export it with one size of batch, or with any",
        )
    form: LabelForm = "none"
    if label is not None:
        form = "one-hot" if len(label.shape) == 2 else "index"
    place: LabelPlace = "before" if label is not None and inputs[0] is label else "after"
    return Signature(shape, form, place, next(iter(batches), None), noise.dtype)


def _is_class(one: Input, inputs: Sequence[Input], n_classes: int) -> bool:
    """Whole numbers, one an image; or as many numbers as there are classes, beside other noise."""
    if not one.dtype.is_floating_point:
        return len(one.shape) == 1 or (len(one.shape) == 2 and one.shape[1] == n_classes)
    if len(inputs) == 1 or len(one.shape) != 2 or one.shape[1] != n_classes:
        return False
    others = [other for other in inputs if other is not one]
    alike = any(other.shape[1:] == one.shape[1:] for other in others)
    return bool(CLASS_NAME.search(one.name.lower())) if alike else True


def in_batches(forward: Forward, batch: int | None) -> Forward:
    """A function of any number of images from one of a fixed number; the last batch is padded."""
    if batch is None:
        return forward

    def call(*inputs: Tensor) -> Tensor:
        n = len(inputs[0])
        missing = -n % batch
        padded = [torch.cat([one, one[-1:].expand(missing, *one.shape[1:])]) for one in inputs]
        parts = zip(*(one.split(batch) for one in padded), strict=True)
        return torch.cat([forward(*part) for part in parts])[:n]

    return call


def the_image(output: object, path: Path) -> Tensor:
    """The images in what a network returns: a tensor, or the first of several things.

    Raises:
        InvalidInput: that is no tensor.
    """
    while isinstance(output, tuple | list) and output:
        output = output[0]
    if isinstance(output, dict) and len(output) == 1:
        output = next(iter(output.values()))
    if not isinstance(output, Tensor):
        raise InvalidInput(
            f"{path}: it gives a {type(output).__name__} and not a tensor of images",
            hint="export it with its images as the only output",
        )
    return output


def latent_generator(
    forward: Forward, opening: Opening, dtype: torch.dtype
) -> Callable[[Convention], OutsideGenerator]:
    """What makes a generator of a graph once its convention is known, and looks at it first."""

    def make(convention: Convention) -> OutsideGenerator:
        generator = LatentGenerator(forward, convention, opening.n_classes, dtype)
        require_function(generator, convention, opening)
        return generator

    return make


@torch.no_grad()
def require_function(generator: OutsideGenerator, convention: Convention, opening: Opening) -> None:
    """Refuse what is no function of its noise, or one of its neighbours as well.

    Raises:
        InvalidInput: drawing again gives other images, or drawing beside others does; or what
            comes out are no pixels, or of another size every time.
    """
    path = opening.source.path

    def draw(first_neighbour: int) -> Tensor:
        indices = [0, 1, *range(first_neighbour, first_neighbour + N_TRIED - 2)]
        noise = ImageNoise(0, indices, opening.device)
        labels = (torch.tensor(indices) % opening.n_classes).to(opening.device)
        return generator.draw(noise, None if convention.labels == "none" else labels)

    first = draw(2)
    if not isinstance(first, Tensor) or first.ndim < 1 or len(first) != N_TRIED:
        return  # whoever settles the convention says what is wrong with it
    again, beside = draw(2), draw(N_TRIED)
    for one in (first, again, beside):
        require_pixels(one, str(path))
        if one.shape != first.shape:
            sizes = " and ".join(" x ".join(map(str, x.shape[1:])) for x in (first, one))
            raise InvalidInput(f"{path}: its images change their size: {sizes}")
    if not torch.equal(first, again):
        raise InvalidInput(
            f"{path}: equal noise gives other images every time, so it draws"
            " random numbers of its own",
            hint=f"export it with all its noise as an input; or {SAMPLES_INSTEAD}",
        )
    if convention.batch_norm == "train":
        return
    off = (first[:2].float() - beside[:2].float()).abs().max()
    extent = first.float().abs().max()
    if float(off) > NEIGHBOURS * float(extent):
        raise InvalidInput(
            f"{path}: an image is another one when others stand beside it, as with"
            " batch normalisation in training mode",
            hint="export it in evaluation mode (model.eval()), or state --batch-norm train where"
            f" the file allows it; or {SAMPLES_INSTEAD}",
        )
