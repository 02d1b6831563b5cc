"""Reports: pages made from records and from nothing else.

``board`` is the table of a suite as values, ``words`` every sentence by language. Made of them are
the pages of ``leaderboard``, ``charts``, ``claims``, ``compare``, ``card`` and ``site``, and
``generated`` makes or checks all that is committed. One starts at ``write_leaderboard``,
``write_card``, ``write_claims``, ``write_site`` or ``write_everything``.
"""
