"""The article's listing, executed: how it crashes, what it does once it runs, and what mends it.

``article_listing.txt`` quotes the code of lines 149 to 195 of the article (《AIGC从入门到实战：AIGC
相关资源推荐》, section 5.2, by 禅与计算机程序设计艺术), without its comments, to test what the
errata K-01 to K-20 say of it; every line is checked against the proof of the catalogue's quotes.
"""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn

from bench.models.article import ArticleGAN
from bench.models.base import Batch, StepContext
from bench.models.build import algorithm_class, build_model, parse_recipe, resolve_recipe
from bench.models.gan import GAN
from bench.models.noise import ImageNoise
from bench.networks import affine
from bench.networks.shape import ImageShape
from catalog.errors import InvalidInput
from catalog.schema import Registry

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]
Watched = Callable[..., Any]

FIRST_LINE = 149
LISTING = (Path(__file__).parent / "article_listing.txt").read_text(encoding="utf-8")
PROOF = Path(__file__).parents[1] / "catalog" / "article_lines.json"
FOLDER = Path("path", "to", "dataset")  # as the listing has it, below the working directory


class Generator(nn.Module):
    """Two layers, so that its backward pass needs weights that a step would overwrite."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 192), nn.Sigmoid())

    def forward(self, noise: Tensor) -> Tensor:
        images: Tensor = self.layers(noise)
        return images.view(-1, 3, 8, 8)


def discriminator() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 1), nn.Sigmoid())


def execute(source: str, names: dict[str, Any]) -> tuple[int, str] | None:
    """Run code among ``names``; line of the article and text of the error that ends it, if any."""
    try:
        exec(compile(source, "<article>", "exec"), names)  # noqa: S102
    except (NameError, OSError, RuntimeError) as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = max(i for i, frame in enumerate(frames) if frame.filename == "<article>")
        return (frames[line].lineno or 0) + FIRST_LINE - 1, f"{type(error).__name__}: {error}"
    return None


def save_images(folder: Path, images: Tensor) -> None:
    """RGB images (N, 3, H, W) in -1 .. 1 as PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        pixels = ((image + 1.0) * 127.5).round().to(torch.uint8).permute(1, 2, 0)
        Image.fromarray(pixels.numpy()).save(folder / f"{index}.png")


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)


@pytest.fixture
def runnable(images_of: Images) -> tuple[str, dict[str, Any]]:
    """The listing and its names after all eight repairs."""
    save_images(FOLDER / "class", images_of(8, channels=3))
    Path("images").mkdir()
    names = {
        "torchvision": torchvision,
        "Generator": Generator,
        "Discriminator": discriminator,
        "epochs": 3,
        "z": torch.randn(8, 5),
    }
    return LISTING.replace("g_loss.backward()", "g_loss.backward(retain_graph=True)"), names


def test_the_quotation_is_the_articles() -> None:
    proof = json.loads(PROOF.read_text(encoding="utf-8"))
    lines = LISTING.splitlines()
    assert len(lines) == 47
    for number, line in enumerate(lines, FIRST_LINE):
        if line:
            digest = hashlib.sha256(line.strip().encode()).hexdigest()
            assert digest == proof[str(number)]["sha256"], number


def test_mending_one_thing_at_a_time_meets_the_next_crash(images_of: Images) -> None:
    names: dict[str, Any] = {}
    source = LISTING
    repairs: list[tuple[Callable[[], Any], int, str]] = [
        (lambda: None, 155, "NameError: name 'torchvision' is not defined"),
        (lambda: names.update(torchvision=torchvision), 155, "FileNotFoundError"),
        (lambda: save_images(FOLDER, images_of(8, 3)), 155, "Couldn't find any class folder"),
        (
            lambda: save_images(FOLDER / "class", images_of(8, 3)),
            159,
            "NameError: name 'Generator'",
        ),
        (lambda: names.update(Generator=Generator), 160, "NameError: name 'Discriminator'"),
        (lambda: names.update(Discriminator=discriminator), 167, "NameError: name 'epochs'"),
        (lambda: names.update(epochs=3), 170, "NameError: name 'z' is not defined"),
        (lambda: names.update(z=torch.randn(8, 5)), 187, "backward through the graph a second"),
    ]
    for repair, line, message in repairs:
        repair()
        crash = execute(source, names)
        assert crash is not None, message
        assert crash[0] == line
        assert message in crash[1]
    source = source.replace("g_loss.backward()", "g_loss.backward(retain_graph=True)")
    crash = execute(source, names)
    assert crash is not None
    assert crash[0] == 195
    assert "images/fake_images.png" in crash[1]
    assert "FileNotFoundError" in crash[1]
    Path("images").mkdir()
    assert execute(source, names) is None


def test_images_of_two_sizes_make_no_batch(
    runnable: tuple[str, dict[str, Any]], images_of: Images
) -> None:
    save_images(FOLDER / "other", images_of(1, channels=3, size=12))
    crash = execute(*runnable)
    assert crash is not None
    assert crash[0] == 168
    assert "equal size" in crash[1]


