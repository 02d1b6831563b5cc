"""Terms that keep a generator or a decoder smooth; all are unweighted.

A deterministic autoencoder's (Ghosh et al. 2020, 1903.12436, section 3) are sums over one image's
latents or over the weights, averaged over the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

PATH_DECAY = 0.99
"""Decay of the running mean of path lengths (1912.04958, appendix B)."""


def half_squared_norm(latents: Tensor) -> Tensor:
    """1/2 ||z||^2 of latents (N, D): what is left of a KL term when the variance is a constant."""
    return 0.5 * latents.square().sum(1).mean()


def half_squared_weights(network: nn.Module) -> Tensor:
    """1/2 ||theta||^2 over the weight matrices and kernels, whose gradient is weight decay.

    Biases and the gains of normalisations are left alone, as usual; 1903.12436 section 3.1.
    """
    matrices = [weight for weight in network.parameters() if weight.dim() > 1]
    return 0.5 * torch.stack([weight.square().sum() for weight in matrices]).sum()


def squared_jacobian(decode: Callable[[Tensor], Tensor], latents: Tensor) -> Tensor:
    """||dD(z)/dz||^2, the squared Frobenius norm of the Jacobian, 1903.12436 section 3.1.

    Estimated without bias along one random direction of signs v per image: E ||J' v||^2 =
    ||J||^2. The derivative is with respect to the decoder's input, and the gradient of this term
    reaches the decoder's weights alone: the latents are taken as given. Signs are independent
    between images, so what batch normalisation couples does not add up.

    Args:
        decode: latents (N, D) to images of any shape (N, ...).
        latents: (N, D), the points at which the decoder shall be flat.
    """
    inputs = latents.detach().requires_grad_(True)
    outputs = decode(inputs)
    signs = torch.randint(0, 2, outputs.shape, device=outputs.device).to(outputs).mul_(2).sub_(1)
    (gradient,) = torch.autograd.grad(outputs, inputs, signs, create_graph=True)
    return gradient.square().sum(1).mean()


def off_diagonal_gram(weight: Tensor) -> Tensor:
    """||W W' o (1 - I)||^2: zero where the filters are orthogonal, whatever their lengths.

    Orthogonal regularisation as BigGAN relaxes it (Brock et al. 2018, 1809.11096, eq. 3).

    Args:
        weight: (n_out, ...), one filter per row.
    """
    filters = weight.flatten(1)
    gram = filters @ filters.T
    return (gram - torch.diag(gram.diagonal())).square().sum()


def orthogonal_penalty(weights: Iterable[Tensor]) -> Tensor:
    """The sum of ``off_diagonal_gram`` over weight tensors."""
    return torch.stack([off_diagonal_gram(weight) for weight in weights]).sum()


def path_lengths(images: Tensor, styles: Tensor, directions: Tensor) -> Tensor:
    """||J^T y|| of every image, (N,), with a graph that reaches the generator's weights.

    Args:
        images: (N, C, H, W), a function of ``styles``.
        styles: (N, L, D), one per layer; squares are averaged over layers.
        directions: y, shaped as ``images``; normal with variance 1 / (H W) in the paper's scale.
    """
    (gradient,) = torch.autograd.grad((images * directions).sum(), styles, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


class PathLength(nn.Module):
    """E (||J^T y|| - a)^2, Karras et al. 2019 (1912.04958, section 3.2).

    a, the running mean of the lengths, is a buffer that starts at 0.
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, images: Tensor, styles: Tensor) -> Tensor:
        """The penalty for images (N, C, H, W) made of styles (N, L, D); moves the mean."""
        height, width = images.shape[2:]
        directions = torch.randn(images.shape, device=images.device) / (height * width) ** 0.5
        lengths = path_lengths(images, styles, directions)
        with torch.no_grad():
            self.mean.lerp_(lengths.mean(), 1.0 - PATH_DECAY)
        return (lengths - self.mean.clone()).square().mean()
