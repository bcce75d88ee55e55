"""sqlite3, psycopg and SQLAlchemy: a statement is one event, whoever passes it on."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading

import pytest

sqlalchemy = pytest.importorskip("sqlalchemy")
aiosqlite = pytest.importorskip("aiosqlite")
psycopg = pytest.importorskip("psycopg")

from raceway.model import ops  # noqa: E402 - after the optional libraries
from raceway.record import recorder  # noqa: E402


def statements(recording):
    """Return each statement with its database and the rows of its result, None if it failed."""
    found = []
    for op in recording.ops:
        if op.name == "EVENT" and op.subject == ops.EVENT_QUERY:
            statement, database, duration = op.argument
            assert duration >= 0
            found.append([statement, database, None])
        elif op.name == "EVENT" and op.subject == ops.EVENT_ROWS:
            found[-1][2] = op.argument[0]
    return [tuple(one) for one in found]


# ---------------------------------------------------------------- sqlite3


def test_sqlite3(database_recording):
    """Statements without their parameters, by cursor and by connection, one event each."""
    with sqlite3.connect(":memory:") as connection:
        cursor = connection.cursor()
        cursor.execute("create table t (a)")
        cursor.executemany("insert into t values (?)", [(1,), (2,)])
        connection.execute("update t set a = ? where a = 1", ("secret",))
        assert cursor.execute("select a from t order by a").fetchall() == [(2,), ("secret",)]
        connection.executescript("delete from t; delete from t;")
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("select nothing")
    connection.close()
    assert statements(database_recording) == [
        ("create table t (a)", "sqlite::memory:", 0),
        ("insert into t values (?)", "sqlite::memory:", 2),
        ("update t set a = ? where a = 1", "sqlite::memory:", 1),
        ("select a from t order by a", "sqlite::memory:", 0),
        ("delete from t; delete from t;", "sqlite::memory:", 0),
        ("select nothing", "sqlite::memory:", None),
    ]


class Mine(sqlite3.Connection):
    """A connection class of the program."""

    def cursor(self, factory=sqlite3.Cursor):
        return super().cursor(factory)


class MyCursor(sqlite3.Cursor):
    """A cursor class of the program; it passes on another statement, as Django's does."""

    def execute(self, query, parameters=()):
        return super().execute(query.replace("%s", "?"), parameters)


def shape():
    """Return all that a program may look at, of each kind of connection and cursor."""
    seen = []
    for make in (
        lambda: sqlite3.connect(":memory:"),
        lambda: sqlite3.connect(":memory:", factory=Mine),
        lambda: sqlite3.connect(database=":memory:", factory=lambda *a, **k: Mine(":memory:")),
    ):
        connection = make()
        for cursor in (connection.cursor(), connection.cursor(MyCursor)):
            cursor.execute("select 1")
            for thing in (connection, cursor):
                seen += [
                    repr(thing).partition(" at ")[0],
                    thing.__class__,
                    type(thing).__name__,
                    isinstance(thing, (sqlite3.Connection, sqlite3.Cursor)),
                    isinstance(thing, (Mine, MyCursor)),
                    hasattr(thing, "__dict__"),
                ]
            seen += [cursor.connection is connection, cursor.fetchall(), cursor.description]
        seen.append(connection.in_transaction)
        connection.close()
        try:
            connection.cursor()
        except sqlite3.ProgrammingError as error:
            seen.append(str(error))
    try:
        sqlite3.connect()
    except TypeError as error:
        seen.append(type(error))
    return seen


def test_sqlite3_looks_as_ever(database_recording):
    """Classes, attributes and errors are those of the module."""
    recorded = shape()
    recorder.status.active = False
    bare = shape()
    recorder.status.active = True
    assert recorded == bare


def test_a_cursor_class_of_the_program(database_recording):
    """It is called as ever; the statement is the one that the program has passed, once."""
    connection = sqlite3.connect(":memory:")
    assert connection.cursor(factory=MyCursor).execute("select %s", (1,)).fetchall() == [(1,)]
    connection.close()
    assert [text for text, _, _ in statements(database_recording)] == ["select %s"]


def test_a_local_analysis_gets_what_it_always_got(database_recording):
    """There is nobody to be told: not even the class of a connection differs."""
    database_recording.analysed_locally = True
    connection = sqlite3.connect(":memory:")
    assert type(connection) is sqlite3.Connection
    assert type(connection.cursor()) is sqlite3.Cursor
    connection.execute("select 1")
    connection.close()
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("select 1"))
    engine.dispose()
    assert statements(database_recording) == []


