"""Cropping and resizing: nothing is aliased, and nothing moves."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bench.data.decode.image_files import Pixels
from bench.data.decode.resize import NotSquare, as_pixels, fitted, middle, resized, stacked


def picture(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels.astype(np.uint8)))


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def keys(x: np.ndarray) -> np.ndarray:
    """Keys' cubic kernel with a = -0.5."""
    x = np.abs(x)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def weights(n_from: int, n_to: int) -> np.ndarray:
    """The share of each source pixel in each target pixel, (n_to, n_from)."""
    scale = n_from / n_to
    centres = (np.arange(n_to) + 0.5) * scale
    shares = keys((np.arange(n_from) + 0.5 - centres[:, None]) / max(scale, 1.0))
    return shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("size", [97, 64, 33, 12])
def test_resizing_is_the_widened_cubic_filter(size: int) -> None:
    """Against the filter written out as matrices; it rounds once more, between the axes."""
    source = noise(size, size)
    shares = weights(size, 24)
    expected = np.clip(shares @ np.clip(source @ shares.T, 0, 255), 0, 255)
    error = np.abs(as_pixels(resized(picture(source), 24))[0] - expected)
    assert error.max() <= 1.01


def test_a_fine_checkerboard_becomes_grey() -> None:
    """Its mean is 127.5; a resize that picks pixels would return black or white."""
    board = 255 * (np.add.outer(np.arange(96), np.arange(96)) % 2)
    found = fitted(picture(board), 16, channels=1)
    inside = found[0, 2:-2, 2:-2].astype(float)  # the border sees one side only
    assert np.abs(inside - 127.5).max() <= 2
    picked = picture(board).resize((16, 16), Image.Resampling.NEAREST)
    assert set(np.unique(np.asarray(picked))) <= {0, 255}


def test_a_ramp_shrinks_to_its_block_means() -> None:
    """The filter is symmetric, so a linear ramp keeps its values: the mean of each 4 x 4 block."""
    ramp = np.add.outer(2 * np.arange(64), np.arange(64))
    means = ramp.reshape(16, 4, 16, 4).mean(axis=(1, 3))
    found = fitted(picture(ramp), 16, channels=1)[0].astype(float)
    assert np.abs(found - means)[2:-2, 2:-2].max() <= 1.0
    assert np.abs(found - means).max() <= 4.0


def test_an_image_of_the_size_keeps_its_pixels() -> None:
    pixels = noise(20, 20, 3)
    assert np.array_equal(fitted(picture(pixels), 20), pixels.transpose(2, 0, 1))


@pytest.mark.parametrize(("height", "width"), [(30, 20), (20, 30), (21, 20), (20, 20)])
def test_the_middle_is_taken(height: int, width: int) -> None:
    pixels = noise(height, width, 3)
    top, left = (height - 20) // 2, (width - 20) // 2
    expected = pixels[top : top + 20, left : left + 20].transpose(2, 0, 1)
    assert np.array_equal(fitted(picture(pixels), 20), expected)
    assert middle(picture(pixels), 10).size == (10, 10)


def test_what_is_cut_off_has_no_influence() -> None:
    pixels = noise(40, 80)
    other = pixels.copy()
    other[:, :20] = other[:, 60:] = 255
    assert np.array_equal(fitted(picture(pixels), 16), fitted(picture(other), 16))


def test_squashing_uses_everything() -> None:
    halves = np.zeros((16, 64))
    halves[:, 32:] = 200
    found = fitted(picture(halves), 16, "squash", 1)[0]
    assert found[:, :6].max() == 0
    assert found[:, -6:].min() == 200


def test_none_refuses_what_is_not_square() -> None:
    assert fitted(picture(noise(30, 30)), 10, "none").shape == (3, 10, 10)
    with pytest.raises(NotSquare, match="30 x 31, not square"):
        fitted(picture(noise(30, 31)), 10, "none")


def test_a_very_long_image_stays_small() -> None:
    """Scaling its short side first would make 64 x 4 million pixels of it."""
    assert fitted(picture(noise(1, 65_000)), 64).shape == (3, 64, 64)


def test_channels_are_repeated_or_weighed() -> None:
    grey = noise(8, 8)
    assert np.array_equal(fitted(picture(grey), 8), np.stack([grey] * 3))
    colours = noise(8, 8, 3)
    luma = colours @ np.array([0.299, 0.587, 0.114])
    assert np.abs(fitted(picture(colours), 8, channels=1)[0] - luma).max() <= 0.51


def test_stacking_wants_the_promised_number() -> None:
    images: list[Pixels] = [noise(1, 4, 4)] * 2
    assert stacked(images, 2, 1, 4).shape == (2, 1, 4, 4)
    for n in (1, 3):
        with pytest.raises(ValueError, match="argument"):
            stacked(images, n, 1, 4)
