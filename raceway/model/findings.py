"""What the engine finds and a report shows: frozen values, ready to be encoded as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from raceway.model.run_trace import RunTrace

FindingType = Literal["data-race", "atomicity-violation", "lock-order-inversion"]
Severity = Literal["info", "warning", "critical"]
Certainty = Literal["observed", "predicted"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""From harmless to worst; an index in this tuple compares severities."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a call stack.

    Attributes:
        file: Path as the interpreter knows it.
        line: Line number, from 1.
        function: Qualified name of the function.
        end_line: Last line of the expression, where known.
        column: Offset of the expression in the line in UTF-8 bytes, from 0, where known.
        end_column: Offset of its end, where known.
        first_line: First line of the function.
    """

    file: str
    line: int
    function: str
    end_line: int | None = None
    column: int | None = None
    end_column: int | None = None
    first_line: int = 1

    @property
    def location(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class LockRef:
    """A lock as a report names it.

    Attributes:
        name: ``accounts_lock``, or ``Lock at bank.py:5`` where no name is known.
        kind: ``Lock``, ``RLock``, ``asyncio.Lock`` ...
        location: Where it was created, ``file:line``, or an empty string.
    """

    name: str
    kind: str = "Lock"
    location: str = ""


@dataclass(frozen=True, slots=True)
class LockWait:
    """How much was waited for a lock, or for all those that were made in one place.

    Attributes:
        lock: The lock.
        count: How often somebody else had it.
        total: How long it took all of them to get it, in nanoseconds.
        longest: The longest of these times.
    """

    lock: LockRef
    count: int
    total: int
    longest: int


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever has a program order.

    Attributes:
        name: ``Thread-1 (worker)``, a task's name, a greenlet's name.
        kind: ``thread``, ``task``, ``callback``, ``greenlet``, ``job`` (of an executor), ``main``.
        started_by: Name of the actor that started it, or an empty string.
        started_at: The stack of the place where it was started, innermost first.
        process: Process id.
    """

    name: str
    kind: str = "thread"
    started_by: str = ""
    started_at: tuple[Frame, ...] = ()
    process: int = 0


@dataclass(frozen=True, slots=True)
class Access:
    """One side of a finding.

    Attributes:
        access: ``read`` or ``write``.
        operation: What it was in words: ``read``, ``write``, ``append``, ``iterate`` ...
        actor: Who did it.
        stack: Innermost frame first; never empty.
        locks: What the actor held.
        value: The scalar that was read or written; None when unknown.
        has_value: Whether ``value`` is known.
        role: Its part in the finding: ``first`` and ``second`` of the sequence that was
            interrupted, ``other`` for the conflicting access, ``outer`` and ``inner`` for the two
            acquisitions of a lock-order edge.
    """

    access: Literal["read", "write"]
    operation: str
    actor: Actor
    stack: tuple[Frame, ...]
    locks: tuple[LockRef, ...] = ()
    value: object = None
    has_value: bool = False
    role: Literal["first", "second", "other", "outer", "inner"] = "other"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the interleaving that goes wrong.

    Attributes:
        actor: Index of the actor: 0 is the first access's, 1 the other one's.
        action: ``read``, ``write``, ``acquire``, ``release``, ``switch`` ...
        line: Line number, or 0.
        detail: The value or the lock, as text.
    """

    actor: int
    action: str
    line: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why a finding is not shown.

    Attributes:
        reason: What whoever suppressed it gave as the reason.
        by: Where that is written, ``file:line``.
    """

    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class KnownFinding:
    """What a baseline says of a finding.

    Attributes:
        fingerprint: Fingerprint of the finding.
        type: Kind of finding; for readers only, as all that follows.
        variable: Name of the variable; for a lock-order inversion the locks.
    """

    fingerprint: str
    type: str = ""
    variable: str = ""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The findings that are known already.

    Attributes:
        file: Where they are written.
        absent: Those of them that were not seen in this run.
    """

    file: str
    absent: tuple[KnownFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One race condition.

    Attributes:
        id: Stable fingerprint, ``RW-`` and hexadecimal digits.
        type: Kind of finding.
        severity: How bad it is.
        certainty: ``observed``: unordered in this run.  ``predicted``: only the order in which a
            mutex happened to be taken kept it from happening.
        variable: Name of the variable; empty for a lock-order inversion.
        message: What goes wrong, one sentence.
        accesses: All sides, the sequence first.
        locks: The locks that have to do with it: those held on some side, or the inverted ones.
        why: Why the accesses are not ordered, one sentence.
        fix: What to do about it, one sentence.
        steps: The interleaving that goes wrong.
        count: How often it was seen.
        process: Process id in which it was seen first.
        same_as: Id of the finding that is the same code on another item of a container, or "".
        suppressed: By whom it is suppressed, and why; None if it is not.
    """

    id: str
    type: FindingType
    severity: Severity
    certainty: Certainty
    variable: str
    message: str
    accesses: tuple[Access, ...]
    locks: tuple[LockRef, ...] = ()
    why: str = ""
    fix: str = ""
    steps: tuple[Step, ...] = ()
    count: int = 1
    process: int = 0
    same_as: str = ""
    suppressed: Suppression | None = None

    @property
    def fingerprint(self) -> str:
        """What the same code on all items of a container has in common."""
        return "-".join(self.id.split("-")[:2])


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """One process of the run and how it ended.

    Attributes:
        pid: Process id.
        command: Its command line.
        ops: Ops that it recorded.
        ended: ``exit``, ``exec`` or ``uninstall`` if its log is complete.  Else what is known:
            ``killed by SIGKILL``, ``status 3``, ``lost: No space left on device``,
            ``not analysed: 3,000`` with the operations that were left out when the analysis was
            interrupted, ``running`` or ``unknown``.
        name: What the program calls it, if it does.
    """

    pid: int
    command: str = ""
    ops: int = 0
    ended: str = "unknown"
    name: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether everything that it recorded is known."""
        return self.ended in {"exit", "exec", "uninstall"}


@dataclass(frozen=True, slots=True)
class Counts:
    """What was looked at, so that "no race" is never "saw nothing"."""

    events: int = 0
    accesses: int = 0
    actors: int = 0
    variables: int = 0
    objects: int = 0
    locks: int = 0
    processes: int = 0
    dropped: int = 0
    internal_errors: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a renderer needs.

    Attributes:
        findings: Those that count, worst first.
        counts: What was looked at.
        processes: Each process of the run.
        notes: Sentences about what could not be seen.
        command: The command that was run.
        exit_status: Its exit status as the shell sees it, or None while unknown.
        first_error: Where and with what Raceway itself failed for the first time.
        known: Findings of the baseline: not new, and no reason to fail.
        suppressed: Findings that somebody has suppressed; each says who.
        baseline: The baseline, if there is one.
        remarks: What there is to say about suppressions and baseline, a sentence each.
        run_trace: What happened, if it was asked for.
        waits: Locks that were waited for, the worst first.
    """

    findings: tuple[Finding, ...] = ()
    counts: Counts = field(default_factory=Counts)
    processes: tuple[ProcessInfo, ...] = ()
    notes: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    exit_status: int | None = None
    first_error: str = ""
    known: tuple[Finding, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    baseline: Baseline | None = None
    remarks: tuple[str, ...] = ()
    run_trace: RunTrace | None = None
    waits: tuple[LockWait, ...] = ()
