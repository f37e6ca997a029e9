"""`rtmp-analyze`, and `python -m analyzer`."""

import gc
import sys

from analyzer import cli


def main() -> int:
    """Run the program; what is left in memory goes with the process."""
    code = cli.main()
    gc.freeze()  # else the interpreter looks at every object once more: 5 % of a large run
    return code


if __name__ == "__main__":
    sys.exit(main())
