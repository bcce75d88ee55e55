"""Does the op log hold exactly what a program did, when everything happens at once?

    python benchmarks/stress.py [--seconds N | --rounds N] [--keep]

A program of threads, tasks, greenlets, executors, forks, subprocesses, imports and reloads works
on watched objects (stress_program.py).  Any allocation may start the garbage collector, whose
finalisers take locks and touch watched objects; every 10 ms a signal handler does the same, and
raises every now and then.

Each *step* is a fixed handful of operations, one of which stores a *stamp*: who makes the step,
and its number.  Who makes steps one after the other is a *lane*: a thread, a task, one call of a
finaliser.  The stamps of a lane have to be in the log once each, in order, by one actor, and the
other operations as often as there are stamps.  A lock is taken and given back in turns.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(__file__).with_name("stress_program.py")
sys.path.insert(0, str(ROOT))

from raceway.engine.definitions import Definitions  # noqa: E402 - from beside this file
from raceway.model import ops  # noqa: E402 - as above
from raceway.pipeline.oplog_reader import OpLogReader  # noqa: E402 - as above

KIND_BITS, LANE_BITS = 56, 24
"""Of a stamp, as stress_program.py makes it."""
STAMPED = ("shared.mark", "slotted.mark", "table[", "row[")
OTHERS = (("line", "GROW"), ("line", "UPDATE"), ("line[0]", "UPDATE"), ("table", "LENGTH"))
"""What each step does once, besides storing its stamp."""
SHOWN = 40
GRACE = 600
"""Seconds after which a program that should have ended counts as hung."""


class Log:
    """What stands in the log of one process, and what is wrong with it."""

    def __init__(self, path, truth, logs):
        self.kinds, self.steps = truth["kinds"], truth["steps"]
        self.long = {kind for kind, *_ in truth["long"]}
        self.stamps = collections.Counter()
        self.whole = collections.Counter()  # finished lanes of each kind
        self.last = {}  # by lane: its last stamp
        self.gaps = collections.defaultdict(list)
        self.actors = {}
        self.others = collections.Counter()
        self.holders = {}
        self.complaints = []
        self.ops = 0
        self.definitions = definitions = Definitions()
        for table in (definitions.actors, definitions.variables, definitions.locks):
            table.limit = sys.maxsize  # nothing is forgotten here, whatever it takes
        self._names = {}
        reader = OpLogReader(path)
        last, size = path, 0  # the part of the log that was read last, and how far
        while (chunk := reader.next_chunk()) is not None:
            last, size = reader._part, reader._position
            for definition in chunk.definitions:
                self.definitions.add(definition)
            if self.definitions.parent_log:
                self.definitions.parent = logs[self.definitions.parent_log].definitions
            self._chunk(chunk.ops)
        if reader.damaged or last.stat().st_size != size:
            self.complaints.append("torn: the file ends in the middle of a chunk")
        if self.definitions.ended != "exit":
            self.complaints.append(f"the process ended by {self.definitions.ended!r}")
        self.complaints += [f"internal error {error}" for error in self.definitions.errors]

    def _chunk(self, items):
        if len(items) % ops.STRIDE:
            self.complaints.append("torn: a chunk is no whole number of ops")
        for at in range(0, len(items), ops.STRIDE):
            token, subject, code, _ = items[at : at + ops.STRIDE]
            op, number, actor = subject & ops.OP_MASK, subject >> ops.OP_BITS, token >> 40
            self.ops += 1
            if self.definitions.actor(actor).name == f"actor {actor}":
                self.complaints.append(f"actor {actor} is not defined")
            if op != ops.VALUE and code and self.definitions.code(code) is None:
                self.complaints.append(f"code {code} is not defined")
            if op <= ops.LAST_ACCESS:
                name = self._name(number)
                if op == ops.WRITE and name.startswith(STAMPED):
                    after = items[at + ops.STRIDE : at + 2 * ops.STRIDE]
                    if after[:2] != [token, number << ops.OP_BITS | ops.VALUE]:
                        self.complaints.append(f"torn: a write of {name} without its value")
                    elif after[3]:  # not what a constructor has stored
                        self._stamp(actor, after[3], self.definitions.code(code).function)
                else:
                    self.others[name, ops.NAMES[op]] += 1
            elif ops.ACQUIRE <= op <= ops.WAIT_ACQUIRE:
                self._lock(number, actor, op)

    def _name(self, number):
        if number not in self._names:
            if self.definitions.variable(number) is None:
                self.complaints.append(f"variable {number} is not defined")
            self._names[number] = self.definitions.variable_name(number)
        return self._names[number]

    def _stamp(self, actor, stamp, function):
        kind = self.kinds[stamp >> KIND_BITS]
        lane = kind, stamp >> LANE_BITS & (1 << KIND_BITS - LANE_BITS) - 1
        number = stamp & (1 << LANE_BITS) - 1
        self.stamps[kind] += 1
        last = self.last.get(lane, 0)
        if number <= last:
            self.complaints.append(f"{lane}: {number} comes after {last}")
        self.gaps[lane] += range(last + 1, number)
        if not self.gaps[lane]:
            del self.gaps[lane]
        self.last[lane] = number
        if self.actors.setdefault(lane, actor) != actor:
            self.complaints.append(f"{lane}: by two actors")
        if function != (f"act_{lane[1]}" if kind == "code" else "step"):
            self.complaints.append(f"{lane}: stored by {function}")
        if number == self.steps:
            self.whole[kind] += 1

    def _lock(self, lock, actor, op):
        holder, depth = self.holders.get(lock, (None, 0))
        if op in {ops.ACQUIRE, ops.TRY_ACQUIRE, ops.WAIT_ACQUIRE}:
            if depth and holder != actor:
                self.complaints.append(f"lock {lock} taken by {actor} while {holder} has it")
            depth += 1
        else:
            if not depth or holder != actor:
                self.complaints.append(f"lock {lock} given back by {actor}, {holder} has it")
            depth = 0 if op == ops.WAIT_RELEASE else depth - 1
        self.holders[lock] = actor, depth

    def finish(self, cut_short):
        """Compare what there is to be compared when everything was read.

        Args:
            cut_short: Steps that an exception may have ended in the middle.
        """
        for lane, missing in self.gaps.items():
            self.complaints.append(f"{lane}: {missing[:5]} lost")
        for (kind, lane), last in self.last.items():
            if kind not in self.long and last != self.steps:
                self.complaints.append(f"{kind} {lane}: {last} of {self.steps}")
        steps = sum(self.stamps.values())
        for name, op in OTHERS:
            found = self.others[name, op]
            if abs(found - steps) > cut_short:
                self.complaints.append(f"{op} {name}: {found} instead of {steps} +-{cut_short}")


def judge(folder, truth):
    """Compare the logs with what the program says; return whether everything is right."""
    paths = sorted(folder.glob("*.oplog"), key=lambda path: int(path.stem.split("-")[1]))
    logs = {}
    for path in paths:
        logs[path.name] = Log(path, truth, logs)
    main = logs[paths[0].name]
    written = collections.Counter()
    lost = collections.Counter()
    for kind, lane, steps, interrupted in truth["long"]:
        written[kind] += steps
        missing = set(main.gaps.pop((kind, lane), ()))
        missing.update(range(main.last.get((kind, lane), 0) + 1, steps + 1))
        # A step that was interrupted may have stored its stamp, or not.
        written[kind] -= len(missing.intersection(interrupted))
        lost[kind] += len(missing.difference(interrupted))
    found = collections.Counter(main.stamps)
    for log in logs.values():
        log.finish(truth["raised"] if log is main else 0)
        if log is not main:
            found.update({kind: log.stamps[kind] for kind in ("child", "leaf")})
    complaints = [f"the program: {failure}" for failure in truth["failures"]]
    for name, log in logs.items():
        complaints += [f"{name}: {text}" for text in log.complaints]
    if truth["raised"] != truth["caught"]:
        complaints.append(f"interrupted {truth['raised']} times, caught {truth['caught']}")
    for kind in ("thread", "task", "greenlet", "job"):
        by = [actor for (of, _), actor in main.actors.items() if of == kind]
        if len(by) != len(set(by)):
            complaints.append(f"{len(by)} lanes of {kind} by {len(set(by))} actors")
    print(f"{len(logs)} processes, {sum(log.ops for log in logs.values()):,} ops")
    for kind in truth["kinds"]:
        if kind not in main.long:
            written[kind] = truth["begun"][kind] * truth["steps"]
            lost[kind] = written[kind] - found[kind]
        print(f"{kind:10} {written[kind]:>10,} written {found[kind]:>10,} found")
    complaints += [f"{kind}: {number} lost" for kind, number in lost.items() if number]
    print(f"interrupted {truth['raised']} times, caught {truth['caught']}")
    for text in complaints[:SHOWN]:
        print("WRONG", text)
    print(f"{len(complaints)} complaints")
    return not complaints


def run(arguments):
    folder = Path(tempfile.mkdtemp(prefix="stress-"))
    truth = folder / "truth.json"
    env = {name: text for name, text in os.environ.items() if not name.startswith("RACEWAY_")}
    bootstrap = ROOT / "raceway_autopatch" / "bootstrap"
    env["PYTHONPATH"] = os.pathsep.join([str(bootstrap), str(ROOT)])
    env["RACEWAY_RUN_DIR"] = str(folder)
    env["RACEWAY_MAX_LOG_MIB"] = "1000000"  # nobody reads while it is written
    command = [sys.executable, str(PROGRAM), str(truth)]
    command += [str(arguments.seconds), str(arguments.rounds)]
    began = time.monotonic()
    try:
        status = subprocess.run(
            command, env=env, timeout=arguments.seconds + GRACE, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        status = "hung"
    print(f"exit status {status} after {time.monotonic() - began:.0f} s")
    good = status == 0 and judge(folder, json.loads(truth.read_text()))
    if arguments.keep or not good:
        print(f"kept in {folder}")
    else:
        shutil.rmtree(folder)
    return 0 if good else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--keep", action="store_true")
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
