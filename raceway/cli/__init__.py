"""The command ``raceway``: everything about reports that is not running a program.

Subcommands are imported when they are called: ``raceway run`` starts as ``raceway-run`` does.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Sequence

PROBLEM = 1
"""Exit status of ``raceway doctor`` if something is wrong."""
USAGE_STATUS = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments without the program's name; those of this process by default.

    Returns:
        The exit status.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["run"]:
        from raceway_autopatch import launcher

        return launcher.main(words[1:])
    from raceway.cli.commands import CommandError, run

    try:
        status = run(words)
        sys.stdout.flush()
    except CommandError as error:
        sys.stderr.write(f"raceway: {error}\n")
        return USAGE_STATUS
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # as in "raceway report r.json | head": the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status
