"""Which code decides a result, as one digest: a number is only as old as its code.

Records of the first releases hold a sha256 over whole files in its place; ``SAME_CODE`` says which
of today's digests stand for the same code.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from bench.identity.definitions import Definition, MissingDefinition, digest, include
from catalog.rules import is_allowed

Loop = Literal["plain", "streamed", "tuned"]
"""How a training is looped: with its images on the device, streamed to it, or replayed."""
LOOPS: tuple[Loop, ...] = ("plain", "streamed", "tuned")

TRAINING = (
    ("bench.build", "build_from_spec"),
    ("bench.train", "Trainer"),
    ("bench.trained", "finish"),
    ("bench.trained", "TrainedModel"),
    ("bench.drawing", "draw_subject"),
)
"""Where the walk over what decides a training starts, beside its algorithm."""
FASTER: dict[Loop, tuple[tuple[str, str], ...]] = {
    "plain": (),
    "streamed": (("bench.tuned.streaming", "StreamingTrainer"),),
    "tuned": (("bench.tuned.trainer", "TunedTrainer"),),
}
SCORING = (("bench.score", "Scorer"),)
SUBSET = (("bench.score_subset", "SubsetScorer"),)
CALIBRATION = (
    ("bench.calibration", "calibration_images"),
    ("bench.calibration", "calibration_labels"),
    ("bench.calibration_task", "first_images"),
    ("bench.calibration_task", "N_FITTED"),
)
DECIDE = (
    *("bench.augment", "bench.batches", "bench.build", "bench.calibration", "bench.captions"),
    *("bench.copies", "bench.data", "bench.density", "bench.divergence", "bench.drawing"),
    *("bench.ema", "bench.extractors", "bench.features", "bench.fidelity", "bench.models"),
    *("bench.networks", "bench.noise", "bench.objectives", "bench.sample", "bench.score"),
    *("bench.score_subset", "bench.stats", "bench.train", "bench.trained", "bench.tuned"),
    "bench.calibration_task",
)
"""Modules and packages whose definitions can decide a number; all others only carry it."""
SAME_CODE = Path(__file__).with_name("same_code.json")
"""By kind and recorded digest: today's digests of code that was shown to make the same numbers."""


def code_of_training(algorithm: str, recipe: Mapping[str, Any], loop: Loop = "plain") -> str:
    """Hex sha256 of the definitions that decide what a training produces.

    Args:
        algorithm: ``package.module:Class``; it is read, not imported. Of one that cannot be found
            nothing but the name counts.
        recipe: its settings; an entry of a table counts if a setting names it.
        loop: which loop it goes through.
    """
    return _code_of_training(algorithm, tuple(sorted(set(_names(recipe)))), loop)


@functools.cache
def _code_of_training(algorithm: str, names: tuple[str, ...], loop: Loop) -> str:
    module, _, kind = algorithm.partition(":")
    roots = [Definition(*root) for root in (*TRAINING, *FASTER[loop])]
    if not is_allowed(module):  # looking for a module imports the packages around it
        return digest(roots, {algorithm}, _decides)
    plug_in = module.partition(".")[0]
    include(plug_in)
    try:
        return digest(
            [*roots, Definition(module, kind)],
            names,
            lambda name: _decides(name) or (plug_in != "bench" and _is_in(name, plug_in)),
        )
    except MissingDefinition:
        return digest(roots, {algorithm}, _decides)


@functools.cache
def code_of_scoring(extractor: str, *, subset: bool = False, calibration: bool = False) -> str:
    """Hex sha256 of the definitions that decide a score.

    Args:
        extractor: its id.
        subset: whether the protocol lets some metrics see the first images alone.
        calibration: whether the images are a calibration set, which its own code makes.
    """
    roots = [*SCORING, *(SUBSET if subset else ()), *(CALIBRATION if calibration else ())]
    module = f"bench.extractors.{extractor.replace('-', '_')}"
    return digest(
        [*(Definition(*root) for root in roots), Definition(module, "load")], None, _decides
    )


def is_same_code(kind: Literal["training", "scoring"], recorded: str, present: str) -> bool:
    """Whether code recorded by some digest makes the same numbers as present code."""
    return recorded == present or present in _same_code()[kind].get(recorded, ())


def n_versions(kind: Literal["training", "scoring"], codes: Collection[str]) -> int:
    """How many versions of code some recorded digests stand for."""
    same = [code for code in codes if any(is_same_code(kind, code, c) for c in codes if c != code)]
    return len(codes) - len(same)


@functools.cache
def _same_code() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(SAME_CODE.read_bytes())
    return found


def _names(settings: Any) -> Iterator[str]:
    """Every name among settings that are in force: words, and keys of what is not empty or zero."""
    if isinstance(settings, str):
        yield settings
    elif isinstance(settings, Mapping):
        for key, value in settings.items():
            if value:
                yield str(key)
                yield from _names(value)
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from _names(value)


def _decides(module: str) -> bool:
    return any(_is_in(module, package) for package in DECIDE)


def _is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
