"""A program of torch.export (``.pt2``): a graph of torch's own operators as JSON, and tensors.

Torch's loader would do more than a generator needs: it unpickles what is no tensor, evaluates
sizes as Python expressions, looks operators up by any dotted name, imports modules that trees of
arguments name, and runs guards that are source code. So it is given a copy that holds only what was
looked at.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.outside.archives import member_sizes
from bench.outside.generator import Opened, Opening
from bench.outside.graph_call import Input, in_batches, latent_generator, signature_of, the_image
from bench.outside.source import verified_bytes
from bench.records.files import MAX_WEIGHTS_BYTES
from catalog.errors import InvalidInput

MAX_GRAPH_BYTES = 2**27
MODEL = re.compile(r"models/(\w+)\.json")
TENSORS = re.compile(r"data/(?:weights/weight|constants/tensor)_\d+")
CONFIGS = re.compile(r"data/(?:weights/\w+_weights|constants/\w+_constants)_config\.json")
FRAME = re.compile(
    r"archive_format|archive_version|version|byteorder|\.data/\w+|extra/.*|data/sample_inputs/\w+\.pt"
)
"""Members besides those three, which ``torch.export.save`` writes and nobody needs here."""
NAME = re.compile(r"(?:[A-Za-z_]\w*)?")
DOTTED = re.compile(r"\w[\w.]*")
OPERATOR = re.compile(
    r"torch\.ops\.(?:aten|prims)\.(?!from_file)\w+(?:\.\w+)?"
    r"|torch\.ops\.higher_order\.wrap_with_(?:set_grad_enabled|autocast)"
    r"|_operator\.(?:add|sub|mul|floordiv|truediv|mod|neg|getitem|eq|ne|lt|le|gt|ge)"
    r"|torch\.sym_(?:int|float|max|min|not|ite)|math\.(?:ceil|floor|trunc)"
)
SIZE = re.compile(
    r"(?:Symbol\('[su]\d+'(?:, (?:positive|integer|nonnegative)=(?:True|False))*\)"
    r"|[su]\d+|\d{1,18}|Integer|Add|Mul|Mod|PythonMod|Max|Min|FloorDiv|CeilDiv|CleanDiv|And|Or|Not"
    r"|Eq|Ne|Lt|Le|Gt|Ge|Equality|Unequality|(?:Strict)?(?:GreaterThan|LessThan)"
    r"|[ ,()+-]|(?<!\*)\*(?!\*)|[<>=!]=|[<>])+"
)
"""How sizes that depend on the number of images are spelled; torch evaluates them."""
TREE = re.compile(
    r"(?:[\s\[\]{}:,\d]|null|\"(?:type|context|children_spec|builtins\.(?:tuple|list|dict)"
    r"|\[(?:\\\"\w+\\\"|[ ,])*\]|null|\w{0,64})\")*"
)
RULES = {"target": OPERATOR, "as_operator": OPERATOR, "expr_str": SIZE, "name": NAME,
         "in_spec": TREE, "out_spec": TREE}  # fmt: skip
"""By key: what texts in a graph may be. Names become part of source code that torch compiles."""
LEFT_OUT = {"metadata": dict, "guards_code": list}
"""Where the program is from and what it requires: not handed on."""
SAVE_AGAIN = (
    "where it was made: torch.export.save(torch.export.export(model.eval(), inputs), FILE), with a"
    " network of torch's own layers"
)


def open_torch_export(opening: Opening) -> Opened:
    """The program in a ``.pt2`` file.

    Raises:
        InvalidInput: it is damaged, holds more than a graph of torch's operators and tensors, or
            takes more than noise and a class.
    """
    path = opening.source.path
    content = verified_bytes(opening.source, MAX_WEIGHTS_BYTES)
    copy = _looked_through(content, path)
    with _quiet():
        try:
            program = torch.export.load(copy)
            module = program.module(check_guards=False).to(opening.device)
        except Exception as error:  # the loader has no class of its own for files that it refuses
            first = str(error).strip().partition("\n")[0][:200]
            raise InvalidInput(
                f"{path}: torch cannot load this program",
                where=f"{type(error).__name__}: {first}",
                hint=f"it may be of another torch than {torch.__version__}; {SAVE_AGAIN}",
            ) from error
    inputs = _inputs(program, path)
    signature = signature_of(inputs, opening)

    def forward(*tensors: Tensor) -> Tensor:
        return the_image(module(*tensors), path)

    batched = in_batches(forward, signature.batch)
    return Opened(
        told=signature.told(opening),
        generator=latent_generator(batched, opening, signature.dtype),
        said=(f"it takes {' and '.join(map(str, inputs))}",),
        n_parameters=sum(one.numel() for one in program.parameters()) or None,
    )


def _looked_through(content: bytes, path: Path) -> BytesIO:
    """A copy of an archive with only what was looked at.

    Raises:
        InvalidInput: something else is in it.
    """
    names = member_sizes(BytesIO(content), path, MAX_WEIGHTS_BYTES, packed=(".json",))
    top = next(iter(names), "").partition("/")[0]
    reader = torch._C.PyTorchFileReader(BytesIO(content))  # noqa: SLF001 (torch.load uses it)
    copied = BytesIO()
    writer = torch._C.PyTorchFileWriter(copied)  # noqa: SLF001
    models = 0

    def put(name: str, data: bytes) -> None:
        writer.write_record(name, data, len(data))

    for full, n_bytes in names.items():
        name = full.removeprefix(f"{top}/")
        if model := MODEL.fullmatch(name):
            models += 1
            put(name, _graph(_json(reader.get_record(name), n_bytes, path, name), path))
            put(f"data/sample_inputs/{model[1]}.pt", _no_inputs())
        elif CONFIGS.fullmatch(name):
            put(name, _tensor_list(_json(reader.get_record(name), n_bytes, path, name), path))
        elif TENSORS.fullmatch(name):
            put(name, reader.get_record(name))
        elif not FRAME.fullmatch(name):
            raise _refused(path, f"holds '{name}', which is no part of a graph with tensors")
    if models != 1:
        raise _refused(path, f"holds {models} programs, not one")
    put("archive_format", b"pt2")
    put("archive_version", reader.get_record("archive_version"))
    writer.write_end_of_file()
    copied.seek(0)
    return copied


def _json(data: bytes, n_bytes: int, path: Path, name: str) -> Any:
    if n_bytes > MAX_GRAPH_BYTES:
        raise _refused(path, f"'{name}' is larger than {MAX_GRAPH_BYTES:,} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _refused(path, f"'{name}' is no JSON ({error})") from error


def _graph(document: Any, path: Path) -> bytes:
    """The JSON of a graph of torch's operators, without where it is from and its guards."""
    return json.dumps(_checked(document, "", path)).encode()


