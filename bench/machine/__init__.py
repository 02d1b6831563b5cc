"""Facts about this computer, and sizes and times in words.

``resolve_device`` finds what to compute on, ``arithmetic`` tells how it rounds, ``process`` who
lives, ``memory`` what is taken, ``bounded`` how much a constructor may take, and ``units`` spells
sizes, durations and moments for people. It knows nothing of models, records or runs.
"""
