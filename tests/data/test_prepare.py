"""Data sets that come from files, and judges trained here: nothing is compared before it is known.

The files are real ones in MNIST's format, with few images.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
import yaml
from helpers import Aigc, tiny_registry, tiny_variant
from helpers import aigc as aigc_process
from torch import Tensor

from bench.data.dataset import ImageSplit, fingerprint
from bench.data.decode.cached import decoded_file, read_decoded
from catalog.errors import ExitCode, MissingPrerequisite
from catalog.schema import Registry

N = {"train": 80, "test": 60}


def write_idx(file: Path, values: Tensor) -> None:
    """A file in the format of MNIST: type 8 (uint8), the sizes, the values."""
    sizes = values.shape
    head = struct.pack(f">BBBB{len(sizes)}I", 0, 0, 8, len(sizes), *sizes)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(head + values.to(torch.uint8).numpy().tobytes())


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder as torchvision keeps MNIST in, with pictures whose brightness tells the class."""
    generator = torch.Generator().manual_seed(0)
    for split, prefix in (("train", "train"), ("test", "t10k")):
        labels = torch.arange(N[split]) % 10
        noise = torch.randint(0, 20, (N[split], 28, 28), generator=generator)
        raw = tmp_path / "data" / "MNIST" / "raw"
        write_idx(raw / f"{prefix}-images-idx3-ubyte", noise + 22 * labels[:, None, None])
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", labels)
    return tmp_path / "data"


