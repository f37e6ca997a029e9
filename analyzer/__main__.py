"""`rtmp-analyze`, and `python -m analyzer`."""

import sys


def main() -> int:
    """Run the program; what is left in memory goes with the process."""
    try:
        from analyzer import interrupt

        interrupt.at_once()  # the imports take longer than a quick Ctrl-C
        import gc

        from analyzer import cli

        code = cli.main()
        gc.freeze()  # else the interpreter looks at every object once more: 5 % of a large run
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
