"""What every registered variant promises: sizes, images, seeds, saving and resuming."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import case, write_trained
from torch import Tensor

import bench.sample.draw
from bench.data import ImageSplit
from bench.identity.spec import TrainSpec
from bench.models.base import (
    GenerativeModel,
    HasNamedSamplers,
    LatentModel,
    MeasuresItself,
    Reconstructs,
)
from bench.models.build import algorithm_class, build_from_spec, parse_recipe, resolve_recipe
from bench.models.noise import ImageNoise
from bench.records.checkpoint_file import Identity
from bench.records.run_directory import RunDirectory
from bench.sample import trained_model as trained
from bench.sample.draw import sample_images
from bench.sample.image_sets import RECONSTRUCTION, sampler_names
from bench.train.loop import Stopped, Trainer
from catalog.errors import InvalidInput
from catalog.schema import Registry

SpecOf = Callable[..., TrainSpec]
ModelOf = Callable[..., GenerativeModel]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]
Has = Callable[[str, type], bool]

CPU = torch.device("cpu")
SHAPES = [(channels, size) for size in (8, 16, 28, 32) for channels in (1, 3)]


@pytest.fixture(autouse=True)
def small_sampling_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.sample.draw, "SAMPLING_BATCH", 8)


def draw(model: GenerativeModel, indices: Any, seed: int = 0) -> Tensor:
    labels = torch.tensor(list(indices), dtype=torch.int64) % model.n_classes
    with torch.no_grad():
        return model.sample(ImageNoise(seed, indices), labels)


def weights(model: GenerativeModel) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def unlike(first: dict[str, Tensor], second: dict[str, Tensor]) -> list[str]:
    """Names of the tensors that differ in a single bit."""
    assert first.keys() == second.keys()
    return [name for name, tensor in first.items() if not torch.equal(tensor, second[name])]


def frozen(model: GenerativeModel) -> set[int]:
    """Identities of the parameters that the model says will never move."""
    optimizers = model.optimizers()
    assert model.frozen < optimizers.keys()  # names that exist, and not all of them
    groups = [group for name in model.frozen for group in optimizers[name].param_groups]
    return {id(parameter) for group in groups for parameter in group["params"]}


@pytest.fixture
def stepped(variant: str, small_model: ModelOf, one_step: OneStep) -> GenerativeModel:
    """The variant after two updates, in evaluation mode."""
    model = small_model(variant)
    one_step(model)
    one_step(model, seed=1)
    return model.eval()


def test_trains_and_samples_at_every_size(
    variant: str, small_model: ModelOf, one_step: OneStep
) -> None:
    for shape in SHAPES:
        with case(shape):
            model = small_model(variant, *shape)
            assert (model.shape.channels, model.shape.size) == shape
            check_size(model, one_step)


def check_size(model: GenerativeModel, one_step: OneStep) -> None:
    """An update moves most of what learns; then images are drawn, each another one."""
    before = weights(model)
    losses = one_step(model)
    assert losses
    for name, loss in losses.items():
        assert math.isfinite(loss.item()), name
        assert loss.shape == ()
        assert not loss.requires_grad
    still = frozen(model)
    learning = {name for name, parameter in model.named_parameters() if id(parameter) not in still}
    parameters = {name for name, _ in model.named_parameters()}
    moved = set(unlike(before, model.state_dict())) & parameters
    assert moved
    if len(moved) <= 0.7 * len(learning):  # a branch that ends in zeros learns from the second on
        one_step(model, seed=1)
        moved = set(unlike(before, model.state_dict())) & parameters
    assert moved <= learning
    assert len(moved) > 0.7 * len(learning)
    images = draw(model.eval(), range(3))
    assert images.shape == (3, model.shape.channels, model.shape.size, model.shape.size)
    assert images.dtype == torch.float32
    assert torch.isfinite(images).all()
    assert images.abs().max() <= 1.0
    assert len(images.flatten(1).unique(dim=0)) == 3


def test_the_registered_sizes_train_and_sample(
    variant: str, home: str, registry: Registry, small_model: ModelOf, one_step: OneStep
) -> None:
    """Nothing shrunk: what only fits small networks or batches would hide behind small ones."""
    recipe = resolve_recipe(registry, registry.variant(variant), home)
    data = registry.dataset(home)
    shape = (data.channels, data.resolution)
    model = small_model(variant, *shape, **recipe.model_dump(mode="json"))
    assert model.recipe == recipe
    for _ in range(2):
        losses = one_step(model, n=recipe.batch_size)
    assert all(math.isfinite(loss.item()) for loss in losses.values())
    images = draw(model.eval(), range(2))
    assert images.shape == (2, data.channels, data.resolution, data.resolution)
    assert torch.isfinite(images).all()
    assert images.abs().max() <= 1.0


def mappings(settings: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """Where a recipe holds settings of settings, itself first."""
    if isinstance(settings, dict):
        yield path
        for key, value in settings.items():
            yield from mappings(value, *path, key)


def test_an_unknown_setting_is_refused_wherever_it_stands(
    variant: str, home: str, registry: Registry
) -> None:
    entry = registry.variant(variant)
    recipe = resolve_recipe(registry, entry, home).model_dump(mode="json")
    places = list(mappings(recipe))
    assert {(), ("optimizer",)} <= set(places)
    for place in places:
        broken = copy.deepcopy(recipe)
        reduce(getitem, place, broken)["no_such_setting"] = 1.0
        with pytest.raises(InvalidInput, match="no_such_setting") as refused:
            parse_recipe(algorithm_class(entry.algorithm), broken, variant)
        assert all(key in str(refused.value) for key in place)


def test_every_optimizer_moves_its_weights(
    variant: str, small_model: ModelOf, one_step: OneStep
) -> None:
    model = small_model(variant)
    optimizers = model.optimizers()
    held = {
        name: [parameter for group in optimizer.param_groups for parameter in group["params"]]
        for name, optimizer in optimizers.items()
    }
    ids = [id(parameter) for group in held.values() for parameter in group]
    assert sorted(ids) == sorted(id(parameter) for parameter in model.parameters())
    before = {name: [p.detach().clone() for p in group] for name, group in held.items()}
    one_step(model)
    one_step(model, step=9)  # the last, for what learns in a second stage
    for name, group in held.items():
        assert all(map(torch.equal, before[name], group)) == (name in model.frozen), name
        assert all(parameter.requires_grad for parameter in group), name
        assert model.optimizers()[name] is optimizers[name]


def test_images_do_not_depend_on_their_batch(stepped: GenerativeModel) -> None:
    together = draw(stepped, range(12))
    alone = draw(stepped, [7])
    torch.testing.assert_close(alone[0], together[7], rtol=0, atol=1e-4)
    among_others = draw(stepped, [90, 7, 55])
    torch.testing.assert_close(among_others[1], together[7], rtol=0, atol=1e-4)
    assert (together[6] - together[7]).abs().max() > 1e-4
    assert (draw(stepped, [7], seed=1)[0] - together[7]).abs().max() > 1e-4


def test_asking_for_fewer_images_changes_none(stepped: GenerativeModel) -> None:
    whole = sample_images(stepped.sample, 21, 10, 0, CPU)
    for n in (1, 3, 8, 13):
        images = sample_images(stepped.sample, n, 10, 0, CPU)
        assert images.dtype == torch.uint8
        assert torch.equal(images, whole[:n])


def test_no_images_are_a_batch_too(stepped: GenerativeModel, images_of: Images) -> None:
    assert draw(stepped, []).shape == (0, 1, 8, 8)
    if isinstance(stepped, Reconstructs):
        with torch.no_grad():
            assert stepped.reconstruct(images_of(3)[:0]).shape == (0, 1, 8, 8)


def test_sampling_changes_nothing(stepped: GenerativeModel) -> None:
    before, generator = weights(stepped), torch.get_rng_state()
    first = draw(stepped, range(4))
    assert torch.equal(draw(stepped, range(4)), first)
    assert not unlike(before, stepped.state_dict())
    assert torch.equal(torch.get_rng_state(), generator)


def test_labels_decide_the_image_where_they_are_asked_for(stepped: GenerativeModel) -> None:
    with torch.no_grad():
        first, other = (
            stepped.sample(
                ImageNoise(0, range(4)), torch.tensor(labels) * (stepped.n_classes // 10)
            )
            for labels in ([0, 1, 2, 3], [0, 4, 2, 5])
        )
    changed = (first - other).abs().amax((1, 2, 3))
    if stepped.conditional:
        assert torch.equal(changed > 1e-5, torch.tensor([False, True, False, True]))
    else:
        assert torch.equal(first, other)
        with torch.no_grad():
            assert torch.equal(stepped.sample(ImageNoise(0, range(4))), first)


@pytest.mark.having(ability=MeasuresItself)
def test_measures_are_numbers_that_repeat(stepped: GenerativeModel, images_of: Images) -> None:
    assert isinstance(stepped, MeasuresItself)
    shape, labels = stepped.shape, torch.arange(12) % stepped.n_classes
    held_out = images_of(12, shape.channels, shape.size, seed=5)
    before = weights(stepped)
    with torch.no_grad():
        first, second = (stepped.measure(held_out, labels) for _ in range(2))
    assert first == second
    assert first
    assert all(math.isfinite(value) for value in first.values())
    assert unlike(before, weights(stepped)) == []


def test_several_samplers_can_be_named(variant: str, small_model: ModelOf) -> None:
    model = small_model(variant)
    assert isinstance(model, HasNamedSamplers) == (len(model.samplers) > 1)


@pytest.mark.having(ability=HasNamedSamplers)
def test_a_model_of_several_samplers_knows_each(stepped: GenerativeModel) -> None:
    assert isinstance(stepped, HasNamedSamplers)
    labels = torch.arange(8) % stepped.n_classes
    for name in stepped.samplers:
        asked = stepped.asked(name, labels)
        assert ((asked >= 0) & (asked < stepped.n_classes)).all()
        with torch.no_grad():
            drawn = stepped.sample_as(name, ImageNoise(0, range(8)), labels)
        assert drawn.shape == (8, stepped.shape.channels, stepped.shape.size, stepped.shape.size)
    first = stepped.samplers[0]
    assert torch.equal(stepped.asked(first, labels), labels)
    with torch.no_grad():
        usual = stepped.sample_as(first, ImageNoise(0, range(8)), labels)
    assert torch.equal(usual, draw(stepped, range(8)))


@pytest.mark.having(ability=Reconstructs)
def test_evaluation_treats_images_independently_and_moves_nothing(
    stepped: GenerativeModel, images_of: Images
) -> None:
    assert isinstance(stepped, Reconstructs)
    images, before = images_of(6), weights(stepped)
    with torch.no_grad():
        together = stepped.reconstruct(images)
        alone = stepped.reconstruct(images[2:3])
    assert not unlike(before, stepped.state_dict())
    assert together.shape == images.shape
    assert together.abs().max() <= 1.0
    torch.testing.assert_close(alone[0], together[2], rtol=0, atol=1e-4)


@pytest.mark.having(ability=LatentModel)
def test_latents_have_their_shape(variant: str, small_model: ModelOf, images_of: Images) -> None:
    for shape in SHAPES:
        with case(shape):
            model = small_model(variant, *shape).eval()
            assert isinstance(model, LatentModel)
            images = images_of(3, *shape)
            latents = model.encode(images)
            assert latents.shape == (3, model.latent_dim)
            assert model.decode(latents).shape == images.shape


@pytest.mark.having(ability=Reconstructs)
def test_reconstructions_have_the_shape_of_images(
    variant: str, small_model: ModelOf, images_of: Images
) -> None:
    for shape in SHAPES:
        with case(shape):
            model = small_model(variant, *shape).eval()
            assert isinstance(model, Reconstructs)
            assert model.reconstruct(images_of(3, *shape)).shape == (3, *shape, shape[1])


def test_the_seed_decides_the_initial_weights(variant: str, small_model: ModelOf) -> None:
    torch.manual_seed(1)
    first = weights(small_model(variant, seed=4))
    torch.manual_seed(2)
    assert not unlike(first, weights(small_model(variant, seed=4)))
    assert unlike(first, weights(small_model(variant, seed=5)))


def test_averages_and_size_are_of_the_sampling_networks(variant: str, small_model: ModelOf) -> None:
    model = small_model(variant).eval()
    own = {id(parameter) for parameter in model.parameters()}
    sampling = {id(p) for m in model.sampling_modules().values() for p in m.parameters()}
    assert sampling
    assert sampling <= own
    before = draw(model, range(2))
    with torch.no_grad():
        for parameter in model.parameters():
            if id(parameter) not in sampling:
                parameter.add_(1.0)
    assert torch.equal(draw(model, range(2)), before)


def trained_for(spec: TrainSpec, split: ImageSplit, file: Path | None, until: int) -> Trainer:
    """A trainer that was stopped before update ``until``, or that has finished."""
    trainer = Trainer(
        build_from_spec(spec),
        split,
        n_steps=spec.steps,
        seed=spec.seed,
        checkpoint_file=file,
        identity=Identity(spec.train_hash),
    )
    try:
        trainer.run(should_stop=lambda: trainer.state.step >= until)
    except Stopped:
        assert until < spec.steps
    return trainer


@pytest.mark.parametrize("ema_decay", [None, 0.9], ids=["registered", "averaged"])
def test_resuming_gives_the_weights_of_a_straight_run(
    variant: str, ema_decay: float | None, tmp_path: Path, spec_of: SpecOf, split: ImageSplit
) -> None:
    changes = {} if ema_decay is None else {"ema_decay": ema_decay}
    spec = spec_of(variant, steps=6, **changes)
    straight = trained_for(spec, split, None, 6)
    file = tmp_path / "checkpoint.pt"
    assert trained_for(spec, split, file, 3).state.step == 3
    torch.manual_seed(123)
    resumed = trained_for(spec, split, file, 6)
    assert resumed.state.resumed_from_step == 3
    assert not unlike(straight.model.state_dict(), resumed.model.state_dict())
    if straight.average is not None:
        assert resumed.average is not None
        assert not unlike(straight.average.average, resumed.average.average)
    assert resumed.state.images_seen == straight.state.images_seen


def test_the_seed_decides_the_training(variant: str, spec_of: SpecOf, split: ImageSplit) -> None:
    def end(seed: int) -> dict[str, Tensor]:
        trainer = trained_for(spec_of(variant, seed=seed, steps=2), split, None, 2)
        return trainer.model.state_dict()

    first = end(0)
    assert not unlike(first, end(0))
    assert unlike(first, end(1))


def test_a_saved_model_draws_the_same_images(
    variant: str, tmp_path: Path, spec_of: SpecOf, split: ImageSplit, has: Has
) -> None:
    spec = spec_of(variant, steps=4, ema_decay=0.5)
    trainer = trained_for(spec, split, None, 4)
    model = trained.finish(spec, trainer.model, trainer.average, split)
    directory = RunDirectory(tmp_path / spec.run_id)
    files = trained.save(model, directory)
    write_trained(directory, spec, files)
    assert all(file.suffix == ".safetensors" for file in files)
    assert set(files) <= set(directory.path.iterdir())
    loaded = trained.load(directory, CPU)
    assert not unlike(model.model.state_dict(), loaded.model.state_dict())
    names = [n for n in sampler_names(type(model.model)) if n != RECONSTRUCTION]
    assert ("gmm-10" in names) == has(variant, LatentModel)
    for name in names:
        for ema in (False, True):
            images = model.sample(name, 11, seed=3, ema=ema)
            assert torch.equal(loaded.sample(name, 11, seed=3, ema=ema), images), (name, ema)
            assert torch.equal(model.sample(name, 5, seed=3, ema=ema), images[:5])
    assert model.average is not None
    raw = draw(model.model, range(5))
    with model.average.applied():
        averaged = draw(model.model, range(5))
    sampling = {id(p) for m in model.model.sampling_modules().values() for p in m.parameters()}
    assert torch.equal(raw, averaged) == (sampling <= frozen(model.model))
    if has(variant, Reconstructs):
        for ema in (False, True):
            again = loaded.reconstruct(split.images, ema=ema)
            assert torch.equal(again, model.reconstruct(split.images, ema=ema))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_devices_agree(
    variant: str, small_model: ModelOf, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    draws = {name: getattr(torch, name) for name in ("randn", "rand", "randint", "randn_like")}

    def on_cpu(name: str) -> Callable[..., Tensor]:
        def drawn(*args: Any, device: Any = None, **kwargs: Any) -> Tensor:
            target = device or (args[0].device if isinstance(args[0], Tensor) else "cpu")
            on_host = [a.cpu() if isinstance(a, Tensor) else a for a in args]
            return draws[name](*on_host, **kwargs).to(target)

        return drawn

    for name in draws:
        monkeypatch.setattr(torch, name, on_cpu(name))
    losses: dict[str, dict[str, Tensor]] = {}
    images: dict[str, Tensor] = {}
    for device in ("cpu", "cuda"):
        model = small_model(variant, 3, 16)
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0  # its masks are drawn inside the kernels
        model.to(device).eval()
        with torch.no_grad():
            images[device] = model.sample(ImageNoise(0, range(5), device)).cpu()
        losses[device] = one_step(model)
    torch.testing.assert_close(images["cuda"], images["cpu"], rtol=0, atol=1e-3)
    for name, loss in losses["cpu"].items():
        torch.testing.assert_close(losses["cuda"][name].cpu(), loss, rtol=1e-2, atol=1e-2)
