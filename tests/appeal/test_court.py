"""How an appeal is heard: passes are counted, rules are stated, and files of strangers refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import CLONE, Aigc
from made_by_others import grid, moments, pytorch_fid, split
from PIL import Image

import bench
from bench.appeal.arithmetic import Reading, drawn
from bench.appeal.claim import ReadClaim, Resize, printed, read_claim
from bench.appeal.court import heard
from bench.appeal.pixels import luminance, resized, rounded, stored_as_jpeg
from bench.appeal.search import Ground, by_chance, by_plausibility
from bench.appeal.subject import SEEDS, Drawn, ImageSets, seen, subject_of
from bench.appeal.way import View
from bench.data import load_dataset, quantise
from bench.models.noise import ImageNoise
from bench.records.appeal_record import Change, Tried, read_appeal, write_appeal
from bench.score.extractors.digits_cnn import DigitsCNN
from catalog.errors import InvalidInput
from catalog.schema import Registry

CPU = torch.device("cpu")
RUN = CLONE / "reports/digits-quick/records/r1-gan-digits-s0-a911654c"
VQ_VAE = CLONE / "reports/digits-quick/records/vq-vae-digits-s0-590226c5"
VAE = CLONE / "reports/digits-quick/records/vae-digits-s0-eabce91e"

CLAIM = """\
schema_version: 1
id: mine
source: "a test"
about: {samples: "digits:test[:150]"}
reference: "digits:train[:200]"
metric: fid
value: 7.5
protocol: {extractor: digits-cnn}
"""


@pytest.fixture
def claim_of(tmp_path: Path) -> Callable[..., ReadClaim]:
    """A claim like ``CLAIM`` with some lines replaced."""

    def make(**lines: str) -> ReadClaim:
        kept = [line for line in CLAIM.splitlines() if line.partition(":")[0] not in lines]
        added = [f"{key}: {value}" for key, value in lines.items() if value]
        file = tmp_path / "mine.yaml"
        file.write_text("\n".join([*kept, *added]) + "\n")
        return read_claim(file)

    return make


# ---- claims -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("3.17", 3.165, 3.175),
        ("3.170", 3.1695, 3.1705),
        ("-0.02", -0.025, -0.015),
        ("1e-3", 0.0005, 0.0015),
        ("16897", 16896.5, 16897.5),
        ("35.7 M", 35.65e6, 35.75e6),
        ("3k", 2500.0, 3500.0),
    ],
)
def test_digits_say_within_what_a_number_holds(text: str, low: float, high: float) -> None:
    assert printed(text) == pytest.approx((low, high), rel=1e-12)


def test_trailing_zeros_of_a_yaml_number_count(claim_of: Callable[..., ReadClaim]) -> None:
    assert claim_of(value="7.50").claim.interval == pytest.approx((7.495, 7.505))
    assert claim_of(value='"7.5"').claim.interval == pytest.approx((7.45, 7.55))


@pytest.mark.parametrize(
    ("lines", "line", "rule"),
    [
        ({"metrik": "fid"}, 9, "unknown key (did you mean: metric?)"),
        ({"protocol": "{extractor: digits-cnn, layr: grid}"}, 8, "did you mean: layer"),
        ({"value": "seven"}, 8, "'seven' is not a number such as"),
        ({"reference": ""}, 1, "the metric 'fid' needs a reference"),
        ({"metric": "is"}, 1, "the metric 'is' has no reference"),
        ({"protocol": "{jpeg: 101, extractor: digits-cnn}"}, 8, "less than or equal to 100"),
        (
            {"protocol": "{kid_subsets: 10001, extractor: digits-cnn}"},
            8,
            "less than or equal to 10000",
        ),
        (
            {"protocol": "{truncation: 1.0e-9, extractor: digits-cnn}"},
            8,
            "greater than or equal to 0.01",
        ),
        ({"protocol": "{jpeg: 75}"}, 1, "protocol.extractor is required"),
        ({"about": "{samples: a, run: b}"}, 8, "exactly one of samples, run and variant"),
        ({"about": "{variant: dcgan, dataset: digits}"}, 1, "parameters are counted of a variant"),
        ({"value": "&a 7.5"}, 8, "anchors and aliases are not supported"),
        ({"source": ""}, 1, "this key is required"),
    ],
)
def test_a_broken_claim_is_refused_with_file_line_and_rule(
    claim_of: Callable[..., ReadClaim], lines: dict[str, str], line: int, rule: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        claim_of(**lines)
    [what, do] = refused.value.lines()
    assert f"mine.yaml:{line}: " in what
    assert rule in what
    assert "docs/appeals.md" in do


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ({"protocol": "{extractor: digits-cnn, layer: gird}"}, "has no layer 'gird'"),
        ({"protocol": "{extractor: digits-cnn, n_images: 151}"}, "of 151 images"),
        ({"protocol": "{extractor: digits-cnn, weights: ema}"}, "only a run has weights"),
        (
            {"protocol": "{extractor: pixel-identity, resize: {filter: box}}"},
            "reads images of any size",
        ),
        (
            {"protocol": "{extractor: digits-cnn, resize: {filter: box, to: 8}}"},
            "reads 16 x 16 images, not 8",
        ),
        (
            {"about": '{samples: "digits:test", transform: [{blurr: 1}]}'},
            "no transform is called 'blurr' (did you mean: blur?)",
        ),
        ({"about": '{samples: "digits:test[:0]"}'}, "the first N images, so N is 1 or more"),
        ({"about": '{samples: "digits:tset"}'}, "mine.yaml: about.samples: .* no split 'tset'"),
        (
            {
                "about": f'{{run: "{VQ_VAE.as_posix()}"}}',
                "protocol": "{extractor: digits-cnn, batch_norm: train}",
            },
            "mine.yaml: protocol.batch_norm: .* has no batch norm",
        ),
        ({"protocol": "{extractor: digits-cn}"}, "mine.yaml: protocol.extractor: .*digits-cn'"),
        (
            {
                "about": "{variant: dcgann, dataset: digits}",
                "metric": "parameters",
                "reference": "",
                "protocol": "",
            },
            "mine.yaml: about.variant: .*dcgann'",
        ),
        (
            {
                "about": "{variant: dcgan, dataset: digit}",
                "metric": "parameters",
                "reference": "",
                "protocol": "",
            },
            "mine.yaml: about.dataset: .*digit'",
        ),
    ],
)
def test_what_a_judge_or_images_have_not_is_refused(
    claim_of: Callable[..., ReadClaim], registry: Registry, lines: dict[str, str], what: str
) -> None:
    with pytest.raises(InvalidInput, match=what.replace("(", r"\(").replace("?)", r"\?\)")):
        heard(claim_of(**lines), registry, CPU)


@pytest.mark.parametrize("reference", ["digits:tset", "digit:test", "digits:train+tset"])
def test_an_unknown_reference_is_found_before_any_pass(
    claim_of: Callable[..., ReadClaim], registry: Registry, reference: str
) -> None:
    told: list[str] = []
    with pytest.raises(InvalidInput, match=r"mine\.yaml: reference: .*(tset|digit)'"):
        heard(claim_of(reference=f'"{reference}"'), registry, CPU, told.append)
    assert not told


# ---- the rule, and its ranking ----------------------------------------------------------------


def one(value: float, *axes: str, contradicts: bool = False, half_width: float = 0.0) -> Tried:
    return Tried(
        changes=tuple(Change(axis=axis, stated="a", tried="b") for axis in axes),  # type: ignore[arg-type]
        value=value,
        half_width=half_width,
        comes_out=Ground((9.95, 10.05), 1e-3).holds(Reading(value, half_width)),
        contradicts=contradicts,
        passes=0,
    )


@pytest.mark.parametrize(
    ("value", "half_width", "comes_out"),
    [
        (10.0, 0.0, True),
        (10.059, 0.0, True),
        (10.061, 0.0, False),
        (9.941, 0.0, True),
        (9.939, 0.0, False),
        (10.3, 0.24, True),
        (10.3, 0.23, False),
    ],
)
def test_a_claim_comes_out_within_its_digits_arithmetic_and_draws(
    value: float, half_width: float, comes_out: bool
) -> None:
    assert Ground((9.95, 10.05), 1e-3).holds(Reading(value, half_width)) is comes_out


def test_explanations_are_ranked_by_plausibility() -> None:
    tried = [
        one(10.0, "n_images", "jpeg"),
        one(10.0, "rounding"),
        one(10.0, "reference", contradicts=True),
        one(10.04, "jpeg"),
        one(10.01, "jpeg"),
        one(11.0, "n_images"),
    ]
    ranked = by_plausibility(tried, 10.0)
    assert [tried.index(found) for found in ranked] == [4, 3, 1, 2, 0]


def test_the_chance_of_a_made_up_number_is_the_share_that_comes_out() -> None:
    ground = Ground((9.95, 10.05), 0.0)
    # Of 6 .. 10, the windows 6.95 .. 7.05 and, by half, 9.95 .. 10.05 come out; 20 is farther off.
    tried = [one(7.0, "jpeg"), one(7.0, "rounding"), one(10.0, "n_images"), one(20.0, "labels")]
    assert by_chance(tried, Reading(8.0), ground, []) == pytest.approx(0.15 / 4)
    assert by_chance([], Reading(8.0), ground, []) == 0.0
    # What is vaguer than the best explanation says nothing of how sharp that one is.
    vague = [*tried, one(9.0, "isc_splits", half_width=0.3)]
    assert by_chance(vague, Reading(8.0), ground, []) == pytest.approx((0.15 + 0.7) / 4)
    assert by_chance(vague, Reading(8.0), ground, vague[2:3]) == pytest.approx(0.15 / 4)


def test_one_more_draw_lies_within_the_half_width() -> None:
    rng = np.random.default_rng(0)
    draws = rng.normal(5.0, 2.0, (4000, 4))
    inside = [
        abs(last - found.value) <= found.half_width
        for *some, last in draws.tolist()
        for found in [drawn(some)]
    ]
    assert np.mean(inside) == pytest.approx(0.99, abs=0.006)


# ---- pixels -----------------------------------------------------------------------------------


def test_roundings_differ_where_they_should() -> None:
    values = torch.tensor([0.4, 0.5, 1.5, 1.6, 254.6, 255.0]).reshape(1, 1, 1, 6)
    expected = {
        "floor": [0, 1, 2, 2, 255, 255],
        "round": [0, 0, 2, 2, 255, 255],
        "truncate": [0, 0, 1, 1, 254, 255],
    }
    for rounding, pixels in expected.items():
        assert rounded(values, rounding).flatten().tolist() == pixels  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["box", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [5, 23])
def test_resizes_are_pillows(name: str, size: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (16, 16), dtype=np.uint8)
    by_pillow = Image.fromarray(pixels.astype(np.float32)).resize(
        (size, size), getattr(Image.Resampling, name.upper())
    )
    found = resized(torch.from_numpy(pixels)[None, None], Resize(filter=name), size)  # type: ignore[arg-type]
    np.testing.assert_allclose(found[0, 0].numpy(), np.asarray(by_pillow).clip(0, 255), atol=2e-3)


@pytest.mark.parametrize("rounding", ["floor", "round", "truncate"])
def test_images_of_a_run_are_rounded_as_asked(rounding: Any) -> None:
    values = torch.tensor([0.0, 0.4, 0.5, 1.5, 1.6, 100.2, 254.6, 255.0]).reshape(1, 1, 1, 8)
    view = View("digits-cnn", None, None, rounding)
    draw = seen(lambda _noise, _labels: (values - 127.5) / 127.5, view)
    made = quantise(draw(ImageNoise(0, range(1)), torch.zeros(1, dtype=torch.int64)).clone())
    assert made.tolist() == rounded(values, rounding).tolist()


def test_truncated_noise_has_no_tails_and_is_each_images_own() -> None:
    def drawn_by(indices: range) -> torch.Tensor:
        found: list[torch.Tensor] = []

        def keep(noise: ImageNoise, labels: torch.Tensor) -> torch.Tensor:
            found.append(noise.normal(500))
            return labels

        view = View("digits-cnn", None, None, truncation=0.5)
        seen(keep, view)(ImageNoise(3, indices), torch.zeros(len(indices)))
        return found[0]

    both = drawn_by(range(2))
    assert both.abs().max() <= 0.5
    assert both.std() == pytest.approx(0.2837, rel=0.1)  # of a normal cut off at 0.5
    assert (both[0] != both[1]).all()


def test_noise_within_a_narrow_bound_is_had_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    for name in ("normal", "uniform"):
        real = getattr(ImageNoise, name)

        def counted(self: ImageNoise, n: int, real: Any = real) -> torch.Tensor:
            calls.append(n)
            assert len(calls) < 100, "draws again and again"
            found: torch.Tensor = real(self, n)
            return found

        monkeypatch.setattr(ImageNoise, name, counted)
    found: list[torch.Tensor] = []

    def keep(noise: ImageNoise, labels: torch.Tensor) -> torch.Tensor:
        found.append(noise.normal(2000))
        return labels

    seen(keep, View("digits-cnn", None, None, truncation=0.01))(ImageNoise(3, [0]), torch.zeros(1))
    [noise] = found
    assert noise.abs().max() <= np.float32(0.01)
    assert noise.std() == pytest.approx(0.01 / np.sqrt(3), rel=0.05)  # all but uniform


def test_luminance_and_jpeg_are_pillows() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (2, 3, 16, 16), dtype=np.uint8)
    images = torch.from_numpy(pixels)
    first = Image.fromarray(pixels[0].transpose(1, 2, 0))
    assert (luminance(images)[0, 0].numpy() == np.asarray(first.convert("L"))).all()
    assert stored_as_jpeg(images, 75).shape == images.shape
    assert stored_as_jpeg(images[:, :1], 75).shape == (2, 1, 16, 16)


# ---- passes -----------------------------------------------------------------------------------


def test_pixels_pass_once_a_view_and_the_rest_is_arithmetic(
    claim_of: Callable[..., ReadClaim], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[bytes] = []
    real = DigitsCNN.forward

    def counted(self: DigitsCNN, images: Any) -> Any:
        batches.append(images.numpy().tobytes())
        return real(self, images)

    monkeypatch.setattr(DigitsCNN, "forward", counted)
    pixels = {"id": "digits-pixels", "extractor": "pixel-identity"}
    usual = registry.protocol("digits-10k")
    protocols = (*registry.protocols, usual.model_copy(update=pixels))
    with_two_judges = registry.model_copy(update={"protocols": protocols})
    found = heard(claim_of(value="0.001"), with_two_judges, CPU)
    assert found.verdict == "not-explained"
    assert len(found.tried) > 25
    by_axis = {
        axis: {one.passes for one in found.tried if [c.axis for c in one.changes] == [axis]}
        for axis in (
            "extractor",
            "jpeg",
            "reference",
            "n_images",
            "n_reference",
            "layer",
            "covariance",
            "root",
        )
    }
    assert by_axis == {
        "extractor": {2},
        "jpeg": {1},
        "reference": {1},
        "n_images": {0},
        "n_reference": {0},
        "layer": {0},
        "covariance": {0},
        "root": {0},
    }
    assert all(one.passes == 0 for one in found.tried if len(one.changes) > 1)
    # Both sets, four qualities of JPEG, two other references, both sets under pixel-identity.
    assert found.passes == 2 + 4 + 2 + 2
    # The first two batches of digits:test[:200] are also those of what the claim is about.
    assert len(batches) == len(set(batches)) + 2


def test_a_balanced_choice_of_images_is_found_out(
    claim_of: Callable[..., ReadClaim], registry: Registry
) -> None:
    labels = load_dataset(registry.dataset("digits"))["test"].labels.numpy()
    chosen = np.sort(np.concatenate([np.flatnonzero(labels == k)[:30] for k in range(10)]))
    value = pytorch_fid(grid(split("digits", "test")[chosen]), grid(split("digits", "train")))
    lines = {"about": '{samples: "digits:test"}', "reference": '"digits:train"'}
    protocol = "{extractor: digits-cnn, n_images: 300}"
    found = heard(claim_of(**lines, protocol=protocol, value=f"{value:.6g}"), registry, CPU)
    assert [change.tried for change in found.explained_by[0].changes] == ["balanced"]


# ---- files, statistics and runs ---------------------------------------------------------------


def test_samples_and_statistics_are_handed_over_by_path(
    aigc: Aigc, tmp_path: Path, registry: Registry
) -> None:
    pictures = tmp_path / "samples"
    pictures.mkdir()
    images = split("digits", "test")[:60]
    for index, image in enumerate(images):
        Image.fromarray(image[..., 0]).save(pictures / f"{index:03}.jpg", quality=75)
    mu, sigma = moments(grid(split("digits", "train")[:150]))
    np.savez(tmp_path / "theirs.npz", mu=mu, sigma=sigma)
    stored = np.stack([np.asarray(Image.open(f))[..., None] for f in sorted(pictures.iterdir())])
    value = pytorch_fid(grid(stored), grid(split("digits", "train")[:150]))
    lines = CLAIM.replace('"digits:test[:150]"', '"samples"').replace("7.5", f"{value:.5g}")
    (tmp_path / "readme.yaml").write_text(lines.replace('"digits:train[:200]"', '"theirs.npz"'))
    shown = aigc("bench", "appeal", "readme.yaml", "--json", "-o", "out")
    assert shown.code == 0, shown.stderr
    [item] = json.loads(shown.stdout)["items"]
    assert item["verdict"] == "reproduced"
    assert read_appeal(tmp_path / "out" / "mine.json").passes == 1


def test_a_run_draws_anew_and_its_weights_and_modes_are_deviations(
    claim_of: Callable[..., ReadClaim], registry: Registry
) -> None:
    lines = {"about": f'{{run: "{RUN.as_posix()}"}}', "reference": '"digits:train"'}
    lines["protocol"] = "{extractor: digits-cnn, n_images: 60}"
    found = heard(claim_of(**lines, value="1e-9"), registry, CPU)
    opened = bench.open_run(RUN)
    seed, real = opened.record.spec.seed, grid(split("digits", "train"))

    def theirs(draw: int, *, ema: bool) -> float:
        images = opened.sample(60, seed=seed + draw, ema=ema)
        return pytorch_fid(grid(images.permute(0, 2, 3, 1).numpy()), real)

    draws = [theirs(draw, ema=True) for draw in range(SEEDS)]
    assert found.value == pytest.approx(np.mean(draws), rel=1e-4)
    spread = np.std(draws, ddof=1) * np.sqrt(1 + 1 / SEEDS)
    assert found.half_width == pytest.approx(3.4995 * spread, rel=1e-3)  # Student's t, 7 degrees
    alone = {one.changes[0].axis: one for one in found.tried if len(one.changes) == 1}
    assert {"batch_norm", "truncation", "rounding", "jpeg", "weights"} <= alone.keys()
    assert alone["weights"].changes[0].tried == "raw"
    assert alone["weights"].value == pytest.approx(theirs(0, ema=False), rel=1e-4)
    assert alone["batch_norm"].value != pytest.approx(draws[0], rel=1e-3)


def test_a_sampler_that_was_fitted_afterwards_is_appealed_with_its_weights(
    claim_of: Callable[..., ReadClaim], registry: Registry
) -> None:
    lines = {"about": f'{{run: "{VAE.as_posix()}"}}', "reference": '"digits:train"'}
    lines["protocol"] = "{extractor: digits-cnn, n_images: 60, sampler: gmm-10, weights: WEIGHTS}"
    opened, view = bench.open_run(VAE), View("digits-cnn", None, None)
    claim = claim_of(**lines | {"protocol": lines["protocol"].replace("WEIGHTS", "raw")}).claim
    subject = subject_of(claim, ImageSets(registry, CPU))
    assert isinstance(subject, Drawn)
    for weights in subject.weights:
        theirs = opened.sample(60, sampler="gmm-10", seed=subject.draws[0], ema=weights == "ema")
        mine = subject.images(view._replace(weights=weights), subject.draws[0])
        assert torch.equal(mine, theirs)
        assert not torch.equal(mine, opened.sample(60, seed=subject.draws[0], ema=weights == "ema"))
    lines["protocol"] = "{extractor: digits-cnn, sampler: reconstruction}"
    with pytest.raises(InvalidInput, match="has no sampler 'reconstruction'") as refused:
        heard(claim_of(**lines), registry, CPU)
    assert "gmm-10" in str(refused.value.hint)


class TheirGenerator(torch.nn.Module):
    """Somebody's small network, which came with a README."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(8, 256)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.fc(z)).reshape(-1, 1, 16, 16)


