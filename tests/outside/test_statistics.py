"""Files of reference statistics: equal to what other tools make of them; hostile ones refused."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import Aigc
from numpy.typing import NDArray

from bench.data import load_dataset
from bench.outside.statistics import holds_statistics, read_statistics
from bench.score.extractors import load_extractor
from bench.score.features import extract
from bench.score.metrics import distance_to_statistics, frechet_distance
from catalog.errors import InvalidInput
from catalog.read.loader import load_registry

D = 128
Arrays = dict[str, Any]
JUDGE = ("--extractor", "digits-cnn", "--device", "cpu")


@pytest.fixture(scope="module")
def features() -> dict[str, torch.Tensor]:
    """Features of digits, (N, 128) float32 by split."""
    registry = load_registry()
    data = load_dataset(registry.dataset("digits"))
    network = load_extractor(registry.extractor("digits-cnn"), "cpu")
    return {
        split: extract(data[split].images, network, 64, "cpu")["grid"]
        for split in ("train", "test")
    }


def moments(features: torch.Tensor) -> Arrays:
    """Mean and covariance in double precision, as pytorch-fid and clean-fid have them."""
    values = features.numpy().astype(np.float64)
    return {"mu": values.mean(axis=0), "sigma": np.cov(values, rowvar=False)}


def layout(name: str, arrays: Arrays, path: Path) -> Path:
    """A file as another tool writes it."""
    if name == "adm":
        images = np.zeros((3, 4, 4, 3), dtype=np.uint8)
        more = {"arr_0": images, "mu_s": np.zeros(5), "sigma_s": np.eye(5)}
        np.savez(path, **arrays, **more)
    elif name == "ttur":
        np.savez(path, **arrays)
    else:
        np.savez_compressed(path, **arrays)
    return path


def distances_of_others(one: Arrays, other: Arrays) -> list[float]:
    from cleanfid.fid import frechet_distance as clean_fid
    from pytorch_fid.fid_score import calculate_frechet_distance as pytorch_fid

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of scipy's sqrtm
        return [
            float(tool(one["mu"], one["sigma"], other["mu"], other["sigma"]))
            for tool in (pytorch_fid, clean_fid)
        ]


@pytest.mark.parametrize("name", ["pytorch-fid", "adm", "ttur"])
def test_a_distance_to_a_file_is_that_of_the_tools_that_write_such_files(
    features: dict[str, torch.Tensor], tmp_path: Path, name: str
) -> None:
    real = moments(features["train"])
    file = layout(name, real, tmp_path / "real.npz")
    assert holds_statistics(file)
    known = read_statistics(file, D, "digits-cnn")
    found = distance_to_statistics(features["test"], known.mu, known.sigma)
    for theirs in distances_of_others(moments(features["test"]), real):
        assert found == pytest.approx(theirs, rel=1e-6)
    assert found > 0.5


def written(aigc: Aigc, path: Path, *options: str) -> Path:
    shown = aigc("bench", "stats", "digits:train", *JUDGE, "-o", path, *options)
    assert shown.code == 0, shown.stderr
    assert "n_images\t1078\ndimension\t128\n" in shown.stdout
    return path


def scored(aigc: Aigc, real: object, *options: str) -> dict[str, Any]:
    small = ("--kid-subset-size", "100", "--kid-subsets", "5", "--json")
    shown = aigc(
        "bench", "score", "--fake", "digits:test", "--real", real, *JUDGE, *small, *options
    )
    assert shown.code == 0, shown.stderr
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


def test_scores_through_a_file_are_those_without_it_to_the_last_bit(
    aigc: Aigc, tmp_path: Path, features: dict[str, torch.Tensor]
) -> None:
    file = written(aigc, tmp_path / "s.npz", "--features")
    direct, through = scored(aigc, "digits:train"), scored(aigc, file)
    assert through["metrics"] == direct["metrics"]
    assert set(direct["metrics"]) >= {"fid", "is", "kid", "precision", "recall"}
    assert direct["metrics"]["fid"] == frechet_distance(features["test"], features["train"])
    assert through["protocol"]["statistics"]["stamp"]["n_images"] == 1078
    again = written(aigc, tmp_path / "again.npz", "--features")
    assert again.read_bytes() == file.read_bytes()


def test_without_features_a_file_is_for_the_distance_alone(
    aigc: Aigc, tmp_path: Path, features: dict[str, torch.Tensor]
) -> None:
    file = written(aigc, tmp_path / "s.npz")
    values = scored(aigc, file)["metrics"]
    assert set(values) == {"fid", "is", "is_std"}
    shown = aigc(
        *("bench", "score", "--fake", "digits:test", "--real", file, *JUDGE),
        *("--metrics", "fid,kid,prc"),
    )
    assert shown.code == 2
    assert "holds mean and covariance alone: no kid or prc" in shown.stderr
    from pytorch_fid.fid_score import compute_statistics_of_path

    mu, sigma = compute_statistics_of_path(str(file), None, 50, 2048, "cpu")
    other = {"mu": mu, "sigma": sigma}
    for theirs in distances_of_others(moments(features["test"]), other):
        assert values["fid"] == pytest.approx(theirs, rel=1e-5)


def test_a_file_of_another_network_is_refused(aigc: Aigc, tmp_path: Path) -> None:
    file = written(aigc, tmp_path / "s.npz")
    score = ("bench", "score", "--fake", "digits:test", "--real", file, "--device", "cpu")
    longer = aigc(*score, "--extractor", "pixel-identity")
    assert longer.code == 3
    assert "'mu' has shape (128,), features of pixel-identity have 256 numbers" in longer.stderr
    with np.load(file) as archive:
        arrays = dict(archive)
    stamp = json.loads(str(arrays["stamp"]))
    arrays["stamp"] = np.array(json.dumps({**stamp, "extractor_sha256": "0" * 64}))
    np.savez(file, **arrays)
    shown = aigc(*score, "--extractor", "digits-cnn")
    assert shown.code == 3
    assert f"were made with weights '{'0' * 64}', not" in shown.stderr


def npy(array: NDArray[Any]) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, array, allow_pickle=True)
    return content.getvalue()


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


def large_header(shape: str) -> bytes:
    """An array that promises a shape and holds sixteen bytes."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(16)


