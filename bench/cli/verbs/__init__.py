"""The verbs of ``aigc``, one file per family; heavy imports stay inside the functions."""
