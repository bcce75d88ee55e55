# ruff: noqa: B018 - reading an attribute is what is tested
"""A watched object behaves as before, and its accesses are recorded."""

from __future__ import annotations

import abc
import copy
import dataclasses
import functools
import operator
import pickle
import queue
import subprocess
import sys
import threading
import types
import typing
import weakref

import pytest

from raceway.exceptions import CannotWatch
from raceway.record import recorder
from raceway.watch import unwatch, watch, watching


class Account:
    bank = "b"

    def __init__(self, balance=0):
        self.balance = balance
        self.log = []
        self.lock = threading.Lock()

    def deposit(self, amount):
        self.balance += amount

    @classmethod
    def rename(cls, bank):
        cls.bank = bank

    def twin(self):
        return type(self)(self.balance)


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __eq__(self, other):
        return isinstance(other, type(self)) and (self.x, self.y) == (other.x, other.y)

    def __hash__(self):
        return hash((self.x, self.y))

    def __repr__(self):
        return f"{type(self).__name__}({self.x}, {self.y})"


@dataclasses.dataclass
class Data:
    a: int
    b: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: int


class Slots:
    __slots__ = ("x",)


class SlotsWeak:
    __slots__ = ("__weakref__", "x")


@watch(name="late")
class Undecorated:
    def __init__(self):
        self.x = 1


def test_reads_writes_and_deletes(rec):
    acct = watch(Account())
    rec.clear()

    acct.deposit(5)
    acct.fresh = 1
    assert acct.fresh == 1
    del acct.fresh
    assert not hasattr(acct, "fresh")
    acct.log.append(1)
    with acct.lock:
        pass

    assert rec.short() == [
        "READ acct.balance", "WRITE acct.balance", "WRITE acct.fresh", "READ acct.fresh",
        "WRITE acct.fresh", "READ acct.fresh", "READ acct.log", "GROW acct.log",
    ]  # fmt: skip


def test_identity_and_class(rec):
    acct = Account()
    assert watch(acct, "acct") is acct
    assert watch(acct) is acct
    assert acct.__class__ is Account
    assert type(acct) == Account  # noqa: E721 - the comparison is what is tested
    assert type(acct).__name__ == "Account"
    assert type(acct).__qualname__ == Account.__qualname__
    assert type(acct).__module__ == __name__
    assert type(acct).__doc__ == Account.__doc__
    assert isinstance(acct, Account)
    acct.rename("other")
    assert Account.bank == "other"
    other = acct.twin()
    assert type(other) is Account
    blank = type(acct).__new__(type(acct))
    blank.__dict__.update(balance=7)
    acct.balance = 1
    assert blank.balance == 7
    assert vars(acct)["balance"] == 1
    assert operator.attrgetter("balance")(acct) == 1


def test_equality_hash_repr(rec):
    p = watch(Point(1, 2), "p")
    assert p == Point(1, 2)
    assert Point(1, 2) == p
    assert hash(p) == hash(Point(1, 2))
    assert repr(p) == "Point(1, 2)"


@pytest.mark.parametrize("make", [lambda: Point(1, 2), lambda: Data(1, [2]), lambda: Frozen(1)])
def test_copies_are_not_watched(rec, make):
    plain = make()
    obj = watch(make(), "o")
    for made in [
        copy.copy(obj), copy.deepcopy(obj),
        *(pickle.loads(pickle.dumps(obj, protocol)) for protocol in range(6)),
    ]:  # fmt: skip
        assert type(made) is type(plain)
        assert made == plain


