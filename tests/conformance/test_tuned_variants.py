"""Every variant on the tuned path: what can be replayed, what stays in float32, what a GPU does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bench.data import ImageSplit
from bench.models.base import GenerativeModel
from bench.train.gpu.graphs import judge
from bench.train.gpu.trainer import ON_SIDE_STREAM, WATCHED, TunedTrainer
from bench.train.loop import Trainer

ModelOf = Callable[..., GenerativeModel]
SplitOf = Callable[..., ImageSplit]

NOT_REPLAYED = {
    "categorical-vae": "depends on the step",  # its temperature falls
    "dall-e": "depends on the step",  # two stages
    "dall-e-shapes": "depends on the step",
    "ddpm": "depends on the step",  # the rate rises at first
    "flow-matching": "depends on the step",
    "fsq-vae": "reads back from the device",  # counts the codes in use
    "stylegan2": "depends on the step",  # lazy regularisers
    "stylegan2-ada": "depends on the step",
    "vamp-vae": "reads back from the device",  # pseudo-inputs that wait for images
    "vq-vae": "reads back from the device",
    "vq-vae-2": "reads back from the device",
    "vqgan": "depends on the step",
}
"""Reasons by variant; the updates of all others can be replayed."""
N_UPDATES = WATCHED + ON_SIDE_STREAM + 4
"""Enough for an update to be recorded and replayed."""
on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.fixture
def images(split_of: SplitOf) -> ImageSplit:
    return split_of(40, channels=3, size=16)


def trainer_on(
    device: str, model: GenerativeModel, split: ImageSplit, **arguments: Any
) -> TunedTrainer:
    trainer = TunedTrainer(model.to(device), split.to(device), n_steps=30, seed=0, **arguments)
    trainer.model.train()
    torch.manual_seed(0)
    return trainer


def losses_of(trainer: Trainer, n: int) -> list[dict[str, Tensor]]:
    return [trainer.update() for _ in range(n)]


def is_replayed(trainer: TunedTrainer) -> bool:
    return trainer._recorded is not None


def test_the_verdict_is_the_known_one(
    variant: str, small_model: ModelOf, images: ImageSplit
) -> None:
    model = small_model(variant, 3, 16)
    batch = Trainer(model, images, n_steps=30, seed=0).batches.batch(0)
    torch.manual_seed(0)
    verdict = judge(model, batch, 30, 40)
    assert verdict.graphable == (variant not in NOT_REPLAYED)
    assert NOT_REPLAYED.get(variant, "yes") in str(verdict)


def test_bfloat16_stays_finite_and_nothing_is_differentiated_twice_in_it(
    variant: str, small_model: ModelOf, images: ImageSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    differentiate = torch.autograd.grad
    coarse: list[bool] = []

    def watched(outputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("create_graph"):
            coarse.append(changes_type(outputs))
        return differentiate(outputs, *args, **kwargs)

    monkeypatch.setattr(torch.autograd, "grad", watched)
    trainer = trainer_on("cpu", small_model(variant, 3, 16), images, precision="bf16")
    for losses in losses_of(trainer, 4):
        for name, loss in losses.items():
            assert loss.dtype == torch.float32, name
            assert loss.isfinite(), name
    assert all(p.isfinite().all() for p in trainer.model.parameters())
    assert not any(coarse)
    assert bool(coarse) == (variant in DIFFERENTIATED_TWICE)


def changes_type(outputs: Tensor) -> bool:
    """Whether a value, anywhere on the way to ``outputs``, went from one type to another."""
    waiting, seen = [outputs.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if node.name() == "ToCopyBackward0":
            return True
        waiting += [following for following, _ in node.next_functions]
    return False


class Products(TorchDispatchMode):
    """Counts convolutions and matrix products, by the type of what goes in."""

    def __init__(self) -> None:
        super().__init__()
        self.n: Counter[torch.dtype] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket.__name__ in ("convolution", "mm", "addmm", "bmm"):
            self.n[args[-1].dtype if isinstance(args[-1], Tensor) else args[0].dtype] += 1
        return func(*args, **(kwargs or {}))


def test_most_products_are_in_bfloat16(
    variant: str, small_model: ModelOf, images: ImageSplit
) -> None:
    trainer = trainer_on("cpu", small_model(variant, 3, 16), images, precision="bf16")
    trainer.update()
    with Products() as products:
        trainer.update()
    low, full = (products.n[kind] for kind in (torch.bfloat16, torch.float32))
    assert low > 0
    assert low > full or variant in MUCH_IN_FULL


DIFFERENTIATED_TWICE = {
    *("wgan-gp", "r1-gan", "dragan", "rae-gp", "r3gan", "stylegan2", "stylegan2-ada"),
}
"""Variants with a gradient penalty, of whatever network."""
MUCH_IN_FULL = DIFFERENTIATED_TWICE | {"ada-gan"}  # whose augmentations are products as well


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Float32 that is float32, on the GPU as well."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)


@pytest.fixture
def noise_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whatever is drawn for the GPU come from the CPU's generator."""
    for name in ("randn", "rand", "randint", "randn_like"):
        monkeypatch.setattr(torch, name, on_cpu(getattr(torch, name)))


