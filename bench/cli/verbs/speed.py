"""``aigc bench speed``: how fast this machine trains each variant, as ratios made in one run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from bench.cli.verbs.options import DeviceOption, JsonOption, RegistryOption
from bench.cli.verbs.output import emit, emit_items, say


def speed(
    variants: Annotated[list[str] | None, typer.Argument(help="Default: all variants.")] = None,
    dataset: Annotated[str, typer.Option("--dataset", help="Whose images to train on.")] = "digits",
    steps: Annotated[int, typer.Option("--steps", min=10, help="Updates per measurement.")] = 60,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """Compare each variant in a textbook loop with the harness, plain and tuned, as Markdown."""
    from bench.identity.local_registry import pinned_registry
    from bench.machine.device import resolve_device
    from bench.speed.measure import measure
    from bench.speed.table import Setting, markdown, median_ratio

    registry = pinned_registry(registry_file)
    fitting = [variant for variant in registry.variants if variant.fits(dataset)]
    chosen = [registry.variant(name) for name in variants] if variants else fitting
    registry.dataset(dataset)
    place = resolve_device(device, cpu_is_fine=True)
    setting = Setting.here(place, dataset, steps)
    results = []
    for number, variant in enumerate(chosen, 1):
        say(f"{number} of {len(chosen)}: {variant.id}")
        results.append(measure(registry, variant, dataset, steps, place))
    if as_json:
        items = [result.as_data() for result in results]
        emit_items(items, setting=asdict(setting), median_ratio=median_ratio(results))
        return
    emit(markdown(setting, results))
