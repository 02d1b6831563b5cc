"""Which tensor is which: decided by names, order or shapes, and never by a guess in silence."""

from __future__ import annotations

from pathlib import Path

import foreign_networks as foreign
import torch
import yaml
from helpers import Aigc

from bench.outside.key_mapping import propose

OURS = {"g.a.weight": (4, 2), "g.a.bias": (4,), "g.b.weight": (4, 4), "g.b.bias": (4,)}


def renamed(*names: str) -> dict[str, tuple[int, ...]]:
    return dict(zip(names, OURS.values(), strict=True))


def test_names_decide_whatever_stands_before_them() -> None:
    for prefix in ("", "module.", "_orig_mod.module.", "netG."):
        theirs = {f"{prefix}{name.removeprefix('g.')}": shape for name, shape in OURS.items()}
        mixed = dict(reversed(theirs.items()))  # the order is of no matter then
        found = propose(OURS, mixed)
        assert found.fits
        assert found.how == "names"
        assert found.mapping["g.b.bias"] == f"{prefix}b.bias"


def test_order_decides_where_shapes_follow_each_other() -> None:
    found = propose(OURS, renamed("x.weight", "x.bias", "y.weight", "y.bias"))
    assert (found.fits, found.how) == (True, "order")
    assert found.mapping["g.b.bias"] == "y.bias"
    roles = propose(OURS, renamed("x.gamma", "x.beta", "y.gamma", "y.beta"))
    assert roles.fits


def test_tensors_that_could_be_exchanged_are_uncertain() -> None:
    shuffled = {"p.bias": (4,), "p.weight": (4, 4), "q.weight": (4, 2), "q.bias": (4,)}
    found = propose(OURS, shuffled)
    assert found.uncertain
    assert not found.fits
    assert found.missing == found.unexpected == ()
    stated = propose(OURS, shuffled, {"g.a.bias": "q.bias"})
    assert stated.fits  # what is left is there once
    assert stated.mapping["g.b.bias"] == "p.bias"


def test_shapes_decide_where_each_is_there_once() -> None:
    ours = {"a": (2, 3), "b": (3,), "c": (5,)}
    found = propose(ours, {"z": (5,), "y": (3,), "x": (2, 3)})
    assert (found.fits, found.how) == (True, "shapes")
    assert found.mapping == {"a": "x", "b": "y", "c": "z"}


def test_what_does_not_fit_is_named() -> None:
    found = propose(OURS, {"g.a.weight": (4, 2), "other": (9, 9)})
    assert "g.a.bias" in found.missing
    assert "other" in found.unexpected
    assert not found.fits
    wrong = propose(OURS, renamed("w", "x", "y", "z"), {"g.a.weight": "y"})
    assert wrong.wrong == ("g.a.weight",)
    assert not wrong.fits


def test_a_beginning_stands_for_all_names_with_it() -> None:
    theirs = renamed("net.a.weight", "net.a.bias", "tail.weight", "tail.bias")
    found = propose(OURS, theirs, {"g.a.": "net.a.", "g.b.": "tail."})
    assert (found.fits, found.how) == (True, "stated")
    assert found.mapping == {
        "g.a.weight": "net.a.weight",
        "g.a.bias": "net.a.bias",
        "g.b.weight": "tail.weight",
        "g.b.bias": "tail.bias",
    }


def test_counters_of_batch_normalisation_are_of_no_matter() -> None:
    assert propose({**OURS, "g.n.num_batches_tracked": ()}, OURS).fits


def test_a_proposal_is_written_read_by_a_human_and_taken_as_stated(
    aigc: Aigc, tmp_path: Path
) -> None:
    """The same tensors in an order of no network, under names that say nothing."""
    state = foreign.made(foreign.TutorialDCGAN).state_dict()
    kept = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    # widths double, so only weights, biases and statistics of one layer have one shape
    mixed = {f"t{i}.{k.rpartition('.')[2]}": kept[k] for i, k in enumerate(sorted(kept)[::-1])}
    torch.save(mixed, tmp_path / "mixed.pt")
    arguments = ("bench", "load", tmp_path / "mixed.pt", "--as", "x", "--dataset", "digits")
    size = ("--limit", "20", "--device", "cpu", "--variant", "dcgan")
    shown = aigc(*arguments, *size, "--write-map", "map.yaml")
    assert shown.code == 3  # digits are 16 x 16: one layer less
    assert "missing" in shown.stderr or "unexpected" in shown.stderr
    assert Path("map.yaml").is_file()
    written = yaml.safe_load(Path("map.yaml").read_text())
    assert set(written.values()) <= set(mixed)
    for text, message in (("- a", "holds no names"), ("a: [", "YAML"), ("a: 1", "holds no names")):
        Path("bad.yaml").write_text(text)
        bad = aigc(*arguments, *size, "--map", "bad.yaml")
        assert bad.code == 3
        assert message in bad.stderr
    assert aigc(*arguments, *size, "--key", "a.=b").code == 2
    for name in ("os:getcwd", "foreign_networks:Conv28", "bench.cli.main:main"):
        refused = aigc(*arguments, "--limit", "20", "--variant", name)
        assert refused.code == 3
        assert "not imported" in refused.stderr
