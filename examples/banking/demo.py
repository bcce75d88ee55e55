"""The whole story in one process: start the bank, send it customers, look at the balances.

Run it plain, then under ``raceway-run``. Whether money is missing in the end depends on the
timing; whether Raceway finds the race does not.
"""

from __future__ import annotations

import argparse
import logging
import threading

import app
import app_fixed
import load
from werkzeug.serving import make_server


def main() -> int:
    """Run the demonstration and return its exit status."""
    parser = argparse.ArgumentParser(description="Run the bank and its customers.")
    parser.add_argument("--fixed", action="store_true", help="run the correct twin of the bank")
    arguments = parser.parse_args()

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for each request
    factory = app_fixed.create_app if arguments.fixed else app.create_app
    server = make_server("127.0.0.1", 0, factory(), threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, name="server")
    serving.start()
    try:
        failed = load.run(url)
        found = load.balances(url)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()

    before, after = app.OPENING_BALANCE * len(app.CUSTOMERS), sum(found.values())
    print(f"balances: {found}")
    print(f"the bank held {before} before and holds {after} now: {after - before:+d}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