def test_once_it_runs_it_looks_converged_and_its_generator_has_not_moved(
    runnable: tuple[str, dict[str, Any]], watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    source, names = runnable
    generator, critic = Generator(), discriminator()
    names |= {"Generator": lambda: generator, "Discriminator": lambda: critic, "epochs": 150}
    with watched(generator) as generator_moved, watched(critic) as critic_moved:
        assert execute(source, names) is None
        assert critic_moved()
        assert not generator_moved()
    assert all(parameter.grad is None for parameter in generator.parameters())
    assert all(parameter.grad is not None for parameter in critic.parameters())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 150
    d_loss, g_loss = (
        [float(line.split(": ")[at].split(",")[0]) for line in lines] for at in (1, 2)
    )
    assert 0.5 < d_loss[0] < 1.5
    assert 0.0 < d_loss[-1] < 0.05
    assert 0.2 < g_loss[0] < 0.8
    assert 0.0 < g_loss[-1] < 0.03
    assert [file.name for file in Path("images").iterdir()] == ["fake_images.png"]


def test_dropping_detach_alone_meets_an_in_place_error(
    runnable: tuple[str, dict[str, Any]],
) -> None:
    source, names = runnable
    crash = execute(source.replace(".detach()", ""), names)
    assert crash is not None
    assert crash[0] == 187
    assert "modified by an inplace operation" in crash[1]


def test_the_row_does_what_the_executed_listing_does(
    runnable: tuple[str, dict[str, Any]], model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(ArticleGAN, channels=3, batch_size=8).train()
    listed = model_of(ArticleGAN, channels=3, batch_size=8)
    initial = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    class Printed(nn.Module):  # the article's range is 0 .. 1, and its sigmoid is in the network
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, inputs: Tensor) -> Tensor:
            if self.network is listed.generator:
                return 0.5 * (listed.generator(inputs) + 1.0)
            return torch.sigmoid(listed.critic(2.0 * inputs - 1.0))

    source, names = runnable
    names |= {
        "Generator": lambda: Printed(listed.generator),
        "Discriminator": lambda: Printed(listed.critic),
        "z": model.noise,
    }
    assert execute(source, names) is None
    images = (
        (images_of(8, channels=3) + 1.0) * 127.5
    ).round() / 127.5 - 1.0  # as the files have it
    for step in range(3):
        model.step(Batch(images, torch.zeros(8, dtype=torch.int64)), StepContext(step, 3, 8))
    for name, tensor in listed.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor, rtol=1e-4, atol=1e-6)
        moved = (tensor - initial[name]).abs().max().item()
        assert (moved > 5e-3) == name.startswith("critic"), name


def first_update(model: GAN, one_step: OneStep) -> dict[str, Tensor]:
    one_step(model)
    return model.state_dict()


REPAIRS: dict[str, dict[str, Any]] = {
    "fixed_noise": {"fixed_noise": False},
    "loss": {"loss": "non-saturating"},
    "optimizer": {"optimizer": {"lr": 2.0e-4, "betas": [0.5, 0.999]}},
    "networks": {"backbone": "dcgan", "generator_norm": "batch", "critic_norm": "batch"},
    "scores": {"scores": "fresh"},
}


@pytest.mark.parametrize("repair", REPAIRS)
def test_fresh_scores_alone_let_the_generator_learn(
    repair: str, model_of: ModelOf, one_step: OneStep
) -> None:
    others = {
        key: value for name, s in REPAIRS.items() if name != repair for key, value in s.items()
    }
    for settings, fresh in ((REPAIRS[repair], repair == "scores"), (others, repair != "scores")):
        model = model_of(ArticleGAN, width=4, **settings)
        before = [parameter.detach().clone() for parameter in model.generator.parameters()]
        for _ in range(3):
            one_step(model)
        still = list(map(torch.equal, before, model.generator.parameters()))
        assert all(still) != fresh
        assert model.frozen == (frozenset() if fresh else {"generator"})


def test_running_statistics_move_where_weights_do_not(model_of: ModelOf, one_step: OneStep) -> None:
    model = model_of(ArticleGAN, width=4, **REPAIRS["networks"])
    before = {name: tensor.clone() for name, tensor in model.generator.state_dict().items()}
    one_step(model)
    after = model.generator.state_dict()
    moved = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert moved == {name for name in before if "running" in name or "tracked" in name}
    assert moved


@pytest.mark.parametrize("repair", REPAIRS)
def test_every_erratum_changes_the_first_update(
    repair: str, model_of: ModelOf, one_step: OneStep
) -> None:
    printed = first_update(model_of(ArticleGAN, width=4), one_step)
    again = first_update(model_of(ArticleGAN, width=4), one_step)
    mended = first_update(model_of(ArticleGAN, width=4, **REPAIRS[repair]), one_step)
    assert all(torch.equal(printed[name], again[name]) for name in printed)
    shared = printed.keys() & mended.keys() - {"noise"}
    assert not shared or not all(torch.equal(printed[name], mended[name]) for name in shared)


