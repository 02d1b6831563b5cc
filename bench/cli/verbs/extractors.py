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
    from bench.records.judge_report import JudgeReport
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
    disturb: Annotated[
        bool,
        typer.Option("--disturb/--no-disturb", help="Blur, veil, light, floor and noise, or none."),
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
    from bench.identity.local_registry import pinned_registry, require_pinned, with_own_folders
    from bench.machine.device import resolve_device
    from bench.records.judge_report import DIM_SIGHT
    from bench.score.extractors.judge_training import JudgeRecipe, build, keep
    from catalog.read.loader import load_registry

    entry = pinned_registry(registry_file).dataset(dataset)
    judge = _judge_of(with_own_folders(load_registry(registry_file)), dataset)
    require_pinned(entry)
    recipe = JudgeRecipe(
        epochs=epochs, batch_size=batch_size, flip=flip, disturb=disturb, seed=seed
    )
    place = resolve_device(device, cpu_is_fine=True)
    torch.set_num_threads(threads)

    def observe(epoch: int, loss: float) -> None:
        say(f"epoch {epoch} of {epochs}: loss {loss:.4f}")

    built = build(judge.id, load_dataset(entry), recipe, place, observe)
    if built.accuracy["test"] < DIM_SIGHT:
        say(f"warning: {judge.id} is right on {built.accuracy['test']:.1%} of the test images only")
    _told(keep(judge, built, entry), built)
    for key, value in asdict(recipe).items():
        emit(f"{key}\t{value}")
    if judge.sha256 is not None:
        emit(f"registered\t{'yes' if built.sha256 == judge.sha256 else 'no'}")


@extractor_app.command("report")
def report(
    name: Annotated[str, typer.Argument(help="Id of an extractor with a data set of its own.")],
    agree_with: Annotated[
        str | None,
        typer.Option("--agree-with", help="Another extractor, which sees the same corruptions."),
    ] = None,
    n_images: Annotated[
        int | None,
        typer.Option("--n-images", min=10, help="Held-out images that the other extractor sees."),
    ] = None,
    own_images: Annotated[
        int | None,
        typer.Option("--own-images", min=10, help="Held-out images that the extractor sees."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="File to write, beside what is printed.")
    ] = None,
    registry_file: RegistryOption = None,
) -> None:
    """Examine a judge: distances of real images under graded corruptions, and its accuracy there.

    A distance that means something grows with every grade.
    """
    from bench.data import load_dataset
    from bench.identity.local_registry import pinned_registry, require_made, require_pinned
    from bench.records.judge_report import write_report
    from bench.score.examination import N_HELD_OUT, N_REFERENCE, agreeing, examine
    from bench.score.extractors import load_extractor

    known = pinned_registry(registry_file)
    entry = known.extractor(name)
    protocols = [protocol for protocol in known.protocols if protocol.extractor == name]
    if not protocols:
        raise UsageError(f"no protocol is judged by '{name}', so no data set can examine it")
    protocol = protocols[0]
    dataset = known.dataset(protocol.dataset)
    require_pinned(dataset)
    require_made(entry)
    data = load_dataset(dataset)
    splits = (protocol.held_out_split, protocol.reference_split)
    classes = entry.layers["isc"] if entry.accuracy and dataset.n_classes > 1 else None
    seen = (own_images, 3 * own_images) if own_images else (N_HELD_OUT, N_REFERENCE)
    layers = (entry.layers["fid"], classes)
    found = examine(load_extractor(entry, "cpu"), data, splits, layers, say, seen)
    if agree_with is not None:
        other = known.extractor(agree_with)
        sizes = (n_images or found.n_held_out, 3 * (n_images or found.n_held_out))
        distance = (other.layers["fid"], None)
        found = agreeing(
            found, examine(load_extractor(other, "cpu"), data, splits, distance, say, sizes)
        )
    if out is not None:
        write_report(found, out)
    _told_of(found)


def _told_of(found: JudgeReport) -> None:
    for key in ("extractor", "sha256", "n_held_out", "n_reference"):
        emit(f"{key}\t{getattr(found, key)}")
    for key in ("held_out", "mean_image", "noise"):
        emit(f"distance[{key}]\t{getattr(found, key):.4g}")
    for grade in found.grades:
        right = "" if grade.accuracy is None else f"\taccuracy {grade.accuracy:.3f}"
        emit(f"distance[{grade.corruption} {grade.level:g}]\t{grade.distance:.4g}{right}")
    if found.agreement is not None:
        emit(f"within[{found.agreement.extractor}]\t{found.agreement.within:.3f}")
        emit(f"spearman[{found.agreement.extractor}]\t{found.agreement.spearman:.3f}")
    for name in found.not_monotone():
        say(f"warning: the distance does not grow with every grade of {name}")
    if found.noise_is_nearer:
        say("warning: noise is nearer than the mean image")


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
