"""Tools from the package index: each gives its normal output, and so do we.

Skipped where the tool is not installed; ``pip install raceway-sdk[tools]`` brings them all.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PYTHON = sys.executable
CORES = ["ctrace", "pytrace", *(["sysmon"] if sys.version_info >= (3, 12) else [])]


def script(name):
    """The command of a tool that is installed for this interpreter."""
    found = Path(sys.executable).parent / name
    if not found.exists() and shutil.which(name) is None:
        pytest.skip(f"{name} is not installed; the extra 'tools' brings it")
    return str(found if found.exists() else shutil.which(name))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("tool", ["coverage"], indirect=True)
def test_coverage(pair, tool, core):
    def measure(*launcher, name):
        env = {"COVERAGE_CORE": core, "COVERAGE_FILE": name}
        branch = [] if core == "sysmon" and sys.version_info < (3, 14) else ["--branch"]
        run = pair.bench.run(*launcher, PYTHON, "-m", "coverage", "run", *branch, "app.py", env=env)
        told = pair.bench.run(
            PYTHON, "-m", "coverage", "json", "-o", f"{name}.json", "--include=app.py", env=env
        )
        assert told.status == 0, told.err
        report = json.loads((pair.bench.folder / f"{name}.json").read_text())
        return run, report["files"]["app.py"]["executed_lines"], report["totals"]

    bare, lines, totals = measure(name="bare")
    ours, our_lines, our_totals = measure(*pair.bench.launcher, name="ours")

    assert (bare.status, bare.out) == (ours.status, ours.out) == (0, bare.out), ours.err
    assert (lines, totals) == (our_lines, our_totals)
    assert "no races found" in ours.err


@pytest.mark.parametrize("tool", ["viztracer"], indirect=True)
def test_viztracer(pair, tool):
    def calls(*launcher, name):
        options = ["--quiet", "--output_file", name]
        run = pair.bench.run(*launcher, PYTHON, "-m", "viztracer", *options, "app.py")
        assert run.status == 0, run.err
        events = json.loads((pair.bench.folder / name).read_text())["traceEvents"]
        names = [event["name"].split(" ")[0] for event in events if "app.py" in event["name"]]
        return run.out, sorted(names)

    bare = calls(name="bare.json")

    assert bare == calls(*pair.bench.launcher, name="ours.json")
    assert "pay" in bare[1]


@pytest.mark.parametrize("tool", ["pyinstrument"], indirect=True)
def test_pyinstrument(pair, tool):
    out = pair.run(PYTHON, "-m", "pyinstrument", "-r", "json", "-o", "p.json", "app.py")

    assert out[0].out == out[1].out
    assert "no races found" in out[1].err
    assert json.loads((pair.bench.folder / "p.json").read_text())["root_frame"]


@pytest.mark.parametrize("tool", ["debugpy"], indirect=True)
def test_debugpy(pair, tool):
    command = [PYTHON, "-Xfrozen_modules=off", "-m", "debugpy", "--listen", "127.0.0.1:0", "app.py"]

    assert pair.same(*command).startswith("balance 45")


QUIET = {"DD_TRACE_ENABLED": "true", "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
         "DD_TRACE_AGENT_URL": "http://127.0.0.1:1", "DD_REMOTE_CONFIGURATION_ENABLED": "false",
         "DD_TRACE_STARTUP_LOGS": "false"}  # fmt: skip
TRACED = """
import app, sys, threading, concurrent.futures
from {module} import {name}
app.main()
with concurrent.futures.ThreadPoolExecutor(1) as pool:
    print(pool.submit(sum, [1, 2]).result())
