"""Faster training on a GPU: replayed updates, bfloat16 passes, images that stay on the host.

Nothing here decides which images an update sees or what it draws. A training in ``fp32`` takes the
same updates with and without this package, up to rounding.
"""
