"""``aigc bench load`` as a user gives it, from a file to a row that is verified."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import foreign_networks as foreign
import numpy as np
import pytest
import torch
from helpers import Aigc, Shown
from PIL import Image
from torch import Tensor, nn

import bench
from bench.records.load_record import LoadRecord, parse_load_record
from bench.records.record import ScoreRecord
from bench.records.run_directory import RunDirectory
from bench.replay.verify.comparison import NotVerified, Verified
from bench.replay.verify.loaded import LoadedTask
from bench.replay.verify.verification import Verification
from bench.run.events import Event
from bench.run.load_job import load_entries, loading_surroundings
from catalog.read.loader import load_registry
from catalog.schema import Registry

N = 60
Load = Callable[..., Shown]


class Small(nn.Module):
    """A generator of 16 x 16 pixels, as digits are."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 256)

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(4.0 * self.fc(z)).reshape(-1, 1, 16, 16)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("theirs") / "generator.ts"
    torch.jit.script(foreign.made(Small)).save(str(path))
    return path


@pytest.fixture
def load(aigc: Aigc) -> Load:
    """Loads beside digits with few images, which needs no calibration sets."""

    def run(source: Path | str, *options: str | Path, name: str = "theirs") -> Shown:
        few = ("--limit", str(N), "--device", "cpu")
        return aigc("bench", "load", source, "--as", name, "--dataset", "digits", *few, *options)

    return run


def only(runs: Path = Path("runs")) -> tuple[RunDirectory, LoadRecord, ScoreRecord]:
    [path] = runs.glob("*-loaded-*")
    directory = RunDirectory(path)
    record = directory.load_record()
    assert record is not None
    [score] = directory.score_records()
    return directory, record, score


def test_a_generator_becomes_a_row_and_the_same_command_does_nothing_more(
    load: Load, file: Path, aigc: Aigc, registry: Registry, tmp_path: Path
) -> None:
    first = load(file, "--licence", "MIT", "--url", "https://example.org/theirs")
    assert first.code == 0, first.stderr
    assert "range 0..1" in first.stdout
    assert "FD[digits-cnn]" in first.stdout
    directory, record, score = only()
    assert record.spec.convention is not None
    assert record.spec.convention.range == "0..1"
    assert (record.licence, record.url) == ("MIT", "https://example.org/theirs")
    assert str(file.parent) not in directory.load_json.read_text()  # no place of this machine
    assert (directory.path / "grid-loaded.png").is_file()
    assert score.n_images == N
    assert not score.comparable  # fewer images than the protocol asks for
    before = {p: p.stat().st_mtime_ns for p in Path("runs").rglob("*.json")}
    again = load(file)
    assert again.code == 0
    assert "nothing to do" in again.stdout
    assert {p: p.stat().st_mtime_ns for p in Path("runs").rglob("*.json")} == before
    shown = aigc("bench", "status")
    assert "theirs\tdigits" in shown.stdout
    assert "loaded" in shown.stdout
    assert aigc("bench", "sample", directory.path, "--n", 7, "--out", "some.npy").code == 0
    drawn = bench.open_run(directory.path).sample(7)
    assert np.array_equal(np.load("some.npy"), drawn.numpy())
    alone = aigc(
        "bench",
        "score",
        "--fake",
        directory.path,
        *("--extractor", "digits-cnn"),
        *("--metrics", "is", "--device", "cpu"),
    )
    assert alone.code == 0, alone.stderr
    compared = aigc("report", "compare", directory.path, "dcgan")
    assert compared.code == 2
    assert "no test compares it" in compared.stderr
    (directory.path / f".load.json-{'0' * 32}").touch()  # what a killed process leaves
    pruned = aigc("bench", "prune", "--yes")
    assert "removed" in pruned.stderr
    assert len(list(directory.path.glob(".load.json-*"))) == 0
    assert directory.load_json.is_file()
    other = load(file, "--range", "-1..1")
    assert other.code == 3
    assert "belongs to another loaded row" in other.stderr
    verified = verify(directory, registry, tmp_path / "scratch")
    assert all(isinstance(event, Verified) and event.passed for event in verified)
    assert len(verified) == 2
    with file.open("ab") as stream:
        stream.write(b"\0")
    [changed] = verify(directory, registry, tmp_path / "scratch")
    assert isinstance(changed, Verified)
    assert not changed.passed
    file.write_bytes(file.read_bytes()[:-1])
    file.rename(file.with_suffix(".gone"))
    [gone] = verify(directory, registry, tmp_path / "scratch")
    assert isinstance(gone, NotVerified)
    assert "not here" in gone.reason
    file.with_suffix(".gone").rename(file)


