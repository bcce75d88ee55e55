"""What is stored, as Parquet."""

import json
import subprocess
import sys
import uuid

import pytest
from running_server import access, environment, event, running

parquet = pytest.importorskip("pyarrow.parquet", reason="of the extra parquet")


def export(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "raceway", "export", *map(str, arguments)],
        cwd=cwd, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def rows(path):
    return parquet.read_table(path).to_pylist()


def test_what_a_running_server_has(server, tmp_path):
    trace = str(uuid.uuid4())
    first = access("stock", "Write", 7, {"a": [1, "\u00e9"]}, trace=trace, at=1.0)
    taken = event(
        {"LockAcquire": {"lock_id": "m", "lock_type": "Lock", "location": "a.py:3"}}, trace=trace
    )
    free = event({"Custom": {"name": "x", "data": [1.5, {"a": "\u0000\u2028"}]}})
    races = [access("x", "Write", 5 + n, n, thread=f"h:t-{n}", at=n / 100) for n in range(2)]
    assert server.post([first, taken, free, *races]).status_code == 200
    (found,) = server.findings()

    done = export("--parquet", "out/", "--data", server.data, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "out/events.parquet: 5 rows", "out/findings.parquet: 1 row", "out/runs.parquet: 1 row"
    ]  # fmt: skip
    events = {row["id"]: row for row in rows(tmp_path / "out/events.parquet")}
    row = events[first["id"]]
    change = first["kind"]["StateChange"]
    metadata = first["metadata"]
    assert row["trace_id"] == trace and row["parent_id"] is None
    assert row["kind"] == "StateChange" and row["variable"] == "stock"
    assert row["access"] == "Write" and json.loads(row["value"]) == change["new_value"]
    assert json.loads(row["fields"]) == change and row["location"] == change["location"]
    assert row["service"] == metadata["service_name"] and row["locks"] == first["lock_set"]
    assert row["time"].isoformat(timespec="microseconds") == first["timestamp"]
    assert json.loads(row["tags"]) == metadata["tags"]
    assert json.loads(row["causality_vector"]) == first["causality_vector"]
    lock = events[taken["id"]]
    assert json.loads(events[free["id"]]["fields"]) == free["kind"]["Custom"]
    assert (lock["lock_id"], lock["lock_type"], lock["variable"]) == ("m", "Lock", None)

    (finding,) = rows(tmp_path / "out/findings.parquet")
    assert finding["id"] == found["id"] and finding["count"] == found["count"]
    assert json.loads(finding["document"])["variable"] == "x"
    (run,) = rows(tmp_path / "out/runs.parquet")
    assert run["events"] == 5 and run["findings"] == 1
    assert {row["run"] for row in events.values()} == {run["id"]}

    # One file has the events only, and it is replaced as a whole.
    for count in (5, 6):
        done = export("--parquet", "all.parquet", "--data", server.data, cwd=tmp_path)
        assert done.stdout == f"all.parquet: {count} rows\n"
        assert len(rows(tmp_path / "all.parquet")) == count
        server.post([access("y", "Read", 1)])
    assert not list(tmp_path.glob("*.part*"))


def test_many_events_while_more_are_stored(tmp_path):
    with running(tmp_path / "data", cwd=tmp_path) as server:
        for _ in range(25):
            assert server.post([access("x", "Read", 1) for _ in range(1000)]).ok
        process = subprocess.Popen(
            [sys.executable, "-m", "raceway", "export", "--parquet", "a.parquet", "--data",
             str(server.data)],
            cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        more = 0
        while process.poll() is None:
            assert server.post([access("x", "Read", 1) for _ in range(100)]).ok
            more += 100
        said = process.communicate()[0]
        found = [row["id"] for row in rows(tmp_path / "a.parquet")]
        assert said == f"a.parquet: {len(found):,} rows\n"
        assert 25_000 <= len(found) == len(set(found)) <= 25_000 + more


def test_what_cannot_be_exported_is_said(server, tmp_path):
    done = export("--parquet", "a.parquet", "--data", "nowhere", cwd=tmp_path)
    assert done.returncode == 2
    assert "nowhere: no server has stored anything there; give --data" in done.stderr

    server.post([access("x", "Read", 1)])
    done = export("--parquet", "no/a.parquet", "--data", server.data, cwd=tmp_path)
    assert done.returncode == 2
    assert "no/a.parquet: cannot be written: No such file" in done.stderr

    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/events.sqlite").write_bytes(b"no database" * 1000)
    done = export("--parquet", "a.parquet", "--data", "bad", cwd=tmp_path)
    assert done.returncode == 2 and "bad: cannot be read: file is not a database" in done.stderr
    assert not (tmp_path / "a.parquet").exists()


def test_without_the_extra_it_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['pyarrow'] = None; import importlib.util as u; find = u.find_spec;"
        " u.find_spec = lambda name, *more: None if name == 'pyarrow' else find(name, *more);"
        " from raceway.cli import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "export", "--parquet", "a.parquet"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "raceway: raceway export needs pyarrow, which is not installed:"
        " pip install 'raceway-sdk[server,parquet]'\n"
    )
