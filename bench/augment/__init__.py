"""What a critic sees instead of images: differentiable augmentations of batches.

``diff_augment`` is always on; ``pipeline`` acts with a probability, which ``adaptive`` moves.
"""
