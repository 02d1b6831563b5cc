"""Normalisation by name, the same names for generators and critics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import spectral_norm

Norm = Literal["none", "batch", "layer", "spectral"]


def norm_2d(norm: Norm, channels: int) -> nn.Module:
    """The activation normaliser of a convolutional layer; spectral norm acts on weights instead."""
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "layer":
        return nn.GroupNorm(1, channels)
    return nn.Identity()


def norm_1d(norm: Norm, features: int) -> nn.Module:
    """The activation normaliser of a fully connected layer."""
    if norm == "batch":
        return nn.BatchNorm1d(features)
    if norm == "layer":
        return nn.LayerNorm(features)
    return nn.Identity()


def with_weight_norm(norm: Norm, network: nn.Module) -> nn.Module:
    """Spectral normalisation of every weight matrix, if asked for (Miyato et al., 1802.05957)."""
    if norm == "spectral":
        for module in list(network.modules()):  # parametrising adds modules
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                spectral_norm(module)
    return network


@contextmanager
def frozen_batch_statistics(network: nn.Module) -> Iterator[None]:
    """Let batch normalisation use batch statistics without moving its running averages."""
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    for layer in layers:
        layer.track_running_stats = False
    buffers = [(layer.running_mean, layer.running_var) for layer in layers]
    for layer in layers:
        layer.running_mean = layer.running_var = None
    try:
        yield
    finally:
        for layer, (mean, variance) in zip(layers, buffers, strict=True):
            layer.running_mean, layer.running_var = mean, variance
            layer.track_running_stats = True