def verify(directory: RunDirectory, registry: Registry, scratch: Path) -> list[Event]:
    """What verifying the row tells, in this process."""
    events: list[Event] = []
    how = Verification(
        registry.datasets, registry.extractors, "cpu", 1, "0" * 64, registry=registry
    )
    scratch.mkdir(exist_ok=True)
    name = directory.path.name
    LoadedTask(name, directory.path, scratch, how, events.append, lambda: False).run()
    return [event for event in events if isinstance(event, Verified | NotVerified)]


def test_samples_score_as_the_generator_that_drew_them(
    load: Load, file: Path, registry: Registry
) -> None:
    from bench.outside.row import RowRequest, open_row

    assert load(file).code == 0
    _, _, expected = only()
    row = open_row(
        RowRequest(str(file), "x"), registry.dataset("digits"), N, registry, torch.device("cpu")
    )
    pixels = row.images(N).numpy()
    more = np.concatenate([pixels, pixels[:5]])
    np.save("samples.npy", more[:, 0])
    np.savez("adm.npz", more.transpose(0, 2, 3, 1), np.arange(len(more)) % 10)
    Path("pictures").mkdir()
    with zipfile.ZipFile("pictures.zip", "w") as archive:
        for index, image in enumerate(more[:, 0]):
            picture = Path("pictures", f"{index:03}.png")
            Image.fromarray(image).save(picture)
            archive.write(picture)
    for source in ("samples.npy", "adm.npz", "samples:pictures", "pictures.zip"):
        runs = Path(f"runs-{Path(source).name.replace(':', '-')}")
        shown = load(source, "-o", runs)
        assert shown.code == 0, shown.stderr
        assert f"the first {N} are scored" in shown.stdout
        _, record, score = only(runs)
        assert record.spec.kind == "samples"
        assert record.spec.convention is None
        assert score.images_sha256 == expected.images_sha256
        of_set = {metric.name: metric.value for metric in score.metrics}
        labels = of_set.pop("label_accuracy", None)
        assert (labels is not None) == (source == "adm.npz")
        assert of_set == {metric.name: metric.value for metric in expected.metrics}


def test_a_wrong_range_is_doubted_with_the_likely_right_one(load: Load, file: Path) -> None:
    shown = load(file, "--range", "0..255")
    assert shown.code == 0
    assert "likely right: --range 0..1" in shown.stdout
    assert "% of the first pixels are black" in shown.stdout
    _, record, _ = only()
    assert len(record.warnings) == 2


