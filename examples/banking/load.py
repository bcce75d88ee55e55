"""Customers of the bank: several threads, each sending transfers one after the other.

Works against any address::

    python load.py http://127.0.0.1:5000
"""

from __future__ import annotations

import argparse
import threading

import requests

TIMEOUT = 10  # seconds for one request
ROUTES = (("alice", "bob"), ("alice", "carol"), ("bob", "carol"), ("carol", "alice"))


def run(url: str, transfers: int = 10) -> int:
    """Send transfers from one thread for each route.

    Args:
        url: Address of the bank.
        transfers: How many each thread sends.

    Returns:
        How many transfers did not get an answer that the bank is meant to give.
    """
    failures: list[str] = []

    def customer(source: str, target: str) -> None:
        order = {"from": source, "to": target, "amount": 10}
        with requests.Session() as session:
            for _ in range(transfers):
                try:
                    answer = session.post(f"{url}/transfer", json=order, timeout=TIMEOUT)
                except requests.RequestException as error:
                    failures.append(str(error))
                else:
                    if answer.status_code not in {200, 409}:
                        failures.append(f"status {answer.status_code}")

    threads = [
        threading.Thread(target=customer, args=route, name=f"customer-{number}")
        for number, route in enumerate(ROUTES, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(failures)


def balances(url: str) -> dict[str, int]:
    """Ask the bank for all balances."""
    answer = requests.get(f"{url}/balances", timeout=TIMEOUT)
    answer.raise_for_status()
    found: dict[str, int] = answer.json()
    return found


def main() -> int:
    """Run the load from the command line."""
    parser = argparse.ArgumentParser(description="Send transfers to the bank.")
    parser.add_argument("url", help="address of the bank, for example http://127.0.0.1:5000")
    parser.add_argument("--transfers", type=int, default=10, help="for each thread (default 10)")
    arguments = parser.parse_args()
    failed = run(arguments.url.rstrip("/"), arguments.transfers)
    print(f"{failed} transfers failed; balances: {balances(arguments.url.rstrip('/'))}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
