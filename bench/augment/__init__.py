"""Differentiable augmentations of image batches, and the probability that adapts them."""