def test_dataclasses(rec):
    data = watch(Data(1, [2]), "data")
    assert dataclasses.asdict(data) == {"a": 1, "b": [2]}
    assert type(dataclasses.replace(data, a=3)) is Data
    assert [f.name for f in dataclasses.fields(data)] == ["a", "b"]
    assert data == Data(1, [2])
    match data:
        case Data(a=1):
            pass
        case _:
            pytest.fail("no match")
    frozen = watch(Frozen(1), "frozen")
    for name in ("a", "other"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(frozen, name, 2)
    rec.clear()
    assert frozen.a == 1
    assert rec.short() == ["READ frozen.a"]


def test_slots(rec):
    for kind in (Slots, SlotsWeak):
        obj = watch(kind(), "o")
        with pytest.raises(AttributeError) as caught:
            obj.x
        with pytest.raises(AttributeError) as expected:
            kind().x
        assert str(caught.value) == str(expected.value)
        rec.clear()
        obj.x = 1
        assert obj.x == 1
        del obj.x
        for _ in range(2):
            with pytest.raises(AttributeError, match="has no attribute 'y'"):
                obj.y = 1
        assert rec.short() == ["WRITE o.x", "READ o.x", "WRITE o.x"]


def test_missing_attributes(rec):
    class Lazy:
        default = 1

        def __init__(self):
            self.there = 0

        def load(self):
            self.loaded = 1

        def __getattr__(self, name):
            if name == "virtual":
                return 42
            raise AttributeError(name)

    lazy = watch(Lazy(), "lazy")
    assert lazy.virtual == 42
    del lazy.there
    rec.clear()
    assert not hasattr(lazy, "there")
    assert not hasattr(lazy, "loaded")
    assert rec.short() == ["READ lazy.there", "READ lazy.loaded"]
    acct = watch(Account(), "acct")
    del acct.balance
    with pytest.raises(AttributeError) as caught:
        acct.balance
    assert str(caught.value) == "'Account' object has no attribute 'balance'"
    assert caught.value.name == "balance"
    assert caught.value.obj is acct
    lazy.default = 2
    assert lazy.default == 2
    del lazy.default
    assert lazy.default == 1


def test_programs_that_define_everything(rec):
    calls = []

    class Meta(type):
        def __call__(cls, *args):
            calls.append(cls.__name__)
            return super().__call__(*args)

    class Base(metaclass=Meta):
        registry: typing.ClassVar = []

        def __init_subclass__(cls):
            Base.registry.append(cls)

    class Child(Base):
        def __init__(self):
            self._x = 1

        def __getattribute__(self, name):
            return super().__getattribute__(name)

        def __setattr__(self, name, value):
            calls.append(name)
            super().__setattr__(name, value)

        @property
        def x(self):
            return self._x

        @x.setter
        def x(self, value):
            self._x = value

        @functools.cached_property
        def cached(self):
            return [1]

    child = watch(Child(), "child")
    calls.clear()
    rec.clear()
    child.x = 5
    assert child.x == 5
    assert child.cached is child.cached
    assert calls == ["x", "_x"]
    assert Base.registry == [Child]
    assert rec.short() == ["WRITE child._x", "READ child._x"]
    type(child)()
    assert calls[2] == "Child"


def test_kinds_of_classes(rec):
    class Abstract(abc.ABC):
        @abc.abstractmethod
        def f(self): ...

    class Concrete(Abstract):
        def __init__(self):
            self.v = 1

        def f(self):
            return self.v

    t = typing.TypeVar("t")

    class Box(typing.Generic[t]):
        def __init__(self, v):
            self.v = v

    class Oops(Exception):  # noqa: N818 - the name says all
        def __init__(self, v):
            super().__init__(v)
            self.v = v

    class Borg:
        shared: typing.ClassVar = {"v": 1}

        def __init__(self):
            self.__dict__ = self.shared

    class Worker(threading.Thread):
        def __init__(self):
            super().__init__()
            self.v = 1

        def run(self):
            self.v += 1

    module = types.ModuleType("m")
    module.v = 1
    for obj in (Concrete(), Box[int](1), Oops(1), Borg(), Worker(), module):
        same = watch(obj, "o")
        assert same is obj
        rec.clear()
        assert obj.v == 1
        obj.v = 1
        assert rec.short() == ["READ o.v", "WRITE o.v"], obj
        weakref.ref(obj)
    assert isinstance(watch(Concrete()), Abstract)
    worker = watch(Worker(), "w")
    rec.clear()
    worker.start()
    worker.join()
    assert worker.v == 2
    assert rec.short() == ["READ w.v", "WRITE w.v", "READ w.v"]
    with pytest.raises(Oops) as caught:
        raise watch(Oops(3), "e")
    assert caught.value.v == 3
    borg = watch(Borg(), "b")
    Borg().v = 9
    assert borg.v == 9
    borg.__dict__ = {"v": 10}
    assert borg.v == 10
    borg.v = 11
    assert vars(borg) == {"v": 11}


def test_watched_while_it_is_initialised(rec):
    class Early:
        def __init__(self):
            watch(self, "early")
            self.a = 1
            self.items = []

    early = Early()
    early.items.append(early.a)
    assert [op for op in rec.short() if "early.a" in op] == ["WRITE early.a", "READ early.a"]
    assert "GROW early.items" not in rec.short()


def test_aliases_of_containers_stay(rec):
    shared = []
    acct = Account()
    acct.log = shared
    watch(acct, "acct")
    assert acct.log is shared
    acct.other = shared
    assert acct.other is shared
    assert any("acct.log is also referenced" in text for text in rec.notes())


def test_values_die_with_the_object(rec):
    class Child:
        pass

    acct = watch(Account(), "acct")
    acct.child = child = Child()
    gone = weakref.ref(child)
    del child
    recorder.flush()
    rec.clear()
    del acct
    assert gone() is None


def test_unwatch(rec):
    acct = watch(Account(), "acct")
    acct.log.append(1)
    assert unwatch(acct) is acct
    assert type(acct) is Account
    assert type(acct.log) is list
    rec.clear()
    acct.balance = 1
    assert rec.ops() == []
    assert unwatch(3) == 3


def test_many_objects_share_a_class(rec, monkeypatch):
    monkeypatch.setattr(sys.modules["raceway.watch.watching"], "_own_classes", {})
    objs = [watch(Data(n), f"d{n}") for n in range(300)]
    assert len({id(type(o)) for o in objs}) == 257
    rec.clear()
    last = objs[-1]
    assert last.a == 299
    last.a = 5
    last.c = 6
    assert last.c == 6
    assert rec.short() == ["READ d299.a", "WRITE d299.a", "WRITE d299.c", "READ d299.c"]
    assert pickle.loads(pickle.dumps(last)).a == 5
    assert unwatch(last) is last
    assert type(last) is Data


class Watched:
    default = 7

    def __init__(self):
        self.v = 1
        self.items = []

    def bump(self):
        self.v += 1


def test_watched_class(rec):
    cls = watch(Watched, "w")
    try:
        assert cls is Watched
        obj = Watched()
        rec.clear()
        obj.bump()
        obj.items.append(1)
        assert rec.short() == ["READ w.v", "WRITE w.v", "READ w.items", "GROW w.items"]
        assert Watched.default == 7
        obj.default = 8
        assert (obj.default, Watched.default, Watched().default) == (8, 7, 7)
        assert type(pickle.loads(pickle.dumps(obj))) is Watched
        with pytest.raises(AttributeError, match="type object 'Watched' has no attribute 'v'"):
            Watched.v
        with pytest.raises(AttributeError, match="v"):
            del obj.v, obj.v

        class Sub(Watched):
            def __init__(self):
                super().__init__()
                self.more = 1

        sub = Sub()
        rec.clear()
        assert sub.more == sub.v == 1
        assert rec.short() == ["READ w.more", "READ w.v"]
    finally:
        unwatch(Watched)
    rec.clear()
    obj.v = 3
    assert obj.v == 3
    assert rec.ops() == []
    assert Watched.default == 7
    assert "v" not in vars(Watched)


def test_watched_class_with_dataclass_and_slots(rec):
    @watch(name="d")
    @dataclasses.dataclass
    class D:
        a: int = 1
        b: list = dataclasses.field(default_factory=list)

    @watch(name="s")
    class S:
        __slots__ = ("x",)

        def __init__(self):
            self.x = 1

    d, s = D(), S()
    rec.clear()
    assert (d.a, D.a, d == D()) == (1, 1, True)
    assert s.x == 1
    s.x = 2
    assert rec.short()[0] == "READ d.a"
    assert rec.short() == []
    s.x = 3
    assert rec.short() == ["WRITE s.x"]
    assert isinstance(S.x, types.MemberDescriptorType)
    unwatch(S)
    assert s.x == 3


def test_proxy(rec):
    ns = watch(types.SimpleNamespace(q=1), "ns")
    rec.clear()
    ns.q += 1
    assert rec.short() == ["READ ns.q", "WRITE ns.q"]
    assert isinstance(ns, types.SimpleNamespace)
    assert type(copy.copy(ns)) is types.SimpleNamespace
    assert type(unwatch(ns)) is types.SimpleNamespace


@pytest.mark.parametrize(
    "obj", [None, 1, "x", (1,), frozenset(), len, threading.Lock(), queue.Queue(), int]
)
@pytest.mark.parametrize("active", [True, False])
def test_what_cannot_be_watched(rec, obj, active):
    if not active:
        recorder.stop()
    with pytest.raises(CannotWatch, match="watch the object, dict, list"):
        watch(obj)


def test_without_a_recorder():
    assert not recorder.is_active()
    d = {}
    assert watch(d) is d
    assert watch(Account) is Account
    assert type(Undecorated.__setattr__) is type(object.__setattr__)


def test_name_of_the_assigned_variable(rec):
    jobs = watch([])
    jobs.append(1)
    (watch({}))["k"] = 1
    assert rec.short() == ["GROW jobs", "GROW dict", "GROW dict['k']"]


def test_import_is_light():
    code = "import sys; import raceway.watch; print(sorted({'typing','dataclasses','inspect','wrapt','re'} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=sys.path[0] or None,
        env={"PYTHONPATH": _root()},
    )
    assert result.stdout.strip() == "[]"


