"""Analyses a run: reads the op logs of all its processes while they grow, and concludes.

This runs in the supervising process (or, without one, at the end of the program itself), never
beside the application's threads.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import signal
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from raceway import redaction
from raceway.engine.analyzer import Analyzer
from raceway.engine.conclusions import Conclusions
from raceway.engine.definitions import Definitions
from raceway.model import ops
from raceway.model.findings import SEVERITIES, Counts, Finding, ProcessInfo, Report
from raceway.pipeline.messages import Mailbox
from raceway.pipeline.numbers import Numbers, RunNumbers
from raceway.pipeline.oplog_reader import OpLogReader
from raceway.pipeline.replay import Replay
from raceway.pipeline.run_trace import TracingReplay
from raceway.record import chosen
from raceway.record.oplog import FAILED_SUFFIX, PRESENCE_SUFFIX, SUFFIX


class Sources:
    """Source files, each read once.

    Example:
        >>> Sources().line("/no/such/file.py", 1) is None
        True
    """

    def __init__(self) -> None:
        self._texts: dict[str, str | None] = {}
        self._lines: dict[str, list[str]] = {}

    def text(self, path: str) -> str | None:
        """Return the text of a source file, or None if it cannot be read."""
        if path not in self._texts:
            text = None
            with contextlib.suppress(OSError, SyntaxError, UnicodeDecodeError, ValueError):
                import tokenize

                with tokenize.open(path) as file:
                    text = file.read()
            self._texts[path] = text
        return self._texts[path]

    def line(self, path: str, number: int) -> str | None:
        """Return one line of a source file, without its end, or None."""
        if path not in self._lines:
            self._lines[path] = (self.text(path) or "").splitlines()
        lines = self._lines[path]
        return lines[number - 1] if 0 < number <= len(lines) else None


class _Process:
    """One op log, and how far it has been replayed.

    Attributes:
        definitions: What the process has defined, in its own numbers.
        starved: There was nothing more to read when it was last asked.
        settled: All of it has been replayed, and there will never be more.
    """

    def __init__(self, path: Path, number: int, run: RunNumbers, *, keep: bool) -> None:
        self.reader = OpLogReader(path, keep=keep)
        self.definitions = Definitions()
        self.definitions.pid = _pid(path)
        self.numbers = Numbers(number, run, self.definitions)
        self.ops = 0
        self.starved = False
        self.settled = False
        self.stream: list[Any] = []
        self._translated = False
        self._position = 0

    @property
    def name(self) -> str:
        """The name of its log."""
        return self.reader.path.name

    @property
    def due(self) -> float:
        """When the next op happened that concerns other processes; 0 as long as there is none."""
        at = self._position
        stream = self.stream
        if at < len(stream) and stream[at + 1] & ops.OP_MASK == ops.TIME:
            return stream[at + 3]  # type: ignore[no-any-return]  # of a TIME
        return 0

    @property
    def has_ops(self) -> bool:
        """Whether something was read that has not been replayed."""
        return self._position < len(self.stream)

    def load(self, *, frozen: bool = False) -> bool:
        """Read the next chunk if the last one has been replayed; tell whether there was one."""
        if self.has_ops:
            return False
        # Asked before reading: then nothing is written after the look.
        over = bool(self.definitions.ended)
        final = frozen or (over and not _is_alive(self.definitions.pid))
        chunk = self.reader.next_chunk()
        self.starved = chunk is None
        self.settled = self.starved and final
        if chunk is None:
            return False
        self.numbers.define(chunk.definitions)
        self.stream = chunk.ops
        self._translated = False
        self._position = 0
        return True

    def backlog(self) -> int:
        """Return about how many ops were recorded that have not been replayed."""
        return self.reader.backlog() + (len(self.stream) - self._position) // ops.STRIDE

    @property
    def is_running(self) -> bool:
        """Whether it has not written the end of its log, and lives."""
        return not self.definitions.ended and _is_alive(self.definitions.pid)

    def feed(self, replay: Replay, until: float, *, patient: bool) -> bool:
        """Replay what is there and happened until a time; tell whether anything was done."""
        before = self._position
        if before >= len(self.stream) or self.due > until:
            return False
        if not self._translated:
            # Not before it is this process's turn: what a forked child has from its parent must
            # have been read there, and a child's turn comes after the fork.
            self.stream = self.numbers.translate(self.stream)
            self._translated = True
        self._position = replay.feed(self.stream, before, patient=patient, until=until)
        self.ops += (self._position - before) // ops.STRIDE
        return self._position > before

    def complete_until(self, *, last: bool) -> float:
        """Return the time until which everything that it did has been replayed or is here.

        Args:
            last: Nothing will be added to the logs any more.
        """
        if self.has_ops:
            return self.due or -math.inf  # else it waits for a message
        done = self.starved and (last or self.definitions.ended)
        return math.inf if done else self.definitions.cut


class RunAnalysis:
    """The analysis of a run directory.

    The logs of all processes are replayed together: each as far as it concerns nobody else, and
    what does in the order of time.

    Args:
        run_dir: Directory into which the processes of the run write their op logs.
        keep: Leave what has been analysed where it is.
        pid: Look at this process and those that were forked from it, and at no others.
        trace: Keep what happened, for a trace of the run.

    Example:
        ``analysis.step()`` regularly while the program runs, then
        ``report = analysis.finish(command=("python", "app.py"), exit_status=0)``.

        To judge stretches of a run by themselves, ``analysis.catch_up()`` at the end of each, then
        ``analysis.stretch()`` and ``analysis.begin_afresh()``.
    """

    def __init__(
        self, run_dir: str, *, keep: bool = True, pid: int = 0, trace: bool = False
    ) -> None:
        self._directory = Path(run_dir)
        self._keep = keep
        self._pid = pid
        self._others: set[str] = set()
        """Names of logs of other processes."""
        self._before = Counts()
        try:
            self._root = os.getcwd()
        except OSError:  # it was deleted
            self._root = os.sep
        self._sources = Sources()
        self._numbers = RunNumbers()
        self._analyzer = Analyzer(self._numbers.definitions, self._sources.text)
        replay = TracingReplay if trace else Replay
        self._replay = replay(self._numbers.definitions, self._analyzer, Mailbox())
        self._processes: dict[str, _Process] = {}
        self._frozen = False
        self._left_out = 0

    def step(self) -> bool:
        """Read and analyse what has been written since; tell whether there was anything."""
        return self._step(last=False)

    def _step(self, *, last: bool) -> bool:
        # First what is there is read, and then new logs are looked for: what is in those happened
        # later than all that was read.
        done = self._load()
        while self._find():
            done = self._load() or done
        return self._replay_some(last=last) or done

    def _load(self) -> bool:
        loaded = [process.load(frozen=self._frozen) for process in self._open()]
        for process in self._processes.values():
            main = self._replay.actors.get(process.numbers.main)
            if main is not None:  # its parent could not know its process id
                main.name = self._numbers.definitions.actor(main.number).name
        return any(loaded)

    def _replay_some(self, *, last: bool) -> bool:
        """Replay until somebody's next chunk is needed; tell whether anything was done."""
        patient = len(self._processes) > 1
        done = False
        moved = True
        while moved:
            moved = False
            # Each may go on as far as all others are known: to the lowest limit but its own.
            lowest = second = math.inf
            holder = None
            waiting = []
            for process in self._open():
                limit = process.complete_until(last=last)
                if limit < lowest:
                    lowest, second, holder = limit, lowest, process
                elif limit < second:
                    second = limit
                if process.has_ops:
                    waiting.append(process)
            self._trace_the_latest()
            for process in sorted(waiting, key=lambda one: one.due):
                until = second if process is holder else lowest
                if process.feed(self._replay, until, patient=patient):
                    moved = done = True
                    break
        return done

    def _trace_the_latest(self) -> None:
        """Take no note of what will not be among the latest events in the end."""
        if isinstance(self._replay, TracingReplay):
            unread = sum(process.reader.backlog() for process in self._open())
            self._replay.take_note(unread <= self._replay.reach)

    def _open(self) -> list[_Process]:
        """Return the processes that there may be more of; a run may have had thousands."""
        return [process for process in self._processes.values() if not process.settled]

    def _find(self) -> bool:
        """Look for logs that are new; tell whether there were any."""
        if self._frozen:
            return False
        found = False
        with contextlib.suppress(OSError):
            for path in sorted(self._directory.glob(f"*{SUFFIX}"), key=_birth):
                if path.name not in self._processes and self._is_ours(path):
                    found = True
                    process = _Process(path, len(self._processes), self._numbers, keep=self._keep)
                    self._processes[path.name] = process
                    process.load()
        for process in self._processes.values():
            parent = self._processes.get(process.definitions.parent_log)
            if parent is not None and process.definitions.parent is None:
                process.definitions.parent = parent.definitions
                process.numbers.parent = parent.numbers
        return found

    def _is_ours(self, path: Path) -> bool:
        """Tell whether a log is one to look at; for one that has not begun, not yet."""
        if self._pid in {0, _pid(path)}:
            return True
        if path.name in self._others:
            return False
        chunk = OpLogReader(path).next_chunk()
        if chunk is None:
            return False
        parents = {one[2] for one in chunk.definitions if one[0] == ops.DEF_PROCESS}
        if parents.isdisjoint(self._processes):
            self._others.add(path.name)
            return False
        return True

    def is_busy(self) -> bool:
        """Return whether a process of the run is still recording."""
        return any(process.is_running for process in self._processes.values())

    def finish(
        self,
        command: tuple[str, ...] = (),
        exit_status: int | None = None,
        reaped: Mapping[int, int] | None = None,
    ) -> Report:
        """Analyse what is there by now and conclude.

        Args:
            command: The command that was run, for the report.
            exit_status: Its exit status, for the report.
            reaped: What the caller knows of the ends of processes: by process id, the exit status
                or the negative number of the signal.

        Returns:
            The report, findings worst first.
        """
        self.catch_up()
        findings = self._findings()
        idle = self._idle_processes()
        known = {pid: (status, "") for pid, status in (reaped or {}).items()}
        for process in self._processes.values():
            known.update(process.definitions.reaped)
        errors = self._errors()
        return Report(
            findings=findings,
            counts=replace(
                self._counts(len(idle)), internal_errors=sum(count for _, _, count in errors)
            ),
            processes=(
                *(
                    _info(process, *known.get(process.definitions.pid, (None, "")))
                    for process in self._processes.values()
                ),
                *idle,
            ),
            notes=tuple(
                dict.fromkeys(
                    [
                        *self._notes(),
                        *chosen.sentences(str(self._directory)),
                        *map(_error_note, errors),
                    ]
                )
            ),
            command=command,
            exit_status=exit_status,
            first_error="{}: {}".format(*errors[0]) if errors else "",
            run_trace=(
                self._replay.trace(self.hides) if isinstance(self._replay, TracingReplay) else None
            ),
            waits=self._replay.waits.worst(),
        )

    def backlog(self) -> int:
        """Return about how many operations were recorded that have not been analysed."""
        return sum(process.backlog() for process in self._open())

    def catch_up(self, go_on: Callable[[Callable[[], int]], bool] | None = None) -> None:
        """Analyse all that is there by now, as if nothing more were to come.

        Args:
            go_on: Asked after some thousand operations, with :meth:`backlog`; if it returns False,
                the rest is left out for good, and the report says so.
        """
        if self._left_out:
            return
        self._frozen = False
        self._find()
        for process in self._processes.values():
            process.settled = False
            process.reader.freeze()  # threads that go on may write faster than this reads
        self._frozen = True
        while self._step(last=True) or self._force():
            if go_on is not None and not go_on(self.backlog):
                self._left_out = max(1, self.backlog())
                break

    def has_all_of(self, pid: int) -> bool:
        """Tell whether the log of a process could be read from its beginning."""
        readers = [one.reader for one in self._processes.values() if one.definitions.pid == pid]
        return bool(readers) and not any(reader.damaged for reader in readers)

    def stretch(self) -> Report:
        """Conclude what was analysed since the last :meth:`begin_afresh`.

        Returns:
            Findings, worst first, and notes.  Of the counts, those of watched objects, locks,
            processes and errors are of the whole run.
        """
        errors = self._errors()
        counts = self._counts(0)
        return Report(
            findings=self._findings(),
            counts=replace(
                counts,
                events=counts.events - self._before.events,
                actors=counts.actors - self._before.actors,
                internal_errors=sum(count for _, _, count in errors),
            ),
            notes=tuple(dict.fromkeys(self._notes())),
            first_error="{}: {}".format(*errors[0]) if errors else "",
        )

    def begin_afresh(self) -> None:
        """Let what follows be judged by itself.

        What was done until now is compared with nothing any more.  What it has ordered stays
        ordered, locks that are held stay held, and things keep their names.
        """
        self._analyzer.begin_afresh()
        self._before = self._counts(0)

    def _findings(self) -> tuple[Finding, ...]:
        self._numbers.definitions.pids = [
            process.definitions.pid for process in self._processes.values()
        ]
        conclusions = Conclusions(self._analyzer, self._sources.line, self._root, self.hides)
        return merge(conclusions.findings())

    @functools.cached_property
    def hides(self) -> redaction.Hides:
        """What is a secret by its name: read once, as there may be a thousand stretches."""
        return redaction.configured()

    def _idle_processes(self) -> list[ProcessInfo]:
        """Return the processes that have only said that they were there."""
        known = {process.definitions.pid for process in self._processes.values()}
        idle = []
        with contextlib.suppress(OSError):
            for path in sorted(self._directory.glob(f"*{PRESENCE_SUFFIX}")):
                pid = int(path.name.partition("-")[0])
                if pid not in known:
                    command = os.fsdecode(path.read_bytes()).replace("\0", " ")
                    idle.append(ProcessInfo(pid, command, 0, "exit"))
        return idle

    def _force(self) -> bool:
        """Let one process go on that waits for a message that never came."""
        return any(
            process.feed(self._replay, 0, patient=False)
            for process in self._processes.values()
            if not process.due
        )

    def _counts(self, idle: int) -> Counts:
        processes = list(self._processes.values())
        # What several processes share is one object.
        shared = [name for process in processes for name in process.numbers.shared_objects]
        copies = len(shared) - len(set(shared))
        return Counts(
            events=sum(process.ops for process in processes),
            accesses=self._analyzer.accesses,
            actors=self._replay.actors_seen,
            variables=self._analyzer.variables,
            objects=sum(process.definitions.objects for process in processes) - copies,
            locks=sum(process.definitions.locks_seen for process in processes),
            processes=len(processes) + idle,
            dropped=sum(process.definitions.lost for process in processes) + self._left_out,
        )

    def _errors(self) -> list[tuple[str, str, int]]:
        """Return where, with what and how often we have failed, in logs and beside them."""
        by_process = {
            process.definitions.pid: process.definitions for process in self._processes.values()
        }
        with contextlib.suppress(OSError):
            for path in sorted(self._directory.glob(f"*{FAILED_SUFFIX}")):
                pid = int(path.name.partition("-")[0])
                told = by_process.setdefault(pid, Definitions())
                fields = path.read_bytes().decode("utf-8", "replace").split("\0")
                for where, text, count in zip(*[iter(fields)] * 3, strict=False):
                    told.add_error(where, text, int(count) if count.isdecimal() else 1)
        return [
            (where, text, count)
            for told in by_process.values()
            for where, (text, count) in told.errors.items()
            if count
        ]

    def _notes(self) -> list[str]:
        notes = []
        for process in self._processes.values():
            notes += process.definitions.notes
            if process.reader.damaged:
                notes.append(f"the log of process {process.definitions.pid} is damaged")
        if not self._directory.is_dir():
            notes.append("the run directory was removed while the program ran")
        return notes


