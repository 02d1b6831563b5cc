"""Names in records: those that become part of file names, and those of code that was renamed.

Records are also read that a stranger wrote, and reports copy files to where records say: a name
must not lead elsewhere. The name of an algorithm, a backbone or an extractor is part of what makes
two runs the same, so registry and records keep it when the code gets another one.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A sha256 in hexadecimal."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")]
"""One part of a path that is neither hidden nor the folder above."""


def _stays_inside(path: str) -> str:
    parts = path.split("/")
    if set(path) & {"\\", "\0"} or set(parts) & {"", ".", ".."}:
        raise ValueError("a path is below the run directory, without '..' and without a leading /")
    return path


RelativePath = Annotated[str, AfterValidator(_stays_inside)]
"""A path below a directory, in POSIX spelling."""

RENAMED: dict[Literal["algorithm", "backbone", "extractor"], dict[str, str]] = {
    "algorithm": {
        "bench.models.image_gpt:ImageGPT": "bench.models.pixels:ImageGPT",
        "bench.models.pixelcnn:PixelCNN": "bench.models.pixels:PixelCNN",
        "bench.models.printed_loss:PrintedLossGAN": "bench.models.article:PrintedLossGAN",
        "bench.models.update_order:UpdateOrderGAN": "bench.models.article:UpdateOrderGAN",
    },
    "backbone": {},
    "extractor": {},
}
"""By what is named: names in the registry and in records, and where their code is today."""


OWN_SETTINGS = "."
"""Between a registered variant and the settings that a user gave it: ``dcgan.width-64``."""

FOLDER = "folder"
"""The data set of a user's own images; those with names of their own are ``folder-NAME``."""
_OWN_JUDGE = re.compile(rf"{FOLDER}-[a-z0-9-]+-judge")


def present_name(kind: Literal["algorithm", "backbone", "extractor"], name: str) -> str:
    """Today's name in the code of what the registry or a record calls ``name``.

    The judges of all folders of users' own images are one piece of code.
    """
    if kind == "extractor" and _OWN_JUDGE.fullmatch(name):
        return f"{FOLDER}-judge"
    return RENAMED[kind].get(name, name)


def without_seed(run_id: str) -> str:
    """The part of a run's name that all its seeds share: variant and data set."""
    return re.sub(r"-s\d+-[0-9a-f]{8}$", "", run_id)


def registered_variant(name: str) -> str:
    """The variant of the registry that a variant with settings of a user's own comes from."""
    return name.partition(OWN_SETTINGS)[0]