def _checked(value: Any, key: str, path: Path) -> Any:
    if isinstance(value, dict):
        return {
            _text(name, "name of a field", DOTTED, path): LEFT_OUT[name]()
            if name in LEFT_OUT
            else _checked(inner, name, path)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_checked(inner, key, path) for inner in value]
    if isinstance(value, str):
        rule = RULES.get(key) or (DOTTED if key.endswith("_name") else None)
        return value if rule is None else _text(value, key, rule, path)
    return value


def _text(value: str, what: str, rule: re.Pattern[str], path: Path) -> str:
    if not rule.fullmatch(value):
        raise _refused(
            path, f"has the {what} '{value[:100]}', which no graph of torch's layers has"
        )
    return value


def _tensor_list(document: Any, path: Path) -> bytes:
    """The JSON of a list of tensors, none of which is pickled."""
    try:
        pickled = [name for name, one in document["config"].items() if one["use_pickle"]]
        others = [
            one["path_name"]
            for one in document["config"].values()
            if not TENSORS.fullmatch(f"data/weights/{one['path_name']}")
            and not TENSORS.fullmatch(f"data/constants/{one['path_name']}")
        ]
    except (LookupError, TypeError, AttributeError) as error:
        raise _refused(path, "has a broken list of tensors") from error
    if pickled or others:
        raise _refused(path, f"keeps '{(pickled + others)[0]}' as a pickle, which may run code")
    return json.dumps(document).encode()


def _no_inputs() -> bytes:
    buffer = BytesIO()
    torch.save(((), {}), buffer)
    return buffer.getvalue()


def _inputs(program: Any, path: Path) -> list[Input]:
    """The inputs that are no weights, with sizes that depend on the batch as None.

    Raises:
        InvalidInput: one is no tensor.
    """
    wanted = program.graph_signature.user_inputs
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    found = []
    for name in wanted:
        value = nodes[name].meta.get("val") if name in nodes else None
        if not isinstance(value, Tensor):
            raise _refused(path, f"takes '{name}', which is no tensor")
        shape = tuple(size if isinstance(size, int) else None for size in value.shape)
        found.append(Input(str(name), shape, value.dtype))
    return found


def _refused(path: Path, why: str) -> InvalidInput:
    return InvalidInput(f"{path}: {why}, so it was not loaded", hint=SAVE_AGAIN)


@contextmanager
def _quiet() -> Iterator[None]:
    """Context in which torch's loader does not speak of what it will drop one day."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
