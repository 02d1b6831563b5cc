"""``aigc bench score``: metrics outside of any suite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.verbs.options import DeviceOption, JsonOption, RegistryOption, WeightsOption
from bench.cli.verbs.output import emit, print_rows
from catalog.errors import UsageError

if TYPE_CHECKING:
    from bench.score.metrics import Side

_SOURCE = "Directory of images, .npy of uint8, run directory or DATASET:SPLIT"


def score(
    fake: Annotated[str, typer.Option("--fake", help=f"{_SOURCE}: the generated images.")],
    extractor: Annotated[str, typer.Option("--extractor", help="Feature network, by its id.")],
    real: Annotated[str | None, typer.Option("--real", help=f"{_SOURCE}: the real images.")] = None,
    metrics: Annotated[
        str, typer.Option("--metrics", help="Comma-separated: fid, is, kid, prc.")
    ] = "fid,is,kid,prc",
    isc_splits: Annotated[int, typer.Option("--isc-splits", min=1)] = 10,
    kid_subset_size: Annotated[int, typer.Option("--kid-subset-size", min=2)] = 1000,
    kid_subsets: Annotated[int, typer.Option("--kid-subsets", min=1)] = 100,
    prc_neighborhood: Annotated[int, typer.Option("--prc-neighborhood", min=1)] = 3,
    prc_samples: Annotated[
        int | None,
        typer.Option("--prc-samples", min=2, help="First images of each side; default: all."),
    ] = None,
    extractor_weights: WeightsOption = None,
    device: DeviceOption = "auto",
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two sets of images through torch-fidelity."""
    from bench.identity.local_registry import pinned_registry
    from bench.machine.device import resolve_device
    from bench.records.metric_names import metric_label
    from bench.score.extractors import load_extractor
    from bench.score.image_source import resolve_image_source
    from bench.score.scorer import Settings
    from bench.score.two_sets import compare, metric_groups, protocol_of

    groups = metric_groups(metrics)
    if real is None and groups != ["is"]:
        raise UsageError(f"--metrics {metrics} needs --real; only 'is' does without")
    known = pinned_registry(registry)
    entry = known.extractor(extractor)
    sources: dict[Side, str] = {"generated": fake}
    if real is not None and groups != ["is"]:
        sources["real"] = real
    place = resolve_device(device, cpu_is_fine=True)
    images = {side: resolve_image_source(text, known, place) for side, text in sources.items()}
    settings = Settings(
        layer_isc=entry.layers["isc"],
        layer_fid=entry.layers["fid"],
        layer_kid=entry.layers["kid"],
        layer_prc=entry.layers["prc"],
        isc_splits=isc_splits,
        kid_subsets=kid_subsets,
        kid_subset_size=kid_subset_size,
        prc_neighborhood=prc_neighborhood,
        prc_samples=prc_samples,
    )
    network = load_extractor(entry, place, extractor_weights)
    values = compare(images, sources, groups, network, settings, place)
    if as_json:
        protocol = protocol_of(images, network, settings, place)
        emit(json.dumps({"metrics": values, "protocol": protocol}, indent=2, allow_nan=False))
        return
    rows = []
    for name, value in values.items():
        label = metric_label(name.removesuffix("_std"), extractor)
        spread = " spread" if name.endswith("_std") else ""
        rows.append({"metric": f"{label}{spread}", "value": f"{value:.6g}"})
    print_rows(rows)