print({show})
"""


@pytest.mark.parametrize("tool", ["ddtrace"], indirect=True)
@pytest.mark.parametrize("order", ["inside", "outside"])
def test_ddtrace(pair, tool, order):
    pair.bench.write(
        "traced.py",
        TRACED.format(
            module="ddtrace.trace",
            name="tracer",
            show="tracer.trace('x').name, 'ddtrace' in sys.modules",
        ),
    )
    wrapper = [script("ddtrace-run")]
    commands = {
        "inside": [*pair.bench.launcher, *wrapper, PYTHON, "traced.py"],
        "outside": [*wrapper, *pair.bench.launcher, PYTHON, "traced.py"],
    }

    bare = pair.bench.run(*wrapper, PYTHON, "traced.py", env=QUIET)
    ours = pair.bench.run(*commands[order], env=QUIET)

    assert (bare.status, bare.out) == (ours.status, ours.out), ours.err
    assert "internal error" not in ours.err
    assert "no races found; watched 2 objects" in ours.err, ours.err


@pytest.mark.parametrize("tool", ["opentelemetry.instrumentation"], indirect=True)
@pytest.mark.parametrize("order", ["inside", "outside"])
def test_opentelemetry(pair, tool, order):
    pair.bench.write(
        "traced.py",
        """
        import app, flask, threading, requests
        from opentelemetry import trace
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
        class Names(SpanExporter):
            def export(self, spans):
                names.extend((span.name, span.kind.name) for span in spans)
                return SpanExportResult.SUCCESS
        names = []
        trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(Names()))
        app.main()
        web = flask.Flask("web")
        web.route("/x")(lambda: "found")
        print(web.test_client().get("/x").text, names)
        print(hasattr(threading.Thread.start, "__wrapped__"))
        """,
    )
    env = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none",
           "OTEL_LOGS_EXPORTER": "none"}  # fmt: skip
    wrapper = [script("opentelemetry-instrument")]
    commands = {
        "inside": [*pair.bench.launcher, *wrapper, PYTHON, "traced.py"],
        "outside": [*wrapper, *pair.bench.launcher, PYTHON, "traced.py"],
    }

    bare = pair.bench.run(*wrapper, PYTHON, "traced.py", env=env)
    ours = pair.bench.run(*commands[order], env=env)

    assert "('GET /x', 'SERVER')" in bare.out, bare.err
    assert (bare.status, bare.out) == (ours.status, ours.out), ours.err
    assert "internal error" not in ours.err
    assert "no races found; watched 2 objects" in ours.err, ours.err


@pytest.mark.parametrize("tool", ["sentry_sdk"], indirect=True)
def test_sentry(pair, tool):
    pair.bench.write(
        "monitored.py",
        """
        import sentry_sdk, sys
        from sentry_sdk.transport import Transport
        import threading
        class Keep(Transport):
            def capture_envelope(self, envelope):
                event = envelope.get_event()
                if event:
                    values = event["exception"]["values"][-1]
                    frames = [frame["function"] for frame in values["stacktrace"]["frames"]]
                    kept.append((values["type"], values["mechanism"]["type"],
                                 [name for name in frames if name in ("fails", "main")]))
        kept = []
        sentry_sdk.init(dsn="https://key@localhost/1", transport=Keep, traces_sample_rate=1.0)
        import app
        app.main()
        def fails():
            raise LookupError("in a thread")
        threading.excepthook = lambda details: None
        thread = threading.Thread(target=fails)
        thread.start()
        thread.join()
        sentry_sdk.flush()
        print(kept)
        """,
    )

    out = pair.same(PYTHON, "monitored.py")

    assert "[('LookupError', 'threading', ['fails'])]" in out


CHECKS = """
import asyncio, threading, time
import pytest
import app


def test_passes(capsys):
    app.main()
    assert capsys.readouterr().out.startswith("balance 45")


@pytest.mark.parametrize("number", range(4))
def test_numbers(number):
    lock = threading.Lock()
    with lock:
        assert number != 2


@pytest.mark.asyncio
async def test_tasks():
    lock = asyncio.Lock()
    async with lock:
        assert await asyncio.create_task(asyncio.sleep(0, 3)) == 3


@pytest.mark.timeout(0.2)
def test_too_slow():
    with threading.Lock():
        time.sleep(60)


def test_in_a_thread():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
"""


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "xdist"])
@pytest.mark.parametrize("tool", ["pytest_asyncio"], indirect=True)
def test_pytest(pair, tool, options):
    for name in ("xdist", "pytest_timeout"):
        pytest.importorskip(name)
    pair.bench.write("test_checks.py", CHECKS)
    command = [
        PYTHON,
        "-m",
        "pytest",
        "-q",
        "-rA",
        "-p",
        "no:cacheprovider",
        *options,
        "test_checks.py",
    ]

    bare, ours = pair.run(*command)

    def results(text):
        lines = re.findall(r"^(?:PASSED|FAILED|ERROR) \S+", text, re.MULTILINE)
        warned = "PytestUnhandledThreadExceptionWarning" in text
        return sorted(lines), warned, re.search(r"\d+ failed, \d+ passed, \d+ warning", text)[0]

    assert results(bare.out) == results(ours.out)
    assert bare.status == ours.status == 1
    assert results(bare.out)[2] == "2 failed, 6 passed, 1 warning"
    assert "Failed: Timeout" in bare.out
    assert "Failed: Timeout" in ours.out
    assert "internal error" not in ours.err


KERNEL = """
import sys
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name="python3")
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=60)

def ask(code):
    shown = []
    def keep(message):
        content = message["content"]
        if message["msg_type"] == "stream":
            shown.append(content["text"])
        elif message["msg_type"] == "execute_result":
            shown.append(content["data"]["text/plain"])
        elif message["msg_type"] == "error":
            shown.append(content["ename"])
    reply = client.execute_interactive(code, timeout=60, output_hook=keep)
    print(reply["content"]["status"], "".join(shown))

ask("import app; app.main()")
ask('''
import threading, raceway
class Shop: sold = 0
shop = raceway.watch(Shop(), name="shop")
def sell():
    shop.sold += 1
threads = [threading.Thread(target=sell) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
shop.sold
''')
ask("import asyncio; await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))")
ask("1 / 0")
client.stop_channels()
manager.shutdown_kernel()
"""


@pytest.mark.parametrize("tool", ["ipykernel"], indirect=True)
def test_jupyter_kernel(pair, tool):
    pytest.importorskip("jupyter_client")
    pair.bench.write("notebook.py", KERNEL)
    env = {"HOME": str(pair.bench.folder), "IPYTHONDIR": str(pair.bench.folder / "ipython"),
           "JUPYTER_PLATFORM_DIRS": "1"}  # fmt: skip

    bare, ours = pair.run(PYTHON, "notebook.py", env=env)

    assert bare.status == 0, bare.err
    assert (bare.status, bare.out) == (ours.status, ours.out), ours.err
    assert "ok 2" in bare.out
    assert "error ZeroDivisionError" in bare.out
    assert "internal error" not in ours.err
    assert "shop.sold" in ours.err, "the race of the cell is found"
