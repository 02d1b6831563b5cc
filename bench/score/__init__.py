"""Images to numbers: one pass through a feature network, then every metric on its features.

``scorer`` measures what a protocol prescribes, ``two_sets`` what a user names; ``extractors`` are
the judges, ``metrics`` the formulas, which torch-fidelity computes. ``calibration`` makes the sets
whose scores say what a number is worth, ``suspicions`` what a number may hide, and
``known_answers`` asks for numbers that are known by hand. Training never sees anything of this
room.

Public: ``scorer.Scorer``, ``scoring_bench.ScoringBench``, ``extractors.load_extractor``,
``image_source.resolve_image_source``, ``two_sets.compare``.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.score.from_python import Images, Scores


class _Room(ModuleType):
    """This package, which answers to a call as the function ``bench.score`` does.

    The function and the package share a name, and Python puts the package in the function's place
    as soon as it is imported.
    """

    def __call__(
        self, images: Images, reference: Images, protocol: str, device: str = "cpu"
    ) -> Scores:
        from bench.score.from_python import score

        return score(images, reference, protocol, device)


sys.modules[__name__].__class__ = _Room
