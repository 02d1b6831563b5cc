"""Files of other libraries' own making: each becomes a row, and each bad one a sentence."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import foreign_networks as foreign
import pytest
import torch
from helpers import Aigc, Shown
from PIL import Image
from torch import Tensor, nn

from bench.models.noise import ImageNoise
from bench.outside.row import OutsideRow, RowRequest, open_row
from bench.records.run_directory import RunDirectory
from catalog.schema import Registry, StatedConvention

pytestmark = pytest.mark.filterwarnings(
    "ignore::FutureWarning", "ignore::UserWarning", "ignore::torch.jit.TracerWarning"
)
N = 60
CPU = torch.device("cpu")
D = 6
Make = Callable[[nn.Module, Path], None]


class ByClass(nn.Module):
    """A generator of 16 x 16 pixels, as digits are, that is told a class."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, D)
        self.fc = nn.Linear(D, 64)
        self.norm = nn.BatchNorm2d(4)
        self.up = nn.ConvTranspose2d(4, 1, 4, stride=4)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        x = self.fc(z + self.embed(labels)).reshape(-1, 4, 4, 4)
        return torch.tanh(3.0 * self.up(self.norm(x)))


class OneHotFirst(nn.Module):
    """The same with the class as numbers, before the noise."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = ByClass()

    def forward(self, onehot: Tensor, z: Tensor) -> Tensor:
        return self.inner(z, onehot.argmax(1))  # type: ignore[no-any-return]


class Plain(nn.Module):
    """Without classes, in 0 .. 1, noise like a small image."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(D, 1, 16)

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(4.0 * self.up(z))


