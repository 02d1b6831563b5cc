"""Two hundred damaged weight files: never an image from bytes that are not on record."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from fuzzing import aigc, damaged_bytes, fuzz, require_manners
from hypothesis import given
from hypothesis import strategies as st

from bench.score import image_source as images

TOKENS = (b"\0" * 8, b"\xff" * 8, b'"F32"', b"{", b"9999999999")
FILES = [
    ("vae", "weights.safetensors"),
    ("vae", "gmm-10.safetensors"),
    ("gan", "weights.safetensors"),
    ("gan", "weights-ema.safetensors"),
]


@pytest.fixture(autouse=True)
def _few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "N_FROM_RUN", 20)


def commands(run: Path) -> list[tuple[str, ...]]:
    return [
        ("bench", "sample", str(run), "--n", "4", "--out", "drawn.npy"),
        ("bench", "sample", str(run), "--n", "4", "--out", "drawn.png"),
        ("bench", "score", "--fake", str(run), "--extractor", "digits-cnn", "--metrics", "is"),
    ]


def drawn() -> list[Path]:
    return list(Path().glob("drawn.*"))


@pytest.mark.parametrize(("variant", "name"), FILES)
def test_damaged_weights(runs: Path, variant: str, name: str) -> None:
    (run,) = runs.glob(f"{variant}-*")
    file = run / name
    original = file.read_bytes()

    @fuzz(50)
    @given(content=damaged_bytes(original, TOKENS), command=st.sampled_from(commands(run)))
    def run_examples(content: bytes, command: tuple[str, ...]) -> None:
        if content == original:
            return
        file.write_bytes(content)
        shown = aigc(*command)
        require_manners(shown)
        assert shown.code == 3, shown
        assert name in shown.stderr
        assert not drawn()

    run_examples()
    file.write_bytes(original)
    for command in commands(run):
        assert aigc(*command).code == 0, command
    assert len(drawn()) == 2


@pytest.mark.parametrize(("variant", "name"), FILES)
def test_damaged_weights_that_a_forged_record_vouches_for(
    runs: Path, variant: str, name: str
) -> None:
    """Size and sha256 fit; so whatever is wrong inside has to be found there."""
    (run,) = runs.glob(f"{variant}-*")
    file = run / name
    original = file.read_bytes()
    record = json.loads((run / "train.json").read_bytes())
    (entry,) = [item for item in record["artifacts"] if item["path"] == name]

    @fuzz(40)
    @given(content=damaged_bytes(original[:1500], TOKENS), command=st.sampled_from(commands(run)))
    def run_examples(content: bytes, command: tuple[str, ...]) -> None:
        whole = content + original[1500:]
        file.write_bytes(whole)
        entry.update(sha256=hashlib.sha256(whole).hexdigest(), n_bytes=len(whole))
        (run / "train.json").write_text(json.dumps(record))
        shown = aigc(*command)
        require_manners(shown, Path.cwd())
        assert shown.code in (0, 3), shown
        assert (shown.code == 0) or not drawn(), shown
        for image in drawn():
            image.unlink()

    run_examples()