def test_the_readme_of_somebodys_checkpoint_is_appealed_by_path(
    aigc: Aigc, tmp_path: Path, registry: Registry
) -> None:
    torch.manual_seed(0)
    model = TheirGenerator().eval()
    torch.jit.script(model).save(str(tmp_path / "their.pt"))
    loaded = aigc(
        *("bench", "load", "their.pt", "--as", "theirs", "--dataset", "digits"),
        *("--noise-shape", "8", "--limit", "50", "-o", "runs"),
    )
    assert loaded.code == 0, loaded.stderr
    [run] = (tmp_path / "runs").glob("theirs-*")
    # What their README says was made by their own code: truncated noise, which it does not mention.
    noise = np.random.default_rng(5).standard_normal((4000, 8)).astype(np.float32)
    kept = torch.from_numpy(noise[np.abs(noise).max(axis=1) <= 1.0][:200])
    with torch.no_grad():
        pixels = ((model(kept) + 1) / 2 * 255 + 0.5).floor().to(torch.uint8)
    theirs = pytorch_fid(grid(pixels.permute(0, 2, 3, 1).numpy()), grid(split("digits", "train")))
    lines = CLAIM.replace('{samples: "digits:test[:150]"}', f'{{run: "runs/{run.name}"}}')
    lines = lines.replace("[:200]", "").replace("7.5", f"{theirs:.4g}")
    (tmp_path / "readme.yaml").write_text(
        lines.replace("digits-cnn}", "digits-cnn, n_images: 200}")
    )
    found = heard(read_claim(tmp_path / "readme.yaml"), registry, CPU)
    assert found.verdict == "explained"
    best = found.explained_by[0].changes
    assert [(change.axis, change.tried) for change in best] == [("truncation", "1")]
    for said in ("batch_norm: train", "sampler: prior", "weights: raw", "weights: ema"):
        (tmp_path / "readme.yaml").write_text(lines.replace("digits-cnn", f"digits-cnn, {said}"))
        shown = aigc("bench", "appeal", "readme.yaml")
        assert shown.code == 3
        key = said.partition(":")[0]
        assert f"readme.yaml: protocol.{key}: run:runs/{run.name} was loaded" in shown.stderr
        assert f"do:    leave {key} out" in shown.stderr
    loaded = aigc(
        *("bench", "load", "their.pt", "--as", "even", "--dataset", "digits", "--noise", "uniform"),
        *("--noise-shape", "8", "--limit", "50", "-o", "runs"),
    )
    assert loaded.code == 0, loaded.stderr
    [even] = (tmp_path / "runs").glob("even-*")
    said = lines.replace(run.name, even.name).replace("digits-cnn", "digits-cnn, truncation: 0.5")
    (tmp_path / "readme.yaml").write_text(said)
    shown = aigc("bench", "appeal", "readme.yaml")
    assert shown.code == 3
    assert "readme.yaml: protocol.truncation: " in shown.stderr


