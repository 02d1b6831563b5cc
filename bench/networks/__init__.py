"""Backbones: pure ``nn.Module``s that know image shapes and nothing about training."""
