"""``aigc bench explain``: what a variant is made of, before anything is run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from bench.cli.verbs.options import JsonOption, RegistryOption
from bench.cli.verbs.output import emit, emit_items, print_rows


def explain(
    name: Annotated[str, typer.Argument(metavar="VARIANT", help="A variant.")],
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Whose settings; default the first that fits.")
    ] = None,
    as_json: JsonOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """Explain a variant: where each setting comes from, its formulas, and the files to read."""
    from bench.identity.local_registry import pinned_registry
    from bench.models.explain import explain as explained

    registry = pinned_registry(registry_file)
    variant = registry.variant(name)
    chosen = registry.dataset(dataset or (variant.datasets or ("digits",))[0])
    found = explained(registry, variant, chosen.id)
    if as_json:
        emit_items([{"variant": name, "dataset": chosen.id, **asdict(found)}])
        return
    paper = registry.resource(variant.paper)
    emit(f"{name} on {chosen.id}: {variant.summary.en}")
    emit(f"{paper.title.en} ({paper.year}) {paper.url}")
    if (start := variant.start_from) is not None:
        emit(f"goes on from the final weights of {start.variant} in suite {start.suite}")
    emit("\nSettings, and where each comes from")
    print_rows(
        [
            {"setting": setting.name, "value": str(setting.value), "from": setting.origin}
            for setting in found.settings
        ]
    )
    emit("\nFormulas and their sources")
    print_rows([{"name": f.name, "what it is": f.says, "where": f.place} for f in found.formulas])
    emit("\nFiles in reading order, and what of them is used")
    print_rows([{"file": page.file, "uses": ", ".join(page.names)} for page in found.pages])
