"""``aigc doctor``, ``bench validate`` and ``bench selftest``: is everything there and in order?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import typer

from bench.cli.verbs.options import JsonOption, RegistryOption
from bench.cli.verbs.output import emit, emit_items, print_rows, say
from catalog.errors import AigcError, ExitCode, InvalidRegistry

if TYPE_CHECKING:
    from catalog.schema import Registry


def doctor(as_json: JsonOption = False, registry_file: RegistryOption = None) -> None:
    """Show the machine, the versions, and every weight file with its place and state."""
    import torch

    from bench.identity.local_registry import pinned_registry
    from bench.records.environment import environment
    from bench.score.extractors import weights_place
    from catalog.files import cache_dir
    from catalog.read.locate import find_registry

    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    here = environment(device)
    facts = {
        "device": f"{here.device}: {here.device_name}",
        "cpu threads": str(here.n_threads),
        "os": here.os,
        "python": here.python,
        **here.packages,
        "registry": str(find_registry(registry_file)),
        "cache": str(cache_dir()),
    }
    for extractor in pinned_registry(registry_file).extractors:
        path = weights_place(extractor)
        if path is not None:
            absent = f"absent; sha256 {extractor.sha256}"
            if extractor.sha256 is None:
                absent = f"not trained here yet: {extractor.rebuild}"
            state = "found" if path.is_file() else absent
            facts[f"weights of {extractor.id}"] = f"{path} ({state})"
    if as_json:
        emit_items([{"name": name, "value": value} for name, value in facts.items()])
        return
    print_rows([{"what": name, "is": value} for name, value in facts.items()])


def validate(as_json: JsonOption = False, registry_file: RegistryOption = None) -> None:
    """Find every loader and extractor, resolve every recipe; all problems are shown at once."""
    from catalog.read.loader import load_registry
    from catalog.read.locate import find_registry, shown_path

    path = find_registry(registry_file)
    registry = load_registry(path)
    problems = []
    for check, where in _checks(registry):
        try:
            check()
        except AigcError as error:
            problems.append(f"{shown_path(path)}: {error.what}{where}")
    if as_json:
        emit_items(problems)
    if problems:
        raise InvalidRegistry(shown_path(path), problems)
    if not as_json:
        emit(f"{len(registry.variants)} recipes fit their algorithms")


def _checks(registry: Registry) -> Iterator[tuple[Callable[[], object], str]]:
    """What may raise, each with where it was asked."""
    from bench.data.loaders import require_loader
    from bench.models.build import resolve_recipe
    from bench.score.extractors import require_extractor

    for dataset in registry.datasets:
        yield partial(require_loader, dataset), ""
    for extractor in registry.extractors:
        yield partial(require_extractor, extractor), ""
    for variant in registry.variants:
        for dataset in registry.datasets:
            if variant.fits(dataset.id):
                yield partial(resolve_recipe, registry, variant, dataset.id), f" (on {dataset.id})"


def selftest(as_json: JsonOption = False) -> None:
    """Ask the scoring code for answers that are known by hand; exit 1 if one is missed."""
    from bench.score.known_answers import run_selftest

    checks = run_selftest()
    missed = [check for check in checks if not check.passed]
    if as_json:
        rows = [asdict(check) | {"passed": check.passed} for check in checks]
        emit(json.dumps({"passed": not missed, "checks": rows}, indent=2))
    else:
        print_rows(
            [
                {
                    "check": check.name,
                    "expected": f"{check.expected:.9g}",
                    "got": f"{check.got:.9g}",
                    "result": "pass" if check.passed else "MISS",
                }
                for check in checks
            ]
        )
    say(f"{len(checks) - len(missed)} of {len(checks)} known answers")
    if missed:
        raise typer.Exit(ExitCode.JOB_FAILED)