def _error_note(error: tuple[str, str, int]) -> str:
    where, text, _ = error
    return f"internal error in {where}: {text}"


def _info(process: _Process, status: int | None, name: str) -> ProcessInfo:
    """Describe a process.

    Args:
        process: What its log tells.
        status: Its exit status as another process knows it, if one does.
        name: What the program calls it.
    """
    left = process.backlog()
    if left:
        ended = f"not analysed: {left:,}"
    elif process.definitions.lost_because:
        ended = f"lost: {process.definitions.lost_because}"
    elif process.definitions.ended:
        ended = process.definitions.ended
    elif status is not None:
        ended = f"status {status}" if status >= 0 else f"killed by {_signal_name(-status)}"
    else:
        ended = "running" if process.is_running else "unknown"
    command = " ".join(process.definitions.command)
    return ProcessInfo(process.definitions.pid, command, process.ops, ended, name)


def _pid(path: Path) -> int:
    """Return the process id from the name of a log."""
    pid = path.name.partition("-")[0]
    return int(pid) if pid.isdigit() else 0


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:  # another user's
        return True
    except (OSError, OverflowError):
        return False
    with contextlib.suppress(OSError):  # nobody waits for it, but it has ended (Linux)
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return state[:1] not in ([b"Z"], [b"X"])
    return True


