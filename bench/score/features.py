"""Features of images held in memory, and a cache of those of reference images.

The cache is keyed by content: pixels, extractor with its weights and code, batch size, kind of
device, vector instructions and library versions. A name never decides, so a changed image can
never meet old features.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor

from bench.identity.code import code_of_scoring
from bench.identity.digest import sha256_of_arrays, sha256_of_data
from bench.machine.device import arithmetic
from bench.score.extractors import FeatureExtractor
from bench.score.metrics import full_precision
from catalog.errors import InvalidInput
from catalog.files import cache_dir, write_atomically

Features = dict[str, Tensor]


def check_images(images: Tensor, extractor: FeatureExtractor, source: str) -> None:
    """Refuse anything but a batch of images that the extractor accepts.

    Args:
        images: to be (N, C, H, W) uint8 with C of 1 or 3, and N, H and W of at least 1.
        extractor: may have rules of its own.
        source: where the images come from, for the message.

    Raises:
        InvalidInput: naming the source and the broken rule.
    """
    if images.dtype != torch.uint8:
        raise InvalidInput(f"{source}: images are uint8 in 0 .. 255, these are {images.dtype}")
    if images.dim() != 4 or images.shape[1] not in (1, 3) or not images.numel():
        raise InvalidInput(
            f"{source}: images are (N, C, H, W) with C of 1 or 3, this is {tuple(images.shape)}"
        )
    extractor.check(images, source)


@torch.no_grad()
def extract(
    images: Tensor,
    extractor: FeatureExtractor,
    batch_size: int,
    device: torch.device | str,
    source: str = "images",
) -> Features:
    """All layers of an extractor for all images, without TF32.

    Args:
        images: (N, C, H, W) uint8; grey ones are repeated to three channels.
        extractor: on ``device``.
        batch_size: images per call; features depend on it in the last digit.
        device: where the extractor runs.
        source: where the images come from, for messages.

    Returns:
        Layer name to (N, d) float32 on the CPU.

    Raises:
        InvalidInput: the images do not fit the extractor, or a feature is not finite.
    """
    check_images(images, extractor, source)
    parts: dict[str, list[Tensor]] = {layer: [] for layer in extractor.layers}
    with full_precision():
        for chunk in images.split(batch_size):
            batch = chunk.to(device).expand(-1, 3, -1, -1).contiguous()  # (B, 3, H, W)
            for layer, features in extractor(batch).items():
                parts[layer].append(features.cpu())
    found = {layer: torch.cat(part) for layer, part in parts.items()}  # (N, d)
    for layer, features in found.items():
        if not bool(features.isfinite().all()):
            raise InvalidInput(f"{source}: {extractor.name} gives '{layer}' that is not finite")
    return found


def reference_features(
    images: Tensor,
    extractor: FeatureExtractor,
    batch_size: int,
    device: torch.device | str,
    source: str = "reference images",
) -> Features:
    """Features as from ``extract``, read from the cache if the same were made before.

    A cache file that is damaged in any way counts as absent.

    Raises:
        InvalidInput: as ``extract`` does.
    """
    key = cache_key(images, extractor, batch_size, device)
    path = cache_dir() / "features" / f"{key}.safetensors"
    cached = _read(path, extractor, len(images))
    if cached is not None:
        return cached
    found = extract(images, extractor, batch_size, device, source)
    # A cache that cannot be written costs time, never the result.
    with suppress(OSError):
        write_atomically(path, to_safetensors(found, {"sha256": _digest(found)}))
    return found


def cache_key(
    images: Tensor, extractor: FeatureExtractor, batch_size: int, device: torch.device | str
) -> str:
    """Hex sha256 over everything that decides the features of (N, C, H, W) uint8 images."""
    return sha256_of_data(
        {
            "images": sha256_of_arrays(images.cpu().numpy()),
            "extractor": extractor.name,
            "layers": list(extractor.layers),
            "weights": extractor.sha256,
            "code": code_of_scoring(extractor.name),
            "batch_size": batch_size,
            "device": torch.device(device).type,
            "arithmetic": arithmetic(),
            "torch": torch.__version__,
            "torch_fidelity": version("torch-fidelity"),
        }
    )


def _digest(features: Features) -> str:
    return sha256_of_arrays(*(features[layer].numpy() for layer in sorted(features)))


def _read(path: Path, extractor: FeatureExtractor, n_images: int) -> Features | None:
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            found = {layer: file.get_tensor(layer) for layer in extractor.layers}
            intact = (file.metadata() or {}).get("sha256") == _digest(found)
    # Types that numpy lacks, and single numbers, come from a file that was not written here.
    except (SafetensorError, OSError, TypeError, RuntimeError, ValueError):
        return None
    sizes = {part.shape[0] if part.ndim == 2 else None for part in found.values()}
    return found if intact and sizes == {n_images} else None
