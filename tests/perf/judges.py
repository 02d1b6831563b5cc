"""Features of ``efficientnet-lite0`` on one core, against the plain network of its package.

Both see the same resized images; the package's network gets them in the batches it is fastest with.
The logits must agree.
"""

from __future__ import annotations

import time
from statistics import median

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch.nn import functional as F

from bench.score.extractors import load_extractor, weights_place
from catalog.read.loader import load_registry

N_IMAGES = 64
BATCHES = (4, 16, 64)
ROUNDS = 3


def compare() -> list[str]:
    """Lines of the comparison, as Markdown."""
    torch.set_num_threads(1)
    entry = load_registry().extractor("efficientnet-lite0")
    ours = load_extractor(entry, "cpu")
    plain = EfficientNet.from_name("efficientnet-lite0").eval()
    plain.load_state_dict(torch.load(str(weights_place(entry)), weights_only=True))
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (N_IMAGES, 3, 32, 32), generator=generator, dtype=torch.uint8)
    took: dict[int, list[float]] = {batch: [] for batch in (0, *BATCHES)}
    with torch.inference_mode():
        for _ in range(ROUNDS):
            for batch in BATCHES:
                start = time.process_time()
                theirs = torch.cat([plain(_prepared(part)) for part in images.split(batch)])
                took[batch].append(time.process_time() - start)
            start = time.process_time()
            found = ours(images)["logits"]
            took[0].append(time.process_time() - start)
    difference = float((found - theirs).abs().max())
    if difference > 1e-4:
        raise SystemExit(f"logits differ by {difference}")
    rate = {batch: N_IMAGES / median(seconds) for batch, seconds in took.items()}
    best = max(BATCHES, key=lambda batch: rate[batch])
    ratios = f"**{rate[0] / rate[best]:.1f}x** to its best, {rate[0] / rate[64]:.1f}x to 64 at once"
    return [
        f"| efficientnet-lite0, {N_IMAGES} images of 32 x 32, one core | images/s |",
        "|---|---|",
        *(
            f"| the package's network, batches of {batch} | {rate[batch]:.0f} |"
            for batch in BATCHES
        ),
        f"| here | {rate[0]:.0f} |",
        f"\nratio: {ratios}",
    ]


def _prepared(images: torch.Tensor) -> torch.Tensor:
    resized = F.interpolate(images.float(), size=224, mode="bicubic", antialias=True)
    return (resized.clamp(0.0, 255.0) - 127.0) / 128.0
