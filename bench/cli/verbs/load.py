"""``aigc bench load``: a row of somebody else's weights or samples."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from bench.cli.verbs.options import (
    DEFAULT_RUNS,
    DeviceOption,
    JsonOption,
    LimitOption,
    RegistryOption,
    RunsOption,
    SetOption,
    WeightsOption,
)
from bench.cli.verbs.output import emit, print_rows, say
from catalog.errors import InvalidInput, UsageError
from catalog.schema.loads import (
    BatchNorm,
    LabelForm,
    LabelPlace,
    Layout,
    NoiseKind,
    PixelRange,
)

if TYPE_CHECKING:
    from bench.outside.row import RowRequest
    from bench.records.record import ScoreRecord
    from bench.run.load_job import Statement
    from catalog.schema import Registry

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
LONGEST_NAME = 64
MAX_MAP_BYTES = 2**22


def load(
    source: Annotated[
        str,
        typer.Argument(
            help="A file or folder, samples:PATH, hf:owner/name\\[@revision]\\[:file], or an entry"
            " of the registry's loads."
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--as", help="Name of the row, such as my-dcgan.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="The data set beside which it is put.")
    ] = None,
    variant: Annotated[
        str | None,
        typer.Option(
            "--variant", help="Whose network a state dict is of, or package.module:Class."
        ),
    ] = None,
    own: SetOption = None,
    keys: Annotated[
        list[str] | None,
        typer.Option("--key", help="THEIRS=OURS for a tensor, or THEIRS.=OURS. for a beginning."),
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="YAML of names in the file by our names.")
    ] = None,
    write_map: Annotated[
        Path | None,
        typer.Option("--write-map", help="Write the names that were found or proposed here."),
    ] = None,
    inside: Annotated[
        str | None,
        typer.Option("--inside", help="Which dictionary of the file, such as g_ema."),
    ] = None,
    noise: Annotated[
        NoiseKind | None, typer.Option("--noise", help="Distribution of the noise.")
    ] = None,
    truncation: Annotated[
        float | None, typer.Option("--truncation", help="Largest value of truncated noise.")
    ] = None,
    noise_shape: Annotated[
        str | None, typer.Option("--noise-shape", help="Of one image's noise: 100 or 100x1x1.")
    ] = None,
    pixel_range: Annotated[
        PixelRange | None, typer.Option("--range", help="Of the pixels that come out.")
    ] = None,
    layout: Annotated[
        Layout | None, typer.Option("--layout", help="Order of the axes of images.")
    ] = None,
    labels: Annotated[
        LabelForm | None, typer.Option("--labels", help="How the class is given.")
    ] = None,
    label_place: Annotated[
        LabelPlace | None,
        typer.Option("--label-place", help="The class after the noise, before it or joined to it."),
    ] = None,
    batch_norm: Annotated[
        BatchNorm | None,
        typer.Option("--batch-norm", help="Running statistics, or those of each batch."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Of a pipeline's loop, not its usual ones.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", help="Of the weights or samples.")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="Where people find it.")] = None,
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="Another protocol of the data set.")
    ] = None,
    limit: LimitOption = None,
    output_dir: RunsOption = DEFAULT_RUNS,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    extractor_weights: WeightsOption = None,
    registry_file: RegistryOption = None,
) -> None:
    """Score a checkpoint, a pipeline or a set of samples of somebody else as a row of a table.

    What is found out about it, such as the range of its pixels, is said and recorded. The row is
    marked as loaded wherever it stands, and nothing is trained. The same command again does nothing
    that is done.
    """
    from bench.identity.local_registry import pinned_registry
    from bench.outside.diffusers_folder import STEPS
    from bench.outside.row import RowRequest
    from bench.outside.state_dict import INSIDE, KEYS, SETTINGS, VARIANT, KeysDoNotFit
    from bench.run.load_job import Statement

    for option, text in (("SOURCE", source), ("--licence", licence), ("--url", url)):
        _require_recordable(option, text)
    _require_truncation(noise, truncation)
    _require_place(labels, label_place)
    stated = _stated(
        noise=noise,
        truncation=truncation,
        noise_shape=None if noise_shape is None else _shape(noise_shape),
        range=pixel_range,
        layout=layout,
        labels=labels,
        label_place=label_place,
        batch_norm=batch_norm,
    )
    options: dict[str, Any] = {
        VARIANT: variant,
        SETTINGS: _settings(own),
        KEYS: _keys(keys, map_file),
        INSIDE: inside,
        STEPS: steps,
    }
    options = {key: value for key, value in options.items() if value}
    registry = pinned_registry(registry_file)
    entry = next((one for one in registry.loads if one.id == source), None)
    if entry is not None and not Path(source).exists():
        from bench.run.load_job import request_of, statement_of

        if name or dataset or options or stated.model_dump(exclude_none=True):
            raise UsageError(
                f"'{source}' is an entry of the registry, which says all of that",
                hint="leave the options out, or name the file itself",
            )
        request, statement, data = (
            request_of(entry, registry_file),
            statement_of(entry),
            entry.dataset,
        )
    else:
        request = RowRequest(source, _name(name, registry), stated, options)
        statement = Statement(licence=licence, url=url)
        if dataset is None:
            raise UsageError("beside which data set?", hint="--dataset mnist")
        data = dataset
    try:
        _load(
            request,
            statement,
            registry,
            data,
            protocol,
            limit,
            output_dir,
            device,
            extractor_weights,
            registry_file,
            write_map,
            as_json=as_json,
        )
    except KeysDoNotFit as error:
        _write_map(error.mapping, write_map)
        raise


def _load(
    request: RowRequest,
    statement: Statement,
    registry: Registry,
    dataset: str,
    protocol: str | None,
    limit: int | None,
    output_dir: Path,
    device: str,
    extractor_weights: Path | None,
    registry_file: Path | None,
    write_map: Path | None,
    *,
    as_json: bool,
) -> None:
    from bench.machine.device import resolve_device
    from bench.outside.state_dict import KEYS
    from bench.records.lease import announced
    from bench.records.run_directory import exclusive
    from bench.run.load_job import load_and_score, loading_surroundings, score_calibration
    from bench.score.suspicions import suspicions

    around = loading_surroundings(
        registry,
        dataset,
        protocol,
        limit,
        resolve_device(device, cpu_is_fine=True),
        registry_file,
        extractor_weights,
    )
    tell = say if as_json else emit
    with (
        exclusive(output_dir),
        announced(output_dir, f"bench load {request.name}"),
    ):
        loaded = load_and_score(
            request, statement, output_dir, around, registry, tell, comparable=limit is None
        )
        _write_map(loaded.record.spec.details.get(KEYS), write_map)
        if limit is None:
            score_calibration(registry, around, output_dir, tell)
    if loaded.was_scored:
        tell(f"nothing to do: scored under {around.protocol.id} before")
    for suspicion in suspicions(loaded.score):
        tell(f"warning: {suspicion}; {suspicion.hint}")
    if as_json:
        emit(json.dumps(_as_data(loaded.directory, loaded.score), indent=2, allow_nan=False))
        return
    print_rows(_rows(loaded.score))
    emit(loaded.directory.as_posix())


def _rows(score: ScoreRecord) -> list[dict[str, str]]:
    from bench.records.metric_names import metric_label

    return [
        {
            "metric": metric_label(metric.name, score.protocol.extractor),
            "value": metric.missing_reason or f"{metric.value:.6g}",
        }
        for metric in score.metrics
    ]


def _as_data(directory: Path, score: ScoreRecord) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "directory": directory.as_posix(),
        "protocol_key": score.protocol_key,
        "metrics": {metric.name: metric.value for metric in score.metrics},
    }


def _stated(**options: Any) -> Any:
    from pydantic import ValidationError

    from catalog.schema.loads import StatedConvention

    try:
        return StatedConvention(**options)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        raise UsageError(f"--{option}: {first['msg']}") from error


def _shape(text: str) -> tuple[int, ...]:
    parts = text.split("x") if text else []
    if not all(re.fullmatch(r"\d{1,7}", part) for part in parts):
        raise UsageError(
            f"'{text}' is no shape of noise", hint="write 100, 100x1x1, or '' where it takes none"
        )
    return tuple(map(int, parts))


def _require_truncation(noise: str | None, truncation: float | None) -> None:
    if (noise == "truncated" and truncation is None) or (
        truncation is not None and noise not in (None, "truncated")
    ):
        raise UsageError(
            "--truncation says where truncated noise ends, and goes with no other",
            hint="--truncation 0.5, with --noise truncated or without --noise",
        )


def _require_place(labels: str | None, place: str | None) -> None:
    if labels == "none" and place is not None:
        raise UsageError(
            "--labels none leaves no class whose place --label-place could be",
            hint="leave one of them out",
        )
    if labels == "index" and place == "joined":
        raise UsageError(
            "a class that is joined to the noise is one-hot",
            hint="--label-place joined, with --labels one-hot or without --labels",
        )


def _require_recordable(option: str, text: str | None) -> None:
    from bench.records.load_record import LONGEST_SAID

    if text is not None and (len(text) > LONGEST_SAID or not text.isprintable()):
        raise UsageError(
            f"{option} is no text that a record can hold",
            hint=f"one line of at most {LONGEST_SAID:,} characters",
        )


def _name(name: str | None, registry: Registry) -> str:
    if name is None:
        raise UsageError("what shall the row be called?", hint="--as my-dcgan")
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise UsageError(
            f"'{name}' is no name of a row",
            hint="lower-case words of letters and digits, joined by hyphens, such as my-dcgan",
        )
    taken = {variant.id for variant in registry.variants}
    taken |= {row for suite in registry.suites for row in suite.calibration}
    if name in taken:
        raise UsageError(
            f"'{name}' is the name of a row that is trained or of real images",
            hint=f"choose another, such as --as their-{name}",
        )
    return name


def _settings(own: list[str] | None) -> dict[str, Any]:
    """Nested settings from ``--set optimizer.lr=1e-4``; UsageError where one is set twice."""
    from bench.run.own_settings import combinations, parse_setting

    found: dict[str, Any] = {}
    for setting in next(iter(combinations([parse_setting(text) for text in own or ()], ())), ()):
        *parents, last = setting.key.split(".")
        place = found
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = setting.value
    return found


def _keys(keys: list[str] | None, map_file: Path | None) -> dict[str, str]:
    """Names in the file by our names."""
    found: dict[str, str] = _map_of(map_file) if map_file is not None else {}
    for text in keys or ():
        theirs, equals, ours = text.partition("=")
        if not (equals and theirs and ours) or theirs.endswith(".") != ours.endswith("."):
            raise UsageError(
                f"'{text}' names no tensor", hint="write THEIRS=OURS, or THEIRS.=OURS. for many"
            )
        found[ours] = theirs
    return found


def _map_of(path: Path) -> dict[str, str]:
    import yaml

    from catalog.files import reason, regular_bytes

    try:
        data = yaml.safe_load(regular_bytes(path, MAX_MAP_BYTES))
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read ({reason(error)})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{path}: not readable YAML") from error
    if not isinstance(data, dict) or not all(
        isinstance(key, str) and isinstance(value, str) for key, value in data.items()
    ):
        raise InvalidInput(f"{path}: holds no names by names, such as 'layers.0.weight: main.0.w'")
    return data


def _write_map(mapping: object, path: Path | None) -> None:
    if path is None or not isinstance(mapping, dict):
        return
    import yaml

    from catalog.files import write_atomically

    write_atomically(path, yaml.safe_dump(cast("dict[str, str]", dict(mapping)), sort_keys=False))
    say(f"names written to {path.as_posix()}")
