"""Checkpoints of other people's layout, each loaded with at most two options."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any, NamedTuple

import foreign_networks as foreign
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from bench.models.noise import ImageNoise
from bench.outside.row import OutsideRow, RowRequest, open_row
from catalog.schema import Registry, StatedConvention

N = 6
CPU = torch.device("cpu")
State = dict[str, Tensor]


@pytest.fixture(autouse=True)
def plug_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The foreign networks' module, as an installed plug-in would be."""
    entry = EntryPoint("foreign", "foreign_networks:Conv28", "aigc.models")
    installed = EntryPoints([entry])
    monkeypatch.setattr("importlib.metadata.entry_points", installed.select)


def prefixed(state: State, *prefixes: str) -> State:
    return {f"{prefix}{name}": tensor for prefix in prefixes for name, tensor in state.items()}


def scripted(network: nn.Module, path: Path) -> None:
    torch.jit.script(network).save(str(path))


def data_parallel(network: nn.Module, path: Path) -> None:
    torch.save({"epoch": 4, "netG": nn.DataParallel(network).state_dict()}, path)


def averaged_beside_raw(network: nn.Module, path: Path) -> None:
    averaged = network.state_dict()
    raw = {name: tensor + 1 for name, tensor in averaged.items()}
    torch.save({"generator": raw, "g_ema": averaged, "optim": {"lr": 0.1}}, path)


def lightning(network: nn.Module, path: Path) -> None:
    critic = {"discriminator.body.0.weight": torch.randn(8, 1, 4, 4)}
    state = {**prefixed(network.state_dict(), "generator."), **critic}
    torch.save({"state_dict": state, "pytorch-lightning_version": "2.4"}, path)


def safetensors(network: nn.Module, path: Path) -> None:
    save_file(network.state_dict(), path)


def without_counters(network: nn.Module, path: Path) -> None:
    """As torch 0.3 wrote them, in the format of before torch 1.6."""
    kept = {k: v for k, v in network.state_dict().items() if "num_batches" not in k}
    torch.save({"params": kept}, path, _use_new_zipfile_serialization=False)


def plain(network: nn.Module, path: Path) -> None:
    torch.save(network.state_dict(), path)


class Case(NamedTuple):
    """A network, the file that it is in, and what a user has to say; ``noise`` as in the test."""

    kind: type[nn.Module]
    save: Callable[[nn.Module, Path], None]
    stated: dict[str, Any]
    options: dict[str, Any]
    n_noise: int
    to_unit: Callable[[Tensor], Tensor]
    noise: str = "normal"


def unit(raw: Tensor) -> Tensor:
    return raw


def of_shares(raw: Tensor) -> Tensor:
    return 2.0 * raw - 1.0


def of_bytes(raw: Tensor) -> Tensor:
    return (raw / 127.5 - 1.0).permute(0, 3, 1, 2)


DCGAN = {"variant": "dcgan"}
CASES = {
    "data-parallel": Case(foreign.TutorialDCGAN, data_parallel, {}, DCGAN, 64, unit),
    "averaged": Case(foreign.TutorialDCGAN, averaged_beside_raw, {}, DCGAN, 64, unit),
    "lightning": Case(foreign.TutorialDCGAN, lightning, {}, DCGAN, 64, unit),
    "safetensors": Case(
        foreign.TutorialDCGAN, safetensors, {"noise": "uniform"}, DCGAN, 64, unit, "uniform"
    ),
    "old": Case(foreign.TutorialDCGAN, without_counters, {}, DCGAN, 64, unit),
    "flat-sigmoid": Case(
        foreign.FlatMLP, scripted, {"noise": "uniform"}, {}, 20, of_shares, "uniform"
    ),
    "plug-in": Case(foreign.Conv28, plain, {}, {"variant": "foreign_networks:Conv28"}, 16, unit),
    "by-index": Case(foreign.ByIndex, scripted, {}, {}, 12, of_shares),
    "joined": Case(
        foreign.Joined,
        plain,
        {"label_place": "joined"},
        {"variant": "foreign_networks:Joined"},
        14,
        unit,
    ),
    "channels-last": Case(foreign.Bytes, scripted, {}, {}, 10, of_bytes),
    "truncated": Case(foreign.Grid, scripted, {"truncation": 0.7}, {}, 6, unit, "truncated"),
}


