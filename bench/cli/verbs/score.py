"""``aigc bench score``: metrics outside of any suite."""

from __future__ import annotations

import json
from pathlib import Path
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
    real: Annotated[
        str | None,
        typer.Option("--real", help=f"{_SOURCE}, or .npz with mu and sigma: the real images."),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option("--metrics", help="Comma-separated: fid, is, kid, prc; default: all."),
    ] = None,
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
    """Compare two sets of images through torch-fidelity.

    In the place of the real ones a file may stand that pytorch-fid, clean-fid, ADM or aigc bench
    stats wrote.
    """
    from bench.identity.local_registry import pinned_registry
    from bench.machine.device import resolve_device
    from bench.outside.statistics import holds_statistics
    from bench.records.metric_names import metric_label
    from bench.score.extractors import load_extractor
    from bench.score.image_source import resolve_image_source
    from bench.score.scorer import GROUPS, Settings
    from bench.score.two_sets import (
        compare,
        compare_with_statistics,
        known_statistics,
        measurable,
        metric_groups,
        protocol_of,
    )

    known = pinned_registry(registry)
    entry = known.extractor(extractor)
    meant = [group for group in GROUPS if entry.classifies or group != "is"]
    groups = metric_groups(metrics or ",".join(meant))
    if "is" in groups and not entry.classifies:
        raise UsageError(f"'is' needs classes, and {extractor} sorts images into none")
    if real is None and groups != ["is"]:
        asked = f"--metrics {metrics}" if metrics else "all metrics together"
        raise UsageError(f"{asked} needs --real; only 'is' does without")
    sources: dict[Side, str] = {"generated": fake}
    if real is not None and groups != ["is"]:
        sources["real"] = real
    file = Path(sources["real"]) if "real" in sources else None
    of_file = file is not None and holds_statistics(file)
    place = resolve_device(device, cpu_is_fine=True)
    images = {
        side: resolve_image_source(text, known, place)
        for side, text in sources.items()
        if not (of_file and side == "real")
    }
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
    statistics = None
    if file is not None and of_file:
        fakes = images["generated"]
        statistics = known_statistics(file, fakes, fake, network, settings, place)
        if metrics is None:
            groups = [group for group in groups if group in measurable(statistics)]
        values = compare_with_statistics(
            fakes, sources, groups, network, settings, place, statistics
        )
    else:
        values = compare(images, sources, groups, network, settings, place)
    if as_json:
        protocol = protocol_of(images, network, settings, place, statistics)
        emit(json.dumps({"metrics": values, "protocol": protocol}, indent=2, allow_nan=False))
        return
    rows = []
    for name, value in values.items():
        label = metric_label(name.removesuffix("_std"), extractor)
        spread = " spread" if name.endswith("_std") else ""
        rows.append({"metric": f"{label}{spread}", "value": f"{value:.6g}"})
    print_rows(rows)
