# SPDX-License-Identifier: Apache-2.0
"""Virtual keys by LiteLLM's management API."""
import re
import sqlite3

import pytest
import requests

import kit
from managing import Caller, config, digest

NASTY = "100%_done'; DROP TABLE sluice_key; --\\ \"x\" \u00e9\U0001f511"


@pytest.fixture(scope="module", params=["lighttpd", "fcgid"])
def admin(request):
    gateway = kit.Gateway(config(), form=request.param)
    yield Caller(gateway)
    gateway.stop()


@pytest.fixture(scope="module")
def lone():
    """Behind lighttpd only: what does not depend on the web server."""
    gateway = kit.Gateway(config(upperbound_key_generate_params={"max_budget": 100, "duration": "60d", "rpm_limit": 50},
                                 default_key_generate_params={"max_budget": 7, "models": ["hello"], "tags": ["by-default"]}))
    yield Caller(gateway)
    gateway.stop()


@pytest.fixture(scope="module")
def many():
    gateway = kit.Gateway(config(), workers=3)
    yield Caller(gateway)
    gateway.stop()


def database(caller):
    return sqlite3.connect(f"file:{caller.gateway.run}/sluice.db?mode=ro", uri=True)


def test_a_key_as_terraform_handles_it(admin):
    """Create, read, update, read, delete, read: numbers stay numbers, what is not supported is kept, nothing drifts."""
    wanted = {"key_alias": f"tf-{kit.unique()}", "models": ["hello", "openai/*"], "max_budget": 12.5, "budget_duration": "30d", "tpm_limit": 1000, "rpm_limit": 60,
              "max_parallel_requests": 4, "metadata": {"env": "prod", "n": 3}, "tags": ["a", "b"], "aliases": {"small": "hello"}, "duration": "90d",
              "allowed_routes": ["llm_api_routes"], "allowed_cache_controls": ["no-cache"], "soft_budget": 10, "blocked": False, "guardrails": ["g1"],
              "permissions": {"x": True}, "model_max_budget": {"hello": {"budget_limit": 2, "time_period": "1d"}}, "model_rpm_limit": {"hello": 7},
              "object_permission": {"vector_stores": ["v"]}, "send_invite_email": False, "router_settings": {"num_retries": 1}, "unheard_of": 1}
    made = admin.post("/key/generate", **wanted)
    key = made["key"]
    assert re.fullmatch(r"sk-[A-Za-z0-9_-]{22}", key)
    assert made["token"] == made["token_id"] == digest(key) and made["key_name"] == "sk-..." + key[-4:]
    assert made["tags"] == ["a", "b"] and made["expires"].endswith("Z")
    inside = {"tags": ["a", "b"], "guardrails": ["g1"], "model_rpm_limit": {"hello": 7}}
    gone = {"duration", "send_invite_email", "unheard_of", "tags", "guardrails", "model_rpm_limit", "metadata"}
    for said in (key, digest(key)):
        found = admin.get("/key/info", key=said)
        info = found["info"]
        assert found["key"] == said and "token" not in info and key not in str(info)
        assert {k: info[k] for k in wanted if k not in gone} == {k: v for k, v in wanted.items() if k not in gone}
        assert info["metadata"] == {"env": "prod", "n": 3} | inside and info["spend"] == 0 and info["user_id"] == "default_user_id"
    # absent stays, null clears, 0 is 0
    admin.post("/key/update", key=key, max_budget=0, rpm_limit=None, metadata={"env": "test", "tags": None})
    info = admin.get("/key/info", key=key)["info"]
    assert (info["max_budget"], info["rpm_limit"], info["tpm_limit"], info["key_alias"]) == (0, None, 1000, wanted["key_alias"])
    assert info["metadata"] == {"env": "test", "guardrails": ["g1"], "model_rpm_limit": {"hello": 7}}
    admin.post("/key/update", key=digest(key), max_budget=None, duration=None)
    info = admin.get("/key/info", key=key)["info"]
    assert info["max_budget"] is None and info["expires"] is None
    assert admin.post("/key/delete", keys=[key]) == {"deleted_keys": [key]}
    missing = admin.get("/key/info", 404, key=key)["error"]
    assert missing["type"] == "not_found_error" and "not found" in missing["message"]
    assert "No keys found" in admin.refused("/key/delete", 404, keys=[key])["message"]


def test_bodies_reach_us_by_every_method(admin):
    team = admin.post("/team/new")["team_id"]
    assert admin.ask("PATCH", f"/team/{team}", json={"tpm_limit": 5})["tpm_limit"] == 5
    assert admin.ask("DELETE", "/key/generate", 405, json={"a": 1})["error"]["param"] == "POST"
    assert admin.session.head(admin.gateway.url + "/key/list").status_code == 200
    assert admin.get("/key/nothing/of/that", 501)["error"]["code"] == "not_implemented"


