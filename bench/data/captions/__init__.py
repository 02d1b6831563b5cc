"""Text for images: which captions a data set has, and which of them no training ever sees."""
