"""Images of the user's own, as ``aigc bench data prepare folder:PATH`` decoded them."""

from bench.data.decode.cached import read_decoded

load = read_decoded
