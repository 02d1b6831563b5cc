"""``aigc bench run``, ``plan`` and ``status``: carry out a suite, or say what that would mean."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands.options import (
    DeviceOption,
    JsonOption,
    RegistryOption,
    RunsOption,
    WeightsOption,
    emit_items,
    parse_duration,
    parse_seeds,
    say,
)
from catalog.errors import AigcError, ExitCode, JobFailed

if TYPE_CHECKING:
    from bench.plan import Narrowing, Plan, State

SuiteArgument = Annotated[str, typer.Argument(help="A suite; aigc bench list --kind suites.")]
VariantsArgument = Annotated[
    list[str] | None, typer.Argument(help="Only these variants of the suite.")
]
SeedsOption = Annotated[
    str | None, typer.Option("--seeds", help="Training seeds, such as 0-4 or 0,2.")
]
StepsOption = Annotated[
    int | None, typer.Option("--steps", min=1, max=10**9, help="Updates per run, not the suite's.")
]
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", "-L", min=2, help="Images per score; keeps runs out of leaderboards."),
]
SmokeOption = Annotated[
    bool, typer.Option("--smoke", help="A few updates, to see that everything works; unranked.")
]
DEFAULT_RUNS = Path("runs")
STATES: tuple[State, ...] = ("done", "resume", "rescore", "new", "failed")


def run(
    suite: SuiteArgument,
    variants: VariantsArgument = None,
    seeds: SeedsOption = None,
    device: DeviceOption = "auto",
    output_dir: RunsOption = DEFAULT_RUNS,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Jobs at once; default one per CPU core.")
    ] = None,
    steps: StepsOption = None,
    limit: LimitOption = None,
    smoke: SmokeOption = False,
    timeout: Annotated[
        str | None, typer.Option("--timeout", help="Per job, such as 90s, 10m or 2h.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try failed jobs again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Show the plan and start nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print events as JSON lines.")] = False,
    extractor_weights: WeightsOption = None,
    registry_file: RegistryOption = None,
) -> None:
    """Train and score every variant of a suite; give the same command again to go on."""
    limit_s = parse_duration(timeout) if timeout else None
    narrowing = _narrowing(variants, seeds, steps, limit, smoke)
    if dry_run:
        _show_plan(_plan(suite, output_dir, registry_file, narrowing), as_json=as_json)
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from bench.engines.local import warm_up

    warm_up(device)  # the fork server imports torch while this process does
    from bench.device import resolve_device
    from bench.display import make_display
    from bench.runner import run_plan, surroundings

    the_plan = _plan(suite, output_dir, registry_file, narrowing)
    chosen = resolve_device(device, cpu_is_fine=the_plan.suite.cpu)
    around = surroundings(the_plan, chosen, registry_file, extractor_weights)
    n_slots = jobs or (1 if chosen.type == "cuda" else os.cpu_count() or 1)
    with make_display(the_plan, as_json=as_json, retry_failed=retry_failed) as display:
        try:
            outcome = run_plan(
                the_plan,
                around,
                display.watch,
                n_slots=n_slots,
                timeout_s=limit_s,
                retry_failed=retry_failed,
            )
        except KeyboardInterrupt:
            display.done(ExitCode.INTERRUPTED)
            raise
        except AigcError as error:
            display.done(error.exit_code)
            raise
        display.done(ExitCode.JOB_FAILED if outcome.failures else ExitCode.OK)
    if outcome.failures:
        raise JobFailed(
            f"{len(outcome.failures)} jobs have no result: " + "; ".join(outcome.failures),
            where=str(output_dir),
            hint="each train.json says more; --retry-failed tries them again",
        )


def plan(
    suite: SuiteArgument,
    variants: VariantsArgument = None,
    seeds: SeedsOption = None,
    output_dir: RunsOption = DEFAULT_RUNS,
    steps: StepsOption = None,
    limit: LimitOption = None,
    smoke: SmokeOption = False,
    as_json: JsonOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """Show what running a suite would do, and why; start nothing."""
    narrowing = _narrowing(variants, seeds, steps, limit, smoke)
    _show_plan(_plan(suite, output_dir, registry_file, narrowing), as_json=as_json)


def status(
    suite: SuiteArgument,
    output_dir: RunsOption = DEFAULT_RUNS,
    as_json: JsonOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """Show where each job of a suite stands, and whether a run is under way."""
    from bench.commands.tables import print_rows
    from bench.store import is_held

    the_plan = _plan(suite, output_dir, registry_file)
    rows = [
        {**row, "state": "running"} if is_held(job.directory) else row
        for row, job in zip(_rows(the_plan), the_plan.jobs, strict=True)
    ]
    if as_json:
        emit_items(rows)
        return
    print_rows(rows)
    say(_totals(the_plan))
    say("a run is under way" if is_held(output_dir) else "no run is under way")


def _narrowing(
    variants: list[str] | None,
    seeds: str | None,
    steps: int | None,
    limit: int | None,
    smoke: bool,
) -> Narrowing:
    chosen = parse_seeds(seeds) if seeds is not None else ()  # complain before loading torch
    from bench.plan import Narrowing

    return Narrowing(
        variants=tuple(variants or ()),
        seeds=chosen,
        steps=steps,
        limit=limit,
        smoke=smoke,
    )


def _plan(
    suite: str, runs_dir: Path, registry_file: Path | None, narrowing: Narrowing | None = None
) -> Plan:
    from bench.plan import make_plan
    from catalog.loader import load_registry

    registry = load_registry(registry_file)
    return make_plan(registry, registry.suite(suite), runs_dir, narrowing)


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    from bench.commands.tables import print_rows

    if as_json:
        emit_items(_rows(plan))
        return
    print_rows(_rows(plan))
    say(_totals(plan))
    say("nothing was started")


def _rows(plan: Plan) -> list[dict[str, str]]:
    return [
        {
            "variant": job.spec.variant,
            "seed": str(job.spec.seed),
            "steps": str(job.spec.steps),
            "state": job.state,
            "why": job.why,
            "directory": job.directory.as_posix(),
        }
        for job in plan.jobs
    ]


def _totals(plan: Plan) -> str:
    counts = {state: len(plan.in_state(state)) for state in STATES}
    parts = [f"{n} {state}" for state, n in counts.items() if n]
    if plan.calibration:
        parts.append(f"{len(plan.calibration)} calibration rows to score")
    protocol = f"protocol {plan.protocol.id} · key {plan.protocol.key}"
    return f"{plan.suite.id}: {len(plan.jobs)} jobs: {', '.join(parts)} · {protocol}"
