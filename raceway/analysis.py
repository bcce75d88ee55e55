"""Analyses a run: reads the op logs of all its processes while they grow, and concludes.

This runs in the supervising process (or, without one, at the end of the program itself), never
beside the application's threads.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from raceway.engine.analyzer import Analyzer
from raceway.engine.conclusions import Conclusions
from raceway.engine.definitions import Definitions
from raceway.model import ops
from raceway.model.findings import SEVERITIES, Counts, Finding, ProcessInfo, Report
from raceway.pipeline.oplog_reader import Chunk, OpLogReader
from raceway.pipeline.replay import Mailbox, Replay
from raceway.record.oplog import PRESENCE_SUFFIX, SUFFIX


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
    """One op log and everything that is known from it."""

    def __init__(self, path: Path, number: int, sources: Sources, mailbox: Mailbox) -> None:
        self.reader = OpLogReader(path)
        self.definitions = Definitions()
        self.analyzer = Analyzer(self.definitions, sources.text)
        self.replay = Replay(number, self.definitions, self.analyzer, mailbox)
        self.ops = 0
        self._chunk: Chunk | None = None
        self._position = 0

    def advance(self, *, patient: bool) -> bool:
        """Replay one chunk, or what is left of one; tell whether anything was done."""
        if self._chunk is None:
            chunk = self.reader.next_chunk()
            if chunk is None:
                return False
            for definition in chunk.definitions:
                self.definitions.add(definition)
            self._chunk = chunk
            self._position = 0
        before = self._position
        stream = self._chunk.ops
        self._position = self.replay.feed(stream, before, patient=patient)
        self.ops += (self._position - before) // ops.STRIDE
        if self._position >= len(stream):
            self._chunk = None
            return True
        return self._position > before


class RunAnalysis:
    """The analysis of a run directory.

    Args:
        run_dir: Directory into which the processes of the run write their op logs.

    Example:
        ``analysis.step()`` regularly while the program runs, then
        ``report = analysis.finish(command=("python", "app.py"), exit_status=0)``.
    """

    def __init__(self, run_dir: str) -> None:
        self._directory = Path(run_dir)
        try:
            self._root = os.getcwd()
        except OSError:  # it was deleted
            self._root = os.sep
        self._sources = Sources()
        self._mailbox = Mailbox()
        self._processes: dict[str, _Process] = {}

    def step(self) -> bool:
        """Read and analyse what has been written since; tell whether there was anything."""
        self._find()
        done = False
        for process in list(self._processes.values()):
            alone = len(self._processes) == 1
            done = process.advance(patient=not alone) or done
        return done

    def _find(self) -> None:
        with contextlib.suppress(OSError):
            for path in sorted(self._directory.glob(f"*{SUFFIX}")):
                if path.name not in self._processes:
                    self._processes[path.name] = _Process(
                        path, len(self._processes) + 1, self._sources, self._mailbox
                    )
        for process in self._processes.values():
            parent = process.definitions.parent_log
            if parent and process.definitions.parent is None and parent in self._processes:
                process.definitions.parent = self._processes[parent].definitions

    def finish(self, command: tuple[str, ...] = (), exit_status: int | None = None) -> Report:
        """Analyse what is left and conclude.

        Args:
            command: The command that was run, for the report.
            exit_status: Its exit status, for the report.

        Returns:
            The report, findings worst first.
        """
        while self.step() or self._force():
            pass
        findings = [
            finding
            for process in self._processes.values()
            for finding in Conclusions(process.analyzer, self._sources.line, self._root).findings()
        ]
        idle = self._idle_processes()
        return Report(
            findings=merge(findings),
            counts=self._counts(len(idle)),
            processes=(
                *(
                    ProcessInfo(
                        process.definitions.pid,
                        " ".join(process.definitions.command),
                        process.ops,
                        process.definitions.ended or "unknown",
                    )
                    for process in self._processes.values()
                ),
                *idle,
            ),
            notes=self._notes(),
            command=command,
            exit_status=exit_status,
        )

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
        return any(process.advance(patient=False) for process in self._processes.values())

    def _counts(self, idle: int) -> Counts:
        processes = list(self._processes.values())
        variables = [
            variable for process in processes for variable in process.definitions.variables.values()
        ]
        watched = {ops.ROLE_OBJECT, ops.ROLE_CONTAINER, ops.ROLE_NAMED}
        return Counts(
            events=sum(process.ops for process in processes),
            accesses=sum(process.analyzer.accesses for process in processes),
            actors=sum(len(process.replay.actors) for process in processes),
            variables=sum(len(process.analyzer.shadows) for process in processes),
            objects=sum(one.role in watched and not one.parent for one in variables),
            locks=sum(len(process.definitions.locks) for process in processes),
            processes=len(processes) + idle,
            internal_errors=sum(len(process.definitions.errors) for process in processes),
        )

    def _notes(self) -> tuple[str, ...]:
        notes = []
        for process in self._processes.values():
            notes += process.definitions.notes
            notes += (
                f"internal error in {where}: {text}" for where, text in process.definitions.errors
            )
            if process.reader.damaged:
                notes.append(f"the log of process {process.definitions.pid} is damaged")
        return tuple(dict.fromkeys(notes))


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
