"""How many events a second the server takes and stores, and how fast it analyses them.

    python benchmarks/server.py [--seconds 20] [--senders 2] [--analyse 1000000]

Starts a server with a folder of its own, sends batches that were made before, and asks the server
how many it has stored.  The generator shares the machine with it.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import uuid
from http.client import HTTPConnection
from pathlib import Path

BATCH = 1000


def event(trace, number, variable):
    kind = "Write" if number % 2 else "Read"
    return {
        "id": str(uuid.uuid4()),
        "trace_id": trace,
        "parent_id": None,
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S") + f".{number % 1000000:06d}+00:00",
        "kind": {
            "StateChange": {
                "variable": variable,
                "old_value": None,
                "new_value": number,
                "location": f"/srv/bank/api.py:{40 + number % 2}",
                "access_type": kind,
            }
        },
        "metadata": {
            "thread_id": f"host1-4711:worker-{number // 10 % 8}",
            "process_id": 4711,
            "service_name": "bank",
            "environment": "load",
            "tags": {"sdk_language": "python"},
            "duration_ns": None,
            "instance_id": "host1-4711",
            "distributed_span_id": trace[:16],
            "upstream_span_id": None,
        },
        "causality_vector": [["bank#host1-4711", number]],
        "lock_set": [],
    }


def bodies(count, variable):
    made = []
    for batch in range(count):
        traces = [str(uuid.uuid4()) for _ in range(BATCH // 50)]
        events = [
            event(traces[n // 50], batch * BATCH + n, variable or f"account-{n % 100}")
            for n in range(BATCH)
        ]
        made.append(json.dumps({"events": events}, separators=(",", ":")).encode())
    return made


def send(url, seconds, most, variable, result):
    host, _, port = url.removeprefix("http://").partition(":")
    connection = HTTPConnection(host, int(port), timeout=60)
    pattern = bodies(20, variable)
    parts = [body.split(b'"id":"') for body in pattern]
    sent = turned_away = 0
    end = time.monotonic() + seconds
    at = 0
    while time.monotonic() < end and sent < most:
        at += 1
        # The first eight digits of each id are the number of the pass.
        salt = f"{os.getpid() & 0xFFF:03x}{at:05x}".encode()
        first, *others = parts[at % len(parts)]
        body = first + b"".join(b'"id":"' + salt + other[8:] for other in others)
        connection.request("POST", "/events", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            sent += BATCH
        else:
            turned_away += 1
            time.sleep(0.05)
    result.put((sent, turned_away))


def ask(url, path="/status"):
    host, _, port = url.removeprefix("http://").partition(":")
    connection = HTTPConnection(host, int(port), timeout=60)
    connection.request("GET", path)
    return json.loads(connection.getresponse().read())["data"]


def memory(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) // 1024
    return 0


def children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--senders", type=int, default=2)
    parser.add_argument("--analyse", type=int, default=0, help="accesses of one variable instead")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        server = subprocess.Popen(
            [sys.executable, "-m", "raceway", "serve", "--port", "0", "--data", str(data)]
        )
        while not (data / "lock").exists() or not (data / "lock").read_text():
            time.sleep(0.05)
        url = json.loads((data / "lock").read_text())["url"]
        time.sleep(1)
        results = multiprocessing.Queue()
        variable = "hot" if given.analyse else ""
        most = given.analyse // given.senders if given.analyse else 1 << 60
        seconds = 600 if given.analyse else given.seconds
        senders = [
            multiprocessing.Process(target=send, args=(url, seconds, most, variable, results))
            for _ in range(given.senders)
        ]
        begun = time.monotonic()
        for sender in senders:
            sender.start()
        counts = [results.get() for _ in senders]
        took = time.monotonic() - begun
        stored = ask(url)["events_captured"]
        away = sum(one for _, one in counts)
        print(
            f"stored {stored:,} in {took:.1f} s: {stored / took:,.0f} events/s; {away} turned away"
        )
        while True:
            state = ask(url)["analysis"]
            if state["position"] >= state["stored"] and state["concluded"] >= state["stored"]:
                break
            time.sleep(0.1)
        whole = time.monotonic() - begun
        print(f"analysed after {whole:.1f} s: {stored / whole:,.0f} events/s")
        (analyser,) = children(server.pid)
        size = sum(one.stat().st_size for one in data.iterdir()) / stored
        print(f"memory: server {memory(server.pid)} MB, analysis {memory(analyser)} MB")
        print(f"store: {size:.0f} bytes an event")
        found = ask(url, "/api/v1/findings")["findings"]
        print("findings:", [(one["severity"], one["variable"], one["count"]) for one in found][:3])
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
