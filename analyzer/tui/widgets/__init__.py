"""Panes and bars; each draws its own lines, and only those in sight."""
