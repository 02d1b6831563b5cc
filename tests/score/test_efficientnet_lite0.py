"""EfficientNet-Lite0: the published network, and what it sees on photographs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor
from torch.nn import functional as F

from bench.score.extractors import efficientnet_lite0, load_extractor, weights_place
from bench.score.features import extract
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.schema import Registry


def photograph(name: str) -> Tensor:
    """(1, 3, 427, 640) uint8."""
    return torch.from_numpy(load_sample_image(name).copy()).permute(2, 0, 1)[None]


@pytest.mark.parametrize(
    ("name", "expected"), [("flower.jpg", {985}), ("china.jpg", {442, 663, 698})]
)
def test_it_recognises_a_daisy_and_a_building(
    registry: Registry, name: str, expected: set[int]
) -> None:
    network = load_extractor(registry.extractor("efficientnet-lite0"), "cpu")
    found = extract(photograph(name), network, 1, "cpu")
    assert found["pooled"].shape == (1, 1280)
    best = found["logits"][0].topk(len(expected) + 2).indices.tolist()
    assert expected <= set(best)
    if name == "flower.jpg":
        assert best[0] == 985


def test_it_equals_the_reference_network(registry: Registry) -> None:
    from efficientnet_lite_pytorch import EfficientNet

    entry = registry.extractor("efficientnet-lite0")
    place = weights_place(entry)
    assert place is not None
    reference = EfficientNet.from_name("efficientnet-lite0")
    reference.load_state_dict(torch.load(place, weights_only=True))
    reference.eval()
    images = torch.randint(
        0, 256, (4, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    resized = F.interpolate(images.float(), size=224, mode="bicubic", antialias=True)
    with torch.no_grad():
        expected = reference((resized.clamp(0, 255) - 127.0) / 128.0)
    found = extract(images, load_extractor(entry, "cpu"), 4, "cpu")["logits"]
    assert float((found - expected).abs().max()) < 1e-4
    assert float(expected.abs().max()) > 1.0


def test_an_image_has_the_same_features_in_every_batch_and_by_plain_operators(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_extractor(registry.extractor("efficientnet-lite0"), "cpu")
    images = torch.cat(
        [photograph("china.jpg")[..., ::4, ::4].roll(n, 3) for n in (0, 9, 30, 70, 90)]
    )
    together = extract(images, network, 5, "cpu")
    for batch in (1, 3):
        apart = extract(images, network, batch, "cpu")
        assert all(torch.equal(apart[layer], together[layer]) for layer in network.layers)
    assert not torch.equal(together["pooled"][0], together["pooled"][1])
    before = torch.get_num_threads()
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            shared = extract(images, network, 5, "cpu")
            assert torch.get_num_threads() == n_threads
            assert all(torch.equal(shared[layer], together[layer]) for layer in network.layers)
    finally:
        torch.set_num_threads(before)
    monkeypatch.setattr(efficientnet_lite0, "_is_fused", lambda _: False)
    plain = extract(images, network, 5, "cpu")
    for layer in network.layers:
        assert float((plain[layer] - together[layer]).abs().max()) < 1e-4


def test_absent_or_foreign_weights_are_refused(registry: Registry, tmp_path: Path) -> None:
    entry = registry.extractor("efficientnet-lite0")
    with pytest.raises(MissingPrerequisite, match="weights of efficientnet-lite0 are absent"):
        load_extractor(entry, "cpu", tmp_path / "nothing.pth")
    file = tmp_path / "other.pth"
    torch.save({"_fc.weight": torch.zeros(2, 2)}, file)
    content = file.read_bytes()
    other = entry.model_copy(
        update={"sha256": hashlib.sha256(content).hexdigest(), "n_bytes": len(content)}
    )
    with pytest.raises(InvalidInput, match="not the weights of efficientnet-lite0"):
        load_extractor(other, "cpu", file)
