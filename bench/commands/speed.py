"""``aigc bench speed``: how fast this machine trains each variant, as ratios made in one run."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.commands.options import DeviceOption, JsonOption, RegistryOption, emit_items


def speed(
    variants: Annotated[list[str] | None, typer.Argument(help="Default: all variants.")] = None,
    dataset: Annotated[str, typer.Option("--dataset", help="Whose images to train on.")] = "digits",
    steps: Annotated[int, typer.Option("--steps", min=10, help="Updates per measurement.")] = 60,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """Compare each variant in a plain loop with the harness, on the whole machine."""
    from bench.commands.tables import print_rows
    from bench.device import resolve_device
    from bench.pins import pinned_registry
    from bench.speed import measure

    registry = pinned_registry(registry_file)
    fitting = [variant for variant in registry.variants if variant.fits(dataset)]
    chosen = [registry.variant(name) for name in variants] if variants else fitting
    place = resolve_device(device, cpu_is_fine=True)
    measured = [measure(registry, variant, dataset, steps, place) for variant in chosen]
    if as_json:
        emit_items([result.as_data() for result in measured])
        return
    print_rows([result.as_row() for result in measured])
