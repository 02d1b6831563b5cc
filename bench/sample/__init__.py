"""Weights to images: image i is a function of the weights and of i alone.

``trained_model`` is a finished run that can draw, by any of its samplers and from either weights;
``image_sets`` lists what of it is scored, ``draw_images`` makes those sets, ``latent_density`` fits
the mixtures that some samplers need. ``grid`` and ``previews`` make pictures of images for people.

Public: ``trained_model.load`` and ``TrainedModel``, ``image_sets.expected_subjects``,
``draw.NonFiniteImages``, ``grid.write_grid``.
"""
