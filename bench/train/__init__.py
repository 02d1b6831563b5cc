"""The training loop, and the one place where it is made faster.

``Trainer`` owns budget, order of images, seeds, rates, averages, checkpoints and the guard against
divergence, and knows of a model only ``step``. ``bench.train.gpu`` trains the same way on a GPU
with less waiting; ``trainer_of`` chooses, ``placed`` says where the images are kept.
"""
