"""The mechanism that sets foreign attributes: what it promises to those who own them."""

import asyncio
import gc
import inspect
import pickle
import sys
import types
import weakref

import pytest

from raceway_autopatch import patching
from raceway_autopatch.patching import PatchError, around, contained, replace, wrap

SOURCE = '''
class Base:
    def start(self, a, b=2, *, c=3):
        """Start it."""
        return ("start", self, a, b, c)

    @classmethod
    def make(cls, x=1):
        """Make it."""
        return ("make", cls, x)

    @staticmethod
    def help(x):
        """Help."""
        return ("help", x)

    async def work(self, x):
        """Work."""
        if x is None:
            raise ValueError("nothing")
        return ("work", self, x)

    def fail(self):
        raise error

    builtin = len
    size = property(lambda self: 1)

class Timer(Base):
    class Inner:
        def inner(self):
            return "inner"

error = ValueError("the program's own")

def plain(x: int, *rest: str, key: bool = False) -> tuple:
    """Be plain."""
    return (x, rest, key)
'''


@pytest.fixture
def module():
    made = types.ModuleType("sample")
    sys.modules["sample"] = made
    exec(compile(SOURCE, "sample.py", "exec"), made.__dict__)
    yield made
    del sys.modules["sample"]


@pytest.fixture
def errors(monkeypatch):
    seen = []
    recorder = types.SimpleNamespace(internal_error=lambda where, error: seen.append(where))
    monkeypatch.setitem(sys.modules, "raceway.record.recorder", recorder)
    return seen


def snapshot(module):
    return {
        (owner.__name__, name): value
        for owner in (module, module.Base, module.Timer, module.Timer.Inner)
        for name, value in vars(owner).items()
    }


def passing(calls):
    def wrapper(wrapped, instance, args, kwargs):
        calls.append((instance, args, kwargs))
        return wrapped(*args, **kwargs)

    return wrapper


def forwarding(original):
    def function(*args, **kwargs):
        return original(*args, **kwargs)

    return function


KINDS = [
    wrap("Base.start", passing([])),
    wrap("Base.make", passing([])),
    wrap("Base.help", passing([])),
    wrap("Base.builtin", passing([])),
    wrap("Timer.start", passing([])),
    wrap("Timer.Inner.inner", passing([])),
    wrap("plain", passing([])),
    around("plain", forwarding),
    around("Timer.make", forwarding),
    around("Base.help", forwarding),
    replace("Timer", lambda original: type("Timer", (original,), {})),
]


@pytest.mark.parametrize("declaration", KINDS, ids=repr)
def test_no_residue(module, declaration):
    before = snapshot(module)
    applied = patching.apply(module, [declaration])
    assert snapshot(module) != before

    applied.undo()
    applied.undo()

    assert before == snapshot(module)


def test_everything_at_once_leaves_no_residue(module):
    before = snapshot(module)

    patching.apply(module, KINDS[:-1]).undo()

    assert before == snapshot(module)


def test_inherited_attribute_is_deleted_and_follows_the_base_again(module):
    applied = patching.apply(module, [wrap("Timer.start", passing([]))])
    assert "start" in vars(module.Timer)

    applied.undo()
    module.Base.start = lambda self: "changed later"

    assert "start" not in vars(module.Timer)
    assert module.Timer().start() == "changed later"


def test_missing_attribute_undoes_all(module):
    before = snapshot(module)

    with pytest.raises(PatchError, match=r"sample: wrap\('Base.gone'\): there is no gone"):
        patching.apply(module, [*KINDS, wrap("Base.gone", passing([]))])

    assert before == snapshot(module)


@pytest.mark.parametrize(
    "declaration",
    [
        wrap("Base.size", passing([])),
        wrap("Base", passing([])),
        wrap("error.args", passing([])),
        around("plain", lambda original: 1 / 0),
    ],
    ids=repr,
)
def test_what_cannot_be_patched_undoes_all(module, declaration):
    before = snapshot(module)

    with pytest.raises((PatchError, ZeroDivisionError)):
        patching.apply(module, [wrap("plain", passing([])), declaration])

    assert before == snapshot(module)


def test_builtin_types_are_refused():
    with pytest.raises(PatchError, match=r"immutable|can't set"):
        patching.apply(__import__("builtins"), [wrap("list.append", passing([]))])


def test_optional_is_skipped(module):
    calls = []
    declarations = [wrap("Base.gone", passing([]), optional=True), wrap("plain", passing(calls))]

    patching.apply(module, declarations)

    assert module.plain(1) == (1, (), False)
    assert calls == [(None, (1,), {})]


