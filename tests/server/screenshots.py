"""Pictures of all pages, to be looked at.

    python tests/server/screenshots.py FOLDER

runs a server and two programs, and writes a picture of each page and of the HTML report, at both
widths and in both themes.  What goes wrong in a page is told, and is the exit status.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from chromium import CHROMIUM, OPTIONS, watched
from running_server import environment, running

WIDTHS = (1280, 390)
THEMES = ("light", "dark")
PROGRAM = """
import asyncio, threading, time
import raceway

accounts = raceway.watch({"alice": 1000, "bob": 1000}, name="accounts")
stock = raceway.watch({"apple": 5}, name="stock")
transfers, audits = threading.Lock(), threading.Lock()

def transfer():
    with transfers, audits:
        accounts["bob"] += 10
    before = accounts["alice"]
    time.sleep(0.001)
    accounts["alice"] = before - 10

def audit():
    with audits, transfers:
        accounts["alice"] + accounts["bob"]

async def reserve():
    left = stock["apple"]
    await asyncio.sleep(0)
    stock["apple"] = left - 1

async def shop():
    await asyncio.gather(reserve(), reserve())

threads = [threading.Thread(target=one, name=f"{one.__name__}-{n}")
           for n, one in enumerate((transfer, transfer, audit))]
for one in threads:
    one.start()
for one in threads:
    one.join()
asyncio.run(shop())
"""


def run(folder, *options):
    """Run the program."""
    program = Path(folder, "shop.py")
    program.write_text(PROGRAM)
    subprocess.run(
        [sys.executable, "-m", "raceway_autopatch.launcher", *options, sys.executable, str(program)],
        env=environment(), cwd=folder, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


def pages_of(server):
    """Return the paths of all pages, by name."""
    findings = server.findings()
    runs = server.data_of("/api/v1/runs")["runs"]
    traces = server.data_of("/api/traces")["traces"]
    first, last = runs[-1]["id"], runs[0]["id"]
    paths = {
        "findings": "/", "variables": "/variables", "locks": "/locks", "runs": "/runs",
        "traces": "/traces", "services": "/services", "login": "/login",
        "compare": "/runs?" + urlencode({"before": first, "after": last}),
        "run-timeline": "/timeline?" + urlencode({"run": last}),
        "trace": f"/traces/{max(traces, key=lambda one: one['event_count'])['trace_id']}",
        "service": "/service?" + urlencode({"name": runs[0]["service"]}),
    }  # fmt: skip
    for one in findings:
        paths[f"finding-{one['type']}"] = f"/findings/{one['id']}"
        paths[f"timeline-{one['type']}"] = f"/timeline?finding={one['id']}"
        if one["variable"]:
            paths["variable"] = "/variable?" + urlencode({"name": one["variable"]})
    return paths


def take(browser, home, paths, folder):
    """Take pictures; return what went wrong.

    Args:
        browser: Takes them.
        home: What all addresses begin with.
        paths: Addresses below it, by name.
        folder: Where the pictures go.
    """
    problems = []
    for width in WIDTHS:
        for theme in THEMES:
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=theme
            )
            page = watched(context, home, problems)
            for name, path in paths.items():
                page.goto(home + path)
                if page.locator("race-timeline").count():
                    page.wait_for_selector(".timeline-canvas")
                over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                if over > 0:
                    problems.append(f"{name} is {over} pixels too wide for {width}")
                page.screenshot(path=Path(folder, f"{name}-{width}-{theme}.png"), full_page=True)
            context.close()
    return problems


def take_all(browser, folder, work):
    """Run everything that there are pictures of, and take them.

    Args:
        browser: Takes them.
        folder: Where the pictures go.
        work: A folder for the data.
    """
    work = Path(work)
    run(work, "--report", "report.html")
    problems = take(browser, work.as_uri(), {"report": "/report.html"}, folder)
    with running(work / "data", "--source", str(work), cwd=work) as server:
        for _ in range(2):
            run(work, "--endpoint", server.url, "--service", "shop")
        server.analysed()
        return problems + take(browser, server.url, pages_of(server), folder)


def main(folder):
    """Take all pictures; return the exit status."""
    from playwright.sync_api import sync_playwright

    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as work:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        problems = take_all(browser, folder, work)
        browser.close()
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
