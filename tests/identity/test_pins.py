"""Pins: what a machine finds out about data sets and judges that the registry does not know."""

from __future__ import annotations
