"""``aigc bench export`` and the way back: what was exported draws what the run draws."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from helpers import Aigc, Shown, frozen, write_trained
from torch import Tensor

from bench.data import ImageSplit
from bench.identity.spec import DatasetSpec, TrainSpec
from bench.models.base import GenerativeModel
from bench.models.build import algorithm_class, build_from_spec, parse_recipe
from bench.models.noise import ImageNoise
from bench.networks.shape import ImageShape
from bench.outside.export import Exportable, exportable
from bench.outside.export_graph import TOLERANCE, graph_bytes
from bench.outside.generator import Opened, Opening
from bench.outside.openers import opener
from bench.outside.sampler_network import columns_of
from bench.outside.source import parse
from bench.records.record import parse_score_record
from bench.records.run_directory import RunDirectory
from bench.sample.trained_model import TrainedModel, finish, load, save
from bench.train.ema import AveragedWeights
from catalog.errors import InvalidInput
from catalog.schema.loads import StatedConvention

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
CPU = torch.device("cpu")
N = 7
BOTH = {"generator": "concat", "critic": "concat"}
SMALL = {"width": 4, "latent_dim": 4}
RUNS = {
    "dcgan": ("bench.models.gan:GAN", {**SMALL, "ema_decay": 0.9}),
    "infogan": ("bench.models.infogan:InfoGAN", SMALL),
    "cgan": ("bench.models.gan:GAN", {**SMALL, "conditioning": BOTH}),
    "cvae-learned-prior": ("bench.models.cvae:CVAE", {**SMALL, "prior": "learned"}),
    "vae": ("bench.models.vae:VAE", SMALL),
    "vamp-vae": ("bench.models.vamp:VampVAE", {**SMALL, "n_pseudo_inputs": 12}),
    "pixelcnn": ("bench.models.pixels:PixelCNN", {"width": 4, "n_levels": 4}),
    "stylegan2": ("bench.models.stylegan2:StyleGAN2", {**SMALL, "ema_decay": 0.0}),
}


def move(model: GenerativeModel) -> None:
    """Away from initial weights, with which many a network makes hardly more than grey."""
    with torch.no_grad():
        for weight in model.parameters():
            wave = torch.sin(1.7 * torch.arange(weight.numel())).view_as(weight)
            weight.add_(0.3 * wave)


def finished(folder: Path, variant: str, size: int = 8) -> Path:
    """A run directory whose model has moved a little from its initial weights, grey."""
    algorithm, settings = RUNS[variant]
    recipe = parse_recipe(algorithm_class(algorithm), dict(settings), variant)
    dataset = DatasetSpec(
        id="digits", fingerprint="0" * 64, split="train", n_images=40, resolution=size, channels=1,
        n_classes=10,
    )  # fmt: skip
    spec = TrainSpec(
        variant=variant,
        algorithm=algorithm,
        recipe=recipe.model_dump(mode="json"),
        dataset=dataset,
        seed=3,
        steps=1,
    )
    model = build_from_spec(spec)
    move(model)
    average = None
    if getattr(recipe, "ema_decay", 0.0) > 0.0:
        average = AveragedWeights(model.sampling_modules(), 0.9)
        move(model)
    pixels = (37 * torch.arange(40 * size**2) % 251).to(torch.uint8).view(40, 1, size, size)
    split = ImageSplit(pixels, torch.arange(40) % 10)
    directory = RunDirectory(folder / spec.run_id)
    files = save(finish(spec, model, average, split), directory)
    write_trained(directory, spec, files)
    return directory.path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def run(variant: str) -> Path:
        if variant not in made:
            made[variant] = finished(tmp_path_factory.mktemp("runs"), variant)
        return made[variant]

    return run


def opening(path: Path, **stated: object) -> Opening:
    convention = StatedConvention.model_validate(stated)
    return Opening(parse(str(path)), CPU, ImageShape(1, 8), 10, convention)


def opened(path: Path, **stated: object) -> Opened:
    asked = opening(path, **stated)
    found = opener(asked.source.kind)(asked)
    assert isinstance(found, Opened)
    return found


def drawn(found: Opened) -> Tensor:
    """What comes in again draws, from the noise of a training's seed."""
    generator = found.generator(None)  # type: ignore[arg-type]
    labels = torch.arange(N) % 10 if found.told.labels == "index" else None
    with torch.no_grad():
        return generator.draw(ImageNoise(found.seed, range(N)), labels)


