"""What keeps a deterministic autoencoder smooth: Ghosh et al. 2020 (1903.12436), section 3.

Each is a sum over one image's latents or over the weights, averaged over the batch, unweighted.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


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
