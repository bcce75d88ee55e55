"""Programs that do what breaks instrumentation: they print and end as they do without us."""

import importlib.util
import json
import os
import signal
import socket
import sys
import time

import pytest

import raceway_autopatch
from raceway.record.accelerator import accelerator

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(raceway_autopatch.__file__)))
ALL_PATCHES = {"RACEWAY_PATCH": ""}


def both(bench, *command, **options):
    """Run bare and recorded; return what both print, which has to be the same."""
    bare = bench.run(*command, **options)
    launcher = [*bench.launcher, "--quiet"]
    env = {**ALL_PATCHES, **options.pop("env", {})}
    recorded = bench.run(*launcher, *command, env=env, **options)
    assert recorded == bare
    return bare


def program(bench, text, *options, **more):
    bench.write("app.py", text)
    result = both(bench, sys.executable, *options, "app.py", **more)
    assert (result.status, result.err) == (0, "")
    return result.out


def needs(*names):
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{missing} are not installed")


# ---------------------------------------------------------------- threads


def test_logging_and_executors_across_forks(bench):
    """Their locks are given anew to the child by functions that look for methods of real locks."""
    out = program(
        bench,
        """
        import concurrent.futures, logging, logging.handlers, os, sys, threading, warnings
        warnings.simplefilter("ignore")
        handler = logging.handlers.MemoryHandler(10, target=logging.StreamHandler(sys.stdout))
        logging.basicConfig(level=logging.INFO, handlers=[handler])
        pool = concurrent.futures.ThreadPoolExecutor(2)
        assert pool.submit(abs, -1).result() == 1
        mine = threading.Lock()
        os.register_at_fork(before=mine.acquire, after_in_parent=mine.release,
                            after_in_child=mine.release)
        going = threading.Event()
        def busy():
            while not going.is_set():
                logging.debug("x")
                with mine:
                    pass
        threads = [threading.Thread(target=busy) for _ in range(2)]
        [thread.start() for thread in threads]
        for number in range(10):
            pid = os.fork()
            if not pid:
                logging.info("child %d", number)
                handler.flush()
                with mine, concurrent.futures.ThreadPoolExecutor(1) as own:
                    print(own.submit(abs, -number).result())
                sys.stdout.flush()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        going.set()
        [thread.join() for thread in threads]
        """,
    )
    assert out.count("child") == 10


def test_a_condition_over_a_lock_of_the_program(bench):
    out = program(
        bench,
        """
        import threading
        class Mine:
            def __init__(self):
                self.lock, self.log = threading.Lock(), []
            def acquire(self, *args):
                self.log.append("acquire")
                return self.lock.acquire(*args)
            def release(self):
                self.log.append("release")
                self.lock.release()
            def __enter__(self):
                return self.acquire()
            def __exit__(self, *details):
                self.release()
        mine = Mine()
        condition = threading.Condition(mine)
        try:
            condition.wait(0.01)
        except RuntimeError as error:
            print(error)
        with condition:
            print(condition.wait(0.01), mine.lock.locked())
            def wake():
                with condition:
                    condition.notify_all()
            thread = threading.Thread(target=wake)
            thread.start()
            print(condition.wait(30), condition._is_owned())
        thread.join()
        print(mine.log)
        """,
    )
    assert "True True" in out


def test_threads_that_python_did_not_start(bench):
    """A thread of C code calls back: it is in no list, and each one is an actor of its own."""
    out = program(
        bench,
        """
        import _thread, ctypes, threading
        libc = ctypes.CDLL(None)
        lock = threading.Lock()
        seen = []
        @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
        def called(_):
            with lock:
                seen.append(_thread.get_ident())
            return None
        for _ in range(5):
            thread = ctypes.c_ulong()
            libc.pthread_create(ctypes.byref(thread), None, called, None)
            libc.pthread_join(thread, None)
        print(len(seen), [thread.name for thread in threading.enumerate()])
        """,
    )
    assert out.startswith("5 ['MainThread'")


