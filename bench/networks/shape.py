"""The geometry of square images and of the pyramids that networks build over them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageShape:
    """A square image: ``channels`` x ``size`` x ``size``."""

    channels: int
    size: int

    @property
    def n_values(self) -> int:
        """Scalars in one image."""
        return self.channels * self.size * self.size


def halvings(size: int, smallest: int) -> int:
    """Number of exact halvings of ``size`` that stay at or above ``smallest``.

    With ``smallest = 4``: 8 -> 1, 16 -> 2, 28 -> 2 (28, 14, 7), 32 -> 3.
    """
    count = 0
    while size % 2 == 0 and size // 2 >= smallest:
        size //= 2
        count += 1
    return count


def halvings_to_reach(size: int, largest: int) -> int:
    """Number of exact halvings of ``size`` until it is at or below ``largest``.

    With ``largest = 8``: 8 -> 0, 16 -> 1, 28 -> 2 (28, 14, 7), 32 -> 2. An odd size on the way
    ends the walk early.
    """
    count = 0
    while size > largest and size % 2 == 0:
        size //= 2
        count += 1
    return count
