# SPDX-License-Identifier: Apache-2.0
"""Virtual keys on two hosts over one PostgreSQL: how fast a revocation is known, and what goes on while the database is away, or hangs."""
import time

import pytest

import kit
from managing import Caller, caught_up, config, digest

CHAT = {"model": "hello", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def hosts(postgres, fresh_database, start):      # the gateways stop first
    settings = config() | {"sluice": {"known_age_when_away": "1h"}}
    settings["general_settings"]["database_url"] = postgres.url(fresh_database)
    settings["model_list"].append(kit.deployment("dear", "openai/dear", "http://127.0.0.1:9/v1", mock_response="Hello", output_cost_per_token=0.001))
    return [Caller(start(settings, workers=2)) for _ in range(2)]


def status(caller):
    return caller.session.post(caller.gateway.url + "/v1/chat/completions", json=CHAT, timeout=30).status_code


def named(caller, user):
    """What a call in the name of that end user is told."""
    return caller.session.post(caller.gateway.url + "/v1/chat/completions", json=CHAT | {"model": "dear", "user": user, "max_tokens": 10}, timeout=30).status_code


def known_everywhere(hosts, key):
    own = [Caller(host.gateway, key) for host in hosts]
    for caller in own * 4:
        assert status(caller) == 200
    return own


def test_a_revocation_is_known_everywhere_at_once(hosts):
    """From the answer of the blocking call until both hosts refuse, all their workers."""
    delays = []
    for _ in range(4):
        key = hosts[0].post("/key/generate")["key"]
        own = known_everywhere(hosts, key)
        hosts[0].post("/key/block", key=digest(key))
        began = time.monotonic()
        kit.until(lambda: status(own[1]) == 401, what="the key to be refused")
        delays.append(time.monotonic() - began)
        time.sleep(0.1)
        assert {status(caller) for caller in own * 6} == {401}
    assert min(delays) < 0.1, delays


def test_who_is_known_goes_on_while_the_database_is_gone(hosts, postgres, fresh_database):
    keys = [hosts[0].post("/key/generate")["key"] for _ in range(2)]
    asserts = hosts[0].post("/key/generate", metadata={"may_assert_user": True})["key"]
    for user, limits in (("bound", {"max_budget": 0}), ("shut", {"blocked": True}), ("free", {})):
        hosts[0].post("/customer/new", user_id=user, **limits)
    caught_up(postgres.url(fresh_database), *hosts)
    own = known_everywhere(hosts, keys[0])
    users = [Caller(host.gateway, asserts) for host in hosts]
    for caller in users * 4:
        assert [named(caller, user) for user in ("bound", "shut", "free")] == [429, 401, 200]
    for host in hosts:
        host.gateway.expected += ["database", "store", "PostgreSQL", "connection"]
    postgres.halt()
    try:
        time.sleep(1.2)                                         # by now nobody reads along any more
        assert {status(caller) for caller in own * 10} == {200}
        error = Caller(hosts[1].gateway, keys[1]).post("/v1/chat/completions", 503, **CHAT)["error"]
        assert error["type"] == "no_db_connection" and "this host does not know this key" in error["message"]
        assert keys[1] not in str(error)
        for caller in users * 4:                                # whom it knows it holds to what it knows; others are nobody
            assert [named(caller, user) for user in ("bound", "shut", "free", "never-seen")] == [429, 401, 200, 200]
        Caller(hosts[0].gateway).post("/v1/chat/completions", **CHAT)          # the master key needs no store
    finally:
        postgres.run()
    kit.until(lambda: status(Caller(hosts[1].gateway, keys[1])) == 200, what="an unknown key to be looked up again")
    hosts[0].post("/key/block", key=keys[0])
    kit.until(lambda: {status(caller) for caller in own * 4} == {401}, what="the revocation, after the database was away")
    time.sleep(0.3)
    assert {status(caller) for caller in own * 6} == {401}      # and it does not un-happen


def test_a_database_that_hangs_holds_up_known_keys_once(hosts, postgres, fresh_database):
    key = hosts[0].post("/key/generate")["key"]
    caught_up(postgres.url(fresh_database), hosts[0])
    own = known_everywhere(hosts[:1], key)[0]
    hosts[0].gateway.expected += ["database", "store", "PostgreSQL", "connection"]
    hosts[1].gateway.expected += ["database", "store", "PostgreSQL", "connection"]
    postgres.pause()
    try:
        time.sleep(1.2)
        taken = []
        for _ in range(40):
            began = time.monotonic()
            assert status(own) == 200
            taken.append(time.monotonic() - began)
        assert sum(taken) < len(taken), taken                       # two seconds, once for each worker
    finally:
        postgres.resume()
