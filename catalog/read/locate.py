"""Which registry file is meant, and how its name is shown.

Owns the search order: the path that was given, ``AIGC_REGISTRY``, the source checkout, the copy
inside the installed package.
"""

from __future__ import annotations

import os
from pathlib import Path

from catalog.errors import InvalidInput, MissingPrerequisite

REGISTRY_VARIABLE = "AIGC_REGISTRY"
_PACKAGE = Path(__file__).resolve().parent.parent


def find_registry(explicit: Path | None = None) -> Path:
    """The registry file to read: ``explicit``, else ``AIGC_REGISTRY``, else the project's own.

    Raises:
        MissingPrerequisite: the file that was named, or the project's own, is not there.
        InvalidInput: the path that was named is a folder.
    """
    if explicit is not None:
        return _existing(explicit, "give a registry file to --registry")
    named = os.environ.get(REGISTRY_VARIABLE)
    if named:
        return _existing(Path(named), f"correct or unset {REGISTRY_VARIABLE}")
    beside, packaged = _PACKAGE.parent / "registry.yaml", _PACKAGE / "registry.yaml"
    return beside if beside.is_file() else _existing(packaged, "install the package again")


def shown_path(path: Path) -> str:
    """A path as messages name it: relative when it is below the working directory."""
    full, here = path.resolve(), Path.cwd()
    return str(full.relative_to(here)) if full.is_relative_to(here) else str(full)


def _existing(path: Path, hint: str) -> Path:
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder, not a registry file", hint=hint)
    if not path.exists():
        raise MissingPrerequisite(f"there is no registry file {path}", hint=hint)
    return path
