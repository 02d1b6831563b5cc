"""Fixtures of this room: small suites in folders of their own."""

from benches import bench_of, gate

__all__ = ["bench_of", "gate"]
