"""Extractors: the shipped weights, the images they refuse, and the verification of weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

import bench.score.extractors
from bench.data import ImageData, load_dataset
from bench.identity.digest import sha256_of_file
from bench.score.extractors import digits_cnn, load_extractor
from bench.score.extractors.base import verified_weights
from bench.score.features import extract
from catalog.errors import InvalidInput, MissingPrerequisite, UsageError
from catalog.read.loader import load_registry
from catalog.schema import Registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def digits(registry: Registry) -> ImageData:
    return load_dataset(registry.dataset("digits"))


def test_shipped_weights_are_the_registered_ones(registry: Registry) -> None:
    entry = registry.extractor("digits-cnn")
    file = Path(bench.score.extractors.__file__).parent / "weights" / str(entry.weights)
    assert sha256_of_file(file) == entry.sha256
    assert file.stat().st_size == entry.n_bytes


def test_the_digit_classifier_knows_digits(registry: Registry, digits: ImageData) -> None:
    extractor = load_extractor(registry.extractor("digits-cnn"), "cpu")
    for name in ("train", "test"):
        found = extract(digits[name].images, extractor, 250, "cpu")
        right = found["logits"].argmax(dim=1) == digits[name].labels
        assert right.float().mean() >= 0.98
        assert found["grid"].shape == (len(digits[name]), 128)
        assert found["grid"].min() >= 0


def test_every_registered_layer_exists(registry: Registry) -> None:
    for name in ("digits-cnn", "pixel-identity"):
        entry = registry.extractor(name)
        extractor = load_extractor(entry, "cpu")
        assert set(entry.layers.values()) <= set(extractor.layers)
        found = extractor(torch.zeros(2, 3, 16, 16, dtype=torch.uint8))
        assert set(found) == set(extractor.layers)
        assert all(part.shape[0] == 2 and part.dtype == torch.float32 for part in found.values())


def test_pixel_identity_is_the_pixels(registry: Registry) -> None:
    extractor = load_extractor(registry.extractor("pixel-identity"), "cpu")
    images = torch.arange(24, dtype=torch.uint8).reshape(2, 1, 3, 4)
    assert extract(images, extractor, 64, "cpu")["pixels"].tolist() == [
        list(range(12)),
        list(range(12, 24)),
    ]
    with pytest.raises(UsageError, match="has no weights"):
        load_extractor(registry.extractor("pixel-identity"), "cpu", Path("weights.pth"))


@pytest.mark.parametrize("name", ["digits-cnn", "pixel-identity"])
def test_colour_is_refused_where_grey_is_read(registry: Registry, name: str) -> None:
    images = torch.zeros(3, 3, 16, 16, dtype=torch.uint8)
    images[1, 2, 5, 5] = 9
    extractor = load_extractor(registry.extractor(name), "cpu")
    with pytest.raises(InvalidInput, match=f"set: {name} reads grey .* image 1 differ"):
        extract(images, extractor, 64, "cpu", "set")


def test_other_sizes_are_refused_by_the_digit_classifier(registry: Registry) -> None:
    extractor = load_extractor(registry.extractor("digits-cnn"), "cpu")
    with pytest.raises(InvalidInput, match=r"set: digits-cnn reads 16 x 16 images.*8 x 8"):
        extract(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), extractor, 64, "cpu", "set")


def test_wrong_size_and_wrong_sha256_are_refused(registry: Registry, tmp_path: Path) -> None:
    entry = registry.extractor("digits-cnn")
    file = tmp_path / "w.safetensors"
    file.write_bytes(b"short")
    with pytest.raises(InvalidInput, match=rf"w\.safetensors: .*{entry.n_bytes} bytes.* has 5"):
        load_extractor(entry, "cpu", file)
    file.write_bytes(b"\0" * (entry.n_bytes or 0))
    with pytest.raises(InvalidInput, match=rf"w\.safetensors: .*sha256 {entry.sha256}"):
        load_extractor(entry, "cpu", file)


def test_absent_inception_weights_are_described(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    entry = registry.extractor("inception-v3-compat")
    with pytest.raises(MissingPrerequisite) as caught:
        load_extractor(entry, "cpu")
    message = "\n".join(caught.value.lines())
    place = tmp_path / "hub" / "checkpoints" / str(entry.weights)
    for part in (str(entry.weights), str(entry.sha256), "95628359", str(place)):
        assert part in message


def test_an_unverified_pickle_is_never_parsed(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("parsed"))
    file = tmp_path / "inception.pth"
    file.write_bytes(b"pickle")
    with pytest.raises(InvalidInput, match=r"inception\.pth: .*95628359 bytes"):
        load_extractor(registry.extractor("inception-v3-compat"), "cpu", file)


def test_verified_weights_are_the_file(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "w"
    file.write_bytes(b"abc")
    entry = registry.extractor("digits-cnn").model_copy(
        update={"sha256": sha256_of_file(file), "n_bytes": 3}
    )
    assert verified_weights(file, entry) == b"abc"


@pytest.mark.slow
def test_inception_is_torch_fidelitys_network(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "inception.pth"
    with monkeypatch.context() as patched:
        patched.setattr(torch, "load", lambda *_, **__: {})
        patched.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        network = FeatureExtractorInceptionV3("x", ["2048"], feature_extractor_weights_path="x")
    torch.save(network.state_dict(), file)
    entry = registry.extractor("inception-v3-compat").model_copy(
        update={"sha256": sha256_of_file(file), "n_bytes": file.stat().st_size}
    )
    extractor = load_extractor(entry, "cpu", file)
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    found = extract(images, extractor, 8, "cpu")
    assert found["logits_unbiased"].shape == (2, 1008)
    with torch.no_grad():
        assert torch.equal(found["2048"], network(images)[0])


def test_the_recipe_is_repeatable(digits: ImageData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits_cnn, "STEPS", 3)
    state = torch.random.get_rng_state()
    first = digits_cnn.build(digits)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert digits_cnn.build(digits) == first
    assert set(first.accuracy) == {"train", "test"}
