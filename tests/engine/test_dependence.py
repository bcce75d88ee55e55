"""Whether two accesses belong together, asked about real compiled code.

Accesses are marked in the snippets: ``«1r c.n»`` is the first access, a read; ``«2w c.n»`` the
second, a write; ``«m c.n»`` a read between them.  The marks are taken out before compiling, and on
Python 3.11 and later an instruction of the function has to have exactly the marked range.
"""

from __future__ import annotations

import contextlib
import importlib
import random
import sys
import textwrap
import types
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raceway.engine.code_view import CodeView, Position
from raceway.engine.dependence import (
    Link,
    Verdict,
    describe,
    is_constant_write,
    is_double_checked,
    is_logged,
    is_polled,
    is_recheck_between,
    is_update,
    link,
)

EXACT = sys.version_info >= (3, 11)
needs_columns = pytest.mark.skipif(not EXACT, reason="Python 3.10 knows lines only")


def functions(code: types.CodeType):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from functions(constant)


class Snippet:
    """A marked program: its source without marks, the function's view, the marked positions."""

    def __init__(self, text: str, name: str = "f", *, lines_only: bool = not EXACT) -> None:
        text = textwrap.dedent(text).strip("\n") + "\n"
        out, starts, self.marks, self.kinds = "", [], {}, {}
        index = 0
        while index < len(text):
            if text[index] == "«":
                label, _, _ = text[index + 1 :].partition(" ")
                index += len(label) + 2
                starts.append((label, self.place(out)))
                continue
            if text[index] == "»":
                label, (line, column) = starts.pop()
                end_line, end_column = self.place(out)
                exact = Position(line, end_line, column, end_column)
                self.marks[label[0]] = Position(line) if lines_only else exact
                self.kinds[label[0]] = "write" if label.endswith("w") else "read"
                index += 1
                continue
            out += text[index]
            index += 1
        self.source = out
        self.code = next(
            code for code in functions(compile(out, "snippet.py", "exec")) if code.co_name == name
        )
        if not lines_only:
            known = {
                (line, end_line, column, end_column)
                for code in functions(self.code)
                for line, end_line, column, end_column in code.co_positions()
            }
            for mark in self.marks.values():
                assert (mark.line, mark.end_line, mark.column, mark.end_column) in known, mark
        self.view = CodeView(out, self.code.co_firstlineno, self.code.co_name)

    @staticmethod
    def place(text: str) -> tuple[int, int]:
        return text.count("\n") + 1, len(text.rpartition("\n")[2].encode())

    def link(self) -> Link:
        return link(
            self.view,
            self.marks["1"],
            self.marks["2"],
            first_kind=self.kinds["1"],
            second_kind=self.kinds["2"],
        )


