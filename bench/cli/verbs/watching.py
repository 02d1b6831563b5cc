"""``aigc report live``: watch running jobs from another terminal."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.verbs.options import DEFAULT_RUNS, JsonOption, RegistryOption
from bench.cli.verbs.output import emit_items


def live(
    suite: Annotated[
        str | None, typer.Argument(help="Only runs of this suite; aigc bench list --kind suites.")
    ] = None,
    runs: Annotated[Path, typer.Option("--runs", help="Where the runs are.")] = DEFAULT_RUNS,
    every: Annotated[
        float, typer.Option("--every", min=0.2, max=3600.0, help="Seconds between two looks.")
    ] = 2.0,
    once: Annotated[
        bool, typer.Option("--once", help="Look once and exit; so does a pipe.")
    ] = False,
    as_json: JsonOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """Watch running jobs: steps, speed, time left, curves of losses, newest grid; disturb nobody.

    Jobs that ended just now are shown as well. It ends when nothing runs any more.
    """
    stems = _stems(suite, registry_file) if suite is not None else None
    from bench.watch.job_state import work_in_progress

    work = work_in_progress(runs, stems)
    if as_json:
        emit_items([job.as_data() for job in work.jobs])
        return
    from rich.console import Console
    from rich.live import Live

    from bench.watch.dashboard import rendered

    console = Console()
    if once or not sys.stdout.isatty():
        console.print(rendered(work, console.width))
        return
    with Live(rendered(work, console.width), console=console, auto_refresh=False) as shown:
        while not work.is_over:
            time.sleep(every)
            work = work_in_progress(runs, stems)
            shown.update(rendered(work, console.width), refresh=True)


def _stems(suite: str, registry_file: Path | None) -> frozenset[str]:
    """How the names of a suite's runs begin."""
    from bench.identity.local_registry import pinned_registry

    registry = pinned_registry(registry_file)
    entry = registry.suite(suite)
    return frozenset(f"{variant.id}-{entry.dataset}" for variant in registry.variants_of(entry))