def expected(run: Path, sampler: str, *, ema: bool) -> Tensor:
    model = load(RunDirectory(run), CPU)
    with torch.no_grad(), model._weights(ema=ema):
        return model._draw(sampler, ema=ema)(ImageNoise(3, range(N)), torch.arange(N) % 10)


def item(run: Path) -> Exportable:
    directory = RunDirectory(run)
    record = directory.train_record()
    assert record is not None
    return exportable(record, load(directory, CPU), None, None, "-1..1")


@pytest.mark.parametrize(
    ("variant", "sampler", "weights"),
    [
        ("dcgan", "prior", "--averaged"),
        ("dcgan", "prior", "--raw"),
        ("infogan", "prior", None),
        ("vae", "gmm-10", None),
        ("vamp-vae", "prior", None),
        ("cvae-learned-prior", "prior", None),
        ("pixelcnn", "prior", None),
    ],
)
def test_weights_come_back_bit_for_bit(
    variant: str, sampler: str, weights: str | None, runs: Callable[[str], Path], aigc: Aigc
) -> None:
    run = runs(variant)
    options = ["--sampler", sampler, *([weights] if weights else [])]
    assert export(aigc, run, "safetensors", *options).code == 0
    found = opened(Path(f"{run.name}.safetensors"))
    ema = weights == "--averaged"
    images = expected(run, sampler, ema=ema)
    assert torch.equal(drawn(found), images)
    assert images.std() > 0.1
    assert ("averaged weights" if ema else "raw weights") in found.said[0]
    if weights:
        assert not torch.equal(images, expected(run, sampler, ema=not ema))


def export(aigc: Aigc, run: Path, form: str, *options: str | Path) -> Shown:
    return aigc("bench", "export", run, "--format", form, *options)


def test_an_export_keeps_only_what_draws(runs: Callable[[str], Path], aigc: Aigc) -> None:
    from safetensors import safe_open

    run = runs("dcgan")
    export(aigc, run, "safetensors")
    with safe_open(f"{run.name}.safetensors", "pt") as file:
        assert all(name.startswith("generator.") for name in file.keys())  # noqa: SIM118
        facts = json.loads(file.metadata()["aigc_bench"])
    record = RunDirectory(run).train_record()
    assert record is not None
    assert (facts["train_hash"], facts["averaged"]) == (record.train_hash, True)
    assert facts["draws"] == [{"kind": "normal", "n": 4}]


@pytest.mark.parametrize("variant", ["dcgan", "infogan", "cgan", "vae"])
def test_torchscript_draws_the_same_images(
    variant: str, runs: Callable[[str], Path], aigc: Aigc
) -> None:
    run = runs(variant)
    assert export(aigc, run, "torchscript", "-o", "x.pt").code == 0
    content = Path("x.pt").read_bytes()
    assert str(Path.cwd().parent).encode() not in content
    assert os.fsencode(Path(torch.__file__).parent) not in content  # no places of this machine
    found = opened(Path("x.pt"))
    images = expected(run, "prior", ema=variant == "dcgan")
    torch.testing.assert_close(drawn(found), images, rtol=0, atol=TOLERANCE)
    assert found.told.labels == ("index" if variant == "cgan" else "none")
    plain = torch.jit.load("x.pt")  # as anybody loads it
    record = item(run).record
    noise = columns_of(ImageNoise(3, range(N)), record.draws)
    classes = [torch.arange(N) % 10] if record.conditional else []
    torch.testing.assert_close(plain(noise, *classes), images, rtol=0, atol=TOLERANCE)


