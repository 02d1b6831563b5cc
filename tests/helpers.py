"""Builders that several test modules share: small registries, runs in and out of process."""

from __future__ import annotations

import copy
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml
from filelock import FileLock

from catalog.read.loader import load_registry

if TYPE_CHECKING:
    from bench.identity.spec import TrainSpec
    from bench.records.run_directory import RunDirectory

TESTS = Path(__file__).resolve().parent
CLONE = TESTS.parent
RECORDS = TESTS / "records"
MAIN = "from bench.cli.main import main; main()"
SMALL = {"width": 4, "latent_dim": 4, "batch_size": 16}
"""Settings of a model that learns nothing, but fast."""
STEPS = 20


class Shown(NamedTuple):
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


Aigc = Callable[..., Shown]
"""Runs ``aigc`` with arguments, in the process of the tests."""
DEADLINE_S = 120.0


@functools.cache
def whole_registry() -> dict[str, Any]:
    """Plain data of the project's own registry."""
    return load_registry(CLONE / "registry.yaml").model_dump(mode="json", exclude_defaults=True)


@contextmanager
def case(name: object) -> Iterator[None]:
    """A case of a table that one test goes through: where it fails, the failure names it."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"case: {name}")
        raise


def tiny_variant(name: str, algorithm: str = "bench.models.vae:VAE", **recipe: Any) -> Any:
    """A registry entry for a small model; ``recipe`` stands over the small settings."""
    family = "gan" if algorithm.endswith(":GAN") else "vae"
    return {
        "id": name,
        "name": {"en": name, "zh": name},
        "family": family,
        "paper": "vae-paper",
        "algorithm": algorithm,
        "summary": {"en": "A small model.", "zh": "一个小模型。"},
        "recipe": {**SMALL, **recipe},
    }


def tiny_registry(
    file: Path, variants: Iterable[Any], *, steps: int = STEPS, cpu: bool = True, **protocol: Any
) -> Path:
    """Write a registry with one suite, ``tiny``, of some variants, scored on a few images.

    Args:
        protocol: fields of the scoring protocol to change.
    """
    data = copy.deepcopy(whole_registry())
    protocol_entry = {
        **data["protocols"][0],
        "id": "tiny-protocol",
        "n_fake": 60,
        "kid_subset_size": 50,
        "kid_subsets": 2,
        "isc_splits": 2,
        **protocol,
    }
    chosen = list(variants)
    suite = {
        "id": "tiny",
        "title": {"en": "Tiny", "zh": "极小"},
        "dataset": "digits",
        "protocol": protocol_entry["id"],
        "variants": [variant["id"] for variant in chosen],
        "seeds": [0],
        "steps": steps,
        "cpu": cpu,
        "calibration": ["mean-image"],
    }
    cited = [entry for entry in data["resources"] if entry["id"] in ("vae-paper", "sklearn-digits")]
    for entry in cited:
        entry.pop("relations", None)  # their targets stay behind
    small = {
        "schema_version": data["schema_version"],
        "resources": cited,
        "datasets": data["datasets"][:1],
        "extractors": data["extractors"],
        "protocols": [protocol_entry],
        "suites": [suite],
        "variants": chosen,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(small, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that all workers of a session share, not to be changed; the first one makes it."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    made = folder.with_suffix(".made")
    with FileLock(folder.with_suffix(".lock")):
        if not made.exists():
            make(folder)
            made.touch()
    return folder


def offer_plugin(folder: Path) -> Path:
    """Make a folder that, on the module path, offers ``faulty_models`` as a plug-in would."""
    info = folder / "faulty_models-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty-models\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[aigc.models]\nfaulty = faulty_models:Faulty\n")
    (folder / "faulty_models.py").write_text((TESTS / "faulty_models.py").read_text())
    return folder


def environment_of(*folders: Path, **variables: str) -> dict[str, str]:
    """This process's environment without the project's settings, plus folders to import from."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AIGC_") or name == "AIGC_CACHE_DIR"
    }
    path = os.pathsep.join(map(str, (*folders, CLONE)))
    return {**kept, "PYTHONPATH": path, "NO_COLOR": "1", "COLUMNS": "100", **variables}


def set_in_json(file: Path, *path: str | int, to: Any) -> None:
    """Change one field of a JSON file."""
    data = json.loads(file.read_text())
    place = data
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = to
    file.write_text(json.dumps(data))


def aigc_telling_torch(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A whole process of ``aigc``; its last word is ``LOADED True`` if it imported torch."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: sys.stderr.write(f'LOADED {\"torch\" in sys.modules}'))\n"
        "from bench.cli.main import main\n"
        "main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env=environment_of(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def aigc(
    *arguments: str | Path, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end in a process of its own, in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-c", MAIN, *map(str, arguments)],
        cwd=cwd,
        env=env or environment_of(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def start_aigc(
    *arguments: str | Path,
    cwd: Path,
    env: dict[str, str] | None = None,
    wrap: Iterable[str] = (),
) -> subprocess.Popen[str]:
    """Start the command line, behind the command ``wrap`` if there is one, and return at once."""
    return subprocess.Popen(
        [*wrap, sys.executable, "-c", MAIN, *map(str, arguments)],
        cwd=cwd,
        env=env or environment_of(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def wait_until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """The first true answer of ``condition``; AssertionError if there is none in time."""
    give_up = time.monotonic() + deadline_s
    while not (answer := condition()):
        if time.monotonic() > give_up:
            raise AssertionError(f"waited {deadline_s:.0f} s in vain: {what}")
        time.sleep(0.02)
    return answer


def document_of(stdout: str) -> dict[str, Any]:
    """The one ``--json`` document of a command; anything else on stdout makes it fail."""
    document = json.loads(stdout)
    assert document["schema_version"] == 1
    assert isinstance(document["items"], list)
    return dict(document)


def items_of(stdout: str) -> list[Any]:
    """The items of a ``--json`` document; commands that say more do so beside the items."""
    document = document_of(stdout)
    assert set(document) <= {"schema_version", "items", "run", "disk", "summary", "others"}
    return list(document["items"])


def frozen(name: str) -> Any:
    """Plain data of a frozen record, to be changed and parsed again."""
    return json.loads((RECORDS / name).read_text())


def files_below(folder: Path) -> dict[str, bytes]:
    """Content of every file by relative path, to see whether anything changed."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_trained(directory: RunDirectory, spec: TrainSpec, files: Iterable[Path]) -> None:
    """Write the train record of a success whose weights are in ``files``."""
    import torch

    from bench.records.environment import environment, provenance
    from bench.records.record import TrainRecord
    from bench.records.run_directory import artifact

    now = datetime(2024, 1, 1, tzinfo=UTC)
    record = TrainRecord(
        run_id=spec.run_id,
        train_hash=spec.train_hash,
        status="success",
        spec=spec,
        comparable=True,
        created_at=now,
        updated_at=now,
        environment=environment(torch.device("cpu")),
        provenance=provenance("0" * 64, "1" * 64),
        artifacts=tuple(artifact("weights", file, directory.path) for file in files),
    )
    directory.write_train(record)
