"""A state dict that others wrote, in the network of a variant or of a user's own plug-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from bench.identity.spec import inherited_recipe, merge
from bench.machine.allocation import bounded
from bench.models.base import GenerativeModel
from bench.models.build import (
    BROKEN_CONSTRUCTION,
    algorithm_class,
    build_model,
    parse_recipe,
    resolve_recipe,
)
from bench.outside.convention import Convention
from bench.outside.generator import Opened, Opening, OutsideGenerator
from bench.outside.key_mapping import Proposal, Shape, Shapes, propose, without_wrappers
from bench.outside.module_generator import (
    ModelGenerator,
    NetworkGenerator,
    module_class,
    n_sampled_from,
    told_by,
    told_by_layers,
)
from bench.outside.weights import StateDict, state_dicts
from catalog.errors import InvalidInput, UsageError
from catalog.rules.entries import is_import_string
from catalog.schema import Registry

REGISTRY, DATASET, VARIANT, SETTINGS = "registry", "dataset", "variant", "settings"
KEYS, INSIDE = "keys", "inside"
"""Options of an ``Opening``: where variants stand, the data set's id, a variant's id or
``package.module:Class``, settings over its recipe, names of tensors, and the place in the file."""
AVERAGED = ("ema", "average", "avg", "shadow")
"""Words in the names of averaged weights, which are what people draw from."""
MOST_LINES = 40
OTHER_WAYS = (
    "where no variant has this network: export it with torch.jit.save or torch.onnx.export and load"
    " that file, or install a plug-in with its class (entry point aigc.models)"
)


class KeysDoNotFit(InvalidInput):
    """Tensors of a file and of a network that do not go together; it shows them as a table."""

    def __init__(
        self,
        what: str,
        *,
        table: tuple[str, ...],
        mapping: Mapping[str, str],
        where: str,
        hint: str,
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.table = table
        self.mapping = mapping

    def lines(self) -> list[str]:
        """The table before the message."""
        return [*self.table, *super().lines()]


@dataclass(frozen=True)
class _Fit:
    """One dictionary of a file beside the network: what of it was found to be what."""

    place: str
    state: StateDict
    proposal: Proposal


@dataclass(frozen=True)
class _Network:
    """A network with fresh weights.

    Attributes:
        module: all of it; a model of the harness, or any network of a plug-in.
        what: it is called.
        parts: the networks that drawing needs, by name; None for a network that is all of itself.
        details: that identify it.
    """

    module: nn.Module
    what: str
    parts: Mapping[str, nn.Module] | None
    details: dict[str, Any]

    def shapes(self) -> Shapes:
        """Shapes of the tensors that drawing needs, by the names that ``module`` has for them."""
        if self.parts is None:
            return {name: tuple(t.shape) for name, t in self.module.state_dict().items()}
        return {
            f"{part}.{name}": tuple(tensor.shape)
            for part, network in self.parts.items()
            for name, tensor in network.state_dict().items()
        }


def open_state_dict(opening: Opening) -> Opened:
    """The network of a variant or of a plug-in with the weights of a file.

    Raises:
        UsageError: no variant is named.
        InvalidInput: the file breaks a rule, or its tensors are not those of the network.
    """
    network = _network(opening)
    module = network.module
    fit, aside = _chosen(opening, network)
    mapping = fit.proposal.mapping
    state = dict(module.state_dict())
    for name, other in mapping.items():
        state[name] = fit.state[other].to(state[name].dtype)
    module.load_state_dict(state)
    module.to(opening.device).to(memory_format=torch.channels_last).eval()
    generator: Callable[[Convention], OutsideGenerator]
    if isinstance(module, GenerativeModel):
        told, generator = told_by(module), partial(ModelGenerator, module)
        n_parameters = n_sampled_from(module)
    else:
        told = told_by_layers(module, opening)
        generator = partial(NetworkGenerator, module, opening.n_classes)
        n_parameters = sum(parameter.numel() for parameter in module.parameters())
    return Opened(
        told=told,
        generator=generator,
        said=(*_said(fit, network.what), *aside),
        n_parameters=n_parameters,
        details={**network.details, INSIDE: fit.place, KEYS: mapping},
    )


def _network(opening: Opening) -> _Network:
    options = opening.options
    name: str | None = options.get(VARIANT)
    if not name:
        raise UsageError(
            f"{opening.source.text} holds tensors without a network",
            hint=f"name the variant whose network they fit: --variant dcgan; {OTHER_WAYS}",
        )
    settings = dict(options.get(SETTINGS, {}))
    try:
        if is_import_string(name) and not issubclass(found := module_class(name), GenerativeModel):
            with bounded(f"'{name}'"), torch.random.fork_rng(devices=[]):
                return _Network(found(**settings), f"'{name}'", None, _details(name, settings))
        return _model(opening, name, settings)
    except BROKEN_CONSTRUCTION as error:
        size = opening.shape.size
        raise InvalidInput(
            f"'{name}' cannot be built for images of {size} x {size}",
            where=f"{type(error).__name__}: {error}",
        ) from error


def _model(opening: Opening, name: str, settings: dict[str, Any]) -> _Network:
    """A model of the harness, whose recipe may be a variant's."""
    registry: Registry = opening.options[REGISTRY]
    if is_import_string(name):
        what, algorithm = f"'{name}'", algorithm_class(name)
        recipe = parse_recipe(algorithm, settings, what)
    else:
        variant, dataset = registry.variant(name), str(opening.options[DATASET])
        what, algorithm = f"variant '{name}'", algorithm_class(variant.algorithm)
        resolve_recipe(registry, variant, dataset)  # refuses data sets that it is not for
        inherited = inherited_recipe(registry, variant, dataset)
        recipe = parse_recipe(algorithm, merge(inherited, settings), what)
    model = build_model(algorithm, recipe, opening.shape, opening.n_classes, seed=0)
    details = _details(name, recipe.model_dump(mode="json"))
    return _Network(model, what, model.sampling_modules(), details)


