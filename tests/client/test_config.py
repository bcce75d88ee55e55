from __future__ import annotations

import dataclasses
import os
from importlib.util import find_spec

import pytest

from raceway.client import RacewayClient
from raceway.config import Config
from raceway.exceptions import RacewayError, UsageError
from raceway.settings import VARIABLES


def test_documented_fields_come_first_in_order_with_their_defaults():
    config = Config()
    fields = [(field.name, getattr(config, field.name)) for field in dataclasses.fields(Config)]
    assert fields[:7] == [
        ("endpoint", "http://localhost:8080"),
        ("service_name", "unknown-service"),
        ("instance_id", None),
        ("environment", "development"),
        ("batch_size", 50),
        ("flush_interval", 1.0),
        ("debug", False),
    ]
    assert all(field.kw_only for field in dataclasses.fields(Config)[7:])
    assert Config("http://h", "s", "i", "e", 1, 2.0, True).instance_id == "i"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("endpoint", "localhost:8080"),
        ("endpoint", "ftp://host"),
        ("endpoint", "http://"),
        ("endpoint", "http://host:99999"),
        ("endpoint", "http://host/a b"),
        ("endpoint", "http://host\r\nX: y"),
        ("endpoint", "http://host/?q"),
        ("endpoint", None),
        ("endpoint", "http://user:pw@host"),
        ("service_name", ""),
        ("service_name", None),
        ("service_name", "\ud800"),
        ("instance_id", " "),
        ("batch_size", 0),
        ("batch_size", 1.5),
        ("batch_size", True),
        ("flush_interval", 0),
        ("flush_interval", -1),
        ("flush_interval", float("nan")),
        ("flush_interval", float("inf")),
        ("flush_interval", "1"),
        ("api_key", "a\nb"),
        ("api_key", ""),
        ("max_batch_bytes", 2**21),
        ("max_value_bytes", 1),
        ("max_buffer_bytes", 0),
        ("max_events_per_second", 0),
        ("request_timeout", None),
        ("redact", "password"),
        ("redact", [""]),
        ("debug", 1),
        ("capture_http", "no"),
        ("dialect", "other"),
    ],
)
def test_unusable_values_are_refused_by_name(name, value):
    with pytest.raises(UsageError, match=name) as caught:
        Config(**{name: value})
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, RacewayError)
    assert "pw" not in str(caught.value)


def test_endpoint_is_normalised():
    assert Config(endpoint="https://host/prefix/").endpoint == "https://host/prefix"


def test_instance_id(monkeypatch):
    monkeypatch.delenv("RACEWAY_INSTANCE_ID", raising=False)
    assert Config().current_instance_id() == f"{os.uname().nodename}-{os.getpid()}"
    monkeypatch.setenv("RACEWAY_INSTANCE_ID", "from-env")
    assert Config().current_instance_id() == "from-env"
    assert Config(instance_id="given").current_instance_id() == "given"