LINKS = {
    # -- the written value is computed from the one that was read -------------------------------
    "local": (
        """
        def f(c):
            v = «1r c.n»
            wait()
            «2w c.n» = v + 1
        """,
        "DATA",
    ),
    "augmented": (
        """
        def f(c):
            «1r «2w c.n»» += 1
        """,
        "DATA",
    ),
    "same statement": (
        """
        def f(c):
            «2w c.n» = «1r c.n» + 1
        """,
        "DATA",
    ),
    "getter and setter": (
        """
        def f(counts):
            for _ in range(5):
                «2w counts.put("x", «1r counts.get("x")» + 1)»
        """,
        "DATA",
    ),
    "setter with keyword": (
        """
        def f(acct):
            old = «1r acct.balance()»
            «2w acct.store(amount=old - 1)»
        """,
        "DATA",
    ),
    "tuple unpacking": (
        """
        def f(c, d):
            v, w = «1r c.n», d
            «2w c.n» = v
        """,
        "DATA",
    ),
    "unpacked call": (
        """
        def f(c):
            v, *w = «1r c.both()»
            «2w c.store(w)»
        """,
        "DATA",
    ),
    "walrus": (
        """
        def f(c):
            print(v := «1r c.n»)
            «2w c.n» = v
        """,
        "DATA",
    ),
    "augmented local": (
        """
        def f(c):
            v = «1r c.n»
            v += 1
            «2w c.n» = v
        """,
        "DATA",
    ),
    "local added": (
        """
        def f(c):
            total = 0
            total += «1r c.n»
            «2w c.n» = total
        """,
        "DATA",
    ),
    "conditional expression": (
        """
        def f(c, k):
            v = «1r c.n»
            «2w c.n» = k if v > k else 0
        """,
        "DATA",
    ),
    "f-string": (
        """
        def f(c):
            v = «1r c.n»
            «2w c.n» = f"{v}!"
        """,
        "DATA",
    ),
    "comprehension": (
        """
        def f(c):
            v = «1r c.n»
            «2w c.n» = [i for i in v if i]
        """,
        "DATA",
    ),
    "comprehension, captured": (
        """
        def f(c, items):
            v = «1r c.n»
            «2w c.n» = [i + v for i in items]
        """,
        "DATA",
    ),
    "list built": (
        """
        def f(c):
            box = []
            box.append(«1r c.n»)
            «2w c.store(box)»
        """,
        "DATA",
    ),
    "dict built": (
        """
        def f(c):
            box = {}
            box["n"] = «1r c.n»
            «2w c.n» = box["n"] + 1
        """,
        "DATA",
    ),
    "heap": (
        """
        def f(c, heapq):
            box = []
            heapq.heappush(box, «1r c.n»)
            «2w c.n» = box[0]
        """,
        "DATA",
    ),
    "method of tainted local": (
        """
        def f(c):
            v = «1r c.name»
            v = v.strip().upper()
            «2w c.name» = v
        """,
        "DATA",
    ),
    "with as": (
        """
        def f(c):
            with «1r c.session()» as s:
                v = s.value
            «2w c.store(v)»
        """,
        "DATA",
    ),
    "for in": (
        """
        def f(d):
            for k in «1r d.keys()»:
                «2w d[k]» = 0
        """,
        "DATA",
    ),
    "subscript index": (
        """
        def f(d):
            i = «1r len(d)»
            «2w d[i]» = 0
        """,
        "DATA",
    ),
    "delete by index": (
        """
        def f(d):
            for k in list(«1r d.keys()»):
                del «2w d[k]»
        """,
        "DATA",
    ),
    "dict item": (
        """
        def f(d, k):
            v = «1r d[k]»
            «2w d[k]» = v + 1
        """,
        "DATA",
    ),
    "own attribute": (
        """
        class C:
            def f(self):
                self.cached = «1r self.n»
                wait()
                «2w self.n» = self.cached + 1
        """,
        "DATA",
    ),
    "local function": (
        """
        def f(c):
            v = «1r c.n»
            def put():
                c.store(v + 1)
            «2w put()»
        """,
        "DATA",
    ),
    "lambda": (
        """
        def f(c):
            v = «1r c.n»
            «2w c.update(lambda old: v + 1)»
        """,
        "DATA",
    ),
    "async": (
        """
        async def f(c):
            v = «1r c.n»
            await wait()
            «2w c.n» = v + 1
        """,
        "DATA",
    ),
    "awaited getter and setter": (
        """
        async def f(c):
            v = «1r await c.get()»
            «2w await c.put(v + 1)»
        """,
        "DATA",
    ),
    "async with": (
        """
        async def f(c, lock):
            async with lock:
                v = «1r c.n»
            async with lock:
                «2w c.n» = v + 1
        """,
        "DATA",
    ),
    "written through gather": (
        """
        async def f(c, asyncio):
            v = «1r c.n»
            «2w await asyncio.gather(c.put(v), wait())»
        """,
        "DATA",
    ),
    "generator": (
        """
        def f(c):
            v = «1r c.n»
            yield
            «2w c.n» = v + 1
        """,
        "DATA",
    ),
    "try finally": (
        """
        def f(c):
            v = «1r c.n»
            try:
                work()
            finally:
                «2w c.n» = v
        """,
        "DATA",
    ),
    "finally after return": (
        """
        def f(c):
            v = «1r c.n»
            try:
                return work()
            finally:
                «2w c.n» = v
        """,
        "DATA",
    ),
    "handler": (
        """
        def f(c):
            try:
                v = «1r c.n»
                work()
            except ValueError:
                «2w c.n» = v
        """,
        "DATA",
    ),
    "kill in one branch only": (
        """
        def f(c, k):
            v = «1r c.n»
            if k:
                v = 0
            «2w c.n» = v
        """,
        "DATA",
    ),
    "match capture": (
        """
        def f(c):
            match «1r c.state()»:
                case ["on", x]:
                    «2w c.store(x)»
        """,
        "DATA",
    ),
    "decorated": (
        """
        @retry(3)
        @other
        def f(c):
            v = «1r c.n»
            «2w c.n» = v + 1
        """,
        "DATA",
    ),
    "several lines": (
        """
        def f(c):
            v = (
                1
                + «1r c.n»
            )
            «2w c.store(
                1,
                v,
            )»
        """,
        "DATA",
    ),
    "non-ASCII before the column": (
        """
        def f(c):
            größe = "äöü€"; v = «1r c.n»
            ü = "日本"; «2w c.n» = v + 1
        """,
        "DATA",
    ),
    "read before the loop": (
        """
        def f(c, items):
            v = «1r c.n»
            for i in items:
                v = v + i
            «2w c.n» = v
        """,
        "DATA",
    ),
    "read in a loop, written after it": (
        """
        def f(c, items):
            for i in items:
                v = «1r c.n»
            «2w c.n» = v
        """,
        "DATA",
    ),
    "over the back edge": (
        """
        def f(x):
            best = 0
            while True:
                «2w x.v» = best + 1
                wait()
                best = «1r x.v»
        """,
        "DATA<",
    ),
    "over the back edge of the inner loop": (
        """
        def f(x):
            for _ in range(3):
                best = 0
                for _ in range(3):
                    «2w x.v» = best
                    best = «1r x.v»
        """,
        "DATA<",
    ),
    "chain of methods over lines": (
        """
        def f(c):
            v = (c.first
                 .second)
            w = «1r c.get(
                1)»
            «2w c.n» = (v, w)
        """,
        "DATA",
    ),
    "new list": (
        """
        def f(c, x):
            items = [*«1r c.items», x]
            wait()
            «2w c.items» = items
        """,
        "DATA",
    ),
    "free seat": (
        """
        async def f(seats, name):
            pos = «1r seats.index(None)»
            await pay()
            «2w seats[pos]» = name
        """,
        "DATA",
    ),
    "snapshot put back": (
        """
        def f(c):
            snapshot = dict(«1r c.d»)
            work(snapshot)
            «2w c.restore(old=snapshot)»
        """,
        "DATA",
    ),
    "class body": (
        """
        class f:
            v = «1r c.n»
            «2w c.n» = v + 1
        """,
        "DATA",
    ),
    "async for": (
        """
        async def f(c):
            async for i in c.stream():
                v = «1r c.n»
                «2w c.n» = v + i
        """,
        "DATA",
    ),
    "star-unpacked arguments": (
        """
        def f(c):
            args = [«1r c.n»]
            «2w c.store(*args, **{})»
        """,
        "DATA",
    ),
    "yield from": (
        """
        def f(c):
            v = yield from «1r c.values()»
            «2w c.store(v)»
        """,
        "DATA",
    ),
    "swapped": (
        """
        def f(c, b):
            a = «1r c.n»
            a, b = b, a
            «2w c.n» = b
        """,
        "DATA",
    ),
    # -- the second access depends on a test ----------------------------------------------------
    "if": (
        """
        def f(c):
            if «1r c.n» > 3:
                wait()
                «2w c.n» = 0
        """,
        "CONTROL",
    ),
    "else": (
        """
        def f(c):
            if «1r c.n» > 3:
                pass
            else:
                «2w c.n» = 0
        """,
        "CONTROL",
    ),
    "if, then update": (
        """
        def f(c, k, lock):
            with lock:
                enough = «1r c.n» >= k
            if enough:
                with lock:
                    «2w c.n» -= k
        """,
        "CONTROL",
    ),
    "check by call": (
        """
        def f(acct, k):
            if «1r acct.balance()» >= k:
                «2w acct.withdraw(k)»
        """,
        "CONTROL",
    ),
    "cache stampede": (
        """
        async def f(key, cache):
            if «1r key not in cache»:
                value = await load(key)
                «2w cache[key]» = value
            return cache[key]
        """,
        "CONTROL",
    ),
    "while": (
        """
        def f(c):
            while «1r c.n» < 10:
                wait()
                «2w c.n» = 3
        """,
        "CONTROL",
    ),
    "after polling": (
        """
        async def f(c):
            while «1r c.busy»:
                await wait()
            «2w c.busy» = True
        """,
        "CONTROL",
    ),
    "after a break": (
        """
        async def f(c):
            while True:
                free = not «1r c.busy»
                if free:
                    break
                await wait()
            «2w c.busy» = True
        """,
        "CONTROL",
    ),
    "early return": (
        """
        def f(c):
            if «1r c.closed»:
                return
            wait()
            «2w c.closed» = True
        """,
        "CONTROL",
    ),
    "early raise": (
        """
        def f(c, k):
            v = «1r c.n»
            if v < k:
                raise ValueError
            «2w c.n» = k
        """,
        "CONTROL",
    ),
    "early continue": (
        """
        def f(c, items):
            for i in items:
                if «1r c.n» > i:
                    continue
                «2w c.n» = i
        """,
        "CONTROL",
    ),
    "early break": (
        """
        def f(c, items):
            for i in items:
                if «1r c.n» > i:
                    break
                «2w c.n» = i
        """,
        "CONTROL",
    ),
    "early return, nested": (
        """
        def f(c, k):
            if k:
                if «1r c.n» > 3:
                    return
            «2w c.n» = 0
        """,
        "CONTROL",
    ),
    "early return in with": (
        """
        def f(c, lock):
            with lock:
                if «1r c.closed»:
                    return
            with lock:
                «2w c.closed» = True
        """,
        "CONTROL",
    ),
    "assert": (
        """
        def f(c):
            assert «1r c.n» > 0
            «2w c.n» = 0
        """,
        "CONTROL",
    ),
    "and": (
        """
        def f(c):
            return «1r c.ready()» and «2w c.take()»
        """,
        "CONTROL",
    ),
    "or": (
        """
        def f(d, k):
            return «1r d.get(k)» or «2w d.setdefault(k, 1)»
        """,
        "CONTROL",
    ),
    "ternary": (
        """
        def f(c):
            return «2w c.take()» if «1r c.n» else None
        """,
        "CONTROL",
    ),
    "match": (
        """
        def f(c):
            match «1r c.state»:
                case "on":
                    «2w c.state» = "off"
        """,
        "CONTROL",
    ),
    "match guard": (
        """
        def f(c, k):
            match k:
                case 1 if «1r c.n» > 3:
                    «2w c.n» = 0
        """,
        "CONTROL",
    ),
    "except KeyError": (
        """
        def f(d, k):
            try:
                return «1r d[k]»
            except KeyError:
                «2w d[k]» = 1
        """,
        "CONTROL",
    ),
    "except own error": (
        """
        def f(repo, k):
            try:
                return «1r repo.find(k)»
            except repo.NotFound:
                «2w repo.add(k)»
        """,
        "CONTROL",
    ),
    "raised in the body": (
        """
        def f(c, k):
            try:
                if «1r c.n» < k:
                    raise LowError
            except LowError:
                «2w c.n» = k
        """,
        "CONTROL",
    ),
    "tainted flag": (
        """
        def f(c):
            ok = «1r c.n» > 3
            wait()
            if ok:
                «2w c.n» = 0
        """,
        "CONTROL",
    ),
    "flag set in a branch": (
        """
        def f(c):
            full = False
            if «1r c.n» > 3:
                full = True
            wait()
            if full:
                «2w c.n» = 0
        """,
        "CONTROL",
    ),
    "value chosen in a branch": (
        """
        def f(c):
            if «1r c.n» > 3:
                new = 0
            else:
                new = 1
            «2w c.n» = new
        """,
        "CONTROL",
    ),
    "comprehension filter": (
        """
        def f(d, keys):
            n = «1r d.size()»
            [d.drop(k) for k in keys if n]
            if n:
                «2w d.clear()»
        """,
        "CONTROL",
    ),
    "best score": (
        """
        def f(best, score):
            with best.lock:
                previous = «1r best.score»
            barrier()
            if score > previous:
                with best.lock:
                    «2w best.score» = score
        """,
        "CONTROL",
    ),
    "cache aside": (
        """
        async def f(cache, k):
            data = «1r await cache.get(k)»
            if data is None:
                data = await load(k)
                «2w await cache.set(k, data)»
        """,
        "CONTROL",
    ),
    "started once": (
        """
        async def f(self):
            if not «1r self.started»:
                await self.open()
                «2w self.started» = True
        """,
        "CONTROL",
    ),
    "taken while there is something": (
        """
        def f(q):
            while «1r q.size()»:
                «2w q.pop()»
        """,
        "CONTROL",
    ),
    "expired items": (
        """
        def f(d, now):
            for k in list(d):
                if «1r d[k]» < now:
                    wait()
                    del «2w d[k]»
        """,
        "CONTROL",
    ),
    # -- read and read ---------------------------------------------------------------------------
    "check then use": (
        """
        async def f(client, sent):
            if «1r client.ws» is not None:
                frame = await encode()
                sent.append((«2r client.ws», frame))
        """,
        "CONTROL",
    ),
    "check then use, early return": (
        """
        async def f(client):
            if «1r client.ws» is None:
                return
            await wait()
            «2r client.ws».send()
        """,
        "CONTROL",
    ),
    "check then index": (
        """
        def f(d, k):
            if «1r k in d»:
                wait()
                return «2r d[k]»
        """,
        "CONTROL",
    ),
    "check then compare an item": (
        """
        def f(d, k):
            if «1r k in d»:
                wait()
                if «2r d[k]» > 3:
                    work()
        """,
        "CONTROL",
    ),
    "length then index": (
        """
        def f(d):
            n = «1r len(d)»
            return «2r d[n - 1]»
        """,
        "DATA",
    ),
    "check then print": (
        """
        async def f(client):
            if «1r client.ws»:
                await wait()
                print(«2r client.ws»)
        """,
        "CONTROL",
    ),
    "checked again": (
        """
        async def f(client):
            if «1r client.ws» is not None:
                await wait()
                if «2r client.ws» is not None:
                    use(client.ws)
        """,
        "RECHECK",
    ),
    "checked again through a local": (
        """
        async def f(client):
            if «1r client.ws»:
                await wait()
                ws = «2r client.ws»
                if ws is not None:
                    ws.send()
        """,
        "RECHECK",
    ),
    "checked again by walrus": (
        """
        async def f(client):
            if «1r client.ws»:
                await wait()
                if (ws := «2r client.ws») is not None:
                    ws.send()
        """,
        "RECHECK",
    ),
    "checked again before and": (
        """
        async def f(client):
            if «1r client.ws»:
                await wait()
                «2r client.ws» and client.ws.send()
        """,
        "RECHECK",
    ),
    "used in a test": (
        """
        async def f(client):
            if «1r client.ws»:
                await wait()
                if «2r client.ws».closed:
                    work()
        """,
        "CONTROL",
    ),
    "polled": (
        """
        def f(c):
            c.started = 1
            while not «1r «2r c.ready»»:
                wait()
        """,
        "RECHECK<",
    ),
    "written, then tested": (
        """
        def f(c):
            «1w c.n» = 1
            wait()
            if «2r c.n» == 1:
                work()
        """,
        "RECHECK",
    ),
    "compared": (
        """
        def f(c):
            a = «1r c.version»
            work()
            return «2r c.version» != a
        """,
        "RECHECK",
    ),
    # -- not linked ------------------------------------------------------------------------------
    "unrelated in one loop": (
        """
        def f(c, items, log):
            for i in items:
                n = «1r c.n»
                log.info("n is %s", n)
                «2w c.n» = i
        """,
        "SAME_FUNCTION",
    ),
    "statistics reset": (
        """
        def f(c):
            report(«1r c.hits»)
            wait()
            «2w c.hits» = 0
        """,
        "SAME_FUNCTION",
    ),
    "logging read": (
        """
        def f(c, logger):
            if «1r c.n» > 3:
                wait()
                logger.info("now %s", «2r c.n»)
        """,
        "SAME_FUNCTION",
    ),
    "printed size": (
        """
        def f(c):
            if «1r c.n» > 3:
                wait()
                print(«2r c.n»)
        """,
        "SAME_FUNCTION",
    ),
    "two reads": (
        """
        def f(c):
            a = «1r c.n»
            wait()
            return a, «2r c.n»
        """,
        "SAME_FUNCTION",
    ),
    "exclusive branches": (
        """
        def f(c, k):
            if k:
                return «1r c.n»
            else:
                «2w c.n» = 0
        """,
        "NONE",
    ),
    "exclusive by return": (
        """
        def f(c, k):
            if k:
                return «1r c.n»
            «2w c.n» = 0
        """,
        "NONE",
    ),
    "exclusive cases": (
        """
        def f(c, k):
            match k:
                case 1:
                    v = «1r c.n»
                case _:
                    «2w c.n» = 0
        """,
        "NONE",
    ),
    "exclusive operands": (
        """
        def f(c, k):
            return «1r c.get()» if k else «2w c.take()»
        """,
        "NONE",
    ),
    "comes before": (
        """
        def f(c):
            «2w c.n» = 0
            return «1r c.n»
        """,
        "NONE",
    ),
    "comes before, in a loop": (
        """
        def f(c, items):
            for i in items:
                «2w c.n» = 0
                report(«1r c.n»)
        """,
        "NONE<",
    ),
    "one call in a loop": (
        """
        def f(c, items):
            for i in items:
                «1r «2w c.bump()»»
        """,
        "NONE<",
    ),
    "killed": (
        """
        def f(c):
            v = «1r c.n»
            work(v)
            v = 0
            «2w c.n» = v
        """,
        "SAME_FUNCTION",
    ),
    "killed in both branches": (
        """
        def f(c, k):
            v = «1r c.n»
            if k:
                v = 0
            else:
                v = 1
            «2w c.n» = v
        """,
        "SAME_FUNCTION",
    ),
    "killed by for": (
        """
        def f(c):
            i = «1r c.n»
            for i in range(3):
                «2w c.n» = i
        """,
        "SAME_FUNCTION",
    ),
    "killed by del": (
        """
        def f(c, k):
            v = «1r c.n»
            del v
            «2w c.n» = k
        """,
        "SAME_FUNCTION",
    ),
    "other part of a tuple": (
        """
        def f(c, k):
            v, w = «1r c.n», k
            «2w c.n» = w
        """,
        "SAME_FUNCTION",
    ),
    "test of something else": (
        """
        def f(c, k):
            report(«1r c.n»)
            if k:
                «2w c.n» = 0
        """,
        "SAME_FUNCTION",
    ),
    "branch is over": (
        """
        def f(c):
            if «1r c.n» > 3:
                alert()
            «2w c.n» = 0
        """,
        "SAME_FUNCTION",
    ),
    "continue ends with the pass": (
        """
        def f(c, items):
            for i in items:
                if «1r c.n» > i:
                    continue
                work()
            «2w c.n» = 0
        """,
        "SAME_FUNCTION",
    ),
    "read again": (
        """
        def f(c):
            v = «1r c.n»
            report(v)
            wait()
            w = c.n
            «2w c.n» = w + 1
        """,
        "SAME_FUNCTION",
    ),
    "written, then read again": (
        """
        def f(c):
            v = «1r c.n»
            c.n = v + 1
            wait()
            w = c.n
            «2w c.n» = w + 1
        """,
        "SAME_FUNCTION",
    ),
    "read again through a local holder": (
        """
        def f(bank):
            acct = bank.current
            v = «1r acct.n»
            acct.n = v + 1
            wait()
            w = acct.n
            «2w acct.n» = w + 1
        """,
        "SAME_FUNCTION",
    ),
    "two updates": (
        """
        async def f(c):
            «1r c.n» += 1
            await wait()
            «2w c.n» -= 1
        """,
        "SAME_FUNCTION",
    ),
    "resource taken and given back": (
        """
        def f(pool):
            conn = «1r pool.acquire()»
            conn.work()
            «2w conn.close()»
        """,
        "SAME_FUNCTION",
    ),
    "unrelated handler": (
        """
        def f(c):
            try:
                report(«1r c.n»)
                work()
            except ValueError:
                «2w c.n» = 0
        """,
        "SAME_FUNCTION",
    ),
    # -- a write first ---------------------------------------------------------------------------
    "intermediate state": (
        """
        def f(c):
            «1w c.conn» = None
            wait()
            «2w c.conn» = connect()
        """,
        "SAME_FUNCTION",
    ),
    "own write read back": (
        """
        async def f(c, k):
            «1w c.user» = k
            await wait()
            return «2r c.user»
        """,
        "SAME_FUNCTION",
    ),
    "writes in exclusive branches": (
        """
        def f(c, k):
            if k:
                «1w c.n» = 1
            else:
                «2w c.n» = 2
        """,
        "NONE",
    ),
    "write of one pass, read of the next": (
        """
        def f(c, items):
            for i in items:
                use(«2r c.n»)
                «1w c.n» = i
        """,
        "NONE<",
    ),
    "try and except": (
        """
        def f(c):
            «1w c.busy» = True
            try:
                work()
            finally:
                «2w c.busy» = False
        """,
        "SAME_FUNCTION",
    ),
}