def test_the_key_headers(admin):
    for name, value in (("Authorization", "Bearer {}"), ("x-litellm-api-key", "Bearer {}"), ("API-Key", "{}"), ("x-api-key", "{}"), ("x-goog-api-key", "{}")):
        answer = requests.get(admin.gateway.url + "/key/list", headers={name: value.format(kit.KEY)}, timeout=30)
        assert answer.status_code == 200, (name, answer.text)
    assert requests.get(admin.gateway.url + "/key/list", timeout=30).status_code == 401


@pytest.mark.parametrize("body,status,param", [
    ({"max_budget": -1}, 400, "max_budget"), ({"max_budget": 1e11}, 400, "max_budget"), ({"max_budget": "many"}, 422, "max_budget"),
    ({"max_budget": "1e400"}, 400, "max_budget"), ({"soft_budget": -0.5}, 400, "soft_budget"), ({"rpm_limit": -1}, 400, "rpm_limit"),
    ({"rpm_limit": 1.5}, 422, "rpm_limit"), ({"tpm_limit": 10**18}, 400, "tpm_limit"), ({"duration": "30days"}, 400, "duration"),
    ({"duration": "soon"}, 400, "duration"), ({"budget_duration": "0d"}, 400, "budget_duration"), ({"budget_duration": 30}, 422, "budget_duration"),
    ({"models": "hello"}, 422, "models"), ({"models": [1]}, 422, "models"), ({"metadata": "x"}, 422, "metadata"), ({"metadata": {"x": "y" * 70000}}, 400, "metadata"),
    ({"metadata": {"tags": "x"}}, 422, "tags"), ({"key_alias": "a" * 300}, 400, "key_alias"), ({"key_alias": "zero\0byte"}, 400, "key_alias"),
    ({"team_id": "no-such-team"}, 400, "team_id"), ({"organization_id": "no-such"}, 400, "organization_id"), ({"budget_id": "no-such"}, 400, "budget_id"),
    ({"key": "mine"}, 400, "key"), ({"key": "sk-short"}, 400, "key"), ({"key": "sk-with a blank in it"}, 400, "key"), ({"key": kit.KEY}, 400, "key"),
    ({"key_type": "golden"}, 400, "key_type"), ({"blocked": "perhaps"}, 422, "blocked"), ({"model_max_budget": {"m": {"budget_limit": -1}}}, 400, "model_max_budget"),
    ({"budget_limits": [{"budget_duration": "1d"}]}, 422, "budget_limits"), ({"temp_budget_expiry": "tomorrow"}, 400, "temp_budget_expiry"),
])
def test_bad_fields_make_no_key(lone, body, status, param):
    before = lone.get("/key/list")["total_count"]
    error = lone.refused("/key/generate", status, **body)
    assert error["param"] == param and error["message"]
    assert lone.get("/key/list")["total_count"] == before


def test_bodies_that_are_none(lone):
    for data, status in ((b"{", 422), (b"[]", 422), (b'"x"', 422), (b"\xff", 422), (b'{"a":' * 100, 422), (b'{"x":"' + b"y" * (5 << 20) + b'"}', 413)):
        lone.ask("POST", "/key/generate", status, data=data)
    key = lone.ask("POST", "/key/generate", data=b"")["key"]
    assert lone.post("/key/delete", keys=[key])["deleted_keys"] == [key]


def test_sql_and_like_are_plain_characters(lone):
    key = lone.post("/key/generate", key_alias=NASTY, user_id=NASTY, metadata={NASTY: NASTY})["key"]
    other = lone.post("/key/generate", key_alias=NASTY.replace("%", "x").replace("_", "y"))["key"]
    info = lone.get("/key/info", key=key)["info"]
    assert info["key_alias"] == NASTY and info["user_id"] == NASTY and info["metadata"][NASTY] == NASTY
    listed = {k: lone.get("/key/list", **q)["keys"] for k, q in {
        "alias": {"key_alias": NASTY}, "part": {"key_alias": "%_", "substring_matching": "true"}, "user": {"user_id": NASTY},
        "quote": {"user_id": "' OR '1'='1"}, "stars": {"key_alias": "%", "substring_matching": "true"}}.items()}
    assert listed == {"alias": [digest(key)], "part": [digest(key)], "user": [digest(key)], "quote": [], "stars": [digest(key)]}
    assert NASTY in lone.get("/key/aliases", search="%_DONE")["aliases"]
    assert lone.post("/key/delete", key_aliases=[NASTY]) == {"deleted_keys": [NASTY]}
    lone.post("/key/delete", keys=[other])


