"""The file of a checkpoint as far as it is read without torch: whose it is, and of which step.

Its first line is the sha256 of the rest, which is checked before anything is parsed. The second is
the label; what follows only ``bench.train.checkpoint`` opens. Older files have no label.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.identity.code import LOOPS, Loop, code_of_spec
from bench.identity.spec import TrainSpec
from bench.records.files import MAX_WEIGHTS_BYTES
from catalog.errors import InvalidInput
from catalog.files import unlinked_bytes

HEADER = b"aigc checkpoint, sha256 "
LABEL = b"{"
"""How a label begins; without one, an archive of torch follows."""
MAX_BYTES = 4 * MAX_WEIGHTS_BYTES
"""Weights, their average and two moments of each."""
START_AGAIN = "remove it to train from the start"


@dataclass(frozen=True)
class Identity:
    """What a checkpoint belongs to; one of other training or other code is of no use.

    Attributes:
        train_hash: of the spec.
        code: digest of the definitions that decide the training.
    """

    train_hash: str = ""
    code: str = ""

    @classmethod
    def of(cls, spec: TrainSpec, loop: Loop = "plain") -> Identity:
        """What the checkpoints of a training are, made by the present code of a loop."""
        return cls(spec.train_hash, code_of_spec(spec, loop))


@dataclass(frozen=True)
class Stored:
    """A whole file.

    Attributes:
        identity: None in a file without a label, as is ``step``.
        step: updates that were done.
        payload: what torch wrote.
    """

    identity: Identity | None
    step: int | None
    payload: memoryview


class Unlabelled(Exception):
    """A checkpoint of before has to be opened for its step."""


def head(identity: Identity, step: int, payload: memoryview) -> bytes:
    """What stands before the payload in a file."""
    label = json.dumps(asdict(identity) | {"step": step}).encode() + b"\n"
    digest = hashlib.sha256(label)
    digest.update(payload)
    return HEADER + digest.hexdigest().encode() + b"\n" + label


def stored(file: Path) -> Stored | None:
    """What a file holds, or None where it is absent or damaged.

    Raises:
        InvalidInput: it is a link, no regular file or too large.
    """
    try:
        content = unlinked_bytes(file, MAX_BYTES)
    except FileNotFoundError:
        return None
    except InvalidInput as error:
        raise InvalidInput(
            "the checkpoint is no file of its own", where=error.what, hint=START_AGAIN
        ) from error
    start = content.find(b"\n") + 1
    data = memoryview(content)[start:]
    if content[:start] != HEADER + hashlib.sha256(data).hexdigest().encode() + b"\n":
        return None
    if not content.startswith(LABEL, start):
        return Stored(None, None, data)
    end = content.find(b"\n", start) + 1
    try:
        told = json.loads(content[start:end])
        identity = Identity(str(told["train_hash"]), str(told["code"]))
        return Stored(identity, int(told["step"]), memoryview(content)[end:])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def labelled_step(file: Path, spec: TrainSpec) -> int | None:
    """The step of the newest usable checkpoint by any loop; None where there is none.

    Raises:
        InvalidInput: a file is of another training, or no file of its own.
        Unlabelled: a file does not say its step outside of what torch wrote.
    """
    codes = {Identity.of(spec, loop).code for loop in LOOPS}
    for candidate in (file, previous(file)):
        found = stored(candidate)
        if found is None:
            continue
        if found.identity is None:
            raise Unlabelled
        require_own(found.identity.train_hash, spec.train_hash, candidate)
        if found.identity.code in codes:
            return found.step
    return None


def require_own(found: str, wanted: str, file: Path) -> None:
    """Refuse the checkpoint of another training.

    Raises:
        InvalidInput: it is that.
    """
    if found != wanted:
        raise InvalidInput(
            "the checkpoint belongs to another run", where=str(file), hint=START_AGAIN
        )


def previous(file: Path) -> Path:
    """Where the checkpoint before the last is kept."""
    return file.with_stem(f"{file.stem}-previous")


def files(file: Path) -> Iterator[Path]:
    """The checkpoint files that are there, newest first."""
    yield from (path for path in (file, previous(file)) if path.exists())