def test_arguments_and_instances(module):
    calls = []
    patching.apply(
        module,
        [wrap(f"Base.{name}", passing(calls)) for name in ("start", "make", "help", "builtin")],
    )
    thing = module.Timer()

    assert thing.start(1, c=4) == ("start", thing, 1, 2, 4)
    assert module.Base.start(thing, 1) == ("start", thing, 1, 2, 3)
    assert module.Timer.make(5) == ("make", module.Timer, 5)
    assert thing.help(6) == module.Base.help(6) == ("help", 6)
    assert thing.builtin([1]) == 1
    assert calls == [
        (thing, (1,), {"c": 4}),
        (thing, (1,), {}),
        (module.Timer, (5,), {}),
        (None, (6,), {}),
        (None, (6,), {}),
        (None, ([1],), {}),
    ]


def test_wrong_calls_fail_as_before(module):
    messages = []
    for _ in range(2):
        for function, arguments in (
            (module.Base.start, {}),
            (module.plain, {}),
            (module.plain, {"y": 1}),
        ):
            with pytest.raises(TypeError) as caught:
                function(**arguments)
            messages.append(str(caught.value))
        patching.apply(module, [wrap("Base.start", passing([])), wrap("plain", passing([]))])

    assert messages[:3] == messages[3:]


@pytest.mark.parametrize("path", ["Base.start", "Base.make", "Base.help", "Base.work", "plain"])
@pytest.mark.parametrize("kind", ["wrap", "around"])
def test_looks_like_the_original(module, path, kind):
    def read():
        thing = module
        for part in path.split("."):
            thing = getattr(thing, part)
        return thing

    def look():
        thing = read()
        return (
            thing.__name__,
            thing.__qualname__,
            thing.__module__,
            thing.__doc__,
            thing.__annotations__,
            inspect.signature(thing),
            inspect.iscoroutinefunction(thing) if kind == "wrap" else None,
            inspect.isfunction(thing),
            inspect.ismethod(thing),
        )

    before = look()
    declaration = wrap(path, passing([])) if kind == "wrap" else around(path, forwarding)
    patching.apply(module, [declaration])

    assert before == look()


def test_function_attributes_and_pickling_survive(module):
    module.plain.mark = object()
    mark = module.plain.mark
    patching.apply(module, [wrap("plain", passing([]))])

    assert module.plain.mark is mark
    assert pickle.loads(pickle.dumps(module.plain)) is module.plain


def test_exceptions_pass_unchanged(module, errors):
    patching.apply(module, [wrap("Base.fail", passing([]))])

    with pytest.raises(ValueError, match="own") as caught:
        module.Base().fail()

    assert caught.value is module.error
    assert caught.value.__context__ is None
    assert errors == []


def test_a_call_leaves_no_cycle(module):
    patching.apply(module, [wrap("Base.fail", lambda wrapped, instance, a, k: wrapped(*a, **k))])

    class Thing(module.Base):
        def fail(self):
            module.error = ValueError()
            super().fail()

    gc.collect()
    gc.disable()
    try:
        thing = Thing()
        gone = weakref.ref(thing)
        try:
            thing.fail()
        except ValueError:
            pass
        module.error.__traceback__ = None
        del thing
        assert gone() is None
    finally:
        gc.enable()


# ---------------------------------------------------------------- failures of ours


def before_the_call(wrapped, instance, args, kwargs):
    raise RuntimeError("ours")


def after_the_call(wrapped, instance, args, kwargs):
    wrapped(*args, **kwargs)
    raise RuntimeError("ours")


def while_handling(wrapped, instance, args, kwargs):
    try:
        return wrapped(*args, **kwargs)
    except ValueError:
        raise RuntimeError("ours") from None


@pytest.mark.parametrize("wrapper", [before_the_call, after_the_call, while_handling])
def test_a_failing_wrapper_is_contained(module, errors, wrapper):
    runs = []
    original = module.plain
    module.plain = lambda x: runs.append(x) or original(x)
    patching.apply(module, [wrap("plain", wrapper), wrap("Base.fail", wrapper)])

    assert module.plain(1) == (1, (), False)
    with pytest.raises(ValueError, match="own") as caught:
        module.Base().fail()

    assert caught.value is module.error
    assert caught.value.__context__ is None
    assert runs == [1]
    if wrapper is not while_handling:
        assert "sample.plain" in errors


@pytest.mark.parametrize("wrapper", [before_the_call, after_the_call, while_handling])
def test_a_failing_wrapper_of_a_coroutine_is_contained(module, errors, wrapper):
    async def async_wrapper(wrapped, instance, args, kwargs):
        if wrapper is not before_the_call:
            await wrapped(*args, **kwargs)
        raise RuntimeError("ours")

    patching.apply(module, [wrap("Base.work", async_wrapper)])
    thing = module.Base()

    assert asyncio.run(thing.work(1)) == ("work", thing, 1)
    with pytest.raises(ValueError, match="nothing"):
        asyncio.run(thing.work(None))
    assert errors


def test_a_plain_wrapper_of_a_coroutine_function(module):
    calls = []
    patching.apply(module, [wrap("Base.work", passing(calls))])
    thing = module.Base()

    assert asyncio.run(thing.work(1)) == ("work", thing, 1)
    assert calls == [(thing, (1,), {})]


