"""Patch files that other distributions bring: found, applied, and contained whatever they do."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs/how-to/add-a-patch.md"
BLOCKS = {
    name: text
    for name, text in re.findall(
        r"^```\w+\n# ([\w.]+)\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
}


def install(bench, patch="", name="slot", value="raceway_slot"):
    """Install a plug-in as pip does, in a folder on the path."""
    bench.write("site/raceway_slot.py", patch or BLOCKS["raceway_slot.py"])
    folder = bench.folder / "site/raceway_slot-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: raceway-slot\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(
        f"[console_scripts]\nslot = slot:main\n\n[raceway.patches]\n{name} = {value}\n"
    )


@pytest.fixture
def guide(bench):
    """Write the library and the program of the guide."""
    bench.env["RACEWAY_PATCH"] = ""
    bench.env["PYTHONPATH"] = os.pathsep.join([str(bench.folder / "site"), bench.env["PYTHONPATH"]])
    for name in ("slot.py", "app.py"):
        (bench.folder / name).write_text(BLOCKS[name])
    return bench


def report(bench, *options, program="app.py", **more):
    outcome = bench.launched(*options, "--report", "r.json", program, **more)
    return outcome, json.loads((bench.folder / "r.json").read_text())


def test_the_guide_without_its_patch(guide):
    """Nobody knows that the pipe orders."""
    outcome, told = report(guide, "--fail-on", "warning")
    assert outcome.status == 66
    assert [finding["variable"] for finding in told["findings"]] == ["prices['apple']"]


def test_the_guide(guide):
    """The patch orders what the library orders; nothing is said about it."""
    install(guide)
    outcome, told = report(guide, "--fail-on", "warning")
    assert outcome.status == 0
    assert told["findings"] == []
    assert told["first_error"] == ""


def test_a_module_that_is_loaded_before(guide):
    """It is patched when the plug-in is found."""
    install(guide)
    guide.write(
        "first.py",
        "import raceway_autopatch, runpy, slot\nraceway_autopatch.install()\nrunpy.run_path('app.py')",
    )
    bare = guide.run(sys.executable, "first.py")
    assert (bare.status, bare.out) == (0, "")
    assert "no races found" in bare.err


def test_it_can_be_left_out(guide):
    """By its name, as those of ours."""
    install(guide)
    outcome, _ = report(guide, "--fail-on", "warning", env={"RACEWAY_PATCH": "-raceway_slot"})
    assert outcome.status == 66


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        ("raise RuntimeError('no')", "RuntimeError: no"),
        ("import sys; sys.exit(3)", "sys.exit(3)"),
        ("import nowhere", "No module named 'nowhere'"),
        ("def broken(:", "SyntaxError"),
        ("SUPPORTS = None", "PATCHES"),
        ("SUPPORTS = None\nPATCHES = 7", "no attribute 'get'"),
        (
            "from raceway_autopatch.patching import wrap\n"
            "PATCHES = (wrap('Slot.put', print), wrap('Slot.gone', print))",
            "there is no gone",
        ),
        ("PATCHES = ()\ndef setup():\n    raise LookupError('setup')", "LookupError: setup"),
        (
            "from raceway_autopatch.patching import wrap\n"
            "def bad(wrapped, slot, args, kwargs):\n    raise KeyError('mine')\n"
            "PATCHES = (wrap('Slot.put', bad), wrap('Slot.take', bad))",
            "KeyError: 'mine'",
        ),
    ],
)
def test_a_plugin_that_fails(guide, patch, told):
    """The program does what it did; the report says what failed."""
    install(guide, patch)
    guide.write("app.py", BLOCKS["app.py"] + "\nprint('done', prices)\n")
    bare = guide.bare("app.py")
    outcome, document = report(guide)
    assert (outcome.status, outcome.out) == (bare.status, bare.out)
    assert told in document["first_error"]


def test_a_plugin_whose_file_is_not_there(guide):
    """As one that fails."""
    install(guide, value="raceway_nowhere.patch")
    outcome, document = report(guide)
    assert outcome.status == 0
    assert "raceway_nowhere" in document["first_error"]


def test_a_version_that_is_not_supported(guide):
    """The library is left alone, and the report says so."""
    install(
        guide, 'SUPPORTS = "slot>=2"\n' + BLOCKS["raceway_slot.py"].replace("SUPPORTS = None", "#")
    )
    (guide.folder / "slot.py").write_text("__version__ = '1.5'\n" + BLOCKS["slot.py"])
    outcome, document = report(guide, "--fail-on", "warning")
    assert outcome.status == 66
    assert "slot 1.5 was not patched: Raceway supports slot>=2" in json.dumps(document)


def test_it_costs_nothing_at_the_start(guide):
    """Neither modules nor a look at the folders, where nothing is recorded or imported."""
    install(guide)
    code = "import sys; print(*sys.modules)"
    bare = guide.bare("-c", code)
    guide.write("opened.py", "")
    run_dir = guide.folder / "run"
    run_dir.mkdir()
    bootstrap = os.path.join(
        os.path.dirname(sys.modules["raceway_autopatch"].__file__), "bootstrap"
    )
    env = {"RACEWAY_RUN_DIR": str(run_dir), "PYTHONPATH": f"{bootstrap}:{guide.env['PYTHONPATH']}"}
    ours = guide.bare("-c", code, env=env)
    added = set(ours.out.split()) - set(bare.out.split())
    assert "raceway_autopatch.plugins" not in added
    assert len(added) <= 5


def test_the_metadata_of_others(tmp_path):
    """Whatever lies there is read as the specification says, or passed over."""
    from raceway_autopatch import plugins

    texts = {
        "one-1.0.dist-info": "[raceway.patches]\n# comment\n a.b = c.d [extra]\na.e=c.d\n\n[x]\ny = z\n",
        "two.egg-info": "[raceway.patches]\nno equals sign\n= c\nd =\n",
        "One-0.9.dist-info": "[raceway.patches]\nold = shadowed\n",
        "three-1.dist-info": "[raceway.patches]\r\nf = g.h:attr\r\n",
        "four-1.dist-info": "\xff\xfe",
    }
    for number, (name, text) in enumerate(texts.items()):
        folder = tmp_path / str(number) / name
        folder.mkdir(parents=True)
        (folder / "entry_points.txt").write_text(text, encoding="latin-1", newline="")
    (tmp_path / "five-1.dist-info").mkdir()
    path = [str(tmp_path / str(number)) for number in range(len(texts))]
    path += [str(tmp_path), "", "/nowhere", __file__, path[0]]
    assert plugins.find(path) == {"c.d": ("a.b", "a.e"), "g.h:attr": ("f",)}
