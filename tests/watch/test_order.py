"""The recorded order is the order in which it happened."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from raceway.model import ops
from raceway.record import recorder
from raceway.watch import watch


class Box:
    def __init__(self):
        self.x = 0


class SlotBox:
    __slots__ = ("x",)

    def __init__(self):
        self.x = 0


def attribute_work(o, number):
    o.x = number
    return o.x, o.x


def item_work(o, number):
    o["k"] = number
    return o["k"], o["k"]


def index_work(o, number):
    o[0] = number
    return o[0], o[0]


@pytest.mark.parametrize(
    ("make", "work"),
    [
        (Box, attribute_work),
        (SlotBox, attribute_work),
        (lambda: {"k": 0}, item_work),
        (lambda: [0], index_work),
    ],
    ids=["attribute", "slot", "dict", "list"],
)
def test_every_read_returns_the_last_write_recorded_before_it(rec, make, work):
    o = watch(make(), "o")
    seen: dict[int, list] = {}
    stop = []

    def run(k):
        number = k << 32
        actor = recorder.current().actor
        values = seen[actor] = []
        while not stop:
            number += 1
            values += work(o, number)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=run, args=(k,)) for k in range(1, 5)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        stop.append(True)
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    recorder.flush()
    items = rec.sink.items

    iterators = {actor: iter(values) for actor, values in seen.items()}
    current, reads, wrong, switches, last = None, 0, 0, 0, None
    for position in range(0, len(items), ops.STRIDE):
        token, subject, _, argument = items[position : position + ops.STRIDE]
        op = subject & ops.OP_MASK
        actor = token >> ops.EPOCH_BITS
        if op == ops.VALUE:
            current = argument
        elif op == ops.READ:
            reads += 1
            switches += actor != last
            last = actor
            value = next(iterators[actor])
            wrong += current is not None and value != current
    assert reads > 1000
    assert switches > 3
    assert wrong == 0
