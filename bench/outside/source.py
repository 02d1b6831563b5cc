"""What a user names as a source, told by what it holds and not by how it is called.

``aigc bench load`` takes a file, a folder, ``samples:PATH`` or ``hf:owner/name[@revision][:file]``.
What opens each kind stands in ``bench.outside.openers``.
"""

from __future__ import annotations

import hashlib
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.data.decode.image_files import SUFFIXES
from bench.identity.digest import sha256_of_data, sha256_of_file
from bench.outside.archives import member_names
from bench.outside.export_record import is_exported_file, is_exported_folder
from catalog.errors import InvalidInput, MissingPrerequisite, UsageError
from catalog.files import reason, regular_bytes

SourceKind = Literal[
    "state-dict",
    "torchscript",
    "torch-export",
    "onnx",
    "diffusers",
    "hub",
    "run",
    "export",
    "samples",
]
MAX_BYTES = 2**33
"""Nothing larger is hashed and opened: 8 GiB, more than any generator of small images."""
MAX_FILES = 2_000_000
"""Files of a folder, at most."""
_HUB = re.compile(
    r"hf:(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?(?::(?P<file>[^:]+))?"
)
_SAMPLES = "samples:"
_ZIP, _NPY, _PICKLE = b"PK\x03\x04", b"\x93NUMPY", b"\x80"


@dataclass(frozen=True)
class Source:
    """Something that images can come from.

    Attributes:
        text: as the user wrote it.
        path: the file or folder; of a repository of the hub the place where it was found, and
            before that an empty path.
        sha256: of the file's bytes, or of the names and hashes of a folder's files; empty where
            nothing was read yet.
        repository, revision, file: of the hub; the revision is a commit once it is known.
    """

    kind: SourceKind
    text: str
    path: Path
    sha256: str = ""
    repository: str | None = None
    revision: str | None = None
    file: str | None = None


def parse(text: str) -> Source:
    """The source that a text names, hashed before any of it is parsed.

    Raises:
        InvalidInput: there is no such file, it is a link to nowhere, a pipe or a device, it is too
            large, or nothing here opens what it holds.
        UsageError: the text is no address of the hub.
    """
    if text.startswith("hf:"):
        return _of_hub(text)
    is_samples = text.startswith(_SAMPLES)
    return local_source(text, Path(text.removeprefix(_SAMPLES)), is_samples=is_samples)


def local_source(text: str, path: Path, *, is_samples: bool = False) -> Source:
    """The source in a file or folder of this machine; ``text`` names it in messages.

    Raises:
        InvalidInput: as ``parse``.
    """
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            kind = "samples" if is_samples else kind_of_folder(path)
            return Source(kind, text, path, sha256_of_folder(path))
        if not stat.S_ISREG(facts.st_mode):
            raise InvalidInput(f"{path} is not a regular file, so it was not read")
        if facts.st_size > MAX_BYTES:
            raise InvalidInput(f"{path} is larger than {MAX_BYTES:,} bytes, so it was not read")
        kind = "samples" if is_samples else kind_of_file(path)
        return Source(kind, text, path, sha256_of_file(path))
    except FileNotFoundError as error:
        raise MissingPrerequisite("there is no such file or folder", where=str(path)) from error
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read ({reason(error)})") from error


def verified_bytes(source: Source, at_most: int) -> bytes:
    """The content of a source that is one file, which must be the one that was hashed.

    Raises:
        InvalidInput: it cannot be read, is larger than ``at_most`` bytes, or was changed since.
    """
    try:
        content = regular_bytes(source.path, at_most)
    except OSError as error:
        raise InvalidInput(f"{source.path}: cannot be read ({reason(error)})") from error
    if hashlib.sha256(content).hexdigest() != source.sha256:
        raise InvalidInput(f"{source.path} changed while it was read")
    return content


def file_of_folder(source: Source, relative: str) -> Path:
    """A file of a folder, which a link may stand for in the cache of the hub alone.

    Raises:
        MissingPrerequisite: there is no such file.
        InvalidInput: it is a link to elsewhere, which the folder's hash does not cover.
    """
    file = source.path / relative
    if not file.exists():
        raise absent(source, relative)
    if source.repository is None:
        is_covered = not (
            file.is_symlink() or (file.parent != source.path and file.parent.is_symlink())
        )
    else:
        is_covered = is_inside(file, source.path.parents[1])
    if not is_covered:
        raise InvalidInput(
            f"{file}: is a link, so it was not read", hint="put the file itself there"
        )
    return file


