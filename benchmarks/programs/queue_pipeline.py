"""Records that go through two stages of workers, by queues: parse, then add up."""

import json
import queue
import threading

from telling import protected, work

RECORDS = 20_000
WORKERS = 3


class Totals:
    """What the last stage adds up."""

    def __init__(self):
        self.amount = 0
        self.records = 0


def main():
    """Let the records through."""
    lock = threading.Lock()
    totals = protected(Totals(), lock)
    raw, parsed = queue.Queue(maxsize=1000), queue.Queue(maxsize=1000)
    line = json.dumps({"name": "x" * 40, "amount": 2, "tags": list(range(60))})

    def parse():
        while (text := raw.get()) is not None:
            parsed.put(json.loads(text))
        parsed.put(None)

    def add():
        while (record := parsed.get()) is not None:
            checked = sum(record["tags"]) % 7 + len(json.dumps(record["tags"])) % 3
            with lock:
                totals.amount += record["amount"] + (checked < 0)
                totals.records += 1

    threads = [threading.Thread(target=stage) for stage in (parse, add) * WORKERS]
    with work():
        for thread in threads:
            thread.start()
        for _ in range(RECORDS):
            raw.put(line)
        for _ in range(WORKERS):
            raw.put(None)
        for thread in threads:
            thread.join()
    assert (totals.records, totals.amount) == (RECORDS, 2 * RECORDS)


if __name__ == "__main__":
    main()
