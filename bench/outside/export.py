"""A finished run as a file that others can load: weights, a graph, or a folder for the hub.

Weights are named as in this program, which needs it to be used. A graph needs only torch or an
ONNX runtime; it is checked against the model before it is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from safetensors.torch import save as to_safetensors
from torch import Tensor

from bench.models.base import GenerativeModel
from bench.outside.export_record import KEY, ExportFormat, ExportRecord, Pixels
from bench.outside.sampler_network import frozen, survey
from bench.records.record import TrainRecord
from bench.sample.image_sets import RECONSTRUCTION, sampler_names
from bench.sample.latent_density import SAMPLER as MIXTURE
from bench.sample.trained_model import TrainedModel
from catalog.errors import UsageError
from catalog.names import suggestion

SUFFIXES: dict[ExportFormat, tuple[str, ...]] = {
    "safetensors": (".safetensors",),
    "torchscript": (".pt", ".pth", ".ts"),
    "onnx": (".onnx",),
    "hub-folder": ("",),
}
"""How names of files may end; the first is that of a file that nobody names."""
MIXTURE_PREFIX = "mixture."


@dataclass(frozen=True)
class Exportable:
    """A sampler of a run with everything that is written of it.

    Attributes:
        run: the record of its training.
        model: frozen, on the CPU.
        record: what the file will say of itself.
        n_passes: through the most used layer for one image.
    """

    run: TrainRecord
    model: TrainedModel
    record: ExportRecord
    n_passes: int


def exportable(
    run: TrainRecord,
    trained: TrainedModel,
    sampler: str | None,
    averaged: bool | None,
    pixels: Pixels,
) -> Exportable:
    """A sampler of a run, looked at.

    Args:
        run: the record of its training.
        trained: on the CPU.
        sampler: one of the model's; None for its first.
        averaged: None for averaged weights where there are any.
        pixels: of a graph's images.

    Raises:
        UsageError: the model has no such sampler, or no averaged weights.
    """
    model_type = type(trained.model)
    names = [name for name in sampler_names(model_type) if name != RECONSTRUCTION]
    name = sampler or model_type.samplers[0]
    if name not in names:
        raise UsageError(
            f"{trained.spec.variant} has no sampler '{name}'{suggestion(name, names)}",
            hint=f"it has: {', '.join(names)}",
        )
    use_average = trained.average is not None if averaged is None else averaged
    model = frozen(trained, averaged=use_average)
    seen = survey(model, name)
    record = ExportRecord(
        made_by=version("aigc-bench"),
        run_id=run.run_id,
        train_hash=run.train_hash,
        spec=trained.spec,
        averaged=use_average,
        sampler=name,
        draws=seen.draws,
        conditional=model.model.conditional and name in model_type.samplers,
        pixels=pixels,
    )
    return Exportable(run, model, record, seen.n_passes)


def weights_bytes(item: Exportable) -> bytes:
    """The networks that the sampler uses, as safetensors with the record in the header."""
    tensors = kept_tensors(item.model.model)
    if item.record.sampler == MIXTURE:
        mixture = item.model.mixtures[False].tensors()
        tensors |= {MIXTURE_PREFIX + name: tensor for name, tensor in mixture.items()}
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return to_safetensors(contiguous, metadata={"format": "pt", KEY: item.record.text()})


def kept_tensors(model: GenerativeModel) -> dict[str, Tensor]:
    """What an export keeps of a model: all but the networks that no sampler uses."""
    used = {
        id(tensor)
        for network in model.sampling_modules().values()
        for tensor in network.state_dict(keep_vars=True).values()
    }
    return {
        name: tensor.detach()
        for name, tensor in model.state_dict(keep_vars=True).items()
        if id(tensor) in used or "." not in name
    }
