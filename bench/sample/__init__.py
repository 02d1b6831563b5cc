"""Images drawn from weights: image i is a function of the weights and of i alone.

``TrainedModel`` is a model with all that sampling it needs; ``finish`` makes one of a training,
``save`` and ``load`` keep it in a run directory, ``draw_subject`` draws what a score record is
about. ``expected_subjects`` names the image sets of a run, ``Previews`` shows a training's images
while it runs.
"""
