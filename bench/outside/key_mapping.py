"""Which tensor of somebody else's file is which of a network's, proposed from names and shapes.

Pure: names and shapes in, a proposal out. What is not certain is never guessed in silence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
How = Literal["stated", "names", "order", "shapes"]
COUNTER = "num_batches_tracked"
"""A number that no image depends on; files of before torch 0.4.1 have none."""
WRAPPERS = ("module.", "_orig_mod.", "model.")
"""What DataParallel, torch.compile and Lightning put before every name."""
ROLES = {
    "gamma": "weight",
    "beta": "bias",
    "weight": "weight",
    "bias": "bias",
    "running_mean": "running_mean",
    "running_var": "running_var",
    "weight_g": "weight_g",
    "weight_v": "weight_v",
    "weight_u": "weight_u",
    "weight_orig": "weight_orig",
}
"""What the last part of a name says of a tensor; others say nothing."""


@dataclass(frozen=True)
class Proposal:
    """Names in the file by names in the network.

    Attributes:
        mapping: as far as it goes.
        how: it came about: all stated, equal names, equal order, or shapes of which each is there
            once.
        missing: names of the network without a tensor.
        unexpected: names in the file without a place.
        uncertain: whether tensors of one shape could be exchanged for each other, so that the
            mapping is a guess.
    """

    mapping: dict[str, str]
    how: How
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    uncertain: bool = False
    wrong: tuple[str, ...] = field(default=())

    @property
    def fits(self) -> bool:
        """Whether every tensor of the network has its own, and nothing is guessed."""
        return not (self.missing or self.unexpected or self.uncertain or self.wrong)


def propose(ours: Shapes, theirs: Shapes, stated: Mapping[str, str] | None = None) -> Proposal:
    """The mapping of a file's tensors to a network's.

    Names that are equal but for what wrappers put before them decide; then the order, if shapes and
    kinds follow each other in the file as they do in the network; then shapes that are there once.

    Args:
        ours: shapes of the network by name, in its order.
        theirs: shapes of the file by name, in its order.
        stated: names in the file by names in the network, which are taken as they are; a name that
            ends in a dot stands for all that begin with it.
    """
    ours, theirs = _without_counters(ours), _without_counters(theirs)
    fixed = _stated(ours, theirs, stated or {})
    wrong = tuple(name for name, other in fixed.items() if ours[name] != theirs[other])
    left = {name: shape for name, shape in ours.items() if name not in fixed}
    taken = set(fixed.values())
    rest = {name: shape for name, shape in theirs.items() if name not in taken}
    if not left:
        return Proposal(fixed, "stated", (), tuple(rest), wrong=wrong)
    named = _by_name(left, rest)
    if len(named) == len(left):
        unused = tuple(name for name in rest if name not in named.values())
        return Proposal({**fixed, **named}, "names", (), unused, wrong=wrong)
    if _kinds(left) == _kinds(rest):
        in_order = dict(zip(left, rest, strict=True))
        return Proposal({**fixed, **in_order}, "order", wrong=wrong)
    return _by_shape(left, rest, fixed, wrong)


def _without_counters(shapes: Shapes) -> Shapes:
    return {name: s for name, s in shapes.items() if name.rpartition(".")[2] != COUNTER}


def _stated(ours: Shapes, theirs: Shapes, stated: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, other in stated.items():
        if name in ours and other in theirs:
            found[name] = other
        elif name.endswith(".") or other.endswith("."):
            for one in theirs:
                if one.startswith(other) and name + one[len(other) :] in ours:
                    found.setdefault(name + one[len(other) :], one)
    return found


def _by_name(ours: Shapes, theirs: Shapes) -> dict[str, str]:
    """Names that are equal once the same beginning is taken off all of either side."""
    best: dict[str, str] = {}
    for of_theirs in _stripped(theirs):
        for of_ours in _stripped(ours):
            found = {
                of_ours[name]: of_theirs[name]
                for name in of_ours
                if name in of_theirs and ours[of_ours[name]] == theirs[of_theirs[name]]
            }
            best = max(best, found, key=len)
    return best


def _stripped(shapes: Shapes) -> Sequence[dict[str, str]]:
    """Full names by shortened ones: as they are, without wrappers, without the first part."""
    plain = {name: name for name in shapes}
    unwrapped = {without_wrappers(name): name for name in shapes}
    shorter = {name.partition(".")[2]: full for name, full in unwrapped.items() if "." in name}
    kept = [plain, unwrapped]
    if len(shorter) == len(unwrapped):
        kept.append(shorter)
    return kept


def without_wrappers(name: str) -> str:
    """A name without what DataParallel and its like put before it."""
    for wrapper in WRAPPERS:
        name = name.removeprefix(wrapper)
    return name


def _kinds(shapes: Shapes) -> list[tuple[Shape, str]]:
    return [_kind(name, shape) for name, shape in shapes.items()]


def _kind(name: str, shape: Shape) -> tuple[Shape, str]:
    return shape, ROLES.get(name.rpartition(".")[2], "")


def _by_shape(
    ours: Shapes, theirs: Shapes, fixed: dict[str, str], wrong: tuple[str, ...]
) -> Proposal:
    groups: dict[tuple[Shape, str], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, shapes in enumerate((ours, theirs)):
        for name, shape in shapes.items():
            groups[_kind(name, shape)][side].append(name)
    mapping, uncertain = dict(fixed), False
    for mine, others in groups.values():
        mapping.update(zip(mine, others, strict=False))
        uncertain |= min(len(mine), len(others)) > 1 or 0 < len(mine) < len(others)
    used = set(mapping.values())
    return Proposal(
        {name: mapping[name] for name in (*fixed, *ours) if name in mapping},
        "shapes",
        missing=tuple(name for name in ours if name not in mapping),
        unexpected=tuple(name for name in theirs if name not in used),
        uncertain=uncertain,
        wrong=wrong,
    )
