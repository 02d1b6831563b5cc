"""Algorithms: what one update is and how an image is drawn. One file per update rule."""
