"""Every statistical rule of a report, as pure functions that know neither records nor pages.

``intervals`` is about one row, ``effects`` about two, ``comparisons`` about families of pairs,
``changes`` about old and new, and ``sampling`` about the images behind one distance.
"""
