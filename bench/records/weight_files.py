"""Weight files of a run: the bytes on record or none, and tensors that fit their model.

Size and sha256 are checked on the very bytes that are then parsed, and the format is safetensors,
so that a file that was cut, swapped or made to do harm ends in a sentence before it is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from torch import Tensor

from bench.records.files import MAX_WEIGHTS_BYTES
from bench.records.record import Artifact, TrainRecord
from bench.records.run_directory import RunDirectory
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.files import reason, unlinked_bytes

RESTORE = "restore the run directory, or train the run again in an empty one"


class RecordedWeights:
    """The weight files that a train record vouches for."""

    def __init__(self, directory: RunDirectory, record: TrainRecord) -> None:
        """Look up what the record names.

        Raises:
            InvalidInput: a file of weights is there that the record does not name.
            MissingPrerequisite: the record names no weights, or a named file is absent.
        """
        self.directory = directory
        self.known = {item.path: item for item in record.artifacts if item.kind == "weights"}
        main = directory.weights
        if main.name not in self.known and main.exists():
            raise InvalidInput(
                f"the run is '{record.status}' and its record names no weights, so the file that"
                " is there was not read",
                where=str(main),
                hint="run its suite again to finish it",
            )
        if main.name not in self.known or not main.exists():
            raise _without_weights(main, record)

    def tensors(self, path: Path) -> dict[str, Tensor]:
        """The tensors of one file, by name, on the CPU.

        Raises:
            InvalidInput: the file is not on record, not the recorded one, or no safetensors.
            MissingPrerequisite: it is on record, but absent.
        """
        item = self.known.get(path.name)
        if item is None:
            raise InvalidInput(
                f"{path.name} belongs to the run, but its record does not name it",
                where=str(self.directory.train_json),
                hint=RESTORE,
            )
        return finite_tensors(self._verified(path, item), path)

    def _verified(self, path: Path, item: Artifact) -> bytes:
        if not path.exists():
            raise MissingPrerequisite(
                "a weight file on record is absent", where=str(path), hint=RESTORE
            )
        if not path.resolve().is_relative_to(self.directory.path.resolve()):
            raise InvalidInput(
                "a weight file is a link out of its run directory, so it was not read",
                where=str(path),
                hint="put the file itself there",
            )
        size = path.stat().st_size
        if size != item.n_bytes:
            raise _another(path, f"{item.n_bytes} bytes", f"{size}")
        try:
            content = unlinked_bytes(path, min(item.n_bytes, MAX_WEIGHTS_BYTES))
        except OSError as error:
            raise InvalidInput(
                f"cannot read a weight file: {reason(error)}", where=str(path)
            ) from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != item.sha256:
            raise _another(path, f"sha256 {item.sha256}", digest)
        return content


def finite_tensors(content: bytes, path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, by name, on the CPU; ``path`` is where it is from.

    Raises:
        InvalidInput: it is no such file, or holds numbers that are not finite.
    """
    try:
        found = parse_safetensors(content)
    # A header of the right form may still name types and places that make no tensor.
    except (SafetensorError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise InvalidInput("a weight file is damaged", where=f"{path}: {error}") from error
    for name, tensor in found.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise InvalidInput(f"tensor '{name}' is not finite", where=str(path))
    return found


def fitting(path: Path, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Compare names, shapes and types of tensors; values of ``expected`` do not matter.

    Raises:
        InvalidInput: naming the file and the first tensor that does not fit.
    """
    problems = [f"tensor '{name}' is missing" for name in expected if name not in found]
    problems += [f"tensor '{name}' is not part of it" for name in found if name not in expected]
    for name in expected:
        if name in found and _form(found[name]) != _form(expected[name]):
            problems.append(
                f"tensor '{name}' is {_form(found[name])}, expected {_form(expected[name])}"
            )
    if problems:
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise InvalidInput(
            "a weight file does not fit the model of its record",
            where=f"{path}: {problems[0]}{more}",
            hint=RESTORE,
        )


def _without_weights(main: Path, record: TrainRecord) -> MissingPrerequisite:
    pruned = record.status == "success"
    return MissingPrerequisite(
        f"the run is '{record.status}' and has no final weights",
        where=str(main),
        hint="its weights were pruned; its suite with another --output-dir trains it again"
        if pruned
        else "run its suite again to finish it",
    )


def _form(tensor: Tensor) -> str:
    sizes = " x ".join(map(str, tensor.shape)) or "a single number"
    return f"{sizes} of {str(tensor.dtype).removeprefix('torch.')}"


def _another(path: Path, expected: str, found: str) -> InvalidInput:
    return InvalidInput(
        f"a weight file is not the one on record: expected {expected}, found {found}",
        where=str(path),
        hint=RESTORE,
    )