def test_daemons_and_finalisers_at_the_very_end(bench):
    """While the interpreter is torn down locks are still taken and watched objects touched."""
    text = """
        import threading, raceway
        class Late:
            def __init__(self):
                self.lock, self.seen = threading.RLock(), 0
            def __del__(self):
                with self.lock:
                    self.seen += 1
        import sys
        sys.keep = keep = raceway.watch(Late(), name="late")
        other = raceway.watch({"late": Late()}, name="other")
        lock = threading.Lock()
        def forever():
            while True:
                with lock:
                    keep.seen += 1
        for _ in range(2):
            threading.Thread(target=forever, daemon=True).start()
        print("over")
        """
    bench.write("app.py", text)
    for _ in range(5):
        done = bench.launched("--quiet", sys.executable, "app.py", env=ALL_PATCHES)
        assert done == (0, "over\n", "")


CALLED_BY_NOBODY = """
import _thread, queue, sys, threading
from greenlet import greenlet

lock, rlock, condition = threading.Lock(), threading.RLock(), threading.Condition()
semaphore, event, jobs = threading.Semaphore(), threading.Event(), queue.Queue()
thread = threading.Thread(target=int)
for function, *args in [
    (threading.Lock,), (threading.RLock,), (_thread.allocate_lock,), (threading.Condition,),
    (threading.Event,), (threading.Semaphore,), (threading.BoundedSemaphore,),
    (queue.Queue,), (queue.LifoQueue,), (queue.PriorityQueue,), (queue.SimpleQueue,),
    (lock.acquire,), (lock.release,), (lock.acquire, True, 1), (lock.release,),
    (lock.__enter__,), (lock.__exit__, None, None, None),
    (rlock.acquire,), (rlock.release,), (rlock.acquire, True, 1), (rlock.release,),
    (condition.__enter__,), (condition.wait, 0.001), (condition.notify,),
    (condition.__exit__, None, None, None), (semaphore.acquire,), (semaphore.release,),
    (event.set,), (event.wait,), (jobs.put, 1), (jobs.get,), (jobs.task_done,), (jobs.join,),
    (thread.start,), (thread.join,), (_thread.start_new_thread, int, ()),
]:
    try:
        print(type(greenlet(function).switch(*args)).__name__)
    except BaseException as error:
        print(function, "has raised", repr(error))
"""


@needs("greenlet")
@pytest.mark.parametrize("pure", ["", "1"])
def test_what_c_code_calls_at_the_bottom_of_a_greenlet(bench, pure):
    """There is no frame of Python code that could be looked at."""
    bench.write("app.py", CALLED_BY_NOBODY)
    bare = bench.run(sys.executable, "app.py")
    env = {**ALL_PATCHES, "RACEWAY_PURE_PYTHON": pure}
    recorded = bench.run(*bench.launcher, sys.executable, "app.py", env=env)
    assert "has raised" not in bare.out
    assert recorded.out == bare.out
    assert (recorded.status, bare.err) == (0, "")
    assert "internal error" not in recorded.err


def test_what_has_failed_is_released_at_once(bench):
    """No frame of ours that a traceback leads to holds the future, which holds the exception."""
    out = program(
        bench,
        """
        import asyncio, concurrent.futures, gc, weakref
        gc.disable()
        made = {}
        class Local:
            pass
        def fail(name):
            local = Local()
            made[name] = weakref.ref(local)
            raise ValueError
        def job(pool):
            future = pool.submit(fail, "job")
            try:
                future.result()
            except ValueError:
                pass
            del future
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            job(pool)
        async def failing(name):
            fail(name)
        async def main():
            future = asyncio.get_running_loop().create_future()
            try:
                fail("future")
            except ValueError as error:
                future.set_exception(error)
            try:
                future.result()
            except ValueError:
                pass
            del future
            for one in (
                failing("awaited"), asyncio.to_thread(fail, "thread"),
                asyncio.shield(failing("shielded")), asyncio.wait_for(failing("timed"), 5),
            ):
                try:
                    await one
                except ValueError:
                    pass
                del one
        asyncio.run(main())
        for name, local in made.items():
            print(name, "is released" if local() is None else "is kept")
        """,
    )
    assert "job is released" in out
    assert "future is released" in out


# ---------------------------------------------------------------- other tools

