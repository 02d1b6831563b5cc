"""Recorded runs made again: to prove their numbers, and to make pictures of what is not kept.

``verify`` makes every number on record again, from weights, from data or by training, and compares;
``pictures`` trains a published run again and draws what its weights show on the way.

Public: ``verify.runner.verify``, ``verify.find.find_targets``, ``pictures.draw.draw_pictures``.
"""
