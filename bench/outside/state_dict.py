"""A state dict that others wrote, in the network of a variant or of a user's own plug-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bench.models.base import GenerativeModel
from bench.models.build import (
    BROKEN_CONSTRUCTION,
    algorithm_class,
    build_model,
    parse_recipe,
    resolve_recipe,
)
from bench.outside.generator import Opened, Opening
from bench.outside.key_mapping import Proposal, Shapes, propose, without_wrappers
from bench.outside.module_generator import ModelGenerator, n_sampled_from, told_by
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


def open_state_dict(opening: Opening) -> Opened:
    """The network of a variant with the weights of a file.

    Raises:
        UsageError: no variant is named.
        InvalidInput: the file breaks a rule, or its tensors are not those of the network.
    """
    model, what, identity = _network(opening)
    fit, aside = _chosen(opening, model, what)
    proposal = fit.proposal
    state = dict(model.state_dict())
    for name, other in proposal.mapping.items():
        state[name] = fit.state[other].to(state[name].dtype)
    model.load_state_dict(state)
    model.to(opening.device).to(memory_format=torch.channels_last).eval()
    return Opened(
        told=told_by(model),
        generator=partial(ModelGenerator, model),
        said=(*_said(fit, what), *aside),
        n_parameters=n_sampled_from(model),
        details={**identity, INSIDE: fit.place, KEYS: proposal.mapping},
    )


def _network(opening: Opening) -> tuple[GenerativeModel, str, dict[str, Any]]:
    """The network with fresh weights, what it is called, and what identifies it."""
    options = opening.options
    name: str | None = options.get(VARIANT)
    if not name:
        raise UsageError(
            f"{opening.source.text} holds tensors without a network",
            hint=f"name the variant whose network they fit: --variant dcgan; {OTHER_WAYS}",
        )
    registry: Registry = options[REGISTRY]
    if is_import_string(name):
        algorithm, what = algorithm_class(name), name
        recipe = parse_recipe(algorithm, dict(options.get(SETTINGS, {})), f"'{name}'")
    else:
        variant = registry.variant(name)
        if options.get(SETTINGS):
            from bench.identity.spec import merge

            recipe_data = merge(variant.recipe, dict(options[SETTINGS]))
            variant = variant.model_copy(update={"recipe": recipe_data})
        algorithm, what = algorithm_class(variant.algorithm), f"variant '{name}'"
        recipe = resolve_recipe(registry, variant, str(options[DATASET]))
    try:
        model = build_model(algorithm, recipe, opening.shape, opening.n_classes, seed=0)
    except BROKEN_CONSTRUCTION as error:
        raise InvalidInput(
            f"{what} cannot be built for images of {opening.shape.size} x {opening.shape.size}",
            where=f"{type(error).__name__}: {error}",
        ) from error
    return model, what, {VARIANT: name, SETTINGS: recipe.model_dump(mode="json")}


def _chosen(opening: Opening, model: GenerativeModel, what: str) -> tuple[_Fit, tuple[str, ...]]:
    """The dictionary that fits, averaged weights before raw ones, and what is said of others."""
    ours: Shapes = {
        f"{module}.{name}": tuple(tensor.shape)
        for module, network in model.sampling_modules().items()
        for name, tensor in network.state_dict().items()
    }
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
        raise _mismatch(opening, model, what, max(fits, key=_nearness))
    averaged = [f for f in good if any(word in f.place.lower() for word in AVERAGED)]
    first, *others = averaged or good
    distinct = [other for other in others if not _same(first, other)]
    if distinct and not averaged:
        places = ", ".join(f"'{fit.place}'" for fit in (first, *distinct))
        raise InvalidInput(
            f"{opening.source.path}: several dictionaries fit {what}: {places}",
            hint="choose one with --inside",
        )
    left = [f.place for f in good if f is not first and not _same(first, f)]
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
    return len(fit.proposal.mapping), -len(fit.proposal.unexpected)


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


def _mismatch(opening: Opening, model: GenerativeModel, what: str, fit: _Fit) -> KeysDoNotFit:
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
        hint = (
            f"state names with --key THEIRS=OURS or --map FILE, settings with --set; {OTHER_WAYS}"
        )
    place = f" at '{fit.place}'" if fit.place else ""
    return KeysDoNotFit(
        said,
        table=tuple(mapping_table(model, fit.state, proposal)),
        mapping=proposal.mapping,
        where=f"{opening.source.path}{place}",
        hint=hint,
    )


def mapping_table(model: GenerativeModel, state: StateDict, proposal: Proposal) -> Iterator[str]:
    """A line per tensor of either side, those that do not fit first; long tables are cut."""
    ours = dict(model.state_dict())
    lines = [f"missing     {name} {_sizes(ours[name])}" for name in proposal.missing]
    lines += [f"unexpected  {name} {_sizes(state[name])}" for name in proposal.unexpected]
    for name in proposal.wrong:
        other = proposal.mapping[name]
        lines.append(f"other shape {name} {_sizes(ours[name])} <- {other} {_sizes(state[other])}")
    for name, other in proposal.mapping.items():
        if name not in proposal.wrong:
            mark = "guessed" if proposal.uncertain else "found"
            lines.append(f"{mark:<11} {name} {_sizes(ours[name])} <- {other}")
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"… and {len(lines) - MOST_LINES} more"


def _sizes(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "one number"
