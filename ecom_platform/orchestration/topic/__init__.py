"""The topic: an asset that somebody else writes, and the watch over how far the stream is behind it."""
