"""``aigc bench plan`` and ``status``: what a suite would run and why, and where it stands."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bench.cli.verbs.options import (
    DEFAULT_RUNS,
    BudgetOption,
    JsonOption,
    LimitOption,
    PrecisionOption,
    ProtocolOption,
    RegistryOption,
    RunsOption,
    SeedsOption,
    SetOption,
    SmokeOption,
    StartOption,
    StepsOption,
    SuiteArgument,
    SweepOption,
    VariantsArgument,
    parse_seeds,
)
from bench.cli.verbs.output import emit_items, print_rows, say
from catalog.errors import UsageError

if TYPE_CHECKING:
    from bench.run.found import Planned
    from bench.run.plan import Narrowing, Plan
    from bench.run.suite_choice import SuiteChoice

STATES = ("done", "running", "resume", "rescore", "new", "failed", "refused")
"""The order in which states are counted; others follow."""


def plan(
    suite: SuiteArgument,
    variants: VariantsArgument = None,
    seeds: SeedsOption = None,
    output_dir: RunsOption = DEFAULT_RUNS,
    budget: BudgetOption = None,
    protocol: ProtocolOption = None,
    steps: StepsOption = None,
    limit: LimitOption = None,
    smoke: SmokeOption = False,
    precision: PrecisionOption = None,
    own: SetOption = None,
    sweep: SweepOption = None,
    start_from: StartOption = None,
    as_json: JsonOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """Show what running a suite would do, and why; start nothing."""
    from bench.run.suite_choice import SuiteChoice

    narrowing = narrowing_of(
        variants, seeds, steps, limit, smoke, precision, own=own, sweep=sweep, start_from=start_from
    )
    chosen = SuiteChoice(suite, budget, protocol)
    show_plan(chosen, output_dir, registry_file, narrowing, as_json=as_json)


def status(
    suite: Annotated[
        str | None,
        typer.Argument(help="A suite; without one, every run in --output-dir, whatever made it."),
    ] = None,
    variants: VariantsArgument = None,
    seeds: SeedsOption = None,
    output_dir: RunsOption = DEFAULT_RUNS,
    budget: BudgetOption = None,
    protocol: ProtocolOption = None,
    as_json: JsonOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """Show where each job of a suite stands, and whether a run is alive or dead; disturb nobody.

    Without a suite: all runs that are there, also those of a number of steps of one's own, of
    --smoke, --limit or another precision.
    """
    if suite is None:
        if variants or seeds is not None or budget is not None or protocol is not None:
            raise UsageError("of which suite?", hint="aigc bench list --kind suites")
        _show_found(output_dir, as_json=as_json)
        return
    from bench.run.suite_choice import SuiteChoice

    chosen = SuiteChoice(suite, budget, protocol)
    narrowing = narrowing_of(variants, seeds)
    if _shown_undecoded(chosen, output_dir, registry_file, narrowing, as_json=as_json):
        return
    the_plan = load_plan(chosen, output_dir, registry_file, narrowing)
    from bench.records.disk import disk_use
    from bench.watch.job_state import CommandState, newest_sign, planned_job_state

    jobs, command = [*map(planned_job_state, the_plan.jobs)], CommandState.of(output_dir)
    rows, sizes = _rows(the_plan)
    for row, job in zip(rows, jobs, strict=True):
        row |= {"state": job.state, "why": job.detail}
    disk, last_sign = disk_use(output_dir, sizes), newest_sign(job.now for job in jobs)
    planned = _planned(the_plan, narrowing)
    others = planned.others(output_dir)
    if as_json:
        items = _items(rows, sizes)
        items = [item | job.as_data() for item, job in zip(items, jobs, strict=True)]
        told = [run.as_data() for run in others]
        emit_items(items, run=command.as_data(last_sign), disk=asdict(disk), others=told)
        return
    print_rows(rows, only_in_pipes=("directory",))
    say(_totals(the_plan, [job.state for job in jobs]))
    _say_if_any(
        the_plan.without_judge,
        planned.sentence(others),
        planned.loaded(output_dir, to_load(the_plan, registry_file)),
    )
    say(disk.sentence())
    say(command.sentence(last_sign))


def _show_found(runs_dir: Path, *, as_json: bool) -> None:
    """Print every run in a runs directory."""
    from bench.machine.units import size_text
    from bench.records.disk import disk_use
    from bench.run.found import found_runs
    from bench.watch.job_state import CommandState

    found, command = [*found_runs(runs_dir)], CommandState.of(runs_dir)
    disk = disk_use(runs_dir, [run.n_bytes for run in found])
    if as_json:
        items = [run.as_data() for run in found]
        emit_items(items, run=command.as_data(None), disk=asdict(disk))
        return
    print_rows(
        [
            {
                "variant": run.variant,
                "data set": run.dataset,
                "seed": "" if run.seed is None else str(run.seed),
                "steps": "" if run.steps is None else str(run.steps),
                "precision": run.precision,
                "state": run.state,
                "scored": ", ".join(run.scored),
                "why": run.why,
                "size": size_text(run.n_bytes),
                "directory": run.directory.as_posix(),
            }
            for run in found
        ],
        only_in_pipes=("directory",),
    )
    say(f"{len(found)} runs: {', '.join(_counted([run.state for run in found])) or 'none yet'}")
    say(disk.sentence())
    say(command.sentence())


def narrowing_of(
    variants: list[str] | None,
    seeds: str | None,
    steps: int | None = None,
    limit: int | None = None,
    smoke: bool = False,
    precision: Literal["fp32", "bf16"] | None = None,
    *,
    own: list[str] | None = None,
    sweep: list[str] | None = None,
    start_from: Path | None = None,
) -> Narrowing:
    """What options say about how a suite is narrowed."""
    chosen = parse_seeds(seeds) if seeds is not None else ()  # complain before loading torch
    from bench.run.own_settings import combinations, parse_setting, parse_sweep
    from bench.run.plan import Narrowing
    from bench.run.starting_point import StartingPoint

    return Narrowing(
        variants=tuple(variants or ()),
        seeds=chosen,
        steps=steps,
        limit=limit,
        smoke=smoke,
        precision=precision,
        settings=combinations([*map(parse_setting, own or ())], [*map(parse_sweep, sweep or ())]),
        start=None if start_from is None else StartingPoint.at(start_from),
    )


def load_plan(
    suite: SuiteChoice,
    runs_dir: Path,
    registry_file: Path | None,
    narrowing: Narrowing | None = None,
) -> Plan:
    """The plan of a suite that is called by its name."""
    from bench.identity.local_registry import pinned_registry
    from bench.run.plan import make_plan

    registry = pinned_registry(registry_file)
    return make_plan(registry, suite.of(registry), runs_dir, narrowing)


def show_plan(
    suite: SuiteChoice,
    runs_dir: Path,
    registry_file: Path | None,
    narrowing: Narrowing,
    *,
    as_json: bool,
) -> None:
    """Print the plan of a suite with what it takes and will take on the disk."""
    if _shown_undecoded(suite, runs_dir, registry_file, narrowing, as_json=as_json):
        if not as_json:
            say("nothing was started")
        return
    from bench.records.disk import disk_use, needed_bytes
    from bench.watch.job_state import CommandState

    plan = load_plan(suite, runs_dir, registry_file, narrowing)
    rows, sizes = _rows(plan)
    unfinished = {
        job.spec.run_id: size
        for job, size in zip(plan.jobs, sizes, strict=True)
        if job.state in ("new", "resume")
    }
    disk, needed = disk_use(plan.runs_dir, sizes), needed_bytes(plan.runs_dir, unfinished)
    planned = _planned(plan, narrowing)
    others = planned.others(runs_dir)
    if as_json:
        told = [run.as_data() for run in others]
        emit_items(_items(rows, sizes), disk={**asdict(disk), "needed": needed}, others=told)
        return
    print_rows(rows)
    say(_totals(plan, [job.state for job in plan.jobs]))
    _say_if_any(
        plan.without_judge,
        planned.sentence(others),
        planned.loaded(runs_dir, to_load(plan, registry_file)),
    )
    say(disk.sentence(needed))
    command = CommandState.of(plan.runs_dir)
    if command.holder is not None:
        say(command.sentence())
    say("nothing was started")


def _planned(plan: Plan, narrowing: Narrowing) -> Planned:
    """What a plan asks for, to tell other runs of its rows from its own."""
    from bench.run.found import Planned

    specs = [job.spec for job in plan.jobs]
    return Planned(
        variants={spec.variant for spec in specs},
        dataset=plan.suite.dataset,
        seeds={spec.seed for spec in specs},
        steps=narrowing.steps_of(plan.suite),
        precision=narrowing.precision or "fp32",
        directories=[job.directory for job in plan.jobs],
    )


def to_load(plan: Plan, registry_file: Path | None) -> list[str]:
    """Rows that the registry loads beside the images of a plan."""
    from bench.identity.local_registry import pinned_registry

    loads = pinned_registry(registry_file).loads
    return [entry.id for entry in loads if entry.dataset == plan.suite.dataset]


def _say_if_any(*sentences: str | None) -> None:
    for sentence in filter(None, sentences):
        say(sentence)


def _rows(plan: Plan) -> tuple[list[dict[str, str]], list[int]]:
    """Columns for each job, and the bytes of its directory."""
    from bench.machine.units import size_text
    from bench.records.disk import size_of

    sizes = [size_of(job.directory) for job in plan.jobs]
    rows = [
        {
            "variant": job.spec.variant,
            "seed": str(job.spec.seed),
            "steps": str(job.spec.steps),
            "state": job.state,
            "why": job.why,
            "size": size_text(size) if size else "",
            "directory": job.directory.as_posix(),
        }
        for job, size in zip(plan.jobs, sizes, strict=True)
    ]
    return rows, sizes


def _items(rows: list[dict[str, str]], sizes: list[int]) -> list[dict[str, Any]]:
    """The same columns for programs, which get sizes as numbers."""
    for row in rows:
        del row["size"]
    return [row | {"n_bytes": size} for row, size in zip(rows, sizes, strict=True)]


def _shown_undecoded(
    choice: SuiteChoice,
    runs_dir: Path,
    registry_file: Path | None,
    narrowing: Narrowing,
    *,
    as_json: bool,
) -> bool:
    """Whether the suite's pixels are unknown here; then its jobs are printed without their names.

    What a run directory is called depends on the pixels, so nothing can be said of what is there.
    """
    from bench.identity.local_registry import not_decoded, pinned_registry
    from bench.records.disk import disk_use
    from bench.run.found import Planned
    from bench.run.plan import planned_rows
    from bench.watch.job_state import CommandState

    registry = pinned_registry(registry_file)
    suite = choice.of(registry)
    dataset = registry.dataset(suite.dataset)
    if dataset.is_pinned:
        return False
    steps, missing = narrowing.steps_of(suite), not_decoded(dataset)
    wanted = planned_rows(registry, suite, narrowing)
    rows = [
        {
            "variant": variant.id,
            "seed": str(seed),
            "steps": str(steps),
            "state": "new",
            "why": missing.what,
            "size": "",
            "directory": "",
        }
        for variant, seed in wanted
    ]
    planned = Planned(
        variants={variant.id for variant, _ in wanted},
        dataset=dataset.id,
        seeds={seed for _, seed in wanted},
        steps=steps,
        precision=narrowing.precision or "fp32",
    )
    others, disk = planned.others(runs_dir), disk_use(runs_dir, ())
    if as_json:
        command = CommandState.of(runs_dir).as_data(None)
        told = [run.as_data() for run in others]
        used = {**asdict(disk), "needed": None}
        emit_items(_items(rows, [0] * len(rows)), run=command, disk=used, others=told)
        return True
    print_rows(rows, only_in_pipes=("directory",))
    say(f"{suite.id}: {len(rows)} jobs, none of which can start: {missing.what}; {missing.hint}")
    _say_if_any(planned.sentence(others))
    say(disk.sentence())
    return True


def _counted(states: list[str]) -> list[str]:
    counts = Counter(states)
    order = [*STATES, *(state for state in counts if state not in STATES)]
    return [f"{counts[state]} {state}" for state in order if counts[state]]


def _totals(plan: Plan, states: list[str]) -> str:
    parts = _counted(states)
    if plan.calibration:
        parts.append(f"{len(plan.calibration)} calibration rows to score")
    if plan.changed:
        parts.append(f"calibration rows that other code has made: {', '.join(plan.changed)}")
    protocol = f"protocol {plan.protocol.id} · key {plan.protocol.key}"
    return f"{plan.suite.id}: {len(plan.jobs)} jobs: {', '.join(parts)} · {protocol}"
