"""``aigc bench generate``: ask a finished text-to-image run for what a prompt says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import DeviceOption, emit
from bench.commands.sampling import write_images
from catalog.errors import InvalidInput, UsageError


def generate(
    run: Annotated[Path, typer.Argument(help="A run directory, such as runs/dall-e-digits-s0-….")],
    prompt: Annotated[str, typer.Option("--prompt", help="Words that the run's captions have.")],
    n: Annotated[int, typer.Option("--n", min=1, help="Images to draw.")] = 16,
    out: Annotated[
        Path, typer.Option("--out", help="A .png for a grid, a .npy for (N, C, H, W) uint8.")
    ] = Path("generated.png"),
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the noise.")] = 0,
    ema: Annotated[
        bool | None, typer.Option("--ema/--raw", help="Averaged or raw weights.")
    ] = None,
    device: DeviceOption = "auto",
) -> None:
    """Draw what a text says, from a finished run of a text-to-image model."""
    if out.suffix not in (".png", ".npy"):
        raise UsageError(f"'{out}' is neither .png nor .npy")
    from bench import trained
    from bench.device import resolve_device
    from bench.sample import NonFiniteImages
    from bench.store import RunDirectory

    model = trained.load(RunDirectory(run), resolve_device(device, cpu_is_fine=True))
    averaged = model.average is not None if ema is None else ema
    try:
        images = model.generate(prompt, n, seed=seed, ema=averaged)
    except NonFiniteImages as error:
        raise InvalidInput(f"{run}: {error}") from error
    write_images(images, out)
    emit(out.as_posix())
