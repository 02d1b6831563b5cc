"""Settings as leaves with dotted names, and what differs between two of them."""

from __future__ import annotations

from bench.identity.settings import differences, flatten

OLD = {"loss": "hinge", "penalty": {}, "optimizer": {"lr": 1e-4, "betas": [0.0, 0.9]}, "ema": None}
NEW = {"loss": "hinge", "penalty": {"gradient": 10.0}, "optimizer": {"lr": 2e-4}, "ema": 0}


def test_leaves_have_dotted_names_in_order() -> None:
    assert list(flatten(OLD).items()) == [
        ("loss", "hinge"),
        ("penalty", {}),
        ("optimizer.lr", 1e-4),
        ("optimizer.betas", [0.0, 0.9]),
        ("ema", None),
    ]
    assert flatten({"a": {"b": 1}}, "x.") == {"x.a.b": 1}


def test_differences_are_told_by_leaf() -> None:
    assert list(differences(OLD, NEW).items()) == [
        ("optimizer.lr", (1e-4, 2e-4)),
        ("optimizer.betas", ([0.0, 0.9], None)),
        ("ema", (None, 0)),
        ("penalty.gradient", (None, 10.0)),
    ]
    assert differences(OLD, OLD) == {}


def test_an_empty_group_is_no_setting_that_could_differ() -> None:
    assert differences({"penalty": {}}, {}) == {}
