"""DALL-E, small: its two stages, what each may move, and which prompts are held out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.data import load_dataset
from bench.data.captions.base import UnknownWord
from bench.data.captions.prompts import Prompts
from bench.data.dataset import to_unit_range
from bench.models.base import Batch, StepContext
from bench.models.dalle import DALLE, other_classes
from bench.models.discrete_vae import DiscreteVAE
from bench.models.noise import ImageNoise
from bench.networks.discrete_vae import BottleneckBlock, Convolution, DiscreteEncoder
from bench.networks.shape import ImageShape
from bench.objectives.categorical import kl_to_uniform
from bench.objectives.schedules import cosine, ramp
from catalog.schema import Registry

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
Watched = Callable[..., Any]

SMALL = {"width": 8, "n_codes": 12, "prior_dim": 16, "prior_layers": 2, "prior_heads": 2}


@pytest.fixture
def model(model_of: ModelOf) -> DALLE:
    return model_of(DALLE, **SMALL)


def update(model: DALLE, images: Tensor, step: int, n_steps: int = 10) -> dict[str, Tensor]:
    torch.manual_seed(step)
    labels = torch.arange(len(images)) % 10
    return model.train().step(Batch(images, labels), StepContext(step, n_steps, 100))


def test_each_stage_moves_its_own_networks(
    model: DALLE, images_of: Images, watched: Watched
) -> None:
    images = images_of(8)
    with watched(model.vae) as vae_moved, watched(model.prior) as prior_moved:
        assert set(update(model, images, 3)) == {"reconstruction", "kl"}
        assert (vae_moved(), prior_moved()) == (True, False)
    with watched(model.vae) as vae_moved, watched(model.prior) as prior_moved:
        assert set(update(model, images, 4)) == {"text", "image"}
        assert (vae_moved(), prior_moved()) == (False, True)


def test_stages_and_updates_follow_from_the_step_alone(model_of: ModelOf) -> None:
    model = model_of(DALLE, **SMALL, updates_per_step=3)
    places = [model.place(StepContext(step, 10, 100), i) for step in range(10) for i in range(3)]
    assert [p.update for p in places] == [*range(12), *range(18)]
    assert [p.first_stage for p in places] == [True] * 12 + [False] * 18
    assert (places[0].fraction, places[11].fraction) == (0.0, 1.0)
    assert model.batches_per_step == 3


def test_rates_are_scaled_for_one_update_only(model: DALLE, images_of: Images) -> None:
    for step in (0, 9):
        update(model, images_of(8), step)
        rates = [o.param_groups[0]["lr"] for o in model.optimizers().values()]
        assert rates == [model.recipe.optimizer.lr, model.recipe.prior_optimizer.lr]


def test_the_kl_term_is_of_the_codes() -> None:
    assert kl_to_uniform(torch.zeros(2, 4, 64)).item() == pytest.approx(0.0, abs=1e-5)
    one_hot = torch.zeros(2, 4, 64)
    one_hot[..., 3] = 1e4
    assert kl_to_uniform(one_hot).item() == pytest.approx(4 * math.log(64), rel=1e-5)


def test_temperature_and_weight_at_both_ends(
    model: DALLE, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    temperatures: list[float] = []
    losses = DiscreteVAE.losses

    def spy(self: DiscreteVAE, images: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
        temperatures.append(temperature)
        return losses(self, images, temperature)

    monkeypatch.setattr(DiscreteVAE, "losses", spy)
    for step in range(40):
        update(model, images_of(2), step, n_steps=100)
    assert temperatures[0] == 1.0
    assert temperatures[-1] == pytest.approx(1 / 16)
    assert temperatures[20] == pytest.approx(cosine(20 / 39 / 0.7, 1.0, 1 / 16))
    assert temperatures == sorted(temperatures, reverse=True)
    assert ramp(0.0, model.recipe.beta_ramp) == 0.0


def test_residuals_are_scaled_by_the_inverse_square_of_the_depth() -> None:
    encoder = DiscreteEncoder(ImageShape(1, 32), 16, 64, 8)
    blocks = [m for m in encoder.modules() if isinstance(m, BottleneckBlock)]
    assert len(blocks) == 6
    assert {block.gain for block in blocks} == {1 / 36}
    block, x = blocks[1], torch.randn(1, 16, 4, 4)
    torch.testing.assert_close(block(x), x + block.residual(x) / 36)


def test_weights_start_with_the_inverse_of_their_fan_in() -> None:
    torch.manual_seed(0)
    layer = Convolution(64, 64, 3)
    assert layer.weight.std().item() == pytest.approx(1 / math.sqrt(64 * 9), rel=0.02)
    assert layer.bias is not None
    assert not layer.bias.any()


def test_codes_and_images_keep_their_order(model_of: ModelOf, images_of: Images) -> None:
    """A code that changes moves the pixels of its own place in the grid most."""
    vae = model_of(DALLE, **SMALL, size=16).vae
    codes = torch.zeros(1, 64, dtype=torch.int64)
    changed = codes.clone()
    changed[0, 8 * 6 + 1] = 1  # row 6, column 1
    with torch.no_grad():
        moved = (vae.images(codes) - vae.images(changed)).abs()[0, 0]
    row, column = divmod(int(moved.argmax()), 16)
    assert (row // 2, column // 2) == (6, 1)
    assert vae.logits(images_of(2, size=16)).shape == (2, 64, 12)


def test_held_out_captions_are_never_trained_on(
    model: DALLE, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[tuple[int, ...]] = set()
    losses = model.prior_losses

    def spy(text: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        seen.update(map(tuple, text.tolist()))
        return losses(text, codes)

    monkeypatch.setattr(model, "prior_losses", spy)
    for step in range(40, 70):
        update(model, images_of(30), step, n_steps=100)
    captions = model.captions
    trained = {captions.encode(text) for d in range(10) for text in captions.trained(d)}
    assert seen == trained
    assert not seen & {captions.encode(text) for d in range(10) for text in captions.unseen(d)}


def test_each_sampler_asks_with_its_own_captions(
    model: DALLE, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Tensor] = []
    generate = model.prior.generate

    def spy(text: Tensor, uniforms: Tensor) -> Tensor:
        asked.append(text)
        return generate(text, uniforms)

    monkeypatch.setattr(model.prior, "generate", spy)
    model.eval()
    labels = torch.arange(20) % 10
    for sampler in model.samplers:
        images = model.sample_as(sampler, ImageNoise(0, range(20)), labels)
        assert images.shape == (20, 1, 8, 8)
        assert torch.equal(model.asked(sampler, labels), labels)
    captions = model.captions
    prior, unseen = ([tuple(row) for row in text.tolist()] for text in asked)
    assert all(row in map(captions.encode, captions.trained(i % 10)) for i, row in enumerate(prior))
    assert unseen == [captions.encode(captions.unseen(i % 10)[0]) for i in range(20)]
    assert prior[:10] != prior[10:]  # the noise chooses among the trained captions


def test_a_prompt_gives_the_image_of_its_stream(model: DALLE) -> None:
    model.eval()
    together = model.generate("the digit seven", ImageNoise(0, range(6)))
    alone = model.generate("The digit SEVEN", ImageNoise(0, [4]))
    torch.testing.assert_close(alone[0], together[4])
    assert not torch.equal(together, model.generate("the digit two", ImageNoise(0, range(6))))
    with pytest.raises(UnknownWord, match="did you mean: seven"):
        model.generate("the digit sevn", ImageNoise(0, range(2)))


def test_images_without_a_trained_caption_are_left_out(model: DALLE, images_of: Images) -> None:
    model.trained.counts[3:] = 0
    found = update(model, images_of(10), 9)
    assert all(math.isfinite(loss.item()) for loss in found.values())
    model.trained.counts[:] = 0
    nothing = update(model, images_of(10), 9)
    assert [loss.item() for loss in nothing.values()] == [0.0, 0.0]


def test_a_wrong_prompt_is_of_another_class(model: DALLE) -> None:
    labels = torch.arange(90) // 9
    wrong = other_classes(labels, torch.arange(90), Prompts(model.captions, model.captions.unseen))
    pairs = set(zip(labels.tolist(), wrong.tolist(), strict=True))
    assert pairs == {(a, b) for a in range(10) for b in range(10) if a != b}


def test_an_untrained_model_measures_no_use_of_text(model: DALLE, images_of: Images) -> None:
    model.eval()
    found = model.measure(images_of(40), torch.arange(40) % 10)
    assert set(found) == {
        *("nats_per_token", "wrong_prompt_gap"),
        *("codes_used", "perplexity", "reconstruction_mse"),
    }
    assert found["nats_per_token"] == pytest.approx(math.log(12), abs=0.6)
    assert abs(found["wrong_prompt_gap"]) < 0.1
    assert 1 <= found["perplexity"] <= found["codes_used"] <= 12
    mse = (model.reconstruct(images_of(40)) - images_of(40)).square().mean() / 4
    assert found["reconstruction_mse"] == pytest.approx(mse.item(), rel=1e-4)


@pytest.mark.parametrize("draw_codes", [True, False])
def test_codes_are_measured_as_they_are_learnt(
    *, draw_codes: bool, model_of: ModelOf, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One kind of codes for both: draws of q(z|x), each by its image's stream, or the best ones.

    With a prior that always says the same, nats per token are the mean of its answers at these
    codes, which for draws is an expectation under the encoder.
    """
    model = model_of(DALLE, **SMALL, draw_codes=draw_codes).eval()
    images, labels = images_of(60), torch.arange(60) % 10
    with torch.no_grad():
        model.vae.encoder.layers[-1].weight.mul_(8.0)  # neither certain nor uniform
        log_q = model.vae.logits(images).log_softmax(2)
    answers = torch.linspace(0, 3, 12).log_softmax(0)
    shares = log_q.exp() if draw_codes else torch.nn.functional.one_hot(log_q.argmax(2), 12)
    expected = -(shares * answers).sum(2).mean().item()

    def always(text: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros(*text.shape, 2), answers.expand(*codes.shape, 12)

    monkeypatch.setattr(model.prior, "forward", always)
    found = model.measure(images, labels)
    assert found["nats_per_token"] == pytest.approx(expected, abs=0.03)
    assert found["codes_used"] == len(model.vae.codes(images).unique())


def test_drawn_codes_are_those_of_their_stream(model: DALLE, images_of: Images) -> None:
    images = images_of(6)
    together = model.vae.drawn_codes(images, ImageNoise(0, range(6)))
    alone = model.vae.drawn_codes(images[4:5], ImageNoise(0, [4]))
    assert torch.equal(alone[0], together[4])


def test_captions_must_fit_the_classes() -> None:
    with pytest.raises(ValueError, match="10 classes do not fit images of 3"):
        DALLE(DALLE.recipe_type(), ImageShape(1, 8), 3)


@pytest.mark.slow
def test_a_small_weight_of_the_kl_term_wastes_the_codebook(
    model_of: ModelOf, registry: Registry
) -> None:
    """Appendix A.2's footnote: a larger weight *improves* the use of the codes."""
    split = load_dataset(registry.dataset("digits"))["train"]
    images = to_unit_range(split.images)
    used: dict[float, float] = {}
    for beta in (0.1, 1.0):
        model = model_of(DALLE, size=16, beta=beta, width=8, prior_dim=16, prior_layers=1)
        n_first = 120
        for step in range(n_first):
            torch.manual_seed(step)
            batch = torch.randint(len(images), (32,))
            model.train().step(
                Batch(images[batch], split.labels[batch]),
                StepContext(step, n_first * 5 // 2, len(images)),
            )
        with torch.no_grad():
            used[beta] = float(model.vae.codes(images[:300]).unique().numel())
    assert used[0.1] < 0.7 * used[1.0]
    assert used[1.0] >= 10  # of 64, after so few updates