def test_onnx_draws_the_same_images(runs: Callable[[str], Path], aigc: Aigc) -> None:
    run = runs("cgan")
    assert export(aigc, run, "onnx", "-o", "x.onnx").code == 0
    assert b"site-packages" not in Path("x.onnx").read_bytes()
    found = opened(Path("x.onnx"))
    images = expected(run, "prior", ema=False)
    torch.testing.assert_close(drawn(found), images, rtol=0, atol=TOLERANCE)
    assert not torch.equal(images[0], images[1])
    with pytest.raises(InvalidInput, match=r"range is -1\.\.1, as it says itself, and not 0\.\.1"):
        opened(Path("x.onnx"), range="0..1")


def test_bytes_of_a_graph_are_those_that_are_scored(
    runs: Callable[[str], Path], aigc: Aigc
) -> None:
    """As torch-fidelity takes a generator: by its path, with bytes coming out."""
    from torch_fidelity.generative_model_modulewrapper import GenerativeModelModuleWrapper

    run = runs("vae")
    assert export(aigc, run, "torchscript", "--pixels", "uint8", "-o", "x.pth").code == 0
    theirs = GenerativeModelModuleWrapper(torch.jit.load("x.pth"), 4, "normal", 0)
    found = theirs(columns_of(ImageNoise(3, range(N)), item(run).record.draws))
    model: TrainedModel = load(RunDirectory(run), CPU)
    scored = model.sample("prior", N, seed=3)
    assert found.dtype == torch.uint8
    assert (found.int() - scored.int()).abs().max() <= 1
    assert (found != scored).float().mean() < 0.01
    back = opened(Path("x.pth"))
    assert torch.equal(drawn(back), found)
    assert back.told.range == "0..255"


