"""What holds for all tests."""

import os

os.environ["RTMP_ANALYZE_DEBUG"] = "1"
"""Faults of the program are raised, not kept to one connection and told."""
