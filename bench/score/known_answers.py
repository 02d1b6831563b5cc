"""Answers known by hand, asked of the very functions that make every score.

Images are uint8 and go through ``pixel-identity``, so that features are the pixel values written
here. A row of numbers is one image of one pixel row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor

from bench.score.extractors.pixel_identity import LAYER, PixelIdentity
from bench.score.features import Features, extract
from bench.score.scorer import MetricGroup, Settings, score_features

SETTINGS = Settings(LAYER, LAYER, LAYER, LAYER, isc_splits=1, kid_subset_size=2)
EXACT = 1e-6
BATCH = 64


@dataclass(frozen=True)
class KnownAnswer:
    """An answer that is known by hand, and the computed one.

    Attributes:
        name: metric and case.
        expected: the answer by hand.
        tolerance: largest absolute deviation that passes.
        got: what the scoring code says.
    """

    name: str
    expected: float
    tolerance: float
    got: float

    @property
    def passed(self) -> bool:
        """Whether the deviation is within the tolerance."""
        return abs(self.got - self.expected) <= self.tolerance


def run_selftest() -> list[KnownAnswer]:
    """All known answers; takes a few seconds."""
    families: tuple[Callable[[], list[KnownAnswer]], ...] = (
        _frechet,
        _inception,
        _kernel,
        _precision_recall,
        _statistical,
    )
    return [check for family in families for check in family()]


def _frechet() -> list[KnownAnswer]:
    # The 16 vertices 100 ± 10 of a 4-D cube have covariance v·1 with v = 16/15 · 100.
    cube = torch.tensor(list(product((90, 110), repeat=4)))
    v = 1600 / 15
    wide = 100 + (cube - 100) * 2
    partly = 100 + (cube - 100) * torch.tensor([2, 2, 1, 1])
    # Points ±(20, 0)±(0, 10) and ±(30, 10), ±(10, 30) have covariances c·diag(4, 1) and
    # c·[[5, 3], [3, 5]] with c = 400/3. Their product has trace 25 c² and determinant 64 c⁴, so the
    # root's trace is c·√(25 + 2·√64) = c·√41, and the distance c·(5 + 10 − 2·√41).
    upright = [(120, 110), (120, 90), (80, 110), (80, 90)]
    tilted = [(130, 110), (110, 130), (90, 70), (70, 90)]
    c = 400 / 3
    return [
        _check("fid of equal sets", 0, _fid(cube, cube), 1e-8),
        _check("fid of a shift by (3, 4, 0, 0)", 25, _fid(cube + _row(3, 4, 0, 0), cube)),
        # Each axis with standard deviations a and b adds (a − b)², here (2 − 1)²·v.
        _check("fid of twice the spread on 4 axes", 4 * v, _fid(wide, cube), 1e-5),
        _check("fid of twice the spread on 2 axes", 2 * v, _fid(partly, cube), 1e-5),
        # Without any spread only the means count: 4 · (10 − 7)².
        _check("fid of two constants", 36, _fid([[10] * 4] * 5, [[7] * 4] * 5)),
        # One feature: means 1 and 4, variances 2 and 18: 3² + (√18 − √2)² = 9 + 8.
        _check("fid of one feature", 17, _fid([[0], [2]], [[1], [7]])),
        _check("fid of tilted axes", c * (15 - 2 * math.sqrt(41)), _fid(tilted, upright), 1e-4),
    ]


def _inception() -> list[KnownAnswer]:
    # One-hot times 200 gives certain predictions, so IS is exp(entropy of the class shares).
    four = (torch.eye(4, dtype=torch.int64) * 200).repeat(10, 1)
    uneven = four[[0, 0, 0, 1] * 10]
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    # Logits (1, 0) and (0, 1) equally often: IS = 2·p^p·(1 − p)^(1 − p) with p = e / (1 + e).
    p = math.e / (1 + math.e)
    unsure = 2 * p**p * (1 - p) ** (1 - p)
    return [
        _check("is of one repeated image", 1, _is([[7] * 4] * 40)),
        _check("is of 4 balanced classes", 4, _is(four)),
        _check("is of 2 of 4 classes", 2, _is(four[[0, 1] * 20])),
        _check("is of classes 3 : 1", math.exp(entropy), _is(uneven)),
        _check("is of unsure predictions", unsure, _is([[1, 0], [0, 1]] * 20)),
        # Shuffled splits of 4 images miss classes; the value depends on the shuffle alone.
        _check("is of 4 classes in 10 splits", 2.3989624, _is(four, isc_splits=10)),
    ]


def _kernel() -> list[KnownAnswer]:
    # The kernel is (x·y / d + 1)³. For {0, 2} and {1, 3}: 1 + 64 − 2 · (1 + 1 + 27 + 343) / 4.
    return [
        _check("kid of {0, 2} and {1, 3}", -121, _kid([[0], [2]], [[1], [3]])),
        # Equal sets are not at 0, since only the cross term keeps its diagonal: 1 + 1 − 2·128/4.
        _check("kid of {0, 2} and itself", -62, _kid([[0], [2]], [[0], [2]])),
        # Constants 1 and 2: 2³ + 5³ − 2·3³.
        _check("kid of two constants", 79, _kid([[1]] * 2, [[2]] * 2)),
        # Constants (1, 1) and (1, 3): 2³ + 6³ − 2·3³.
        _check("kid of two constants, 2 features", 170, _kid([[1, 1]] * 2, [[1, 3]] * 2)),
        # All subsets of constant sets are alike.
        _check("kid spread of two constants", 0, _values("kid", [[1]] * 5, [[2]] * 5)["kid_std"]),
    ]


def _precision_recall() -> list[KnownAnswer]:
    line = torch.arange(0, 100, 10).unsqueeze(1)  # (10, 1)
    # Real balls reach 30 at the ends, so the line covers up to 120: the two farthest of line + 50,
    # 130 and 140, lie outside. By symmetry recall is the same.
    half = torch.tensor([0, 10, 20, 30, 40, 200, 201, 202, 203, 204]).unsqueeze(1)
    return [
        *_prc("equal sets", line, line, (1, 1, 1)),
        *_prc("sets far apart", line + 150, line, (0, 0, 0)),
        *_prc("a shift by half", line + 50, line, (0.8, 0.8, 0.8)),
        *_prc("one image ten times", [[40]] * 10, line, (1, 0.1, 2 * 0.1 / 1.1)),
        # 0 .. 40 is inside the line and 200 .. 204 is not; the former's balls cover 0 .. 70.
        *_prc("half inside", half, line, (0.5, 0.8, 2 * 0.5 * 0.8 / 1.3)),
        # With k = 1 every ball reaches 10; of line + 25 the last two, 105 and 115, are outside.
        *_prc("a shift, k = 1", line + 25, line, (0.8, 0.8, 0.8), prc_neighborhood=1),
    ]


def _statistical() -> list[KnownAnswer]:
    generator = torch.Generator().manual_seed(0)

    def normal(n: int, d: int) -> Features:
        return {LAYER: torch.randn(n, d, generator=generator)}

    standard, shifted = normal(50_000, 16), {LAYER: 0.5 + 1.5 * normal(50_000, 16)[LAYER]}
    moved = {LAYER: 0.5 + normal(5_000, 16)[LAYER]}
    few = replace(SETTINGS, kid_subsets=10, kid_subset_size=1000)
    n, d = 1797, 64
    bias = d * (d + 5) / (2 * n)

    def fid(fake: Features, real: Features) -> float:
        return score_features("fid", fake, real, SETTINGS)["fid"]

    def kid(fake: Features) -> float:
        return score_features("kid", fake, standard, few)["kid"]

    return [
        # Each of 16 axes adds 0.5² + (1.5 − 1)².
        _check("fid of N(0.5, 1.5²) and N(0, 1)", 8, fid(shifted, standard), 0.15),
        # E(x·y / 16 + 1)³ over both pairs; the difference of the sides is 1.029296875.
        _check("kid of N(0.5, 1) and N(0, 1)", 1.029296875, kid(moved), 0.1),
        _check("kid of one distribution", 0, kid(normal(5_000, 16)), 0.005),
        # Both sides estimate a unit covariance from n images: the bias is d·(d + 5) / (2·n).
        _check("fid bias of one distribution", bias, fid(normal(n, d), normal(n, d)), 0.12),
    ]


Rows = Tensor | Sequence[Sequence[int]]


def _row(*values: int) -> Tensor:
    return torch.tensor(values)


def _features(rows: Rows) -> Features:
    images = torch.as_tensor(rows).to(torch.uint8)[:, None, None, :]  # (N, d) -> (N, 1, 1, d)
    return extract(images, PixelIdentity(), BATCH, "cpu", "selftest")


def _values(
    group: MetricGroup, fake: Rows, real: Rows, settings: Settings = SETTINGS
) -> dict[str, float]:
    return score_features(group, _features(fake), _features(real), settings)


def _check(name: str, expected: float, got: float, tolerance: float = EXACT) -> KnownAnswer:
    return KnownAnswer(name, expected, tolerance, got)


def _fid(fake: Rows, real: Rows) -> float:
    return _values("fid", fake, real)["fid"]


def _is(fake: Rows, isc_splits: int = 1) -> float:
    return _values("is", fake, fake, replace(SETTINGS, isc_splits=isc_splits))["is"]


def _kid(fake: Rows, real: Rows) -> float:
    return _values("kid", fake, real)["kid"]


def _prc(
    name: str,
    fake: Rows,
    real: Rows,
    expected: tuple[float, float, float],
    prc_neighborhood: int = 3,
) -> list[KnownAnswer]:
    settings = replace(SETTINGS, prc_neighborhood=prc_neighborhood)
    got = _values("prc", fake, real, settings)
    return [
        _check(f"{metric} of {name}", value, got[metric])
        for metric, value in zip(got, expected, strict=True)
    ]
