"""Names of files that this project writes, and of those that it does not."""

from __future__ import annotations

import pytest

from bench.records.files import MIXTURE, kind_of

HEX = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("train.json", "record"),
        ("scores/0123456789abcdef.json", "score"),
        ("weights.safetensors", "weights"),
        ("weights-ema.safetensors", "weights"),
        ("gmm-10.safetensors", "weights"),
        ("gmm-10-ema.safetensors", "weights"),
        ("checkpoint.pt", "checkpoint"),
        ("checkpoint-previous.pt", "checkpoint"),
        ("curve.csv", "curve"),
        ("live.csv", "live"),
        ("latest.png", "live"),
        ("grid-prior-raw.png", "grid"),
        ("progress.json", "progress"),
        (".lock", "lock"),
        (f".checkpoint.pt-{HEX}", "draft"),
        (f".live.csv-{HEX}", "draft"),
        (f".latest.png-{HEX}", "draft"),
        (f"scores/.0123456789abcdef.json-{HEX}", "draft"),
        ("calibration/class-pca-gaussian-draw-3-01234567.json", "score"),
        ("calibration/noise-01234567.png", "grid"),
        (f"calibration/.noise-01234567.json-{HEX}", "draft"),
    ],
)
def test_own_files(path: str, kind: str) -> None:
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    "path",
    [
        "notes.txt",
        "train.json.bak",
        "scores/notes.json",
        "plots/train.json",
        "scores/train.json",
        "weights.pt",
        "checkpoint.pt.gz",
        f".notes.txt-{HEX}",
        f".checkpoint.pt-{HEX[:-1]}",
        f"..checkpoint.pt-{HEX}-{HEX}",
        f"checkpoint.pt-{HEX}",
        "noise-01234567.json",
    ],
)
def test_strangers(path: str) -> None:
    assert kind_of(path) is None


def test_the_mixture_of_latents_is_called_as_its_files_are() -> None:
    from bench.sample.latent_density import SAMPLER

    assert SAMPLER == MIXTURE
