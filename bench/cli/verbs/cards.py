"""``aigc report card``: the page of one variant, and the pictures behind it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.verbs.options import (
    DEFAULT_REPORTS,
    DEFAULT_RUNS,
    OWN_REPORTS,
    DeviceOption,
    FirstLanguageOption,
    RegistryOption,
    ReplaceOption,
    ReportsOption,
)
from bench.cli.verbs.output import emit, say
from catalog.errors import InvalidInput, JobFailed, MissingPrerequisite, UsageError

if TYPE_CHECKING:
    from bench.replay.pictures.draw import Setting
    from bench.report.board.records import Run
    from bench.report.board.table import Leaderboard


def card(
    variants: Annotated[
        list[str] | None, typer.Argument(help="Variants; aigc bench list shows them.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every variant of the registry.")] = False,
    draw: Annotated[
        bool,
        typer.Option(
            "--draw",
            help="First draw what is not drawn yet: trains the lowest seed of --suite again.",
        ),
    ] = False,
    redraw: Annotated[
        bool, typer.Option("--redraw", help="Draw also what is drawn already.")
    ] = False,
    suite: Annotated[
        str, typer.Option("--suite", help="Whose runs are drawn; it needs a report.")
    ] = "digits",
    lang: FirstLanguageOption = "en",
    output_dir: ReportsOption = OWN_REPORTS,
    reports: Annotated[
        Path, typer.Option("--reports", help="The folder of the reports whose records are read.")
    ] = DEFAULT_REPORTS,
    replace: ReplaceOption = False,
    device: DeviceOption = "cpu",
    registry_file: RegistryOption = None,
) -> None:
    """Write the card of a variant: what it is, every result on record, and pictures of it.

    Cards go to cards/ in the folder of the reports, and pictures to SUITE/pictures/VARIANT/.
    Without --draw nothing is trained, and a card follows from registry and records alone. Drawing
    goes on where an earlier command stopped: pictures of the recorded training are kept. No card
    and no picture that git tracks is replaced without --replace.
    """
    if bool(variants) == every:
        raise UsageError("name variants, or give --all", hint="list them with: aigc bench list")
    from bench.identity.local_registry import pinned_registry
    from bench.report.card.write import write_card
    from bench.report.leaderboard.write import committed_boards

    registry = pinned_registry(registry_file)
    loaded = {one.id for one in registry.loads}
    names = [*registry.rows] if every else list(dict.fromkeys(variants or ()))
    for name in names:
        if name not in loaded:
            registry.variant(name)
    boards = committed_boards(registry, reports)
    failed: list[str] = []
    if draw or redraw:
        from bench.machine.device import resolve_device
        from bench.replay.pictures.draw import are_drawn, setting_of
        from bench.replay.pictures.record import pictures_folder
        from bench.report.leaderboard.destination import require_free

        board = _board(registry.suite(suite).id, boards)
        setting = setting_of(registry, board.suite, resolve_device(device, cpu_is_fine=True))
        trained = [name for name in names if name not in loaded]
        runs = _runs(trained, board, every=every)
        folders = [pictures_folder(output_dir, suite, run.train.spec.variant) for run in runs]
        for run, folder in zip(runs, folders, strict=True):
            if redraw or not are_drawn(folder, run.train):
                require_free(folder, {}, list(folder.glob("*")), replace=replace, tell=say)
        failed = _draw(runs, setting, output_dir, again=redraw)
    for name in names:
        for path in write_card(
            name, registry, boards, output_dir, lang, reports=reports, replace=replace, tell=say
        ):
            emit(path.as_posix())
    if failed:
        raise JobFailed(f"{len(failed)} of {len(names)} could not be drawn: {', '.join(failed)}")


def _board(suite: str, boards: dict[str, Leaderboard]) -> Leaderboard:
    if suite not in boards:
        raise MissingPrerequisite(
            f"suite '{suite}' has no records to draw from",
            hint=f"make them with: aigc bench run {suite} && aigc report leaderboard {suite};"
            f" then give --reports {OWN_REPORTS}",
        )
    return boards[suite]


def _runs(names: Sequence[str], board: Leaderboard, *, every: bool) -> list[Run]:
    """The finished run of the lowest seed of each variant; only ``every`` may lack some."""
    finished = [run for run in board.runs if run.train.status == "success"]
    runs: list[Run] = []
    for name in names:
        of_variant = [run for run in finished if run.train.spec.variant == name]
        if not of_variant and not every:
            raise MissingPrerequisite(
                f"no training of '{name}' in suite '{board.suite.id}' is on record as finished",
                hint="name another --suite, or leave --draw out",
            )
        runs += sorted(of_variant, key=lambda run: run.train.spec.seed)[:1]
    return runs


def _draw(runs: Sequence[Run], setting: Setting, output_dir: Path, *, again: bool) -> list[str]:
    """Draw one after another; returns the variants that could not be drawn."""
    from bench.replay.pictures.draw import are_drawn, draw_pictures
    from bench.replay.pictures.record import pictures_folder
    from bench.run.starting_point import find_start
    from bench.train.divergence import Diverged

    failed = []
    for number, run in enumerate(runs, 1):
        name = run.train.spec.variant
        folder = pictures_folder(output_dir, setting.suite, name)
        lead = f"[{number}/{len(runs)}] {name}"
        if not again and are_drawn(folder, run.train):
            say(f"{lead}: drawn already")
            continue
        start = time.monotonic()
        try:
            earlier = find_start(run.train.spec, DEFAULT_RUNS)
            pictures = draw_pictures(run.train, setting, folder, earlier)
        except (Diverged, InvalidInput, MissingPrerequisite) as error:
            say(f"{lead}: failed: {error}")
            failed.append(name)
            continue
        same = "equal to the record" if pictures.equal_to_record else "other weights than on record"
        strange = pictures.same_machine and not pictures.equal_to_record
        more = " although machine and versions are the same" if strange else ""
        say(f"{lead}: drawn in {time.monotonic() - start:.1f} s, {same}{more}")
    return failed
