"""When modules are patched: at once, on import, again after a reload, never half-initialised."""

import importlib
import importlib.util
import sys
import textwrap
import threading

import pytest

from raceway_autopatch import registry
from raceway_autopatch.registry import Registry, select
from raceway_autopatch.versions import parse_requirement, satisfies

PATCH = """
from raceway_autopatch.patching import wrap
SUPPORTS = {supports!r}
LOG = []
def _f(wrapped, instance, args, kwargs):
    LOG.append(args)
    return wrapped(*args, **kwargs)
def setup():
    LOG.append("setup")
def teardown():
    LOG.append("teardown")
PATCHES = {patches}
"""


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


class World:
    """Temporary modules, and patch files for them in a package of their own."""

    number = 0

    def __init__(self, folder, monkeypatch):
        World.number += 1
        self.package = f"sample_patches_{World.number}"
        self.folder = folder
        (folder / self.package).mkdir()
        (folder / self.package / "__init__.py").write_text("")
        monkeypatch.syspath_prepend(str(folder))
        self.monkeypatch = monkeypatch
        self.errors = []
        recorder = type(sys)("raceway.record.recorder")
        recorder.internal_error = lambda where, error: self.errors.append((where, str(error)))
        recorder.is_active = lambda: True
        recorder.note = self.errors.append
        monkeypatch.setitem(sys.modules, "raceway.record.recorder", recorder)
        self.made = []
        self.patched = {}

    def module(self, name, text="def f(x): return x\n"):
        (self.folder / f"{name}.py").write_text(textwrap.dedent(text))
        self.made.append(name)
        importlib.invalidate_caches()
        return name

    def patch(self, name, modules, patches="(wrap('f', _f),)", supports=None, text=PATCH):
        self.patched[name] = (modules,) if isinstance(modules, str) else tuple(modules)
        source = text.format(supports=supports, patches=patches)
        (self.folder / self.package / f"{name}.py").write_text(source)
        importlib.invalidate_caches()

    def file(self, name):
        return importlib.import_module(f"{self.package}.{name}")

    def registry(self, *names, **options):
        return Registry(names, self.package, patched=self.patched, **options)

    def close(self):
        for name in self.made:
            sys.modules.pop(name, None)


@pytest.fixture(autouse=True)
def no_residue(world):
    before = list(sys.meta_path)
    yield
    world.close()
    assert before == sys.meta_path


@pytest.fixture
def install():
    installed = []

    def run(registry_):
        installed.append(registry_)
        registry_.install()
        return registry_

    yield run
    for one in installed:
        one.uninstall()


def test_loaded_modules_are_patched_at_once(world, install):
    sample = importlib.import_module(world.module("loaded_sample"))
    original = sample.f
    world.patch("one", "loaded_sample")

    one = install(world.registry("one"))

    assert sample.f(1) == 1
    assert world.file("one").LOG == ["setup", (1,)]
    one.uninstall()
    assert sample.f is original
    assert world.file("one").LOG[-1] == "teardown"


def test_modules_are_patched_when_they_are_imported(world, install):
    world.module("later_sample", "from later_inner import *\nfrom later_inner import f as g\n")
    world.module("later_inner", "def f(x): return x\nassert 'Loader' in repr(__loader__)")
    world.patch("one", ("later_inner", "never_sample"))
    install(world.registry("one"))

    import later_sample

    assert (later_sample.f(1), later_sample.g(2)) == (1, 2)
    assert world.file("one").LOG == ["setup", (1,), (2,)]
    loader = sys.modules["later_inner"].__spec__.loader
    assert type(loader) is importlib.machinery.SourceFileLoader
    assert sys.modules["later_inner"].__loader__ is loader


def test_installing_twice_patches_once(world, install):
    sample = importlib.import_module(world.module("twice_sample"))
    world.patch("one", "twice_sample")
    one = install(world.registry("one"))
    one.install()

    sample.f(1)

    assert world.file("one").LOG == ["setup", (1,)]
    assert sum(isinstance(finder, registry._Finder) for finder in sys.meta_path) == 1


def test_uninstall_and_install_again(world, install):
    world.patch("one", world.module("again_sample"))
    one = world.registry("one")
    one.install()
    one.uninstall()
    import again_sample

    again_sample.f(1)
    install(world.registry("one"))
    again_sample.f(2)

    assert world.file("one").LOG == ["setup", (2,)]


def test_mapping_of_patches(world, install):
    world.module("map_a")
    world.module("map_b", "def g(x): return x\n")
    world.patch("one", ("map_a", "map_b"), "{'map_a': (wrap('f', _f),), 'map_b': (wrap('g', _f),)}")
    install(world.registry("one"))
    import map_a
    import map_b

    map_a.f(1)
    map_b.g(2)

    assert world.file("one").LOG == ["setup", (1,), (2,)]