def skewed(sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    sigma = sigma.copy()
    sigma[3, 5] += 0.01 * sigma.max()
    return sigma


STAMP = (
    '{"extractor": "digits-cnn", "extractor_sha256": null, "layer": "grid", "n_images": 9,'
    f' "images_sha256": "{"0" * 64}", "batch_size": 1, "device": "cpu", "torch": "2",'
    ' "torch_fidelity": "0"}'
)
HOSTILE: dict[str, tuple[Callable[[Arrays], dict[str, Any]], str]] = {
    "asymmetric": (lambda a: {"sigma": skewed(a["sigma"])}, "'sigma' is not symmetric"),
    "not finite": (lambda a: {"sigma": a["sigma"] * np.nan}, "'sigma' is not finite"),
    "infinite mean": (lambda a: {"mu": a["mu"] + np.inf}, "'mu' is not finite"),
    "no covariance": (lambda a: {"sigma": a["sigma"] - np.eye(D)}, "'sigma' is no covariance"),
    "negative": (lambda a: {"sigma": -a["sigma"]}, "'sigma' is no covariance"),
    "another size": (lambda _: {"sigma": np.eye(D + 1)}, r"'sigma' has shape \(129, 129\)"),
    "a row": (lambda a: {"mu": a["mu"][None]}, r"'mu' has shape \(1, 128\)"),
    "integers": (lambda _: {"mu": np.zeros(D, dtype=np.int64)}, "'mu' is int64, statistics are"),
    "objects": (lambda a: {"mu": a["mu"].astype(object)}, "it holds pickled objects"),
    "a pickle": (lambda _: {"mu": b"\x80\x04K\x01."}, "'mu' is no array"),
    "empty": (lambda _: {"mu": b""}, "'mu' is no array"),
    "promises": (lambda _: {"sigma": large_header("(128, 128)")}, "promises 131072 bytes, 16 are"),
    "huge": (lambda _: {"feats": large_header("(10**13, 128)")}, "'feats' is no array"),
    "much": (lambda _: {"feats": large_header("(9999999999, 128)")}, "promises 10239999998976"),
    "negative size": (lambda _: {"feats": large_header("(-1, 128)")}, "promises -1024 bytes"),
    "no features": (lambda _: {"feats": np.full((9, D), np.nan)}, "'feats' is not finite"),
    "stamp": (lambda _: {"stamp": np.array('{"extractor": 1}')}, "its stamp: extractor:"),
    "stamp bytes": (lambda _: {"stamp": np.zeros(9)}, "its 'stamp' is no text"),
    "fewer": (
        lambda _: {"stamp": np.array(STAMP), "feats": np.zeros((8, D))},
        "features of 8 images, its stamp says 9",
    ),
    "bomb": (lambda _: {"feats": np.zeros((2**16, D))}, "feats.npy: 67,108,992 bytes, at most"),
    "bomb of a matrix": (lambda _: {"sigma": np.zeros((3000, 3000))}, "72,000,128 bytes, at most"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_before_memory_is_taken(
    features: dict[str, torch.Tensor], tmp_path: Path, name: str
) -> None:
    change, told = HOSTILE[name]
    arrays = moments(features["train"])
    file = tmp_path / "hostile.npz"
    members = {**arrays, **change(arrays)}
    archive(file, {k: v if isinstance(v, bytes) else npy(v) for k, v in members.items()})
    assert holds_statistics(file)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match=told) as caught:
            read_statistics(file, D, "digits-cnn")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**22
    assert str(file) in caught.value.what
    assert "\n" not in caught.value.what


def test_what_is_no_archive_of_statistics(tmp_path: Path, aigc: Aigc) -> None:
    cut, other, pipe = tmp_path / "cut.npz", tmp_path / "other.npz", tmp_path / "pipe.npz"
    archive(other, {"mu": npy(np.zeros(D)), "sigma": npy(np.eye(D))}, zipfile.ZIP_BZIP2)
    cut.write_bytes(other.read_bytes()[:-30])
    with pytest.raises(InvalidInput, match="not a readable archive"):
        holds_statistics(cut)
    with pytest.raises(InvalidInput, match="neither stored nor deflated"):
        read_statistics(other, D, "digits-cnn")
    os.mkfifo(pipe)
    assert not holds_statistics(pipe)
    for file, code in ((cut, 3), (other, 3), (pipe, 3), (tmp_path / "absent.npz", 3)):
        shown = aigc("bench", "score", "--fake", "digits:test", "--real", file, *JUDGE)
        assert (shown.code, "Traceback" in shown.stderr) == (code, False), shown.stderr


def test_rounding_to_single_precision_is_no_fault(
    features: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    few = moments(features["train"][:40])  # of rank 39: eigenvalues of 0 become negative ones
    rounded = {name: values.astype(np.float32) for name, values in few.items()}
    assert np.linalg.eigvalsh(rounded["sigma"].astype(np.float64))[0] < 0
    known = read_statistics(layout("ttur", rounded, tmp_path / "r.npz"), D, "digits-cnn")
    found = distance_to_statistics(features["test"], known.mu, known.sigma)
    [theirs, _] = distances_of_others(moments(features["test"]), few)
    assert found == pytest.approx(theirs, rel=1e-3)