def _details(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {VARIANT: name, SETTINGS: settings}


def _chosen(opening: Opening, network: _Network) -> tuple[_Fit, tuple[str, ...]]:
    """The dictionary that fits, averaged weights before raw ones, and what is said of others."""
    ours, what = network.shapes(), network.what
    inside: str | None = opening.options.get(INSIDE)
    keys: Mapping[str, str] = opening.options.get(KEYS, {})
    fits = [
        _Fit(place, state, propose(ours, {k: tuple(t.shape) for k, t in state.items()}, keys))
        for place, state in _candidates(state_dicts(opening.source))
        if inside is None or place == inside
    ]
    if not fits:
        raise InvalidInput(
            f"{opening.source.path}: has no dictionary of tensors at '{inside}'",
        )
    good = [fit for fit in fits if fit.proposal.fits]
    if not good:
        raise _mismatch(opening, ours, what, max(fits, key=_nearness))
    averaged = [f for f in good if any(word in f.place.lower() for word in AVERAGED)]
    first, *others = averaged or good
    distinct = [other for other in others if not _same(first, other)]
    if distinct:
        places = ", ".join(f"'{fit.place}'" for fit in (first, *distinct))
        raise InvalidInput(
            f"{opening.source.path}: several dictionaries fit {what}: {places}",
            hint="choose one with --inside",
        )
    left = [f.place for f in good if not _same(first, f)]
    aside = f"'{first.place}' is taken, not {', '.join(map(repr, left))}; --inside chooses"
    return first, (aside,) if left else ()


def _candidates(found: Mapping[str, StateDict]) -> Iterator[tuple[str, StateDict]]:
    """Every dictionary as it is, and the parts of it whose names begin with one word."""
    for place, state in found.items():
        yield place, state
        parts: dict[str, StateDict] = {}
        for name, tensor in state.items():
            head, dot, _ = without_wrappers(name).partition(".")
            if dot:
                parts.setdefault(head, {})[name] = tensor
        if len(parts) > 1:
            for head, part in parts.items():
                yield f"{place}.{head}" if place else head, part


def _same(one: _Fit, other: _Fit) -> bool:
    """Whether two dictionaries put the same values into the network."""
    return all(
        torch.equal(one.state[name], other.state[other.proposal.mapping[key]])
        for key, name in one.proposal.mapping.items()
    )


def _nearness(fit: _Fit) -> tuple[int, int]:
    """Which of several that do not fit is shown: a part only if most of the network is in it."""
    proposal = fit.proposal
    n_mapped = len(proposal.mapping)
    mostly = n_mapped >= len(proposal.missing)
    return n_mapped, -len(proposal.unexpected) if mostly else 0


def _said(fit: _Fit, what: str) -> Iterator[str]:
    place = f" at '{fit.place}'" if fit.place else ""
    n = len(fit.proposal.mapping)
    ways = {
        "stated": "as stated",
        "names": "by their names",
        "order": "by their order, in which shapes follow each other as in the network",
        "shapes": "by their shapes, each of which is there once",
    }
    yield f"{n} tensors{place} are those of {what}, {ways[fit.proposal.how]}"
    kinds = {t.dtype for t in fit.state.values() if t.is_floating_point()} - {torch.float32}
    if kinds:
        names = ", ".join(sorted(str(kind).removeprefix("torch.") for kind in kinds))
        yield f"weights of type {names} are used as float32"


def _mismatch(opening: Opening, ours: Shapes, what: str, fit: _Fit) -> KeysDoNotFit:
    proposal = fit.proposal
    n = len(proposal.missing) + len(proposal.unexpected) + len(proposal.wrong)
    if proposal.uncertain and not n:
        said = f"{what}: tensors of one shape could be exchanged for each other"
        hint = "read the proposal; --write-map FILE writes it, and --map FILE takes it as stated"
    else:
        said = (
            f"the tensors are not those of {what}: {len(proposal.missing)} missing,"
            f" {len(proposal.unexpected)} unexpected, {len(proposal.wrong)} of another shape"
        )
        hint = f"state settings with --set, names with --key THEIRS=OURS or --map; {OTHER_WAYS}"
    place = f" at '{fit.place}'" if fit.place else ""
    return KeysDoNotFit(
        said,
        table=tuple(mapping_table(ours, fit.state, proposal)),
        mapping=proposal.mapping,
        where=f"{opening.source.path}{place}",
        hint=hint,
    )


def mapping_table(ours: Shapes, state: StateDict, proposal: Proposal) -> Iterator[str]:
    """A line per tensor of either side, those that do not fit first; long tables are cut."""
    theirs = {name: tuple(tensor.shape) for name, tensor in state.items()}
    lines = [f"missing     {name} {_sizes(ours[name])}" for name in proposal.missing]
    lines += [f"unexpected  {name} {_sizes(theirs[name])}" for name in proposal.unexpected]
    for name in proposal.wrong:
        other = proposal.mapping[name]
        lines.append(f"other shape {name} {_sizes(ours[name])} <- {other} {_sizes(theirs[other])}")
    mark = "guessed" if proposal.uncertain else "found"
    lines += [
        f"{mark:<11} {name} {_sizes(ours[name])} <- {other}"
        for name, other in proposal.mapping.items()
        if name not in proposal.wrong
    ]
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"… and {len(lines) - MOST_LINES} more"


def _sizes(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "one number"