def test_reload_and_new_import_are_patched_again_once(world, install):
    world.module(
        "reload_sample", "if 'kept' not in globals():\n def kept(): pass\ndef f(x): return x\n"
    )
    world.patch("one", "reload_sample", "(wrap('f', _f), wrap('kept', _f))")
    one = install(world.registry("one"))
    import reload_sample

    importlib.reload(reload_sample)
    reload_sample.f(1)
    reload_sample.kept()
    del sys.modules["reload_sample"]
    import reload_sample as another

    another.f(2)

    assert world.file("one").LOG == ["setup", (1,), (), (2,)]
    one.uninstall()
    assert not hasattr(reload_sample.f, "__wrapped__")
    assert not hasattr(reload_sample.kept, "__wrapped__")
    assert not hasattr(another.f, "__wrapped__")


def test_a_failing_patch_file_does_not_fail_the_import(world, install):
    sample = world.module("bad_sample")
    world.patch("broken", sample, "(wrap('gone', _f),)")
    world.patch("raising", sample, text="1/0")
    world.patch("setup", sample, text=PATCH + "def setup(): 1/0\n")
    world.patch("good", sample)
    world.patched["absent"] = (sample,)
    install(world.registry("absent", "raising", "broken", "setup", "good"))

    import bad_sample

    assert bad_sample.f(1) == 1
    assert world.file("good").LOG == ["setup", (1,)]
    assert [where for where, _ in world.errors] == [
        "patch absent",
        "patch raising",
        "patch broken",
        "patch setup",
    ]


def test_a_failing_import_is_the_programs_own(world, install):
    world.module("raising_sample", "raise RuntimeError('own')")
    world.patch("one", ("raising_sample", "missing_sample"))
    install(world.registry("one"))

    with pytest.raises(RuntimeError, match="own"):
        import raising_sample  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match="missing_sample"):
        import missing_sample  # noqa: F401

    assert world.errors == []


def test_probing_a_spec_imports_nothing(world, install):
    world.patch("one", world.module("probed_sample"))
    install(world.registry("one"))

    spec = importlib.util.find_spec("probed_sample")

    assert isinstance(spec.loader, importlib.machinery.SourceFileLoader)
    assert spec.loader.get_source("probed_sample") == "def f(x): return x\n"
    assert "probed_sample" not in sys.modules
    assert world.file("one").LOG == []


def test_lazy_loader(world, install):
    world.patch("one", world.module("lazily_sample"))
    install(world.registry("one"))
    spec = importlib.util.find_spec("lazily_sample")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["lazily_sample"] = module
    spec.loader.exec_module(module)
    assert world.file("one").LOG == []

    assert module.f(1) == 1
    assert world.errors == []
    assert world.file("one").LOG == ["setup", (1,)]


def test_a_module_that_is_lazy_already(world, install):
    world.patch("one", world.module("lazy_before_sample"))
    spec = importlib.util.find_spec("lazy_before_sample")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["lazy_before_sample"] = module
    spec.loader.exec_module(module)
    install(world.registry("one"))
    assert world.file("one").LOG == []

    assert module.f(1) == 1
    assert world.errors == []
    assert world.file("one").LOG == ["setup", (1,)]


@pytest.mark.parametrize("fails", [False, True])
def test_a_module_in_the_middle_of_its_import_is_patched_when_it_is_complete(world, install, fails):
    world.gate, world.reached = threading.Event(), threading.Event()
    sys.modules["middle_gate"] = world
    world.module(
        "middle_sample",
        f"import middle_gate\nmiddle_gate.reached.set()\nmiddle_gate.gate.wait(30)\n"
        f"if {fails}: raise ValueError\ndef f(x): return x\n",
    )
    world.patch("one", "middle_sample")
    outcome = []

    def importing():
        try:
            outcome.append(importlib.import_module("middle_sample").f(1))
        except ValueError:
            outcome.append(None)

    thread = threading.Thread(target=importing)
    thread.start()
    assert world.reached.wait(30)
    spec = sys.modules["middle_sample"].__spec__
    install(world.registry("one"))
    assert world.file("one").LOG == []
    world.gate.set()
    thread.join(30)

    assert outcome == ([None] if fails else [1])
    assert world.file("one").LOG == ([] if fails else ["setup", (1,)])
    assert type(spec) is importlib.machinery.ModuleSpec
    assert "_raceway" not in vars(spec)
    del sys.modules["middle_gate"]


def test_imports_in_two_threads_with_hooks_on_all(world, install):
    # No circle between the modules themselves: CPython lets those see incomplete modules.
    for name in ("cross_a", "cross_b"):
        world.module(name, "import cross_c\ndef f(x): return cross_c.f(x)\n")
    world.module("cross_c")
    world.patch("one", ("cross_a", "cross_b", "cross_c"))
    install(world.registry("one"))
    for _ in range(100):
        barrier = threading.Barrier(2)
        seen = []

        def run(name, barrier=barrier, seen=seen):
            barrier.wait(30)
            seen.append(importlib.import_module(name).f(1))

        threads = [threading.Thread(target=run, args=(name,)) for name in ("cross_a", "cross_b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert seen == [1, 1]
        for name in ("cross_a", "cross_b", "cross_c"):
            del sys.modules[name]
    assert world.errors == []
    assert world.file("one").LOG.count((1,)) == 400


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        ("", "abc"),
        ("-b", "ac"),
        ("-b, -c", "a"),
        ("c,a", "ac"),
        ("a,b,-b", "a"),
        ("unknown,-x", ""),
        (" , ", "abc"),
    ],
)
def test_selection(selection, chosen):
    assert select(tuple("abc"), selection) == tuple(chosen)


