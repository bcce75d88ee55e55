"""The types of findings in the words of those who have never met one: one rule for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from raceway.model.findings import Finding


@dataclass(frozen=True, slots=True)
class Rule:
    """A type of finding as formats with rules name it.

    Attributes:
        id: Never given to another rule.
        type: Type of the findings.
        title: The same in plain words.
        name: The same in one word, as SARIF wants it.
        summary: What is wrong, one sentence.
        help: What it means and what to do, some sentences.
        weakness: Number in the Common Weakness Enumeration.
    """

    id: str
    type: str
    title: str
    name: str
    summary: str
    help: str
    weakness: int


RULES: Final = (
    Rule(
        "RW001",
        "data-race",
        "data race",
        "DataRace",
        "Two actors access a variable, one of them writes, and nothing orders them.",
        "Two threads, tasks or greenlets use the same variable, at least one of them writes it, and"
        " neither a common lock nor a join, queue, event or future orders the two. Which one comes"
        " first is left to chance, and an update can be lost. Hold one lock for every access, or"
        " hand the value over by a queue.",
        362,
    ),
    Rule(
        "RW002",
        "atomicity-violation",
        "atomicity violation",
        "AtomicityViolation",
        "Steps that belong together can be interrupted by another actor.",
        "A value is read, and later something is done that relies on it, while another thread, task"
        " or greenlet can change it in between: a lost update, or a check that no longer holds."
        " Hold one lock from the first step to the last. In asyncio, an await between the two lets"
        " others in: hold an asyncio.Lock over it, or read the value again behind it.",
        366,
    ),
    Rule(
        "RW003",
        "lock-order-inversion",
        "lock-order inversion",
        "LockOrderInversion",
        "Locks are taken in different orders: a deadlock is possible.",
        "One thread or task takes lock A and then B, another one takes B and then A. With another"
        " timing each holds what the other one waits for, and both wait for ever. Take the locks in"
        " one order everywhere, or hold one further lock around both.",
        833,
    ),
)

_BY_TYPE: Final = {rule.type: rule for rule in RULES}


def rule_of(finding: Finding) -> Rule:
    """Return the rule of a finding."""
    return _BY_TYPE[finding.type]
