"""``aigc bench extractor``: the feature networks that this project makes, and how."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.verbs.options import DeviceOption, RegistryOption
from bench.cli.verbs.output import emit, say
from catalog.errors import UsageError

if TYPE_CHECKING:
    from bench.score.extractors.base import Build
    from catalog.schema import Extractor, Registry

extractor_app = typer.Typer(help="Feature networks.", no_args_is_help=True)


@extractor_app.callback()
def extractor() -> None:
    """Feature networks that this project made."""


@extractor_app.command("build")
def build(
    name: Annotated[str, typer.Argument(help="Id of an extractor that has a recipe.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; default: its name, in this folder.")
    ] = None,
    registry: RegistryOption = None,
) -> None:
    """Train the weights of an extractor anew, and compare them with the registered ones.

    The package's own file stays as it is: other machines may round differently, and scores need
    the registered bytes.
    """
    import torch

    from bench.data import load_dataset
    from bench.identity.local_registry import pinned_registry
    from bench.score.extractors import digits_cnn
    from catalog.files import write_atomically

    known = pinned_registry(registry)
    entry = known.extractor(name)
    if name != "digits-cnn":  # all others are judges, or nobody's training
        raise UsageError(f"{name} has no recipe to build it from", hint=entry.rebuild)
    torch.set_num_threads(1)  # sums split over threads would change the last digits
    say(f"training {name}; this takes about half a minute")
    built = digits_cnn.build(load_dataset(known.dataset(digits_cnn.DATASET)))
    path = out or Path(str(entry.weights))
    write_atomically(path, built.content)
    _told(path, built)
    emit(f"registered\t{'yes' if built.sha256 == entry.sha256 else 'no'}")


@extractor_app.command("train")
def train(
    dataset: Annotated[str, typer.Argument(help="A data set with a judge of its own.")],
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Passes over the images.")] = 10,
    batch_size: Annotated[int, typer.Option("--batch-size", min=2)] = 128,
    flip: Annotated[
        bool, typer.Option("--flip/--no-flip", help="Whether mirror images mean the same.")
    ] = True,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    threads: Annotated[
        int, typer.Option("--threads", min=1, help="CPU threads; they decide the last digits.")
    ] = 1,
    device: DeviceOption = "auto",
    registry_file: RegistryOption = None,
) -> None:
    """Train the judge of a data set: a small residual classifier whose features metrics compare.

    A judge that the package ships is trained anew and compared with it; any other becomes this
    machine's judge of the data set, under a protocol key of its own.
    """
    import torch

    from bench.data import load_dataset
    from bench.identity.local_registry import pinned_registry, require_pinned
    from bench.machine.device import resolve_device
    from bench.score.extractors.resnet_judge import JudgeRecipe, build, keep
    from catalog.read.loader import load_registry

    entry = pinned_registry(registry_file).dataset(dataset)
    judge = _judge_of(load_registry(registry_file), dataset)
    require_pinned(entry)
    recipe = JudgeRecipe(epochs=epochs, batch_size=batch_size, flip=flip, seed=seed)
    place = resolve_device(device, cpu_is_fine=True)
    torch.set_num_threads(threads)

    def observe(epoch: int, loss: float) -> None:
        say(f"epoch {epoch} of {epochs}: loss {loss:.4f}")

    built = build(judge.id, load_dataset(entry), recipe, place, observe)
    _told(keep(judge, built, entry), built)
    for key, value in asdict(recipe).items():
        emit(f"{key}\t{value}")
    if judge.sha256 is not None:
        emit(f"registered\t{'yes' if built.sha256 == judge.sha256 else 'no'}")


def _judge_of(registry: Registry, dataset: str) -> Extractor:
    name = f"{dataset}-judge"
    if name not in {extractor.id for extractor in registry.extractors}:
        raise UsageError(
            f"data set '{dataset}' has no judge to train",
            hint="list the judges with: aigc bench list --kind extractors",
        )
    return registry.extractor(name)


def _told(path: Path, built: Build) -> None:
    """Say what was written."""
    emit(f"path\t{path.as_posix()}")
    emit(f"sha256\t{built.sha256}")
    emit(f"n_bytes\t{len(built.content)}")
    for split, share in built.accuracy.items():
        emit(f"accuracy[{split}]\t{share:.4f}")
