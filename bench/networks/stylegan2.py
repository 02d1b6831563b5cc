"""StyleGAN2 backbone (Karras et al. 2019, 1912.04958) for any size that halves to 4 .. 7 pixels.

A mapping network turns noise into styles. The synthesis network starts from a learned constant;
styles scale what enters its convolutions, further noise is added to what leaves them, and the image
is the sum of what every resolution contributes. The critic is residual.

Learning rates are equalised: stored weights start from N(0, 1) and are scaled at every use by a
constant that keeps variances, so that Adam, whose updates have the size of the rate whatever the
weight, moves all layers alike (Karras et al. 2018, 1710.10196, section 4.1). Maps are resampled by
two with the low-pass filter [1, 3, 3, 1] in both directions: bilinear interpolation where it
doubles, its transpose where it halves (1912.04958, appendix B), zeros outside of the maps.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, linear

from bench.networks.parts import FeatureCritic
from bench.networks.shape import ImageShape, halvings

SMALLEST_GRID = 4
MAPPING_RATE = 0.01
"""Ratio of the mapping network's learning rate to that of the rest (1812.04948, appendix C)."""
TAPS = (1.0, 3.0, 3.0, 1.0)
SLOPE = 0.2
FLOOR = 1.0e-8


def pyramid(shape: ImageShape, width: int, max_width: int) -> list[int]:
    """Channels at every resolution, the image's own first: they double up to ``max_width``."""
    n_levels = 1 + halvings(shape.size, SMALLEST_GRID)
    return [min(width << level, max(width, max_width)) for level in range(n_levels)]


def blurred(features: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """Filter (N, C, H, W) to (N, C, H + 2 padding - 3, W + 2 padding - 3)."""
    filters = _filters(features, gain)
    return conv2d(features, filters, padding=padding, groups=len(filters))


def doubled(features: Tensor) -> Tensor:
    """Interpolate (N, C, H, W) to (N, C, 2 H, 2 W)."""
    filters = _filters(features, gain=4.0)  # three of four inputs are zeros between the pixels
    return conv_transpose2d(features, filters, stride=2, padding=1, groups=len(filters))


def halved(features: Tensor) -> Tensor:
    """Filter and take every second pixel: (N, C, H, W) to (N, C, H / 2, W / 2)."""
    filters = _filters(features, gain=1.0)
    return conv2d(features, filters, stride=2, padding=1, groups=len(filters))


def _filters(features: Tensor, gain: float) -> Tensor:
    """One filter for each channel, (C, 1, 4, 4), whose values sum to ``gain``."""
    taps = torch.tensor(TAPS, dtype=features.dtype, device=features.device)
    kernel = torch.outer(taps, taps)
    return (kernel * (gain / kernel.sum())).expand(features.shape[1], 1, -1, -1)


class EqualisedLinear(nn.Module):
    """Inputs (N, n_in) to (N, n_out).

    Args:
        bias: its first value.
        rate: multiplies the learning rate of weights and biases, and leaves the first output as it
            is: they are stored divided by it and used multiplied by it.
    """

    def __init__(self, n_in: int, n_out: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in) / rate)
        self.bias = nn.Parameter(torch.full((n_out,), bias / rate))
        self.scale = rate / math.sqrt(n_in)
        self.rate = rate

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (N, n_in) to (N, n_out)."""
        return linear(inputs, self.weight * self.scale, self.bias * self.rate)


class EqualisedConv(nn.Module):
    """Features (N, n_in, H, W) to (N, n_out, H, W), or half of H and W.

    Args:
        kernel: odd.
        halve: a low-pass filter, then a stride of two.
        bias: whether there is one.
    """

    def __init__(
        self, n_in: int, n_out: int, kernel: int, *, halve: bool = False, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(n_out)) if bias else None
        self.scale = 1.0 / math.sqrt(n_in * kernel**2)
        self.reach = kernel // 2
        self.halve = halve

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, n_in, H, W) to (N, n_out, H, W), or half of H and W."""
        weight = self.weight * self.scale
        if not self.halve:
            return conv2d(features, weight, self.bias, padding=self.reach)
        # Four taps reach 1.5 pixels: H + 2 reach - 1 values are left for the stride to cover.
        smooth = blurred(features, padding=1 + self.reach)
        return conv2d(smooth, weight, self.bias, stride=2)


def activated(features: Tensor) -> Tensor:
    """LeakyReLU 0.2, with a gain of sqrt(2) for the power that it takes away."""
    return leaky_relu(features, SLOPE) * math.sqrt(2.0)


