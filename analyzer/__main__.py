"""`rtmp-analyze`, and `python -m analyzer`."""

import atexit
import gc
import os
import sys

RARELY = 50_000
"""Objects made between two looks for cycles: importing makes many and no cycles."""


def hasten() -> None:
    """Save what starting and ending cost for nothing."""
    gc.set_threshold(RARELY)
    # What is left in memory goes with the process: no last look at every object.
    atexit.register(gc.freeze)
    # numpy's threads for linear algebra, which nothing here does, spin when they start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main() -> int:
    """Run the program."""
    try:
        from analyzer import interrupt

        interrupt.at_once()  # the imports take longer than a quick Ctrl-C
        hasten()
        from analyzer import cli

        code = cli.main()
        interrupt.over()
        return code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
