"""Pictures of one variant: how it learns, what lies between its images, what they are near to."""