def unit_power(latents: Tensor) -> Tensor:
    """Vectors (N, D) with a mean square of one each (1710.10196, section 4.2)."""
    return latents * (latents.square().mean(1, keepdim=True) + FLOOR).rsqrt()


def minibatch_stddev(features: Tensor, group: int) -> Tensor:
    """One more channel that says how much a group of images differs (1710.10196, section 3).

    Image i is in a group with those i + N / group apart. The standard deviation over the group is
    averaged over channels and positions, and is the same number all over its images.

    Args:
        features: (N, C, H, W).
        group: images per group; the largest number that divides it and N is taken.
    """
    n, _, height, width = features.shape
    size = math.gcd(n, group)
    grouped = features.unflatten(0, (size, n // size))  # (size, N / size, C, H, W)
    spread = (grouped.var(0, correction=0) + FLOOR).sqrt().mean((1, 2, 3))  # (N / size,)
    channel = spread.repeat(size).view(n, 1, 1, 1).expand(-1, -1, height, width)
    return torch.cat([features, channel], 1)


class Mapping(nn.Module):
    """Normal noise (N, latent_dim) to styles (N, latent_dim)."""

    def __init__(self, latent_dim: int, n_layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EqualisedLinear(latent_dim, latent_dim, rate=MAPPING_RATE) for _ in range(n_layers)
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Normal noise (N, latent_dim) to styles (N, latent_dim)."""
        styles = unit_power(latents)
        for layer in self.layers:
            styles = activated(layer(styles))
        return styles


class ModulatedConv(nn.Module):
    """A convolution whose weights are scaled per image by a style (section 2.2).

    Scaling input channel i of the weights by s_i is scaling that channel of the features, and the
    division that brings every output back to its expected size (equation 3) is one factor per image
    and output channel; so one set of weights serves the whole batch.

    Args:
        kernel: odd.
        demodulate: whether outputs are brought back to their expected size.
        double: a stride of one half, then a low-pass filter.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int,
        style_dim: int,
        *,
        demodulate: bool = True,
        double: bool = False,
    ) -> None:
        super().__init__()
        self.style = EqualisedLinear(style_dim, n_in, bias=1.0)
        self.weight = nn.Parameter(torch.randn(n_out, n_in, kernel, kernel))
        self.scale = 1.0 / math.sqrt(n_in * kernel**2)
        self.demodulate = demodulate
        self.doubling = double

    def forward(self, features: Tensor, styles: Tensor) -> Tensor:
        """Features (N, n_in, H, W) and styles (N, style_dim) to (N, n_out, H, W) or twice that."""
        return self.convolve(features, self.style(styles))

    def convolve(self, features: Tensor, scales: Tensor) -> Tensor:
        """Convolve as ``forward`` does, with the scales (N, n_in) that a style stands for."""
        weight = self.weight * self.scale
        scaled = features * scales[:, :, None, None]
        if self.doubling:
            result = conv_transpose2d(scaled, weight.transpose(0, 1), stride=2)
            result = blurred(result, padding=1, gain=4.0)
        else:
            result = conv2d(scaled, weight, padding=weight.shape[-1] // 2)
        if not self.demodulate:
            return result
        power = scales.square() @ weight.square().sum((2, 3)).t()  # (N, n_out)
        return result * (power + FLOOR).rsqrt()[:, :, None, None]


class StyledLayer(nn.Module):
    """Modulated convolution, noise of a learned strength, bias and activation."""

    def __init__(self, n_in: int, n_out: int, style_dim: int, *, double: bool) -> None:
        super().__init__()
        self.conv = ModulatedConv(n_in, n_out, 3, style_dim, double=double)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, features: Tensor, styles: Tensor, noise: Tensor | None) -> Tensor:
        """Features (N, n_in, H, W) to (N, n_out, H, W) or twice that.

        Args:
            features: of the layer before, or the constant.
            styles: (N, style_dim).
            noise: one value per pixel of the output, (N, H * W), or None for none.
        """
        result: Tensor = self.conv(features, styles)
        if noise is not None:
            result = result + self.noise_strength * noise.view(-1, 1, *result.shape[2:])
        return activated(result + self.bias[:, None, None])


class ToImage(nn.Module):
    """Features of one resolution to its part of the image."""

    def __init__(self, n_in: int, n_out: int, style_dim: int) -> None:
        super().__init__()
        self.conv = ModulatedConv(n_in, n_out, 1, style_dim, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, features: Tensor, styles: Tensor) -> Tensor:
        """Features (N, n_in, H, W) to (N, n_out, H, W)."""
        result: Tensor = self.conv(features, styles)
        return result + self.bias[:, None, None]


class Generator(nn.Module):
    """Noise (N, latent_dim) to images (N, C, H, W), of which values in -1 .. 1 can be seen.

    Attributes:
        n_styles: styles that one image is made with: one per layer, and one for the last image.
        n_noise: values of noise that one image takes, all layers together.
    """

    def __init__(
        self, shape: ImageShape, latent_dim: int, width: int, max_width: int, mapping_layers: int
    ) -> None:
        super().__init__()
        channels = pyramid(shape, width, max_width)[::-1]
        grid = shape.size >> (len(channels) - 1)
        self.mapping = Mapping(latent_dim, mapping_layers)
        self.constant = nn.Parameter(torch.randn(channels[0], grid, grid))
        layers = [StyledLayer(channels[0], channels[0], latent_dim, double=False)]
        sizes = [grid]
        for n_in, n_out in pairwise(channels):
            layers.append(StyledLayer(n_in, n_out, latent_dim, double=True))
            layers.append(StyledLayer(n_out, n_out, latent_dim, double=False))
            sizes += [2 * sizes[-1]] * 2
        self.layers = nn.ModuleList(layers)
        self.to_image = nn.ModuleList(ToImage(n, shape.channels, latent_dim) for n in channels)
        self.n_styles = len(layers) + 1
        self._noise_sizes = [size**2 for size in sizes]
        self.n_noise = sum(self._noise_sizes)

    def forward(self, latents: Tensor, noise: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) of one style each; ``noise`` as in ``synthesise``."""
        styles: Tensor = self.mapping(latents)
        return self.synthesise(styles[:, None].expand(-1, self.n_styles, -1), noise)

    def synthesise(self, styles: Tensor, noise: Tensor | None) -> Tensor:
        """Images (N, C, H, W).

        Args:
            styles: (N, n_styles, latent_dim); what an image is made of at one resolution has the
                style of the layer that follows.
            noise: standard normal values (N, n_noise) for the layers, or None for none.
        """
        n_layers = len(self.layers)
        noises = noise.split(self._noise_sizes, 1) if noise is not None else [None] * n_layers
        features = self.constant.expand(len(styles), -1, -1, -1)
        image: Tensor | None = None
        for index, layer in enumerate(self.layers):
            features = layer(features, styles[:, index], noises[index])
            if index % 2 == 0:  # the last layer at its resolution
                part = self.to_image[index // 2](features, styles[:, index + 1])
                image = part if image is None else doubled(image) + part
        if image is None:
            raise ValueError("a generator has at least one layer")
        return image


class CriticBlock(nn.Module):
    """Features (N, n_in, H, W) to (N, n_out, H / 2, W / 2)."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.first = EqualisedConv(n_in, n_in, 3)
        self.second = EqualisedConv(n_in, n_out, 3, halve=True)
        self.shortcut = EqualisedConv(n_in, n_out, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, n_in, H, W) to (N, n_out, H / 2, W / 2)."""
        residual = activated(self.second(activated(self.first(features))))
        shortcut: Tensor = self.shortcut(halved(features))
        return (residual + shortcut) / math.sqrt(2.0)


class Critic(FeatureCritic):
    """Images (N, C, H, W) to raw scores (N,), which depend on the group that an image is in."""

    def __init__(self, shape: ImageShape, width: int, max_width: int, group: int) -> None:
        super().__init__()
        channels = pyramid(shape, width, max_width)
        grid = shape.size >> (len(channels) - 1)
        self.group = group
        self.from_image = EqualisedConv(shape.channels, channels[0], 1)
        self.blocks = nn.Sequential(*(CriticBlock(*pair) for pair in pairwise(channels)))
        self.last_conv = EqualisedConv(channels[-1] + 1, channels[-1], 3)
        self.hidden = EqualisedLinear(channels[-1] * grid**2, channels[-1])
        self.score = EqualisedLinear(channels[-1], 1)
        self.n_features = channels[-1]

    def features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to inputs of the last layer, (N, n_features)."""
        maps: Tensor = self.blocks(activated(self.from_image(images)))
        maps = activated(self.last_conv(minibatch_stddev(maps, self.group)))
        return activated(self.hidden(maps.flatten(1)))

    def head(self, features: Tensor) -> Tensor:
        """Features (N, n_features) to raw scores (N,)."""
        scores: Tensor = self.score(features)
        return scores.squeeze(1)
