"""How fast this machine trains a variant: the harness against what one writes first.

``measure`` lets three loops take turns, ``markdown`` makes a table of the results.
"""
