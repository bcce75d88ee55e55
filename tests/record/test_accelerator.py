"""The hot path in C records what the one in Python records."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from raceway.model import ops
from raceway.pipeline.oplog_reader import OpLogReader
from raceway.record.accelerator import accelerator
from raceway.record.oplog import OpLog
from raceway.record.packing import unpack_in_python

ROOT = Path(__file__).parent.parent.parent

PROGRAM = '''
import collections
import contextlib
import dataclasses
import inspect
import json
import queue as queues
import threading

import raceway_autopatch
raceway_autopatch.install()
from raceway import watch
from raceway.model import ops
from raceway.record import recorder


class Memory:
    def __init__(self):
        self.ops = []

    def write(self, chunk, definitions):
        self.ops += chunk

    def after_fork(self):
        pass


class Base:
    limit = 10

    def __getattr__(self, name):
        if name == "made":
            return "by getattr"
        raise AttributeError(name)


class Account(Base):
    def __init__(self):
        self.balance = 0
        self.name = "a"
        self.items = [1]
        self.limit = 3

    def deposit(self, amount):
        self.balance += amount
        return self

    def __del__(self):
        pass


class Guarded:
    def __init__(self):
        self.lock = threading.Lock()
        self.total = 0

    def add(self, amount):
        with self.lock:
            self.total += amount


class Slotted(Base):
    __slots__ = ("one", "other", "gone")

    def __init__(self):
        self.one = 1
        self.other = [1]
        self.gone = None

    def bump(self):
        self.one += 1
        return self


@dataclasses.dataclass(slots=True, frozen=True)
class Frozen:
    value: int = 1


@watch
class Whole(Base):
    limit = 5

    def __init__(self):
        self.count = 0
        self.items = {}

    def bump(self):
        self.count += 1
        return self.count


@watch
class WholeSlotted:
    __slots__ = ("one", "__weakref__")

    def __init__(self):
        self.one = 1


class Many:
    """Of which there are more than get a class of their own."""

    def __init__(self):
        self.count = 0


class ManySlotted:
    __slots__ = ("one", "other", "__weakref__")

    def __init__(self):
        self.one = 1


def taken(lock):
    return lock.acquire()


def attempt(action):
    try:
        return action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def deep(account, depth):
    if depth:
        return deep(account, depth - 1)
    return account.balance


def generated(account):
    for _ in range(3):
        yield account.balance
        account.balance = "x" * 400


def main():
    account = watch(Account(), name="account")
    shown = [
        account.deposit(5).deposit(2**70).balance,
        account.made,
        attempt(lambda: account.missing),
        attempt(lambda: object.__setattr__(account, "balance", 1)),
        attempt(lambda: setattr(account, "fresh", 1.5)),
        attempt(lambda: delattr(account, "fresh")),
        attempt(lambda: delattr(account, "fresh")),
        attempt(lambda: account.fresh),
        attempt(lambda: account.__setattr__("balance", None)),
        attempt(lambda: account.__setattr__("balance")),
        attempt(lambda: setattr(account, "items", [1, 2])),
        list(generated(account)),
        [deep(account, depth) for depth in (0, 1, 12, 40, 1)],
        sorted(vars(account)),
    ]
    wholes = [Whole() for _ in range(3)]
    slotted = WholeSlotted()
    many = [watch(Many(), name="many") for _ in range(260)]
    loose = Many()
    loose.__class__ = type(many[-1])  # shares the class, and is not watched
    shown += [
        [one.bump() for one in wholes * 2],
        [attempt(lambda: wholes[0].missing), wholes[0].made, wholes[0].limit, Whole.limit],
        attempt(lambda: setattr(wholes[0], "items", {1: 2})),
        attempt(lambda: setattr(wholes[0], "fresh", "y" * 300)),
        attempt(lambda: delattr(wholes[0], "count")),
        attempt(lambda: wholes[0].count),
        attempt(lambda: Whole.count),
        attempt(lambda: type(wholes[0]).__setattr__(wholes[1], "count", 7)),
        attempt(lambda: Whole.__setattr__.__qualname__),
        str(inspect.signature(Whole.__setattr__)),
        [slotted.one, setattr(slotted, "one", 2), slotted.one, setattr(slotted, "one", [])],
        attempt(lambda: slotted.two),
        [many[-1].count, setattr(many[-1], "count", 3), many[-1].count, sorted(vars(many[-1]))],
        [loose.count, setattr(loose, "count", 1), loose.count],
        attempt(lambda: many[-1].missing),
    ]
    for _ in range(260):
        narrow = watch(ManySlotted(), name="narrow")
    for value in (1, "z" * 400, None, [3], [3], Base, 2):
        narrow.one = narrow.other = value
        narrow.other = narrow.other
        shown.append(attempt(lambda: repr((narrow.one, narrow.other))))
    del narrow.other
    shown += [attempt(lambda: narrow.other), attempt(lambda: setattr(narrow, "third", 1))]
    wholes[1].items = wholes[1].items
    wholes[1].items["a"] = 1
    wholes.pop()
    members = watch({"a", 1}, name="members")
    queue = watch(collections.deque([1, 2, 3]), name="queue")
    shown += [
        [members.add("a"), members.add("b"), members.add(2.5), "a" in members, "z" in members],
        [attempt(lambda: members.add([])), attempt(lambda: [] in members), members.add((1, 2))],
        attempt(lambda: members.add("a", "b")),
        [queue.popleft(), queue.pop(), queue[0], queue.pop(), len(queue)],
        [attempt(queue.pop), attempt(queue.popleft), attempt(lambda: queue.pop(1))],
        [queue.append(4), queue.append([]), queue.popleft()],
        sorted(map(repr, members)),
    ]
    del account.limit
    shown.append(account.limit)
    shown.append(sum(account.balance is None for _ in range(300)))
    account.items = account.items
    account.flag = True
    account.flag = False

    slotted = watch(Slotted(), name="slotted")
    for value in (1, 2.5, True, None, "y", "y" * 400, [2], {"a": 1}, slotted, Base, b"bytes"):
        slotted.other = value
        shown.append(attempt(lambda: len(str(slotted.other)) if slotted.other is not slotted else 0))
        slotted.bump().one -= 1
        shown.append(slotted.one)
    del slotted.gone
    shown += [
        slotted.one, attempt(lambda: slotted.gone), attempt(lambda: delattr(slotted, "gone")),
        attempt(lambda: slotted.nothing), attempt(lambda: setattr(slotted, "fresh", 1)),
        attempt(lambda: object.__setattr__(slotted, "one", 7)), slotted.one,
        attempt(lambda: slotted.__setattr__("one", 8)), slotted.made,
    ]
    frozen = watch(Frozen(), name="frozen")
    shown += [frozen.value, attempt(lambda: setattr(frozen, "value", 2)).partition(":")[0]]
    guarded = watch(Guarded(), name="guarded")
    for amount in range(3):
        guarded.add(amount)
    guarded.add(3); guarded.add(4)
    lock = threading.RLock()
    condition = threading.Condition()
    with lock, lock:
        with condition:
            condition.notify_all()
    shown.append(attempt(lambda: lock.__exit__(None, None, None)))
    with contextlib.ExitStack() as stack:
        stack.enter_context(lock)
        guarded.total = 1
    shown.append(attempt(lambda: 1 / 0 if lock.__enter__() else 0))
    lock.__exit__()
    shown.append(attempt(lambda: lock.__enter__(1)).partition(":")[0])
    table = watch({"a": 1, 2: "two", (3,): 3.0}, name="table")
    queue = watch([0, "x", None], name="queue")
    ring = watch(collections.deque([1], maxlen=2), name="ring")
    for number in range(3):
        table["a"] += 1
        table[f"new {number}"] = number
        table["a"] = "x" * 400
        table["a"] = {"inner": 1}
        table["a"] = table
        table["a"] = number
        queue[0] = queue[-1]
        queue[number] = table[2]
        queue.append(number)
        queue.append([number])
        ring.append(number)
        shown += [
            table.get("a"), table.get("none"), table.get("none", 5), "a" in table, 7 in table,
            attempt(lambda: table["gone"]), attempt(lambda: table[[]]), table[(3,)],
            attempt(lambda: queue[99]), attempt(lambda: queue["a"]), queue[0:2], queue[True],
            attempt(lambda: table.get()), attempt(lambda: queue.append(1, 2)),
            table.get.__name__, queue.append.__self__ is queue, 1 in queue, list(ring),
        ]
    for one in (lock, threading.Lock()):
        shown += [
            one.acquire(), one.release(), one.acquire(timeout=1), one.release(),
            one.acquire(False), one.release(), attempt(one.release),
            attempt(lambda one=one: one.acquire(1, 2, 3)), one.acquire.__name__,
            str(inspect.signature(type(one).acquire)), one.acquire.__self__ is one,
            one.acquire(), one.__exit__(None, None, None), one.__enter__(), one.release(),
        ]
        for _ in range(2):
            taken(one)
            guarded.total += 1
            one.release()
    line = queues.SimpleQueue()
    for item in ("a", None, None, [1], 5):
        shown += [line.put(item), line.put_nowait(item), line.put(item, False), line.put(item, timeout=1)]
        shown += [line.get(), line.get_nowait(), line.get(), attempt(lambda: line.put()).partition(":")[0]]
    shown += [line.get() for _ in range(line.qsize())]
    shown += [line.put.__name__, str(inspect.signature(type(line).put)), line.put.__self__ is line]
    for line in (queues.Queue(), queues.Queue(3), queues.LifoQueue(3), queues.PriorityQueue()):
        for item in ("a", "b", "a", "a", 5, [1], None, "a"):
            shown += [attempt(lambda: line.put(item, False)), attempt(lambda: line.put(item, timeout=0))]
            if item == 5:
                shown += [attempt(line.queue.pop), attempt(lambda: line.queue.append("new"))]
            shown += [attempt(lambda: line.get(block=False)), attempt(line.task_done)]
        shown += [attempt(line.get_nowait) for _ in range(10)]
    def consume(line, count):
        for _ in range(count):
            shown.append(line.get())
    for limit in (0, 4):
        line = queues.Queue(limit)
        for _ in range(3):
            for item in (1, 1, "x"):
                line.put(item)
            consumer = threading.Thread(target=consume, args=(line, 3))
            consumer.start()
            consumer.join()
    for number in range(2):
        thread = threading.Thread(target=guarded.add, args=(number,), name=f"worker {number}")
        thread.start()
        thread.join()
    return shown


memory = Memory()
recorder.start(memory)
shown = main()
recorder.flush()
recorder.stop()
from raceway.record.accelerator import accelerator

def position(code, offset):
    """Where in the source: 3.11 has two offsets for one call, of C code and of Python code."""
    if hasattr(code, "co_positions"):
        return repr(list(code.co_positions())[offset // 2])
    return repr(offset)


readable = []
for at in range(0, len(memory.ops), ops.STRIDE):
    token, subject, thing, argument = memory.ops[at : at + ops.STRIDE]
    if hasattr(thing, "co_name"):
        thing, argument = thing.co_name, position(thing, argument)
    op = ops.NAMES[subject & ops.OP_MASK]
    readable.append([token, op, subject >> ops.OP_BITS, repr(thing), repr(argument)])
print(json.dumps([accelerator is not None, recorder.status.errors, shown, readable]))
'''


def recorded(*options, **variables):
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [sys.executable, *options, "-c", PROGRAM],
        env=env | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("options", [(), ("-X", "dev")], ids=" ".join)
def test_both_record_the_same(options):
    in_c, errors, shown, ops = recorded(*options)
    if not in_c:
        pytest.skip("there is no compiler")
    pure, *expected = recorded(*options, RACEWAY_PURE_PYTHON="1")

    assert not pure
    assert errors == {}
    assert len(ops) > 400
    assert [errors, shown] == expected[:2]
    for mine, other in zip(ops, expected[2], strict=True):
        assert mine == other


class Kind:
    pass


SCALARS = (
    *(sign * (1 << bits) + more for sign in (1, -1) for bits in (0, 15, 30, 31, 45, 62)
      for more in (-1, 0, 1)),
    (1 << 63) - 1, -1 << 63, None, True, False, 1.5, float("inf"), -0.0, "", "x" * 80,
)  # fmt: skip

needs_a_compiler = pytest.mark.skipif(accelerator is None, reason="there is no compiler")


def buffer_of(chunk):
    """Return ops as the accelerator keeps them, without what others may have recorded."""
    buffer = accelerator.buffer.first(0)
    buffer.extend(chunk)
    return buffer


@pytest.fixture
def chunk():
    """Ops with all kinds of scalars, objects, actors and epochs."""
    code = test_both_record_the_same.__code__
    ops = []
    for at, scalar in enumerate(SCALARS * 4):
        token = (at // 3 % 2 << 24) + at // 7 << 40 | (at // 2 if at % 5 else at << 30)
        ops += (token, (1 << at % 62) + at, (None, code, Kind, Kind)[at % 4], scalar)
    return ops


@needs_a_compiler
def test_a_buffer_is_to_python_what_a_list_is(chunk):
    buffer = buffer_of(chunk)
    unusual = [1, 2, None, 1 << 70, "no token", 2, Kind, (1,), -1, 1 << 64, Kind, 1.5]
    buffer += tuple(unusual)
    chunk += unusual

    assert len(buffer) == len(chunk)
    assert buffer[:] == chunk
    for part in (slice(4, 12), slice(-4, -2), slice(1, None, 4), slice(5, 6), slice(9, 2, -3), -1):
        assert buffer[part] == chunk[part]
    assert buffer.first(8)[:] == chunk[:8]
    del buffer[:12]
    del chunk[:12]
    assert buffer[:] == chunk
    with pytest.raises(ValueError, match="four"):
        buffer.extend((1, 2, 3))
    assert buffer[:] == chunk
    buffer.clear()
    assert not buffer
    assert buffer[:] == []


@needs_a_compiler
def test_what_was_packed_is_read_again(chunk):
    code = test_both_record_the_same.__code__
    numbers = {id(None): 0, id(code): 7, id(Kind): 1 << 20}
    expected = [numbers[id(item)] if at % 4 == 2 else item for at, item in enumerate(chunk)]

    packed = accelerator.pack(buffer_of(chunk), {}, numbers)

    for unpacked in (accelerator.unpack(packed), unpack_in_python(packed)):
        assert unpacked == expected
        assert [type(item) for item in unpacked] == [type(item) for item in expected]


@needs_a_compiler
def test_what_is_no_chunk_is_refused(chunk):
    packed = accelerator.pack(buffer_of(chunk), {}, dict.fromkeys(map(id, chunk), 1))
    for broken in (
        packed[:-1],
        packed[:40],
        packed + b"x",
        b"",
        b"\xff" * 11,
        b"\x01\x02\x00\x00z",
        b"\x01\x02\x00t\x7fN",
        b"\x01\x02\x00t\x01t\x00",
        b"\x01\x02\x00U\x01\xff",
    ):
        for read in (accelerator.unpack, unpack_in_python):
            with pytest.raises(ValueError, match=r"."):
                read(broken)


@needs_a_compiler
def test_objects_without_a_number_are_asked_for(chunk):
    code = test_both_record_the_same.__code__
    assert accelerator.pack(buffer_of(chunk), {}, {}) == {id(code): code, id(Kind): Kind}
    assert accelerator.pack(buffer_of(chunk), {id(code): 1}, {}) == {id(Kind): Kind}


@needs_a_compiler
@pytest.mark.parametrize("unusual", [1 << 63, "\ud800", (1, b""), ((),), b"", 1j])
def test_what_cannot_be_packed_in_c_is_left_to_python(unusual):
    assert accelerator.pack(buffer_of([1, 2, None, unusual]), {}, {}) is None


@needs_a_compiler
@pytest.mark.parametrize(
    "value",
    [1 << 70, "\xe4\u20ac", "\ud800", "ascii", 5, ("GET", "/\xe4", 1.5, -3, None, True), ()],
    ids=["long", "latin", "lone", "text", "int", "tuple", "empty"],
)
def test_a_log_has_what_was_recorded(tmp_path, value):
    code = test_both_record_the_same.__code__
    log = OpLog(str(tmp_path))
    for _ in range(2):
        log.write(buffer_of([1 << 40, 32, code, 4, 1 << 40, 40, None, value]), [])
    reader = OpLogReader(Path(log.path))

    first, second = reader.next_chunk(), reader.next_chunk()

    assert [definition[0] for definition in first.definitions] == [ops.DEF_PROCESS, ops.DEF_CODE]
    assert second.definitions == []
    for chunk in (first, second):
        assert chunk.ops == [1 << 40, 32, 1, 4, 1 << 40, 40, 0, value]


@needs_a_compiler
def test_a_state_knows_the_tokens_of_as_many_actors_as_there_may_be():
    for actor in (0, 1, (1 << 23) - 1, 1 << 23, 1 << 24, (1 << 32) - 1):
        state = accelerator.State(actor, 1)
        assert (state.actor, state.group, state.tok) == (actor, 1, actor << 40)
        state.tok += 1
        assert state.tok == (actor << 40) + 1
        buffer = buffer_of((state.tok, actor << 5, None, None))
        assert buffer[:2] == [state.tok, actor << 5]
        packed = accelerator.pack(buffer, {}, {})
        assert accelerator.unpack(packed)[0] == unpack_in_python(packed)[0] == state.tok
    with pytest.raises(OverflowError):
        accelerator.State(1 << 32, 1)


@needs_a_compiler
def test_members_are_a_dict():
    """What is put in and taken out in any order, compared with a dict."""
    import random

    members, expected = accelerator.Members(), {}
    random.seed(5)
    for _ in range(20_000):
        key = 0x7F00_0000_0000 + 16 * random.randrange(300)
        if random.random() < 0.5:
            members[key] = expected[key] = {"": key}
        elif random.random() < 0.5:
            assert members.pop(key, None) == expected.pop(key, None)
        assert members.get(key) == expected.get(key)
        assert len(members) == len(expected)
    for key, names in expected.items():
        assert members[key] is names
    with pytest.raises(KeyError):
        members[16]
