"""Keys, sessions, hosts, rates, headers."""

import pytest
from running_server import access, running

READER, WRITER = "reader-0123456789", "writer-0123456789"
CONFIG = f"""
[server]
auth_enabled = true
ui_password = "open sesame"
api_keys = [
    {{ key = "{READER}", name = "dashboard", scopes = ["read"] }},
    {{ key = "{WRITER}", scopes = ["ingest"] }},
]
"""


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("locked")
    (folder / "raceway.toml").write_text(CONFIG)
    with running(folder / "data", cwd=folder) as server:
        yield server


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def test_a_key_is_asked_for_everywhere_but_for_health(locked):
    assert locked.get("/health").status_code == 200
    for path in ("/status", "/api/traces", "/api/v1/findings", "/metrics", "/live"):
        answer = locked.get(path)
        assert answer.status_code == 401
        assert answer.json() == {"success": False, "data": None, "error": "Unauthorized"}
    assert locked.post([access("x", "Read", 1)]).status_code == 401


def test_a_key_allows_what_its_scopes_say(locked):
    event = access("x", "Read", 1)
    assert locked.post([event], headers=bearer(WRITER)).status_code == 200
    assert locked.post([event], headers={"X-Raceway-Key": WRITER}).status_code == 200
    assert locked.post([event], headers=bearer(READER)).status_code == 403
    assert locked.get("/status", headers=bearer(READER)).status_code == 200
    assert locked.get("/status", headers=bearer(WRITER)).status_code == 403
    assert locked.get("/status", headers=bearer("wrong-key")).status_code == 401


def test_a_session_is_checked_by_the_server(locked):
    import requests

    session = requests.Session()
    session.trust_env = False
    url = locked.url
    assert session.get(f"{url}/auth/check").json() == {
        "authenticated": False, "auth_required": True,
    }  # fmt: skip
    assert session.post(f"{url}/auth/login", json={"password": "no"}).status_code == 401
    opened = session.post(f"{url}/auth/login", json={"password": "open sesame"})
    assert opened.status_code == 200
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert session.get(f"{url}/status").status_code == 200
    token = dict(session.cookies)
    assert session.post(f"{url}/auth/logout").status_code == 200
    assert requests.get(f"{url}/status", cookies=token).status_code == 401


def test_other_hosts_and_pages_are_refused(shared_server):
    answer = shared_server.get("/status", headers={"Host": "evil.example:80"})
    assert answer.status_code == 421 and "[server] hosts" in answer.json()["error"]
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert shared_server.post([], headers=headers).status_code == 403
    assert shared_server.post([], headers={"Origin": shared_server.url}).status_code == 200


def test_headers(shared_server):
    for path in ("/health", "/nowhere", "/api/traces"):
        headers = shared_server.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


def test_rate_limit(tmp_path):
    (tmp_path / "raceway.toml").write_text(
        "[server]\nrate_limit_enabled = true\nrate_limit_rpm = 5\n"
    )
    with running(tmp_path / "data", cwd=tmp_path) as server:
        statuses = [server.get("/status").status_code for _ in range(7)]
        last = server.get("/status")
        assert statuses.count(200) == 5 and last.status_code == 429
        assert 1 <= int(last.headers["retry-after"]) <= 13
        assert server.get("/health").status_code == 200
