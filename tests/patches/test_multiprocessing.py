"""Processes under raceway-run, in all start methods: who reports, what is ordered, what is found."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from raceway.analysis import RunAnalysis, _Process
from raceway.model import ops
from raceway.pipeline.oplog_reader import OpLogReader

ROOT = Path(__file__).parents[2]
METHODS = multiprocessing.get_all_start_methods()


class Outcome:
    """A program that has run twice: with us, and without."""

    def __init__(self, ours, bare, report):
        self.status, self.out, self.err = ours.returncode, ours.stdout, ours.stderr
        self.report = report
        assert (bare.returncode, bare.stdout) == (self.status, self.out), ours.stderr
        assert report["counts"]["internal_errors"] == 0, ours.stderr

    @property
    def found(self):
        """Type and variable of what is worth a warning."""
        return sorted(
            (one["type"], one["variable"])
            for one in self.report["findings"]
            if one["severity"] != "info"
        )

    @property
    def notes(self):
        return self.report["notes"]


@pytest.fixture
def run(tmp_path):
    def run(program, *args):
        path = tmp_path / "app.py"
        path.write_text(textwrap.dedent(program), encoding="utf-8")
        env = {name: text for name, text in os.environ.items() if not name.startswith("RACEWAY_")}
        env["PYTHONPATH"] = str(ROOT)
        report = tmp_path / "report.json"
        options = {"env": env, "capture_output": True, "text": True, "timeout": 60}
        command = [sys.executable, str(path), *args]
        launcher = [sys.executable, "-m", "raceway_autopatch.launcher", "--report", str(report)]
        ours = subprocess.run([*launcher, *command], check=False, **options)
        bare = subprocess.run(command, check=False, **options)
        return Outcome(ours, bare, json.loads(report.read_text(encoding="utf-8")))

    return run


EVERYTHING = """
    import multiprocessing, sys
    ctx = multiprocessing.get_context(sys.argv[1])

    def add(counter, lock, ready, go, permits, barrier, queue, connection, done):
        ready.set()
        go.acquire()
        with lock:
            counter.value += 1
        with permits:
            barrier.wait()
        number = queue.get()
        connection.send(number + 1)
        done.put(number)
        queue.task_done()

    if __name__ == "__main__":
        counter, lock, ready = ctx.Value("i", 0, lock=False), ctx.Lock(), ctx.Event()
        go, permits, barrier = ctx.Semaphore(0), ctx.BoundedSemaphore(2), ctx.Barrier(2)
        queue, done, pipes = ctx.JoinableQueue(), ctx.SimpleQueue(), [ctx.Pipe() for _ in "ab"]
        both = [
            ctx.Process(
                target=add,
                args=(counter, lock, ready, go, permits, barrier, queue, theirs, done))
            for _, theirs in pipes
        ]
        for process in both:
            process.start()
        ready.wait()
        for _ in both:
            go.release()
            queue.put(5)
        queue.join()
        print([ours.recv() for ours, _ in pipes], done.get(), done.get())
        for process in both:
            process.join()
        print(counter.value, [process.exitcode for process in both])
