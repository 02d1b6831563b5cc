"""One file a verb or a group of verbs; ``options`` and ``output`` are what they share."""
