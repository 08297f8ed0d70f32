# SPDX-License-Identifier: Apache-2.0
"""Administration of two hosts over one PostgreSQL, and while it is away."""
import random
import threading
import time

import pytest

import kit
from managing import Caller, caught_up, config, digest

CHAT = {"model": "hello", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def hosts(postgres, fresh_database, start):
    """Two pools with boards of their own."""
    settings = config()
    settings["general_settings"]["database_url"] = postgres.url(fresh_database)
    return [Caller(start(settings, workers=2)) for _ in range(2)]


def until_refused(caller):
    kit.until(lambda: caller.status() != 200, what="a revoked key to be refused")


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
    until_refused(own[1])
    there.post("/key/unblock", key=key)
    own[1].post("/v1/chat/completions", **CHAT)
    here.post("/team/delete", team_ids=[team])
    until_refused(own[1])
    assert there.get("/key/list")["total_count"] == 0


def test_away_and_back(postgres, fresh_database, hosts):
    here = hosts[0]
    key = here.post("/key/generate")["key"]
    own = Caller(here.gateway, key)
    caught_up(postgres.url(fresh_database), here)
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


def test_many_change_the_same(hosts):
    """Whatever meets whom in the database, each change is made or refused with a reason, and none is half made."""
    callers = [Caller(host.gateway) for host in hosts for _ in range(4)]
    team = callers[0].post("/team/new", team_member_budget=1)["team_id"]
    keys = [callers[0].post("/key/generate", team_id=team, key_alias=f"k{i}")["key"] for i in range(4)]
    said, until = [], time.monotonic() + 1.5

    def work(caller, rng):
        while time.monotonic() < until:
            n = rng.randrange(4)
            path, body = rng.choice([
                ("/key/update", {"key": keys[n], "max_budget": n + 1, "budget_duration": rng.choice(["1d", "7d"])}), ("/key/block", {"key": keys[n]}),
                ("/team/update", {"team_id": team, "team_member_budget": rng.randrange(9)}), ("/key/generate", {"key_alias": f"new{n}", "team_id": team}),
                ("/key/delete", {"key_aliases": [f"new{n}"]}), ("/team/member_add", {"team_id": team, "member": {"role": "user", "user_id": f"u{n}"}}),
                ("/team/member_delete", {"team_id": team, "user_id": f"u{n}"}), ("/user/update", {"user_id": f"u{n}", "max_budget": 2})])
            answer = caller.session.post(caller.gateway.url + path, json=body, timeout=30)
            said.append((answer.status_code, path, answer.text[:300]))
    threads = [threading.Thread(target=work, args=(caller, random.Random(i))) for i, caller in enumerate(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bad = [x for x in said if x[0] not in (200, 400, 404)]
    assert not bad and len(said) > 20, bad[:5]
    info = callers[0].get("/team/info", team_id=team)
    budgets = {m["litellm_budget_table"]["max_budget"] for m in info["team_memberships"]}
    assert len(budgets) <= 1 and budgets <= {info["team_info"]["team_member_budget"]}
    listed = callers[0].get("/key/list", size=100, return_full_object="true", team_id=team)["keys"]
    assert len({k["key_alias"] for k in listed}) == len(listed) >= 4