def expected_link(text: str) -> Link:
    return Link(Verdict[text.rstrip("<")], back_edge=text.endswith("<"))


# Where the accesses, or an access and the call around it, cannot be told apart by their lines.
NEED_COLUMNS = {
    "checked again before and",
    "exclusive operands",
    "logging read",
    "printed size",
    "unrelated handler",
}


@pytest.mark.parametrize("name", [name for name in LINKS if EXACT or name not in NEED_COLUMNS])
def test_link(name):
    source, expected = LINKS[name]

    assert expected_link(expected) == Snippet(source).link()


@pytest.mark.parametrize(("source", "expected"), LINKS.values(), ids=LINKS)
def test_link_by_line(source, expected):
    # Without columns two accesses of one line cannot be told apart: linked is the safe answer.
    found = Snippet(source, lines_only=True).link()

    if expected_link(expected).linked:
        assert found.linked


RECHECKS = {
    "compare and swap": (
        """
        def f(x, lock):
            old = «1r x.v»
            new = old + 1
            with lock:
                if «m x.v» == old:
                    «2w x.v» = new
        """,
        True,
    ),
    "compare and swap, early continue": (
        """
        def f(x, lock):
            while True:
                old = «1r x.v»
                with lock:
                    if «m x.v» != old:
                        continue
                    «2w x.v» = old + 1
        """,
        True,
    ),
    "early return": (
        """
        def f(x, lock):
            if «1r x.v» is not None:
                return
            with lock:
                if «m x.v» is not None:
                    return
                «2w x.v» = make()
        """,
        True,
    ),
    "double-checked locking": (
        """
        def f(x, lock):
            if «1r x.v» is None:
                with lock:
                    if «m x.v» is None:
                        «2w x.v» = make()
            return x.v
        """,
        True,
    ),
    "check again, then update": (
        """
        def f(x, lock, k):
            if «1r x.n» >= k:
                with lock:
                    if «m x.n» >= k:
                        «2w x.n» -= k
        """,
        True,
    ),
    "insert what is still missing": (
        """
        def f(d, lock, k):
            v = «1r d.get(k)»
            if v is None:
                v = make(v)
                with lock:
                    if «m k not in d»:
                        «2w d[k]» = v
        """,
        True,
    ),
    "checked through a local": (
        """
        def f(x, lock):
            old = «1r x.v»
            with lock:
                now = «m x.v»
                if now == old:
                    «2w x.v» = old + 1
        """,
        True,
    ),
    "after the await": (
        """
        async def f(client):
            if «1r client.ws»:
                await wait()
                if «m client.ws»:
                    «2w client.ws» = None
        """,
        True,
    ),
    "read of the update": (
        """
        def f(x, lock, k):
            if «1r x.n» >= k:
                with lock:
                    «m «2w x.n»» -= k
        """,
        False,
    ),
    "read to compute": (
        """
        def f(x, lock, k):
            if «1r x.n» >= k:
                with lock:
                    v = «m x.n»
                    «2w x.n» = v - k
        """,
        False,
    ),
    "stale value written": (
        """
        def f(x, lock):
            old = «1r x.n»
            with lock:
                if «m x.n» > 0:
                    «2w x.n» = old - 1
        """,
        False,
    ),
    "logged": (
        """
        def f(x, log):
            if «1r x.n» > 0:
                log.info(«m x.n»)
                «2w x.n» = 0
        """,
        False,
    ),
    "check comes too late": (
        """
        def f(x):
            if «1r x.n» > 0:
                «2w x.n» = 0
            if «m x.n»:
                work()
        """,
        False,
    ),
}


