"""The terminal interface. The only package that imports textual."""
