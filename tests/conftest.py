"""One thread, a cache of the session's own, and small models and images for every test."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from helpers import CLONE, Aigc, Shown

from catalog.files import CACHE_VARIABLE
from catalog.read.loader import load_registry
from catalog.schema import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from bench.data import ImageSplit
    from bench.models.base import GenerativeModel
    from bench.report.board.table import Leaderboard

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # read when torch and numpy are first imported

_CACHE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Before collection, because some modules read the registry while they are imported."""
    config.stash[_CACHE] = os.environ[CACHE_VARIABLE] = tempfile.mkdtemp(prefix="aigc-tests-")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Modules and tests stay for the whole session: nobody looks for garbage among them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait for processes that they have started."""
    return (os.cpu_count() or 1) + 1


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_CACHE], ignore_errors=True)


def make_model(
    algorithm: type[GenerativeModel],
    channels: int = 1,
    size: int = 8,
    seed: int = 0,
    **settings: Any,
) -> GenerativeModel:
    """A fresh model of an algorithm with ten classes; ``settings`` deviate from its defaults."""
    from bench.models.build import build_model, parse_recipe
    from bench.networks.shape import ImageShape

    recipe = parse_recipe(algorithm, settings, "the test")
    return build_model(algorithm, recipe, ImageShape(channels, size), 10, seed)


def make_images(n: int, channels: int = 1, size: int = 8, seed: int = 0) -> Tensor:
    """Uniform random images (n, channels, size, size) in -1 .. 1, the same for the same seed."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    return 2.0 * torch.rand(n, channels, size, size, generator=generator) - 1.0


def make_split(n: int, channels: int = 1, size: int = 8, seed: int = 0) -> ImageSplit:
    """Random uint8 images with labels that go round."""
    import torch

    from bench.data import ImageSplit

    generator = torch.Generator().manual_seed(seed)
    shape = (n, channels, size, size)
    images = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    return ImageSplit(images, torch.arange(n) % 10)


def make_step(
    model: GenerativeModel, n: int = 8, seed: int = 0, step: int = 0
) -> dict[str, Tensor]:
    """Update ``step`` of ten in training mode on random images, ``n`` to a batch."""
    import torch

    from bench.models.base import Batch, StepContext

    shape = model.shape
    images = make_images(n * model.batches_per_step, shape.channels, shape.size, seed)
    labels = torch.arange(len(images)) % model.n_classes
    torch.manual_seed(seed)
    device = next(model.parameters()).device
    return model.train().step(
        Batch(images.to(device), labels.to(device)), StepContext(step, 10, 100)
    )


@contextmanager
def watch_weights(*modules: Any) -> Iterator[Callable[[], bool]]:
    """Yields a question: has any tensor of these modules changed in a single bit since?"""
    import torch

    def state() -> list[Tensor]:
        return [t.detach().clone() for m in modules for t in m.state_dict().values()]

    before = state()
    yield lambda: not all(map(torch.equal, before, state()))


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="session")
def boards(registry: Registry) -> dict[str, Leaderboard]:
    """The tables of all committed reports; making them takes some seconds."""
    from bench.report.leaderboard.write import committed_boards

    return committed_boards(registry, CLONE / "reports")


@pytest.fixture(scope="session")
def model_of() -> Callable[..., GenerativeModel]:
    return make_model


@pytest.fixture(scope="session")
def images_of() -> Callable[..., Tensor]:
    return make_images


@pytest.fixture(scope="session")
def split_of() -> Callable[..., ImageSplit]:
    return make_split


@pytest.fixture(scope="session")
def one_step() -> Callable[..., dict[str, Tensor]]:
    return make_step


@pytest.fixture(scope="session")
def watched() -> Callable[..., Any]:
    return watch_weights


@functools.cache
def command_line() -> Any:
    """Built once: Typer would build it anew for every call, which takes longer than most."""
    import typer

    from bench.cli import main as cli

    return typer.main.get_command(cli.app)


@pytest.fixture
def aigc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Aigc]:
    """Runs ``aigc`` as a shell would, in this process, in an empty folder."""
    from bench.cli import main as cli

    for name in os.environ:
        if name.startswith("AIGC_") and name != "AIGC_CACHE_DIR":
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(cli, "app", command_line())
    monkeypatch.chdir(tmp_path)
    usual = signal.getsignal(signal.SIGTERM)  # ``run`` replaces it

    def run(*arguments: str | Path) -> Shown:
        monkeypatch.setattr(sys, "argv", ["aigc", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return Shown(int(ended.value.code or 0), captured.out, captured.err)

    yield run
    signal.signal(signal.SIGTERM, usual)