def noise_of(case: Case, indices: range) -> Tensor:
    """Noise as its authors would draw it, from the streams of the images."""
    noise = ImageNoise(0, indices)
    if case.noise == "normal":
        return noise.normal(case.n_noise)
    uniform = noise.uniform(case.n_noise)
    if case.noise == "uniform":
        return 2.0 * uniform - 1.0
    normal = torch.distributions.Normal(0.0, 1.0)
    low, high = (float(normal.cdf(torch.tensor(end))) for end in (-0.7, 0.7))
    return normal.icdf(low + (high - low) * uniform)


def images_of(case: Case, network: nn.Module) -> Tensor:
    """What the network draws, as uint8 in MNIST's shape, by steps of the test's own."""
    z = noise_of(case, range(N))
    labels = torch.arange(N) % 10
    with torch.no_grad():
        if case.kind is foreign.ByIndex:
            raw = network(z, labels)
        elif case.kind is foreign.Joined:
            raw = network(torch.cat([z, torch.eye(10)[labels]], 1))
        else:
            raw = network(z.reshape(N, -1, 1, 1) if case.kind is foreign.Grid else z)
    images = case.to_unit(raw)
    if images.ndim == 2:
        images = images.reshape(N, 1, 28, 28)
    if images.shape[1] == 3:
        images = images.mean(1, keepdim=True)
    pixels = (127.5 * images + 128).floor().clamp(0, 255).to(torch.uint8)
    return F.pad(pixels, [2] * 4) if pixels.shape[3] == 28 else pixels


def opened(path: Path, case: Case, registry: Registry) -> OutsideRow:
    request = RowRequest(str(path), "theirs", StatedConvention(**case.stated), case.options)
    return open_row(request, registry.dataset("mnist"), N, registry, CPU)


@pytest.mark.parametrize("name", CASES)
def test_a_checkpoint_of_others_draws_what_its_network_draws(
    name: str, tmp_path: Path, registry: Registry
) -> None:
    case = CASES[name]
    assert len(case.stated) + len(case.options) <= 2
    network = foreign.made(case.kind)
    path = tmp_path / "weights.bin"  # kinds are told by content
    case.save(network, path)
    row = opened(path, case, registry)
    drawn, expected = row.images(N), images_of(case, network)
    assert drawn.shape == expected.shape == (N, 1, 32, 32)
    off = (drawn.int() - expected.int()).abs()
    assert off.max() <= 1  # another order of sums may cross the edge of a grey level
    assert (off > 0).float().mean() < 0.01
    assert len(drawn.unique()) > 20
    assert row.warnings == ()
    assert any(sentence.startswith("convention: ") for sentence in row.said)
    if case.kind in (foreign.ByIndex, foreign.Joined):
        labels = row.labels(N)
        assert labels is not None
        assert labels.tolist() == list(range(N))


def test_a_setting_goes_before_everything_that_the_registry_says(
    tmp_path: Path, registry: Registry
) -> None:
    """On CIFAR-10 the registry has a width of its own for this row."""

    def make() -> nn.Module:
        return foreign.TutorialDCGAN(nz=20, ngf=8, nc=3)

    torch.save(make().state_dict(), tmp_path / "x.pt")
    dataset = registry.dataset("cifar10").model_copy(update={"fingerprint": "0" * 64})
    options = {"variant": "dcgan", "settings": {"width": 8, "latent_dim": 20}}
    request = RowRequest(str(tmp_path / "x.pt"), "theirs", options=options)
    row = open_row(request, dataset, N, registry, CPU)
    assert row.spec.details["settings"]["width"] == 8  # type: ignore[call-overload, index]
    reopened = RowRequest(str(tmp_path / "x.pt"), "theirs", options=row.spec.details)
    again = open_row(reopened, dataset, N, registry, CPU)
    assert again.spec.load_hash == row.spec.load_hash
    assert torch.equal(again.images(N), row.images(N))


def test_averaged_weights_are_taken_and_that_is_said(tmp_path: Path, registry: Registry) -> None:
    case = CASES["averaged"]
    averaged_beside_raw(foreign.made(case.kind), tmp_path / "x.pt")
    said = opened(tmp_path / "x.pt", case, registry).said
    assert any("'g_ema' is taken, not 'generator'" in sentence for sentence in said)
    raw = opened(
        tmp_path / "x.pt", case._replace(options={**DCGAN, "inside": "generator"}), registry
    )
    assert raw.spec.details["inside"] == "generator"
    assert raw.spec.load_hash != opened(tmp_path / "x.pt", case, registry).spec.load_hash