def test_a_record_that_was_tampered_with_is_refused(
    claim_of: Callable[..., ReadClaim], registry: Registry, tmp_path: Path
) -> None:
    record = heard(claim_of(value="0.001"), registry, CPU)
    file = write_appeal(record, tmp_path)
    assert read_appeal(file).claim_sha256 == record.claim_sha256
    for old, new in (('"not-explained"', '"explained"'), ('"id": "mine"', '"id": "other"')):
        changed = tmp_path / "changed" / file.name
        changed.parent.mkdir(exist_ok=True)
        changed.write_text(file.read_text().replace(old, new))
        with pytest.raises(InvalidInput, match="do not agree"):
            read_appeal(changed)
    file.write_text("{}")
    with pytest.raises(InvalidInput, match="no record of an appeal"):
        read_appeal(file)


def test_exit_codes_and_lists(aigc: Aigc, tmp_path: Path) -> None:
    listed = aigc("bench", "appeal")
    assert listed.code == 0
    assert "digits-fd-pytorch-fid" in listed.stdout
    assert aigc("bench", "appeal", "article-listing-size").code == 0
    explained = aigc("bench", "appeal", "dcgan-example-size")
    assert explained.code == 0
    assert "explained by setting latent_dim 100 instead of latent_dim 128" in explained.stdout
    lost = aigc("bench", "appeal", "ddpm-cifar10-size")
    assert lost.code == 5
    assert "not explained: ddpm-cifar10-size" in lost.stderr
    unknown = aigc("bench", "appeal", "ddpm-cifar10-siz")
    assert unknown.code == 2
    assert "did you mean: ddpm-cifar10-size" in unknown.stderr
    assert aigc("bench", "appeal", "absent.yaml").code == 4
    assert aigc("bench", "appeal", "--all", "article-listing-size").code == 2
    (tmp_path / "broken.yaml").write_text(CLAIM + "more: 1\n")
    broken = aigc("bench", "appeal", "broken.yaml")
    assert broken.code == 3
    assert "broken.yaml:9: more: unknown key" in broken.stderr
    (tmp_path / "split.yaml").write_text(CLAIM.replace("digits:test", "digits:tset"))
    shown = aigc("bench", "appeal", "split.yaml")
    assert shown.code == 3
    assert "split.yaml: about.samples: data set 'digits' has no split 'tset'" in shown.stderr
    assert "do:    mend the claim" in shown.stderr
    endless = aigc("bench", "appeal", "a" * 5000)
    assert endless.code == 2
    assert "no appeal is registered as 'aaa" in endless.stderr