def test_selection_from_the_environment(world, install, monkeypatch):
    monkeypatch.setenv("RACEWAY_PATCH", "-one")
    world.patch("one", world.module("selected_sample"))
    install(world.registry("one"))

    import selected_sample  # noqa: F401

    assert f"{world.package}.one" not in sys.modules


@pytest.mark.parametrize(
    ("version", "requirement", "expected"),
    [
        ("2.25", "x>=2.25", True),
        ("2.25.0", "x>=2.25", True),
        ("2.24.9", "x>=2.25", False),
        ("2.100", "x>=2.25", True),
        ("3.0rc1", "x>=3", True),
        ("3.0.dev1+local", "x>=2.25,<3", False),
        ("2.9", "x >= 2.2, < 3", True),
        ("2", "x==2.0.0", True),
        ("2.1", "x!=2.1", False),
        ("2.1", "x<=2.0", False),
        ("2.1", "x>2.0", True),
        ("anything", "x", True),
    ],
)
def test_versions(version, requirement, expected):
    assert satisfies(version, parse_requirement(requirement)[1]) is expected


def test_version_gate(world, install):
    world.module("old_sample", "__version__ = '1.0'\ndef f(x): return x\n")
    world.patch("one", "old_sample", supports="old_sample>=2")
    world.patch("two", "old_sample", supports="old_sample>=1")
    install(world.registry("one", "two"))

    import old_sample

    old_sample.f(1)

    assert world.file("one").LOG == []
    assert world.file("two").LOG == ["setup", (1,)]
    assert world.errors == ["old_sample 1.0 was not patched: Raceway supports old_sample>=2"]


def test_version_from_the_metadata(world, install):
    world.patch("one", world.module("pytest_sample"), supports="pytest>=9999")
    world.patch("two", "pytest_sample", supports="no-such-distribution>=1")
    install(world.registry("one", "two"))

    import pytest_sample

    pytest_sample.f(1)

    assert world.file("one").LOG == []
    assert world.file("two").LOG == ["setup", (1,)]


def test_shared_loaders_are_not_changed(world, install):
    # "this" is only an example of a module that nobody has loaded; _imp.BuiltinImporter is a
    # class that loads every builtin module.
    import _frozen_importlib

    before = dict(vars(_frozen_importlib.BuiltinImporter))
    saved = sys.modules.pop("_statistics", None)
    world.patch("one", ("_statistics", "faulthandler"), "()")
    install(world.registry("one"))
    importlib.import_module("_statistics")
    if saved is not None:
        sys.modules["_statistics"] = saved

    assert dict(vars(_frozen_importlib.BuiltinImporter)) == before


def test_every_declared_patch_file_is_registered():
    import os

    import raceway_autopatch

    folder = os.path.join(os.path.dirname(raceway_autopatch.__file__), "patches")
    names = {name.removesuffix(".py") for name in os.listdir(folder)}

    assert names - {"__init__", "__pycache__"} <= set(registry.ORDER)


def test_modules_of_ours_that_are_taken_out_are_found_again(world, install, monkeypatch):
    import raceway.model.ops as first
    from raceway_autopatch import versions

    install(Registry((), patched={}))
    monkeypatch.setitem(sys.modules, "raceway.model.ops", first)
    importlib.import_module("raceway.exceptions")
    monkeypatch.delitem(sys.modules, "raceway.exceptions")
    importlib.import_module("raceway.exceptions")  # this is when it looks what is there
    monkeypatch.delitem(sys.modules, "raceway.model.ops")
    monkeypatch.delitem(sys.modules, "raceway_autopatch.versions")
    spec = first.__spec__

    assert importlib.import_module("raceway.model.ops") is first
    assert importlib.import_module("raceway_autopatch.versions") is versions
    assert first.__spec__ is spec


def test_modules_of_ours_that_failed_are_imported_anew(install, monkeypatch, tmp_path):
    import raceway

    (tmp_path / "fails.py").write_text("import raceway.works\nraise LookupError")
    (tmp_path / "works.py").write_text("")
    monkeypatch.setattr(raceway, "__path__", [*raceway.__path__, str(tmp_path)])
    install(Registry((), patched={}))

    for _ in range(2):
        with pytest.raises(LookupError):
            importlib.import_module("raceway.fails")

    monkeypatch.delitem(sys.modules, "raceway.works")
    monkeypatch.delattr(raceway, "works")
