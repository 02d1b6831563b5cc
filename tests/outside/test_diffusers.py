"""Pipelines that diffusers itself has saved, and folders that only look like them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import Aigc, Shown
from test_formats import load, row_of, scores_as_its_samples
from torch import Tensor

import bench.sample.draw
from bench.models.noise import ImageNoise
from bench.outside import diffusers_folder
from catalog.schema import Registry

N = 60
STEPS = 4
UNET = {
    "sample_size": 16,
    "in_channels": 1,
    "out_channels": 1,
    "layers_per_block": 1,
    "block_out_channels": (4, 8),
    "down_block_types": ("DownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "UpBlock2D"),
    "norm_num_groups": 2,
    "add_attention": False,
}
CODER = {
    "block_out_channels": (4, 4),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "latent_channels": 2,
    "norm_num_groups": 2,
}


def ddpm(d: Any) -> Any:
    return d.DDPMPipeline(d.UNet2DModel(**UNET), d.DDPMScheduler(num_train_timesteps=STEPS))


def ddim(d: Any) -> Any:
    return d.DDIMPipeline(d.UNet2DModel(**UNET), d.DDIMScheduler(num_train_timesteps=9))


def ldm(d: Any) -> Any:
    unet = d.UNet2DModel(**{**UNET, "sample_size": 8, "in_channels": 2, "out_channels": 2})
    coder = d.VQModel(in_channels=1, out_channels=1, num_vq_embeddings=8, **CODER)
    return d.LDMPipeline(coder, unet, d.DDIMScheduler(num_train_timesteps=STEPS))


def dit(d: Any) -> Any:
    transformer = d.DiTTransformer2DModel(
        num_attention_heads=1, attention_head_dim=8, in_channels=2, out_channels=4, num_layers=1,
        sample_size=8, patch_size=2, num_embeds_ada_norm=10, norm_num_groups=2,
    )  # fmt: skip
    coder = d.AutoencoderKL(in_channels=1, out_channels=1, **CODER)
    return d.DiTPipeline(transformer, coder, d.DDIMScheduler(num_train_timesteps=STEPS))


PIPELINES: dict[str, Callable[[Any], Any]] = {"ddpm": ddpm, "ddim": ddim, "ldm": ldm, "dit": dit}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.sample.draw, "SAMPLING_BATCH", N)
    monkeypatch.setattr(diffusers_folder, "AT_ONCE", 25)


class Opaque:
    """What only a pickle can hold."""


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a pipeline, saved by the library; DDIM's weights are in its older format."""
    import diffusers

    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp("pipelines") / name
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(1)
                pipeline = PIPELINES[name](diffusers)
            pipeline.save_pretrained(made[name], safe_serialization=name != "ddim")
        return made[name]

    return folder


def as_its_authors_draw(folder: Path, n_steps: int, n: int) -> Tensor:
    """Images (n, 1, 16, 16) of the library's own loading, each from a generator of its own."""
    import diffusers

    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder, use_safetensors=None)
    pipeline.set_progress_bar_config(disable=True)
    high, low = (ImageNoise(0, range(n)).uniform(2).double() * 2**24).long().unbind(1)
    seeds = (high * 2**24 + low).tolist()
    asked: dict[str, Any] = {"batch_size": n}
    if type(pipeline).__name__ == "DiTPipeline":
        asked = {"class_labels": [i % 10 for i in range(n)], "guidance_scale": 1.0}
    images = pipeline(
        **asked,
        generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        num_inference_steps=n_steps,
        output_type="np",
    ).images
    pixels = torch.from_numpy(255.0 * images + 0.5).floor().clamp(0, 255).to(torch.uint8)
    return pixels.permute(0, 3, 1, 2)


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_draws_what_its_library_draws(
    name: str, folder_of: Callable[[str], Path], registry: Registry
) -> None:
    row = row_of(folder_of(name), registry)
    n_steps = 9 if name == "ddim" else STEPS  # the usual 50 are more than it was trained for
    assert any(f"{n_steps} steps of" in sentence for sentence in row.said)
    images, expected = row.images(N), as_its_authors_draw(folder_of(name), n_steps, N)
    off = (images.int() - expected.int()).abs()
    assert off.max() <= 1  # another size of batch may cross the edge of a grey level
    assert (off > 0).float().mean() < 0.01
    assert images.float().std() > 1
    assert len({image.numpy().tobytes() for image in images}) == N
    assert torch.equal(row.images(7), images[:7])
    convention = row.spec.convention
    assert convention is not None
    assert convention.labels == ("index" if name == "dit" else "none")
    assert row.spec.details == {"steps": n_steps}


def test_a_pipeline_scores_as_its_samples(
    folder_of: Callable[[str], Path], registry: Registry, aigc: Aigc
) -> None:
    directory = scores_as_its_samples(aigc, folder_of("ddpm"), row_of(folder_of("ddpm"), registry))
    record = directory.load_record()
    assert record is not None
    assert record.spec.kind == "diffusers"


