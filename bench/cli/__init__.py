"""The command ``aigc``: what a user asks becomes calls of the rooms below, and answers become text.

``main`` mounts the verbs and turns errors into sentences and exit codes. A verb reads its options,
calls one room and prints what that returns; it imports the room only when it is carried out, so
that ``--help`` and lists never wait for torch. Data goes to stdout, words for people to stderr.

Public: ``main.main``; for a new verb ``verbs.options`` and ``verbs.output``.
"""
