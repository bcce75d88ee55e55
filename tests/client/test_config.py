from __future__ import annotations

import dataclasses
import os

import pytest

from raceway.config import Config
from raceway.exceptions import RacewayError, UsageError


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