TRACED = """
import sys, threading, raceway
class Box:
    def __init__(self): self.value = 0
box = raceway.watch(Box(), name="box")
table = raceway.watch({}, name="table")
lock = threading.Lock()
def work(number):
    for turn in range(3):
        with lock:
            box.value += 1
            table[number] = turn
    return number
def main():
    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
"""


@pytest.mark.parametrize("install", ["settrace", "setprofile"])
def test_a_debugger_sees_the_lines_of_the_program(bench, install):
    """What else it sees, frames of ours among them, is no line of the program's files."""
    out = program(
        bench,
        TRACED
        + f"""
seen = []
def trace(frame, event, arg):
    if frame.f_code.co_filename == __file__ and not event.startswith("c_"):
        seen.append((threading.current_thread().name, frame.f_code.co_name, frame.f_lineno, event))
    return trace
threading.{install}(trace)
sys.{install}(trace)
main()
sys.{install}(None)
for line in sorted(seen):
    print(*line)
""",
    )
    assert "work" in out


@pytest.mark.skipif(accelerator is None, reason="without it there are frames of ours")
@pytest.mark.parametrize("install", ["settrace", "setprofile"])
@pytest.mark.parametrize("options", [(), ("--watch", "mine")])
def test_nothing_of_ours_is_seen_where_an_import_is_traced(bench, install, options):
    """Neither in an import that is no business of ours nor where patches are applied."""
    bench.write("mine.py", "def f(): pass\nf()\nimport threading, _thread\n_thread.allocate_lock()")
    bench.write(
        "app.py",
        f"""
        import sys, threading
        seen = set()
        def trace(frame, event, arg):
            seen.add((frame.f_globals.get("__name__", ""), frame.f_code.co_name))
            return trace
        sys.{install}(trace)
        import colorsys, mine, sched, sqlite3
        try:
            import is_not_there
        except ImportError:
            pass
        sys.{install}(None)
        for name, function in sorted(seen):
            if name.partition(".")[0] in ("raceway", "raceway_autopatch", "mine", "sched"):
                print(name, function)
        """,
    )
    bare = bench.run(sys.executable, "app.py")
    command = [*bench.launcher, "--quiet", *options, "--", sys.executable, "app.py"]
    recorded = bench.run(*command, env=ALL_PATCHES)
    assert "mine f\n" in bare.out
    assert "sched <module>\n" in bare.out
    assert [line for line in recorded.out.splitlines() if "raceway" not in line] == (
        bare.out.splitlines()
    )
    if not options:
        assert recorded == bare


def test_a_profiler_counts_the_calls_of_the_program(bench):
    out = program(
        bench,
        TRACED
        + """
import cProfile, pstats
profile = cProfile.Profile()
profile.enable()
main()
work(5)
profile.disable()
for (file, line, name), (calls, *_) in sorted(pstats.Stats(profile).stats.items()):
    if file == __file__:
        print(name, line, calls)
""",
    )
    assert "work" in out


@needs("coverage")
@pytest.mark.parametrize(
    "core", ["ctrace", "pytrace", *(["sysmon"] if sys.version_info >= (3, 12) else [])]
)
def test_coverage_measures_the_same(bench, core):
    bench.write("app.py", TRACED + "main()\n")
    command = [sys.executable, "-m", "coverage"]
    env = {"COVERAGE_CORE": core, "COVERAGE_FILE": ".coverage"}
    both(bench, *command, "run", "--branch", "--include=app.py", "app.py", env=env)
    reports = []
    for launcher in ([], [*bench.launcher, "--quiet"]):
        run = [*launcher, *command, "run", "--branch", "--include=app.py", "app.py"]
        bench.run(*run, env={**ALL_PATCHES, **env})
        reports.append(bench.run(*command, "report", "-m", env=env))
    assert reports[0] == reports[1]
    assert "100%" in reports[0].out


@needs("viztracer")
def test_viztracer_writes_its_trace(bench):
    bench.write("app.py", TRACED + "main()\n")
    counts = []
    for launcher in ([], [*bench.launcher, "--quiet"]):
        command = [sys.executable, "-m", "viztracer", "--quiet", "-o", "trace.json", "app.py"]
        done = bench.run(*launcher, *command, env=ALL_PATCHES)
        assert (done.status, done.err) == (0, "")
        trace = json.loads((bench.folder / "trace.json").read_text())
        names = [event.get("name", "") for event in trace["traceEvents"]]
        counts.append(sum(name.startswith("work ") for name in names))
    assert counts == [2, 2]


