"""A folder of a diffusers pipeline: configurations, weights, and a loop that the library owns.

The library's own loading would also run code that a pipeline brings along. So networks are built
here from their configurations, by the library's classes alone, within the bounds of every model,
and weights are read as all weights are. The loop is the pipeline's own; each image has a generator
of random numbers of its own, seeded from its stream of noise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.machine.allocation import bounded
from bench.models.build import BROKEN_CONSTRUCTION, LARGEST_SETTING
from bench.models.noise import ImageNoise
from bench.outside.convention import StatedConvention
from bench.outside.exported import require_untold
from bench.outside.extras import require
from bench.outside.generator import Opened, Opening
from bench.outside.graph_call import SAMPLES_INSTEAD
from bench.outside.source import (
    Source,
    absent,
    file_of_folder,
    local_source,
    require_unchanged,
)
from bench.outside.weights import state_dicts
from catalog.errors import InvalidInput
from catalog.files import reason, regular_bytes

STEPS = "steps"
"""Option of an ``Opening``: passes of the loop; None for the pipeline's default."""
MAX_CONFIG_BYTES = 2**20
WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
AT_ONCE = 100
"""Images in one loop, which bounds its memory; the last ones are padded."""
STEP_BITS = 2**24
"""Values that a uniform draw in float32 can have."""
STOCHASTIC = ("DDIMScheduler", "DDPMScheduler")
"""Schedulers that take the noise of their steps from the generators of the images."""
DETERMINISTIC = ("DDIMScheduler", "DPMSolverMultistepScheduler", "PNDMScheduler")
"""Schedulers that draw nothing, for the pipelines that would not hand generators on."""


@dataclass(frozen=True)
class Kind:
    """A pipeline that can be loaded.

    Attributes:
        parts: classes that each component may have.
        steps: of its loop, unless others are asked for.
        conditional: whether it takes classes.
    """

    parts: dict[str, tuple[str, ...]]
    steps: int
    conditional: bool = False


_UNET = ("UNet2DModel",)
KINDS = {
    "DDPMPipeline": Kind({"unet": _UNET, "scheduler": STOCHASTIC}, 1000),
    "DDIMPipeline": Kind({"unet": _UNET, "scheduler": STOCHASTIC}, 50),
    "LDMPipeline": Kind({"vqvae": ("VQModel",), "unet": _UNET, "scheduler": DETERMINISTIC}, 50),
    "DiTPipeline": Kind(
        {
            "transformer": ("DiTTransformer2DModel", "Transformer2DModel"),
            "vae": ("AutoencoderKL",),
            "scheduler": DETERMINISTIC,
        },
        50,
        conditional=True,
    ),
}
RENAMED = {"Transformer2DModel": "DiTTransformer2DModel"}
"""Today's names of classes in old configurations."""


class PipelineGenerator:
    """An ``OutsideGenerator`` that is a pipeline's own loop."""

    def __init__(self, pipeline: Any, n_steps: int, *, conditional: bool) -> None:
        self.pipeline = pipeline
        self.n_steps = n_steps
        self.conditional = conditional

    def draw(self, noise: ImageNoise, labels: Tensor | None) -> Tensor:
        """Images (N, H, W, C) in 0 .. 1."""
        n = len(noise)
        high, low = (noise.uniform(2).double() * STEP_BITS).long().unbind(1)
        seeds = (high * STEP_BITS + low).tolist()
        classes = [0] * n if labels is None else labels.tolist()
        parts = []
        for first in range(0, n, AT_ONCE):
            indices = [min(first + i, n - 1) for i in range(AT_ONCE)]
            parts.append(self._images([seeds[i] for i in indices], [classes[i] for i in indices]))
        return torch.cat(parts)[:n].to(noise.device)

    def _images(self, seeds: list[int], classes: list[int]) -> Tensor:
        asked: dict[str, Any] = {"batch_size": len(seeds)}
        if self.conditional:
            guided = self.pipeline.transformer.config.num_embeds_ada_norm == GUIDED_CLASSES
            asked = {"class_labels": classes} | ({} if guided else {"guidance_scale": 1.0})
        made = self.pipeline(
            **asked,
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
            num_inference_steps=self.n_steps,
            output_type="np",
        )
        return torch.from_numpy(made.images)


GUIDED_CLASSES = 1000
"""The library guides towards a class and away from class 1000, which no other network has."""


def open_diffusers(opening: Opening) -> Opened:
    """The pipeline in a folder.

    Raises:
        InvalidInput: it brings code, is none of those that can be loaded, or a file breaks a rule.
        MissingPrerequisite: the extra ``diffusers`` is not installed, or a file is absent.
    """
    source = opening.source
    index = _config(source, "model_index.json")
    name, kind = _kind(index, source)
    library = require("diffusers", "diffusers")
    parts = {part: _part(library, source, part, index[part][1]) for part in kind.parts}
    require_unchanged(source)
    pipeline = getattr(library, name)(**parts).to(opening.device)
    pipeline.set_progress_bar_config(disable=True)
    n_trained = int(parts["scheduler"].config.num_train_timesteps)
    n_steps = int(opening.options.get(STEPS) or min(kind.steps, n_trained))
    if not 1 <= n_steps <= n_trained:
        raise InvalidInput(
            f"{source.path}: {n_steps} steps are asked for, its scheduler has {n_trained}",
            hint=f"--steps 1 to {n_trained}",
        )
    told = StatedConvention(
        noise="normal",
        noise_shape=(),
        range="0..1",
        layout="NHWC",
        labels="index" if kind.conditional else "none",
        label_place="after",
    )
    require_untold(told, opening)
    networks = [part for part in parts.values() if isinstance(part, torch.nn.Module)]
    scheduler = type(pipeline.scheduler).__name__
    generator = PipelineGenerator(pipeline, n_steps, conditional=kind.conditional)
    return Opened(
        told=told,
        generator=lambda _: generator,
        said=(f"{name} of diffusers {library.__version__}: {n_steps} steps of {scheduler}",),
        n_parameters=sum(p.numel() for network in networks for p in network.parameters()),
        details={STEPS: n_steps},
    )


