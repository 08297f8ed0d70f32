# SPDX-License-Identifier: Apache-2.0
"""Administration of two hosts over one PostgreSQL, and while it is away."""
import time

import pytest

import kit
from managing import Caller, config, digest

CHAT = {"model": "hello", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def hosts(start, postgres, fresh_database):
    """Two pools with boards of their own."""
    settings = config()
    settings["general_settings"]["database_url"] = postgres.url(fresh_database)
    return [Caller(start(settings, workers=2)) for _ in range(2)]


def until_refused(caller, seconds=2):
    """How long it took until a key was none."""
    began = time.monotonic()
    while caller.session.post(caller.gateway.url + "/v1/chat/completions", json=CHAT, timeout=30).status_code == 200:
        assert time.monotonic() < began + seconds, "a revoked key goes on"
    return time.monotonic() - began


def test_what_one_host_changes_the_other_knows(hosts):
    here, there = hosts
    team = here.post("/team/new", team_alias="both")["team_id"]
    assert there.get("/team/info", team_id=team)["team_info"]["team_alias"] == "both"
    key = there.post("/key/generate", team_id=team, max_budget=3, metadata={"where": "there"})["key"]
    own = [Caller(host.gateway, key) for host in hosts]
    for caller in own:
        caller.post("/v1/chat/completions", **CHAT)
    here.post("/key/block", key=digest(key))
    own[0].post("/v1/chat/completions", 401, **CHAT)                             # on the same host at once
    assert until_refused(own[1]) < 1
    there.post("/key/unblock", key=key)
    own[1].post("/v1/chat/completions", **CHAT)
    here.post("/team/delete", team_ids=[team])
    until_refused(own[1])
    assert there.get("/key/list")["total_count"] == 0


def test_away_and_back(hosts, postgres):
    here = hosts[0]
    key = here.post("/key/generate")["key"]
    own = Caller(here.gateway, key)
    own.post("/v1/chat/completions", **CHAT)
    here.gateway.expected += ["database", "store"]
    postgres.halt()
    try:
        for method, path, body in (("POST", "/key/generate", {}), ("POST", "/key/block", {"key": key}), ("GET", "/key/list", None), ("POST", "/team/new", {})):
            error = here.ask(method, path, 503, json=body)["error"]
            assert error["type"] == "no_db_connection" and error["code"] == "503"
        own.post("/v1/chat/completions", **CHAT)                                 # who is known goes on
    finally:
        postgres.run()
    kit.until(lambda: here.session.get(here.gateway.url + "/key/list", timeout=30).status_code == 200, what="the database to be back")
    here.post("/key/block", key=key)
    own.post("/v1/chat/completions", 401, **CHAT)
