# SPDX-License-Identifier: Apache-2.0
"""The database behind the gateway: its schema, and what happens when it is away."""
import json
import os
import sqlite3
import time

import databases
import kit
import pytest


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
