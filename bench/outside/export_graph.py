"""A sampler as a graph of torch's or ONNX's operators, which needs no code of this program.

A graph is compared with its model before anybody gets it: a tracer may write down what held for
the images that it saw alone.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Literal

import torch
from torch import Tensor

from bench.data.dataset import quantise
from bench.models.noise import ImageNoise
from bench.outside.export import Exportable
from bench.outside.export_record import KEY, ExportRecord
from bench.outside.extras import require
from bench.outside.onnx_session import session_of
from bench.outside.sampler_network import SamplerNetwork, columns_of
from bench.sample.draw import labels_of
from catalog.errors import AigcError, InvalidInput

GraphFormat = Literal["torchscript", "onnx"]
MOST_PASSES: dict[GraphFormat, int] = {"torchscript": 50, "onnx": 1}
"""Passes through a network that a graph may write out one after another."""
TOLERANCE = 1e-4
"""Largest difference of a pixel in -1 .. 1 between a graph and its model: an eightieth of a level
of grey."""
N_TRACED, N_CHECKED = 4, (1, 7)
"""Images with which a graph is made, and with which it is compared."""


def graph_bytes(item: Exportable, form: GraphFormat) -> bytes:
    """The sampler as TorchScript or ONNX with the record inside, checked against the model.

    Raises:
        InvalidInput: this sampler cannot be written as a graph, or gave other images as one.
        MissingPrerequisite: ONNX is asked for, and its packages are not installed.
    """
    if form == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            require(package, "onnx")
    most = MOST_PASSES[form]
    if item.n_passes > most:
        raise _refused(
            item, form, f"it passes {item.n_passes} times through a network, and {most} is the most"
        )
    network = SamplerNetwork(item.model, item.record.sampler, item.record.pixels)
    write, run = (_onnx, run_onnx) if form == "onnx" else (_torchscript, run_torchscript)
    try:
        with _quiet(), torch.no_grad():
            content = write(network, _inputs(item, N_TRACED), item.record)
            call = run(content)
            off = max(_difference(item, call, n) for n in N_CHECKED)
    except AigcError:
        raise
    except Exception as error:
        raise _refused(item, form, _told(error)) from error
    if not off <= TOLERANCE:  # nor what is no number
        raise _refused(item, form, f"as a graph it gives other images, by {off:.2g} of -1 .. 1")
    return content


Call = Callable[..., Tensor]
"""Function (noise, labels?) -> images of a graph."""


def run_torchscript(content: bytes) -> Call:
    """A TorchScript file of our own as a function."""
    graph: Call = torch.jit.load(BytesIO(content), map_location="cpu")
    return graph


def run_onnx(content: bytes) -> Call:
    """An ONNX file of our own as a function."""
    session = session_of(content)
    names = [item.name for item in session.get_inputs()]

    def call(*inputs: Tensor) -> Tensor:
        fed = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
        return torch.from_numpy(session.run(None, fed)[0])

    return call


def _torchscript(
    network: SamplerNetwork, example: tuple[Tensor, ...], record: ExportRecord
) -> bytes:
    # Functions, because the tracer would ask a module for all its properties.
    def unconditional(noise: Tensor) -> Tensor:
        return network(noise)  # type: ignore[no-any-return]

    def conditional(noise: Tensor, labels: Tensor) -> Tensor:
        return network(noise, labels)  # type: ignore[no-any-return]

    drawn = conditional if record.conditional else unconditional
    graph = torch.jit.trace(drawn, example, check_trace=False)
    buffer = BytesIO()
    torch.jit.save(graph, buffer, _extra_files={KEY: record.text()})
    return _without_places(buffer.getvalue())


def _without_places(archive: bytes) -> bytes:
    """TorchScript without the names of the source files on this machine."""
    reader, copied = torch._C.PyTorchFileReader(BytesIO(archive)), BytesIO()  # noqa: SLF001
    writer = torch._C.PyTorchFileWriter(copied)  # noqa: SLF001
    for name in reader.get_all_records():
        if not name.endswith(".debug_pkl") and name != "version" and not name.startswith(".data/"):
            content = reader.get_record(name)
            writer.write_record(name, content, len(content))
    writer.write_end_of_file()
    return copied.getvalue()


def _onnx(network: SamplerNetwork, example: tuple[Tensor, ...], record: ExportRecord) -> bytes:
    names = ["noise", "labels"][: len(example)]
    program = torch.onnx.export(
        network,
        example,
        dynamo=True,
        verbose=False,
        external_data=False,
        input_names=names,
        output_names=["images"],
        dynamic_shapes={name: {0: "n"} for name in names},
    )
    if program is None:
        raise TypeError("torch.onnx.export gave no program")
    model = program.model_proto
    for node in model.graph.node:  # of functions and source files on this machine
        node.ClearField("metadata_props")
    kept = model.metadata_props.add()
    kept.key, kept.value = KEY, record.text()
    model.producer_version = record.made_by
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _inputs(item: Exportable, n: int) -> tuple[Tensor, ...]:
    """Noise and, of a conditional sampler, classes of images 0 .. n - 1."""
    noise = columns_of(ImageNoise(item.run.spec.seed, range(n)), item.record.draws)
    labels = labels_of(range(n), item.run.spec.dataset.n_classes)
    return (noise, labels) if item.record.conditional else (noise,)


def _difference(item: Exportable, call: Call, n: int) -> float:
    """Largest difference between a graph's images and the model's, in -1 .. 1.

    An image of bytes differs where another byte than the nearest two is given.
    """
    noise, *labels = _inputs(item, n)
    network = SamplerNetwork(item.model, item.record.sampler, "-1..1")
    expected = network(noise, labels_of(range(n), item.run.spec.dataset.n_classes))
    found = call(noise, *labels)
    if found.shape != expected.shape:
        return float("inf")
    if item.record.pixels == "uint8":
        lowest, highest = (quantise(expected + shift) for shift in (-TOLERANCE, TOLERANCE))
        return 0.0 if bool(((found >= lowest) & (found <= highest)).all()) else float("inf")
    return float((found - expected).abs().max())


def _refused(item: Exportable, form: GraphFormat, why: str) -> InvalidInput:
    return InvalidInput(
        f"sampler '{item.record.sampler}' of {item.run.spec.variant} cannot be written as {form}:"
        f" {why}",
        where=item.run.run_id,
        hint="write it as safetensors or hub-folder",
    )


def _told(error: BaseException) -> str:
    """The last line of what it all began with: exporters wrap errors in advice of many lines."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1][:200] if lines else ''}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Context in which the exporters of torch keep to themselves that they will be replaced."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
