"""Losses, penalties and likelihoods as small pure functions, one formula each."""
