"""Gated PixelCNN (van den Oord et al. 2016, 1606.05328): two stacks of causal convolutions.

The vertical stack sees all rows above a pixel, the horizontal stack the pixels left of it in its
row and, through 1 x 1 convolutions, the vertical stack; together they see every earlier pixel
within reach, without the blind spot of a single masked stack. The input is moved by one row for
the vertical and by one pixel for the horizontal stack, so that no layer needs a mask.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, cross_entropy, linear, pad

from bench.networks.shape import ImageShape
from bench.objectives.levels import invert


def gate(features: Tensor) -> Tensor:
    """Gate: tanh(first half of the channels) * sigmoid(second half), 1606.05328 eq. 2."""
    first, second = features.chunk(2, 1)
    return torch.tanh(first) * torch.sigmoid(second)


class GatedLayer(nn.Module):
    """One layer of both stacks, 1606.05328 figure 2; residual in the horizontal stack alone.

    Args:
        width: channels of either stack.
        kernel: odd width of what a pixel sees at once; the vertical stack sees half as many rows.
        residual: off in the first layer, whose horizontal input is not yet features.
    """

    def __init__(self, width: int, kernel: int, *, residual: bool) -> None:
        super().__init__()
        self.reach = kernel // 2
        self.residual = residual
        self.vertical = nn.Conv2d(width, 2 * width, (self.reach + 1, kernel))
        self.across = nn.Conv2d(2 * width, 2 * width, 1)
        self.horizontal = nn.Conv2d(width, 2 * width, (1, self.reach + 1))
        self.out = nn.Conv2d(width, width, 1)
        # a gate halves what passes it, and a default start would let it fade from layer to layer
        for convolution in (self.vertical, self.across, self.horizontal, self.out):
            nn.init.kaiming_normal_(convolution.weight)

    def forward(self, v: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Both stacks (N, width, H, W) to the next ones of the same shape."""
        k = self.reach
        seen = self.vertical(pad(v, (k, k, k, 0)))
        mixed = self.horizontal(pad(h, (k, 0, 0, 0))) + self.across(seen)
        return gate(seen), self._closed(h, mixed)

    def next_row(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The vertical stack of the last row alone.

        Args:
            rows: its inputs in that row and the ``reach`` above, (N, width, reach + 1, W).

        Returns:
            The next layer's input (N, width, 1, W), and the input of the horizontal stack,
            (N, 2 width, 1, W).
        """
        seen = conv2d(rows, self.vertical.weight, self.vertical.bias, padding=(0, self.reach))
        return gate(seen), self.across(seen)

    def next_pixel(self, window: Tensor, across: Tensor) -> Tensor:
        """The horizontal stack of one pixel, (N, width).

        Args:
            window: its inputs at that pixel and the ``reach`` left of it, (N, width, reach + 1).
            across: the vertical stack's output, (N, 2 width).
        """
        weight = self.horizontal.weight.flatten(1)
        mixed = linear(window.flatten(1), weight, self.horizontal.bias) + across
        return self._closed(window[:, :, -1, None, None], mixed[:, :, None, None])[:, :, 0, 0]

    def _closed(self, h: Tensor, mixed: Tensor) -> Tensor:
        closed: Tensor = self.out(gate(mixed))
        return h + closed if self.residual else closed


class GatedPixelCNN(nn.Module):
    """p(image) as a product over pixels in raster order, and over the channels of each pixel.

    ``n_tokens`` are the steps of the autoregression, each of which one uniform number draws.

    Args:
        shape: of the images.
        n_levels: values of a pixel in one channel.
        width: channels of either stack.
        n_layers: layers, the first included.
        first_kernel, kernel: odd widths of the first layer's convolutions and of the others'.
        head_width: channels of the hidden layer before the logits.
    """

    def __init__(
        self,
        shape: ImageShape,
        n_levels: int,
        width: int,
        n_layers: int,
        first_kernel: int,
        kernel: int,
        head_width: int,
    ) -> None:
        super().__init__()
        self.shape, self.n_levels, self.width = shape, n_levels, width
        self.n_tokens = shape.n_values
        self.embedding = nn.Embedding(shape.channels * n_levels, width)
        kernels = [first_kernel] + [kernel] * (n_layers - 1)
        self.layers = nn.ModuleList(
            GatedLayer(width, size, residual=index > 0) for index, size in enumerate(kernels)
        )
        self.heads = nn.ModuleList(
            _head(width, head_width, n_levels) for _ in range(shape.channels)
        )

    def forward(self, levels: Tensor) -> Tensor:
        """Levels (N, C, H, W) int64 to logits (N, n_levels, C, H, W).

        A value's logits depend on earlier pixels, and on earlier channels of its own pixel.
        """
        parts = self._embedded(levels)  # (N, C, width, H, W)
        whole = parts.sum(1)
        v = pad(whole, (0, 0, 1, 0))[:, :, :-1]
        h = pad(whole, (1, 0, 0, 0))[..., :-1]
        for layer in self.layers:
            v, h = layer(v, h)
        return torch.stack(
            [self._logits(h, parts, channel) for channel in range(parts.shape[1])], 2
        )

    def nats(self, levels: Tensor) -> Tensor:
        """-ln p of every image, (N, C, H, W) int64 to (N,)."""
        return cross_entropy(self(levels), levels, reduction="none").flatten(1).sum(1)

    @torch.no_grad()
    def draw(self, uniforms: Tensor) -> Tensor:
        """Images (N, C, H, W) from uniforms (N, H W C), pixel by pixel.

        Every feature is computed once: the vertical stack row by row, with the rows that its
        convolutions reach kept, and the horizontal stack pixel by pixel.
        """
        n, size = len(uniforms), self.shape.size
        uniforms = uniforms.view(n, size, size, self.shape.channels)
        row = uniforms.new_zeros(n, self.width, 1, size)  # zeros stand above the first row
        images = []
        above = [row.expand(-1, -1, layer.reach, -1) for layer in self._layers]
        for y in range(size):
            across = []
            for index, layer in enumerate(self._layers):
                rows = torch.cat([above[index], row], 2)
                above[index] = rows[:, :, 1:]
                row, given = layer.next_row(rows)
                across.append(given[:, :, 0].permute(2, 0, 1).contiguous())  # (W, N, 2 width)
            levels = self._draw_row(uniforms[:, y], across)
            images.append(levels)
            row = self._embedded(levels).sum(1)
        return torch.cat(images, 2)

    def _draw_row(self, uniforms: Tensor, across: list[Tensor]) -> Tensor:
        """Levels (N, C, 1, W) of a row from uniforms (N, W, C) and the vertical stack's output."""
        n, size = uniforms.shape[:2]
        windows = [uniforms.new_zeros(n, self.width, layer.reach + 1) for layer in self._layers]
        pixel = uniforms.new_zeros(n, self.width)  # zeros stand left of the first pixel
        row = []
        for x in range(size):
            for index, layer in enumerate(self._layers):
                windows[index] = torch.cat([windows[index][:, :, 1:], pixel[:, :, None]], 2)
                pixel = layer.next_pixel(windows[index], across[index][x])
            levels = self._draw_pixel(pixel[:, :, None, None], uniforms[:, x])
            row.append(levels)
            pixel = self._embedded(levels).sum(1)[:, :, 0, 0]
        return torch.cat(row, 3)

    def _draw_pixel(self, features: Tensor, uniforms: Tensor) -> Tensor:
        """Levels (N, C, 1, 1) of a pixel from its features (N, width, 1, 1), channel by channel."""
        levels = torch.zeros_like(uniforms, dtype=torch.int64)[:, :, None, None]
        for channel in range(self.shape.channels):
            logits = self._logits(features, self._embedded(levels), channel)[:, :, 0, 0]
            levels[:, channel, 0, 0] = invert(torch.softmax(logits, 1), uniforms[:, channel])
        return levels

    def _embedded(self, levels: Tensor) -> Tensor:
        """Levels (N, C, H, W) to learned vectors (N, C, width, H, W), of each channel its own."""
        offsets = torch.arange(levels.shape[1], device=levels.device) * self.n_levels
        vectors: Tensor = self.embedding(levels + offsets[:, None, None])
        return vectors.permute(0, 1, 4, 2, 3)

    def _logits(self, features: Tensor, parts: Tensor, channel: int) -> Tensor:
        """Logits of one channel, (N, n_levels, H, W), from features and earlier ``parts``."""
        logits: Tensor = self.heads[channel](features + parts[:, :channel].sum(1))
        return logits

    @property
    def _layers(self) -> list[GatedLayer]:
        return [layer for layer in self.layers if isinstance(layer, GatedLayer)]


def _head(width: int, hidden: int, n_levels: int) -> nn.Module:
    """ReLU and 1 x 1 convolution, twice, 1606.05328 section 2; all levels start almost alike."""
    last = nn.Conv2d(hidden, n_levels, 1)
    nn.init.normal_(last.weight, 0.0, 0.02)
    return nn.Sequential(nn.ReLU(), nn.Conv2d(width, hidden, 1), nn.ReLU(), last)
