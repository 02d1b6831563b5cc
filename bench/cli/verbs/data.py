"""``aigc bench data``: which data sets this machine has decoded, and decoding the others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bench.cli.verbs.options import DataDirOption, DownloadOption, JsonOption, RegistryOption
from bench.cli.verbs.output import emit, emit_items, print_rows, say
from catalog.errors import UsageError

if TYPE_CHECKING:
    from bench.data.prepare import Prepared
    from bench.run.suite_choice import SuiteChoice
    from catalog.schema import Dataset

data_app = typer.Typer(help="Data sets on this machine.", no_args_is_help=True)

SHOWN = 20
"""Skipped files that are named one by one."""


@data_app.command("list")
def list_data(as_json: JsonOption = False, registry_file: RegistryOption = None) -> None:
    """Show every data set with its state on this machine."""
    from bench.data.prepare import is_prepared
    from bench.identity.local_registry import pinned_registry

    rows = [
        {
            "id": dataset.id,
            "images": _size(dataset),
            "splits": ", ".join(f"{name} {n}" for name, n in dataset.splits.items()),
            "fingerprint": dataset.fingerprint[:16],
            "ready": "yes" if is_prepared(dataset) else "no",
        }
        for dataset in pinned_registry(registry_file).datasets
    ]
    if as_json:
        emit_items(rows)
        return
    print_rows(rows)


@data_app.command("prepare")
def prepare(
    source: Annotated[str, typer.Argument(help="A data set, or folder:PATH for your own images.")],
    data_dir: DataDirOption = None,
    download: DownloadOption = False,
    resolution: Annotated[
        int, typer.Option("--resolution", min=8, max=1024, help="folder: height and width.")
    ] = 64,
    crop: Annotated[
        Literal["center", "squash", "none"],
        typer.Option("--crop", help="folder: what is done to images that are not square."),
    ] = "center",
    channels: Annotated[
        int, typer.Option("--channels", help="folder: 1 for grey or 3 for colour.")
    ] = 3,
    test_share: Annotated[
        float, typer.Option("--test-share", help="folder: share of the images held out.")
    ] = 0.1,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="folder: leave out files that are no usable image.")
    ] = False,
    name: Annotated[
        str | None,
        typer.Option("--as", help="folder: NAME; data set and suite are called folder-NAME."),
    ] = None,
    as_json: JsonOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """Decode a data set once; trainings read the decoded pixels from then on.

    Names what was skipped or changed. The images of the first folder:PATH become the data set and
    the suite "folder"; those of others are called folder-NAME, by --as or after their folder.
    """
    from bench.data.prepare import FOLDER_PREFIX, prepare, prepare_folder
    from bench.identity.names import FOLDER
    from catalog.read.loader import load_registry

    registry = load_registry(registry_file)
    if not source.startswith(FOLDER_PREFIX):
        if name is not None:
            raise UsageError(f"'{source}' has a name", hint="--as goes with folder:PATH")
        done = prepare(registry.dataset(source), required(data_dir), download=download)
    else:
        from bench.data.decode.folder_images import FolderSettings

        settings = FolderSettings(
            resolution=resolution,
            crop=crop,
            channels=channels,
            test_share=test_share,
            skip_bad=skip_bad,
        )
        path = Path(source.removeprefix(FOLDER_PREFIX)).expanduser()
        done = prepare_folder(registry.dataset(FOLDER), path, settings, name)
    _tell(done, as_json=as_json)


def make_ready(
    choice: SuiteChoice, data_dir: Path | None, registry_file: Path | None, *, download: bool
) -> None:
    """Decode the data set of a suite if this machine has not done so yet.

    Raises:
        UsageError: it has not, and no folder was named.
    """
    from bench.data.prepare import is_prepared, prepare
    from bench.identity.local_registry import not_decoded, pinned_registry

    registry = pinned_registry(registry_file)
    dataset = registry.dataset(choice.of(registry).dataset)
    if is_prepared(dataset):
        return
    if dataset.loader == "folder":
        raise not_decoded(dataset)
    say(f"decoding data set {dataset.id}; trainings read the decoded pixels from then on")
    prepare(dataset, required(data_dir), download=download)


def required(data_dir: Path | None) -> Path:
    """The folder that was named; UsageError where none was."""
    if data_dir is None:
        raise UsageError(
            "where are the data set's files, or where shall they go?",
            hint="name a folder with --data-dir, and add --download to fetch what is missing",
        )
    return data_dir.expanduser()


def _tell(done: Prepared, *, as_json: bool) -> None:
    dataset = done.dataset
    if as_json:
        skipped = [{"file": file, "reason": reason} for file, reason in done.skipped]
        emit_items(
            [dataset.model_dump(mode="json")],
            file=str(done.file),
            skipped=skipped,
            notes=list(done.notes),
        )
        return
    for note in done.notes:
        say(note)
    for file, reason in done.skipped[:SHOWN]:
        say(f"skipped {file}: {reason}")
    if len(done.skipped) > SHOWN:
        say(f"skipped {len(done.skipped) - SHOWN} more; --json names them all")
    emit(f"dataset\t{dataset.id}")
    emit(f"images\t{_size(dataset)}")
    for name, n in dataset.splits.items():
        emit(f"split[{name}]\t{n}")
    emit(f"classes\t{dataset.n_classes}")
    emit(f"fingerprint\t{dataset.fingerprint}")
    emit(f"file\t{done.file.as_posix()}")


def _size(dataset: Dataset) -> str:
    return f"{dataset.resolution}x{dataset.resolution}x{dataset.channels}"
