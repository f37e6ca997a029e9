"""Two captures compared by what was said in each stage, not by bytes, addresses or times."""