def _root():
    import pathlib

    return str(pathlib.Path(__file__).resolve().parents[2])


class Closing:
    """Has a finaliser that uses its own attributes."""

    def __init__(self):
        self.open = True

    def __del__(self):
        self.open = False


def test_a_finaliser_is_announced(rec):
    obj = watch(Closing(), "obj")
    rec.clear()

    del obj

    assert rec.short() == ["FINALIZE obj", "WRITE obj.open"]


def test_a_finaliser_of_a_watched_class_is_announced(rec):
    class Watched(Closing):
        pass

    finaliser = Watched.__del__
    watch(Watched, "obj")
    obj = Watched()
    rec.clear()
    del obj
    assert rec.short() == ["FINALIZE obj", "WRITE obj.open"]

    unwatch(Watched)
    assert "__del__" not in vars(Watched)
    assert Watched.__del__ is finaliser


def test_a_finaliser_of_objects_that_share_a_class_is_announced(rec, monkeypatch):
    monkeypatch.setattr(watching, "OWN_CLASS_LIMIT", 0)
    obj = watch(Closing(), "obj")
    rec.clear()

    del obj

    assert rec.short() == ["FINALIZE obj", "WRITE obj.open"]


def test_watch_is_the_function_after_unwatch_too():
    code = "import raceway; raceway.unwatch(1); print(raceway.watch([1]))"
    result = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": _root()},
    )
    assert result.stdout.strip() == "[1]"
