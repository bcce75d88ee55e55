"""A module does the same when accesses to its globals have been rewritten, and all are seen."""

import ast
import builtins

import pytest

from raceway.watch.rewriting import Contents, bind, rewrite


class Names:
    """Stands for the globals, and notes down what is done with them."""

    def __init__(self, namespace):
        self.__dict__["seen"] = []
        self.__dict__["namespace"] = namespace

    def __getattr__(self, name):
        self.seen.append(f"get {name}")
        if name in self.namespace:
            return self.namespace[name]
        return getattr(builtins, name)

    def __setattr__(self, name, value):
        self.seen.append(f"set {name}")
        self.namespace[name] = value


class Tools:
    """Notes down what is entered."""

    def __init__(self):
        self.entered = []

    def enter_class(self, cls, name):
        self.entered.append((name, cls.__name__))

    def enter_value(self, value, name):
        self.entered.append((name, value))
        return value


def run(source, followed=("x",), entered=(), classes=()):
    """Return what the module binds, what was done with what is followed, and what was entered."""
    namespace = {"__name__": "module"}
    names, tools = Names(namespace), Tools()
    tree = rewrite(ast.parse(source), classes, entered, followed)
    code = compile(tree, "module.py", "exec", dont_inherit=True)
    exec(bind(code, names, tools), namespace)
    return namespace, names.seen, tools.entered


CASES = {
    "module": ("x = 1\ny = x", "set get"),
    "augmented": ("x = 1\nx += 1\ny = 0", "set get set"),
    "several targets": ("x = y = 2", "set"),
    "unpacking": ("x, *y = [1, 2]", "set"),
    "loop": ("y = 0\nfor x in [1, 2]: y += 1", "set set"),
    "annotated": ("x: int = 1\ny = __annotations__", "set"),
    "annotation alone": ("x: int\ny = __annotations__", ""),
    "global": ("x = 1\ndef f():\n  global x\n  x += 1\nf()\ny = 0", "set get set"),
    "global of an outer function": (
        "x = 1\ndef f():\n  global x\n  return lambda: x\ny = f()()",
        "set get",
    ),
    "local": ("x = 1\ndef f():\n  x = 2\n  return x\ny = f()", "set"),
    "parameter": ("x = 1\ndef f(x, *a, **k): return x\ny = f(3)", "set"),
    "keyword only": ("x = 1\ndef f(*, x=5): return x\ny = f()", "set"),
    "default": ("x = 1\ndef f(z=x): return z\ny = f()", "set get"),
    "decorator": ("x = lambda f: 7\n@x\ndef y(): pass", "set get"),
    "closure": (
        "x = 1\ndef f():\n  x = 2\n  def g():\n    nonlocal x\n    x += 1\n    return x\n"
        "  return g()\ny = f()",
        "set",
    ),
    "inner function": ("x = 1\ndef f():\n  def g(): return x\n  return g()\ny = f()", "set get"),
    "class body": ("x = 1\nclass C:\n  z = x\ny = C.z", "set get"),
    "class variable": ("x = 1\nclass C:\n  x = 2\n  z = x\ny = C.z", "set"),
    "method": ("x = 1\nclass C:\n  x = 2\n  def m(self): return x\ny = C().m()", "set get"),
    "base": ("x = int\nclass C(x): pass\ny = C(3) + 0", "set get"),
    "lambda": ("x = 1\ny = (lambda: x)() + (lambda x: x)(1)", "set get"),
    "comprehension": ("x = 1\ny = [x for _ in range(2)]", "set get get"),
    "its variable": ("x = 1\ny = [x for x in range(2)]", "set"),
    "its source": ("x = [1, 2]\ny = {x: x for x in x}", "set get"),
    "its condition": ("x = 1\ny = [i for i in range(3) if i > x]", "set get get get"),
    "generator": ("x = 1\ny = sum(x for _ in range(2))", "set get get"),
    "walrus": ("x = 1\ny = (z := x)", "set get"),
    "walrus in a function": ("x = 1\ndef f(): return (x := 2)\ny = f()", "set"),
    "walrus in a comprehension": (
        "x = 1\ndef f():\n  [x := i for i in range(2)]\n  return x\ny = f()",
        "set",
    ),
    "import in a function": ("x = 1\ndef f():\n  import ast as x\n  return x\ny = f()", "set"),
    "handler": (
        "x = 1\ndef f():\n  try: 1 / 0\n  except ZeroDivisionError as x: return str(x)\ny = f()",
        "set",
    ),
    "match": (
        "x = 1\ndef f(v):\n  match v:\n    case [x, *_]: return x\n    case {**x}: return x\n"
        "y = f([5]), f({})",
        "set",
    ),
    "matched class": (
        "x = Exception\ndef f(v):\n  match v:\n    case x(): return 1\ny = f(x())",
        "set get",
    ),
    "matched value": ("class x: a = 3\nmatch 3:\n  case x.a: y = 1", ""),
    "guard": ("x = 1\nmatch 5:\n  case int() if x: y = 2", "set get"),
    "f-string": ("x = 1\ny = f'{x}{x:>{x}}'", "set get get get"),
    "builtin": ("y = abs(-1)", "get"),
    "del": ("x = 1\ndel x\ny = 'x' in globals()", "set"),
    "private": ("_C__x = 1\nclass C:\n  def m(self): return __x\ny = C().m()", ""),
    "async": (
        "x = 1\nasync def f(): return x\ntry: f().send(None)\nexcept StopIteration as e: y = e.value",
        "set get",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_same_result_and_all_accesses(case):
    source, expected = CASES[case]
    bare = {"__name__": "module"}
    exec(compile(source, "module.py", "exec", dont_inherit=True), bare)
    followed = ("abs",) if case == "builtin" else ("x",)

    namespace, seen, _ = run(source, followed)

    assert repr(namespace.get("y")) == repr(bare["y"])
    assert set(namespace) == set(bare)
    assert [word.split()[0] for word in seen] == expected.split()


def test_positions_stay():
    source = "x = 0\ndef f(a):\n  global x\n  x = [x,\n    a][1]\n  return x + a\n"
    plain = ast.parse(source)
    spans = {
        (n.lineno, n.col_offset, n.end_lineno, n.end_col_offset)
        for n in ast.walk(plain)
        if isinstance(n, ast.expr | ast.stmt)
    }
    changed = rewrite(ast.parse(source), (), ("x",), ("x",))
    for node in ast.walk(changed):
        if isinstance(node, ast.expr | ast.stmt):
            assert (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset) in spans


def test_what_is_entered():
    source = (
        "d = {}\nn = 1\ne: dict = dict(a=1)\ndef f():\n  d = []\nclass A: pass\nclass B: pass\n"
    )
    _, _, entered = run(source, (), {"d", "n", "e"}, {"A"})

    assert entered == [("d", {}), ("e", {"a": 1}), ("A", "A")]


def test_contents():
    found = Contents(
        ast.parse(
            "import os.path\nfrom a import b as c\nx = 1\n__all__ = []\nc = 2\n"
            "def f():\n  global g, made\n  local = 1\n  made = 1\n"
            "class A:\n  inner = 1\nif x:\n  class B: pass\n  y: int = 1\nelse:\n  z = 2\n"
            "for i in []: pass\ntry: t = 1\nexcept E as e: pass\nwith w as v: (walrus := 1)\n"
        )
    )

    assert found.classes == {"A", "B"}
    assert found.variables == {"x", "g", "made", "y", "z", "i", "t", "v", "walrus"}
    assert found.rebound == {"g", "made"}
