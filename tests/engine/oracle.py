"""Every reordering of a small history, tried out one by one.

The engine concludes from one history what may happen in others.  Here the others are really
enumerated: all orders, and all beginnings of orders, in which the ops of the history could have
been executed.  That is exponential and takes no clocks, no locksets and no rules, so that it
can be right where the engine is wrong.

What holds in every reordering: program order; an actor begins after its fork and is joined after
its end; one lock, one holder; a receive comes after the sends that it came after in the history,
and takes the same handoff; the critical sections of a condition's lock keep their order once it was
waited for or notified; of a cooperative group one runs at a time, and another one only between
segments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

from raceway.engine.commutes import RACES
from raceway.model import ops

ACCESSES = (ops.READ, ops.WRITE, ops.UPDATE, ops.GROW)
TAKES = (ops.ACQUIRE, ops.TRY_ACQUIRE, ops.WAIT_ACQUIRE)
DROPS = (ops.RELEASE, ops.WAIT_RELEASE)
WAITS = (ops.ACQUIRE, ops.WAIT_ACQUIRE, ops.RECEIVE, ops.JOIN)
"""Where a cooperative actor may have to wait in another order, even if it did not here."""
NOBODY_LISTENS = 1 << 20
"""A channel."""
SEES = (ops.READ, ops.UPDATE)
"""Accesses whose outcome depends on what was written before."""


class Op(NamedTuple):
    """One op; ``subject`` is a variable, a lock, a channel or an actor."""

    actor: int
    op: int
    subject: int = 0

    def __repr__(self) -> str:
        return f"{self.actor}:{ops.NAMES[self.op]}({self.subject})"


class Section(NamedTuple):
    """A critical section: indices of its ends (None: still open) and of the accesses in it."""

    actor: int
    lock: int
    taken: int
    dropped: int | None
    accesses: tuple[int, ...]


class History:
    """A history: ops in the order in which they happened, and the group of each actor.

    Example:
        History([Op(0, FORK, 1), Op(0, WRITE, 7), Op(1, READ, 7)], groups=(0, 1))
    """

    def __init__(self, ops_: list[Op], groups: tuple[int, ...]) -> None:
        self.ops = ops_
        self.groups = groups
        self.rows: list[list[int]] = [[] for _ in groups]
        for index, op in enumerate(ops_):
            self.rows[op.actor].append(index)

    def __repr__(self) -> str:
        return f"History({self.ops}, groups={self.groups})"

    @cached_property
    def locks(self) -> list[frozenset[int]]:
        """The locks held at each op (the one that takes or drops a lock included)."""
        held: list[set[int]] = [set() for _ in self.groups]
        out = []
        for op in self.ops:
            if op.op in TAKES:
                held[op.actor].add(op.subject)
            out.append(frozenset(held[op.actor]))
            if op.op in DROPS:
                held[op.actor].discard(op.subject)
        return out

    @cached_property
    def sections(self) -> list[Section]:
        """All critical sections, in the order in which they were entered."""
        found = []
        for taken, op in enumerate(self.ops):
            if op.op not in TAKES:
                continue
            accesses = []
            dropped = None
            for index in self.rows[op.actor]:
                other = self.ops[index]
                if index <= taken:
                    continue
                if other.op in DROPS and other.subject == op.subject:
                    dropped = index
                    break
                if other.op in ACCESSES:
                    accesses.append(index)
            found.append(Section(op.actor, op.subject, taken, dropped, tuple(accesses)))
        return found

    def without_unheard(self) -> History:
        """Return the history with something harmless where nobody ever waits for a notification."""
        waited = {one.subject for one in self.ops if one.op == ops.WAIT_RELEASE}
        found = [
            Op(one.actor, ops.SEND, NOBODY_LISTENS)
            if one.op == ops.NOTIFY and one.subject not in waited
            else one
            for one in self.ops
        ]
        return History(found, self.groups)

    def without_tries(self) -> History:
        """Return what is left if no attempt to take a lock succeeds."""
        tried = set()
        for section in self.sections:
            if self.ops[section.taken].op == ops.TRY_ACQUIRE:
                tried |= {section.taken, section.dropped}
        left = [op for index, op in enumerate(self.ops) if index not in tried]
        return History(left, self.groups)

    @cached_property
    def segments(self) -> list[int]:
        """Which segment of its actor each op belongs to."""
        at = [0] * len(self.groups)
        out = []
        for op in self.ops:
            at[op.actor] += op.op == ops.SWITCH
            out.append(at[op.actor])
        return out

    @cached_property
    def cooperative(self) -> set[int]:
        """Groups of more than one actor."""
        return {group for group in self.groups if self.groups.count(group) > 1}

    @cached_property
    def required(self) -> list[set[int]]:
        """For each op, the ops of other actors that it has to come after in every order."""
        out: list[set[int]] = []
        sends: dict[int, list[int]] = {}
        handoff: dict[int, int] = {}
        fork: dict[int, int] = {}
        dropped: dict[int, int] = {}
        ordered: set[int] = set()
        for index, (actor, op, subject) in enumerate(self.ops):
            needs: set[int] = set()
            if self.rows[actor][0] == index and actor in fork:
                needs.add(fork[actor])
            if op == ops.FORK:
                fork[subject] = index
            elif op == ops.JOIN:
                needs.add(self.rows[subject][-1])
            elif op == ops.SEND:
                sends.setdefault(subject, []).append(index)
            elif op == ops.HANDOFF:
                handoff[subject] = index
            elif op == ops.RECEIVE:
                needs.update(sends.get(subject, ()))
                if subject in handoff:
                    needs.add(handoff[subject])
            elif op in (ops.NOTIFY, ops.WAIT_RELEASE):
                ordered.add(subject)
            if op in TAKES and subject in ordered and subject in dropped:
                needs.add(dropped[subject])
            if op in DROPS:
                dropped[subject] = index
            out.append(needs)
        return out

    def race(self, one: int, two: int) -> bool:
        """Tell whether two accesses are of kinds that race, by actors that are not taking turns."""
        first, second = self.ops[one], self.ops[two]
        return (
            first.op in ACCESSES
            and second.op in ACCESSES
            and first.subject == second.subject
            and (first.op, second.op) in RACES
            and self.groups[first.actor] != self.groups[second.actor]
        )


# ------------------------------------------------------------ all orders

State = tuple
"""How far each actor is, whose turn it is in each group, and what variables and slots hold."""


class Orders:
    """All orders of a history.

    Args:
        history: What happened.
        free: Reads that may see something else than in the history; None for all.
        messages: Keep messages, and the order of conditions' locks; else forks and joins only.
        waiting: A cooperative actor can be interrupted also where it may have to wait.
    """

    def __init__(
        self,
        history: History,
        free: frozenset[int] | None = None,
        *,
        messages: bool = True,
        waiting: bool = False,
    ) -> None:
        self.history = history
        self.free = free
        self.messages = messages
        self.gives_up = (ops.SWITCH, *WAITS) if waiting else (ops.SWITCH,)
        self.groups = sorted(history.cooperative)
        self.slots = sorted({op.subject for op in history.ops if op.op == ops.HANDOFF})
        self.variables = (
            [] if free is None else sorted({op.subject for op in history.ops if op.op in ACCESSES})
        )
        self.position = {index: at for row in history.rows for at, index in enumerate(row)}
        self.required = [
            [
                (history.ops[need].actor, self.position[need])
                for need in sorted(needs)
                if messages
                or history.ops[index].op not in (ops.RECEIVE, *TAKES)
                or (self.position[index] == 0 and history.ops[need].op == ops.FORK)
            ]
            for index, needs in enumerate(history.required)
        ]
        self.taken = self._what_was_taken()
        self.seen = self._what_was_seen()

    def start(self) -> State:
        """Return the state before the first op."""
        return (
            (0,) * len(self.history.groups),
            (None,) * len(self.groups),
            (None,) * len(self.slots),
            ((None, frozenset()),) * len(self.variables),
        )

    def _what_was_taken(self) -> dict[int, int]:
        slot: dict[int, int] = {}
        taken = {}
        for index, op in enumerate(self.history.ops):
            if op.op == ops.HANDOFF:
                slot[op.subject] = index
            elif op.op == ops.RECEIVE and op.subject in slot:
                taken[index] = slot[op.subject]
        return taken

    def _what_was_seen(self) -> dict[int, object]:
        memory: dict[int, object] = {}
        seen = {}
        for index, op in enumerate(self.history.ops):
            if op.op in ACCESSES:
                value = memory.get(op.subject, (None, frozenset()))
                if op.op in SEES:
                    seen[index] = value
                memory[op.subject] = _written(op, index, value)
        return seen

    def next(self, state: State, actor: int) -> int | None:
        """Return the next op of an actor that has begun, whether it can be executed or not."""
        row = self.history.rows[actor]
        at = state[0][actor]
        return row[at] if at < len(row) else None

    def ready(self, state: State, index: int) -> bool:
        """Tell whether an op can be executed now; of a read, whether it can at all."""
        positions, turns, slots, _memory = state
        history = self.history
        op = history.ops[index]
        for actor, at in self.required[index]:
            if positions[actor] <= at:
                return False
        group = history.groups[op.actor]
        if group in history.cooperative:
            turn = turns[self.groups.index(group)]
            if turn is not None and turn != op.actor:
                return False
        if op.op in TAKES and self.holder(state, op.subject) is not None:
            return False
        return not (
            self.messages
            and index in self.taken
            and slots[self.slots.index(op.subject)] != self.taken[index]
        )

    def holder(self, state: State, lock: int) -> int | None:
        """Return who holds a lock."""
        for actor, held in enumerate(self.held(state)):
            if lock in held:
                return actor
        return None

    def held(self, state: State) -> list[frozenset[int]]:
        """Return the locks that each actor holds."""
        history = self.history
        out = []
        for actor, at in enumerate(state[0]):
            if not at:
                out.append(frozenset())
                continue
            last = history.rows[actor][at - 1]
            op = history.ops[last]
            locks = history.locks[last]
            out.append(locks - {op.subject} if op.op in DROPS else locks)
        return out

    def step(self, state: State, index: int) -> State | None:
        """Execute an op that is ready; None if it would see what it did not see."""
        positions, turns, slots, memory = state
        history = self.history
        op = history.ops[index]
        if op.op in ACCESSES and self.variables:
            at = self.variables.index(op.subject)
            value = memory[at]
            if op.op in SEES and index not in self.free and value != self.seen[index]:
                return None
            memory = (*memory[:at], _written(op, index, value), *memory[at + 1 :])
        elif op.op == ops.HANDOFF:
            at = self.slots.index(op.subject)
            slots = (*slots[:at], index, *slots[at + 1 :])
        positions = (*positions[: op.actor], positions[op.actor] + 1, *positions[op.actor + 1 :])
        group = history.groups[op.actor]
        if group in history.cooperative:
            row = history.rows[op.actor]
            at = positions[op.actor]
            ends = at == len(row) or history.ops[row[at]].op in self.gives_up
            place = self.groups.index(group)
            turns = (*turns[:place], None if ends else op.actor, *turns[place + 1 :])
        return positions, turns, slots, memory

    def successors(self, state: State) -> Iterator[tuple[int, State]]:
        """Yield what can be executed next, with the state after it."""
        for actor in range(len(self.history.groups)):
            index = self.next(state, actor)
            if index is not None and self.ready(state, index):
                after = self.step(state, index)
                if after is not None:
                    yield index, after

    def states(self) -> Iterator[State]:
        """Yield every state that can be reached."""
        start = self.start()
        seen = {start}
        stack = [start]
        while stack:
            state = stack.pop()
            yield state
            for _, after in self.successors(state):
                if after not in seen:
                    seen.add(after)
                    stack.append(after)


def _written(op: Op, index: int, value: tuple) -> tuple:
    """Return what a variable holds after an access: the last write, and the insertions since."""
    if op.op in (ops.WRITE, ops.UPDATE):
        return index, frozenset()
    if op.op == ops.GROW:
        return value[0], value[1] | {index}
    return value


def races(history: History, free: frozenset[int]) -> set[tuple[int, int]]:
    """Return the pairs of accesses that can be next to each other.

    Up to there every read outside of ``free`` sees what it saw in the history: the program has
    taken the same branches.
    """
    orders = Orders(history, free, waiting=True)
    actors = range(len(history.groups))
    found = set()
    for state in orders.states():
        following = [
            index
            for actor in actors
            if (index := orders.next(state, actor)) is not None
            and history.ops[index].op in ACCESSES
            and orders.ready(state, index)
        ]
        for at, one in enumerate(following):
            for two in following[at + 1 :]:
                if history.race(one, two):
                    found.add((min(one, two), max(one, two)))
    return found


def interruptions(history: History, *, waiting: bool) -> set[tuple[int, int, int]]:
    """Return all (first, other, second): ``other`` can come between two accesses of one actor.

    Whatever is read: another value may lead to another branch, but it is the second access that is
    asked about, and the source says that it follows from the first.
    """
    orders = Orders(history, waiting=waiting)
    position = orders.position
    future: dict[State, int] = {}
    # Post-order: what can still be executed after a state.
    stack = [(orders.start(), False)]
    while stack:
        state, done = stack.pop()
        if done:
            ahead = 0
            for index, after in orders.successors(state):
                ahead |= 1 << index | future[after]
            future[state] = ahead
        elif state not in future:
            stack.append((state, True))
            stack.extend((after, False) for _, after in orders.successors(state))
    found = set()
    pairs = [
        (first, second)
        for row in history.rows
        for first in row
        for second in row
        if first < second
        and history.ops[first].op in ACCESSES
        and history.ops[second].op in ACCESSES
        and history.ops[first].subject == history.ops[second].subject
    ]
    for state in future:
        for other, after in orders.successors(state):
            if history.ops[other].op not in ACCESSES:
                continue
            for first, second in pairs:
                actor = history.ops[first].actor
                if (
                    history.ops[other].subject == history.ops[first].subject
                    and history.ops[other].actor != actor
                    and position[first] < state[0][actor] <= position[second]
                    and future[after] >> second & 1
                ):
                    found.add((first, other, second))
    return found


def deadlocks(history: History) -> set[frozenset[int]]:
    """Return the sets of locks for which actors can wait in a circle.

    Order by messages does not count, since what was sent at one place may be sent elsewhere.
    """
    orders = Orders(history, messages=False)
    found = set()
    for state in orders.states():
        held = orders.held(state)
        waits = {}
        for actor in range(len(history.groups)):
            index = orders.next(state, actor)
            if index is None or history.ops[index].op != ops.ACQUIRE:
                continue
            lock = history.ops[index].subject
            holder = next((one for one, locks in enumerate(held) if lock in locks), None)
            if holder is not None:
                waits[actor] = (lock, holder)
        for actor in waits:
            locks = []
            at = actor
            while at in waits and len(locks) <= len(waits):
                lock, at = waits[at]
                locks.append(lock)
                if at == actor:
                    found.add(frozenset(locks))
                    break
    return found


# ------------------------------------------------------------ histories at random

Choose = Callable[[int], int]
"""Returns a number below its argument."""


class Shape(NamedTuple):
    """What a random history may consist of."""

    actors: int = 4
    groups: bool = True
    variables: int = 3
    locks: int = 2
    channels: int = 2
    length: int = 14
    accesses: tuple[int, ...] = ACCESSES
    conditions: bool = True
    trying: bool = True


class _Builder:
    """Runs a random program on a random schedule, one op after the other."""

    def __init__(self, choose: Choose, shape: Shape) -> None:
        self.choose = choose
        self.shape = shape
        count = 2 + choose(shape.actors - 1)
        self.groups = [0]
        for actor in range(1, count):
            own = not shape.groups or choose(3)
            self.groups.append(actor if own else self.groups[choose(actor)])
        self.variables = 1 + choose(shape.variables)
        self.locks = range(10, 11 + choose(shape.locks))
        self.channels = range(20, 20 + choose(shape.channels + 1))
        self.accesses = shape.accesses if choose(2) else shape.accesses[:2]
        self.ops: list[Op] = []
        self.begun = {0}
        self.ended: set[int] = set()
        self.held: dict[int, int] = {}
        self.waiting: dict[int, int] = {}
        self.woken: set[int] = set()
        self.sent: set[int] = set()
        self.turn: dict[int, int] = {}

    def build(self) -> History:
        count = len(self.groups)
        early = count if self.choose(4) or len(set(self.groups)) < count else 2
        # Replay knows of a group only when it has seen two of its actors.
        for actor in sorted(range(1, early), key=lambda one: self.groups[one] != 0):
            self.perform(0, ops.FORK, actor)
        length = len(self.ops) + 4 + self.choose(self.shape.length - 3)
        for _ in range(4 * length):
            if len(self.ops) >= length:
                break
            running = sorted(self.begun - self.ended)
            actor = running[self.choose(len(running))]
            for _ in range(1 + self.choose(4)):
                if actor in self.ended or len(self.ops) >= length:
                    break
                kinds = self.actions(actor)
                if not kinds:
                    break
                actions = kinds[self.choose(len(kinds))]
                self.perform(actor, *actions[self.choose(len(actions))])
        self.finish()
        return History(self.ops, tuple(self.groups))

    def finish(self) -> None:
        """Give every lock back, since a program that ends with one in its hands is no program."""
        while self.held or self.waiting:
            for lock, actor in sorted(self.held.items()):
                self.perform(actor, ops.RELEASE, lock)
            for actor, lock in sorted(self.waiting.items())[:1]:
                self.perform(actor, ops.WAIT_ACQUIRE, lock)

    def actions(self, actor: int) -> list[list[tuple[int, int]]]:
        """Return what an actor can do now, in kinds that are equally likely."""
        lock = self.waiting.get(actor)
        if lock is not None:
            can = lock not in self.held and actor in self.woken
            return [[(ops.WAIT_ACQUIRE, lock) if can else (ops.SWITCH, 0)]]
        mine = sorted(lock for lock, holder in self.held.items() if holder == actor)
        locks = [(ops.RELEASE, lock) for lock in mine] * 2
        for lock in self.locks:
            if lock not in self.held:
                locks += [(ops.ACQUIRE, lock)] * 2
                if self.shape.trying and not self.choose(8):
                    locks.append((ops.TRY_ACQUIRE, lock))
        rest = []
        for lock in mine if self.shape.conditions else ():
            rest.append((ops.NOTIFY, lock))
            if self.begun - self.ended - set(self.waiting) - {actor}:
                rest.append((ops.WAIT_RELEASE, lock))
        for channel in self.channels:
            rest += [(ops.SEND, channel), (ops.HANDOFF, channel)]
            if channel in self.sent:
                rest += [(ops.RECEIVE, channel)] * 3
        unborn = [one for one in range(len(self.groups)) if one not in self.begun]
        rest += [(ops.FORK, one) for one in unborn[:1]] * 3
        rest += [(ops.JOIN, one) for one in sorted(self.ended)]
        if self.groups.count(self.groups[actor]) > 1:
            rest.append((ops.SWITCH, 0))
        if actor and not mine and not self.choose(3):
            rest.append((ops.END, 0))
        accesses = [
            (kind, variable) for variable in range(self.variables) for kind in self.accesses
        ]
        return [kind for kind in (accesses, locks, locks if self.choose(3) else rest) if kind]

    def perform(self, actor: int, op: int, subject: int) -> None:
        group = self.groups[actor]
        if self.groups.count(group) > 1:
            if self.turn.get(group, actor) != actor and op != ops.SWITCH:
                self.ops.append(Op(actor, ops.SWITCH))
            self.turn[group] = actor
        if op == ops.SWITCH and actor in self.waiting:
            self.woken.add(actor)  # a wait that nobody notifies ends by its time limit
            if self.groups.count(group) == 1:
                return
        self.ops.append(Op(actor, op, subject))
        if op in TAKES:
            self.held[subject] = actor
            self.waiting.pop(actor, None)
        elif op in DROPS:
            del self.held[subject]
            if op == ops.WAIT_RELEASE:
                self.waiting[actor] = subject
                self.woken.discard(actor)
        elif op == ops.NOTIFY:
            self.woken |= {one for one, lock in self.waiting.items() if lock == subject}
        elif op in (ops.SEND, ops.HANDOFF):
            self.sent.add(subject)
        elif op == ops.FORK:
            self.begun.add(subject)
        elif op == ops.END:
            self.ended.add(actor)


def history(choose: Choose, shape: Shape = Shape()) -> History:  # noqa: B008 - a tuple
    """Return a random history."""
    return _Builder(choose, shape).build()
