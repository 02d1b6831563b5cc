"""``aigc bench prune``: show what a runs directory can do without, and remove it when told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.verbs.options import DEFAULT_RUNS, JsonOption, RegistryOption, RunsOption
from bench.cli.verbs.output import emit_items, print_rows, say

if TYPE_CHECKING:
    from bench.run.prune import Choice, Pruning


def prune(
    suite: Annotated[
        str | None, typer.Argument(help="Only runs of this suite's variants; else of all.")
    ] = None,
    output_dir: RunsOption = DEFAULT_RUNS,
    checkpoints: Annotated[
        bool, typer.Option("--checkpoints", help="Checkpoints of finished runs.")
    ] = False,
    drafts: Annotated[
        bool, typer.Option("--drafts", help="Half-written files and signs of life of the dead.")
    ] = False,
    stale: Annotated[
        bool, typer.Option("--stale", help="Whole runs trained otherwise than planned now.")
    ] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Whole runs whose training ended with an error.")
    ] = False,
    weights: Annotated[
        bool,
        typer.Option(
            "--weights", help="Weights of finished runs, which then can't be verified or sampled."
        ),
    ] = False,
    cache: Annotated[
        bool, typer.Option("--cache", help="Cached features of reference images.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it, instead of showing it.")] = False,
    as_json: JsonOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """Show what is of no more use, and remove it with --yes.

    Without a choice that is what can never be used again: --checkpoints and --drafts.

    What a living process holds, links, and files that this project didn't write always stay.
    """
    flags: dict[Choice, bool] = {
        "checkpoints": checkpoints,
        "drafts": drafts,
        "stale": stale,
        "failed": failed,
        "weights": weights,
        "cache": cache,
    }
    choices = tuple(choice for choice, wanted in flags.items() if wanted)
    from bench.identity.local_registry import pinned_registry
    from bench.run.prune import USELESS, Plans, find_and_remove, find_removals, require_idle
    from catalog.files import cache_dir

    require_idle(output_dir)

    def find() -> Pruning:
        registry = pinned_registry(registry_file)
        plans = Plans(registry, registry.suite(suite) if suite else None)
        return find_removals(output_dir, choices or USELESS, plans, cache_dir())

    _show(find_and_remove(output_dir, find) if yes else find(), removed=yes, as_json=as_json)


def _show(pruning: Pruning, *, removed: bool, as_json: bool) -> None:
    from bench.machine.units import size_text

    if as_json:
        items = [removal.as_data() for removal in pruning.removals]
        stays = [{"directory": k.place.as_posix(), "reason": k.reason} for k in pruning.kept]
        emit_items(items, removed=removed, n_bytes=pruning.n_bytes, kept=stays)
        return
    print_rows(
        [
            {
                "choice": removal.choice,
                "what": removal.what,
                "size": size_text(removal.n_bytes),
                "why": removal.reason,
                "directory": removal.place.as_posix(),
            }
            for removal in pruning.removals
        ]
    )
    for kept in pruning.kept:
        say(f"kept: {kept.place.as_posix()}: {kept.reason}")
    size = size_text(pruning.n_bytes)
    if not pruning.removals:
        say("there is nothing to remove")
    elif removed:
        say(f"removed {size}")
    else:
        say(f"{size} in {len(pruning.removals)} places; nothing was removed; --yes removes it")
