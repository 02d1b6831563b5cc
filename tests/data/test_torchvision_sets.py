"""Data sets in the files of their publishers: small ones in the true format, whole and damaged.

Torchvision knows the digests of the published files. Those of the files made here take their place,
so that its check is at work in every test: a file that is damaged afterwards is noticed by it.
"""

from __future__ import annotations

import hashlib
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10, MNIST, STL10, CelebA, FashionMNIST

from bench.data import celeba, cifar10, fashion, mnist, stl10
from bench.data.dataset import ImageSplit
from catalog.errors import MissingPrerequisite

Patch = pytest.MonkeyPatch
Decoder = Callable[..., dict[str, ImageSplit]]


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def written(path: Path, content: bytes) -> str:
    """The md5 of a file after writing it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def idx(pixels: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{pixels.ndim}I", 0, 0, 8, pixels.ndim, *pixels.shape) + bytes(pixels)


def make_mnist(root: Path, patch: Patch, name: str = "MNIST") -> Path:
    for seed, part in enumerate(("train", "t10k")):
        n = 6 - 2 * seed
        written(root / name / "raw" / f"{part}-images-idx3-ubyte", idx(noise(seed, n, 28, 28)))
        written(
            root / name / "raw" / f"{part}-labels-idx1-ubyte", idx(np.arange(n, dtype=np.uint8))
        )
    return root / name / "raw" / "train-images-idx3-ubyte"


def make_fashion(root: Path, patch: Patch) -> Path:
    return make_mnist(root, patch, "FashionMNIST")


def make_cifar(root: Path, patch: Patch) -> Path:
    folder = root / "cifar-10-batches-py"

    def batch(name: str, seed: int) -> list[str]:
        data = {"data": noise(seed, 4, 3072), "labels": [seed, 1, 2, 9]}
        return [name, written(folder / name, pickle.dumps(data))]

    patch.setattr(CIFAR10, "train_list", [batch(f"data_batch_{i}", i) for i in range(1, 6)])
    patch.setattr(CIFAR10, "test_list", [batch("test_batch", 0)])
    meta = pickle.dumps({"label_names": [str(label) for label in range(10)]})
    md5 = written(folder / "batches.meta", meta)
    patch.setattr(CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": md5})
    return folder / "data_batch_3"


FACES = {"train": 5, "valid": 3, "test": 4}
ATTRIBUTES = ["Bald", "Male", "Pale_Skin", "Smiling", "Young"]


def make_celeba(root: Path, patch: Patch) -> Path:
    folder = root / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    names = [f"{index + 1:06}.jpg" for index in range(sum(FACES.values()))]
    for index, name in enumerate(names):
        Image.fromarray(face(index)).save(folder / "img_align_celeba" / name, quality=95)
    parts = [part for part, n in enumerate(FACES.values()) for _ in range(n)]
    flags = np.where(noise(7, len(names), len(ATTRIBUTES)) > 127, 1, -1)
    n, four, ten = len(names), "1 2 3 4", "1 2 3 4 5 6 7 8 9 10"
    tables = {
        "list_eval_partition.txt": [
            f"{name} {part}" for name, part in zip(names, parts, strict=True)
        ],
        "identity_CelebA.txt": [f"{name} 1" for name in names],
        "list_bbox_celeba.txt": [n, "image_id a b c d", *(f"{name} {four}" for name in names)],
        "list_landmarks_align_celeba.txt": [n, "x " * 10, *(f"{name} {ten}" for name in names)],
        "list_attr_celeba.txt": [
            *(n, " ".join(ATTRIBUTES) + " "),
            *(f"{name}  {' '.join(map(str, row))}" for name, row in zip(names, flags, strict=True)),
        ],
    }
    patch.setattr(
        *(CelebA, "file_list"),
        [
            ("", written(folder / name, "\n".join(map(str, lines)).encode() + b"\n"), name)
            for name, lines in tables.items()
        ],
    )
    return folder / "list_attr_celeba.txt"


def face(index: int) -> np.ndarray:
    """178 x 218 pixels: white but for the middle 148 x 148, whose smooth colours tell who it is."""
    pixels = np.full((218, 178, 3), 255, dtype=np.uint8)
    inside = pixels[35:183, 15:163]
    inside[..., 0], inside[..., 1], inside[..., 2] = 10 * index, 100, np.arange(148)[:, None]
    return pixels


def make_stl(root: Path, patch: Patch) -> Path:
    folder = root / "stl10_binary"

    def file(name: str, content: np.ndarray) -> list[str]:
        return [name, written(folder / name, bytes(content))]

    unlabelled = file("unlabeled_X.bin", noise(3, 7, 3, 96, 96))
    labels = np.array([1, 10, 5, 2, 3], dtype=np.uint8)  # of 1 .. 10
    train = [file("train_X.bin", noise(1, 5, 3, 96, 96)), file("train_y.bin", labels)]
    patch.setattr(STL10, "train_list", [*train, unlabelled])
    test = [file("test_X.bin", noise(2, 3, 3, 96, 96)), file("test_y.bin", labels[:3])]
    patch.setattr(STL10, "test_list", test)
    return folder / "unlabeled_X.bin"


SETS = {
    "mnist": (mnist.decode, make_mnist, {"train": (6, 1, 32, 32), "test": (4, 1, 32, 32)}),
    "fashion": (fashion.decode, make_fashion, {"train": (6, 1, 32, 32), "test": (4, 1, 32, 32)}),
    "cifar10": (cifar10.decode, make_cifar, {"train": (20, 3, 32, 32), "test": (4, 3, 32, 32)}),
    "celeba": (
        *(celeba.decode, make_celeba),
        {"train": (5, 3, 64, 64), "validation": (3, 3, 64, 64), "test": (4, 3, 64, 64)},
    ),
    "stl10": (
        *(stl10.decode, make_stl),
        {"train": (7, 3, 48, 48), "judge": (5, 3, 48, 48), "test": (3, 3, 48, 48)},
    ),
}


@pytest.fixture(params=SETS)
def made(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Patch) -> SimpleNamespace:
    """One of the data sets, its files, and one of those that can be damaged."""
    decode, make, shapes = SETS[request.param]
    return SimpleNamespace(
        decode=decode, file=make(tmp_path, monkeypatch), shapes=shapes, root=tmp_path
    )


def test_all_splits_are_there(made: SimpleNamespace) -> None:
    splits = made.decode(made.root, download=False)
    assert {name: tuple(split.images.shape) for name, split in splits.items()} == made.shapes
    for split in splits.values():
        assert split.images.dtype == torch.uint8
        assert split.labels.dtype == torch.int64
        assert len(split.labels) == len(split.images)


class Reached(Exception):
    """The library was about to use the network."""


def test_nothing_is_fetched_unless_asked(tmp_path: Path, monkeypatch: Patch) -> None:
    def reached(*_: object, **__: object) -> None:
        raise Reached

    monkeypatch.setattr("urllib.request.urlopen", reached)
    for made in (MNIST, FashionMNIST, CIFAR10, CelebA, STL10):
        monkeypatch.setattr(made, "download", reached)
    for name, (decode, _, _) in SETS.items():
        with pytest.raises(MissingPrerequisite) as refused:
            decode(tmp_path / name, download=False)
        assert str(tmp_path / name) in str(refused.value.where)
        for option in ("--data-dir", "--download"):
            assert option in str(refused.value.hint)
        with pytest.raises(Reached):  # so the switch does arrive at the library
            decode(tmp_path / name, download=True)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def overwritten(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[:40] = b"\xff" * 40
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("damage", [cut_short, emptied, overwritten, Path.unlink])
def test_damage_is_a_missing_prerequisite(
    made: SimpleNamespace, damage: Callable[[Path], None]
) -> None:
    damage(made.file)
    with pytest.raises(MissingPrerequisite, match="is not complete in this folder") as refused:
        made.decode(made.root, download=False)
    assert "--download" in str(refused.value.hint)


def test_mnist_is_padded_with_zeros(tmp_path: Path, monkeypatch: Patch) -> None:
    make_mnist(tmp_path, monkeypatch)
    split = mnist.decode(tmp_path, download=False)["train"]
    expected = np.zeros((6, 32, 32), dtype=np.uint8)
    expected[:, 2:30, 2:30] = noise(0, 6, 28, 28)
    assert np.array_equal(split.images[:, 0].numpy(), expected)
    assert split.labels.tolist() == [0, 1, 2, 3, 4, 5]


def test_cifar_has_its_channels_first(tmp_path: Path, monkeypatch: Patch) -> None:
    make_cifar(tmp_path, monkeypatch)
    split = cifar10.decode(tmp_path, download=False)["test"]
    assert np.array_equal(split.images.numpy(), noise(0, 4, 3072).reshape(4, 3, 32, 32))
    assert split.labels.tolist() == [0, 1, 2, 9]


def test_faces_are_cropped_to_the_middle(tmp_path: Path, monkeypatch: Patch) -> None:
    make_celeba(tmp_path, monkeypatch)
    splits = celeba.decode(tmp_path, download=False)
    assert [int(image[0].float().mean().round()) // 10 for image in splits["test"].images + 3] == [
        *(8, 9, 10, 11)
    ]
    image = splits["train"].images[0].float()  # 148 rows from 0 to 147 become 64
    ramp = (torch.arange(64) + 0.5) * 148 / 64 - 0.5
    assert (image[2].mean(dim=1) - ramp)[2:-2].abs().max() < 3.0  # JPEG
    assert (image[1, 3:-3, 3:-3] - 100).abs().max() < 8.0  # nothing of the white border


def test_labels_of_faces(tmp_path: Path, monkeypatch: Patch) -> None:
    make_celeba(tmp_path, monkeypatch)
    flags = noise(7, 12, len(ATTRIBUTES)) > 127
    expected = 2 * flags[:, 1] + flags[:, 3]
    assert len(set(expected.tolist())) > 2
    splits = celeba.decode(tmp_path, download=False)
    found = [label for split in splits.values() for label in split.labels.tolist()]
    assert found == expected.tolist()


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (lambda file: file.read_bytes()[:-300], "truncated"),
        (lambda _: b"", "cannot identify"),
        (lambda _: b"GIF89a", "cannot identify|truncated|not enough|unpack"),
        (None, "No such file"),
    ],
)
def test_a_damaged_face_is_named(
    content: Callable[[Path], bytes] | None, rule: str, tmp_path: Path, monkeypatch: Patch
) -> None:
    make_celeba(tmp_path, monkeypatch)
    file = tmp_path / "celeba" / "img_align_celeba" / "000007.jpg"
    file.unlink() if content is None else file.write_bytes(content(file))
    with pytest.raises(MissingPrerequisite, match=rf"000007\.jpg.*({rule})|({rule}).*000007\.jpg"):
        celeba.decode(tmp_path, download=False)


def test_a_face_of_another_size_is_named(tmp_path: Path, monkeypatch: Patch) -> None:
    make_celeba(tmp_path, monkeypatch)
    Image.new("RGB", (178, 178)).save(tmp_path / "celeba" / "img_align_celeba" / "000002.jpg")
    with pytest.raises(MissingPrerequisite, match=r"000002\.jpg: is 178 x 178"):
        celeba.decode(tmp_path, download=False)


def test_stl_is_halved_and_its_unlabelled_images_are_a_class(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    make_stl(tmp_path, monkeypatch)
    splits = stl10.decode(tmp_path, download=False)
    assert splits["train"].labels.tolist() == [10] * 7
    assert splits["judge"].labels.tolist() == [0, 9, 4, 1, 2]
    upright = noise(2, 3, 3, 96, 96).transpose(0, 1, 3, 2).astype(float)  # stored by columns
    means = upright.reshape(3, 3, 48, 2, 48, 2).mean(axis=(3, 5))
    found = splits["test"].images.numpy().astype(float)
    assert np.corrcoef(found.ravel(), means.ravel())[0, 1] > 0.9
    assert np.abs(found.mean(axis=(2, 3)) - means.mean(axis=(2, 3))).max() < 1.5