@pytest.mark.parametrize(("source", "expected"), RECHECKS.values(), ids=RECHECKS)
def test_recheck_between(source, expected):
    snippet = Snippet(source)
    marks = snippet.marks

    assert expected == is_recheck_between(snippet.view, marks["1"], marks["m"], marks["2"])


DOUBLE_CHECKED = {
    "body": (
        """
        def f(x, lock):
            if «1r x.v» is None:
                with lock:
                    if x.v is None:
                        x.v = make()
            return x.v
        """,
        True,
    ),
    "negated": (
        """
        def f(x, lock):
            if not «1r x.ready»:
                with lock:
                    if not x.ready:
                        x.ready = True
        """,
        True,
    ),
    "early return": (
        """
        def f(x, lock):
            if «1r x.v» is not None:
                return x.v
            with lock:
                if x.v is None:
                    x.v = make()
                return x.v
        """,
        True,
    ),
    "through locals": (
        """
        def f(cls, lock):
            inst = «1r cls.inst»
            if inst is None:
                with lock:
                    inst = cls.inst
                    if inst is None:
                        inst = cls.inst = cls()
            return inst
        """,
        True,
    ),
    "get": (
        """
        def f(d, k, lock):
            v = «1r d.get(k)»
            if v is not None:
                return v
            with lock:
                if k not in d:
                    d[k] = make()
                return d[k]
        """,
        True,
    ),
    "in": (
        """
        async def f(d, k, lock):
            if «1r k not in d»:
                async with lock:
                    if k not in d:
                        d[k] = await make()
            return d[k]
        """,
        True,
    ),
    "in, early return": (
        """
        def f(d, k, lock):
            if «1r k in d»:
                return d[k]
            with lock:
                v = d.get(k)
                if v is None:
                    v = d[k] = make()
                return v
        """,
        True,
    ),
    "exception": (
        """
        def f(d, k, lock):
            try:
                return «1r d[k]»
            except KeyError:
                with lock:
                    if k not in d:
                        d[k] = make()
        """,
        True,
    ),
    "acquire": (
        """
        def f(x, lock):
            if «1r x.v» is None:
                lock.acquire()
                try:
                    if x.v is None:
                        x.v = make()
                finally:
                    lock.release()
        """,
        True,
    ),
    "no second check": (
        """
        def f(x, lock):
            if «1r x.v» is None:
                with lock:
                    x.v = make()
        """,
        False,
    ),
    "update is no check": (
        """
        def f(x, lock, k):
            if «1r x.n» >= k:
                with lock:
                    x.n -= k
        """,
        False,
    ),
    "other expression": (
        """
        def f(x, lock):
            if «1r x.v» is None:
                with lock:
                    if x.w is None:
                        x.v = make()
        """,
        False,
    ),
    "no lock": (
        """
        def f(x):
            if «1r x.v» is None:
                wait()
                if x.v is None:
                    x.v = make()
        """,
        False,
    ),
    "not a check": (
        """
        def f(x, lock):
            use(«1r x.v»)
            with lock:
                if x.v is None:
                    x.v = make()
        """,
        False,
    ),
}


