"""ONNX: a graph of standard operators in one file, run by ONNX Runtime on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.outside.export_record import KEY, parse_export
from bench.outside.exported import open_graph
from bench.outside.extras import require
from bench.outside.generator import Forward, Opened, Opening
from bench.outside.graph_call import Input, in_batches, latent_generator, signature_of
from bench.outside.onnx_session import session_of
from bench.outside.source import verified_bytes
from bench.records.files import MAX_WEIGHTS_BYTES
from catalog.errors import InvalidInput

STANDARD = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Names under which ONNX Runtime has operators of its own."""
FLOATS = {
    "tensor(float)": torch.float32,
    "tensor(double)": torch.float64,
    "tensor(float16)": torch.float16,
}
WHOLE = {"tensor(int64)": torch.int64, "tensor(int32)": torch.int32}
TYPES = FLOATS | WHOLE
DEEPEST = 20
"""Levels of graphs within graphs that are looked into."""
ONE_FILE = "write it as one file: onnx.save_model(model, FILE, save_as_external_data=False)"


def open_onnx(opening: Opening) -> Opened:
    """The network of an ONNX file.

    Raises:
        InvalidInput: it is damaged, keeps weights in other files, needs operators that are newer
            than the runtime or not standard, or takes more than noise and a class.
        MissingPrerequisite: the extra ``onnx`` is not installed.
    """
    path = opening.source.path
    onnx, _ = require("onnx", "onnx"), require("onnxruntime", "onnx")
    content = verified_bytes(opening.source, MAX_WEIGHTS_BYTES)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:  # protobuf's own class has another name in each implementation
        raise InvalidInput(f"{path}: a damaged ONNX file", where=str(error)[:200]) from error
    functions = (one for function in model.functions for one in _in_nodes(function.node, path, 0))
    tensors = [*_tensors(model.graph, path), *functions]
    for tensor in tensors:
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise InvalidInput(
                f"{path}: keeps '{tensor.name}' in another file, which is not read: its hash"
                " would not cover it",
                hint=ONE_FILE,
            )
    _require_known_operators(onnx, model, path)
    try:
        session = session_of(content)
    except Exception as error:  # the runtime has a class for every kind of fault
        first = str(error).strip().partition("\n")[0][:300]
        raise InvalidInput(
            f"{path}: ONNX Runtime cannot run this graph",
            where=first or type(error).__name__,
            hint="export it with a lower opset_version, or with standard operators",
        ) from error
    return _opened(opening, model, session, tensors)


def _opened(opening: Opening, model: Any, session: Any, tensors: list[Any]) -> Opened:
    path = opening.source.path
    inputs = [_input(one, path) for one in session.get_inputs()]
    outputs = [one.name for one in session.get_outputs()]
    forward = _forward(session, inputs)
    for entry in model.metadata_props:
        if entry.key == KEY:
            return open_graph(parse_export(entry.value, path), forward, opening)
    signature = signature_of(inputs, opening)
    said = [f"it takes {' and '.join(map(str, inputs))}"]
    if len(outputs) > 1:
        said.append(f"of its outputs {', '.join(outputs)} the first one is taken")
    batched = in_batches(forward, signature.batch)
    return Opened(
        told=signature.told(opening),
        generator=latent_generator(batched, opening, signature.dtype),
        said=tuple(said),
        n_parameters=sum(_n_values(one) for one in tensors) or None,
    )


def _forward(session: Any, inputs: list[Input]) -> Forward:
    """The graph as a function of tensors, which are brought to the CPU and back."""

    def call(*tensors: Tensor) -> Tensor:
        fed = {
            one.name: tensor.to("cpu", one.dtype).numpy()
            for one, tensor in zip(inputs, tensors, strict=True)
        }
        first = session.get_outputs()[0].name
        try:
            made = session.run([first], fed)[0]
        except Exception as error:  # as when the session is made
            raise RuntimeError(str(error)) from error
        return torch.from_numpy(made).to(tensors[0].device)

    return call


def _input(one: Any, path: Path) -> Input:
    if one.type not in TYPES:
        raise InvalidInput(
            f"{path}: its input '{one.name}' is {one.type}, which is neither noise nor a class",
            hint="export it with inputs of float32 and int64",
        )
    shape = tuple(size if isinstance(size, int) else None for size in one.shape)
    return Input(one.name, shape, TYPES[one.type])


def _tensors(graph: Any, path: Path, depth: int = 0) -> Iterator[Any]:
    """Every tensor of a graph: weights, constants, and those of graphs within it."""
    if depth > DEEPEST:
        raise InvalidInput(f"{path}: graphs are nested more than {DEEPEST} deep")
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _in_nodes(graph.node, path, depth)


def _in_nodes(nodes: Any, path: Path, depth: int) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                if inner.node or inner.initializer:
                    yield from _tensors(inner, path, depth + 1)


def _require_known_operators(onnx: Any, model: Any, path: Path) -> None:
    """Refuse sets of operators that are not standard, or newer than the package knows.

    Raises:
        InvalidInput: naming the first such set.
    """
    own = {function.domain for function in model.functions}
    newest = onnx.defs.onnx_opset_version()
    for one in model.opset_import:
        if one.domain not in STANDARD and one.domain not in own:
            raise InvalidInput(
                f"{path}: needs operators of '{one.domain}', which are not standard",
                hint="export it with standard operators alone",
            )
        if one.domain in ("", "ai.onnx") and one.version > newest:
            raise InvalidInput(
                f"{path}: is written in opset {one.version}, the newest here is {newest}",
                hint=f"export it with opset_version={newest} or lower, or update the package onnx",
            )


def _n_values(tensor: Any) -> int:
    n = 1
    for size in tensor.dims:
        n *= size
    return n if tensor.dims else 0
