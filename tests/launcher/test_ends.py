"""A program under raceway-run ends as it does without: status, signal, output."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from raceway_autopatch.supervisor import POLL

PROGRAMS = {
    "exit 0": "print('out')",
    "exit 3": "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)",
    "exit text": "import sys; sys.exit('text')",
    "exit 300": "import sys; sys.exit(300)",
    "exception": "def f():\n    raise ValueError('own')\nf()",
    "os._exit": "import os; print('out', flush=True); os._exit(5)",
    "SIGSEGV": "import os, signal; print('out', flush=True); os.kill(os.getpid(), signal.SIGSEGV)",
    "null pointer": "import ctypes; print('out', flush=True); ctypes.string_at(0)",
    "SIGKILL": "import os; os.kill(os.getpid(), 9)",
    "abort": "import os; os.abort()",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "syntax error": "print('never'\n",
    "raised TERM": "import signal; signal.raise_signal(signal.SIGTERM)\nprint('never')",
    "raised TERM in a thread": "import os, threading\n"
    "t = threading.Thread(target=os.kill, args=(os.getpid(), 15))\nt.start(); t.join()\n"
    "import time; time.sleep(60)",
    "broken pipe": "import os; r, w = os.pipe(); os.close(r); os.write(w, b'x')",
    "recursion": "def f(): f()\ntry:\n    f()\nexcept RecursionError:\n    raise SystemExit(4)",
    "atexit": "import atexit, threading, time\natexit.register(print, 'last')\n"
    "threading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()\nprint('main')",
    "fork": "import os\npid = os.fork()\nprint(pid == 0, flush=True) if pid else os._exit(7)\n"
    "if pid: raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
    "exec": "import os, sys\nprint(1, flush=True)\n"
    "os.execv(sys.executable, [sys.executable, '-c', 'print(2); raise SystemExit(8)'])",
    "exec of a descriptor": "import os, sys\nassert os.execve in os.supports_fd\n"
    "os.execve(os.open(sys.executable, os.O_RDONLY), [sys.executable, '-c', 'print(3)'], os.environ)",
    "exec that fails": "import os\ntry:\n    os.execvp('no-such-program', ['x'])\n"
    "except OSError as error:\n    raise SystemExit(repr(error))",
    "process group": "import os\nprint(os.getpgid(0) == os.getpgid(os.getppid()))\n"
    "print(os.getsid(0) == os.getsid(os.getppid()))",
    "dispositions": "import signal\nfor s in sorted(signal.valid_signals()):\n"
    "    print(s, signal.getsignal(s))\nprint(signal.pthread_sigmask(0, []))",
    "paths": "import sys, os\nprint(sys.path, sys.argv, sys.flags, __file__, os.getcwd())\n"
    "print('sitecustomize' in sys.modules)\n"
    "print([path for path in sys.path_importer_cache if 'bootstrap' in path])",
    "stdin": "print(input() + '!')",
    "descriptors": "import os; print(sorted(os.listdir('/proc/self/fd')))",
    "executable": "import sys; print(sys.executable, sys.orig_argv[1:], sys.prefix)",
}


@pytest.mark.parametrize("mode", ["embedded", "everything on", "install off"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_same_end(bench, name, mode):
    bench.write("app.py", PROGRAMS[name])
    if mode == "everything on":
        del bench.env["RACEWAY_PATCH"]
        bench.write("app.py", "import threading; threading.Lock()\n" + PROGRAMS[name])
    env = {"RACEWAY_ENABLED": "0"} if mode == "install off" else {}

    bare = bench.bare("app.py", "a", "--report", "-m", text="line\n")
    ours = bench.launched(sys.executable, "app.py", "a", "--report", "-m", text="line\n", env=env)

    # What was raised under a function of ours shows that in its traceback.
    assert bare == ours.own._replace(err=OUR_FRAME.sub("", ours.own.err))
    assert ours.err == bare.err if mode == "install off" else "raceway:" in ours.err
    assert bench.left_over() == []


OUR_FRAME = re.compile(r'  File ".*/raceway_autopatch/patches/.*\n.*\n( +\^+\n)?')


WAITS = {
    "sleep": "import os, time\ntry:\n    print(os.getpid(), flush=True) or time.sleep(60)\n",
    "acquire": "import os, threading\nlock = threading.Lock()\nlock.acquire()\n"
    "try:\n    print(os.getpid(), flush=True) or lock.acquire()\n",
    "join": "import os, threading, time\n"
    "t = threading.Thread(target=time.sleep, args=(60,), daemon=True)\nt.start()\n"
    "try:\n    print(os.getpid(), flush=True) or t.join()\n",
    "asyncio": "import asyncio, os\nasync def main():\n    print(os.getpid(), flush=True)\n"
    "    await asyncio.sleep(60)\ntry:\n    asyncio.run(main())\n",
}


def wait_until_blocked(pid):
    """Return when a process waits: a signal before its system call would not end that."""
    if sys.platform == "linux":
        state = ""
        while state != "S":
            with open(f"/proc/{int(pid)}/stat") as file:
                state = file.read().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("name", WAITS)
def test_signals_to_the_launchers_pid(bench, name, number):
    del bench.env["RACEWAY_PATCH"]
    bench.write("app.py", WAITS[name] + "finally:\n    print('finally')\n")
    outcomes = []
    for command in ([sys.executable], [*bench.launcher, sys.executable]):
        process = bench.start(*command, "app.py")
        wait_until_blocked(process.stdout.readline())
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        if command != [sys.executable]:
            assert err.splitlines()[-1].startswith("raceway:")
        own = [line for line in err.splitlines() if not line.startswith("raceway:")]
        outcomes.append((process.returncode, out, own[-1:]))

    assert outcomes[0] == outcomes[1]
    assert outcomes[1][0] == -number
    assert bench.left_over() == []


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT, signal.SIGINT],
)
def test_signals_that_the_program_handles(bench, number):
    bench.write(
        "app.py",
        """
        import os, signal, sys, time
        def handler(number, frame):
            os.write(1, b"got %d\\n" % number)  # print() cannot be entered again
            sys.exit(9)
        signal.signal(int(sys.argv[1]), handler)
        os.write(1, b"ready\\n")
        while True:
            time.sleep(0.01)  # pause() would miss a signal that comes just before it
        """,
    )
    process = bench.start(*bench.launcher, sys.executable, "app.py", str(int(number)))
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)

    out, _ = process.communicate(timeout=60)

    assert (process.returncode, out) == (9, f"got {int(number)}\n")


@pytest.mark.parametrize("ignored", [signal.SIGINT, signal.SIGHUP, signal.SIGCHLD])
def test_ignored_signals_stay_ignored(bench, ignored):
    bench.write(
        "app.py",
        f"import signal\nprint(signal.getsignal({int(ignored)}) == signal.SIG_IGN)\n",
    )
    process = bench.start(
        *bench.launcher,
        sys.executable,
        "app.py",
        preexec_fn=lambda: signal.signal(ignored, signal.SIG_IGN),
    )

    out, _ = process.communicate(timeout=60)

    assert (process.returncode, out) == (0, "True\n")


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_killed_launcher_takes_the_program_along(bench):
    bench.write("app.py", "import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    process = bench.start(*bench.launcher, sys.executable, "app.py")
    assert process.stdout.readline() == "ready\n"
    process.kill()

    # The pipe is at its end when nobody holds its other end any more.
    assert process.communicate(timeout=30)[0] == ""
    assert process.returncode == -signal.SIGKILL


def test_stop_and_continue(bench):
    bench.write("app.py", "print('ready', flush=True)\nprint(input())\n")
    command = [*bench.launcher, sys.executable, "app.py"]
    # A process group of its own, as a shell gives to a job; a session of its own would be an
    # orphaned group, in which SIGTSTP does nothing.
    process = bench.start(*command, preexec_fn=os.setpgrp)
    assert process.stdout.readline() == "ready\n"

    process.send_signal(signal.SIGTSTP)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    process.send_signal(signal.SIGCONT)

    out, _ = process.communicate("go on\n", timeout=60)
    assert (process.returncode, out) == (0, "go on\n")


def test_a_launcher_that_is_stopped_and_continued(bench):
    """As a debugger does, or a machine that goes to sleep."""
    bench.write("app.py", "print('ready', flush=True)\nprint(input())\n")
    process = bench.start(*bench.launcher, sys.executable, "app.py")
    assert process.stdout.readline() == "ready\n"
    for _ in range(5):
        wait_until_blocked(process.pid)
        process.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        time.sleep(2 * POLL)  # past what it was waiting for
        process.send_signal(signal.SIGCONT)
        _, status = os.waitpid(process.pid, os.WCONTINUED)
        assert os.WIFCONTINUED(status)

    out, err = process.communicate("go on\n", timeout=60)
    assert (process.returncode, out) == (0, "go on\n")
    assert "raceway: nothing was watched" in err


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
@pytest.mark.skipif(not hasattr(signal, "sigtimedwait"), reason="cannot be told without it")
def test_ctrl_c_on_a_terminal_arrives_once(bench):
    import fcntl
    import termios

    bench.write(
        "app.py",
        """
        import os, signal, time
        seen = []
        def done(number, frame):
            os.write(1, b"seen %d\\n" % len(seen))
            raise SystemExit(0)
        signal.signal(signal.SIGINT, lambda *a: (seen.append(1), os.write(1, b"interrupted\\n")))
        signal.signal(signal.SIGUSR1, done)
        os.write(1, b"ready\\n")
        while True:
            time.sleep(0.01)
        """,
    )
    terminal, inner = os.openpty()
    process = subprocess.Popen(
        [*bench.launcher, sys.executable, "app.py"],
        cwd=bench.folder,
        env=bench.env,
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - the tests start no threads
    )
    os.close(inner)
    with open(terminal, "rb+", buffering=0) as stream:
        output = b""
        while b"ready" not in output:
            output += stream.read(1000)
        stream.write(b"\x03")
        while b"interrupted" not in output:
            output += stream.read(1000)
        # Fetched after any SIGINT that waits, because its number is higher.
        process.send_signal(signal.SIGUSR1)
        while b"seen 1" not in output and b"seen 2" not in output:
            output += stream.read(1000)
        assert process.wait(60) == 0

    assert b"seen 1" in output


def test_fallback_for_platforms_without_sigtimedwait(bench):
    bench.fake_analysis()
    driver = bench.folder / "driver" / "driver.py"
    driver.write_text("import signal\ndel signal.sigtimedwait\n" + driver.read_text())
    bench.write("app.py", WAITS["sleep"] + "finally:\n    print('finally')\n")
    bench.write("quick.py", "raise SystemExit(3)")
    process = bench.start(*bench.launcher, sys.executable, "app.py")
    wait_until_blocked(process.stdout.readline())
    process.send_signal(signal.SIGTERM)

    process.communicate(timeout=60)

    assert process.returncode == -signal.SIGTERM
    assert bench.launched(sys.executable, "quick.py").status == 3
