"""What opens each kind of source; none of it is imported before it is needed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from bench.outside.generator import Opener
from bench.outside.source import Source, SourceKind

OPENERS: dict[SourceKind, str] = {
    "state-dict": "bench.outside.state_dict:open_state_dict",
    "torchscript": "bench.outside.torchscript:open_torchscript",
    "torch-export": "bench.outside.torch_export:open_torch_export",
    "onnx": "bench.outside.onnx_file:open_onnx",
    "diffusers": "bench.outside.diffusers_folder:open_diffusers",
    "run": "bench.outside.run_source:open_run_source",
    "export": "bench.outside.exported:open_export",
    "samples": "bench.outside.samples:open_samples",
}
"""By kind: ``module:function`` of an ``Opener``. ``hub`` becomes one of the others once its file is
found on this machine."""
HUB = "bench.outside.hub:fetched"
"""``module:function`` (Source) -> Source of a file or folder that lies on this machine, with its
sha256 and with the commit of its revision."""


def opener(kind: SourceKind) -> Opener:
    """What opens a kind of source; its module is imported now."""
    return cast("Opener", _function(OPENERS[kind]))


def fetched(source: Source) -> Source:
    """The source itself or, of the hub, the file or folder that it is on this machine."""
    if source.kind != "hub":
        return source
    return cast("Source", _function(HUB)(source))


def _function(text: str) -> Callable[..., object]:
    module, _, name = text.partition(":")
    found: Callable[..., object] = getattr(import_module(module), name)
    return found
