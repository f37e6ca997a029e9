"""`python -m analyzer` is `rtmp-analyze`."""

import sys

from analyzer.cli import main

if __name__ == "__main__":
    sys.exit(main())