"""


@pytest.mark.parametrize("method", METHODS)
def test_everything_works_and_is_seen_in_all_start_methods(run, method):
    outcome = run(EVERYTHING, method)

    assert outcome.status == 0
    assert outcome.out == "[6, 6] 5 5\n2 [0, 0]\n"
    assert outcome.found == []
    assert [process["ended"] for process in outcome.report["processes"]] == ["exit"] * 3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("locked", [True, False])
def test_the_lost_update_of_a_value(run, method, locked):
    outcome = run(
        """
        import contextlib, multiprocessing, sys
        ctx = multiprocessing.get_context(sys.argv[1])

        def add(counter, locked):
            with counter.get_lock() if locked else contextlib.nullcontext():
                counter.value += 1

        if __name__ == "__main__":
            counter = ctx.Value("i", 0)
            both = [ctx.Process(target=add, args=(counter, sys.argv[2] == "True")) for _ in "ab"]
            for process in both:
                process.start()
            for process in both:
                process.join()
        """,
        method,
        str(locked),
    )

    assert outcome.found == ([] if locked else [("data-race", "counter.value")])
    for finding in outcome.report["findings"]:
        assert {one["actor"][-9:] for one in finding["accesses"]} == {"Process-1", "Process-2"}


@pytest.mark.parametrize(
    ("end", "status", "killed"),
    [
        ("pass", 0, False),
        ("os._exit(7)", 7, False),
        ("raise SystemExit(3)", 3, False),
        ("sys.stderr = open(os.devnull, 'w'); raise LookupError", 1, False),
        ("os.kill(os.getpid(), 15)", -15, None),
        ("os.kill(os.getpid(), 9)", -9, True),
        ("os.abort()", -6, True),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_how_a_process_ends(run, method, end, status, killed):
    outcome = run(
        f"""
        import multiprocessing, os, sys
        ctx = multiprocessing.get_context(sys.argv[1])

        def work():
            {end}

        if __name__ == "__main__":
            process = ctx.Process(target=work, name="worker")
            process.start()
            process.join()
            print(process.exitcode)
        """,
        method,
    )

    assert outcome.out == f"{status}\n"
    assert len(outcome.report["processes"]) == 2
    child = outcome.report["processes"][1]
    if killed is None:  # a forked child has the default action of SIGTERM, which runs no Python
        assert child["ended"] == ("exit" if method == "spawn" else "killed by SIGTERM")
        assert "worker" not in outcome.err
    elif killed:
        signal = {-9: "SIGKILL", -6: "SIGABRT"}[status]
        assert child["ended"] == f"killed by {signal}"
        line = f"process {child['pid']} (worker) was killed by {signal}; "
        assert f"raceway: {line}its last ops may be missing\n" in outcome.err
    else:
        assert child["ended"] == "exit"
        assert "worker" not in outcome.err


def test_terminate_and_kill(run):
    outcome = run(
        """
        import multiprocessing, time

        def work(ready):
            ready.send(1)
            time.sleep(60)

        for stop in ("terminate", "kill"):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.get_context("fork").Process(target=work, args=(theirs,))
            process.start()
            ours.recv()
            getattr(process, stop)()
            process.join()
            print(process.exitcode)
        """
    )

    assert outcome.out == "-15\n-9\n"
    assert [one["ended"] for one in outcome.report["processes"]] == [
        "exit", "killed by SIGTERM", "killed by SIGKILL",
    ]  # fmt: skip


def test_terminated_while_its_log_is_written(run):
    outcome = run(
        """
        import os, subprocess, sys, threading
        from raceway.record.oplog import OpLog

        append = OpLog._append

        def interrupted(*args):
            OpLog._append = append
            os.kill(os.getpid(), 15)
            append(*args)

        if sys.argv[1:]:
            lock = threading.Lock()
            with lock:
                pass
            OpLog._append = interrupted
            os._exit(0)
        subprocess.run([sys.executable, __file__, "child"])
        """
    )

    child = outcome.report["processes"][1]
    assert child["command"].endswith("child")
    assert child["ended"] == "exit"
    assert child["ops"] >= 2


@pytest.mark.parametrize("waits", ["queue.get()", "ours.recv()", "lock.acquire()", "event.wait()"])
def test_a_daemon_that_waits_has_written_what_it_did(run, waits):
    outcome = run(
        f"""
        import multiprocessing, time
        ctx = multiprocessing.get_context("fork")

        def work(total, queue, ours, lock, event, done):
            total.value += 1
            done.send(1)
            {waits}

        total = ctx.Value("i", 0)
        queue, lock, event = ctx.Queue(), ctx.Lock(), ctx.Event()
        ours, theirs = ctx.Pipe()
        done = [ctx.Pipe() for _ in "ab"]
        lock.acquire()
        daemons = [
            ctx.Process(target=work, args=(total, queue, ours, lock, event, end), daemon=True)
            for _, end in done
        ]
        for process in daemons:
            process.start()
        for end, _ in done:
            end.recv()
        for process in daemons:  # until it waits
            while open(f"/proc/{{process.pid}}/stat").read().rpartition(")")[2].split()[0] != "S":
                time.sleep(0.001)
        """
    )

    assert outcome.status == 0, outcome.err
    assert [one["ended"] for one in outcome.report["processes"][1:]] == ["killed by SIGTERM"] * 2
    assert outcome.found == [("data-race", "total.value")]


def test_forks_while_threads_record(run):
    outcome = run(
        """
        import os, threading
        import raceway

        class Box:
            number = 0

        box, lock, stop = raceway.watch(Box(), name="box"), threading.Lock(), []

        def record():
            while not stop:
                with lock:
                    box.number += 1

        def fork():
            for _ in range(20):
                pid = os.fork()
                if not pid:
                    mine = raceway.watch(Box(), name="mine")
                    mine.number += 1
                    os._exit(mine.number)
                assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1

        threads = [threading.Thread(target=record) for _ in range(3)]
        for thread in threads:
            thread.start()
        forker = threading.Thread(target=fork)
        forker.start()
        forker.join()
        stop.append(1)
        for thread in threads:
            thread.join()
        """
    )

    assert outcome.status == 0, outcome.err
    assert outcome.found == []
    assert [one["ended"] for one in outcome.report["processes"]] == ["exit"] * 21


def test_threads_of_one_process_share_a_value(run):
    outcome = run(
        """
        import multiprocessing, threading

        total = multiprocessing.Value("d", 0.0)

        def add():
            total.value += 1.5

        threads = [threading.Thread(target=add) for _ in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """
    )

    assert outcome.found == [("data-race", "total.value")]


def test_shared_objects_stay_what_they_are(run):
    outcome = run(
        """
        import ctypes, multiprocessing
        from multiprocessing import sharedctypes

        class Point(ctypes.Structure):
            _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_double))

        number, array = sharedctypes.RawValue("i", 3), sharedctypes.RawArray("i", [1, 2, 3])
        point, text = sharedctypes.RawValue(Point, 1, 2), multiprocessing.Array("c", b"abc")
        print(isinstance(number, ctypes.c_int), isinstance(point, Point), type(point).__name__)
        array[1:3] = [7, 8]
        array[-1] += 1
        print(list(array), array[:], len(array), sum(array), bytes(memoryview(array))[:4])
        print(ctypes.sizeof(array), ctypes.addressof(number) != 0, point.x, point.y, text.value)
        copy = sharedctypes.copy(point)
        copy.x = 9
        print(copy.x, point.x, number.value)
        plain = sharedctypes.copy(Point(5, 6))
        pointer = ctypes.pointer(plain)
        pointer[0] = Point(7, 8)
        print(plain.x, plain.y, type(pointer) is ctypes.POINTER(Point), pointer.contents.x)
        for wrong in (lambda: array[3], lambda: array["a"], lambda: setattr(number, "value", "s")):
            try:
                wrong()
            except Exception as error:
                print(type(error).__name__, error)
        """
    )

    assert outcome.status == 0, outcome.err


class TestOneHistory:
    """Logs of several processes, written by hand, are put together in the order of their times."""

    SHARED = (ops.DEF_SHARED, "channel", 5, "hand-over")

    def log(self, folder, name, definitions, stream, pid):
        from raceway.record.oplog import OpLog

        log = OpLog(str(folder))
        log.path = str(folder / f"{pid}-{name}.oplog")
        process = (ops.DEF_PROCESS, pid, "", ("app",), "3.11", 0.0)
        log.write(stream, [process, *definitions, (ops.DEF_END, "exit")])

    def op(self, actor, epoch, op, subject, argument=None, code=None):
        token = actor << ops.EPOCH_BITS | epoch
        return [token, subject << ops.OP_BITS | op, code, argument]

    def analyse(self, folder, sent, received):
        code = compile("x", "app.py", "exec")
        variable = (
            (ops.DEF_SHARED, "variable", 7, "box"),
            (ops.DEF_VARIABLE, 7, 0, "box", ops.ROLE_NAMED, False, None),
        )
        actor = (ops.DEF_ACTOR, 1, "main", "thread", 1)
        self.log(
            folder, "1", [actor, *variable, self.SHARED],
            [
                *self.op(1, 0, ops.WRITE, 7, 0, code),
                *self.op(1, 0, ops.TIME, 0, sent),
                *self.op(1, 0, ops.SEND, 5),
            ],
            11,
        )  # fmt: skip
        self.log(
            folder, "2", [actor, *variable, self.SHARED],
            [
                *self.op(1, 0, ops.TIME, 0, received),
                *self.op(1, 0, ops.RECEIVE, 5),
                *self.op(1, 1, ops.WRITE, 7, 0, code),
            ],
            12,
        )  # fmt: skip
        return RunAnalysis(str(folder)).finish()

    def test_sent_before(self, tmp_path):
        assert self.analyse(tmp_path, sent=10, received=20).findings == ()

    def test_received_before_it_was_sent(self, tmp_path):
        (finding,) = self.analyse(tmp_path, sent=20, received=10).findings

        assert (finding.type, finding.variable) == ("data-race", "box")
        assert {side.actor.process for side in finding.accesses} == {11, 12}

    def test_a_forked_child_is_read_before_its_parent(self, tmp_path):
        from raceway.record.oplog import OpLog

        code = compile("x", "app.py", "exec")
        parent, child = OpLog(str(tmp_path)), OpLog(str(tmp_path))
        parent.path, child.path = str(tmp_path / "11-1.oplog"), str(tmp_path / "12-2.oplog")
        actor = (ops.DEF_ACTOR, 1, "main", "thread", 1)
        parent.write([], [(ops.DEF_PROCESS, 11, "", ("app",), "3.11", 0.0), actor])
        parent.write(
            [
                *self.op(1, 0, ops.TIME, 0, 10),
                *self.op(1, 0, ops.FORK, 2, 0, code),
                *self.op(1, 1, ops.WRITE, 7, 1, code),
            ],
            [
                (ops.DEF_SHARED, "variable", 7, "box"),
                (ops.DEF_VARIABLE, 7, 0, "box", ops.ROLE_NAMED, False, None),
                (ops.DEF_SHARED, "actor", 2, "birth"),
                (ops.DEF_ACTOR, 2, "child", "process", 2),
                (ops.DEF_END, "exit"),
            ],
        )
        child.write(
            [*self.op(3, 0, ops.TIME, 0, 11), *self.op(3, 0, ops.WRITE, 7, 2, code)],
            [
                (ops.DEF_PROCESS, 12, "11-1.oplog", ("app",), "3.11", 0.0),
                (ops.DEF_SHARED, "main", 3, "birth"),
                (ops.DEF_ACTOR, 3, "child", "process", 3),
                (ops.DEF_END, "exit"),
            ],
        )

        analysis = RunAnalysis(str(tmp_path))
        analysis.step()

        (finding,) = analysis.finish().findings
        assert (finding.type, finding.variable) == ("data-race", "box")
        assert {side.actor.name for side in finding.accesses} == {"main", "child"}

    def test_processes_that_have_ended_cost_nothing_any_more(self, tmp_path, monkeypatch):
        looks = []
        complete_until, next_chunk = _Process.complete_until, OpLogReader.next_chunk
        monkeypatch.setattr(
            _Process,
            "complete_until",
            lambda self, **how: looks.append(self.name) or complete_until(self, **how),
        )
        monkeypatch.setattr(
            OpLogReader, "next_chunk", lambda self: looks.append(self.path) or next_chunk(self)
        )
        analysis = RunAnalysis(str(tmp_path))
        actor = (ops.DEF_ACTOR, 1, "main", "thread", 1)
        child = subprocess.Popen([sys.executable, "-c", ""])
        child.wait()  # nobody has this number now

        for number in range(50):
            stream = [*self.op(1, 0, ops.TIME, 0, number), *self.op(1, 0, ops.SEND, 5)]
            self.log(tmp_path, number, [actor, self.SHARED], stream, child.pid)
            while analysis.step():
                pass

        assert len(looks) < 50 * 20
        assert analysis.finish().counts.events == 100

    @pytest.mark.parametrize("inherited", [5, 9])
    def test_numbers_that_parent_and_child_both_gave_after_the_fork(self, tmp_path, inherited):
        from raceway.record.oplog import OpLog

        code = compile("x", "app.py", "exec")
        box = (
            (ops.DEF_SHARED, "variable", 7, "box"),
            (ops.DEF_VARIABLE, 7, 0, "box", ops.ROLE_NAMED, False, None),
        )
        parent, child = OpLog(str(tmp_path)), OpLog(str(tmp_path))
        parent.path, child.path = str(tmp_path / "11-1.oplog"), str(tmp_path / "12-2.oplog")
        parent.write(
            [
                *self.op(1, 0, ops.WRITE, 7, 1, code),
                *self.op(1, 0, ops.TIME, 0, 10),
                *self.op(1, 0, ops.SEND, 5),
            ],
            [
                (ops.DEF_PROCESS, 11, "", ("app",), "3.11", 0.0),
                (ops.DEF_ACTOR, 1, "main", "thread", 1),
                *box,
                self.SHARED,
                (ops.DEF_END, "exit"),
            ],
        )
        child.write(
            [
                *self.op(3, 0, ops.TIME, 0, 20),
                *self.op(3, 0, ops.RECEIVE, 5),
                *self.op(3, 1, ops.WRITE, 7, 2, code),
            ],
            [
                (ops.DEF_PROCESS, 12, "11-1.oplog", ("app",), "3.11", 0.0),
                (ops.DEF_INHERITED, inherited),
                (ops.DEF_ACTOR, 3, "child", "process", 3),
                *box,
                (ops.DEF_END, "exit"),
            ],
        )

        findings = RunAnalysis(str(tmp_path)).finish().findings

        # The child's channel 5 is the parent's only if it was there when the child was forked.
        assert len(findings) == (1 if inherited == 5 else 0)