def test_aliases_are_unique(lone):
    first, second = (lone.post("/key/generate", key_alias=f"twin-{i}")["key"] for i in "ab")
    assert "already exists" in lone.refused("/key/generate", 400, key_alias="twin-a")["message"]
    assert lone.refused("/key/update", 400, key=second, key_alias="twin-a")["param"] == "key_alias"
    lone.post("/key/update", key=second, key_alias="twin-b")
    lone.post("/key/update", key=second, key_alias=None)
    lone.post("/key/update", key=first, key_alias="twin-b")
    lone.post("/key/delete", keys=[first, second])


def test_a_key_of_the_callers_own(lone):
    own = "sk-my-own-value-0123456789"
    made = lone.post("/key/generate", key=own)
    assert made["key"] == own and made["token"] == digest(own)
    assert lone.refused("/key/generate", 400, key=own)["param"] == "key"
    lone.post("/key/delete", keys=[own])


def test_the_policy_of_the_operator(lone):
    made = lone.post("/key/generate")
    assert (made["max_budget"], made["models"], made["tags"], made["rpm_limit"]) == (7, ["hello"], ["by-default"], 50)
    assert made["expires"] is not None
    assert "over max limit" in lone.refused("/key/generate", 400, max_budget=101)["message"]
    assert lone.refused("/key/generate", 400, duration="90d")["param"] == "duration"
    assert lone.refused("/key/update", 400, key=made["key"], rpm_limit=51)["param"] == "rpm_limit"
    assert lone.refused("/key/update", 400, key=made["key"], max_budget=None)["param"] == "max_budget"      # none is above all bounds
    lone.post("/key/delete", keys=[made["key"]])


def test_regenerating_carries_all_over(lone):
    made = lone.post("/key/generate", key_alias="turn", spend=3, max_budget=9, tags=["t"])
    old = made["key"]
    new = lone.post("/key/regenerate", key=old, grace_period="1h", max_budget=8)
    assert new["key"] != old and (new["spend"], new["max_budget"], new["tags"], new["key_alias"]) == (3, 8, ["t"], "turn")
    lone.get("/key/info", 404, key=old)
    third = lone.ask("POST", f"/key/{new['token']}/regenerate")["key"]
    assert lone.get("/key/info", key=third)["info"]["spend"] == 3
    with database(lone) as db:
        assert db.execute("SELECT digest, now FROM sluice_key_old").fetchall() == [(digest(old), digest(third))]
    assert "not found" in lone.refused("/key/regenerate", 404, key=old)["message"]
    assert lone.refused("/key/regenerate", 422)["message"] == "key is required."
    lone.post("/key/delete", keys=[third])
    with database(lone) as db:
        assert db.execute("SELECT count(*) FROM sluice_key_old").fetchone() == (0,)


def test_spend_is_reset_within_bounds(lone):
    key = lone.post("/key/generate", spend=5, max_budget=50)["key"]
    assert lone.refused(f"/key/{digest(key)}/reset_spend", 400, reset_to=6)["param"] == "reset_to"
    lone.refused(f"/key/{digest(key)}/reset_spend", 400, reset_to=-1)
    assert lone.post(f"/key/{key}/reset_spend", reset_to=1.25)["spend"] == 1.25
    lone.post("/key/update", key=key, budget_duration="1d")           # what was spent goes along into the new period
    assert lone.get("/key/info", key=key)["info"]["spend"] == 1.25
    lone.post("/key/delete", keys=[key])


def test_blocking(lone):
    key = lone.post("/key/generate")["key"]
    assert lone.post("/key/block", key=key)["blocked"] is True
    assert lone.post("/key/unblock", key=digest(key))["blocked"] is False
    lone.refused("/key/block", 404, key="sk-nobody-has-this-one")
    lone.post("/key/delete", keys=[key])


def test_keys_of_nobody_own_no_others(lone):
    """All of them are said to be default_user_id's, which the master key is; their holders are not."""
    one, other = (lone.post("/key/generate", max_budget=5)["key"] for _ in "ab")
    holder = Caller(lone.gateway, one)
    assert lone.get("/key/info", key=one)["info"]["user_id"] == "default_user_id" and holder.get("/key/info")["info"]["max_budget"] == 5
    assert holder.get("/key/list", include_team_keys="true")["keys"] == [digest(one)]
    for path, body in (("update", {"max_budget": 100}), ("block", {}), ("regenerate", {})):
        for key in (one, other):
            holder.refused(f"/key/{path}", 403, key=key, **body)
    holder.refused("/key/delete", 403, keys=[other])
    holder.get("/key/info", 403, key=digest(other))
    holder.get("/user/info", 403, user_id="default_user_id")
    assert holder.get("/spend/logs/v2", start_date="2020-01-01", end_date="2100-01-01")["total"] == 0
    lone.post("/key/delete", keys=[one, other])


