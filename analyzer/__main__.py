"""`rtmp-analyze`, and `python -m analyzer`."""

import gc
import os
import sys

RARELY = 50_000
"""Objects made between two looks for cycles: importing makes many and no cycles."""


def hasten() -> None:
    """Save what starting costs for nothing."""
    gc.set_threshold(RARELY)
    # numpy's threads for linear algebra, which nothing here does, spin when they start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main() -> int:
    """Run the program; what is left in memory goes with the process."""
    try:
        from analyzer import interrupt

        interrupt.at_once()  # the imports take longer than a quick Ctrl-C
        hasten()
        from analyzer import cli

        code = cli.main()
        gc.freeze()  # else the interpreter looks at every object once more: 5 % of a large run
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