@pytest.fixture
def registry_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry that does not know the pixels of MNIST, nor its judge; and a cache of its own."""
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path / "cache"))
    file = tiny_registry(tmp_path / "registry.yaml", [tiny_variant("small")], steps=2)
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    data["datasets"].append(
        {
            "id": "mnist",
            "name": {"en": "MNIST", "zh": "MNIST"},
            "loader": "mnist",
            "resolution": 32,
            "channels": 1,
            "n_classes": 10,
            "splits": N,
            "fingerprint": "unpinned",
            "licence": "of the tests",
        }
    )
    for extractor in data["extractors"]:
        if extractor["id"] == "mnist-judge":
            del extractor["sha256"], extractor["n_bytes"], extractor["accuracy"]
    data["protocols"][0] |= {"dataset": "mnist", "extractor": "mnist-judge", "prc_samples": 40}
    data["suites"][0] |= {
        "dataset": "mnist",
        "budgets": {"tiny": {"steps": 3, "cpu": True, "seeds": [0, 1]}},
    }
    file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return file


def test_from_unknown_pixels_to_a_score(
    files: Path, registry_file: Path, tmp_path: Path, aigc: Aigc
) -> None:
    registry = ("--registry", registry_file)
    unknown = aigc("bench", "plan", "tiny", *registry)
    assert unknown.code == 0
    assert "was not decoded on this machine yet" in unknown.stdout
    assert "aigc bench data prepare mnist --data-dir DIR" in unknown.stderr

    prepared = aigc("bench", "data", "prepare", "mnist", "--data-dir", files, *registry)
    assert prepared.code == 0, prepared.stderr
    told = dict(line.split("\t") for line in prepared.stdout.splitlines())
    assert (told["images"], told["split[train]"], told["split[test]"]) == ("32x32x1", "80", "60")
    assert Path(told["file"]) == decoded_file(told["fingerprint"])

    no_judge = aigc("bench", "run", "tiny", *registry)
    assert no_judge.code == ExitCode.MISSING_PREREQUISITE
    assert "aigc bench extractor train mnist" in no_judge.stderr

    # Here brightness tells the class, so that a judge which looks through it can only guess.
    train = ("bench", "extractor", "train", "mnist", "--no-flip", "--batch-size", "16", *registry)
    guessing = aigc(*train, "--epochs", "1", "--batch-size", "64")
    assert guessing.code == ExitCode.INVALID_INPUT
    assert "its features mean nothing" in guessing.stderr
    assert aigc("bench", "run", "tiny", *registry).code == ExitCode.MISSING_PREREQUISITE
    trained = aigc(*train, "--epochs", "12", "--no-disturb")
    assert trained.code == 0, trained.stderr
    judge = dict(line.split("\t") for line in trained.stdout.splitlines())
    assert 0.25 < float(judge["accuracy[test]"]) <= 1.0

    # In a process of its own: one that has started jobs before knows no other cache folder.
    command = ("bench", "run", "tiny", "--budget", "tiny", *registry, "--seeds", "1")
    done = aigc_process(*command, "--jobs", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads(next((tmp_path / done.stdout.strip()).glob("scores/*.json")).read_text())
    assert record["protocol"]["extractor_sha256"] == judge["sha256"]
    assert record["protocol"]["dataset_fingerprint"] == told["fingerprint"]
    shown = {metric["name"]: metric for metric in record["metrics"]}
    assert (shown["precision"]["n_fake"], shown["precision"]["n_real"]) == (40, 40)
    assert (shown["fid"]["n_fake"], shown["fid"]["n_real"]) == (60, 80)

    again = aigc(*train, "--epochs", "12", "--no-disturb", "--seed", "1")
    assert again.code == 0
    replanned = aigc("bench", "plan", "tiny", "--budget", "tiny", *registry, "--seeds", "1")
    assert "no score under protocol key" in replanned.stdout
    assert record["protocol_key"] not in replanned.stdout


def test_run_decodes_what_is_missing(files: Path, registry_file: Path, aigc: Aigc) -> None:
    registry = ("--registry", registry_file)
    nowhere = aigc("bench", "run", "tiny", *registry)
    assert nowhere.code == ExitCode.USAGE
    assert "--data-dir" in nowhere.stderr
    decoded = aigc("bench", "run", "tiny", *registry, "--data-dir", files)
    assert "decoding data set mnist" in decoded.stderr
    assert "aigc bench extractor train mnist" in decoded.stderr  # the next thing that is missing


def test_other_pixels_than_the_registrys_are_refused(
    files: Path, registry_file: Path, aigc: Aigc
) -> None:
    data = yaml.safe_load(registry_file.read_text(encoding="utf-8"))
    data["datasets"][-1]["fingerprint"] = "0" * 64
    registry_file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    refused = aigc(
        "bench", "data", "prepare", "mnist", "--data-dir", files, "--registry", registry_file
    )
    assert refused.code == ExitCode.INVALID_INPUT
    assert "hold other pixels than data set 'mnist'" in refused.stderr


def test_a_damaged_cache_is_decoded_again(files: Path, registry_file: Path, aigc: Aigc) -> None:
    prepare = ("bench", "data", "prepare", "mnist", "--data-dir", files)
    first = aigc(*prepare, "--registry", registry_file)
    file = Path(dict(line.split("\t") for line in first.stdout.splitlines())["file"])
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert aigc("bench", "score", "--fake", "mnist:test", "--real", "mnist:train",
                "--extractor", "pixel-identity", "--metrics", "prc",
                "--registry", registry_file).code == ExitCode.MISSING_PREREQUISITE  # fmt: skip
    second = aigc(*prepare, "--registry", registry_file)
    assert second.stdout == first.stdout
    assert file.read_bytes() == whole


def test_the_fingerprint_is_of_pixels_and_labels() -> None:
    images = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    base = {"train": ImageSplit(images, torch.tensor([0, 1]))}
    moved = {"train": ImageSplit(images, torch.tensor([1, 0]))}
    brighter = {"train": ImageSplit(images + 1, torch.tensor([0, 1]))}
    assert len({fingerprint(splits) for splits in (base, moved, brighter)}) == 3


def test_a_folder_that_is_gone_from_the_cache_is_asked_for_by_its_path(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path))
    folder = registry.dataset("folder").model_copy(update={"fingerprint": "a" * 64})
    with pytest.raises(MissingPrerequisite) as caught:
        read_decoded(folder)
    assert caught.value.hint == "aigc bench data prepare folder:PATH"
    assert caught.value.where == str(decoded_file("a" * 64))
