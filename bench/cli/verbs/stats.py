"""``aigc bench stats``: mean and covariance of features, in a file that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.verbs.options import DeviceOption, RegistryOption, WeightsOption
from bench.cli.verbs.output import emit
from catalog.errors import InvalidInput


def stats(
    source: Annotated[
        str, typer.Argument(help="Real images: a directory, .npy of uint8 or DATASET:SPLIT.")
    ],
    extractor: Annotated[str, typer.Option("--extractor", help="Feature network, by its id.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The .npz file to write.")],
    with_features: Annotated[
        bool, typer.Option("--features", help="Keep the features, for KID, precision and recall.")
    ] = False,
    extractor_weights: WeightsOption = None,
    device: DeviceOption = "auto",
    registry: RegistryOption = None,
) -> None:
    """Write statistics of real images, for aigc bench score --real and for pytorch-fid.

    The file says what made it, and is the same to the last bit whenever it is written again.
    """
    from bench.identity.digest import sha256_of_file
    from bench.identity.local_registry import pinned_registry
    from bench.machine.device import resolve_device
    from bench.outside.statistics import write_statistics
    from bench.score.extractors import load_extractor
    from bench.score.image_source import resolve_image_source
    from bench.score.two_sets import statistics_of

    known = pinned_registry(registry)
    entry = known.extractor(extractor)
    layers = {entry.layers[metric] for metric in ("fid", "kid", "prc")}
    if with_features and len(layers) > 1:
        raise InvalidInput(f"the metrics of {extractor} read several layers, a file holds one")
    place = resolve_device(device, cpu_is_fine=True)
    images = resolve_image_source(source, known, place)
    network = load_extractor(entry, place, extractor_weights)
    features, stamp = statistics_of(images, source, network, entry.layers["fid"], place)
    write_statistics(out, features, stamp, with_features=with_features)
    for key in ("extractor", "layer", "n_images"):
        emit(f"{key}\t{getattr(stamp, key)}")
    emit(f"dimension\t{features.shape[1]}")
    emit(f"path\t{out.as_posix()}")
    emit(f"sha256\t{sha256_of_file(out)}")
