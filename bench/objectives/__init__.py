"""Losses, penalties, likelihoods and schedules as small functions, each with the paper it is from.

They know tensors, and neither networks nor training: an algorithm says which of them it minimises.
"""
