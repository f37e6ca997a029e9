"""Captures made to exhaust memory or time, one builder per attack, by what they attack."""
