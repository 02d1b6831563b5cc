"""TorchScript: a network with its code in a small language, read without Python's pickles.

The language has no access to the system but for a few operators that read or write files, and for
classes of other libraries; a file that names them is refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.outside.archives import member_sizes
from bench.outside.convention import Convention, StatedConvention
from bench.outside.export_record import KEY, parse_export
from bench.outside.exported import open_graph
from bench.outside.generator import Forward, Opened, Opening, OutsideGenerator
from bench.outside.graph_call import CLASS_NAME, latent_generator, the_image
from bench.outside.source import verified_bytes
from bench.records.files import MAX_WEIGHTS_BYTES
from catalog.errors import InvalidInput
from catalog.schema.loads import LabelForm

FORBIDDEN = re.compile(
    rb"\b(?:torch|ops\.aten)\.(?:from_file|save|load)\("
    rb"|\bops\.(?!prim\b|aten\b)\w+|torch\.classes\.(?!quantized)"
)
"""What reads or writes files, or comes from a library that is none of torch's own operators."""
PACKED = (".py", ".debug_pkl")
"""Members that torch compresses: code, and where it is from."""
MOST_TRIED = 12
"""Shapes of noise that are tried where nobody states one."""
FAILS = (IndexError, MemoryError, RuntimeError, TypeError, ValueError)


def open_torchscript(opening: Opening) -> Opened:
    """The network of a ``torch.jit`` file.

    Raises:
        InvalidInput: it is damaged, claims to be larger than it is, names what a network has no
            use for, or takes more than noise and a class.
    """
    path = opening.source.path
    content = verified_bytes(opening.source, MAX_WEIGHTS_BYTES)
    names = member_sizes(BytesIO(content), path, MAX_WEIGHTS_BYTES, packed=PACKED)
    record = _looked_through(content, [*names], path)
    module = _loaded(content, path, opening.device)

    def forward(*inputs: Tensor) -> Tensor:
        return the_image(module(*inputs), path)

    if record is not None:
        return open_graph(parse_export(record, path), forward, opening)
    first, *more = _arguments(module, path)
    labels_first = bool(more) and bool(CLASS_NAME.search(first.lower()))
    told = StatedConvention(
        labels="index" if more else None, label_place="before" if labels_first else "after"
    )
    parameters = [*module.parameters(), *module.buffers()]
    floats = [one for one in parameters if one.is_floating_point()]
    dtype = floats[0].dtype if floats else torch.float32
    said: tuple[str, ...] = (f"it takes {' and '.join([first, *more])}",)
    if opening.stated.noise_shape is None:
        tried = _tried(forward, floats, opening, told, dtype)
        if tried is not None:
            told = told.model_copy(update=tried)
            found = ", ".join(f"{name} {value}" for name, value in tried.items())
            said += (f"found by trying: {found}",)
    make = latent_generator(forward, opening, dtype)

    def generator(convention: Convention) -> OutsideGenerator:
        _set_mode(module, convention, path)
        return make(convention)

    return Opened(
        told=told,
        generator=generator,
        said=said,
        n_parameters=sum(one.numel() for one in module.parameters()) or None,
    )


def _looked_through(content: bytes, names: list[str], path: Path) -> bytes | None:
    """What the file says of an export of this program, once its code was read.

    Raises:
        InvalidInput: the code names what a network has no use for.
    """
    top = names[0].partition("/")[0]
    reader = torch._C.PyTorchFileReader(BytesIO(content))  # noqa: SLF001 (torch.load uses it)
    for name in names:
        inner = name.removeprefix(f"{top}/")
        if inner.endswith((".py", "data.pkl", "constants.pkl")):
            found = FORBIDDEN.search(reader.get_record(inner))
            if found:
                word = found[0].decode(errors="replace").rstrip("(")
                raise InvalidInput(
                    f"{path}: its code names '{word}' in {inner}, which no generator needs and"
                    " which may reach files or libraries, so it was not loaded",
                    hint="script the generator without it, or export it to ONNX",
                )
    extra = f"extra/{KEY}"
    return bytes(reader.get_record(extra)) if f"{top}/{extra}" in names else None


def _loaded(content: bytes, path: Path, device: torch.device) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that torch will drop the format one day
            return torch.jit.load(BytesIO(content), map_location=device).eval()
    except FAILS as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise InvalidInput(
            f"{path}: torch cannot load this TorchScript",
            where=lines[0][:300] if lines else type(error).__name__,
            hint="save it again by torch.jit.save, with a torch that is not newer than this one",
        ) from error


def _arguments(module: Any, path: Path) -> list[str]:
    """Names of the arguments that have to be given, at least one and at most two."""
    names = [one.name for one in module.forward.schema.arguments[1:] if not one.has_default_value()]
    if not 1 <= len(names) <= 2:
        raise InvalidInput(
            f"{path}: a generator takes noise and perhaps a class, this one takes"
            f" {', '.join(names) or 'nothing'}",
            hint="script or trace it with those arguments alone",
        )
    return names


def _tried(
    forward: Forward,
    floats: list[Tensor],
    opening: Opening,
    told: StatedConvention,
    dtype: torch.dtype,
) -> dict[str, Any] | None:
    """The first shape of noise and form of classes with which images come out.

    Shapes are those that the weights suggest.
    """
    place = opening.stated.label_place or told.label_place
    classes = torch.arange(2, device=opening.device) % opening.n_classes
    given = {
        "none": [],
        "index": [classes],
        "one-hot": [torch.nn.functional.one_hot(classes, opening.n_classes).to(dtype)],
    }
    forms: tuple[LabelForm, ...] = ("index", "one-hot") if told.labels else ("none",)
    if opening.stated.labels is not None:
        forms = (opening.stated.labels,)
    for shape in [*dict.fromkeys(_suggested(floats))][:MOST_TRIED]:
        noise = torch.zeros(2, *shape, dtype=dtype, device=opening.device)
        for form in forms:
            joined = place == "joined" and form == "one-hot"
            inputs = [noise] if joined else [noise, *given[form]]
            taken = (shape[0] - joined * opening.n_classes, *shape[1:])
            if place == "before":
                inputs.reverse()
            if taken[0] > 0 and _gives_images(forward, inputs):
                labels = {} if form == "none" else {"labels": form}
                return {"noise_shape": taken, **labels}
    return None


def _gives_images(forward: Forward, inputs: list[Tensor]) -> bool:
    try:
        with torch.no_grad():
            images = forward(*inputs)
    except (*FAILS, InvalidInput):
        return False
    return images.ndim in (2, 3, 4) and len(images) == 2


def _suggested(floats: list[Tensor]) -> Iterator[tuple[int, ...]]:
    """Shapes of noise that the first layers of a network could take."""
    for weight in floats:
        if weight.ndim == 2:
            yield (weight.shape[1],)
        elif weight.ndim == 4:  # of a transposed convolution, which begins with its inputs
            yield (weight.shape[0], 1, 1)
            yield (weight.shape[1], 1, 1)


def _set_mode(module: Any, convention: Convention, path: Path) -> None:
    """Evaluation mode, but for batch normalisation where it shall use statistics of the batch."""
    module.eval()
    if convention.batch_norm != "train":
        return
    norms = [one for one in module.modules() if one.original_name.startswith("BatchNorm")]
    if not norms:
        raise InvalidInput(
            f"{path}: has no batch normalisation whose statistics could be those of a batch",
            hint="leave --batch-norm out",
        )
    for norm in norms:
        norm.train()
