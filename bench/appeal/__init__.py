"""The court of appeal: a published number that does not come out is reproduced or explained.

A ``claim`` is a small YAML file: who says which number of what, and as much of the protocol as its
authors state. ``court`` measures under that protocol and, where the number does not come out, under
its plausible ``deviations``: one at a time, then the most promising pairs. Pixels pass a judge once
for each way to see them (``passes``); everything else is arithmetic on features (``arithmetic``).
Claims about the size of a network are counted (``parameters``) rather than scored. The claims that
the program brings along lie in ``registered``.

Public: ``claim.read_claim``, ``claim.registered``, ``court.heard``.
"""
