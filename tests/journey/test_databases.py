# SPDX-License-Identifier: Apache-2.0
"""The database behind the gateway: its schema, and what happens when it is away."""
import concurrent.futures
import contextlib
import json
import re
import shutil
import sqlite3

import databases
import kit
import managing
import pytest
from managing import Caller, caught_up

HOUSEKEEPERS = 4                # connections of the housekeeper's own, which need no permit


def gateway_config(database=None, **more):
    config = {"model_list": [kit.deployment("hello", "openai/hello", "http://127.0.0.1:1/v1", mock_response="Hello")],
              "general_settings": {"master_key": kit.KEY}, "sluice": more}
    if database:
        config["general_settings"]["database_url"] = database
    return config


def says(gateway, words):
    kit.until(lambda: words in gateway.error_log(), what=f"{words} in {gateway.error_log()}")


def test_migrate_and_status(postgres):
    url = postgres.url(postgres.new("template0"))
    old = databases.sluice("db", "status", "--json", "--database", url, check=False)
    assert old.returncode == 3 and json.loads(old.stdout)["version"] == 0
    assert "the schema is made" in databases.sluice("db", "migrate", DATABASE_URL=url).stdout
    assert "new enough" in databases.sluice("db", "migrate", "-d", url).stdout
    now = json.loads(databases.sluice("db", "status", "-j", "-d", url).stdout)
    assert now["fit"] and now["version"] == now["needed"] and now["server"].startswith("PostgreSQL 1")


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_several_migrate_at_once(postgres, tmp_path, engine):
    """Each step is made by one of them while the others wait, and all say how it ended."""
    url = tmp_path / "sluice.db" if engine == "sqlite" else postgres.url(postgres.new("template0"))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: databases.sluice("db", "migrate", "-d", url, check=False), range(4)))
    assert [(d.returncode, d.stderr) for d in done] == [(0, "")] * 4
    now = json.loads(databases.sluice("db", "status", "-j", "-d", url).stdout)
    assert now["fit"] and now["version"] == now["needed"]
    assert all(re.search(rf"(at version|version \d+ to) {now['needed']}\b", d.stdout) for d in done), [d.stdout for d in done]


def test_migrate_through_pgbouncer(postgres, pgbouncer):
    name = postgres.new("template0")
    databases.sluice("db", "migrate", "-d", pgbouncer.url(name))
    assert "new enough" in databases.sluice("db", "migrate", "-d", pgbouncer.url(name) + "?pgbouncer=true&connection_limit=1").stdout
    databases.sluice("db", "status", "-d", postgres.url(name))


def test_the_database_that_is_away_is_no_end(start, postgres):
    """A gateway starts without its database, says so, and again when it is back."""
    port = kit.free_port()
    gateway = start(gateway_config(f"postgresql://u:pass-word@127.0.0.1:{port}/none"))
    assert gateway.chat("hello").status_code == 200
    says(gateway, "the database is away")
    assert "pass-word" not in gateway.error_log()


def test_a_schema_that_is_too_old_names_the_command(start, postgres):
    name = postgres.new("template0")
    gateway = start(gateway_config(postgres.url(name)))
    assert gateway.chat("hello").status_code == 200
    says(gateway, "run sluice db migrate")


def test_a_file_is_made_by_whoever_is_first(start):
    gateway = start(gateway_config(), form="spawned")
    gateway.chat("hello")
    path = gateway.run / "sluice.db"
    kit.until(path.exists, what=str(path))
    assert path.stat().st_mode & 0o777 == 0o600


# from a file to a server

ODD = "it's \"odd\" 100% _ \\ \\N \t tab\nline é€💰"


