"""A mixture of Gaussians fitted to the latents of a trained autoencoder.

Ghosh et al. 2020 (1903.12436, section 4) sample autoencoders from such an ex-post density with ten
components; here it is a second sampler for every model with vector latents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.models.base import LatentModel
from bench.models.noise import ImageNoise

N_COMPONENTS = 10
SAMPLER = f"gmm-{N_COMPONENTS}"


@dataclass(frozen=True)
class LatentMixture:
    """Mixture weights (K,), means (K, D) and lower Cholesky factors (K, D, D), float64."""

    weights: Tensor
    means: Tensor
    factors: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """The three tensors by field name, for saving."""
        return {"weights": self.weights, "means": self.means, "factors": self.factors}

    def latents(self, noise: ImageNoise) -> Tensor:
        """One draw per stream, (N, D) float32: a component, then a point of it."""
        uniform = noise.uniform(1)[:, 0].double()
        cumulative = self.weights.cumsum(0).to(uniform)
        component = torch.searchsorted(cumulative, uniform).clamp_max(len(self.weights) - 1)
        standard = noise.normal(self.means.shape[1]).double()  # (N, D)
        means, factors = self.means.to(standard), self.factors.to(standard)
        offsets = torch.einsum("nij,nj->ni", factors[component], standard)
        return (means[component] + offsets).float()


def fit_mixture(model: LatentModel, images: Tensor) -> LatentMixture:
    """Fit full covariances to the latents of ``images`` (N, C, H, W) in -1 .. 1, all at once.

    The fit starts from a fixed seed, so equal weights and images give an equal mixture.
    """
    from sklearn.mixture import GaussianMixture

    with torch.no_grad():
        latents = model.encode(images).double().cpu().numpy()
    mixture = GaussianMixture(N_COMPONENTS, random_state=0, max_iter=1000).fit(latents)
    return LatentMixture(
        torch.from_numpy(mixture.weights_),
        torch.from_numpy(mixture.means_),
        torch.from_numpy(np.linalg.cholesky(mixture.covariances_)),
    )