def test_a_row_of_the_registry_is_loaded_by_its_id(
    file: Path, aigc: Aigc, registry_with: Callable[[str], Path]
) -> None:
    import hashlib

    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    entry = f"""
loads:
  - id: theirs
    name: {{en: Theirs, zh: 他人的}}
    source: generator.ts
    sha256: {sha256}
    licence: MIT
    paper: dcgan-paper
    dataset: digits
    convention: {{range: 0..1}}
"""
    path = registry_with(entry)
    planned = aigc("bench", "plan", "digits-quick", "dcgan", "--registry", path)
    assert "to be loaded: theirs" in planned.stderr
    shown = aigc("catalog", "show", "dcgan-paper", "--registry", path)
    assert "aigc bench load theirs (MIT)" in shown.stdout
    (path.parent / "generator.ts").write_bytes(file.read_bytes())
    shown = aigc("bench", "load", "theirs", "--limit", N, "--registry", path, "--device", "cpu")
    assert shown.code == 0, shown.stderr
    directory, record, _ = only()
    assert (record.licence, record.paper) == ("MIT", "dcgan-paper")
    planned = aigc("bench", "plan", "digits-quick", "dcgan", "--registry", path)
    assert "loaded from elsewhere: theirs" in planned.stderr
    registry, cpu = load_registry(path), torch.device("cpu")
    around = loading_surroundings(registry, "digits", None, N, cpu, path, None)
    told: list[str] = []
    assert load_entries(registry, around, Path("runs"), path, told.append) == (directory.path,)
    assert told
    (path.parent / "generator.ts").write_bytes(file.read_bytes() + b"\0")
    changed = aigc("bench", "load", "theirs", "--limit", N, "--registry", path, "--device", "cpu")
    assert changed.code == 3
    assert "not the file that was meant" in changed.stderr
    assert aigc("catalog", "validate", "--registry", path).code == 0
    path.write_text(path.read_text(encoding="utf-8").replace("  - id: theirs", "  - id: vae"))
    validated = aigc("catalog", "validate", "--registry", path)
    assert validated.code == 3
    assert "'vae' is the name of a variant" in validated.stderr + validated.stdout


@pytest.fixture
def registry_with(tmp_path: Path) -> Callable[[str], Path]:
    """Writes the registry with more at its end."""
    from catalog.read.locate import find_registry

    def write(text: str) -> Path:
        folder = tmp_path / "own"
        folder.mkdir()
        path = folder / "registry.yaml"
        path.write_text(find_registry(None).read_text(encoding="utf-8") + text, encoding="utf-8")
        return path

    return write


class Pickled:
    """Something that only a pickle can hold."""


def opaque(path: Path) -> None:
    torch.save({"generator": {"w": torch.zeros(2)}, "config": Pickled()}, path)


def endless(path: Path) -> None:
    os.mkfifo(path)


