"""The proof that no number changed has to notice when one does."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import golden_bless
import pytest
import torch
from golden_commands import compare, take, tasks
from golden_digest import differences, digest, machine, other_machine
from golden_scores import score_names, score_parts
from golden_variants import variant_parts


def test_a_digest_sees_values_names_types_and_shapes_but_no_layout() -> None:
    images = torch.arange(48.0).reshape(1, 3, 4, 4)
    nudged = images.clone()
    nudged[0, 0, 0, 1] = torch.nextafter(nudged[0, 0, 0, 1], torch.tensor(2.0))
    others: list[Any] = [nudged, images.double(), images.reshape(3, 16), [images], {"b": images}]
    assert len({digest(value) for value in [images, {"a": images}, *others]}) == 7
    assert digest(images) == digest(images.to(memory_format=torch.channels_last))
    assert digest({"a": 1, "b": 2.0}) == digest({"b": 2.0, "a": 1})
    assert digest([1]) != digest([1.0])
    with pytest.raises(TypeError, match="no digest of a object"):
        digest(object())


def test_differences_names_what_changed_went_and_came() -> None:
    before = {"variants": {"vae": {"model": "1", "losses": "2"}, "ae": {"model": "3"}}}
    after = {"variants": {"vae": {"model": "9", "rng": "4"}, "ae": {"model": "8"}}}
    assert differences(before, before) == []
    assert differences(before, after, ["vae"]) == [
        "variants: vae: model: was 1, is 9",
        "variants: vae: losses: is gone",
        "variants: vae: rng: is new",
    ]
    assert len(differences(before, after)) == 4
    assert len(differences(before, {})) == 3


def test_the_same_variant_has_the_same_digests_and_another_seed_has_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once = variant_parts("vae")
    assert once == variant_parts("vae")
    assert {"model", "optimizers", "losses", "mixture, raw", "images, prior, raw"} <= once.keys()
    monkeypatch.setattr("golden_variants.SEED", 1)
    other = variant_parts("vae")
    same = {part for part in once if once[part] == other[part]}
    assert {"recipe", "images seen"} <= same
    assert not {"first weights", "model", "losses", "rng", "images, prior, raw"} & same


def test_scores_are_numbers_as_python_writes_them() -> None:
    assert "digits-10k/held-out/0" in score_names()
    parts = score_parts("digits-10k/held-out/0")
    assert float(parts["fid"]) > 0.0
    assert repr(float(parts["fid"])) == parts["fid"]


def test_compare_accepts_its_own_file_and_refuses_changed_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, chosen = tmp_path / "golden.json", tasks(["gan"])
    assert take(file, tasks(["gan", "lsgan"]), 1) == 0
    capsys.readouterr()
    assert compare(file, ["gan"], chosen, 1) == 0
    assert capsys.readouterr().out == ""
    content = json.loads(file.read_text())

    changed = copy.deepcopy(content)
    changed["variants"]["gan"]["losses"] = "0" * 64
    file.write_text(json.dumps(changed))
    assert compare(file, ["gan"], chosen, 1) == 1
    assert capsys.readouterr().out.startswith(
        "variants: gan: losses: was 00000000000000000000, is "
    )

    content["machine"]["torch"] = "1.0"
    file.write_text(json.dumps(content))
    assert compare(file, ["gan"], chosen, 1) == 2
    assert "not comparable: torch was 1.0 when the file was made" in capsys.readouterr().err


def test_machines_compare_by_everything_that_is_known_of_them() -> None:
    here = machine()
    assert {"processor", "capability", "torch"} <= here.keys()
    assert other_machine(here, here) is None
    refusal = other_machine(here, here | {"capability": "DEFAULT"})
    assert refusal is not None
    assert refusal.endswith("is DEFAULT here")


def test_what_was_compared_vouches_for_records_and_nothing_else_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Records of unknown code stay unknown, however equal everything else was."""
    trainings = [("training", old, "now") for old in ("listed", "compared", "unknown", "now")]
    monkeypatch.setattr(golden_bless, "_trainings", lambda: trainings)
    monkeypatch.setattr(golden_bless, "_scores", list)
    table: golden_bless.Table = {"training": {"listed": ["before"]}, "scoring": {}}
    compared: golden_bless.Table = {"training": {"compared": ["compared"]}, "scoring": {}}
    assert golden_bless.blessed(table, compared) == {
        "training": {"compared": ["now"], "listed": ["now"], "now": ["now"]},
        "scoring": {},
    }