def fill(path, rows=3):
    """Rows in every table, with a value for each column."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'sluice%' AND name <> 'sluice_schema'").fetchall():
            columns = db.execute(f"SELECT name, type, \"notnull\", pk FROM pragma_table_info('{table}')").fetchall()
            for i in range(1, rows + 1):
                values = []
                for name, kind, needed, key in columns:
                    if kind == "INTEGER":
                        values.append(i)
                    elif table in ("sluice_request", "sluice_prompt") and name == "id":
                        values.append(f"019aaaaa-0000-7000-8000-{i:012d}")
                    else:
                        values.append(f"{i} {ODD}" if needed or key or i != 2 else None)
                db.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(values))})", values)
        db.execute("DELETE FROM sluice_change WHERE id = 3")


def contents(ask, tables):
    return {t: sorted(tuple(None if v is None else str(v) for v in row) for row in ask(f"SELECT * FROM {t}")) for t in tables}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sluice.db"
    databases.sluice("db", "migrate", "-d", path)
    return path


def tables_of(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return [t for (t,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'sluice%' AND name <> 'sluice_schema'")]


def test_both_schemas_are_the_same(postgres, fresh_database, file):
    there = {}
    for table, column in postgres.ask("SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname LIKE 'sluice%%' AND"
                                      " c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum",
                                      database=fresh_database):
        there.setdefault(table, []).append(column)
    with sqlite3.connect(file) as db:
        here = {t: [c for (c,) in db.execute(f"SELECT name FROM pragma_table_info('{t}')")] for t in tables_of(file) + ["sluice_schema"]}
    assert here == there


def test_all_moves_once(postgres, pgbouncer, file):
    name = postgres.new("template0")
    fill(file)
    said = databases.sluice("db", "move", "-d", file, "--to", pgbouncer.url(name)).stdout
    assert "all is moved" in said
    tables = tables_of(file)
    assert len(tables) > 15
    with contextlib.closing(sqlite3.connect(file)) as db:
        before = contents(lambda sql: db.execute(sql).fetchall(), tables)
    assert contents(lambda sql: postgres.ask(sql, database=name), tables) == before
    assert all(len(rows) >= 2 for rows in before.values())
    new = postgres.ask("INSERT INTO sluice_change (at, kind, entity, digest) VALUES (1, 'a', 'b', 'c') RETURNING id", database=name)
    assert new == [(4,)]                                # 3 was given away before
    again = databases.sluice("db", "move", "-d", file, "--to", postgres.url(name), check=False)
    assert again.returncode == 1 and "not empty" in again.stderr


def test_a_move_of_many_rows(postgres, file):
    name = postgres.new("template0")
    with contextlib.closing(sqlite3.connect(file)) as db, db:
        db.execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
                   " INSERT INTO sluice_thing SELECT 'k', CAST(i AS TEXT), NULL, i, i, 'x' FROM n")
    databases.sluice("db", "move", "-d", file, "--to", postgres.url(name))
    assert postgres.ask("SELECT count(*), min(created_at), max(created_at) FROM sluice_thing", database=name) == [(5000, 1, 5000)]


def test_moves_that_can_not_be(postgres, file, tmp_path):
    name = postgres.new("template0")
    url = postgres.url(name)
    for argv, why in [(["-d", file], "--to"), (["-d", url, "--to", url], "from a SQLite file"), (["-d", file, "--to", file], "from a SQLite file"),
                      (["-d", tmp_path / "new.db", "--to", url], "no schema of ours"), (["-d", file, "--to", "postgresql://127.0.0.1:1/x"], "refused")]:
        done = databases.sluice("db", "move", *argv, check=False)
        assert done.returncode in (1, 2) and why in done.stderr, (argv, done.stderr)
    with contextlib.closing(sqlite3.connect(file)) as db, db:   # what PostgreSQL refuses in the middle undoes the beginning
        db.execute("INSERT INTO sluice_thing VALUES ('k', 'i', NULL, 1, 1, 'x')")
        db.execute("INSERT INTO sluice_prompt VALUES ('no uuid', 't', NULL, NULL)")
    done = databases.sluice("db", "move", "-d", file, "--to", url, check=False)
    assert done.returncode == 1 and "nothing is moved" in done.stderr
    assert postgres.ask("SELECT count(*) FROM sluice_thing", database=name) == [(0,)]


# a whole gateway over it

CHAT = {"model": "hello", "messages": [{"role": "user", "content": "hi"}]}


def over(url, **settings):
    """A gateway over that database, or over its own file."""
    made = managing.config()
    if url:
        made["general_settings"]["database_url"] = url
    made["sluice"] = settings
    return made


def test_a_gateway_moves_to_a_server(start, postgres):
    """As doc/databases.md says: not while it runs; then keys, what they spent and what this host had leased are there, and nothing stays held."""
    state, name, model = kit.folder(), postgres.new("template0"), {"model_list": [kit.deployment(
        "hello", "openai/hello", "http://127.0.0.1:9/v1", mock_response="Hello", input_cost_per_token=0, output_cost_per_token=0.0001)]}
    kit.give(state)
    first = start(over(None) | model, form="spawned", workers=2, env={"SLUICE_STATE_DIR": state})
    key = Caller(first).post("/key/generate", key_alias="mover", max_budget=5, budget_duration="30d")["key"]
    Caller(first, key).post("/v1/chat/completions", **CHAT)
    kit.until(lambda: Caller(first).get("/spend/logs/v2", start_date="2020-01-01", end_date="2100-01-01")["total"] == 1, what="the row")
    refused = databases.sluice("db", "move", "-d", state / "sluice.db", "--to", postgres.url(name), check=False)
    assert refused.returncode == 1 and "has the file open; stop it first" in refused.stderr
    first.stop()                    # whichever worker ends last gives back what they had leased
    with contextlib.closing(sqlite3.connect(state / "sluice.db")) as db:
        assert db.execute("SELECT sum(held) FROM sluice_account_period").fetchall() == [(0,)]
    host, = (path.read_text()[:36] for path in state.glob("*.host-*"))
    databases.sluice("db", "move", "-d", state / "sluice.db", "--to", postgres.url(name))
    east = {"litellm_settings": {"timezone": "Pacific/Kiritimati"}}         # the month begins 14 hours earlier there
    second = start(over(postgres.url(name)) | model | east, form="fcgid", env={"SLUICE_STATE_DIR": state})
    admin, caller = Caller(second), Caller(second, key)
    tokens = caller.post("/v1/chat/completions", **CHAT)["usage"]["completion_tokens"]
    kit.until(lambda: admin.get("/spend/logs/v2", start_date="2020-01-01", end_date="2100-01-01")["total"] == 2, what="both rows")
    info = kit.until(lambda: (lambda it: round(it["spend"] * 10**4) == 2 * tokens > 0 and it)(admin.get("/key/info", key=key)["info"]), what="both to be spent")
    assert info["key_alias"] == "mover"
    told = json.loads(databases.sluice("key", "info", key, "--json", "-d", postgres.url(name)).stdout)["info"]      # without a configuration
    assert told["budget_reset_at"] == info["budget_reset_at"] and told["budget_reset_at"].endswith("T10:00:00.000Z")
    kit.until(lambda: postgres.ask("SELECT forgotten FROM sluice_host WHERE id = %s", host, database=name) == [(2,)], what="the next to go on for it")
    second.stop()
    assert postgres.ask("SELECT sum(held) FROM sluice_account_period", database=name) == [(0,)]
    shutil.rmtree(state, ignore_errors=True)


def test_a_server_that_hangs_holds_nobody(start, postgres, fresh_database):
    gateway = start(over(postgres.url(fresh_database)))
    admin = Caller(gateway)                             # its own statements may take longer
    known = Caller(gateway, admin.post("/key/generate")["key"])
    caught_up(postgres.url(fresh_database), admin)
    known.post("/v1/chat/completions", **CHAT)
    gateway.expected += ["database"]
    postgres.pause()
    try:
        for _ in range(3):
            known.post("/v1/chat/completions", **CHAT)
        for i in range(3):
            Caller(gateway, f"sk-unknown-{i}").post("/v1/chat/completions", 503, **CHAT)
    finally:
        postgres.resume()
    kit.until(lambda: admin.session.get(gateway.url + "/key/list", timeout=30).status_code == 200, what="the database to be back")


def test_known_keys_get_as_old_as_they_may(start, postgres, fresh_database):
    gateway = start(over(postgres.url(fresh_database), known_age_when_away="2s"))
    known = Caller(gateway, Caller(gateway).post("/key/generate")["key"])
    known.post("/v1/chat/completions", **CHAT)
    gateway.expected += ["database"]
    postgres.halt()
    try:
        kit.until(lambda: known.status() == 503, what="the key to be too old")
        assert known.post("/v1/chat/completions", 503, **CHAT)["error"]["type"] == "no_db_connection"
    finally:
        postgres.run()
    kit.until(lambda: known.status() == 200, what="the key to be known again")


def test_a_host_has_so_many_connections(start, postgres, fresh_database):
    """Four workers, two connections: all are served, in turn."""
    gateway = start(over(postgres.url(fresh_database), database_connections_per_host=2), workers=4)
    keys = [Caller(gateway).post("/key/generate")["key"] for _ in range(12)]
    most = 0
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(lambda k: Caller(gateway, k).post("/v1/chat/completions", **CHAT), k) for k in keys]
        while not all(a.done() for a in asked):
            most = max(most, postgres.connections(fresh_database))
    [a.result() for a in asked]
    assert 0 < most <= 2 + HOUSEKEEPERS


def test_all_of_it_through_pgbouncer(start, postgres, pgbouncer, fresh_database):
    """It delivers no notification, and a revoked key ends on the other host all the same."""
    here, there = [Caller(start(over(pgbouncer.url(fresh_database) + "?pgbouncer=true"))) for _ in range(2)]
    key = here.post("/key/generate", max_budget=5)["key"]
    own = Caller(there.gateway, key)
    for _ in range(5):
        own.post("/v1/chat/completions", **CHAT)
    here.post("/key/block", key=key)
    kit.until(lambda: own.status() == 401, what="the key to be refused")


def test_slow_administration_holds_up_no_key(start, postgres, fresh_database):
    gateway = start(over(postgres.url(fresh_database)))
    admin = Caller(gateway)
    admin.post("/key/generate")
    with postgres.connect(fresh_database) as other, concurrent.futures.ThreadPoolExecutor(6) as pool:
        with other.transaction():
            other.execute("LOCK TABLE sluice_audit IN ACCESS EXCLUSIVE MODE")
            asked = [pool.submit(lambda: Caller(gateway).post("/key/generate")) for _ in range(6)]
            kit.until(lambda: postgres.ask("SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'", fresh_database)[0][0],
                      what="a change to wait")
            for i in range(3):
                Caller(gateway, f"sk-unknown-{i}").post("/v1/chat/completions", 401, **CHAT)
            assert not any(a.done() for a in asked)
        assert len({a.result()["key"] for a in asked}) == 6
