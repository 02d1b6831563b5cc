"""Every generated file at once: written, or compared with what its records say."""