def test_budgets_become_accounts(lone):
    key = lone.post("/key/generate", max_budget=5, budget_limits=[{"budget_duration": "24h", "max_budget": 1}], budget_duration="7d",
                    model_max_budget={"hello": {"budget_limit": 2, "time_period": "1d"}}, temp_budget_increase=10, temp_budget_expiry="2999-01-01T00:00:00Z")["key"]

    def accounts():
        with database(lone) as db:
            return {row[0]: row[1:] for row in db.execute("SELECT part, ceiling, duration, raised FROM sluice_account WHERE entity = ?", [digest(key)])}
    assert accounts() == {"": (5 * 10**9, "7d", 10 * 10**9), "window:24h": (10**9, "24h", 0), "model:hello": (2 * 10**9, "1d", 0)}
    lone.post("/key/update", key=key, budget_limits=None, max_budget=3)
    assert {part: row[0] for part, row in accounts().items()} == {"": 3 * 10**9, "window:24h": None, "model:hello": 2 * 10**9}
    lone.post("/key/delete", keys=[key])
    assert accounts() == {}


def test_many_at_once(lone):
    keys = [lone.post("/key/generate")["key"] for _ in range(3)]
    done = lone.post("/key/bulk_update", keys=[{"key": keys[0], "max_budget": 1}, {"key": "sk-unknown-key-000000"}, {"key": keys[1], "max_budget": -1},
                                               {"key": keys[2], "tags": ["z"]}])
    assert done["total_requested"] == 4 and [u["key"] for u in done["successful_updates"]] == [keys[0], keys[2]]
    assert len(done["failed_updates"]) == 2 and "negative" in done["failed_updates"][1]["failed_reason"]
    info = lone.post("/v2/key/info", keys=keys)
    assert info["key"] == keys and [i["max_budget"] for i in info["info"]] == [1, 7, 7]
    lone.post("/key/delete", keys=keys)


def test_pages_of_keys(lone):
    keys = [lone.post("/key/generate", user_id="pager", key_alias=f"page-{i}")["key"] for i in range(5)]
    page = lone.get("/key/list", user_id="pager", size=2, page=2, sort_by="key_alias", sort_order="asc")
    assert page["keys"] == [digest(k) for k in keys[2:4]] and (page["total_count"], page["current_page"], page["total_pages"]) == (5, 2, 3)
    assert lone.get("/key/list", size=2)["keys"] == [digest(k) for k in keys[:2:-1]]
    full = lone.get("/key/list", user_id="pager", return_full_object="true")["keys"]
    assert {k["key_alias"] for k in full} == {f"page-{i}" for i in range(5)} and all(k["token"] in [digest(x) for x in keys] for k in full)
    for bad in ({"sort_by": "doc; DROP"}, {"sort_order": "sideways"}, {"status": "asleep"}):
        lone.get("/key/list", 400, **bad)
    for bad in ({"page": 0}, {"size": 10**6}, {"page": "x"}):
        lone.get("/key/list", 422, **bad)
    lone.post("/key/delete", keys=keys)
    assert digest(keys[0]) in lone.get("/key/list", status="deleted", size=100)["keys"]


def test_service_accounts(lone):
    assert lone.refused("/key/service-account/generate", 400)["param"] == "team_id"
    team = lone.post("/team/new", rpm_limit=10)["team_id"]
    made = lone.post("/key/service-account/generate", team_id=team, key_alias="robot", user_id="ignored")
    assert made["user_id"] is None and made["team_id"] == team and made["metadata"]["service_account_id"] == "robot"
    lone.post("/key/generate", team_id=team, rpm_limit=8, rpm_limit_type="guaranteed_throughput")
    assert lone.refused("/key/generate", 400, team_id=team, rpm_limit=3, rpm_limit_type="guaranteed_throughput")["param"] == "rpm_limit"
    lone.post("/team/delete", team_ids=[team])
    lone.get("/key/info", 404, key=made["key"])


