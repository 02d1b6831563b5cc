"""Extraction, and the cache that is keyed by content."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor

import bench.score.features
from bench.identity.digest import sha256_of_arrays
from bench.score.extractors import FeatureExtractor
from bench.score.extractors.digits_cnn import DigitsCNN
from bench.score.extractors.pixel_identity import PixelIdentity
from bench.score.features import cache_key, extract, reference_features
from bench.score.metrics import full_precision
from catalog.errors import InvalidInput


class Broken(FeatureExtractor):
    """Gives NaN for one bright image."""

    def __init__(self) -> None:
        super().__init__("broken", ("x",))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        values = images[:, 0].flatten(1).float()
        return {"x": values.masked_fill(values == 255, float("nan"))}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def images() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 255, (20, 1, 16, 16), dtype=torch.uint8, generator=generator)


def _files(cache: Path) -> list[Path]:
    return list((cache / "features").glob("*"))


def test_recalled_features_are_the_extracted_ones(images: Tensor, cache: Path) -> None:
    extractor = DigitsCNN().eval()
    fresh = extract(images, extractor, 8, "cpu")
    made = reference_features(images, extractor, 8, "cpu")
    assert len(_files(cache)) == 1
    recalled = reference_features(images, extractor, 8, "cpu")
    for layer, expected in fresh.items():
        assert torch.equal(made[layer], expected)
        assert torch.equal(recalled[layer], expected)


@pytest.mark.parametrize("batch_size", [1, 6, 8, 20, 64])
def test_every_image_has_features_also_in_a_smaller_last_batch(
    batch_size: int, images: Tensor
) -> None:
    found = extract(images, PixelIdentity(), batch_size, "cpu")["pixels"]
    assert torch.equal(found, images.flatten(1).float())


def test_a_hit_extracts_nothing(images: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    reference_features(images, PixelIdentity(), 8, "cpu")
    monkeypatch.setattr(bench.score.features, "extract", lambda *_: pytest.fail("extracted"))
    reference_features(images, PixelIdentity(), 8, "cpu")


def test_whatever_decides_features_decides_the_key(images: Tensor) -> None:
    changed = images.clone()
    changed[3, 0, 2, 2] ^= 1
    keys = {
        cache_key(images, PixelIdentity(), 8, "cpu"),
        cache_key(changed, PixelIdentity(), 8, "cpu"),
        cache_key(images.flip(0), PixelIdentity(), 8, "cpu"),
        cache_key(images.reshape(20, 1, 32, 8), PixelIdentity(), 8, "cpu"),
        cache_key(images, PixelIdentity(), 9, "cpu"),
        cache_key(images, PixelIdentity(), 8, "cuda"),
        cache_key(images, DigitsCNN("a"), 8, "cpu"),
        cache_key(images, DigitsCNN("b"), 8, "cpu"),
    }
    assert len(keys) == 8
    assert cache_key(images.clone(), PixelIdentity(), 8, "cpu") in keys


def test_other_vector_instructions_have_features_of_their_own(
    images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = cache_key(images, PixelIdentity(), 8, "cpu")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    limited = cache_key(images, PixelIdentity(), 8, "cpu")
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "another")
    assert len({usual, limited, cache_key(images, PixelIdentity(), 8, "cpu")}) == 3


def test_a_damaged_cache_file_is_made_again(images: Tensor, cache: Path) -> None:
    expected = reference_features(images, PixelIdentity(), 8, "cpu")["pixels"]
    (file,) = _files(cache)
    whole = file.read_bytes()
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    for damaged in (b"", b"rubbish", whole[:-10], flipped):
        file.write_bytes(damaged)
        assert torch.equal(
            reference_features(images, PixelIdentity(), 8, "cpu")["pixels"], expected
        )
        assert file.read_bytes() == whole


@pytest.mark.parametrize(
    "forged",
    [
        {"pixels": torch.zeros(3, dtype=torch.bfloat16)},  # a type that numpy lacks
        {"pixels": torch.tensor(1.0)},
        {"pixels": torch.zeros(20)},
        {"other": torch.zeros(20, 64)},
    ],
)
def test_a_cache_file_of_something_else_is_made_again(
    images: Tensor, cache: Path, forged: dict[str, Tensor]
) -> None:
    expected = reference_features(images, PixelIdentity(), 8, "cpu")["pixels"]
    (file,) = _files(cache)
    digest = "0" * 64
    if "pixels" in forged and forged["pixels"].dtype is torch.float32:
        digest = sha256_of_arrays(forged["pixels"].numpy())
    file.write_bytes(to_safetensors(forged, {"sha256": digest}))
    assert torch.equal(reference_features(images, PixelIdentity(), 8, "cpu")["pixels"], expected)


def test_a_cache_that_cannot_be_written_costs_time_alone(
    images: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path / "file"))
    assert reference_features(images, PixelIdentity(), 8, "cpu")["pixels"].shape[0] == len(images)


def test_features_that_are_not_finite_are_refused(images: Tensor, cache: Path) -> None:
    extract(images, Broken(), 8, "cpu")
    images[5] = 255
    with pytest.raises(InvalidInput, match="set: broken gives 'x' that is not finite"):
        reference_features(images, Broken(), 8, "cpu", "set")
    assert not _files(cache)


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (torch.zeros(4, 1, 8, 8), "uint8"),
        (torch.zeros(4, 8, 8, dtype=torch.uint8), "with C of 1 or 3"),
        (torch.zeros(4, 2, 8, 8, dtype=torch.uint8), "with C of 1 or 3"),
        (torch.zeros(0, 1, 8, 8, dtype=torch.uint8), "with C of 1 or 3"),
    ],
)
def test_what_is_not_a_batch_of_images_is_refused(bad: Tensor, rule: str) -> None:
    with pytest.raises(InvalidInput, match=f"set: .*{rule}"):
        extract(bad, PixelIdentity(), 8, "cpu", "set")


def test_flags_are_off_inside_and_restored_after() -> None:
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = (cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic, matmul.allow_tf32)
    with full_precision():
        assert not cudnn.allow_tf32
        assert not cudnn.benchmark
        assert not matmul.allow_tf32
        assert cudnn.deterministic
    assert (cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic, matmul.allow_tf32) == before
