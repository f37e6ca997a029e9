"""Sessions of real programs, clean ones and ones with a fault put in, and what the rules say.

`python -m tests.faults FOLDER` records them and prints the table; `rewrite` holds the faults that
are made by changing messages on their way, which tests also apply to bundled captures.
"""