def test_what_the_audit_keeps(lone):
    key = lone.ask("POST", "/key/generate", json={"key_alias": "watched", "metadata": {"api_key": "vendor-secret", "pasted": "sk-pasted-into-the-notes-5678"}},
                   headers={"litellm-changed-by": "alice"})["key"]
    lone.post("/key/update", key=key, max_budget=3)
    lone.refused("/key/update", 400, key=key, max_budget=-3)
    lone.post("/key/delete", keys=[key])
    with database(lone) as db:
        rows = db.execute("SELECT changed_by, by_key, action, kind, status, before, after, note FROM sluice_audit WHERE entity = ? ORDER BY id", [digest(key)]).fetchall()
        everything = "".join(str(row) for row in db.execute("SELECT * FROM sluice_audit"))
        refused = db.execute("SELECT status, after, note FROM sluice_audit WHERE status = 400 ORDER BY id DESC").fetchone()
    assert [row[:5] for row in rows] == [("alice", "master_key", "created", "key", 200), ("default_user_id", "master_key", "updated", "key", 200),
                                         ("default_user_id", "master_key", "deleted", "key", 200)]
    assert rows[0][5] is None and '"max_budget":7' in rows[1][5] and '"max_budget":3' in rows[1][6] and rows[2][6] is None
    assert refused[0] == 400 and '"max_budget":-3' in refused[1] and "negative" in refused[2]
    assert key not in everything and "vendor-secret" not in everything and kit.KEY not in everything
    assert "sk-pasted" not in everything and '"sk-...5678"' in everything        # a key, wherever it was written


def test_a_key_works_until_it_does_not(many):
    """Of three workers whichever answers: what was just said holds."""
    for _ in range(4):
        key = many.post("/key/generate", models=["hello"])["key"]
        own = Caller(many.gateway, key)
        chat = {"model": "hello", "messages": [{"role": "user", "content": "hi"}]}
        for _ in range(3):
            own.post("/v1/chat/completions", **chat)
        assert own.get("/key/info")["key"] == digest(key)                        # no parameter: itself
        many.post("/key/block", key=key)
        for _ in range(3):
            assert "blocked" in own.post("/v1/chat/completions", 401, **chat)["error"]["message"]
        many.post("/key/unblock", key=key)
        own.post("/v1/chat/completions", **chat)
        many.post("/key/update", key=key, models=["other"])
        assert own.post("/v1/chat/completions", 401, **chat)["error"]["type"] == "key_model_access_denied"
        new = many.post("/key/regenerate", key=key, grace_period="1h", models=["hello"])["key"]
        own.post("/v1/chat/completions", **chat)
        newer = many.post("/key/regenerate", key=new)["key"]
        assert Caller(many.gateway, new).post("/v1/chat/completions", 401, **chat)["error"]["type"] == "token_not_found_in_db"
        own.post("/v1/chat/completions", **chat)                                 # the first is still within its grace
        many.post("/key/delete", keys=[newer])
        for caller in (own, Caller(many.gateway, newer)):
            assert caller.post("/v1/chat/completions", 401, **chat)["error"]["type"] == "token_not_found_in_db"
        own.post("/v1/chat/completions", 401, **chat)


def test_users_handle_their_own(many):
    mine, other = (many.post("/user/new", user_id=name, user_role="internal_user") for name in ("ann", "bob"))
    ann = Caller(many.gateway, mine["key"])
    made = ann.post("/key/generate", key_alias="of-ann")
    assert made["user_id"] == "ann" and made["created_by"] == "ann"
    assert ann.refused("/key/generate", 403, user_id="bob")["type"] == "auth_error"
    ann.get("/key/info", 403, key=other["key"])
    ann.refused("/key/delete", 403, keys=[other["key"]])
    ann.refused("/user/update", 403, user_id="ann", max_budget=1000)
    ann.refused("/user/delete", 403, user_ids=["bob"])
    assert ann.get("/user/info")["user_id"] == "ann" and ann.get("/key/list")["total_count"] == 2
    viewer = Caller(many.gateway, many.post("/user/new", user_role="proxy_admin_viewer")["key"])
    assert viewer.get("/user/list")["total"] >= 3
    viewer.refused("/key/generate", 403)
    root = Caller(many.gateway, many.post("/user/new", user_id="root", user_role="proxy_admin")["key"])
    root.post("/user/delete", user_ids=["ann", "bob"])
    ann.get("/key/list", 401)
    with database(many) as db:
        refused = db.execute("SELECT changed_by, action, kind, status FROM sluice_audit WHERE status = 403 AND changed_by = 'ann'").fetchall()
        by_root = db.execute("SELECT count(*) FROM sluice_audit WHERE changed_by = 'root' AND action = 'deleted'").fetchone()
    assert ("ann", "created", "key", 403) in refused and ("ann", "read", "key", 403) in refused and ("ann", "deleted", "user", 403) in refused
    assert by_root[0] >= 5                                                       # two users and their three keys
