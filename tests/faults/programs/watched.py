"""Watched objects of each kind: what they do, return and raise."""

import copy
import json
import pickle
import threading
from collections import Counter, OrderedDict, defaultdict, deque

import raceway


class Account:
    kind = "giro"

    def __init__(self, balance):
        self.balance = balance
        self.history = []

    def deposit(self, amount):
        self.balance += amount
        self.history.append(amount)

    @property
    def double(self):
        return self.balance * 2


class Slotted:
    __slots__ = ("x", "y")


@raceway.watch
class Job:
    def __init__(self, name):
        self.name = name
        self.steps = {}

    def __del__(self):
        gone.append(1)


class Guarded:
    def __setattr__(self, name, value):
        if name == "locked":
            raise PermissionError(name)
        super().__setattr__(name, value)


class Mapping(dict):
    def total(self):
        return sum(self.values())


def attempt(function, *args):
    try:
        print(repr(function(*args)))
    except Exception as error:
        print(type(error).__name__, error)


gone = []
account = raceway.watch(Account(10), name="account")
account.deposit(5)
account.new = {"a": [1]}
account.new["a"].append(2)
print(
    account.balance, account.history, account.double, account.kind, account.new, len(vars(account))
)
attempt(lambda: account.missing)
attempt(lambda: delattr(account, "missing"))
del account.new
print(hasattr(account, "new"), isinstance(account, Account))
print(pickle.loads(pickle.dumps(account)).balance, copy.deepcopy(account).history)
slotted = raceway.watch(Slotted(), name="slotted")
slotted.x = 1
print(slotted.x)
attempt(lambda: slotted.y)
try:
    slotted.z = 1
except AttributeError as error:
    print(str(error).partition(" and no __dict__")[0])  # docs/limits.md: from 3.13 it is shorter
jobs = [Job(f"job {n}") for n in range(3)]
jobs[0].steps["one"] = 1
jobs[0].name += "!"
print(jobs[0].name, jobs[0].steps)
del jobs
print(sum(gone))
guarded = raceway.watch(Guarded(), name="guarded")
guarded.free = 1
attempt(setattr, guarded, "locked", 1)
print(guarded.free)
many = [raceway.watch(Account(n), name="many") for n in range(300)]
many[-1].deposit(1)
print(sum(one.balance for one in many))

accounts = raceway.watch({"a": 1, "b": {"c": [1]}}, name="accounts")
accounts["d"] = 4
accounts["b"]["c"].append(2)
accounts["e"] = {}
accounts["e"]["f"] = 5
print(accounts, accounts["a"], accounts.get("x", 0), "a" in accounts, len(accounts), list(accounts))
attempt(lambda: accounts["missing"])
attempt(lambda: accounts[[]])
print(accounts.pop("a"), accounts.setdefault("g", []), sorted(accounts.items(), key=str))
accounts.update(h=1, i=2)
accounts |= {"j": 3}
print(json.dumps(accounts, sort_keys=True), copy.copy(accounts) == accounts, accounts.popitem())
del accounts["h"]
print([key for key in accounts.keys()], list(accounts.values()))
items = raceway.watch([3, 1, [2]], name="items")
items.append([5])
items[0] = 4
items[2].append(1)
items += [6]
print(items, items[0], items[-1], items[1:3], len(items), 4 in items, items.index(4))
attempt(lambda: items[99])
attempt(items.remove, 99)
items.insert(1, 0)
print(items.pop(), items.pop(0), items.count(1), list(reversed(items)))
items.clear()
print(items, bool(items))
tags = raceway.watch({1, 2}, name="tags")
tags.add(3)
tags.discard(1)
tags |= {9}
print(sorted(tags), 2 in tags, len(tags), tags & {2}, tags.pop() in {2, 3, 9})
attempt(tags.remove, 77)
line = raceway.watch(deque([1, 2], maxlen=3), name="line")
line.append(3)
line.appendleft(0)
print(line, line.popleft(), line[0], len(line), line.maxlen)
counts = raceway.watch(Counter("abca"), name="counts")
counts["a"] += 1
counts.update("b")
print(counts, counts.most_common(1))
groups = raceway.watch(defaultdict(list), name="groups")
groups["x"].append(1)
print(groups, groups["y"])
ordered = raceway.watch(OrderedDict(a=1, b=2), name="ordered")
ordered.move_to_end("a")
print(ordered, ordered.popitem())
mapping = raceway.watch(Mapping(a=1), name="mapping")
mapping["b"] = 2
print(mapping.total(), type(mapping).__name__)
attempt(raceway.watch, 5)
attempt(raceway.watch, "text")


def add(number):
    for _ in range(200):
        with lock:
            account.balance += number
            accounts["count"] = accounts.get("count", 0) + 1
            items.append(number)


lock = threading.Lock()
threads = [threading.Thread(target=add, args=(n,)) for n in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(account.balance, accounts["count"], len(items))
print(
    type(raceway.unwatch(accounts)), type(raceway.unwatch(account)), raceway.unwatch(items) == items
)
assert not items, "at the end"
