"""Captures without their secrets: what to replace and where, and the copy written."""
