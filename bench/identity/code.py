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

from bench.identity.definitions import MissingDefinition, digest, walk
from bench.identity.names import present_name
from bench.identity.sources import Definition, include
from bench.identity.spec import TrainSpec
from catalog.rules.entries import is_allowed

Loop = Literal["plain", "streamed", "tuned"]
"""How a training is looped: with its images on the device, streamed to it, or replayed."""
CodeKind = Literal["training", "scoring"]
"""What code decides: a training and what is drawn from it, or a score."""
LOOPS: tuple[Loop, ...] = ("plain", "streamed", "tuned")

TRAINING = (
    ("bench.models.build", "build_from_spec"),
    ("bench.train.loop", "Trainer"),
    ("bench.sample.trained_model", "finish"),
    ("bench.sample.trained_model", "TrainedModel"),
    ("bench.sample.trained_model", "draw_subject"),
)
"""Where the walk over what decides a training starts, beside its algorithm."""
FASTER: dict[Loop, tuple[tuple[str, str], ...]] = {
    "plain": (),
    "streamed": (("bench.train.gpu.streaming", "StreamingTrainer"),),
    "tuned": (("bench.train.gpu.trainer", "TunedTrainer"),),
}
SCORING = (("bench.score.scorer", "Scorer"),)
LOADING = (("bench.outside.row", "open_row"), ("bench.outside.row", "OutsideRow"))
CALIBRATION = (
    ("bench.score.calibration", "calibration_images"),
    ("bench.score.calibration", "calibration_labels"),
)
STARTED = (("bench.train.fine_tuning", "take_over"),)
"""What else decides a training that goes on from an earlier one."""
DECIDE = (
    "bench.outside",
    *("bench.augment", "bench.data", "bench.models", "bench.networks", "bench.objectives"),
    *("bench.train.batches", "bench.train.divergence", "bench.train.ema", "bench.train.gpu"),
    *("bench.train.loop", "bench.train.fine_tuning", "bench.sample.draw"),
    *("bench.sample.latent_density", "bench.sample.trained_model", "bench.score.calibration"),
    *("bench.score.copies", "bench.score.extractors", "bench.score.features"),
    "bench.score.metrics",
    *("bench.score.scorer", "bench.stats"),
)
"""Modules and packages whose definitions can decide a number; all others only carry it."""
SAME_CODE = Path(__file__).with_name("same_code.json")
"""By kind and recorded digest: today's digests of code that was shown to make the same numbers."""


def code_of_training(
    algorithm: str, recipe: Mapping[str, Any], loop: Loop = "plain", *, started: bool = False
) -> str:
    """Hex sha256 of the definitions that decide what a training produces.

    Args:
        algorithm: ``package.module:Class``; its source is read, never imported. Where there is no
            such source, the digest covers the name alone.
        recipe: its settings; an entry of a table counts if a setting names it.
        loop: which loop it goes through.
        started: whether it goes on from the weights of an earlier training.
    """
    algorithm = present_name("algorithm", algorithm)
    return _code_of_training(algorithm, tuple(sorted(set(_names(recipe)))), loop, started)


def code_of_spec(spec: TrainSpec, loop: Loop = "plain") -> str:
    """``code_of_training`` of what a spec describes."""
    started = spec.start is not None
    return code_of_training(spec.algorithm, spec.recipe, loop, started=started)


@functools.cache
def _code_of_training(algorithm: str, names: tuple[str, ...], loop: Loop, started: bool) -> str:
    module, _, kind = algorithm.partition(":")
    begin = STARTED if started else ()
    roots = [Definition(*root) for root in (*TRAINING, *FASTER[loop], *begin)]
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


def read_ahead() -> None:
    """Read what nearly every digest covers; forked children need not read it again."""
    faster = (root for loop in LOOPS for root in FASTER[loop])
    roots = (*TRAINING, *faster, *SCORING, *CALIBRATION)
    digest([Definition(*root) for root in roots], None, _decides)


def reached_by_model(algorithm: str, recipe: Mapping[str, Any]) -> list[Definition]:
    """The definitions of ours that an algorithm is made of, as a reader meets them.

    Args:
        algorithm: ``package.module:Class``.
        recipe: its settings; of a table, only the entries that a setting names are met.
    """
    module, _, kind = present_name("algorithm", algorithm).partition(":")
    walked = walk([Definition(module, kind)], set(_names(recipe)), _decides)
    return [definition for definition, _ in walked]


@functools.cache
def code_of_scoring(extractor: str, calibration: str | None = None) -> str:
    """Hex sha256 of the definitions that decide a score.

    Args:
        extractor: its id in the table of extractors. Where the table has no such entry, the digest
            covers the scorer alone.
        calibration: name of the calibration set that is scored, whose maker counts too; None for
            images of a model.
    """
    asked = {present_name("extractor", extractor), *([] if calibration is None else [calibration])}
    roots = SCORING if calibration is None else (*SCORING, *CALIBRATION)
    return digest([Definition(*root) for root in roots], asked, _decides)


def code_of_loading(opener: str, details: Mapping[str, Any]) -> str:
    """Hex sha256 of the definitions that decide the images of a loaded row.

    Args:
        opener: ``module:function`` of what opens its kind of source.
        details: options that it was opened with; an entry of a table counts if one names it.
    """
    module, _, name = opener.partition(":")
    roots = [*(Definition(*root) for root in LOADING), Definition(module, name)]
    return digest(roots, set(_names(details)), _decides)


def is_same_code(kind: CodeKind, recorded: str, present: str) -> bool:
    """Whether code recorded by some digest makes the same numbers as present code."""
    return recorded == present or present in _same_code()[kind].get(recorded, ())


def is_on_list(kind: CodeKind, recorded: str) -> bool:
    """Whether a digest is one of those that later code was shown to make the same numbers as."""
    return recorded in _same_code()[kind]


def trained_by_present_code(spec: TrainSpec, recorded: str) -> bool:
    """Whether a training by recorded code would go the same way today, by any of the loops."""
    present = (code_of_spec(spec, loop) for loop in LOOPS)
    return any(is_same_code("training", recorded, code) for code in present)


def n_versions(kind: CodeKind, codes: Collection[str]) -> int:
    """Number of different versions among recorded digests; the same code counts once."""
    same = [code for code in codes if any(is_same_code(kind, code, c) for c in codes if c != code)]
    return len(codes) - len(same)


@functools.cache
def _same_code() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(SAME_CODE.read_bytes())
    return found


def _names(settings: Any) -> Iterator[str]:
    """Every name among settings that are in force: words, and keys of what is not empty or zero."""
    if isinstance(settings, str):
        yield present_name("backbone", settings)
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
