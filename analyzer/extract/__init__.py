"""Media, metadata and raw bytes out of a capture, as files that players and tools read."""
