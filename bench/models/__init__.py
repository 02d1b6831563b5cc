"""Algorithms, one page each: settings, networks, what one update is, and how an image is drawn.

``base`` holds the contract, ``build`` makes models from names and recipes, and ``explain`` says
what a variant is made of and what to read.
"""