def absent(source: Source, relative: str) -> MissingPrerequisite:
    """The refusal of a folder that lacks a file."""
    hint = "restore the folder as it was published"
    if source.repository is not None:
        hint = f"hf download {source.repository} {relative} --revision {source.revision}"
    return MissingPrerequisite(f"{source.path / relative} is absent", hint=hint)


def require_unchanged(source: Source) -> None:
    """Refuse a folder that is no longer the one that was hashed; called once it has been read.

    Raises:
        InvalidInput: it was changed.
    """
    links_into = None if source.repository is None else source.path.parents[1]
    if sha256_of_folder(source.path, links_into) != source.sha256:
        raise InvalidInput(f"{source.path} changed while it was read")


def kind_of_file(path: Path) -> SourceKind:
    """What a file holds, by its first bytes and, of an archive, by the names of its members.

    Raises:
        InvalidInput: nothing here opens it.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(_NPY):
        return "samples"
    if head.startswith(_ZIP):
        return _kind_of_archive(path)
    if _is_safetensors(head, path.stat().st_size):
        return "export" if is_exported_file(path) else "state-dict"
    if head.startswith(_PICKLE):
        return "state-dict"
    if path.suffix.lower() == ".onnx" or _is_onnx(head):
        return "onnx"
    raise InvalidInput(
        f"{path}: holds nothing that can be loaded",
        hint="it takes a state dict (.pt, .pth, .ckpt, .safetensors), TorchScript, torch.export"
        " (.pt2), ONNX, a folder of a diffusers pipeline, a run directory, or samples: a folder of"
        " pictures, .zip, .npy or .npz",
    )


def kind_of_folder(path: Path) -> SourceKind:
    """What a folder holds: a run of this program, its export, a diffusers pipeline, or pictures.

    Raises:
        InvalidInput: none of them.
    """
    if (path / "train.json").is_file():
        return "run"
    if (path / "model_index.json").is_file():
        return "diffusers"
    if is_exported_folder(path):
        return "export"
    if any(entry.suffix.lower() in SUFFIXES for entry in path.iterdir()):
        return "samples"
    raise InvalidInput(
        f"{path}: holds neither a train.json, nor an export's config.json, nor a model_index.json,"
        " nor pictures",
        hint="name the file of weights itself",
    )


def sha256_of_folder(path: Path, links_into: Path | None = None) -> str:
    """Hex sha256 of the names and hashes of the regular files below a folder.

    Args:
        path: of the folder.
        links_into: a folder whose files links may stand for, as those of the hub's cache do; other
            links are left out.

    Raises:
        InvalidInput: there are too many of them, or they are too large.
    """
    found: dict[str, str] = {}
    n_bytes = 0
    for file in sorted(path.rglob("*")):
        is_followed = links_into is not None and is_inside(file, links_into)
        facts = file.stat() if is_followed else file.lstat()
        if not stat.S_ISREG(facts.st_mode):
            continue
        n_bytes += facts.st_size
        if n_bytes > MAX_BYTES or len(found) > MAX_FILES:
            raise InvalidInput(f"{path} is larger than {MAX_BYTES:,} bytes, so it was not read")
        found[file.relative_to(path).as_posix()] = sha256_of_file(file)
    return sha256_of_data(found)


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a file is there and, links followed, lies below a folder."""
    return path.exists() and path.resolve().is_relative_to(folder.resolve())


def _of_hub(text: str) -> Source:
    parts = _HUB.fullmatch(text)
    if parts is None:
        raise UsageError(
            f"'{text}' is no address of the hub",
            hint="it is written hf:owner/name, hf:owner/name@revision or hf:owner/name:file",
        )
    return Source(
        "hub",
        text,
        Path(),
        repository=parts["repository"],
        revision=parts["revision"],
        file=parts["file"],
    )


def _kind_of_archive(path: Path) -> SourceKind:
    """A zip file is TorchScript, torch.export, a pickle of tensors, arrays or pictures."""
    names = member_names(path)
    inner = {name.partition("/")[2] for name in names}
    if (
        "archive_format" in inner
        or "archive_format" in names
        or "serialized_exported_program.json" in names
    ):
        return "torch-export"
    if "constants.pkl" in inner:
        return "torchscript"
    if "data.pkl" in inner:
        return "state-dict"
    return "samples"


def _is_safetensors(head: bytes, n_bytes: int) -> bool:
    """Eight bytes of the header's length, and a header that begins like JSON."""
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < n_bytes


def _is_onnx(head: bytes) -> bool:
    """The first field of a model is the version of its format, a small number."""
    return len(head) > 2 and head[0] == 0x08 and 3 <= head[1] <= 32