def _kind(index: dict[str, Any], source: Source) -> tuple[str, Kind]:
    """The name of the pipeline's class and what it is made of.

    Raises:
        InvalidInput: it or a component is code of its own, or not one that can be loaded.
    """
    path, name = source.path, index.get("_class_name")
    if not isinstance(name, str) or (path / "pipeline.py").exists():
        raise _own_code(path, f"the pipeline is {name!r} with a pipeline.py")
    kind = KINDS.get(name)
    if kind is None:
        raise InvalidInput(
            f"{path}: is a {name}, which is none of {', '.join(KINDS)}", hint=SAMPLES_INSTEAD
        )
    for part, found in index.items():
        if isinstance(found, list) and len(found) == 2 and found[0] not in ("diffusers", None):
            raise _own_code(path, f"its {part} is {found[1]!r} of {found[0]!r}")
    for part, classes in kind.parts.items():
        found = index.get(part)
        if not (isinstance(found, list) and len(found) == 2 and found[1] in classes):
            given = found[1] if isinstance(found, list) and len(found) == 2 else found
            raise InvalidInput(
                f"{path}: the {part} of a {name} is {given!r}, which is none of"
                f" {', '.join(classes)}",
                hint=SAMPLES_INSTEAD,
            )
    return name, kind


def _part(library: Any, source: Source, part: str, class_name: str) -> Any:
    """A network or scheduler from its configuration and, of a network, its weights."""
    is_scheduler = part == "scheduler"
    file = f"{part}/{'scheduler_config' if is_scheduler else 'config'}.json"
    config = _config(source, file)
    if "auto_map" in config:
        raise _own_code(source.path, f"{file} has an auto_map")
    settings = {key: value for key, value in config.items() if not key.startswith("_")}
    if any(abs(number) > LARGEST_SETTING for number in _whole_numbers(settings)):
        raise InvalidInput(
            f"{source.path}: {file}: at most {LARGEST_SETTING:,} is possible for a setting"
        )
    if str(config.get("algorithm_type")).startswith("sde"):
        raise InvalidInput(
            f"{source.path}: {file}: its steps draw noise that belongs to no image",
            hint=f"choose a deterministic algorithm_type; or {SAMPLES_INSTEAD}",
        )
    made = getattr(library, RENAMED.get(class_name, class_name))
    try:
        with bounded(f"the {part} of {source.path}"):
            built = made.from_config(settings)
    except BROKEN_CONSTRUCTION as error:
        first = str(error).strip().partition("\n")[0][:200]
        raise InvalidInput(
            f"{source.path}: no {class_name} can be built from {file}",
            where=f"{type(error).__name__}: {first}",
        ) from error
    if not is_scheduler:
        _fill(built, source, part)
    return built


def _fill(network: Any, source: Source, part: str) -> None:
    """Put the weights of a component in.

    Raises:
        MissingPrerequisite: they are absent.
        InvalidInput: they are those of another network.
    """
    there = [name for name in WEIGHTS if (source.path / part / name).exists()]
    if not there:
        raise absent(source, f"{part}/{WEIGHTS[0]}")
    file = file_of_folder(source, f"{part}/{there[0]}")
    found = state_dicts(local_source(str(file), file))
    state = {name: tensor.float() for name, tensor in found.get("", {}).items()}
    network._fix_state_dict_keys_on_load(state)  # noqa: SLF001 (names of its first releases)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:3]]
        raise InvalidInput(
            f"{file}: its tensors are not those of {part}/config.json",
            where=" ".join(lines)[:300],
            hint="restore the folder as it was published",
        ) from error
    network.eval().requires_grad_(False)


def _config(source: Source, relative: str) -> dict[str, Any]:
    """A configuration of the folder.

    Raises:
        MissingPrerequisite: there is no such file.
        InvalidInput: it is no JSON object.
    """
    file = file_of_folder(source, relative)
    try:
        found = json.loads(regular_bytes(file, MAX_CONFIG_BYTES))
    except OSError as error:
        raise InvalidInput(f"{file}: cannot be read ({reason(error)})") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{file}: is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{file}: is no JSON object")
    return found


def _whole_numbers(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _whole_numbers(inner)


def _own_code(path: Path, what: str) -> InvalidInput:
    return InvalidInput(
        f"{path}: {what}: code that comes with a pipeline is never run, so it was not loaded",
        hint=SAMPLES_INSTEAD,
    )