# ---------------------------------------------------------------- asyncio

LOOPS = ["asyncio", pytest.param("uvloop", marks=needs("uvloop"))]
PATHS = """
import asyncio, sys
import {loop} as library
if hasattr(library, "install") and sys.version_info < (3, 12):
    library.install()
run = library.run if sys.version_info >= (3, 11) or "{loop}" == "asyncio" else asyncio.run
made = []
async def child(name):
    await asyncio.sleep(0)
    return name, asyncio.current_task().get_name().partition("-")[0]
"""


@pytest.mark.parametrize("loop", LOOPS)
def test_every_way_to_make_a_task(bench, loop):
    out = program(
        bench,
        PATHS.format(loop=loop)
        + """
async def main():
    loop = asyncio.get_running_loop()
    print(type(loop).__module__)
    print(await asyncio.create_task(child("create_task"), name="mine"))
    print(await loop.create_task(child("loop"), name="other"))
    print(await asyncio.ensure_future(child("ensure_future")))
    print(await asyncio.gather(child("gather"), child("gather")))
    print(await asyncio.wait_for(child("wait_for"), 30))
    if sys.version_info >= (3, 11):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(child("group"), name="grouped")
        print(task.result())
    print(await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(child("threadsafe"), loop)))
    print(await asyncio.Task(child("Task"), loop=loop, name="made"))
    print(await asyncio.to_thread(lambda: "to_thread"))
    if sys.version_info >= (3, 12) and library is asyncio:  # uvloop's create_task refuses it
        eager = asyncio.create_eager_task_factory(asyncio.Task)
        loop.set_task_factory(eager)
        print(await asyncio.create_task(child("eager"), name="eager"))
run(main())
""",
    )
    assert "('create_task', 'mine')" in out


@pytest.mark.parametrize("loop", LOOPS)
def test_task_factories_get_what_they_got(bench, loop):
    """A strict one fails where it fails; one that takes more gets the same arguments."""
    out = program(
        bench,
        PATHS.format(loop=loop)
        + """
import contextvars
def strict(loop, coro):
    return asyncio.Task(coro, loop=loop)
def generous(loop, coro, **kwargs):
    print(sorted(kwargs), {key: type(value).__name__ for key, value in kwargs.items()})
    return asyncio.Task(coro, loop=loop, **kwargs)
async def main():
    loop = asyncio.get_running_loop()
    calls = [dict(), dict(name="n")]
    if sys.version_info >= (3, 11):
        calls += [dict(context=contextvars.copy_context()), dict(name="n", context=None)]
    for factory in (strict, generous, None):
        loop.set_task_factory(factory)
        print(loop.get_task_factory() is factory)
        for kwargs in calls + [dict(unknown=1)]:
            for make in (asyncio.create_task, loop.create_task):
                coro = child("x")
                try:
                    print(await make(coro, **kwargs))
                except TypeError as error:
                    coro.close()
                    print("TypeError", str(error).replace("BaseEventLoop.", "").replace("Loop.", ""))
run(main())
""",
    )
    assert out.count("True\n") == 3


@pytest.mark.parametrize("loop", LOOPS)
def test_loops_that_are_closed_too_early_and_loops_of_many_threads(bench, loop):
    """What asyncio says about tasks that are lost is the same, and no warning is added."""
    bench.write(
        "app.py",
        PATHS.format(loop=loop)
        + """
import gc, threading
async def never():
    await asyncio.get_running_loop().create_future()
async def main(name):
    made.append(asyncio.create_task(never()))  # or the collector may be quicker than the loop
    done = asyncio.create_task(child(name))
    return await done
results = []
def work(number):
    results.append([run(main(n))[0] for n in range(20)])
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(results == [list(range(20))] * 3, all(task.cancelled() for task in made))
for _ in range(30):
    loop = library.new_event_loop()
    handle = loop.call_later(60, print)
    loop.call_soon(print)
    asyncio.set_event_loop(None)
    loop.close()
loop = library.new_event_loop()
loop.set_exception_handler(lambda loop, context: print(context["message"]))
task = loop.create_task(child("pending"))
loop.run_until_complete(asyncio.sleep(0))
loop.run_until_complete(task)
task = loop.create_task(never())
loop.run_until_complete(asyncio.sleep(0))
loop.close()
del task
gc.collect()
print("over")
""",
    )
    result = both(bench, sys.executable, "-W", "error::ResourceWarning", "app.py")
    assert (result.status, result.out) == (
        0,
        "True True\nTask was destroyed but it is pending!\nover\n",
    )