def test_the_key_is_not_shown():
    assert "s3cret" not in repr(Config(api_key="s3cret"))


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A folder without settings, and an environment without them."""
    for name in list(os.environ):
        if name.startswith("RACEWAY_"):
            monkeypatch.delenv(name)
    folder = tmp_path / "project" / "deep"
    folder.mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text("[tool.other]\n")
    monkeypatch.chdir(folder)
    return tmp_path / "project" / "pyproject.toml"


_readers = [find_spec(name) for name in ("tomllib", "tomli")]
toml = pytest.mark.skipif(not any(_readers), reason="Python 3.10 reads no TOML by itself")


def test_nothing_is_set(nowhere):
    assert Config.load() == Config()


@toml
def test_code_wins_over_environment_over_file_over_default(nowhere, monkeypatch):
    nowhere.write_text(
        "[tool.raceway]\n"
        "service-name = 'file'\nenvironment = 'file'\nbatch_size = 7\nredact = ['iban']\n"
        "max-events-per-second = 0\n"
    )
    monkeypatch.setenv("RACEWAY_ENVIRONMENT", "variable")
    monkeypatch.setenv("RACEWAY_BATCH_SIZE", "8")
    config = Config.load(batch_size=9)
    assert (config.service_name, config.environment, config.batch_size) == ("file", "variable", 9)
    assert config.redact == ("iban",)
    assert config.max_events_per_second is None
    assert config.flush_interval == 1.0


def test_everything_can_be_switched_off(server, monkeypatch):
    monkeypatch.setenv("RACEWAY_ENABLED", "0")
    client = RacewayClient(Config(endpoint=server.url))
    client.start_trace()
    client.track_custom("x")
    client.track_state_change("x", 1, 2)
    assert "traceparent" in client.propagation_headers()  # callers and callees stay together
    client.end_trace()
    assert client.shutdown(timeout=1)
    assert (server.requests, client.stats().accepted, client.stats().dropped) == ([], 0, 0)


def test_every_variable_is_read(nowhere, monkeypatch):
    given = {
        "RACEWAY_ENDPOINT": "https://h", "RACEWAY_SERVICE": "s", "RACEWAY_ENVIRONMENT": "e",
        "RACEWAY_BATCH_SIZE": "7", "RACEWAY_FLUSH_INTERVAL": "0.5", "RACEWAY_DEBUG": "1",
        "RACEWAY_API_KEY": "k", "RACEWAY_REQUEST_TIMEOUT": "3", "RACEWAY_SHUTDOWN_TIMEOUT": "4",
        "RACEWAY_MAX_BUFFER_BYTES": "5000", "RACEWAY_MAX_BATCH_BYTES": "6000",
        "RACEWAY_MAX_VALUE_BYTES": "7000", "RACEWAY_MAX_EVENTS_PER_SECOND": "none",
        "RACEWAY_CAPTURE_HTTP": "yes", "RACEWAY_REDACT": "a, b", "RACEWAY_DIALECT": "full",
        "RACEWAY_SPOOL": "/spool", "RACEWAY_MAX_SPOOL_BYTES": "8000", "RACEWAY_FLUSH_ON_SIGTERM": "1",
        "RACEWAY_PROXY": "http://proxy:3128",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert Config.load() == Config(
        "https://h", "s", None, "e", 7, 0.5, True, api_key="k", request_timeout=3.0,
        shutdown_timeout=4.0, max_buffer_bytes=5000, max_batch_bytes=6000, max_value_bytes=7000,
        max_events_per_second=None, capture_http=True, redact=("a", "b"), dialect="full",
        spool="/spool", max_spool_bytes=8000, flush_on_sigterm=True,
        proxy="http://proxy:3128",
    )  # fmt: skip
    assert set(given) == {variable for variable, _ in VARIABLES.values()}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RACEWAY_BATCH_SIZE", "many"),
        ("RACEWAY_BATCH_SIZE", "0"),
        ("RACEWAY_FLUSH_INTERVAL", "-1"),
        ("RACEWAY_DEBUG", "perhaps"),
        ("RACEWAY_ENDPOINT", "localhost"),
        ("RACEWAY_DIALECT", "klingon"),
    ],
)
def test_a_bad_variable_is_named(nowhere, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=f"{variable}.*{value}"):
        Config.load()


def test_a_bad_key_is_not_repeated(nowhere, monkeypatch):
    monkeypatch.setenv("RACEWAY_API_KEY", "s3cret\n")
    with pytest.raises(UsageError, match="RACEWAY_API_KEY") as caught:
        Config.load()
    assert "s3cret" not in str(caught.value)


@toml
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("batchsize = 5", r"pyproject.toml.*batchsize.*batch_size"),
        ("batch_size = 'x'", r"pyproject.toml.*batch_size.*'x'"),
    ],
)
def test_a_bad_line_of_the_file_is_named(nowhere, line, message):
    nowhere.write_text(f"[tool.raceway]\n{line}\n")
    with pytest.raises(UsageError, match=message):
        Config.load()


@pytest.mark.parametrize("text", ["not = = toml", "[tool]\nraceway = 5\n", "\xff"])
def test_a_file_that_is_not_ours_to_judge_is_passed_over(nowhere, text):
    nowhere.write_text(text, encoding="latin-1")
    assert Config.load() == Config()