@pytest.mark.parametrize(("source", "expected"), DOUBLE_CHECKED.values(), ids=DOUBLE_CHECKED)
def test_double_checked(source, expected):
    snippet = Snippet(source)

    assert expected == is_double_checked(snippet.view, snippet.marks["1"])


POLLED = {
    "while not": ("def f(c):\n    while not «1r c.ready»:\n        wait()\n", True),
    "while compared": ("def f(c, k):\n    while «1r c.n» < k and k:\n        wait()\n", True),
    "while len": ("def f(c):\n    while len(«1r c.items») > 0:\n        wait()\n", True),
    "break": (
        "def f(c):\n    while True:\n        if «1r c.stop»:\n            break\n        wait()\n",
        True,
    ),
    "return in for": (
        "def f(c, s):\n    for i in s:\n        if «1r c.stop»:\n            return\n        wait()\n",
        True,
    ),
    "through a local": (
        """
        def f(c, lock):
            while True:
                with lock:
                    stop = «1r c.stop»
                if stop:
                    log.info("bye")
                    break
        """,
        True,
    ),
    "value used": (
        "def f(c):\n    while (n := «1r c.n») > 0:\n        use(n)\n",
        False,
    ),
    "acts": (
        "def f(c):\n    while True:\n        if «1r c.n»:\n            work()\n            break\n",
        False,
    ),
    "returns the value": (
        "def f(c):\n    while True:\n        if «1r c.n»:\n            return c.n\n",
        False,
    ),
    "no loop": ("def f(c):\n    if «1r c.stop»:\n        return\n    work()\n", False),
    "in the body": ("def f(c):\n    while True:\n        use(«1r c.n»)\n", False),
    "used": ("def f(c):\n    while «1r c.n».alive:\n        wait()\n", False),
}


