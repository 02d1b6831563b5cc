"""Registered appeals: their numbers are other code's, and each ends in the verdict it should."""

from __future__ import annotations

import pytest
import torch
from made_by_others import MADE

from bench.appeal.claim import find_claim, registered
from bench.appeal.court import heard
from bench.records.appeal_record import AppealRecord
from catalog.schema import Registry

VERDICTS: dict[str, str] = {
    "article-listing-size": "reproduced",
    "dcgan-example-size": "setting latent_dim 100",
    "ddpm-cifar10-size": "not-explained",
    "digits-fd-500-images": "n_images 500",
    "digits-fd-aliased": "resize bilinear -antialias",
    "digits-fd-made-up": "not-explained",
    "digits-fd-pytorch-fid": "reproduced",
    "digits-fd-test-reference": "reference digits:test",
    "digits-fd-three-channels": "channels 3",
    "digits-fd-truncated": "rounding truncate",
    "digits-is-made-up": "not-explained",
    "digits-is-one-split": "isc_splits 1",
    "digits-kd-biased": "kid_biased yes",
    "digits-kd-clean-fid": "reproduced",
    "digits-recall-for-precision": "swapped yes",
    "lite0-kd-legacy-resize": "resize bilinear",
    "shapes-fd-jpeg-2000": "n_images 2,000, jpeg 75",
}
"""By id: the verdict, or what the first explanation is."""


def test_at_least_twelve_are_registered_beside_what_is_made_up() -> None:
    assert list(registered()) == sorted(VERDICTS)
    honest = [name for name in VERDICTS if not name.endswith("made-up")]
    assert len(honest) >= 12
    assert len(VERDICTS) - len(honest) == 2


@pytest.mark.parametrize("name", sorted(MADE))
def test_numbers_are_what_other_code_makes(name: str) -> None:
    claim = find_claim(name).claim
    low, high = claim.interval
    # A library of another version may move the last digit that is printed.
    slack = (high - low) / 2 + 1e-4 * abs(high)
    assert low - slack <= MADE[name]() <= high + slack


@pytest.mark.parametrize("name", sorted(VERDICTS))
def test_verdicts(name: str, registry: Registry) -> None:
    found = heard(find_claim(name), registry, torch.device("cpu"))
    assert told(found) == VERDICTS[name]
    assert found.passes <= passes_at_most(found)
    assert found.by_chance < 0.4 or name == "digits-is-made-up"


def told(record: AppealRecord) -> str:
    """The verdict, or the first explanation."""
    if record.verdict != "explained":
        assert not record.explanations
        return record.verdict
    changes = record.explained_by[0].changes
    return ", ".join(f"{change.axis} {change.tried}" for change in changes)


def passes_at_most(record: AppealRecord) -> int:
    """Two sets in the stated way, each other reference once, and once or twice for each view."""
    per_axis = {"reference": 1, "jpeg": 1, "rounding": 1, "resize": 2}
    per_axis |= {"rounded": 2, "channels": 2, "extractor": 2}
    singles = [one for one in record.tried if len(one.changes) == 1]
    return 2 + sum(per_axis.get(one.changes[0].axis, 0) for one in singles)
