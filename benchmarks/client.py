"""What the client costs: a call, its latency under load, the way to a server, one that hangs.

The server is a process of its own that answers 200 to everything and counts events. Calls are
compared in one run with a call of an empty function and with ``logging.info`` into a handler that
throws everything away; the best of all rounds counts, measured in CPU time of the calling thread,
so that another program on the machine disturbs all alike.

    python benchmarks/client.py
"""

from __future__ import annotations

import logging
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from raceway import Config, RacewayClient

CALLS = 5000
ROUNDS = 15
THREADS = 16
CALLS_PER_SECOND = 2000
SECONDS = 5
EVENTS = 200_000
LOOP = 90  # passes that take as long as a call, when nothing else runs

SERVER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"
while True:
    connection, _ = listener.accept()
    file = connection.makefile("rb")
    seen = 0
    while line := file.readline():
        length = 0
        while line.strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            line = file.readline()
        seen += file.read(length).count(b'"parent_id":')
        connection.sendall(ANSWER)
    print(seen, flush=True)
"""


def empty(*args):
    pass


def looping(*_args):
    """Take about as long as a call of ours, and touch nothing."""
    total = 0
    for number in range(LOOP):
        total += number


def cost(call, between=empty):
    """Return the nanoseconds of CPU time for one call."""
    best = float("inf")
    for _ in range(ROUNDS):
        before = time.thread_time_ns()
        for _ in range(CALLS):
            call()
        best = min(best, time.thread_time_ns() - before)
        between()
    return best / CALLS


def calls():
    """Measure each call, with a sender that takes events and sends none."""
    client = RacewayClient(Config(endpoint="http://127.0.0.1:9", max_buffer_bytes=2**30))
    sender = client._sender
    sender._buffer.start = lambda: True
    logger = logging.getLogger("benchmark")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.NullHandler())

    def forget():
        sender._buffer.queue.clear()
        sender._buffer.queued_bytes = 0

    def change():
        client.track_state_change("counter", 5, 6, "app.py:100", "Write")

    def lock():
        client.track_lock_acquire("lock", "Lock", "app.py:1")
        client.track_lock_release("lock", "app.py:2")

    plain = cost(empty)
    logged = cost(lambda: logger.info("%s", 7))
    print(f"{'call':44} {'ns':>8} {'x call':>8} {'x log':>7}")

    def show(title, ns):
        print(f"{title:44} {ns:8.0f} {ns / plain:8.1f} {ns / logged:7.2f}")

    show("empty function", plain)
    show("logging.info, NullHandler", logged)
    show("track_state_change, outside a trace", cost(change))
    client.start_trace()
    show("track_state_change, location given", cost(change, forget))
    show(
        "track_state_change, location found",
        cost(lambda: client.track_state_change("counter", 5, 6), forget),
    )
    show(
        "track_state_change, value is a dict of 10",
        cost(
            lambda: client.track_state_change("c", None, dict.fromkeys("abcdefghij", 1), "a:1"),
            forget,
        ),
    )
    show(
        "track_function_call",
        cost(lambda: client.track_function_call("f", "m", {"a": 1}, "a.py", 1), forget),
    )
    show("track_lock_acquire and release", cost(lock, forget))
    client.end_trace()
    forget()
    sender._buffer.accepted = 0


def server():
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    return process, f"http://127.0.0.1:{process.stdout.readline().strip()}"


def latency():
    """Measure each call of many threads while events are sent, beside an empty function."""
    process, url = server()
    client = RacewayClient(Config(endpoint=url, max_events_per_second=None, batch_size=200))
    # What is in its row is what the machine does to any call: nothing is sent meanwhile.
    silent = RacewayClient(Config(endpoint="http://127.0.0.1:9", max_buffer_bytes=2**30))
    silent._sender._buffer.start = lambda: True

    def run(call):
        taken = [[] for _ in range(THREADS)]

        def work(mine):
            client.start_trace()
            pause = THREADS / CALLS_PER_SECOND
            for _ in range(int(SECONDS / pause)):
                time.sleep(pause)
                before = time.perf_counter_ns()
                call("counter", 5, 6, "app.py:100", "Write")
                mine.append(time.perf_counter_ns() - before)

        threads = [threading.Thread(target=work, args=(mine,)) for mine in taken]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(ns for mine in taken for ns in mine)

    print(f"\n{THREADS} threads, {CALLS_PER_SECOND} calls a second, in microseconds")
    print(f"{'':44} {'p50':>8} {'p99':>8} {'p99.9':>8}")
    logger = logging.getLogger("benchmark")
    for title, call in (
        ("empty function", empty),
        # Whoever is at work for so long is kept waiting now and then by the machine.
        ("a loop that takes as long", looping),
        ("logging.info, NullHandler", lambda *args: logger.info("%s", args)),
        ("track_state_change, nothing is sent", silent.track_state_change),
        ("track_state_change", client.track_state_change),
    ):
        ns = run(call)
        shown = [ns[int(len(ns) * share)] / 1000 for share in (0.5, 0.99, 0.999)]
        print(f"{title:44} {shown[0]:8.1f} {shown[1]:8.1f} {shown[2]:8.1f}")
    client.shutdown()
    silent._sender._buffer.queue.clear()
    silent.shutdown(0)
    process.kill()


def throughput():
    """Measure from the first call until the server has everything."""
    process, url = server()
    client = RacewayClient(
        Config(endpoint=url, max_events_per_second=None, batch_size=2000, shutdown_timeout=60)
    )
    client.start_trace()
    begun, cpu = time.perf_counter(), time.process_time()
    for number in range(EVENTS):
        client.track_state_change("counter", number, number + 1, "app.py:100", "Write")
        if not number % 1000:
            while client.stats().buffered > 40_000:  # as much as finds room
                time.sleep(0.001)
    delivered = client.shutdown()
    elapsed, cpu = time.perf_counter() - begun, time.process_time() - cpu
    seen = int(process.stdout.readline())
    process.kill()
    print(f"\nfrom the call to the server: {EVENTS / elapsed:,.0f} events a second,")
    print(f"{EVENTS / cpu:,.0f} in a second of CPU time")
    print(f"delivered {delivered}, tracked {EVENTS}, arrived {seen}, {client.stats()}")


def hanging():
    """Measure memory and threads while a server takes a connection and never answers."""

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    client = RacewayClient(Config(endpoint=url, shutdown_timeout=0.1))
    client.start_trace()
    threads, before = len(os.listdir("/proc/self/task")), resident()
    for number in range(EVENTS):
        client.track_state_change("counter", number, {"n": number}, f"app.py:{number}", "Write")
    print(
        f"\na hanging server: {resident() - before:.1f} MiB and"
        f" {len(os.listdir('/proc/self/task')) - threads} threads for {EVENTS} calls,"
        f" of which {client.stats().overflowed} found no room"
    )
    client.shutdown()


def main():
    if sys.argv[1:] == ["hanging"]:
        hanging()
        return
    logging.getLogger("raceway").addHandler(logging.NullHandler())
    print(f"Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    calls()
    latency()
    throughput()
    # In a process of its own: here memory of the others would be used again.
    sys.stdout.flush()
    subprocess.run([sys.executable, __file__, "hanging"], check=True)


if __name__ == "__main__":
    main()
