"""The tool: captures in, views out."""

__version__ = "0.1.0"
