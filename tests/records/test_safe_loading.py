"""What comes from a stranger: import strings, weight files, recipes out of all proportion."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import frozen, offer_plugin, tiny_registry, tiny_variant
from safetensors.torch import load_file, save_file
from torch import Tensor

from bench.data import ImageSplit
from bench.data.dataset import ImageSplit as Split
from bench.identity.digest import sha256_of_data
from bench.identity.spec import TrainSpec, train_spec
from bench.machine.allocation import bounded
from bench.models.build import (
    algorithm_class,
    build_from_spec,
    build_model,
    parse_recipe,
    resolve_recipe,
)
from bench.models.vae import VAE
from bench.networks.shape import ImageShape
from bench.records.checkpoint_file import Identity
from bench.records.record import TrainRecord, parse_train_record, to_json
from bench.records.run_directory import RunDirectory, artifact
from bench.sample import trained_model as trained
from bench.sample.trained_model import load
from bench.score.extractors import load_extractor
from bench.train.loop import Trainer
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.read.loader import load_registry
from catalog.schema import Registry

CPU = torch.device("cpu")
SPY = """
from pathlib import Path
Path({mark!r}).write_text("imported")
"""

# ---- algorithms -----------------------------------------------------------------------------


@pytest.fixture
def spy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module ``spy_module`` on the path, which leaves the file that is returned if imported."""
    mark = tmp_path / "imported"
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "spy_module.py").write_text(SPY.format(mark=str(mark)))
    monkeypatch.syspath_prepend(folder)
    return mark


def with_algorithm(record: dict[str, Any], algorithm: str) -> bytes:
    """A record of another algorithm whose hash is right."""
    spec = {**record["spec"], "algorithm": algorithm}
    rest = {key: value for key, value in spec.items() if key != "variant"}
    return json.dumps({**record, "spec": spec, "train_hash": sha256_of_data(rest)}).encode()


