"""Features of images, each set of them seen once in each way, and how often that was."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench.appeal.claim import Resize
from bench.appeal.pixels import luminance, resized
from bench.appeal.way import View
from bench.score.extractors import FeatureExtractor, load_extractor
from bench.score.extractors.efficientnet_lite0 import INPUT as LITE_INPUT
from bench.score.features import Features, extract
from bench.score.two_sets import BATCH_SIZE
from catalog.errors import InvalidInput
from catalog.schema import Extractor, Registry

READS = {"efficientnet-lite0": LITE_INPUT, "inception-v3-compat": 299}
"""Sizes to which judges resize by themselves."""
WHOLE_PIXELS = frozenset({"inception-v3-compat"})
"""Judges that read uint8 alone, so that what was resized before them is rounded."""
BARE = "pixel-identity"


def size_read_by(entry: Extractor) -> int | None:
    """Height and width of the images that a judge's first layer reads; None for any."""
    return entry.resolution or READS.get(entry.id)


class Seen(FeatureExtractor):
    """A judge that looks at images in another way than its own.

    Attributes:
        judge: what makes the features.
        resize: before the judge.
        channels: as in a claim.
    """

    def __init__(
        self, judge: FeatureExtractor, resize: Resize | None, channels: int | None
    ) -> None:
        super().__init__(judge.name, judge.layers, judge.sha256)
        self.judge = judge
        self.resize = resize
        self.channels = channels

    def check(self, images: Tensor, source: str) -> None:
        """Refuse what the judge refuses, but for what is changed before it."""
        if self.resize is None and self.channels is None:
            self.judge.check(images, source)
        elif self.resize is not None and self.resize.to is None:
            raise InvalidInput(f"{source}: {self.name} reads any size, so say resize.to which")

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, H, W) uint8 images."""
        if self.channels == 1:
            images = luminance(images).expand(-1, 3, -1, -1)
        if self.resize is not None and self.resize.to is not None:
            images = resized(images, self.resize, self.resize.to)
            if self.name in WHOLE_PIXELS:
                images = (images + 0.5).floor().to(torch.uint8)
        if self.name == BARE and self.channels == 3:
            return {self.layers[0]: images.flatten(1).float()}  # (B, 3 H W)
        found: dict[str, Tensor] = self.judge(images)
        return found


class Passes:
    """Features by set of images and view.

    Attributes:
        n: passes of a set of images through a judge so far.
    """

    def __init__(
        self, registry: Registry, device: torch.device, tell: Callable[[str], None]
    ) -> None:
        self.registry = registry
        self.device = device
        self.n = 0
        self._tell = tell
        self._judges: dict[str, FeatureExtractor] = {}
        self._known: dict[tuple[str, View], Features] = {}

    def features(self, name: str, view: View, images: Callable[[], Tensor]) -> Features:
        """Features of a set of images as a view sees it; made once.

        Args:
            name: of the set, which with the view identifies it.
            view: how it is seen.
            images: makes (N, C, H, W) uint8 where that has not been done.

        Raises:
            MissingPrerequisite: the judge's weights are absent.
            InvalidInput: the images do not fit the judge, or a feature is not finite.
        """
        if (name, view) not in self._known:
            judge = Seen(self.judge(view.extractor), view.resize, view.channels)
            pixels = images()
            what = f"{len(pixels):,} images of {name}{view.told}"
            self._tell(f"pass {self.n + 1}: {what}, through {judge.name}")
            found = extract(pixels, judge, BATCH_SIZE, self.device, name)
            self.n += 1
            self._known[name, view] = found
        return self._known[name, view]

    def knows(self, name: str, view: View) -> bool:
        """Whether a set was seen in this way before."""
        return (name, view) in self._known

    def judge(self, name: str) -> FeatureExtractor:
        """A registered extractor, loaded once."""
        if name not in self._judges:
            self._judges[name] = load_extractor(self.registry.extractor(name), self.device)
        return self._judges[name]