# ---------------------------------------------------------------- SQLAlchemy


def test_sqlalchemy(database_recording):
    """Its statements, and not those of sqlite3 beneath it; errors have no result."""
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create table t (a)"))
        many = [{"a": 1}, {"a": 2}]
        connection.execute(sqlalchemy.text("insert into t values (:a)"), many)
        rows = connection.execute(sqlalchemy.text("select a from t")).fetchall()
        assert [(1,), (2,)] == [tuple(row) for row in rows]
        with pytest.raises(sqlalchemy.exc.OperationalError):
            connection.execute(sqlalchemy.text("select nothing"))
    engine.dispose()
    mine = [one for one in statements(database_recording) if "PRAGMA" not in one[0]]
    assert [(text, rows) for text, _, rows in mine] == [
        ("create table t (a)", 0),
        ("insert into t values (?)", 2),
        ("select a from t", 0),
        ("select nothing", None),
    ]
    assert all(name.startswith("sqlite:") for _, name, _ in mine)


def test_sqlalchemy_in_another_thread(database_recording, tmp_path):
    """aiosqlite executes in a thread of its own: it is one event all the same."""
    from sqlalchemy.ext.asyncio import create_async_engine

    async def main():
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/shop.db")
        async with engine.connect() as connection:
            await connection.execute(sqlalchemy.text("select 1 + 1"))
        await engine.dispose()

    asyncio.run(main())
    found = [one for one in statements(database_recording) if "1 + 1" in one[0]]
    assert found == [("select 1 + 1", f"sqlite:{tmp_path}/shop.db", 0)]


def test_sqlalchemy_from_several_threads(database_recording, tmp_path):
    """They execute one cached statement at the same time, and sqlite3 alone another one."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/shop.db")
    text = sqlalchemy.text("select 7")

    def work():
        for _ in range(20):
            with engine.connect() as connection:
                connection.execute(text)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    with sqlite3.connect(":memory:") as connection:
        connection.execute("select 8")
    connection.close()
    found = [one[0] for one in statements(database_recording)]
    assert found.count("select 7") == 80
    assert found.count("select 8") == 1


def test_one_statement_in_several_threads(database_recording):
    """What one thread executes says nothing about another one, though it is the same string."""
    statement, meet = "select 9, meet()", threading.Barrier(2, timeout=10)

    def work():
        connection = sqlite3.connect(":memory:")
        connection.create_function("meet", 0, meet.wait)
        connection.execute(statement)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one[0] for one in statements(database_recording)] == [statement] * 2


# ---------------------------------------------------------------- psycopg


@pytest.fixture
def postgres():
    """Return how to reach a server of PostgreSQL."""
    address = os.environ.get("POSTGRES_FOR_TESTS")
    if not address:
        pytest.skip("no server: POSTGRES_FOR_TESTS=postgresql://... names one")
    return address


def test_psycopg(database_recording, postgres):
    """Cursors that block and those that are awaited; composed statements as they are sent."""
    with psycopg.connect(postgres) as connection:
        name = f"postgresql:{connection.info.dbname}"
        connection.execute("create temporary table t (a int)")
        with connection.cursor() as cursor:
            cursor.executemany("insert into t values (%s)", [(1,), (2,)])
            composed = psycopg.sql.SQL("select {} from t").format(psycopg.sql.Identifier("a"))
            assert len(cursor.execute(composed).fetchall()) == 2
        connection.commit()
        with pytest.raises(psycopg.errors.UndefinedColumn):
            connection.execute("select nothing")

    async def main():
        async with await psycopg.AsyncConnection.connect(postgres) as connection:
            await connection.execute("select 1")

    asyncio.run(main())
    assert statements(database_recording) == [
        ("create temporary table t (a int)", name, 0),
        ("insert into t values (%s)", name, 2),
        ('select "a" from t', name, 2),
        ("select nothing", name, None),
        ("select 1", name, 1),
    ]


def test_sqlalchemy_with_psycopg(database_recording, postgres):
    """One event for each statement."""
    engine = sqlalchemy.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("select 1 + 1"))
    engine.dispose()
    assert [one[0] for one in statements(database_recording)].count("select 1 + 1") == 1