@pytest.mark.parametrize(
    ("algorithm", "reason"),
    [
        ("spy_module:X", "is not allowed, so it was not imported"),
        ("os:system", "is not allowed"),
        ("bench.models.noise:ImageNoise", "is not a GenerativeModel"),
        ("bench.train.loop:Trainer", "is not allowed"),
        ("bench.models:VAE", "is not allowed"),
        ("bench.modelsx.y:VAE", "is not allowed"),
        ("bench.models.base:os", "does not exist"),
        ("bench.models.gan:torch.os", "is not written package.module:Class"),
        ("bench.models..gan:GAN", "is not written"),
        ("bench.models...:GAN", "is not written"),
        ("bench.models.:GAN", "is not written"),
        ("bench.models.gan", "is not written"),
        ("bench.models.gan:", "is not written"),
        ("bench.models.gan:GAN\n", "is not written"),
        (":GAN", "is not written"),
        ("", "is not written"),
        ("bench.models.gan:torch", "is not a GenerativeModel"),
        ("bench.models.gan:GANRecipe", "is not a GenerativeModel"),
        ("bench.models.base:GenerativeModel", "is only a base class"),
    ],
)
def test_algorithms_that_are_refused(spy: Path, algorithm: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        algorithm_class(algorithm)
    assert not spy.exists()
    assert "spy_module" not in sys.modules


def test_a_record_cannot_have_a_module_imported(spy: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    record = frozen("train-v1.json")
    for item in record["artifacts"]:
        (run / item["path"]).write_bytes(b"")
    (run / "train.json").write_bytes(with_algorithm(record, "spy_module:X"))
    with pytest.raises(InvalidInput):
        load(RunDirectory(run), CPU)
    with pytest.raises(InvalidInput, match="not imported"):
        build_from_spec(parse_train_record((run / "train.json").read_bytes()).spec)
    assert not spy.exists()


def test_a_plug_in_is_allowed_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match="not allowed"):
        algorithm_class("faulty_models:Faulty")
    monkeypatch.syspath_prepend(offer_plugin(tmp_path / "plugin"))
    assert issubclass(algorithm_class("faulty_models:Faulty"), VAE)


# ---- recipes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "settings"),
    [
        ("bench.models.vae:VAE", {"width": 10**9}),
        ("bench.models.vae:VAE", {"width": 10**5}),
        ("bench.models.vae:VAE", {"width": 10**30}),
        ("bench.models.gan:GAN", {"width": 10**6}),
        ("bench.models.two_stage:TwoStageVAE", {"second_layers": 10**6}),
        ("bench.models.two_stage:TwoStageVAE", {"second_layers": 10**9}),
        ("bench.models.factor_vae:FactorVAE", {"critic_layers": 10**6}),
    ],
)
def test_a_model_out_of_proportion_is_not_allocated(
    algorithm: str, settings: dict[str, int]
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = algorithm_class(algorithm)
    with pytest.raises(InvalidInput):
        build_model(model, parse_recipe(model, settings, "x"), ImageShape(1, 16), 10, 0)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert 0 <= grown_kb < 1_200_000  # the bound is 1 GiB, counted before it is exceeded


def test_creation_is_counted_and_values_stay_the_same() -> None:
    def make() -> list[Tensor]:
        torch.manual_seed(0)
        return [torch.randn(10, 10), torch.eye(5), torch.arange(7), torch.nn.Linear(4, 3).weight]

    with bounded("it", max_values=100 + 25 + 7 + 15):
        inside = make()
    assert all(map(torch.equal, inside, make()))
    for limits in ({"max_values": 146}, {"max_tensors": 4}):
        with pytest.raises(InvalidInput, match="it would h"), bounded("it", **limits):
            make()


def test_initial_weights_are_those_of_a_plain_constructor(registry: Registry) -> None:
    for variant in [v for v in registry.variants if v.fits("digits")][::8]:
        model = algorithm_class(variant.algorithm)
        recipe = resolve_recipe(registry, variant, "digits")
        guarded = build_model(model, recipe, ImageShape(1, 16), 10, seed=3)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            plain = model(recipe, ImageShape(1, 16), 10)
        for name, tensor in plain.state_dict().items():
            assert torch.equal(tensor, guarded.state_dict()[name]), (variant.id, name)


# ---- weights --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a small trained VAE with averaged weights, as the runner leaves it."""
    folder = tmp_path_factory.mktemp("template")
    entry = tiny_variant("vae", ema_decay=0.9)
    registry = load_registry(tiny_registry(folder / "registry.yaml", [entry]))
    variant, dataset = registry.variant("vae"), registry.dataset("digits")
    recipe = resolve_recipe(registry, variant, "digits").model_dump(mode="json")
    spec = train_spec(variant, dataset, recipe, split="train", seed=0, steps=2)
    directory = RunDirectory(folder / "run")
    directory.path.mkdir()
    pixels = torch.randint(0, 256, (40, 1, 16, 16), dtype=torch.uint8)
    split: ImageSplit = Split(pixels, torch.arange(40) % 10)
    checkpoint = folder / "checkpoint.pt"
    trainer = Trainer(
        build_from_spec(spec),
        split,
        n_steps=2,
        seed=0,
        checkpoint_file=checkpoint,
        identity=Identity("x"),
    )
    trainer.run(lambda _: None, lambda: False)
    model = trained.finish(spec, trainer.model, trainer.average, split)
    record_files(directory, spec, trained.save(model, directory))
    return directory.path


def record_files(directory: RunDirectory, spec: TrainSpec, files: list[Path]) -> None:
    data = copy.deepcopy(frozen("train-v1.json"))
    data |= {"spec": spec.model_dump(mode="json"), "train_hash": spec.train_hash}
    data |= {"run_id": spec.run_id, "status": "success", "artifacts": []}
    record = TrainRecord.model_validate_json(json.dumps(data))
    items = tuple(artifact("weights", file, directory.path) for file in files)
    directory.train_json.write_text(to_json(record.model_copy(update={"artifacts": items})))


@pytest.fixture
def run(template: Path, tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path / "run")
    directory.path.mkdir()
    for file in template.iterdir():
        (directory.path / file.name).write_bytes(file.read_bytes())
    return directory


def vouch(run: RunDirectory, name: str, **changes: Any) -> None:
    """Let the record say of a file what is true of it now, or ``changes``."""
    data = json.loads(run.train_json.read_bytes())
    (item,) = [item for item in data["artifacts"] if item["path"] == name]
    content = (run.path / name).read_bytes()
    truth = {"sha256": hashlib.sha256(content).hexdigest(), "n_bytes": len(content)}
    item.update({**truth, **changes})
    run.train_json.write_text(json.dumps(data))


FILES = ("weights", "weights-ema", "gmm-10", "gmm-10-ema")


def refused(run: RunDirectory) -> str:
    with pytest.raises(InvalidInput) as caught:
        load(run, CPU)
    return "\n".join(caught.value.lines())


def test_what_is_on_record_is_loaded(run: RunDirectory) -> None:
    model = load(run, CPU)
    assert model.sample("prior", 3, seed=0, ema=True).shape == (3, 1, 16, 16)
    assert model.sample("gmm-10", 3, seed=0, ema=True).shape == (3, 1, 16, 16)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["cut", "longer", "flipped"])