@needs_columns
@pytest.mark.parametrize(("source", "expected"), POLLED.values(), ids=POLLED)
def test_polled(source, expected):
    snippet = Snippet(source)

    assert expected == is_polled(snippet.view, snippet.marks["1"])


@needs_columns
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("«1w c.n» += 1", True),
        ("«1r c.n» += 1", True),
        ("«1w c.n» = c.n + 1", True),
        ("c.n = «1r c.n» + 1", True),
        ("«1w d[k]» = d.get(k, 0) + 1", True),
        ("d[k] = «1r d.get(k, 0)» + 1", True),
        ("c.m, «1w c.n» = 1, c.n + 1", True),
        ("«1w c.n» = max(c.n, k)", True),
        ("c.m += «1r c.n»", False),
        ("«1w c.n» = c.m + 1", False),
        ("v = «1r c.n» + 1", False),
        ("«1w c.n» = 1", False),
        ("use(«1r c.n»)", False),
    ],
)
def test_update(statement, expected):
    snippet = Snippet(f"def f(c, d, k):\n    {statement}\n")

    assert expected == is_update(snippet.view, snippet.marks["1"])


@needs_columns
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("«1w c.n» = True", True),
        ("«1w c.n» = None", True),
        ("«1w c.n» = -1", True),
        ("«1w d[k]» = 'on'", True),
        ("«1w c.n»: int = 3", True),
        ("c.m = «1w c.n» = 0", True),
        ("c.m, «1w c.n» = k, 0", True),
        ("«1w setattr(c, 'n', 1)»", True),
        ("c.m, «1w c.n» = 0, k", False),
        ("«1w c.n» = k", False),
        ("«1w c.n» = []", False),
        ("«1w c.n» += 1", False),
        ("del «1w c.n»", False),
        ("«1w c.store(1)»", False),
    ],
)
def test_constant_write(statement, expected):
    snippet = Snippet(f"def f(c, d, k):\n    {statement}\n")

    assert expected == is_constant_write(snippet.view, snippet.marks["1"])


