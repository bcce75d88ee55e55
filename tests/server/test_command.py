"""``raceway serve`` without what it needs, and its options."""

import json
import subprocess
import sys

from running_server import access, environment, running


def test_without_the_extra_it_says_what_to_install(tmp_path):
    hide = (
        "import importlib.util, sys\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name in"
        " ('msgspec', 'uvicorn') else found(name, *more)\n"
        "from raceway.cli import main\n"
        "sys.exit(main(['serve']))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", hide],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stderr == (
        "raceway: raceway serve needs uvicorn and msgspec, which are not installed:"
        " pip install 'raceway-sdk[server]'\n"
    )


def test_source_outside_of_its_folders_is_not_read(tmp_path):
    secret, shown = tmp_path / "secret", tmp_path / "shown"
    for folder in (secret, shown):
        folder.mkdir()
        (folder / "app.py").write_text("# line of " + folder.name + "\n" * 3)
    (shown / "link.py").symlink_to(secret / "app.py")
    places = [
        secret / "app.py",
        shown / ".." / "secret" / "app.py",
        shown / "link.py",
        shown / "app.py",
    ]
    with running(tmp_path / "data", "--source", str(shown), cwd=tmp_path) as server:
        for number, place in enumerate(places):
            for thread in ("h:1", "h:2"):
                event = access(f"v{number}", "Write", 1, thread, thread=thread)
                event["kind"]["StateChange"]["location"] = f"{place}:1"
                server.post([event])
        pages = {
            one["variable"]: server.get(f"/findings/{one['id']}").text for one in server.findings()
        }
        assert len(pages) == 4
        assert all("line of secret" not in page for page in pages.values())
        assert "line of shown" in pages["v3"]


def test_the_log_can_be_json(tmp_path):
    with running(
        tmp_path / "data", "--log-format", "json", "--host", "localhost", cwd=tmp_path
    ) as server:
        server.stop()
    lines = [json.loads(line) for line in (tmp_path / "data.log").read_text().splitlines()]
    assert lines[0]["level"] == "info" and "Raceway is at http://localhost:" in lines[0]["message"]


def test_a_disk_that_is_full_lets_reads_go_on(tmp_path):
    """A file that may not grow stands for it: SQLite says the same."""
    with running(tmp_path / "data", cwd=tmp_path, limit=3_000_000) as server:
        statuses = []
        for _ in range(60):
            events = [access(f"{number}{'x' * 4000}", "Write", 1) for number in range(200)]
            for one in events:
                one["kind"]["StateChange"]["location"] = one["id"] * 40
            answer = server.post(events)
            statuses.append(answer.status_code)
            if answer.status_code != 200:
                break
        assert statuses[0] == 200 and statuses[-1] == 503
        assert answer.headers["retry-after"] == "10"
        assert "events cannot be stored" in answer.json()["error"]
        assert server.get("/health").status_code == 503
        assert "Events cannot be stored" in server.get("/").text
        assert server.data_of("/api/traces?page_size=5")["traces"]