def test_other_bytes_are_refused_unparsed(
    run: RunDirectory, name: str, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = run.path / f"{name}.safetensors"
    content = bytearray(file.read_bytes())
    if damage == "cut":
        del content[-1]
    elif damage == "longer":
        content += b"\0"
    else:
        content[len(content) // 2] ^= 1
    file.write_bytes(content)
    said = refused(run)
    assert "a weight file is not the one on record: expected " in said
    assert ("sha256" if damage == "flipped" else " bytes, found ") in said
    assert file.name in said
    assert "do: " in said


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_the_record_does_not_name(run: RunDirectory, name: str) -> None:
    data = json.loads(run.train_json.read_bytes())
    data["artifacts"] = [i for i in data["artifacts"] if i["path"] != f"{name}.safetensors"]
    run.train_json.write_text(json.dumps(data))
    assert f"{name}.safetensors" in refused(run)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_there(run: RunDirectory, name: str) -> None:
    (run.path / f"{name}.safetensors").unlink()
    with pytest.raises(MissingPrerequisite, match=r"absent|no final weights"):
        load(run, CPU)


@pytest.mark.parametrize("name", FILES)
def test_a_link_out_of_the_run_directory(run: RunDirectory, tmp_path: Path, name: str) -> None:
    file = run.path / f"{name}.safetensors"
    (tmp_path / "outside").write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(tmp_path / "outside")
    assert "link out of its run directory" in refused(run)


def change_tensors(file: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(file)
    change(tensors)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file)


def test_a_forged_record_is_found_out_by_the_model(run: RunDirectory) -> None:
    for name in FILES:
        file = run.path / f"{name}.safetensors"
        original = file.read_bytes()
        first = min(load_file(file))
        changes: dict[str, Callable[[dict[str, Tensor]], object]] = {
            "is missing": lambda tensors: tensors.pop(first),  # noqa: B023
            "is not part of it": lambda tensors: tensors.update(surprise=torch.zeros(1)),
            "float16, expected": lambda t: t.update({first: t[first].half()}),  # noqa: B023
            "3 x 3 x 3 of": lambda t: t.update({first: torch.zeros(3, 3, 3)}),  # noqa: B023
            "is not finite": lambda t: t.update({first: t[first] * torch.nan}),  # noqa: B023
        }
        for said, change in changes.items():
            file.write_bytes(original)
            change_tensors(file, change)
            vouch(run, file.name)
            shown = refused(run)
            assert said in shown, (name, shown)
            assert file.name in shown
            assert (first in shown) or "surprise" in shown
        file.write_bytes(original)
        vouch(run, file.name)
    load(run, CPU)


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x08" + b"\0" * 7 + b'{"a":{}}'])
def test_rubbish_that_a_forged_record_vouches_for(run: RunDirectory, content: bytes) -> None:
    run.weights.write_bytes(content)
    vouch(run, run.weights.name)
    assert "a weight file is damaged" in refused(run)


@pytest.mark.parametrize("path", ["../weights.safetensors", "/etc/passwd", "a/../../b", "", "a//b"])
def test_artifact_paths_stay_inside(run: RunDirectory, path: str) -> None:
    data = json.loads(run.train_json.read_bytes())
    data["artifacts"][0]["path"] = path
    run.train_json.write_text(json.dumps(data))
    assert "a path is below the run directory" in refused(run)


# ---- the pickle of Inception ----------------------------------------------------------------


class Malice:
    """Leaves a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_registered_weights_run_no_code(registry: Registry, tmp_path: Path) -> None:
    """A registry may come from a stranger, so a sha256 that fits proves nothing."""
    mark = tmp_path / "unpickled"
    for name, save in {"zip": torch.save, "plain": pickle.dump}.items():
        file = tmp_path / f"{name}.pth"
        with file.open("wb") as opened:
            save({"weight": Malice(mark)}, opened)
        content = file.read_bytes()
        entry = registry.extractor("inception-v3-compat").model_copy(
            update={"sha256": hashlib.sha256(content).hexdigest(), "n_bytes": len(content)}
        )
        with pytest.raises(InvalidInput, match="not a file of tensors alone") as caught:
            load_extractor(entry, "cpu", file)
        assert caught.value.where
        assert not mark.exists()


@pytest.mark.parametrize("content", [{"weight": torch.zeros(2)}, [torch.zeros(2)], {"a": 1}])
def test_tensors_of_another_network(registry: Registry, tmp_path: Path, content: Any) -> None:
    file = tmp_path / "other.pth"
    torch.save(content, file)
    data = file.read_bytes()
    entry = registry.extractor("inception-v3-compat").model_copy(
        update={"sha256": hashlib.sha256(data).hexdigest(), "n_bytes": len(data)}
    )
    with pytest.raises(InvalidInput, match=r"not the weights of|other than tensors"):
        load_extractor(entry, "cpu", file)


def test_extractors_and_layers_that_do_not_exist(registry: Registry) -> None:
    digits = registry.extractor("digits-cnn")
    for name in ("no-such-net", "base", "weights", "digits-cnn-training"):
        with pytest.raises(InvalidInput, match=name):
            load_extractor(digits.model_copy(update={"id": name}), "cpu")
    layers = {**digits.layers, "fid": "nowhere"}
    with pytest.raises(InvalidInput, match="no layer 'nowhere'"):
        load_extractor(digits.model_copy(update={"layers": layers}), "cpu")
