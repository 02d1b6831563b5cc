"""``aigc bench score`` and ``selftest``: metrics outside of any suite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.verbs.options import DeviceOption, JsonOption, RegistryOption, WeightsOption
from bench.cli.verbs.output import emit, print_rows, say
from catalog.errors import ExitCode, InvalidInput, UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from bench.score.extractors import FeatureExtractor
    from bench.score.metrics import Side
    from bench.score.scorer import MetricGroup, Settings

BATCH_SIZE = 64
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
    from bench.score.extractors import load_extractor
    from bench.score.image_source import resolve_image_source
    from bench.score.scorer import Settings

    groups = _parse_groups(metrics)
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
    values = _measure(sources, images, groups, network, settings, place)
    protocol = _protocol(images, network, settings, place)
    if as_json:
        emit(json.dumps({"metrics": values, "protocol": protocol}, indent=2, allow_nan=False))
        return
    print_rows(
        [{"metric": _label(name, extractor), "value": f"{values[name]:.6g}"} for name in values]
    )


def selftest(as_json: JsonOption = False) -> None:
    """Ask the scoring code for answers that are known by hand; exit 1 if one is missed."""
    from dataclasses import asdict

    from bench.score.known_answers import run_selftest

    checks = run_selftest()
    missed = [check for check in checks if not check.passed]
    if as_json:
        rows = [asdict(check) | {"passed": check.passed} for check in checks]
        emit(json.dumps({"passed": not missed, "checks": rows}, indent=2))
    else:
        print_rows(
            [
                {
                    "check": check.name,
                    "expected": f"{check.expected:.9g}",
                    "got": f"{check.got:.9g}",
                    "result": "pass" if check.passed else "MISS",
                }
                for check in checks
            ]
        )
    say(f"{len(checks) - len(missed)} of {len(checks)} known answers")
    if missed:
        raise typer.Exit(ExitCode.JOB_FAILED)


def _parse_groups(text: str) -> list[MetricGroup]:
    from bench.score.scorer import GROUPS

    wanted = {part.strip() for part in text.split(",")}
    unknown = wanted - set(GROUPS)
    if unknown:
        shown = ", ".join(sorted(f"'{name}'" for name in unknown))
        raise UsageError(f"no metric is called {shown}", hint=f"choose from {','.join(GROUPS)}")
    return [group for group in GROUPS if group in wanted]


def _measure(
    sources: dict[Side, str],
    images: dict[Side, Tensor],
    groups: list[MetricGroup],
    network: FeatureExtractor,
    settings: Settings,
    device: torch.device,
) -> dict[str, float]:
    from bench.score.features import extract, reference_features
    from bench.score.metrics import TooFewImages
    from bench.score.scorer import score_features

    fake = extract(images["generated"], network, BATCH_SIZE, device, sources["generated"])
    real = fake
    if "real" in images:
        _require_same_size(sources, images)
        real = reference_features(images["real"], network, BATCH_SIZE, device, sources["real"])
    values: dict[str, float] = {}
    for group in groups:
        try:
            values |= score_features(group, fake, real, settings)
        except TooFewImages as error:
            raise InvalidInput(f"{sources[error.side]}: {error.what}") from None
    return values


def _require_same_size(sources: dict[Side, str], images: dict[Side, Tensor]) -> None:
    fake, real = images["generated"].shape[2:], images["real"].shape[2:]
    if fake != real:
        raise InvalidInput(
            f"{sources['generated']}: images are {fake[0]} x {fake[1]},"
            f" the real ones of {sources['real']} are {real[0]} x {real[1]}"
        )


def _protocol(
    images: dict[Side, Tensor], network: FeatureExtractor, settings: Settings, device: torch.device
) -> dict[str, Any]:
    from dataclasses import asdict
    from importlib.metadata import version

    from bench.identity.digest import sha256_of_arrays

    sets = {
        side: {"n_images": len(tensor), "sha256": sha256_of_arrays(tensor.numpy())}
        for side, tensor in images.items()
    }
    return {
        "images": sets,
        "extractor": network.name,
        "extractor_sha256": network.sha256,
        **asdict(settings),
        "grey_to_rgb": "repeat",
        "tf32": False,
        "batch_size": BATCH_SIZE,
        "device": device.type,
        "torch_fidelity": version("torch-fidelity"),
    }


def _label(name: str, extractor: str) -> str:
    from bench.records.metric_names import metric_label

    shown = metric_label(name.removesuffix("_std"), extractor)
    return f"{shown} spread" if name.endswith("_std") else shown
