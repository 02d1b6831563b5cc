"""``aigc bench sample``: look at what a finished run draws."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands.options import DeviceOption, emit
from catalog.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from torch import Tensor


def sample(
    run: Annotated[Path, typer.Argument(help="A run directory, such as runs/dcgan-digits-s0-….")],
    n: Annotated[int, typer.Option("--n", min=1, help="Images to draw.")] = 64,
    out: Annotated[
        Path, typer.Option("--out", help="A .png for a grid, a .npy for (N, C, H, W) uint8.")
    ] = Path("samples.png"),
    sampler: Annotated[
        str | None, typer.Option("--sampler", help="One of the model's samplers.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the noise.")] = 0,
    ema: Annotated[
        bool | None, typer.Option("--ema/--raw", help="Averaged or raw weights.")
    ] = None,
    device: DeviceOption = "auto",
) -> None:
    """Draw images from a finished run."""
    if out.suffix not in (".png", ".npy"):
        raise UsageError(f"'{out}' is neither .png nor .npy")
    from bench import trained
    from bench.device import resolve_device
    from bench.sample import NonFiniteImages
    from bench.store import RunDirectory

    model = trained.load(RunDirectory(run), resolve_device(device, cpu_is_fine=True))
    averaged = model.average is not None if ema is None else ema
    name = sampler or type(model.model).samplers[0]
    try:
        images = model.sample(name, n, seed=seed, ema=averaged)
    except NonFiniteImages as error:
        raise InvalidInput(f"{run}: {error}") from error
    write_images(images, out)
    emit(out.as_posix())


def write_images(images: Tensor, out: Path) -> None:
    """Images (N, C, H, W) uint8 to a .npy as they are, or else to a picture of a square grid."""
    import numpy as np

    from bench.grid import write_grid
    from catalog.paths import atomic_file

    if out.suffix == ".npy":
        with atomic_file(out) as temporary, temporary.open("wb") as file:
            np.save(file, images.numpy())
        return
    n = len(images)
    n_columns = min(n, max(1, round(n**0.5)))
    write_grid(images, out, n_columns, -(-n // n_columns))