@needs_columns
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("print('n', «1r c.n»)", True),
        ("logger.info(f'{«1r c.n»}')", True),
        ("self.log.debug('%s', [«1r c.n»])", True),
        ("use(«1r c.n»)", False),
        ("print(«1r c.n».m)", False),
        ("math.log(«1r c.n»)", False),
        ("v = «1r c.n»", False),
    ],
)
def test_logged(statement, expected):
    snippet = Snippet(f"def f(c, logger, self, math):\n    {statement}\n")

    assert expected == is_logged(snippet.view, snippet.marks["1"])


@needs_columns
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(c):\n    ü = «1r c.n» + 1\n", "c.n"),
        ("def f(c):\n    «1r c.get(\n        1,\n        2,\n    )»\n", "c.get( 1, 2, )"),
        ("def f(c, d):\n    if «1r c in d»:\n        pass\n", "c in d"),
    ],
)
def test_describe(source, expected):
    snippet = Snippet(source)

    assert expected == describe(snippet.view, snippet.marks["1"])


def test_without_source_everything_is_unknown():
    for view in (CodeView("", 3, "f"), CodeView("def f(:\n", 1, "f"), CodeView("x = 1\n", 1, "f")):
        here = Position(1, 1, 0, 1)

        assert (
            Verdict.UNKNOWN
            is link(view, here, here, first_kind="read", second_kind="write").verdict
        )
        assert not is_recheck_between(view, here, here, here)
        assert describe(view, here) is None


def test_position_outside_the_function_is_unknown():
    view = CodeView("def f(c):\n    c.n = 1\n\n\nx = 1\n", 1, "f")

    found = link(
        view,
        Position(2, 2, 4, 7),
        Position(5, 5, 0, 1),
        first_kind="read",
        second_kind="write",
    )

    assert Link(Verdict.UNKNOWN) == found