def test_interruptions_are_not_contained(module):
    def interrupted(wrapped, instance, args, kwargs):
        raise KeyboardInterrupt

    patching.apply(module, [wrap("plain", interrupted)])

    with pytest.raises(KeyboardInterrupt):
        module.plain(1)


def test_a_patch_that_keeps_failing_switches_itself_off(module, errors):
    tries = []

    def failing(wrapped, instance, args, kwargs):
        tries.append(1)
        raise RuntimeError

    patching.apply(module, [wrap("plain", failing)])
    for number in range(150):
        assert module.plain(number) == (number, (), False)

    assert len(tries) == len(errors) == patching.MAX_FAILURES


def test_contained(errors):
    tries = []

    def part(x):
        tries.append(x)
        return 1 / x

    guarded = contained(part, "a part")

    assert guarded(2) == 0.5
    for _ in range(150):
        assert guarded(0) is None
    assert errors == ["a part"] * patching.MAX_FAILURES


def test_a_failing_recorder_does_not_matter(module, monkeypatch):
    def broken(where, error):
        raise RuntimeError

    recorder = types.SimpleNamespace(internal_error=broken)
    monkeypatch.setitem(sys.modules, "raceway.record.recorder", recorder)
    patching.apply(module, [wrap("plain", before_the_call)])

    assert module.plain(1) == (1, (), False)


# ---------------------------------------------------------------- other tools


@pytest.mark.parametrize("kind", ["wrap", "around"])
def test_patched_over_is_left_alone_and_switched_off(module, kind):
    calls = []

    def counting(original):
        cell = calls

        def plain(x, *rest, key=False):
            cell.append(x)
            return original(x, *rest, key=key)

        return plain

    declaration = wrap("plain", passing(calls)) if kind == "wrap" else around("plain", counting)
    applied = patching.apply(module, [declaration])
    ours = module.plain
    module.plain = theirs = forwarding(ours)

    applied.undo()

    assert module.plain is theirs
    assert module.plain(1, "a", key=True) == (1, ("a",), True)
    assert calls == []


def test_a_factory_may_return_the_same_function_again(module):
    calls = []

    def ours(*args, **kwargs):
        calls.append(args)
        return ours.__wrapped__(*args, **kwargs)

    declaration = around("plain", lambda original: ours)
    patching.apply(module, [declaration]).undo()
    applied = patching.apply(module, [declaration])

    assert module.plain(1) == (1, (), False)
    assert calls == [(1,)]
    applied.undo()
    assert ours(2) == (2, (), False)
    assert calls == [(1,)]


async def _ours_async(*args):
    return await _ours_async.__wrapped__(*args), "ours"


def _ours_generator(*args):
    result = yield from _ours_generator.__wrapped__(*args)
    return result, "ours"


@pytest.mark.filterwarnings("error")  # of a function that becomes one of another kind
def test_functions_of_every_kind_go_quiet(module):
    def steps(x):
        got = yield x
        return got

    module.steps = steps
    applied = patching.apply(
        module,
        [
            around("Base.work", lambda original: _ours_async),
            around("steps", lambda original: _ours_generator),
        ],
    )
    base = module.Base()
    kept, kept_steps = module.Base.work, module.steps
    assert asyncio.run(kept(base, 1)) == (("work", base, 1), "ours")

    applied.undo()

    assert asyncio.run(kept(base, 1)) == ("work", base, 1)
    assert inspect.iscoroutinefunction(kept)
    running = kept_steps(5)
    assert next(running) == 5
    with pytest.raises(StopIteration) as stop:
        running.send(6)
    assert stop.value.value == 6


def test_deleted_by_others_stays_deleted(module):
    applied = patching.apply(module, [wrap("plain", passing([]))])
    del module.plain

    applied.undo()

    assert not hasattr(module, "plain")


def test_what_is_still_ours_is_not_patched_again(module):
    calls = []
    declarations = [wrap("plain", passing(calls)), wrap("Base.start", passing(calls))]
    first = patching.apply(module, declarations)
    module.plain = lambda x: x

    second = patching.apply(module, declarations, [first])

    module.Base().start(1)
    module.plain(1)
    assert len(calls) == 2
    second.undo()
    first.undo()
    assert "passing" not in repr(vars(module.Base)["start"])
    module.Base().start(1)
    assert len(calls) == 2


def test_replacement_gets_the_original(module):
    original = module.Timer

    class Better(original):
        pass

    seen = []
    patching.apply(module, [replace("Timer", lambda was: seen.append(was) or Better)])

    assert module.Timer is Better
    assert seen == [original]


def test_lazy_modules_are_not_loaded(tmp_path, monkeypatch):
    import importlib.util

    (tmp_path / "lazy_sample.py").write_text("raise SystemError('loaded')")
    spec = importlib.util.spec_from_file_location("lazy_sample", tmp_path / "lazy_sample.py")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "lazy_sample", module)
    spec.loader.exec_module(module)

    with pytest.raises(PatchError, match="there is no f"):
        patching.apply(module, [wrap("f", passing([]))])
