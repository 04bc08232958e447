"""Runs `deepley COMMAND` or `python -m deepley COMMAND`; without a command it lists them."""

from __future__ import annotations

import argparse
import os
import sys
import traceback

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("GLOG_minloglevel", "2")

from deepley.cli import check, evaluate, hub, jobs, scan, train  # below the two settings, which TensorFlow reads
from deepley.errors import Refusal

_COMMANDS = (check, scan, train, evaluate, hub, jobs)
_STOPPED = 130


def main(arguments: list[str] | None = None) -> int:
    """Runs one command.

    Returns:
        The exit code: 0 if all went well, 1 if a file or the command was refused, 2 for wrong arguments, 70 for a bug
        in this program, whose traceback is printed, and 130 if Ctrl-C stopped it.
    """
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("deepley: stopped.", file=sys.stderr)
        return _STOPPED
    except Refusal as error:
        print(f"deepley: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        named = error.strerror and error.filename is not None
        print(f"deepley: {error.strerror}: {error.filename}" if named else f"deepley: {error}", file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        print("deepley: This is a bug. Please report it with the lines above.", file=sys.stderr)
        return os.EX_SOFTWARE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deepley", description="Finds evidence that a face was generated or swapped.")
    added = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in _COMMANDS:
        group.add(added)
    return parser


if __name__ == "__main__":
    sys.exit(main())
