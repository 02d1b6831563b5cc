"""Path lengths of generators whose Jacobian is known."""

from __future__ import annotations

import pytest
import torch

from bench.objectives.regularisers import PathLength, path_lengths


def test_lengths_of_a_linear_generator() -> None:
    """G(w) = A w has J^T y = A^T y, whatever w is."""
    torch.manual_seed(0)
    matrix = torch.randn(3 * 4 * 4, 5)
    styles = torch.randn(6, 1, 5, requires_grad=True)
    images = (styles[:, 0] @ matrix.t()).view(6, 3, 4, 4)
    directions = torch.randn(6, 3, 4, 4)
    expected = (directions.flatten(1) @ matrix).norm(dim=1)
    torch.testing.assert_close(path_lengths(images, styles, directions), expected)


def test_squares_are_averaged_over_layers() -> None:
    styles = torch.randn(2, 3, 4, requires_grad=True)
    images = (styles * torch.tensor([1.0, 2.0, 0.0])[:, None]).sum(1).view(2, 1, 2, 2)
    directions = torch.ones(2, 1, 2, 2)  # J^T y is (1, 2, 0) times four ones
    expected = torch.full((2,), ((4.0 + 16.0) / 3.0) ** 0.5)
    torch.testing.assert_close(path_lengths(images, styles, directions), expected)


def test_directions_have_the_papers_scale_and_the_mean_follows() -> None:
    """G(w) = 2 w with as many styles as pixels: lengths are 2 |y|, near 2 for one channel."""
    torch.manual_seed(0)
    penalty = PathLength()
    styles = torch.randn(50, 1, 400, requires_grad=True)
    images = (2.0 * styles).view(50, 1, 20, 20)
    loss = penalty(images, styles)
    assert penalty.mean.item() == pytest.approx(0.01 * 2.0, abs=0.001)
    assert loss.item() == pytest.approx((2.0 - 0.02) ** 2, rel=0.05)
    for _ in range(1000):
        loss = penalty(images, styles)
    assert penalty.mean.item() == pytest.approx(2.0, abs=0.03)
    assert loss.item() == pytest.approx(2.0**2 / (2 * 400), rel=0.5)  # what |y| varies by


def test_the_penalty_reaches_the_generator() -> None:
    scale = torch.tensor(3.0, requires_grad=True)
    styles = torch.randn(8, 1, 16, requires_grad=True)
    torch.manual_seed(0)
    PathLength()((scale * styles).view(8, 1, 4, 4), styles).backward()
    assert scale.grad is not None
    assert scale.grad > 0.0  # shorter paths, while the mean is near zero
