"""What others made comes in: checkpoints, pipelines, sets of samples, reference statistics.

``source.parse`` reads what a user names and looks at what it is; ``openers`` says what opens each
kind, without ever running code that is not installed; an ``OutsideGenerator`` draws as a trained
model does, image i from the weights and from i; ``convention.to_images`` makes images in the shape
of a data set of what comes out. What it is called and where it stands in a table is a matter of
the rooms below.
"""
