"""The types of findings in plain words: what it is, why it matters, how it is repaired."""

from __future__ import annotations

from typing import Final

EXPLANATIONS: Final = {
    "data-race": """\
What a data race is

  Two threads, tasks or greenlets use the same variable, at least one of them
  changes it, and nothing decides who comes first: no lock that both hold, no
  join, queue, event or future between them.

Why it matters

  Which one comes first changes from run to run. A value can be read that is
  half updated or out of date, and an update can be lost: "counter += 1"
  reads, adds and writes, and what another thread has written between the read
  and the write is gone. Tests seldom see it, since the moment is short.

How to repair it

  Hold one lock for every access, in every place:

      lock = threading.Lock()    # one lock for one thing that is shared

      with lock:
          account.balance -= amount

  Or let only one thread have it, and hand values over by a queue.Queue. Or
  give each thread its own and add them up after join().
""",
    "atomicity-violation": """\
What an atomicity violation is

  Some steps belong together, such as reading a value and writing back what
  was made of it, and another thread, task or greenlet can come in between.
  Every single access may hold a lock: what is missing is one lock over all
  the steps.

Why it matters

  The decision was made on a value that is no longer there. Two withdrawals
  both find enough money; two requests both find a key missing and both create
  it; an update is lost.

How to repair it

  Hold the lock from the first step to the last:

      with lock:
          if account.balance >= amount:    # the check and
              account.balance -= amount    # what relies on it

  With asyncio every "await" lets others in. Do the steps without one between
  them, or hold one asyncio.Lock (not a threading.Lock) around all of them:

      async with lock:
          stock = await load(item)
          await save(item, stock - 1)

  Or use one operation that does it all, such as dict.setdefault or
  dict.pop(key, None).
""",
    "lock-order-inversion": """\
What a lock-order inversion is

  One thread or task takes lock A and then, still holding it, lock B. Another
  one takes B and then A.

Why it matters

  With unlucky timing each holds what the other one waits for, and both wait
  for ever: a deadlock. The program stands still without any error.

How to repair it

  Take the locks in one order everywhere, for example by what they belong to:

      first, second = sorted((source, target), key=attrgetter("number"))
      with first.lock, second.lock:
          transfer(source, target, amount)

  Or let go of the one before taking the other. Or hold one further lock
  around both.
""",
}
"""By type of finding."""
