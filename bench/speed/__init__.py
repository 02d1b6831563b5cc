"""Training speed of a variant on this machine: the harness against a textbook loop.

``measure`` lets three loops take turns, ``markdown`` makes a table of the results.
"""