def many_claimed(path: Path) -> None:
    """A state dict of before torch 1.6 whose tensor claims 2**40 values."""
    torch.save({"w": torch.zeros(3)}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    at = content.index(b"cpuq")
    # the number of values follows the place and its memo: K\x03 is 3, \x8a\x06… is a long one
    size = content.index(b"K\x03", at)
    path.write_bytes(
        content[:size] + b"\x8a\x06" + (2**40).to_bytes(6, "little") + content[size + 2 :]
    )


def not_finite(path: Path) -> None:
    torch.save({"w": torch.tensor([1.0, float("nan")])}, path)


def objects(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, np.array([{"a": 1}], dtype=object))


def few(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, np.zeros((7, 16, 16, 1), np.uint8))


def below_the_first_class(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, np.zeros((N, 16, 16, 1), np.uint8), np.full(N, -1))


def beyond_all_classes(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, np.zeros((N, 16, 16, 1), np.uint8), np.full(N, 2**64 - 1, np.uint64))


def large(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.zeros((N, 64, 64), np.uint8))


def stretched(path: Path) -> None:
    """A tensor of 2**40 values over a storage of one, by strides of zero."""
    torch.save({"w": torch.zeros(1).expand(2**20, 2**20)}, path)


BAD: dict[Callable[[Path], None], tuple[tuple[str, ...], str]] = {
    opaque: (("--variant", "dcgan"), "needs pickled classes"),
    endless: ((), "not a regular file"),
    many_claimed: (("--variant", "dcgan"), "claim more values than the file holds"),
    not_finite: (("--variant", "dcgan"), "not finite"),
    stretched: (("--variant", "dcgan"), "hold more than"),
    objects: ((), "pickled objects"),
    few: ((), f"holds 7 samples, the protocol scores {N}"),
    below_the_first_class: ((), "arr_1 holds -1, which is no class"),
    beyond_all_classes: ((), "arr_1 holds 18446744073709551615, which is no class"),
    large: ((), "the data set's are 16 x 16"),
}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_bad_files_are_refused_in_a_sentence(
    make: Callable[[Path], None], load: Load, tmp_path: Path
) -> None:
    path = tmp_path / "file.bin"
    make(path)
    options, message = BAD[make]
    shown = load(path, *options)
    assert shown.code == 3, shown.stderr
    assert message in shown.stderr
    assert "Traceback" not in shown.stderr
    assert not list(Path("runs").glob("*-loaded-*"))


def test_tensors_that_do_not_fit_are_shown_as_a_table(load: Load, tmp_path: Path) -> None:
    torch.save({"G": foreign.made(foreign.Conv28).state_dict()}, tmp_path / "x.pt")
    shown = load(tmp_path / "x.pt", "--variant", "dcgan")
    assert shown.code == 3
    assert "missing     generator.layers.0.weight 64x64x4x4" in shown.stderr
    assert "unexpected  project.weight 392x16" in shown.stderr
    assert "torch.onnx.export" in shown.stderr  # a way out


def test_options_that_do_not_go_together(load: Load, file: Path, aigc: Aigc) -> None:
    for options, code, message in (
        (("--truncation", "-1"), 2, "--truncation"),
        (("--truncation", "1e-300"), 2, "--truncation"),
        (("--labels", "none", "--label-place", "after"), 2, "--label-place"),
        (("--labels", "index", "--label-place", "joined"), 2, "is one-hot"),
        (("--set", "width=16", "--set", "width.a=3"), 2, "'width' is set twice"),
        (("--set", "width=16", "--set", "width=32"), 2, "'width' is set twice"),
        (("--licence", "x" * 2001), 2, "--licence is no text"),
        (("--url", "x" * 2001), 2, "--url is no text"),
        (("--noise", "truncated"), 2, "--truncation"),
        (("--noise-shape", "a"), 2, "no shape of noise"),
        (("--variant", "dcgan"), 2, "state dict"),
        (("--protocol", "mnist-10k"), 2, "scores 'mnist'"),
    ):
        shown = load(file, *options)
        assert shown.code == code, (options, shown.stderr)
        assert message in shown.stderr
    assert load(file, name="dcgan").code == 2
    assert load(file, name="../x").code == 2
    assert aigc("bench", "load", file, "--dataset", "digits").code == 2
    assert aigc("bench", "load", file, "--as", "x").code == 2
    assert load("samples:nowhere").code == 4
    assert load("./" * 1000 + str(file)).code == 2


def test_a_record_is_strict() -> None:
    text = json.loads(_record())
    assert parse_load_record(json.dumps(text)).spec.name == "theirs"
    for key, value in (("load_hash", "0" * 64), ("extra", 1), ("run_id", "other")):
        with pytest.raises(ValueError, match=key):
            parse_load_record(json.dumps(text | {key: value}))


def _record() -> str:
    from bench.outside.convention import Convention
    from bench.records.environment import environment, provenance
    from bench.records.load_record import LoadedOn, LoadSpec
    from bench.records.record import now, to_json

    spec = LoadSpec(
        name="theirs",
        kind="onnx",
        sha256="0" * 64,
        dataset=LoadedOn(
            id="digits", fingerprint="1" * 64, resolution=16, channels=1, n_classes=10
        ),
        convention=Convention(channels=1, resolution=16, noise_shape=(8,)),
    )
    return to_json(
        LoadRecord(
            run_id=spec.run_id,
            load_hash=spec.load_hash,
            spec=spec,
            source="generator.onnx",
            created_at=now(),
            environment=environment(torch.device("cpu")),
            provenance=provenance("2" * 64, "3" * 64),
        )
    )
