"""The page of one variant: what it is, what was measured of it, and what its images look like."""
