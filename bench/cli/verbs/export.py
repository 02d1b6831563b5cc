"""``aigc bench export``: a finished run as a file that others can load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from bench.cli.verbs.options import RegistryOption
from bench.cli.verbs.output import emit
from bench.cli.verbs.sampling import RunArgument
from catalog.errors import InvalidInput, MissingPrerequisite, UsageError


def export(
    run: RunArgument,
    form: Annotated[
        Literal["safetensors", "torchscript", "onnx", "hub-folder"],
        typer.Option("--format", help="Weights, a graph, or a folder with a model card."),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File or folder; default: named as the run.")
    ] = None,
    weights: Annotated[
        Literal["final", "best"],
        typer.Option("--weights", help="Of the end, or of the best score."),
    ] = "final",
    averaged: Annotated[
        bool | None,
        typer.Option("--averaged/--raw", help="Averaged weights, as by default, or raw ones."),
    ] = None,
    sampler: Annotated[
        str | None, typer.Option("--sampler", help="One of the model's samplers.")
    ] = None,
    pixels: Annotated[
        Literal["-1..1", "uint8"],
        typer.Option("--pixels", help="What a graph gives: floats, or bytes as they are scored."),
    ] = "-1..1",
    licence: Annotated[
        str, typer.Option("--licence", help="Of the weights, for the card of a hub folder.")
    ] = "other",
    registry_file: RegistryOption = None,
) -> None:
    """Write a sampler of a finished run as safetensors, TorchScript, ONNX or a hub folder."""
    if pixels == "uint8" and form in ("safetensors", "hub-folder"):
        raise InvalidInput(
            f"--pixels uint8 and --format {form} exclude each other: weights give no pixels",
            hint="leave --pixels out, or write --format torchscript or onnx",
        )
    if weights == "best":
        raise MissingPrerequisite(
            f"{run}: has no best weights: runs of this program keep the final ones",
            hint="leave --weights out",
        )
    import torch

    from bench.outside.export import SUFFIXES, exportable, weights_bytes
    from bench.records.run_directory import RunDirectory
    from bench.sample import trained_model
    from bench.sample.draw import NonFiniteImages
    from catalog.files import write_atomically

    directory = RunDirectory(run)
    model = trained_model.load(directory, torch.device("cpu"))
    record = directory.train_record()
    if record is None:
        raise InvalidInput("not a run directory: it has no train.json", where=str(run))
    endings = SUFFIXES[form]
    target = out or Path(f"{record.run_id}{endings[0]}")
    if form != "hub-folder" and target.suffix not in endings:
        raise UsageError(
            f"'{target}' does not end in {' or '.join(endings)}, as files of {form} do",
            hint=f"-o {target.with_suffix(endings[0])}",
        )
    item = exportable(record, model, sampler, averaged, pixels)
    if form == "hub-folder":
        from bench.identity.local_registry import pinned_registry
        from bench.outside.hub_folder import write_hub_folder

        known = {one.id: one.licence for one in pinned_registry(registry_file).datasets}
        try:
            write_hub_folder(
                item,
                target,
                directory.score_records(),
                licence=licence,
                data_licence=known.get(record.spec.dataset.id),
            )
        except NonFiniteImages as error:
            raise InvalidInput(f"{run}: {error}") from error
    elif form == "safetensors":
        write_atomically(target, weights_bytes(item))
    else:
        from bench.outside.export_graph import graph_bytes

        write_atomically(target, graph_bytes(item, form))
    emit(target.as_posix())