def test_with_all_errata_applied_it_is_dcgan(
    registry: Registry, model_of: ModelOf, one_step: OneStep
) -> None:
    recipe = resolve_recipe(registry, registry.variant("article-repaired"), "digits")
    settings = recipe.model_dump(mode="json") | {"width": 4}
    dcgan = resolve_recipe(registry, registry.variant("dcgan"), "digits").model_dump(mode="json")
    shared = {name: settings[name] for name in dcgan}
    different = {name for name in dcgan if shared[name] != dcgan[name]}
    assert different == {"latent_dim", "width", "optimizer"}  # the row keeps DCGAN's published rate
    mended = first_update(model_of(ArticleGAN, size=16, **settings), one_step)
    plain = first_update(model_of(GAN, size=16, **shared), one_step)
    assert mended.keys() == plain.keys()
    assert all(torch.equal(mended[name], plain[name]) for name in plain)


@pytest.mark.parametrize(("loss", "rises"), [("article", False), ("non-saturating", True)])
def test_the_printed_sign_makes_fakes_look_more_fake(
    loss: str, rises: bool, model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(ArticleGAN, scores="fresh", loss=loss, batch_size=8)
    before = model.critic(model.fakes(8)).mean().item()
    for _ in range(5):
        model.update_generator(images_of(8), model.fakes(8))
    after = model.critic(model.fakes(8)).mean().item()
    assert abs(after - before) > 1e-3
    assert (after > before) == rises


@pytest.mark.parametrize(("loss", "apart"), [("article", False), ("non-saturating", True)])
def test_the_printed_critic_pushes_both_scores_down(
    loss: str, apart: bool, model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(ArticleGAN, loss=loss, batch_size=8)
    real, fake = images_of(8), -images_of(8, seed=1).abs()
    first = [model.critic(images).mean().item() for images in (real, fake)]
    for _ in range(30):
        model.update_critic(real, fake)
    last = [model.critic(images).mean().item() for images in (real, fake)]
    changes = [after - before for before, after in zip(first, last, strict=True)]
    assert (max(changes) < -0.1) != apart
    assert (changes[0] > changes[1] + 0.1) == apart


@pytest.mark.parametrize("fixed", [True, False])
def test_fixed_noise_is_one_batch_for_ever(
    fixed: bool, model_of: ModelOf, one_step: OneStep
) -> None:
    model = model_of(ArticleGAN, fixed_noise=fixed, batch_size=8)
    seen: list[Tensor] = []
    model.generator.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].clone()))
    one_step(model, seed=0)
    one_step(model, seed=1)
    assert [tensor.shape for tensor in seen] == [(8, model.latent_dim)] * 2
    assert torch.equal(*seen) == fixed
    assert ("noise" in model.state_dict()) == fixed


def test_noise_does_not_change_the_initial_networks(model_of: ModelOf) -> None:
    fixed, fresh = (model_of(ArticleGAN, fixed_noise=value).state_dict() for value in (True, False))
    assert fixed.keys() - fresh.keys() == {"noise"}
    assert all(torch.equal(fixed[name], fresh[name]) for name in fresh)


def test_affine_networks_are_the_printed_formulas() -> None:
    generator = affine.Generator(ImageShape(1, 8), 3, 1, "none")
    noise = torch.randn(4, 3)
    weight, bias = generator.parameters()
    unit = torch.sigmoid(noise @ weight.T + bias).view(4, 1, 8, 8)  # 0 .. 1
    torch.testing.assert_close(0.5 * (generator(noise) + 1.0), unit)
    critic = affine.Critic(ImageShape(1, 8), 1, "none")
    weight, bias = critic.parameters()
    torch.testing.assert_close(critic(2.0 * unit - 1.0), (unit.flatten(1) @ weight.T + bias)[:, 0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"critic_steps": 2}, "critic_steps"),
        ({"penalty": {"r1": 1.0}}, "penalty"),
        ({"loss": "relativistic"}, "no pairs"),
        ({"scores": "stale"}, "scores"),
    ],
    ids=str,
)
def test_shared_scores_allow_nothing_that_needs_fresh_ones(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_recipe(ArticleGAN, settings, "the test")


def test_the_printed_row_draws_the_images_of_its_initial_weights(
    registry: Registry, one_step: OneStep
) -> None:
    entry = registry.variant("article-listing")
    recipe = resolve_recipe(registry, entry, "digits")
    model = build_model(algorithm_class(entry.algorithm), recipe, ImageShape(1, 16), 10, seed=0)
    before = model.eval().sample(ImageNoise(0, range(4)))
    for seed in range(5):
        one_step(model, seed=seed)
    assert torch.equal(model.eval().sample(ImageNoise(0, range(4))), before)


@pytest.mark.parametrize("row", ["article-listing", "article-repaired"])
def test_the_catalogue_leads_to_the_rows(row: str, registry: Registry) -> None:
    listing = registry.resource("training-listing")
    assert listing.not_runnable is not None
    assert row in listing.not_runnable.en
    assert row in listing.not_runnable.zh