class Sized(Plain):
    """Sizes that depend on the number of images, and a block without gradients."""

    def forward(self, z: Tensor) -> Tensor:
        with torch.no_grad():
            twice = torch.cat([z, z])[: z.shape[0]]
        halves = twice.reshape(2 * z.shape[0], D // 2)
        return torch.sigmoid(4.0 * self.up(halves.reshape(z.shape[0], D, 1, 1)))


class Restless(Plain):
    """It draws random numbers of its own."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(4.0 * self.up(z + torch.randn_like(z)))


def inputs_of(network: nn.Module, n: int = 4, seed: int = 0) -> tuple[Tensor, ...]:
    """What the authors of a network give it: noise of the images' streams, and their classes."""
    z, labels = ImageNoise(seed, range(n)).normal(D), torch.arange(n) % 10
    if isinstance(network, ByClass):
        return z, labels
    if isinstance(network, OneHotFirst):
        return nn.functional.one_hot(labels, 10).float(), z
    return (z.reshape(n, D, 1, 1),)


def scripted(network: nn.Module, path: Path) -> None:
    torch.jit.script(network).save(str(path))


def traced(network: nn.Module, path: Path) -> None:
    torch.jit.trace(network, inputs_of(network)).save(str(path))


def exported(network: nn.Module, path: Path, *, fixed: bool = False) -> None:
    inputs = inputs_of(network)
    shapes = None if fixed else tuple({0: torch.export.Dim.DYNAMIC} for _ in inputs)
    program = torch.export.export(network, inputs, dynamic_shapes=shapes)
    buffer = BytesIO()
    torch.export.save(program, buffer)
    path.write_bytes(buffer.getvalue())


def exported_for_four(network: nn.Module, path: Path) -> None:
    exported(network, path, fixed=True)


def onnx(network: nn.Module, path: Path) -> None:
    inputs = inputs_of(network)
    program = torch.onnx.export(
        network,
        inputs,
        dynamo=True,
        verbose=False,
        external_data=False,
        dynamic_shapes=tuple({0: "n"} for _ in inputs),
    )
    assert program is not None
    program.save(path)


CASES: dict[str, tuple[type[nn.Module], Make]] = {
    "scripted": (ByClass, scripted),
    "traced": (Plain, traced),
    "one-hot": (OneHotFirst, scripted),
    "exported": (OneHotFirst, exported),
    "exported-by-sizes": (Sized, exported),
    "exported-for-four": (ByClass, exported_for_four),
    "onnx": (ByClass, onnx),
}
KINDS = {scripted: "torchscript", traced: "torchscript", exported: "torch-export",
         exported_for_four: "torch-export", onnx: "onnx"}  # fmt: skip


@pytest.fixture(scope="module")
def file_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file of a case; making some takes a second."""
    made: dict[str, Path] = {}

    def file(name: str) -> Path:
        if name not in made:
            kind, save = CASES[name]
            made[name] = tmp_path_factory.mktemp("theirs") / "weights.bin"
            save(foreign.made(kind), made[name])
        return made[name]

    return file


def row_of(path: Path | str, registry: Registry, **stated: Any) -> OutsideRow:
    request = RowRequest(str(path), "theirs", StatedConvention(**stated))
    return open_row(request, registry.dataset("digits"), N, registry, CPU)


def load(aigc: Aigc, source: Path | str, runs: str = "runs", *options: str) -> Shown:
    few = ("--limit", str(N), "--device", "cpu", "-o", runs)
    return aigc("bench", "load", source, "--as", "theirs", "--dataset", "digits", *few, *options)


def scores_as_its_samples(aigc: Aigc, source: Path | str, row: OutsideRow) -> RunDirectory:
    """Load a file, and what it draws as a folder of pictures; both must have equal scores."""
    Path("samples").mkdir()
    for index, image in enumerate(row.images(N)[:, 0].numpy()):
        Image.fromarray(image).save(f"samples/{index:03}.png")
    for named, runs in ((source, "runs"), ("samples:samples", "runs-samples")):
        shown = load(aigc, named, runs)
        assert shown.code == 0, shown.stderr
    file, samples = (
        RunDirectory(*Path(runs).glob("*-loaded-*")) for runs in ("runs", "runs-samples")
    )
    [of_file], [of_samples] = file.score_records(), samples.score_records()
    assert of_file.images_sha256 == of_samples.images_sha256
    values = {metric.name: metric.value for metric in of_file.metrics}
    values.pop("label_accuracy", None)  # a folder says nothing of classes
    assert values == {metric.name: metric.value for metric in of_samples.metrics}
    assert values["fid"] is not None
    return file


@pytest.mark.parametrize("name", CASES)
def test_a_file_draws_what_its_network_draws(
    name: str, file_of: Callable[[str], Path], registry: Registry
) -> None:
    kind, save = CASES[name]
    network = foreign.made(kind)
    row = row_of(file_of(name), registry)
    assert row.spec.kind == KINDS[save]
    with torch.no_grad():
        raw = network(*inputs_of(network, N))
    images = 2.0 * raw - 1.0 if issubclass(kind, Plain) else raw
    expected = (127.5 * images + 128).floor().clamp(0, 255).to(torch.uint8)
    off = (row.images(N).int() - expected.int()).abs()
    assert off.max() <= 1  # another order of sums may cross the edge of a grey level
    assert (off > 0).float().mean() < 0.01
    assert len(expected.unique()) > 50
    assert row.warnings == ()
    if save is not onnx:  # whose weights hold what is folded into them
        assert row.n_parameters == sum(p.numel() for p in network.parameters())
    convention = row.spec.convention
    assert convention is not None
    forms = {ByClass: ("index", "after"), OneHotFirst: ("one-hot", "before")}
    expected_form = forms.get(kind, ("none", "after"))
    assert (convention.labels, convention.label_place) == expected_form
    assert torch.equal(row.images(9), row.images(N)[:9])


@pytest.mark.parametrize("name", ["traced", "exported", "onnx"])
def test_a_file_scores_as_its_samples(
    name: str, file_of: Callable[[str], Path], registry: Registry, aigc: Aigc
) -> None:
    row = row_of(file_of(name), registry)
    directory = scores_as_its_samples(aigc, file_of(name), row)
    record = directory.load_record()
    assert record is not None
    assert record.spec.kind == row.spec.kind


@pytest.mark.parametrize("save", [scripted, exported], ids=lambda save: save.__name__)
def test_noise_of_its_own_is_refused(
    save: Make, tmp_path: Path, registry: Registry, aigc: Aigc
) -> None:
    save(foreign.made(Restless), tmp_path / "x.bin")
    shown = load(aigc, tmp_path / "x.bin")
    assert shown.code == 3
    assert "draws random numbers of its own" in shown.stderr
    assert "samples:" in shown.stderr


def test_statistics_of_a_batch_are_refused_unless_the_file_allows_them(
    tmp_path: Path, registry: Registry, aigc: Aigc, file_of: Callable[[str], Path]
) -> None:
    training = foreign.made(ByClass).train()
    torch.jit.trace(training, inputs_of(training), check_trace=False).save(str(tmp_path / "x.bin"))
    shown = load(aigc, tmp_path / "x.bin")
    assert shown.code == 3
    assert "an image is another one when others stand beside it" in shown.stderr
    scripted = row_of(file_of("scripted"), registry, batch_norm="train")
    assert any("depends on its neighbours" in warning for warning in scripted.warnings)
    assert not torch.equal(scripted.images(N), row_of(file_of("scripted"), registry).images(N))
    shown = load(aigc, file_of("traced"), "runs", "--batch-norm", "train")
    assert shown.code == 3
    assert "has no batch normalisation" in shown.stderr


def reads_a_file(path: Path, _: Path) -> None:
    class Reads(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return z + torch.from_file("/etc/hostname", size=1)

    torch.jit.script(Reads()).save(str(path))


def writes_a_file(path: Path, _: Path) -> None:
    class Writes(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            torch.save(z, "written-by-a-model")
            return z

    torch.jit.script(Writes()).save(str(path))


def three_inputs(path: Path, _: Path) -> None:
    class Three(nn.Module):
        def forward(self, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
            return a + b + c

    torch.jit.script(Three()).save(str(path))


def cut(path: Path, good: Path) -> None:
    path.write_bytes(good.read_bytes()[:-300])


def changed_member(good: Path, path: Path, ending: str, change: Callable[[bytes], bytes]) -> None:
    """A copy of an archive in which one member is another one."""
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(
                info.filename, change(content) if info.filename.endswith(ending) else content
            )


def edited(good: Path, path: Path, old: str, new: str) -> None:
    def change(content: bytes) -> bytes:
        assert old.encode() in content
        return content.replace(old.encode(), new.encode())

    changed_member(good, path, "models/model.json", change)


def any_function(path: Path, good: Path) -> None:
    edited(good, path, "torch.ops.aten.tanh.default", "torch.os.system")


def a_file_as_tensor(path: Path, good: Path) -> None:
    edited(good, path, "torch.ops.aten.tanh.default", "torch.ops.aten.from_file.default")


def code_as_size(path: Path, good: Path) -> None:
    edited(good, path, "Symbol('s", "__import__('os').system('s")


def code_as_name(path: Path, good: Path) -> None:
    edited(good, path, '"name": "tanh"', '"name": "t=print(1)"')


def pickled_weight(path: Path, good: Path) -> None:
    def change(content: bytes) -> bytes:
        return content.replace(b'"use_pickle": false', b'"use_pickle": true')

    changed_member(good, path, "model_weights_config.json", change)


def compiled_code(path: Path, good: Path) -> None:
    changed_member(good, path, "none", bytes)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{archive.namelist()[0].split('/')[0]}/data/aotinductor/model/x.so", b"")


def changed_onnx(good: Path, path: Path, change: Callable[[Any], None]) -> None:
    import onnx as library

    model = library.load(str(good))
    change(model)
    path.write_bytes(model.SerializeToString())


def future_opset(path: Path, good: Path) -> None:
    changed_onnx(good, path, lambda model: setattr(model.opset_import[0], "version", 99))


def unknown_operator(path: Path, good: Path) -> None:
    changed_onnx(good, path, lambda model: setattr(model.graph.node[0], "op_type", "Foo"))


def foreign_operators(path: Path, good: Path) -> None:
    def change(model: Any) -> None:
        entry = model.opset_import.add()
        entry.domain, entry.version = "my.library", 1

    changed_onnx(good, path, change)


def weights_elsewhere(path: Path, good: Path) -> None:
    import onnx as library

    library.save_model(library.load(str(good)), str(path), save_as_external_data=True,
                       location="weights.bin.data", size_threshold=0)  # fmt: skip


def open_noise(path: Path, good: Path) -> None:
    def change(model: Any) -> None:
        [noise] = [one for one in model.graph.input if one.name == "z"]
        noise.type.tensor_type.shape.dim[1].dim_param = "k"

    changed_onnx(good, path, change)


def inputs_of_text(path: Path, good: Path) -> None:
    changed_onnx(
        good, path, lambda model: setattr(model.graph.input[0].type.tensor_type, "elem_type", 8)
    )


BAD: dict[Callable[[Path, Path], None], tuple[str | None, str, str]] = {
    reads_a_file: (None, "names 'torch.from_file'", "ONNX"),
    writes_a_file: (None, "names 'torch.save'", "ONNX"),
    three_inputs: (None, "takes a, b, c", "arguments alone"),
    cut: ("scripted", "not a readable archive", ""),
    any_function: ("exported", "the target 'torch.os.system'", "torch.export.save"),
    a_file_as_tensor: ("exported", "from_file", "torch.export.save"),
    code_as_size: ("exported", "the expr_str '__import__", "torch.export.save"),
    code_as_name: ("exported", "the name 't=print(1)'", "torch.export.save"),
    pickled_weight: ("exported", "as a pickle", "torch.export.save"),
    compiled_code: ("exported", "data/aotinductor/model/x.so", "torch.export.save"),
    future_opset: ("onnx", "is written in opset 99", "opset_version="),
    unknown_operator: ("onnx", "cannot run this graph", "standard operators"),
    foreign_operators: ("onnx", "needs operators of 'my.library'", "standard operators"),
    weights_elsewhere: ("onnx", "in another file", "save_as_external_data=False"),
    open_noise: ("onnx", "sizes of the noise are open", "--noise-shape"),
    inputs_of_text: ("onnx", "cannot run this graph", ""),
}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_a_bad_file_is_refused_in_a_sentence(
    make: Callable[[Path, Path], None], file_of: Callable[[str], Path], aigc: Aigc, tmp_path: Path
) -> None:
    good, message, remedy = BAD[make]
    path = tmp_path / "bad.onnx"
    make(path, file_of(good) if good else path)
    shown = load(aigc, path)
    assert shown.code == 3, shown.stderr
    assert "bad.onnx" in shown.stderr
    assert message in shown.stderr
    assert remedy in shown.stderr
    assert "Traceback" not in shown.stderr
    assert not Path("written-by-a-model").exists()
    assert not list(Path().glob("runs/*-loaded-*"))


def test_missing_extras_are_named(
    file_of: Callable[[str], Path], aigc: Aigc, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for package, source, extra in (
        ("onnxruntime", file_of("onnx"), "onnx"),
        ("huggingface_hub", "hf:some/model", "hub"),
    ):
        monkeypatch.setitem(sys.modules, package, None)
        shown = load(aigc, source)
        assert shown.code == 4
        assert f'pip install "aigc-bench[{extra}]"' in shown.stderr


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Fills a cache of the hub as its library lays it out; returns the folder of the repository."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    cache = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))

    def fill(name: str, commit: str, **files: bytes) -> Path:
        folder = cache / repo_folder_name(repo_id=name, repo_type="model")
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text(commit)
        (folder / "blobs").mkdir()
        for index, (file, content) in enumerate(files.items()):
            blob = folder / "blobs" / f"{index:064x}"
            blob.write_bytes(content)
            link = folder / "snapshots" / commit / file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(blob, link.parent))
        return folder

    return fill


COMMIT = "0123456789" * 4


def test_a_repository_in_the_hubs_cache_is_pinned(
    hub: Callable[..., Path], file_of: Callable[[str], Path], registry: Registry, aigc: Aigc
) -> None:
    content = file_of("scripted").read_bytes()
    folder = hub("some/model", COMMIT, **{"generator.pt": content, "README.md": b"# A model"})
    directory = scores_as_its_samples(aigc, "hf:some/model", row_of("hf:some/model", registry))
    record = directory.load_record()
    assert record is not None
    assert COMMIT in directory.load_json.read_text()
    assert record.spec.kind == "torchscript"
    same = row_of(f"hf:some/model@{COMMIT}:generator.pt", registry)
    assert same.spec.load_hash == record.load_hash
    (folder / "snapshots" / COMMIT / "other.pt").write_bytes(content)
    for source, code, words in (
        ("hf:some/model", 3, ("generator.pt, other.pt", f"hf:some/model@{COMMIT}:FILE")),
        ("hf:some/model:none.pt", 4, ("none.pt of some/model", "hf download some/model none.pt")),
        ("hf:some/model@v2:a.pt", 4, ("some/model@v2", "--revision v2")),
        ("hf:other/model", 4, ("other/model is not in the hub's cache", "hf download other/model")),
        ("hf:some", 2, ("no address of the hub",)),
    ):
        shown = load(aigc, source)
        assert shown.code == code, shown.stderr
        for word in words:
            assert word in shown.stderr
    outside = folder.parent / "outside.pt"
    outside.write_bytes(content)
    (folder / "snapshots" / COMMIT / "link.pt").symlink_to(outside)
    shown = load(aigc, "hf:some/model:link.pt")
    assert shown.code == 3
    assert "leads out of the cache" in shown.stderr


def test_an_export_is_loaded_by_what_it_says_of_itself(
    aigc: Aigc, tmp_path: Path, registry: Registry
) -> None:
    """A run, exported and loaded again, has the scores that the run's images have."""
    from test_export import finished

    run = finished(tmp_path, "vae", size=16)
    shown = aigc("bench", "export", run, "--format", "safetensors", "-o", "x.safetensors")
    assert shown.code == 0
    row = row_of("x.safetensors", registry)
    assert row.spec.kind == "export"
    from bench.sample.trained_model import load as load_run

    model = load_run(RunDirectory(run), CPU)
    assert torch.equal(row.images(N), model.sample("prior", N, seed=3))
    other = load(aigc, "x.safetensors", "others", "--truncation", "0.5")
    assert other.code == 3
    assert "its noise is normal, as it says itself, and not truncated" in other.stderr
    scores_as_its_samples(aigc, "x.safetensors", row)
    assert json.loads(next(Path("runs").glob("*/load.json")).read_text())["spec"]["seed"] == 3
