"""The loop, and the one place where it is made faster.

A model does one update at a time and sees neither budget nor precision, averages, checkpoints or
the guard against divergence: those are here. ``batches`` fixes which images an update sees, ``ema``
what is averaged, ``checkpoint`` what a training goes on from. ``gpu`` does the same updates faster,
and whatever makes other numbers is part of the code digest.

Public: ``loop.Trainer``, ``loop.Stopped``, ``batches``, ``checkpoint``, ``divergence.Diverged``.
"""
