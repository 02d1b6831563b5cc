"""``aigc bench verify``: make every recorded number again and compare."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bench.cli.verbs.options import (
    DEFAULT_RUNS,
    DeviceOption,
    JobsOption,
    JsonOption,
    RegistryOption,
    WeightsOption,
    parse_duration,
    parse_seeds,
    slots_on,
)
from bench.cli.verbs.output import emit_items, print_rows, say
from catalog.errors import MissingPrerequisite

if TYPE_CHECKING:
    from bench.replay.verify.comparison import Comparison, Value
    from bench.replay.verify.result import Result

SHORT_HASH = 16


def verify(
    path: Annotated[
        Path,
        typer.Argument(
            help="A run directory, a directory of runs, a report folder or its records."
        ),
    ],
    variants: Annotated[
        list[str] | None,
        typer.Argument(help="Only these variants; 'calibration' means the calibration rows."),
    ] = None,
    runs: Annotated[
        Path | None,
        typer.Option("--runs", help="Where weights of published records lie; default: runs."),
    ] = None,
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain",
            help="Train again from the spec, demand the recorded weights, and score those.",
        ),
    ] = False,
    seeds: Annotated[
        str | None, typer.Option("--seeds", help="Only these training seeds, such as 0-4 or 0,2.")
    ] = None,
    compare: Annotated[
        Literal["auto", "exact", "tolerant"],
        typer.Option(
            "--compare",
            help="auto: to the last bit where machine and versions are those on record, else"
            " within tolerances.",
        ),
    ] = "auto",
    device: DeviceOption = "cpu",
    jobs: JobsOption = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="CPU threads of a job.")] = 1,
    timeout: Annotated[
        str | None, typer.Option("--timeout", help="Per job, such as 90s, 10m or 2h.")
    ] = None,
    as_json: JsonOption = False,
    extractor_weights: WeightsOption = None,
    registry_file: RegistryOption = None,
) -> None:
    """Make every number on record again, from weights or from data, and compare.

    Images are drawn and scored under the protocol that each record names. On the machine and with
    the versions on record all must be equal to the last bit, and only that is called verified.
    A record of another machine, or one that does not say its processor, is at best consistent:
    where its pixels come out here, numbers may differ by the judge's rounding, else within the
    tolerances of bench/replay/verify/tolerance.py. Sizes, suspicions, grids and the list of scores
    follow from the spec and the scores, and the draws of calibration sets from the registry. Times
    and memory are measured: nobody can verify them. A training elsewhere gives other weights, which
    --retrain reports as not comparable; the losses of a curve are verified by --retrain alone.
    Nothing is written to PATH.

    Exit 0: nothing differs. Exit 5: something differs; a table says what. Exit 3: a record is
    broken. Exit 1: a job crashed or took too long. Exit 4: something cannot be verified here, such
    as a run without weights, or a score of another version of torch-fidelity.
    """
    limit_s = parse_duration(timeout) if timeout else None
    wanted_seeds = parse_seeds(seeds) if seeds is not None else ()
    if runs is not None and not runs.is_dir():
        raise MissingPrerequisite("there is no such runs directory", where=runs.as_posix())
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from bench.replay.verify.find import find_targets

    sources = find_targets(path, variants or (), wanted_seeds)
    from bench.run.engines.local import warm_up

    warm_up(device)
    from bench.identity.local_registry import pinned_registry
    from bench.machine.device import resolve_device
    from bench.replay.verify.result import failure_of
    from bench.replay.verify.runner import verify as verify_all
    from bench.replay.verify.verification import Verification, planned_calibration
    from catalog.read.loader import registry_sha256
    from catalog.read.locate import find_registry

    file = find_registry(registry_file)
    chosen = resolve_device(device, cpu_is_fine=True)
    registry = pinned_registry(file)
    how = Verification(
        datasets=registry.datasets,
        extractors=registry.extractors,
        device=str(chosen),
        n_threads=threads,
        registry_sha256=registry_sha256(file),
        extractor_weights=extractor_weights,
        runs_dir=runs or (DEFAULT_RUNS if DEFAULT_RUNS.is_dir() else None),
        retrain=retrain,
        strictness=compare,
        calibration=planned_calibration(registry),
        registry=registry,
    )
    report = _Progress(len(sources)).report
    n_slots = slots_on(chosen, jobs)
    results = verify_all(sources, how, report, n_slots=n_slots, timeout_s=limit_s)
    _show(results, as_json=as_json)
    failure = failure_of(results, path.as_posix())
    if failure is not None:
        sys.stdout.flush()
        raise failure


class _Progress:
    """One line for people whenever a job is over."""

    def __init__(self, n_jobs: int) -> None:
        self.n_jobs = n_jobs
        self.n_ended = 0

    def report(self, result: Result) -> None:
        self.n_ended += 1
        say(f"[{self.n_ended}/{self.n_jobs}] {result.name}: {result.words} ({result.wall_s:.1f} s)")


def _show(results: list[Result], *, as_json: bool) -> None:
    """What differs, number by number; where nothing does, one line for each run."""
    from bench.replay.verify.result import share_lines, shares, totals

    if as_json:
        emit_items([result.as_data() for result in results], summary=shares(results))
        return
    mismatches = [
        _mismatch(result.name, record, check)
        for result in results
        for record, check in result.mismatches
    ]
    print_rows(mismatches or [_row(result) for result in results])
    for line in (totals(results), *share_lines(results)):
        say(line)


def _row(result: Result) -> dict[str, str]:
    return {
        "run": result.name,
        "records": str(len(result.verified)),
        "numbers": str(result.count("number")),
        "images": str(result.count("images")),
        "result": result.words,
    }


def _mismatch(run: str, record: str, check: Comparison) -> dict[str, str]:
    difference = check.difference
    return {
        "run": run,
        "record": record,
        "what": check.what,
        "recorded": _short(check.recorded),
        "recomputed": _short(check.recomputed),
        "difference": "" if difference is None else f"{difference:.3g}",
        "allowed": "equal" if not check.allowed else f"{check.allowed:.3g}",
    }


def _short(value: Value) -> str:
    """A value in a table; hashes by their first digits."""
    if value is None:
        return "no value"
    text = str(value)
    is_hash = len(text) == 64 and set(text) <= set("0123456789abcdef")
    return f"{text[:SHORT_HASH]}…" if is_hash else text