# ---------------------------------------------------------------- gevent

SERVER = """
import gevent, greenlet, sys, threading, raceway
lock, inside = threading.RLock(), raceway.watch([], name="inside")
def app(environ, start):
    with lock, lock:
        inside.append(1)
        gevent.sleep(0.01)
        alone = len(inside) == 1
        inside.pop()
    start("200 OK", [("Content-Type", "text/plain")])
    thread = type(threading.current_thread()).__name__
    return [repr((alone, thread, greenlet.getcurrent().parent is not None)).encode()]
"""


@needs("gevent")
def test_python_m_gevent_monkey(bench):
    bench.write(
        "app.py",
        """
        import gevent, queue, socket, ssl, subprocess, sys, threading
        items, lock, rlock = queue.Queue(), threading.Lock(), threading.RLock()
        inside = []
        def work(number):
            with lock, rlock, rlock:
                inside.append(number)
                gevent.sleep(0.001)
                assert inside == [number]
                inside.clear()
            items.put(number)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        print(sorted(items.get() for _ in range(4)), type(lock).__name__, sys.argv)
        """,
    )
    result = both(bench, sys.executable, "-m", "gevent.monkey", "app.py", "x")
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("[0, 1, 2, 3]")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def get(port):
    deadline = time.monotonic() + 30
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                parts = iter(lambda: connection.recv(4096), b"")
                return b"".join(parts).partition(b"\r\n\r\n")[2].decode()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@needs("gevent", "gunicorn")
def test_gunicorn_with_gevent_workers(bench):
    """Requests that share a lock, and a graceful end."""
    from concurrent.futures import ThreadPoolExecutor

    bench.write("served.py", SERVER)
    endings = []
    for launcher in ([], [*bench.launcher, "--quiet"]):
        port = free_port()
        bench.env.update(ALL_PATCHES)
        command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-w", "1", "--no-control-socket",
                   "-b", f"127.0.0.1:{port}", "served:app"]  # fmt: skip
        server = bench.start(*launcher, *command)
        try:
            get(port)
            with ThreadPoolExecutor(8) as pool:
                answers = set(pool.map(get, [port] * 24))
            server.send_signal(signal.SIGTERM)
            _, err = server.communicate(timeout=60)
        finally:
            server.kill()
            server.wait()
        warnings = [line for line in err.splitlines() if "Warning" in line or "Error" in line]
        endings.append((server.returncode, answers, warnings))
    assert endings[0] == endings[1]
    assert endings[1] == (0, {"(True, '_DummyThread', True)"}, [])


# ---------------------------------------------------------------- HTTP


