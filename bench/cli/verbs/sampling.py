"""``aigc bench sample`` and ``generate``: what a finished run draws, unasked and asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.verbs.options import DeviceOption
from bench.cli.verbs.output import emit
from bench.records.files import LOAD
from catalog.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from bench.sample.trained_model import TrainedModel

RunArgument = Annotated[
    Path, typer.Argument(help="A run directory, such as runs/dcgan-digits-s0-….")
]
CountOption = Annotated[int, typer.Option("--n", min=1, help="Images to draw.")]
OutOption = Annotated[
    Path, typer.Option("--out", help="A .png for a grid, a .npy for (N, C, H, W) uint8.")
]
NoiseOption = Annotated[int, typer.Option("--seed", min=0, help="Of the noise.")]
AverageOption = Annotated[bool | None, typer.Option("--ema/--raw", help="Averaged or raw weights.")]


def sample(
    run: RunArgument,
    n: CountOption = 64,
    out: OutOption = Path("samples.png"),
    sampler: Annotated[
        str | None, typer.Option("--sampler", help="One of the model's samplers.")
    ] = None,
    seed: NoiseOption = 0,
    ema: AverageOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Draw images from a finished run, or from a row that was loaded."""
    if (run / LOAD).is_file():
        if sampler is not None or seed or ema is not None:
            raise UsageError("a loaded row is drawn from as its record says; leave the options out")
        _write_loaded(run, n, out, device)
        return

    def draw(model: TrainedModel, averaged: bool) -> Tensor:
        name = sampler or type(model.model).samplers[0]
        return model.sample(name, n, seed=seed, ema=averaged)

    _write_drawn(run, out, ema, device, draw)


def _write_loaded(run: Path, n: int, out: Path, device: str) -> None:
    _require_known_format(out)
    from bench.machine.device import resolve_device
    from bench.run.opened import open_run
    from bench.sample.grid import write_images

    images = open_run(run, str(resolve_device(device, cpu_is_fine=True))).sample(n)
    write_images(images, out)
    emit(out.as_posix())


def _require_known_format(out: Path) -> None:
    if out.suffix not in (".png", ".npy"):
        raise UsageError(f"'{out}' is neither .png nor .npy")


def generate(
    run: RunArgument,
    prompt: Annotated[str, typer.Option("--prompt", help="Words that the run's captions have.")],
    n: CountOption = 16,
    out: OutOption = Path("generated.png"),
    seed: NoiseOption = 0,
    ema: AverageOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Draw what a text says, from a finished run of a text-to-image model."""

    def draw(model: TrainedModel, averaged: bool) -> Tensor:
        return model.generate(prompt, n, seed=seed, ema=averaged)

    _write_drawn(run, out, ema, device, draw)


def _write_drawn(
    run: Path,
    out: Path,
    ema: bool | None,
    device: str,
    draw: Callable[[TrainedModel, bool], Tensor],
) -> None:
    """Load a run, draw from it and write the images; averaged weights where there are any."""
    _require_known_format(out)
    from bench.machine.device import resolve_device
    from bench.records.run_directory import RunDirectory
    from bench.sample import trained_model as trained
    from bench.sample.draw import NonFiniteImages
    from bench.sample.grid import write_images

    model = trained.load(RunDirectory(run), resolve_device(device, cpu_is_fine=True))
    try:
        images = draw(model, model.average is not None if ema is None else ema)
    except NonFiniteImages as error:
        raise InvalidInput(f"{run}: {error}") from error
    write_images(images, out)
    emit(out.as_posix())
