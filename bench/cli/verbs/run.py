"""``aigc bench run``: carry out a suite."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.verbs.data import make_ready
from bench.cli.verbs.options import (
    DEFAULT_RUNS,
    BudgetOption,
    DataDirOption,
    DeviceOption,
    DownloadOption,
    JobsOption,
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
    WeightsOption,
    parse_duration,
    parse_size,
    require_tensorboard,
    slots_on,
)
from bench.cli.verbs.output import emit, say
from bench.cli.verbs.planning import load_plan, narrowing_of, show_plan
from catalog.errors import AigcError, ExitCode, JobFailed, UsageError

if TYPE_CHECKING:
    from bench.run.events import Watch
    from bench.run.job import Surroundings
    from bench.run.plan import Plan
    from bench.run.runner import Outcome


def run(
    suite: SuiteArgument,
    variants: VariantsArgument = None,
    seeds: SeedsOption = None,
    device: DeviceOption = "auto",
    output_dir: RunsOption = DEFAULT_RUNS,
    jobs: JobsOption = None,
    budget: BudgetOption = None,
    protocol: ProtocolOption = None,
    data_dir: DataDirOption = None,
    download: DownloadOption = False,
    steps: StepsOption = None,
    limit: LimitOption = None,
    smoke: SmokeOption = False,
    precision: PrecisionOption = None,
    own: SetOption = None,
    sweep: SweepOption = None,
    start_from: StartOption = None,
    tuned: Annotated[
        bool, typer.Option("--tuned/--plain", help="Replay updates as CUDA graphs; CUDA only.")
    ] = False,
    timeout: Annotated[
        str, typer.Option("--timeout", help="Per job, such as 90s, 10m or 2h; 0 for none.")
    ] = "24h",
    memory_limit: Annotated[
        str | None, typer.Option("--memory-limit", help="Per job, such as 800MB or 4GB.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try failed jobs again.")
    ] = False,
    fail_fast: Annotated[
        bool,
        typer.Option("--fail-fast/--keep-going", help="Stop at the first failure, or go on."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Show the plan and start nothing.")
    ] = False,
    tensorboard: Annotated[
        Path | None,
        typer.Option("--tensorboard", help="Write losses, scores and grids for TensorBoard here."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print events as JSON lines.")] = False,
    extractor_weights: WeightsOption = None,
    registry_file: RegistryOption = None,
) -> None:
    """Train and score every variant of a suite; give the same command again to go on."""
    limits = parse_duration(timeout), parse_size(memory_limit) if memory_limit else None
    narrowing = narrowing_of(
        variants, seeds, steps, limit, smoke, precision, own=own, sweep=sweep, start_from=start_from
    )
    from bench.run.suite_choice import SuiteChoice

    choice = SuiteChoice(suite, budget, protocol)
    if dry_run:
        show_plan(choice, output_dir, registry_file, narrowing, as_json=as_json)
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if tensorboard is not None:
        require_tensorboard()
    from bench.run.engines.local import warm_up

    warm_up(device)  # the fork server imports torch while this process does
    from bench.machine.device import resolve_device
    from bench.run.engines.local import Limits
    from bench.run.runner import Manner, run_plan, surroundings
    from bench.watch.lines import make_display

    make_ready(choice, data_dir, registry_file, download=download)
    the_plan = load_plan(choice, output_dir, registry_file, narrowing)
    chosen = resolve_device(device, cpu_is_fine=the_plan.suite.cpu)
    if tuned and chosen.type != "cuda":
        raise UsageError(f"--tuned needs a CUDA device, not {chosen}", hint="leave it out")
    around = surroundings(the_plan, chosen, registry_file, extractor_weights, tuned=tuned)
    manner = Manner(slots_on(chosen, jobs), Limits(*limits), retry_failed, fail_fast)
    with (
        make_display(the_plan, as_json=as_json, retry_failed=retry_failed) as display,
        _watched(the_plan, tensorboard, display.watch) as watch,
    ):
        try:
            outcome = run_plan(the_plan, around, watch, manner)
        except KeyboardInterrupt:
            display.done(ExitCode.INTERRUPTED)
            raise
        except AigcError as error:
            display.done(error.exit_code)
            raise
        display.done(ExitCode.JOB_FAILED if outcome.failures else ExitCode.OK)
    loaded = _loaded(the_plan, around, registry_file, whole=not variants)
    for directory in () if as_json else (*outcome.results, *loaded):
        emit(directory.as_posix())
    if outcome.failures:
        raise _failed(outcome, output_dir)


def _loaded(
    plan: Plan, around: Surroundings, registry_file: Path | None, *, whole: bool
) -> tuple[Path, ...]:
    """Directories of the rows that the registry loads beside the suite's images.

    They belong to the table as it is: a command that narrows it leaves them alone.
    """
    from bench.identity.local_registry import pinned_registry

    registry = pinned_registry(registry_file)
    here = [entry for entry in registry.loads if entry.dataset == plan.suite.dataset]
    if not here or not whole or plan.not_comparable_because:
        return ()
    from bench.records.lease import announced
    from bench.records.run_directory import exclusive
    from bench.run.load_job import load_entries

    command = f"bench run {plan.suite.id}"
    with exclusive(plan.runs_dir), announced(plan.runs_dir, command):
        return load_entries(registry, around, plan.runs_dir, registry_file, say)


@contextmanager
def _watched(plan: Plan, folder: Path | None, watch: Watch) -> Iterator[Watch]:
    """The watcher of a run, before TensorBoard's where a folder is named for it."""
    if folder is None:
        yield watch
        return
    from bench.watch.tensorboard import TensorBoard

    with TensorBoard(plan, folder, watch) as board:
        yield board
    if board.problem is not None:
        say(f"tensorboard: {board.problem}")


def _failed(outcome: Outcome, output_dir: Path) -> JobFailed:
    n, left = len(outcome.failures), outcome.n_not_started
    what = "1 job has no result" if n == 1 else f"{n} jobs have no result"
    untouched = f" ({left} not started)" if left else ""
    return JobFailed(
        f"{what}{untouched}: " + "; ".join(outcome.failures),
        where=str(output_dir),
        hint="each train.json says more; --retry-failed tries them again",
    )
