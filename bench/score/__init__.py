"""Images to numbers: one pass through a feature network, then every metric on its features.

``scorer`` measures what a protocol prescribes, ``two_sets`` what a user names; ``extractors`` are
the judges, ``metrics`` the formulas, which torch-fidelity computes. ``calibration`` makes the sets
whose scores say what a number is worth, ``suspicions`` what a number may hide, and
``known_answers`` asks for numbers that are known by hand. Training never sees anything of this
room.

Public: ``scorer.Scorer``, ``scoring_bench.ScoringBench``, ``extractors.load_extractor``,
``image_source.resolve_image_source``, ``two_sets.compare``.
"""
