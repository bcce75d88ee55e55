"""``python -m raceway``: the command ``raceway`` of this interpreter."""

from __future__ import annotations

import sys

from raceway_autopatch.launcher import forget_working_directory

if __name__ == "__main__":
    forget_working_directory()
    from raceway.cli import main

    sys.exit(main())
