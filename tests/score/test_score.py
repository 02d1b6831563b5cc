"""Scores: bit-identity with stock torch-fidelity, properties of the metrics, and refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from torch_fidelity import calculate_metrics
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY
from typer.testing import CliRunner

from bench.cli.verbs import checks
from bench.cli.verbs import extractors as extractor_commands
from bench.cli.verbs import score as score_commands
from bench.data import ImageData, load_dataset
from bench.identity.protocol import ScoringProtocol, resolve
from bench.records.metric_names import MetricName
from bench.score.calibration import calibration_images
from bench.score.extractors import FeatureExtractor, load_extractor
from bench.score.extractors.pixel_identity import PixelIdentity
from bench.score.features import Features, extract
from bench.score.metrics import (
    TooFewImages,
    frechet_distance,
    inception_score,
    kernel_distance,
)
from bench.score.scorer import GROUPS, Scorer, Settings, score_features
from catalog.errors import InvalidInput, UsageError
from catalog.read.loader import load_registry
from catalog.schema import Registry

PIXELS = Settings(
    "pixels", "pixels", "pixels", "pixels", isc_splits=2, kid_subsets=5, kid_subset_size=10
)
STOCK_NAMES = {
    "is": "inception_score_mean",
    "is_std": "inception_score_std",
    "fid": "frechet_inception_distance",
    "kid": "kernel_inception_distance_mean",
    "kid_std": "kernel_inception_distance_std",
    "precision": "precision",
    "recall": "recall",
    "f_score": "f_score",
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def digits(registry: Registry) -> ImageData:
    return load_dataset(registry.dataset("digits"))


@pytest.fixture(scope="module")
def protocol(registry: Registry) -> ScoringProtocol:
    return resolve(registry, "digits-10k").model_copy(update={"n_fake": 1200, "kid_subsets": 20})


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def scorer(registry: Registry, digits: ImageData, protocol: ScoringProtocol) -> Scorer:
    return Scorer(digits, protocol, registry.extractor("digits-cnn"), "cpu")


class Images(Dataset[Tensor]):
    """(N, 1, H, W) as torch-fidelity wants it: single (3, H, W) tensors."""

    def __init__(self, images: Tensor) -> None:
        self.images = images.repeat(1, 3, 1, 1)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def registered(extractor: FeatureExtractor) -> str:
    """Register an extractor of ours in torch-fidelity for the length of a test."""

    class Adapter(FeatureExtractorBase):
        def __init__(self, name: str, layers: list[str], **_: object) -> None:
            super().__init__(name, layers)
            self.net = extractor

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return extractor.layers

        def forward(self, images: Tensor) -> tuple[Tensor, ...]:
            found = self.net(images)
            return tuple(found[layer] for layer in self.features_list)

    FEATURE_EXTRACTORS_REGISTRY[extractor.name] = Adapter
    return extractor.name


@pytest.fixture(autouse=True)
def _clean_fidelity_registry() -> Iterator[None]:
    before = dict(FEATURE_EXTRACTORS_REGISTRY)
    yield
    FEATURE_EXTRACTORS_REGISTRY.clear()
    FEATURE_EXTRACTORS_REGISTRY.update(before)


def stock(
    fake: Tensor, real: Tensor, extractor: FeatureExtractor, settings: Settings, batch_size: int
) -> dict[str, float]:
    return calculate_metrics(
        input1=Images(fake),
        input2=Images(real),
        feature_extractor=registered(extractor),
        feature_layer_isc=settings.layer_isc,
        feature_layer_fid=settings.layer_fid,
        feature_layer_kid=settings.layer_kid,
        feature_layer_prc=settings.layer_prc,
        isc=True,
        fid=True,
        kid=True,
        prc=True,
        isc_splits=settings.isc_splits,
        kid_subsets=settings.kid_subsets,
        kid_subset_size=settings.kid_subset_size,
        prc_neighborhood=settings.prc_neighborhood,
        rng_seed=settings.rng_seed,
        batch_size=batch_size,
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
    )


def pixels(*rows: list[int]) -> Features:
    images = torch.tensor(rows, dtype=torch.uint8)[:, None, None, :]
    return extract(images, PixelIdentity(), 64, "cpu")


def values(scorer: Scorer, images: Tensor) -> dict[MetricName, float | None]:
    return {metric.name: metric.value for metric in scorer.score(images)}


@pytest.mark.parametrize("batch_size", [50, 64])
def test_ours_is_stock_torch_fidelity_bit_for_bit(
    registry: Registry, digits: ImageData, batch_size: int
) -> None:
    extractor = load_extractor(registry.extractor("digits-cnn"), "cpu")
    fake, real = digits["test"].images, digits["judge"].images
    settings = Settings("logits", "grid", "grid", "grid", kid_subsets=10, kid_subset_size=100)
    made = [extract(images, extractor, batch_size, "cpu") for images in (fake, real)]
    expected = stock(fake, real, extractor, settings, batch_size)
    found: dict[str, float] = {}
    for group in GROUPS:
        found |= score_features(group, made[0], made[1], settings)
    assert {STOCK_NAMES[name]: value for name, value in found.items()} == expected


def test_a_protocol_scores_as_stock_does(
    scorer: Scorer, digits: ImageData, protocol: ScoringProtocol
) -> None:
    fake = calibration_images("class-pca-gaussian", digits, protocol)
    real = digits["train"].images
    expected = stock(fake, real, scorer.extractor, scorer.settings, protocol.batch_size)
    metrics = {metric.name: metric for metric in scorer.score(fake)}
    found = {name: metric.value for name, metric in metrics.items()}
    for name in ("fid", "is", "kid"):
        assert found[name] == expected[STOCK_NAMES[name]]
    assert metrics["is"].spread == expected["inception_score_std"]
    assert metrics["kid"].spread == expected["kernel_inception_distance_std"]
    first = stock(fake[: len(real)], real, scorer.extractor, scorer.settings, protocol.batch_size)
    # Precision and recall see as many generated images as real ones. Their features come from
    # other batches here than there, which may move a single image over an edge.
    for name in ("precision", "recall", "f_score"):
        assert found[name] == pytest.approx(first[name], abs=2e-3)


def test_the_order_of_quality(scorer: Scorer, digits: ImageData, protocol: ScoringProtocol) -> None:
    names = ("held-out", "class-pca-gaussian", "pca-gaussian", "mean-image", "noise")
    fids = [values(scorer, calibration_images(name, digits, protocol))["fid"] for name in names]
    assert fids == sorted(fids, key=lambda fid: fid or 0.0)


def test_collapse_within_classes_is_seen(scorer: Scorer, digits: ImageData) -> None:
    train = digits["train"]
    few = torch.cat([train.images[train.labels == label][:10] for label in range(10)])
    collapsed = values(scorer, few.repeat(10, 1, 1, 1))
    held_out = values(scorer, digits["test"].images)
    assert (collapsed["fid"] or 0.0) > 3 * (held_out["fid"] or 1.0)
    assert (collapsed["recall"] or 0.0) < 0.3 < 0.8 < (held_out["recall"] or 0.0)


def test_a_memory_is_perfect_and_flagged(
    scorer: Scorer, digits: ImageData, protocol: ScoringProtocol
) -> None:
    found = values(scorer, digits["train"].images)
    assert found["fid"] == pytest.approx(0, abs=1e-4)
    assert found["precision"] == found["recall"] == found["copy_rate"] == 1
    held_out = values(scorer, digits["test"].images)
    assert held_out["copy_rate"] == pytest.approx(0.05, abs=0.01)
    assert held_out["fid_held_out"] == pytest.approx(0, abs=1e-4)


def test_the_reference_decides_the_distance(
    registry: Registry, digits: ImageData, protocol: ScoringProtocol, scorer: Scorer
) -> None:
    """Exchanged splits exchange the two distances, which are far apart, and have another key."""
    exchanged = protocol.model_copy(
        update={
            "reference_split": protocol.held_out_split,
            "n_reference": len(digits[protocol.held_out_split].images),
            "held_out_split": protocol.reference_split,
            "n_held_out": len(digits[protocol.reference_split].images),
        }
    )
    assert exchanged.key != protocol.key
    other = Scorer(digits, exchanged, registry.extractor("digits-cnn"), "cpu")
    fake = digits["judge"].images
    found, swapped = values(scorer, fake), values(other, fake)
    assert found["fid"] == pytest.approx(swapped["fid_held_out"], abs=1e-6)
    assert found["fid_held_out"] == pytest.approx(swapped["fid"], abs=1e-6)
    assert abs((found["fid"] or 0.0) - (swapped["fid"] or 0.0)) > 0.01


def test_scores_repeat_and_ignore_the_cache(
    registry: Registry, digits: ImageData, protocol: ScoringProtocol, scorer: Scorer
) -> None:
    fake = digits["judge"].images
    first = scorer.score(fake)
    assert scorer.score(fake) == first
    recalled = Scorer(digits, protocol, registry.extractor("digits-cnn"), "cpu")
    assert recalled.score(fake) == first
    changed = fake.clone()
    changed[0] = 255 - changed[0]
    assert values(scorer, changed)["fid"] != values(scorer, fake)["fid"]


def test_order_of_images_does_not_matter(scorer: Scorer, digits: ImageData) -> None:
    fake = digits["judge"].images
    shuffled = fake[torch.randperm(len(fake), generator=torch.Generator().manual_seed(0))]
    found, again = values(scorer, fake), values(scorer, shuffled)
    assert again["fid"] == pytest.approx(found["fid"], rel=1e-6)
    for name in ("precision", "recall", "copy_rate"):
        assert again[name] == pytest.approx(found[name], abs=3e-3)


def test_too_few_images_give_reasons(scorer: Scorer, digits: ImageData) -> None:
    metrics = {metric.name: metric for metric in scorer.score(digits["judge"].images[:3])}
    assert metrics["fid"].value is not None
    for name, rule in (("is", "10 splits"), ("kid", "subsets of 250"), ("precision", "k = 3")):
        assert metrics[name].value is None
        assert rule in (metrics[name].missing_reason or "")


def test_counts_and_directions(scorer: Scorer, digits: ImageData) -> None:
    metrics = {
        metric.name: metric for metric in scorer.score(digits["train"].images.repeat(2, 1, 1, 1))
    }
    shown = {name: (metric.n_fake, metric.n_real) for name, metric in metrics.items()}
    assert shown["fid"] == shown["kid"] == shown["copy_rate"] == (2156, 1078)
    assert shown["is"] == (2156, None)
    assert shown["precision"] == (1078, 1078)
    assert shown["fid_held_out"] == (360, 360)
    assert shown["fid_equal_n"] == (360, 1078)
    assert shown["fid_bias"] == (2156, None)
    assert {name for name, metric in metrics.items() if metric.higher_is_better} == {
        "is", "precision", "recall", "f_score"
    }  # fmt: skip


def test_a_generated_set_compares_with_the_held_out_one_at_equal_n(
    scorer: Scorer, digits: ImageData, protocol: ScoringProtocol
) -> None:
    held_out = values(scorer, digits["test"].images)
    assert held_out["fid_equal_n"] == held_out["fid"]
    made = calibration_images("class-pca-gaussian", digits, protocol)
    found = values(scorer, made)
    assert found["fid_equal_n"] == values(scorer, made[:360])["fid"]
    assert found["fid_equal_n"] != found["fid"]


def test_the_distance_comes_with_the_standard_error_of_its_draw(
    scorer: Scorer, digits: ImageData, protocol: ScoringProtocol
) -> None:
    draws = [
        {metric.name: metric for metric in scorer.score(
            calibration_images("pca-gaussian", digits, protocol, draw)
        )}
        for draw in range(8)
    ]  # fmt: skip
    spread = np.std([draw["fid"].value for draw in draws], ddof=1)
    errors = [draw["fid"].spread or 0.0 for draw in draws]
    assert spread / 2 < np.mean(errors) < 2 * spread  # eight draws know their spread that well
    few = {metric.name: metric for metric in scorer.score(digits["test"].images[:30])}
    assert few["fid"].spread is None


def test_label_accuracy_counts_the_classes_asked_for(scorer: Scorer, digits: ImageData) -> None:
    test = digits["test"]
    right, wrong = (
        {m.name: m.value for m in scorer.score(test.images, labels)}["label_accuracy"]
        for labels in (test.labels, (test.labels + 1) % 10)
    )
    assert 0.97 < (right or 0) <= 1
    assert 0 <= (wrong or 0) < 0.03
    assert "label_accuracy" not in values(scorer, test.images)
    with pytest.raises(InvalidInput, match="number of labels"):
        scorer.score(test.images, test.labels[:5])


def test_other_images_than_the_protocols_are_refused(
    registry: Registry, digits: ImageData, protocol: ScoringProtocol, scorer: Scorer
) -> None:
    with pytest.raises(InvalidInput, match="shape of an image"):
        scorer.score(torch.zeros(5, 3, 16, 16, dtype=torch.uint8))
    with pytest.raises(InvalidInput, match="uint8"):
        scorer.score(torch.zeros(5, 1, 16, 16))
    with pytest.raises(InvalidInput, match="extractor is"):
        Scorer(digits, protocol, registry.extractor("pixel-identity"), "cpu")
    other = ImageData(digits.splits, "0" * 64)
    with pytest.raises(InvalidInput, match="data set is"):
        Scorer(other, protocol, registry.extractor("digits-cnn"), "cpu")


def test_numbers_of_images_are_checked_first() -> None:
    few, many = pixels([1, 2], [3, 4]), pixels(*[[i, i * i % 7] for i in range(20)])
    for group, fake, real, side in (
        ("kid", few, many, "generated"),
        ("kid", many, few, "real"),
        ("prc", few, many, "generated"),
        ("prc", many, few, "real"),
    ):
        with pytest.raises(TooFewImages, match=f"{side} images, there are 2") as caught:
            score_features(group, fake, real, PIXELS)
        assert caught.value.side == side
    with pytest.raises(TooFewImages, match="at least 2 generated"):
        score_features("fid", pixels([1, 2]), many, PIXELS)
    with pytest.raises(TooFewImages, match="at least 3 generated"):
        score_features("is", few, few, replace(PIXELS, isc_splits=3))
    with pytest.raises(InvalidInput, match="at least 2 images"):
        kernel_distance(many["pixels"], many["pixels"], subsets=1, subset_size=1, rng_seed=0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_results_that_are_not_finite_are_refused() -> None:
    certain = torch.tensor([[0.0, 1e6], [0.0, 1e6]])
    with pytest.raises(InvalidInput, match="IS came out as nan"):
        inception_score(certain, splits=1, rng_seed=0)
    huge = torch.tensor([[1e38, 0.0], [-1e38, 0.0], [0.0, 1e38]])
    with pytest.raises(InvalidInput, match="KID came out as"):
        kernel_distance(huge, huge, subsets=2, subset_size=2, rng_seed=0)


def test_distances_are_those_of_double_precision(
    scorer: Scorer, digits: ImageData, protocol: ScoringProtocol
) -> None:
    images = calibration_images("class-pca-gaussian", digits, protocol)
    layer = scorer.settings.layer_fid
    made = extract(images, scorer.extractor, protocol.batch_size, "cpu")[layer].double()
    real = scorer.reference[layer].double()
    shift = made.mean(0) - real.mean(0)
    covariances = [torch.cov(features.T, correction=1) for features in (made, real)]  # unbiased
    # The eigenvalues of a product of covariances are real and not negative.
    roots = torch.linalg.eigvals(covariances[0] @ covariances[1]).real.clamp(min=0.0).sqrt()
    traces = sum(covariance.trace() for covariance in covariances)
    expected = (shift @ shift + traces - 2.0 * roots.sum()).item()
    assert values(scorer, images)["fid"] == pytest.approx(expected, rel=2e-5)


def test_the_state_of_the_random_generators_plays_no_part(
    scorer: Scorer, digits: ImageData
) -> None:
    fake = digits["test"].images
    first = scorer.score(fake)
    torch.manual_seed(12345)
    np.random.seed(12345)  # noqa: NPY002
    assert scorer.score(fake) == first
    state = torch.get_rng_state()
    scorer.score(fake)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_single_feature_has_a_distance() -> None:
    assert frechet_distance(pixels([0], [2])["pixels"], pixels([1], [7])["pixels"]) == (
        pytest.approx(17)
    )


app = typer.Typer()
app.command("score")(score_commands.score)
app.command("selftest")(checks.selftest)
app.add_typer(extractor_commands.extractor_app, name="extractor")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.stderr
    return result.stdout


def _folder(path: Path, rows: list[list[int]]) -> str:
    path.mkdir()
    for index, row in enumerate(rows):
        pixels = np.repeat(np.array(row, dtype=np.uint8)[None, :, None], 3, axis=2)
        Image.fromarray(pixels).save(path / f"{index:03}.png")
    return str(path)


def test_the_command_gives_known_answers_as_json(tmp_path: Path) -> None:
    line = [[10 * i] * 2 for i in range(10)]
    fake = _folder(tmp_path / "fake", [[a + 50, b + 50] for a, b in line])
    real = _folder(tmp_path / "real", line)
    common = ("--extractor", "pixel-identity", "--isc-splits", "1", "--kid-subset-size", "2")
    out = run("score", "--fake", fake, "--real", real, *common, "--json", "--device", "cpu")
    document = json.loads(out)
    assert set(document["metrics"]) == set(STOCK_NAMES)
    assert document["metrics"]["fid"] == pytest.approx(5000)
    assert document["metrics"]["precision"] == pytest.approx(0.8)
    assert document["protocol"]["extractor"] == "pixel-identity"
    assert document["protocol"]["kid_subset_size"] == 2
    np.save(tmp_path / "fake.npy", np.array([[[a + 50, b + 50]] for a, b in line], dtype=np.uint8))
    array = str(tmp_path / "fake.npy")
    out = run("score", "--fake", array, "--real", real, *common, "--json", "--device", "cpu")
    assert json.loads(out)["metrics"] == document["metrics"]


def test_the_command_gives_the_asked_metrics_with_labels(tmp_path: Path) -> None:
    fake = _folder(tmp_path / "fake", [[200, 0], [0, 200]] * 5)
    out = run("score", "--fake", fake, "--extractor", "pixel-identity", "--metrics", "is",
              "--isc-splits", "1", "--device", "cpu")  # fmt: skip
    assert "IS[pixel-identity]\t2\n" in out
    assert "FD" not in out


def test_a_split_is_scored_with_the_shipped_extractor() -> None:
    out = run("score", "--fake", "digits:judge", "--real", "digits:test", "--extractor",
              "digits-cnn", "--metrics", "fid,prc", "--prc-samples", "50", "--json")  # fmt: skip
    assert list(json.loads(out)["metrics"]) == ["fid", "precision", "recall", "f_score"]


def test_the_command_names_what_is_wrong(tmp_path: Path) -> None:
    small = _folder(tmp_path / "small", [[1, 2], [3, 4]])
    other = _folder(tmp_path / "other", [[1, 2, 3]] * 20)
    common = ("--extractor", "pixel-identity", "--device", "cpu")
    with pytest.raises(InvalidInput, match="small: KID with subsets of 1000 needs"):
        run("score", "--fake", small, "--real", small, "--metrics", "kid", *common)
    with pytest.raises(InvalidInput, match=r"small: images are 1 x 2.*other are 1 x 3"):
        run("score", "--fake", small, "--real", other, "--metrics", "fid", *common)
    with pytest.raises(UsageError, match="no metric is called 'fud'"):
        run("score", "--fake", small, "--real", small, "--metrics", "fud", *common)
    with pytest.raises(UsageError, match="needs --real"):
        run("score", "--fake", small, "--metrics", "is,fid", *common)
    with pytest.raises(UsageError, match="no recipe"):
        run("extractor", "build", "pixel-identity")


def test_selftest_reports_and_fails_on_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    import bench.score.known_answers

    checks = [
        bench.score.known_answers.KnownAnswer("right", 1, 0, 1),
        bench.score.known_answers.KnownAnswer("wrong", 1, 0, 2),
    ]
    monkeypatch.setattr(bench.score.known_answers, "run_selftest", lambda: checks)
    result = CliRunner().invoke(app, ["selftest"])
    assert result.exit_code == 1
    assert "wrong\t1\t2\tMISS" in result.stdout
    assert "1 of 2" in result.stderr
    monkeypatch.setattr(bench.score.known_answers, "run_selftest", lambda: checks[:1])
    assert json.loads(run("selftest", "--json"))["passed"]