def test_enormous_function_is_unknown_not_slow():
    depth = 12
    loops = "".join("    " * (i + 1) + f"for i{i} in c.items:\n" for i in range(depth))
    body = "    " * (depth + 1)
    source = f"def f(c):\n{loops}{body}v = c.n\n{body}c.n = v\n"
    line = depth + 2

    found = link(
        CodeView(source, 1, "f"),
        Position(line, None, None, None),
        Position(line + 1, None, None, None),
        first_kind="read",
        second_kind="write",
    )

    assert found.verdict in {Verdict.UNKNOWN, Verdict.DATA}


def test_enormous_expression_never_raises():
    source = "def f(c):\n    v = c.n\n    if c.n" + " + c.n" * 3000 + ":\n        c.n = v\n"
    view = CodeView(source, 1, "f")
    positions = [Position(2), Position(3), Position(4)]

    ask_everything(view, positions, ["read", "write"])
    ask_everything(view, positions[::-1], ["write", "read"])
    ask_everything(view, positions[1:] + positions[:1], ["read", "read"])


MODULES = (
    "argparse asyncio.base_events collections.__init__ concurrent.futures.thread contextlib "
    "dataclasses difflib functools json.decoder logging.__init__ queue tarfile textwrap threading"
)


def ask_everything(view: CodeView, positions: list[Position], kinds: list[str]) -> None:
    first, middle, second = positions
    found = link(view, first, second, first_kind=kinds[0], second_kind=kinds[1])
    assert isinstance(found, Link)
    is_recheck_between(view, first, middle, second)
    for ask in (is_double_checked, is_polled, is_update, is_constant_write, is_logged, describe):
        ask(view, first)


def positions_of(code: types.CodeType) -> list[Position]:
    if not EXACT:
        return [Position(line) for _, _, line in code.co_lines() if line is not None]
    return [Position(*each) for each in code.co_positions() if each[0] is not None]


@pytest.mark.parametrize("name", MODULES.split())
def test_standard_library_never_raises(name):
    dice = random.Random(name)
    path = importlib.import_module(name.removesuffix(".__init__")).__file__
    source = Path(path).read_text(encoding="utf-8")
    codes = list(functions(compile(source, path, "exec")))
    for code in dice.sample(codes, k=min(80, len(codes))):
        view = CodeView(source, code.co_firstlineno, code.co_name)
        positions = positions_of(code)
        ask_everything(view, dice.choices(positions, k=3), dice.choices(["read", "write"], k=2))


NAMES = st.sampled_from(["a", "b", "c.n", "d[a]", "c.m"])
VALUES = st.recursive(
    st.one_of(NAMES, st.just("0"), st.just("c.get()"), st.just("a in d"), st.just("len(d)")),
    lambda inner: st.one_of(
        st.builds("({} + {})".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} and {})".format, inner, inner),
        st.builds("use({})".format, inner),
        st.builds("[i + {} for i in {} if {}]".format, inner, inner, inner),
        st.builds("(w := {})".format, inner),
        st.builds("(lambda x={}: a)".format, inner),
        st.builds("f'{{{}}}'".format, NAMES),
    ),
    max_leaves=4,
)


def indented(blocks):
    return "\n".join("    " + line for block in blocks for line in block.splitlines())


BLOCKS = st.recursive(
    st.one_of(
        st.builds("{} = {}".format, NAMES, VALUES),
        st.builds("{} += {}".format, NAMES, VALUES),
        st.builds("{}, {} = {}".format, NAMES, NAMES, VALUES),
        st.builds("return {}".format, VALUES),
        st.builds("del {}".format, NAMES),
        st.builds("yield {}".format, VALUES),
        st.builds("assert {}".format, VALUES),
        st.builds("raise E({})".format, VALUES),
    ),
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda body: st.one_of(
            st.builds(("if {}:\n" + "{}").format, VALUES, st.just(indented(body))),
            st.builds("if {0}:\n{1}\nelse:\n{1}\n".format, VALUES, st.just(indented(body))),
            st.builds(
                "while {0}:\n{1}\n    if {0}: break\n    continue".format,
                VALUES,
                st.just(indented(body)),
            ),
            st.builds("for a in {0}:\n{1}\nelse:\n{1}".format, VALUES, st.just(indented(body))),
            st.builds(
                "try:\n{1}\nexcept E as b:\n{1}\nelse:\n{1}\nfinally:\n    b = {0}".format,
                VALUES,
                st.just(indented(body)),
            ),
            st.builds("with use({}) as a:\n{}".format, VALUES, st.just(indented(body))),
            st.builds(
                "match {0}:\n    case [a, *b] if {0}:\n{1}\n    case _:\n{1}".format,
                VALUES,
                st.just(textwrap.indent(indented(body), "    ")),
            ),
            st.builds("def a(x={}):\n{}".format, VALUES, st.just(indented(body))),
        )
    ),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None)
@given(body=st.lists(BLOCKS, min_size=1, max_size=4), dice=st.randoms(use_true_random=False))
def test_generated_programs_never_raise(body, dice):
    source = f"def f(c, d):\n{indented(body)}\n"
    code = None
    with contextlib.suppress(SyntaxError):
        code = compile(source, "generated.py", "exec")
    if code is None:
        return
    for function in functions(code):
        view = CodeView(source, function.co_firstlineno, function.co_name)
        positions = positions_of(function)
        if function.co_name == "f":
            assert view.roots
        for _ in range(3):
            ask_everything(
                view,
                [dice.choice(positions) for _ in range(3)],
                [dice.choice(["read", "write"]) for _ in range(2)],
            )
