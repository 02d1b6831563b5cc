"""Networks with shapes: ``nn.Module``s that know sizes of images and nothing about training.

``parts`` holds what several share; every other file is one family, named in recipes or built by
one algorithm.
"""
