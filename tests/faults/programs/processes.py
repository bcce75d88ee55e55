"""Processes: fork, multiprocessing, subprocess, signals, exec, exit functions."""

import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
import threading

lock = threading.Lock()


def child(number):
    with lock:
        return number * 2


def in_process(pipe):
    with lock:
        pipe.send(os.getpid() != parent)


class Alarm(Exception):
    pass


def ring(signum, frame):
    raise Alarm(signum)


parent = os.getpid()
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=in_process, args=(theirs,))
    process.start()
    process.join()
    print(ours.recv(), process.exitcode, flush=True)
    pid = os.fork()
    if not pid:
        with lock:
            print("forked", flush=True)
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    done = subprocess.run(
        [sys.executable, "-c", "import threading; print(threading.Lock().locked())"]
    )
    print(done.returncode, flush=True)
    pid = os.fork()
    if not pid:
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(9)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    signal.signal(signal.SIGALRM, ring)
    try:
        with lock:
            signal.raise_signal(signal.SIGALRM)
    except Alarm as error:
        print("alarm", error, lock.locked(), flush=True)
    atexit.register(print, "at exit")
    pid = os.fork()
    if not pid:
        code = "import threading; threading.Lock(); print('executed'); raise SystemExit(4)"
        os.execv(sys.executable, [sys.executable, "-c", code])
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
