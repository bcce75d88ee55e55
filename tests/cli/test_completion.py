"""``raceway completion``: the shells themselves complete with what it prints."""

import os
import shutil
import subprocess
import sys

import pytest

from raceway_autopatch.options import FLAGS, WITH_VALUE

DRIVER = """
source ./script
COMP_WORDS=({words}); COMP_CWORD={at}
{function}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def raceway(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "raceway", *arguments], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "fish", "zsh"):
        done = raceway("completion", shell)
        assert (done.returncode, done.stderr) == (0, "")
        (folder / shell).write_text(done.stdout)
    (folder / "app.py").write_text("")
    (folder / "r port.json").write_text("{}")
    return folder


def in_bash(folder, *words):
    """Return what bash offers for the last of the words."""
    shutil.copy(folder / "bash", folder / "script")
    function = "_raceway" if words[0] == "raceway" else "_raceway_run"
    quoted = " ".join(f"'{word}'" for word in words)
    text = DRIVER.format(words=quoted, at=len(words) - 1, function=function)
    done = subprocess.run(
        ["bash", "--norc", "-c", text], cwd=folder, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def in_fish(folder, *words):
    line = " ".join(words)
    text = f"source ./fish; complete -C '{line}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", text], cwd=folder, capture_output=True, text=True,
        timeout=60, check=True, env={**os.environ, "HOME": str(folder)},
    )  # fmt: skip
    assert done.stderr == ""
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


@pytest.fixture(params=["bash", "fish"])
def complete(request, folder):
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    ask = in_bash if request.param == "bash" else in_fish
    return lambda *words: ask(folder, *words)


def test_options_of_raceway_run(complete):
    """All of them, before the program only."""
    assert {*WITH_VALUE, *(flag for flag in FLAGS)} <= set(complete("raceway-run", "--"))
    assert complete("raceway-run", "--fail") == ["--fail-on"]
    assert complete("raceway-run", "--quiet", "--ver") == ["--verbose", "--version"]
    assert "--fail-on" not in complete("raceway-run", "cat", "--fail")


def test_values(complete):
    """Of what has few, and files with spaces in their names."""
    assert complete("raceway-run", "--fail-on", "") == ["critical", "warning"]
    assert complete("raceway-run", "--watch", "a") == ["auto"]
    (name,) = complete("raceway-run", "--report", "r")
    assert name.replace("\\", "") == "r port.json"
    assert complete("raceway-run", "--service", "") == []


def test_the_program(complete):
    """It is completed as if it stood alone."""
    assert "python3" in complete("raceway-run", "python")
    assert "cat" in complete("raceway-run", "--report", "x.json", "--", "ca")
    assert complete("raceway-run", "cat", "ap") == ["app.py"]
    assert complete("raceway", "run", "--quiet", "cat", "ap") == ["app.py"]


def test_subcommands(complete):
    """With their own options and words."""
    assert complete("raceway", "ba") == ["baseline"]
    assert complete("raceway", "report", "--fail") == ["--fail-on"]
    assert complete("raceway", "report", "--fail-on", "") == ["critical", "warning"]
    assert complete("raceway", "explain", "data") == ["data-race"]
    assert complete("raceway", "completion", "z") == ["zsh"]


def test_zsh(folder):
    """It understands the script."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    done = subprocess.run(
        ["zsh", "-f", "-c", "source ./zsh && print $_comps[raceway-run] $_comps[raceway]"],
        cwd=folder, capture_output=True, text=True, timeout=60, check=True,
        env={**os.environ, "HOME": str(folder)},
    )  # fmt: skip
    assert done.stderr == ""
    assert "_raceway_run" in done.stdout


def test_another_shell():
    """The message names those that there are."""
    done = raceway("completion", "tcsh")
    assert done.returncode == 2
    assert "bash" in done.stderr