def test_a_graph_that_would_be_another_model_is_refused(
    runs: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tracer may bake in what held for its example alone: here, one noise for all images."""
    from bench.outside import sampler_network

    def first_row(self: sampler_network.GivenNoise, n_values: int) -> Tensor:
        rows = self._columns[:1].expand(len(self._columns), -1)
        return rows[:, :n_values] if torch.jit.is_tracing() else self._columns[:, :n_values]

    monkeypatch.setattr(sampler_network.GivenNoise, "normal", first_row)
    with pytest.raises(InvalidInput, match="as a graph it gives other images"):
        graph_bytes(item(runs("dcgan")), "torchscript")


def test_what_cannot_be_a_graph_is_refused_with_what_works(
    runs: Callable[[str], Path], aigc: Aigc
) -> None:
    for variant, form, why in (
        ("pixelcnn", "torchscript", "passes"),
        ("pixelcnn", "onnx", "passes"),
        ("stylegan2", "torchscript", "must match"),
    ):
        shown = export(aigc, runs(variant), form)
        assert shown.code == 3
        assert f"of {variant} cannot be written as {form}" in shown.stderr
        assert why in shown.stderr
        assert "safetensors or hub-folder" in shown.stderr
    assert not list(Path().iterdir())


def test_options_that_exclude_each_other(runs: Callable[[str], Path], aigc: Aigc) -> None:
    run = runs("vae")
    Path("notes").mkdir()
    Path("notes/mine.txt").write_text("mine")
    for form, options, code, message in (
        ("safetensors", ("--pixels", "uint8"), 3, "exclude each other"),
        ("safetensors", ("--weights", "best"), 4, "no best weights"),
        ("safetensors", ("--averaged",), 2, "keeps no averaged weights"),
        ("safetensors", ("--sampler", "gmm-1"), 2, "did you mean: gmm-10"),
        ("safetensors", ("--sampler", "reconstruction"), 2, "no sampler"),
        ("onnx", ("-o", "x.pt"), 2, "does not end in .onnx"),
        ("hub-folder", ("-o", "notes"), 3, "holds what no export has written"),
    ):
        shown = export(aigc, run, form, *options)
        assert (shown.code, message in shown.stderr) == (code, True), shown.stderr
    assert aigc("bench", "export", "notes", "--format", "onnx").code == 3
    assert [file.name for file in Path("notes").iterdir()] == ["mine.txt"]


def test_a_missing_extra_is_named(
    runs: Callable[[str], Path], aigc: Aigc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    shown = export(aigc, runs("vae"), "onnx")
    assert shown.code == 4
    assert 'pip install "aigc-bench[onnx]"' in shown.stderr


def test_a_hub_folder_has_a_card_and_comes_back_bit_for_bit(
    runs: Callable[[str], Path], aigc: Aigc
) -> None:
    run = runs("dcgan")
    directory = RunDirectory(run)
    train = directory.train_record()
    assert train is not None
    score = frozen("score-v1.json")
    score["subject"] = {
        **score["subject"], "train_hash": train.train_hash, "ema": True, "sampler": "prior",
    }  # fmt: skip
    record = parse_score_record(json.dumps(score))
    directory.write_score(record)
    assert export(aigc, run, "hub-folder", "-o", "folder", "--licence", "mit").code == 0
    assert torch.equal(drawn(opened(Path("folder"))), expected(run, "prior", ema=True))
    card = Path("folder/README.md").read_text(encoding="utf-8")
    _, head, body = card.split("---\n", 2)
    front = yaml.safe_load(head)
    assert (front["license"], front["datasets"]) == ("mit", ["digits"])
    metrics = front["model-index"][0]["results"][0]["metrics"]
    fid = record.metric("fid")
    assert fid is not None
    assert {
        "type": "fid",
        "name": f"FD[{record.protocol.extractor}]",
        "value": fid.value,
    } in metrics
    assert record.protocol_key in body
    assert record.protocol.extractor in body
    assert "CC BY 4.0 (UCI)" in body
    assert Path("folder/samples.png").read_bytes()[:4] == b"\x89PNG"
    assert export(aigc, run, "hub-folder", "-o", "folder").code == 0  # its own files it may replace
    asked = opening(Path("folder"))
    other = replace(asked, source=replace(asked.source, sha256="0" * 64))
    with pytest.raises(InvalidInput, match="changed while it was read"):
        opener("export")(other)
    Path("folder/model.safetensors").rename("elsewhere.safetensors")
    Path("folder/model.safetensors").symlink_to("../elsewhere.safetensors")
    with pytest.raises(InvalidInput, match="is a link"):
        opened(Path("folder"))
    Path("elsewhere.safetensors").rename("folder/model.safetensors")
    config = json.loads(Path("folder/config.json").read_text())
    config["aigc_bench"]["averaged"] = False
    Path("folder/config.json").write_text(json.dumps(config))
    with pytest.raises(InvalidInput, match="speaks of another training"):
        opened(Path("folder"))


def test_an_export_that_was_changed_is_refused(runs: Callable[[str], Path], aigc: Aigc) -> None:
    from safetensors.torch import load_file, save_file

    run = runs("vae")
    export(aigc, run, "safetensors", "-o", "x.safetensors")
    tensors = load_file("x.safetensors")
    record = item(run).record
    forged = {
        "another algorithm": record.model_copy(
            update={"spec": record.spec.model_copy(update={"algorithm": "os:system"})}
        ).text(),
        "train_hash": record.model_copy(update={"train_hash": "0" * 64}).text(),
        "no sampler": record.model_copy(update={"sampler": "other"}).text(),
        "not JSON": "{",
    }
    for name, text in forged.items():
        save_file(tensors, "bad.safetensors", metadata={"aigc_bench": text})
        with pytest.raises(InvalidInput) as refused:
            opened(Path("bad.safetensors"))
        assert name == "another algorithm" or name in str(refused.value)
    first = next(name for name, tensor in tensors.items() if tensor.ndim)
    save_file({**tensors, first: tensors[first][:1]}, "bad.safetensors",
              metadata={"aigc_bench": record.text()})  # fmt: skip
    with pytest.raises(InvalidInput):
        opened(Path("bad.safetensors"))
