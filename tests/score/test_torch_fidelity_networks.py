"""DINOv2, CLIP and VGG as torch-fidelity has them, with small weights in the real form."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
import yaml
from helpers import Aigc, tiny_registry, tiny_variant
from torch import Tensor, nn
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.feature_extractor_clip import CLIPVisual, FeatureExtractorCLIP
from torch_fidelity.feature_extractor_dinov2 import FeatureExtractorDinoV2
from torch_fidelity.feature_extractor_vgg16 import FeatureExtractorVGG16

from bench.identity.digest import sha256_of_file
from bench.score.extractors import load_extractor
from bench.score.extractors.vision_transformer import VisionTransformer
from bench.score.features import extract
from catalog.errors import InvalidInput
from catalog.schema import Extractor, Registry

LAYERS = {"dinov2-vit-b-14": "dinov2", "clip-vit-b-32": "clip", "vgg16": "fc2_relu"}
NAMES = tuple(LAYERS)


class TinyVGG(nn.Module):
    """As torchvision's, with seven layers in its classifier, of which the last three go."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 4, 8, 8)
        middle = (nn.ReLU(), nn.Dropout())
        layers = (nn.Linear(4 * 28 * 28, 12), *middle, nn.Linear(12, 12), nn.ReLU(), nn.Dropout())
        self.classifier = nn.Sequential(*layers, nn.Linear(12, 5))

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.classifier(self.features(images).flatten(1))
        return scores


class TinyCLIP(CLIPVisual):  # type: ignore[misc]
    """The image half of CLIP, beside what else its archive holds."""

    def __init__(self) -> None:
        super().__init__(6, 64, 1, 64, 32)  # 6 numbers of 64 x 64 pixels in patches of 32
        self.text_projection = nn.Parameter(torch.randn(64, 6))
        self.logit_scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.visual(images)
        return found


def written(name: str, file: Path) -> Path:
    """Weights that nobody has trained."""
    torch.manual_seed(0)
    if name == "clip-vit-b-32":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of TorchScript's age
            torch.jit.save(torch.jit.trace(TinyCLIP().eval(), torch.zeros(1, 3, 64, 64)), file)
        return file
    network = VisionTransformer(64, 2, 14, 1 + 37 * 37) if name == "dinov2-vit-b-14" else TinyVGG()
    for values in network.parameters():
        nn.init.normal_(values, std=0.1)
    torch.save(OrderedDict(network.state_dict()), file)
    return file


def as_torch_fidelity_makes_it(
    name: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> FeatureExtractorBase:
    """Its own class, which fetches DINOv2 as code."""
    if name == "dinov2-vit-b-14":
        network = VisionTransformer.of(torch.load(file, weights_only=True))
        with monkeypatch.context() as patched:
            patched.setattr(torch.hub, "load", lambda *_: network)
            return FeatureExtractorDinoV2(name, ["dinov2"])
    makers: dict[str, Callable[..., FeatureExtractorBase]] = {
        "clip-vit-b-32": FeatureExtractorCLIP,
        "vgg16": FeatureExtractorVGG16,
    }
    content = BytesIO(file.read_bytes())
    return makers[name](name, [LAYERS[name]], feature_extractor_weights_path=content)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision makes a small VGG, and nothing is fetched."""
    monkeypatch.setattr(torchvision.models, "vgg16", TinyVGG)
    monkeypatch.setattr(torch.hub, "load", lambda *_, **__: pytest.fail("fetched"))


def registered(entry: Extractor, file: Path) -> Extractor:
    facts = {"sha256": sha256_of_file(file), "n_bytes": file.stat().st_size}
    return entry.model_copy(update=facts)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_torch_fidelitys_own_class_is_what_runs(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file = written(name, tmp_path / "weights")
    network = load_extractor(registered(registry.extractor(name), file), "cpu", file)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (5, 3, 20, 20), generator=generator, dtype=torch.uint8)
    found = extract(images, network, 5, "cpu")[LAYERS[name]]
    with torch.no_grad():
        [expected] = as_torch_fidelity_makes_it(name, file, monkeypatch)(images)
    assert torch.equal(found, expected)
    assert float(found.std(dim=0).max()) > 0.0
    assert not any(values.requires_grad for values in network.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_absent_weights_are_described(
    aigc: Aigc, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    shown = aigc(
        *("bench", "score", "--fake", "digits:test", "--real", "digits:train"),
        *("--extractor", name, "--device", "cpu"),
    )
    assert (shown.code, shown.stdout) == (4, "")
    entry = registry.extractor(name)
    place = tmp_path / "hub" / "checkpoints" / str(entry.weights)
    for part in (str(entry.sha256), str(entry.n_bytes), str(place)):
        assert part in shown.stderr


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_another_network_are_refused(
    registry: Registry, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "weights"
    torch.save({"patch_embed.proj.weight": torch.zeros(2, 3, 2, 2)}, file)
    entry = registered(registry.extractor(name), file)
    with pytest.raises(InvalidInput, match=f"not the weights of {name}"):
        load_extractor(entry, "cpu", file)
    if name != "clip-vit-b-32":
        torch.save({"w": np.float64}, file)
        with pytest.raises(InvalidInput, match="not a file of tensors alone"):
            load_extractor(registered(entry, file), "cpu", file)


def test_a_number_carries_the_name_of_its_judge(aigc: Aigc, tmp_path: Path) -> None:
    name = "dinov2-vit-b-14"
    file = written(name, tmp_path / "weights")
    registry = tiny_registry(tmp_path / "registry.yaml", [tiny_variant("one")])
    data = yaml.safe_load(registry.read_text(encoding="utf-8"))
    [entry] = [one for one in data["extractors"] if one["id"] == name]
    entry |= {"sha256": sha256_of_file(file), "n_bytes": file.stat().st_size}
    registry.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    for split in ("fake", "real"):
        images = np.random.default_rng(len(split)).integers(0, 256, (8, 9, 9, 3), dtype=np.uint8)
        np.save(tmp_path / f"{split}.npy", images)
    score = (
        *("bench", "score", "--fake", tmp_path / "fake.npy", "--real", tmp_path / "real.npy"),
        *("--extractor", name, "--extractor-weights", file, "--registry", registry),
        *("--kid-subset-size", "4", "--device", "cpu"),
    )
    shown = aigc(*score)
    assert shown.code == 0, shown.stderr
    labels = [line.split("\t")[0] for line in shown.stdout.splitlines()[1:]]
    assert {f"FD[{name}]", f"KD[{name}]", f"precision[{name}]", f"recall[{name}]"} <= set(labels)
    assert not any(label.startswith("IS") for label in labels)
    refused = aigc(*score, "--metrics", "fid,is")
    assert refused.code == 2
    assert f"'is' needs classes, and {name} sorts images into none" in refused.stderr
