"""Two workers of a web service send their metrics in batches, through the one statsd client."""

import threading

from datadog.dogstatsd.base import DogStatsd

client = DogStatsd(host="127.0.0.1", port=8125, disable_telemetry=True)


def work(endpoint: str) -> None:
    with client:  # opens the buffer, and flushes it at the end
        client.increment("requests", tags=[f"endpoint:{endpoint}"])
        client.gauge("queue.length", 3)


workers = [threading.Thread(target=work, args=(endpoint,)) for endpoint in ("/buy", "/sell")]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