def _birth(path: Path) -> tuple[int, str]:
    """Order logs by the time at which they were begun, which is in their names."""
    time = path.stem.rpartition("-")[2]
    return (int(time) if time.isdigit() else 0), path.name


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


VARIABLES_SHOWN = 4
"""Findings of one fingerprint that are kept apart because they are about different items."""


def merge(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Merge what processes found: one finding for each fingerprint and variable, worst first.

    A fingerprint does not contain the keys of containers: the same code on a hundred items is one
    bug.  The first items are kept apart, with an id that continues the fingerprint; what is seen
    on further ones counts for the first.  Merging is commutative: any order gives the same.
    """
    bugs: dict[str, dict[str, Finding]] = {}
    for finding in findings:
        items = bugs.setdefault(finding.id, {})
        known = items.get(finding.variable)
        items[finding.variable] = finding if known is None else _merged(known, finding)
    merged: list[Finding] = []
    for items in bugs.values():
        first, *others = sorted(items.values(), key=_rank)
        rest = sum(other.count for other in others[VARIABLES_SHOWN - 1 :])
        merged.append(replace(first, count=first.count + rest))
        merged += (
            replace(other, id=f"{first.id}-{_short(other.variable)}", same_as=first.id)
            for other in others[: VARIABLES_SHOWN - 1]
        )
    return tuple(sorted(merged, key=lambda one: -SEVERITIES.index(one.severity)))


def _merged(one: Finding, two: Finding) -> Finding:
    worse, other = sorted((one, two), key=_rank)
    return replace(worse, count=worse.count + other.count)


def _rank(finding: Finding) -> tuple[int, str, str, int]:
    severity = -SEVERITIES.index(finding.severity)
    return severity, finding.certainty, finding.variable, finding.process


def _short(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')) & 0xFFFF:04x}"