@needs("requests", "flask")
def test_requests_that_are_retried_redirected_and_refused(bench):
    out = program(
        bench,
        """
        import http.server, json, logging, socket, threading
        import flask, requests, requests.adapters, urllib3
        from werkzeug.serving import make_server
        logging.getLogger("werkzeug").disabled = True
        app = flask.Flask("app")
        hits = []
        @app.route("/flaky")
        def flaky():
            hits.append("flaky")
            return ("later", 503) if len(hits) < 3 else "fine"
        @app.route("/moved")
        def moved():
            return flask.redirect("/headers")
        @app.route("/headers", methods=["GET", "POST"])
        def headers():
            names = [n for n in flask.request.headers.keys() if n.lower() not in OURS]
            return json.dumps([sorted(names), flask.request.get_data(as_text=True)])
        @app.route("/stream")
        def stream():
            return flask.Response(str(n) for n in range(5))
        @app.route("/broken")
        def broken():
            raise ValueError("broken")
        OURS = {"traceparent", "tracestate", "raceway-clock"}
        app.logger.disabled = True
        server = make_server("127.0.0.1", 0, app, threaded=True)
        base = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        session = requests.Session()
        retry = urllib3.Retry(total=5, status_forcelist=[503], backoff_factor=0)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
        answer = session.get(base + "/flaky")
        print(answer.text, len(hits), answer.request.method)
        answer = session.get(base + "/moved")
        print(answer.text, [one.status_code for one in answer.history])
        prepared = session.prepare_request(requests.Request("POST", base + "/headers", data="body"))
        print(session.send(prepared).text)
        print(b"".join(session.get(base + "/stream", stream=True).iter_content(2)))
        print(session.get(base + "/broken").status_code)
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        try:
            requests.get(f"http://127.0.0.1:{port}/")
        except requests.ConnectionError as error:
            print(type(error).__name__, type(error.args[0]).__name__)
        session.close()
        server.shutdown()
        thread.join()
        server.server_close()
        """,
    )
    assert out.startswith("fine 3 GET\n")


@needs("redis")
def test_redis_and_logging(bench):
    """A client of Redis in threads and in tasks, and what a log record says about its caller."""
    out = program(
        bench,
        """
        import asyncio, logging, logging.handlers, queue, socketserver, sys, threading
        import redis, redis.asyncio

        class Store(socketserver.StreamRequestHandler):
            values, guard = {}, threading.Lock()
            def handle(self):
                while line := self.rfile.readline():
                    words = []
                    for _ in range(int(line[1:])):
                        size = int(self.rfile.readline()[1:])
                        words.append(self.rfile.read(size + 2)[:-2])
                    self.wfile.write(self.answer(*words))
            def answer(self, name, *rest):
                with self.guard:
                    if name == b"INCRBY":
                        value = self.values[rest[0]] = self.values.get(rest[0], 0) + int(rest[1])
                        return b":%d\\r\\n" % value
                    if name == b"GET":
                        if rest[0] not in self.values:
                            return b"$-1\\r\\n"
                        text = b"%d" % self.values[rest[0]]
                        return b"$%d\\r\\n%s\\r\\n" % (len(text), text)
                if name in (b"HELLO", b"SELECT", b"WAIT"):
                    return b"-ERR unknown command\\r\\n"
                return b"+OK\\r\\n"

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = block_on_close = True
        server = Server(("127.0.0.1", 0), Store)
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        port = server.server_address[1]
        client = redis.Redis(port=port, protocol=2)
        def work():
            for _ in range(20):
                client.incr("n")
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(client.get("n"), client.get("none"), client.pipeline(transaction=False).incr("m").get("m").execute())
        try:
            client.execute_command("WAIT")
        except redis.ResponseError as error:
            print(type(error).__name__, error)
        print(type(client.connection_pool).__name__, len(client.connection_pool._available_connections) > 0)
        client.close()

        async def main():
            async with redis.asyncio.Redis(port=port, protocol=2) as client:
                print(sorted(await asyncio.gather(*(client.incr("k") for _ in range(5)))))
        asyncio.run(main())

        class Kept(logging.Handler):
            records = []
            def emit(self, record):
                self.records.append(record)
        kept, records = Kept(), queue.Queue()
        listener = logging.handlers.QueueListener(records, kept)
        listener.start()
        log = logging.getLogger("shop")
        log.addHandler(logging.handlers.QueueHandler(records))
        log.setLevel("DEBUG")
        def speak():
            log.warning("said %s", "this", stacklevel=1)
            log.debug("where", stack_info=False, stacklevel=2)
        async def speak_in_task():
            speak()
        thread = threading.Thread(target=speak, name="speaker")
        thread.start()
        thread.join()
        asyncio.run(speak_in_task())
        listener.stop()
        for r in kept.records:
            print(r.getMessage(), r.module, r.funcName, r.lineno, r.threadName, r.processName)
        print(sorted(logging.root.manager.loggerDict.keys() - {"raceway"})[-3:])
        server.shutdown()
        server.server_close()
        serving.join()
        """,
    )  # fmt: skip
    assert out.startswith("b'80' None [1, b'1']\n")
    assert "said this app speak" in out
