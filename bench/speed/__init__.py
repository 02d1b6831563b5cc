"""Loops measured against each other in one run: a textbook loop, the harness, and its fast path.

Public: ``measure.measure``, ``table.markdown``.
"""