def on_cpu(draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def drawn(*args: Any, device: Any = None, **kwargs: Any) -> Tensor:
        target = device or (args[0].device if isinstance(args[0], Tensor) else "cpu")
        on_host = [a.cpu() if isinstance(a, Tensor) else a for a in args]
        return draw(*on_host, **kwargs).to(target)

    return drawn


@pytest.mark.gpu
@on_a_gpu
@pytest.mark.usefixtures("exact", "noise_of_the_cpu")
def test_a_few_updates_agree_between_devices(
    variant: str, small_model: ModelOf, images: ImageSplit
) -> None:
    found: dict[str, list[dict[str, Tensor]]] = {}
    for device in ("cpu", "cuda"):
        model = small_model(variant, 3, 16)
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0  # its masks are drawn inside the kernels
        found[device] = losses_of(trainer_on(device, model, images, graphs=False), 3)
    for on_host, on_gpu in zip(found["cpu"], found["cuda"], strict=True):
        for name, loss in on_host.items():
            torch.testing.assert_close(on_gpu[name].cpu(), loss, rtol=3e-2, atol=3e-2)


@pytest.mark.gpu
@on_a_gpu
@pytest.mark.usefixtures("exact")
def test_replayed_updates_are_the_eager_ones(
    variant: str, small_model: ModelOf, images: ImageSplit
) -> None:
    eager = trainer_on("cuda", small_model(variant, 3, 16), images, graphs=False)
    expected = losses_of(eager, N_UPDATES)
    trainer = trainer_on("cuda", small_model(variant, 3, 16), images)
    found = losses_of(trainer, N_UPDATES)
    assert is_replayed(trainer) == (variant not in NOT_REPLAYED), str(trainer.verdict)
    for ours, theirs in zip(found, expected, strict=True):
        for name, loss in theirs.items():
            torch.testing.assert_close(ours[name], loss, rtol=2e-2, atol=2e-2)


@pytest.fixture
def waiting_is_an_error() -> Iterator[Callable[[], None]]:
    yield lambda: torch.cuda.set_sync_debug_mode("error")
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@on_a_gpu
def test_bfloat16_on_a_gpu_stays_finite_and_waits_for_nothing(
    variant: str,
    small_model: ModelOf,
    images: ImageSplit,
    waiting_is_an_error: Callable[[], None],
) -> None:
    torch.cuda.reset_peak_memory_stats()
    trainer = trainer_on("cuda", small_model(variant, 3, 16), images, precision="bf16")
    losses = losses_of(trainer, N_UPDATES)
    if is_replayed(trainer):
        waiting_is_an_error()
        losses += losses_of(trainer, 6)  # more than an epoch, whose order is copied as well
        torch.cuda.set_sync_debug_mode("default")
    for update in losses:
        for name, loss in update.items():
            assert loss.isfinite(), name
    assert torch.cuda.max_memory_allocated() > 0
