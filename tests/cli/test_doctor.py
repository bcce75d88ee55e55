"""raceway doctor: what is here, and whether it works."""

import os
import sys
from importlib import metadata

import pytest

VERSION = ".".join(map(str, sys.version_info[:3]))


def lines(outcome):
    """Return what stands behind each label."""
    found = {}
    label = ""
    for line in outcome.out.partition("\n\n")[0].splitlines():
        label = line[:14].strip() or label
        found.setdefault(label, []).append(line[14:])
    return found


def test_a_sound_installation(command):
    outcome = command.raceway("doctor", env={"RACEWAY_API_KEY": "hush", "PYTHONPATH": path()})

    seen = lines(outcome)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.endswith("\nraceway doctor: no problems\n")
    assert seen["python"][0].startswith(f"cpython {VERSION} on {sys.platform}, ")
    assert seen["tried out"] == [
        "a racy program: 1 finding, as it should be",
        "a correct one: no findings, as it should be",
    ]
    assert f"requests {metadata.version('requests')}" in seen["patched"]
    assert "threading" in seen["patched"][0]
    assert "RACEWAY_API_KEY=***" in seen["variable"]
    assert f"PYTHONPATH={path()}" in seen["variable"]
    assert "hush" not in outcome.out


def path():
    import raceway

    return os.path.dirname(os.path.dirname(os.path.abspath(raceway.__file__)))


def test_the_accelerator(command):
    outcome = command.raceway("doctor", env={"RACEWAY_PURE_PYTHON": "1"})

    seen = lines(outcome)
    assert outcome.status == 0
    for part in ("recorder", "clocks", "analysis"):
        assert seen[part] == ["in Python: RACEWAY_PURE_PYTHON is set"]
    (said,) = seen["sigterm"]
    assert said == "in Python, where flush_on_sigterm asks for it: RACEWAY_PURE_PYTHON is set"


def test_what_could_not_be_built(command):
    """An extension that is missing is named, and so is why."""
    pytest.importorskip("raceway.pipeline._sigterm")
    hidden = command.folder / "site"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sys; sys.modules['raceway.pipeline._sigterm'] = None\n"
    )
    env = {"PYTHONPATH": f"{hidden}{os.pathsep}{path()}"}

    seen = lines(command.raceway("doctor", env=env))

    assert seen["recorder"] == seen["clocks"] == seen["analysis"] == ["in C"]
    (said,) = seen["sigterm"]
    assert said.startswith("in Python, where flush_on_sigterm asks for it: import of raceway.")
    version = command.raceway("--version", env=env).out
    assert version.endswith("; recorder, clocks, analysis in C; sigterm in Python)\n")


def test_what_is_left_out(command):
    """A version that nobody has tried, and a patch that is switched off."""
    for name, version in (("flask", "1.0"), ("twisted", "9.9")):
        info = command.folder / "site" / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (command.folder / "site" / "sitecustomize.py").write_text("")
    env = {
        "PYTHONPATH": f"{command.folder}/site{os.pathsep}{path()}",
        "RACEWAY_PATCH": "-requests",
    }

    outcome = command.raceway("doctor", env=env)

    seen = lines(outcome)
    assert outcome.status == 0
    assert "flask 1.0 is not patched: Raceway supports flask>=2.0" in seen["patched"]
    assert seen["not patched"] == ["requests: RACEWAY_PATCH leaves them out"]
    assert any(line.startswith("twisted 9.9: what they order") for line in seen["not followed"])
    assert f"sitecustomize in {command.folder}/site/sitecustomize.py" in seen["beside us"]


@pytest.mark.parametrize(
    ("env", "problems"),
    [
        ({"RACEWAY_ENABLED": "0"}, ["RACEWAY_ENABLED", "racy program could not", "correct one"]),
        ({"RACEWAY_PATCH": "threding"}, ["there is no 'threding'", "racy program", "correct one"]),
        ({"RACEWAY_BATCH_SIZE": "x"}, ["RACEWAY_BATCH_SIZE='x' is not usable"]),
        ({"RACEWAY_BASELINE": "none.json"}, ["none.json: there is no such baseline"]),
    ],
)
def test_problems(command, env, problems):
    outcome = command.raceway("doctor", env=env)

    found = lines(outcome)["PROBLEM"]
    assert outcome.status == 1
    assert len(found) == len(problems)
    for line, problem in zip(found, problems, strict=True):
        assert problem in line
    ending = f"{len(found)} problem{'s' if len(found) > 1 else ''}, see above\n"
    assert outcome.out.endswith("\nraceway doctor: " + ending)


def test_mistakes_in_files(command):
    command.write("pyproject.toml", "[tool.raceway]\nbatchsize = 3\n")
    command.write("raceway.toml", '[[suppress]]\nvariable = "x"\n')

    outcome = command.raceway("doctor")

    assert outcome.status == 1
    first, second = lines(outcome)["PROBLEM"]
    assert "has no setting 'batchsize'" in first
    assert second.startswith("raceway.toml:1: [[suppress]] does not count: it has no reason")
