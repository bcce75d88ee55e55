"""How many events a second the server takes and stores, how fast it analyses, what kill -9 loses.

    python benchmarks/server.py [--seconds 60] [--senders 2]
    python benchmarks/server.py --analyse 1000000
    python benchmarks/server.py --kills 20

The first starts a server with a folder of its own, sends batches that were made before, and asks
the server how many it has stored; the generator shares the machine with it.  The second stores
accesses of one variable first, and then has them analysed.  The third kills the server while it is
sent events, time and again, and looks whether all that it has acknowledged is there.  A machine
that is busy with something else makes all of it slower: the load average is printed, too.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import closing
from http.client import HTTPConnection, HTTPException
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


def batches(variable, salt):
    """Yield batches without an end, each with ids of its own."""
    pattern = [body.split(b'"id":"') for body in bodies(20, variable)]
    for at in itertools.count(1):
        # The first eight digits of each id are the number of the pass.
        fresh = f"{salt & 0xFFF:03x}{at:05x}".encode()
        first, *others = pattern[at % len(pattern)]
        yield first + b"".join(b'"id":"' + fresh + other[8:] for other in others)


def post(connection, body):
    connection.request("POST", "/events", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def send(url, seconds, result):
    host, _, port = url.removeprefix("http://").partition(":")
    connection = HTTPConnection(host, int(port), timeout=60)
    sent = turned_away = 0
    end = time.monotonic() + seconds
    for body in batches("", os.getpid()):
        if time.monotonic() >= end:
            break
        if post(connection, body) == 200:
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


def memory(pid, what="VmHWM"):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) // 1024
    return 0


def cpu(pid):
    """Return the seconds of CPU time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def start(data):
    server = subprocess.Popen(
        [sys.executable, "-m", "raceway", "serve", "--port", "0", "--data", str(data)],
        stderr=subprocess.DEVNULL,
    )
    while True:
        try:
            told = json.loads((data / "lock").read_text())
            if told["pid"] == server.pid:
                ask(told["url"], "/api/v1/system")
                return server, told["url"]
        except (OSError, ValueError, KeyError, HTTPException):
            pass
        time.sleep(0.02)


def wait_for_analysis(url):
    while True:
        state = ask(url)["analysis"]
        if state["position"] >= state["stored"] and state["concluded"] >= state["stored"]:
            return
        time.sleep(0.1)


def tell_findings(url):
    found = ask(url, "/api/v1/findings")["findings"]
    print("findings:", [(one["severity"], one["variable"], one["count"]) for one in found][:3])


def load(data, seconds, count):
    server, url = start(data)
    (analyser,) = children(server.pid)
    results = multiprocessing.Queue()
    senders = [
        multiprocessing.Process(target=send, args=(url, seconds, results)) for _ in range(count)
    ]
    used = cpu(server.pid)
    begun = time.monotonic()
    for sender in senders:
        sender.start()
    sizes = []
    while any(sender.is_alive() for sender in senders):
        sizes.append(memory(server.pid, "VmRSS"))
        senders[0].join(min(5, seconds / 4))
    counts = [results.get() for _ in senders]
    took = time.monotonic() - begun
    used = cpu(server.pid) - used
    stored = ask(url)["events_captured"]
    away = sum(one for _, one in counts)
    acknowledged = sum(one for one, _ in counts)
    print(f"stored {stored:,} in {took:.1f} s: {stored / took:,.0f} events/s; {away} turned away")
    print(f"acknowledged {acknowledged:,}; {used / stored * 1e6:.1f} us of the server's CPU each")
    print("server's memory over time:", *sizes, "MB")
    wait_for_analysis(url)
    whole = time.monotonic() - begun
    print(f"analysed after {whole:.1f} s: {stored / whole:,.0f} events/s")
    print(f"memory: server {memory(server.pid)} MB, analysis {memory(analyser)} MB")
    size = sum(one.stat().st_size for one in data.iterdir()) / stored
    print(f"store: {size:.0f} bytes an event")
    tell_findings(url)
    server.terminate()
    server.wait()


def analyse(data, count):
    from raceway.server.batches import Ids, ingest
    from raceway.server.event_store import EventWriter

    data.mkdir()
    writer, ids, group = EventWriter(data), Ids(), []
    for body in itertools.islice(batches("hot", 1), max(1, count // BATCH)):
        group.append(ingest(body, ids))
        if len(group) == 8:
            writer.write(group)
            group = []
    writer.write(group)
    writer.close()
    begun = time.monotonic()
    server, url = start(data)
    (analyser,) = children(server.pid)
    wait_for_analysis(url)
    took, used = time.monotonic() - begun, cpu(analyser)
    count = ask(url, "/api/v1/variables?name=hot")["variables"][0]
    accesses = count["reads"] + count["writes"]
    print(f"analysed {accesses:,} accesses of one variable in {took:.1f} s: ", end="")
    print(f"{used:.1f} s of CPU time, {used / accesses * 1e6:.1f} us each; ", end="")
    print(f"{memory(analyser)} MB")
    tell_findings(url)
    server.terminate()
    server.wait()


def feed(url, salt, acknowledged):
    host, _, port = url.removeprefix("http://").partition(":")
    connection = HTTPConnection(host, int(port), timeout=60)
    try:
        for body in batches("", salt):
            if post(connection, body) == 200:
                acknowledged.append(re.findall(rb'"id":"([0-9a-f-]{36})"', body))
    except (OSError, HTTPException):  # it was killed
        pass


def kills(data, times):
    acknowledged = []
    for number in range(times):
        server, url = start(data)
        threads = [
            threading.Thread(target=feed, args=(url, 2 * number + n, acknowledged))
            for n in range(2)
        ]
        before = len(acknowledged)
        for thread in threads:
            thread.start()
        while len(acknowledged) < before + 3:
            time.sleep(0.005)
        time.sleep(random.random())
        server.kill()
        server.wait()
        for thread in threads:
            thread.join()
    server, url = start(data)
    told = {event_id.decode() for batch in acknowledged for event_id in batch}
    with closing(sqlite3.connect(data / "events.sqlite")) as db:
        whole = b"".join(ids for (ids,) in db.execute("SELECT ids FROM segment"))
    stored = [str(uuid.UUID(bytes=whole[at : at + 16])) for at in range(0, len(whole), 16)]
    lost, twice = len(told - set(stored)), len(stored) - len(set(stored))
    print(
        f"killed {times} times: {len(told):,} events acknowledged, {len(stored):,} stored, ", end=""
    )
    print(f"{lost} lost, {twice} twice; status says {ask(url)['events_captured']:,}")
    server.terminate()
    server.wait()
    return 1 if lost or twice else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--senders", type=int, default=2)
    parser.add_argument("--analyse", type=int, default=0, help="accesses of one variable")
    parser.add_argument("--kills", type=int, default=0, help="how often the server is killed")
    given = parser.parse_args()
    print("load average before:", *os.getloadavg())
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        if given.analyse:
            analyse(data, given.analyse)
        elif given.kills:
            status = kills(data, given.kills)
        else:
            load(data, given.seconds, given.senders)
    print("load average after:", *os.getloadavg())
    return status


if __name__ == "__main__":
    sys.exit(main())