def changed(folder: Path, target: Path, file: str, **values: Any) -> None:
    """A copy of a folder in which one configuration says something else."""
    shutil.copytree(folder, target)
    data = json.loads((target / file).read_text())
    (target / file).write_text(json.dumps(data | values))


def custom_unet(good: Path, bad: Path) -> None:
    changed(good, bad, "model_index.json", unet=["my_unet", "MyUNet"])
    (bad / "unet" / "my_unet.py").write_text("raise SystemExit('run')")


def custom_pipeline(good: Path, bad: Path) -> None:
    changed(good, bad, "model_index.json", _class_name=["pipeline", "MyPipeline"])
    (bad / "pipeline.py").write_text("raise SystemExit('run')")


def custom_code_in_a_part(good: Path, bad: Path) -> None:
    changed(good, bad, "unet/config.json", auto_map={"AutoModel": "modeling.MyUNet"})


def another_pipeline(good: Path, bad: Path) -> None:
    changed(good, bad, "model_index.json", _class_name="StableDiffusionPipeline")


def noisy_scheduler(good: Path, bad: Path) -> None:
    changed(
        good, bad, "model_index.json", scheduler=["diffusers", "EulerAncestralDiscreteScheduler"]
    )


def out_of_proportion(good: Path, bad: Path) -> None:
    changed(good, bad, "unet/config.json", block_out_channels=[100_000, 200_000])


def endless_schedule(good: Path, bad: Path) -> None:
    changed(good, bad, "scheduler/scheduler_config.json", num_train_timesteps=10**12)


def other_weights(good: Path, bad: Path) -> None:
    changed(good, bad, "unet/config.json", block_out_channels=[4, 12])


def pickled_weights(good: Path, bad: Path) -> None:
    shutil.copytree(good, bad)
    (bad / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save({"w": torch.zeros(1), "config": Opaque()}, bad / "unet/diffusion_pytorch_model.bin")


def link_elsewhere(good: Path, bad: Path) -> None:
    shutil.copytree(good, bad)
    weights = bad / "unet" / "diffusion_pytorch_model.safetensors"
    weights.unlink()
    weights.symlink_to(good / "unet" / "diffusion_pytorch_model.safetensors")


def absent_weights(good: Path, bad: Path) -> None:
    shutil.copytree(good, bad)
    (bad / "unet" / "diffusion_pytorch_model.safetensors").unlink()


BAD: dict[Callable[[Path, Path], None], tuple[int, str]] = {
    custom_unet: (3, "its unet is 'MyUNet' of 'my_unet': code that comes with a pipeline"),
    custom_pipeline: (3, "code that comes with a pipeline is never run"),
    custom_code_in_a_part: (3, "has an auto_map: code that comes with a pipeline"),
    another_pipeline: (3, "is a StableDiffusionPipeline, which is none of DDPMPipeline"),
    noisy_scheduler: (3, "EulerAncestralDiscreteScheduler', which is none of"),
    out_of_proportion: (3, "would hold more than"),
    endless_schedule: (3, "is possible for a setting"),
    other_weights: (3, "its tensors are not those of unet/config.json"),
    pickled_weights: (3, "needs pickled classes"),
    link_elsewhere: (3, "is a link, so it was not read"),
    absent_weights: (4, "unet/diffusion_pytorch_model.safetensors is absent"),
}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_a_bad_folder_is_refused_in_a_sentence(
    make: Callable[[Path, Path], None],
    folder_of: Callable[[str], Path],
    aigc: Aigc,
    tmp_path: Path,
) -> None:
    bad = tmp_path / "bad"
    make(folder_of("ddpm"), bad)
    shown = load(aigc, bad)
    code, message = BAD[make]
    assert shown.code == code, shown.stderr
    assert message in shown.stderr
    assert str(bad) in shown.stderr
    assert "Traceback" not in shown.stderr


def test_options_that_do_not_go_with_a_pipeline(
    folder_of: Callable[[str], Path], aigc: Aigc, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*options: str) -> Shown:
        return load(aigc, folder_of("ddpm"), "runs", *options)

    for options, code, message in (
        (("--noise", "uniform"), 3, "its noise is normal, as it says itself"),
        (("--range", "0..255"), 3, "its range is 0..1"),
        (("--labels", "index"), 3, "its labels is none"),
        (("--steps", "5"), 3, "5 steps are asked for, its scheduler has 4"),
        (("--variant", "ddpm"), 2, "a diffusers pipeline"),
    ):
        shown = refused(*options)
        assert (shown.code, message in shown.stderr) == (code, True), shown.stderr
    monkeypatch.setitem(sys.modules, "diffusers", None)
    shown = refused()
    assert shown.code == 4
    assert 'pip install "aigc-bench[diffusers]"' in shown.stderr
