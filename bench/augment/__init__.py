"""Differentiable augmentations of image batches, applied before a critic sees them.

``diff_augment`` is always on; ``pipeline`` acts with a probability, which ``adaptive`` moves.
"""
