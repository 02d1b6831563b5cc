"""Encoder and decoder of DALL-E's discrete VAE (Ramesh et al. 2021, 2102.12092, appendix A).

Groups of bottleneck residual blocks between max pooling (down) and nearest upsampling (up), with
1 x 1 convolutions on both sides of the relaxed codes. Widths double from group to group. The
paper has four groups and 32 x 32 codes for 256 px; here the number of groups follows the grid.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn

from bench.networks.parts import Layered
from bench.networks.quantised import grid_size
from bench.networks.shape import ImageShape

BLOCKS_PER_GROUP = 2


class Convolution(nn.Conv2d):
    """A convolution that keeps the size, with weights from N(0, 1 / fan-in) and no bias at first.

    Args:
        std: another standard deviation of the weights.
    """

    def __init__(self, n_in: int, n_out: int, size: int, std: float | None = None) -> None:
        super().__init__(n_in, n_out, size, padding=size // 2)
        nn.init.normal_(self.weight, 0.0, std or 1.0 / math.sqrt(n_in * size * size))
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class BottleneckBlock(nn.Module):
    """identity(x) + gain * (four convolutions through a quarter of the width).

    Args:
        kernels: their sizes; the encoder's last and the decoder's first is 1.
        n_layers: blocks of the whole network; the gain is its inverse square.
    """

    def __init__(self, n_in: int, n_out: int, kernels: tuple[int, ...], n_layers: int) -> None:
        super().__init__()
        hidden = max(1, n_out // 4)
        widths = [n_in, *[hidden] * (len(kernels) - 1), n_out]
        layers: list[nn.Module] = []
        for index, size in enumerate(kernels):
            layers += [nn.ReLU(), Convolution(widths[index], widths[index + 1], size)]
        self.residual = nn.Sequential(*layers)
        self.identity = nn.Identity() if n_in == n_out else Convolution(n_in, n_out, 1)
        self.gain = 1.0 / n_layers**2

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, n_in, H, W) to (N, n_out, H, W)."""
        identity: Tensor = self.identity(features)
        residual: Tensor = self.residual(features)
        return identity + self.gain * residual


def n_halvings(shape: ImageShape, largest_grid: int) -> int:
    """Number of halvings from an image to the grid of codes."""
    return round(math.log2(shape.size / grid_size(shape, largest_grid)))


def _groups(
    widths: list[int], kernels: tuple[int, ...], resize: Callable[[], nn.Module]
) -> OrderedDict[str, nn.Module]:
    """Residual groups from ``widths[0]`` on, with a change of size after each but the last."""
    n_groups = len(widths) - 1
    n_layers = n_groups * BLOCKS_PER_GROUP
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for group in range(n_groups):
        n_in, n_out = widths[group], widths[group + 1]
        for block in range(BLOCKS_PER_GROUP):
            first = n_in if block == 0 else n_out
            layers[f"group_{group}_block_{block}"] = BottleneckBlock(
                first, n_out, kernels, n_layers
            )
        if group + 1 < n_groups:
            layers[f"group_{group}_resize"] = resize()
    return layers


class DiscreteEncoder(Layered):
    """Images (N, C, H, W) in 0 .. 1 to logits of codes (N, K, h, w).

    Args:
        width: channels of the first group.
        n_codes: size of the codebook (K).
        largest_grid: images are halved until the grid is at most this wide.
    """

    def __init__(self, shape: ImageShape, width: int, n_codes: int, largest_grid: int) -> None:
        super().__init__()
        n_groups = n_halvings(shape, largest_grid) + 1
        widths = [width, *(width * 2**group for group in range(n_groups))]
        self.layers = nn.Sequential(
            OrderedDict(input=Convolution(shape.channels, width, 7))
            | _groups(widths, (3, 3, 3, 1), lambda: nn.MaxPool2d(2))
            | OrderedDict(relu=nn.ReLU(), output=Convolution(widths[-1], n_codes, 1))
        )


class DiscreteDecoder(Layered):
    """Codes (N, K, h, w), one-hot or relaxed, to parameters of pixels (N, 2 C, H, W).

    Its first 1 x 1 convolution is the codebook: its columns are the codes' vectors.

    Args:
        width, n_codes, largest_grid: of the encoder that it belongs to.
    """

    def __init__(self, shape: ImageShape, width: int, n_codes: int, largest_grid: int) -> None:
        super().__init__()
        n_groups = n_halvings(shape, largest_grid) + 1
        widths = [2 * width, *(width * 2**group for group in reversed(range(n_groups)))]
        self.layers = nn.Sequential(
            OrderedDict(codebook=Convolution(n_codes, widths[0], 1, std=1.0))
            | _groups(widths, (1, 3, 3, 3), lambda: nn.Upsample(scale_factor=2, mode="nearest"))
            | OrderedDict(relu=nn.ReLU(), output=Convolution(widths[-1], 2 * shape.channels, 1))
        )
