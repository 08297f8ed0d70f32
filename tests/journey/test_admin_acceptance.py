# SPDX-License-Identifier: Apache-2.0
"""What clients of LiteLLM's management API count on: every endpoint they call does what it says, on SQLite and on PostgreSQL."""
import datetime

import pytest
import requests

import kit
from managing import Caller, config, digest

NOW = datetime.datetime.now(datetime.timezone.utc)
SPAN = {"start_date": (NOW - datetime.timedelta(days=1)).strftime("%Y-%m-%d"), "end_date": (NOW + datetime.timedelta(days=1)).strftime("%Y-%m-%d")}
CHAT = {"model": "paid", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 50}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def admin(request, upstream):
    settings = config()
    settings["model_list"].append(kit.deployment("paid", "openai/script:fixed", upstream.base + "/v1", model_info={"id": "paid-1", "access_groups": ["dear"]},
                                                 input_cost_per_token=0.00001, output_cost_per_token=0.00002))
    name = None
    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres")
        name = postgres.new()
        settings["general_settings"]["database_url"] = postgres.url(name)
    gateway = kit.Gateway(settings, form="lighttpd" if name else "proxy_fcgi", workers=2)
    yield Caller(gateway)
    gateway.stop()
    if name:
        postgres.release(name)


def holder(admin, **asked):
    return Caller(admin.gateway, admin.post("/key/generate", **asked)["key"])


def key_of(caller):
    return caller.session.headers["x-api-key"]


def chat(caller, status=200, /, headers=None, **more):
    """The answer of a call that costs something."""
    answer = caller.session.post(caller.gateway.url + "/v1/chat/completions", json=CHAT | more, headers=headers, timeout=30)
    assert answer.status_code == status, answer.text
    return answer


def test_keys(admin):
    made = admin.post("/key/generate", key_alias="one", metadata={"tags": ["t"]})
    own = Caller(admin.gateway, made["key"])
    assert made["token"] == made["token_id"] == digest(made["key"]) and made["user_id"] == "default_user_id"
    for said in (made["key"], made["token"]):
        found = admin.get("/key/info", key=said)
        assert set(found) >= {"key", "info"} and found["key"] == said and found["info"]["metadata"]["tags"] == ["t"] and found["info"]["blocked"] in (False, None)
    assert own.get("/key/info")["info"]["key_alias"] == "one" and made["key"] not in str(own.get("/key/info")["info"])
    assert own.post("/key/health")["key"] == "healthy"
    assert made["token"] in admin.get("/key/list", key_alias="one")["keys"]
    chat(own)
    admin.post("/key/block", key=made["token"])
    assert "Key is blocked" in chat(own, 401).json()["error"]["message"]
    admin.post("/key/unblock", key=made["key"])
    chat(own)
    second = admin.post("/key/regenerate", key=made["key"], grace_period="1h")["key"]
    third = admin.ask("POST", f"/key/{digest(second)}/regenerate")["key"]                # no grace: the old one is none at once
    assert chat(Caller(admin.gateway, second), 401).json()["error"]["type"] == "token_not_found_in_db"
    chat(Caller(admin.gateway, third))
    assert admin.post("/key/update", key=third, max_budget=0)["max_budget"] == 0
    assert chat(Caller(admin.gateway, third), 429).json()["error"]["type"] == "budget_exceeded"     # 0 is 0
    admin.post("/key/update", key=third, max_budget=None)
    chat(Caller(admin.gateway, third))
    assert admin.post("/key/delete", keys=[third]) == {"deleted_keys": [third]}
    assert "No keys found" in admin.refused("/key/delete", 404, keys=[third])["message"]
    assert "not found" in admin.get("/key/info", 404, key=third)["error"]["message"]
    chat(Caller(admin.gateway, third), 401)
    team = admin.post("/team/new")["team_id"]
    robot = admin.post("/key/service-account/generate", team_id=team, key_alias="robot")
    assert robot["team_id"] == team and robot["user_id"] is None
    chat(Caller(admin.gateway, robot["key"]))


def test_teams(admin):
    made = admin.post("/team/new", team_id="the-team", team_alias="The Team", router_settings={"num_retries": 1}, max_budget=10, models=["paid"])
    assert made["team_id"] == "the-team" and made["router_settings"] == {"num_retries": 1}
    own = holder(admin, team_id="the-team")
    chat(own)
    assert chat(own, 401, model="hello").json()["error"]["type"] == "team_model_access_denied"
    kit.until(lambda: admin.get("/team/info", team_id="the-team")["team_info"]["spend"] > 0, what="the team's spend")
    info = admin.get("/team/info", team_id="the-team")
    assert info["team_id"] == "the-team" and info["team_info"]["router_settings"] == {"num_retries": 1} and info["keys"][0]["token"] == digest(key_of(own))
    assert admin.post("/team/update", team_id="the-team", models=[])["data"]["max_budget"] == 10
    chat(own, model="hello")
    admin.post("/team/block", team_id="the-team")
    assert "Team=the-team is blocked" in chat(own, 401).json()["error"]["message"]
    admin.post("/team/unblock", team_id="the-team")
    admin.post("/team/member_add", team_id="the-team", member={"role": "user", "user_id": "mia"}, max_budget_in_team=0)
    assert "team_member_already_in_team" in admin.refused("/team/member_add", 400, team_id="the-team", member={"role": "user", "user_id": "mia"})["message"]
    mias = holder(admin, team_id="the-team", user_id="mia")
    assert "User=mia in Team=the-team" in chat(mias, 429).json()["error"]["message"]
    admin.post("/team/member_update", team_id="the-team", user_id="mia", max_budget_in_team=5)
    chat(mias)
    assert mias.post("/key/generate", 403, team_id="the-team")
    admin.post("/team/permissions_update", team_id="the-team", team_member_permissions=["/key/generate", "/key/info"])
    assert "/key/generate" in admin.get("/team/permissions_list", team_id="the-team")["team_member_permissions"]
    mias.post("/key/generate", team_id="the-team", user_id="mia")
    assert mias.get("/team/the-team/members/me")["role"] == "user"
    admin.post("/team/member_delete", team_id="the-team", user_id="mia")
    chat(mias, 401)
    assert "the-team" in [t["team_id"] for t in admin.get("/team/list")] and admin.get("/v2/team/list", team_id="the-team")["teams"][0]["team_alias"] == "The Team"
    assert admin.post("/team/delete", team_ids=["the-team"])["deleted_teams"]
    assert "not found" in admin.get("/team/info", 404, team_id="the-team")["error"]["message"]
    chat(own, 401)


def test_users(admin):
    made = admin.post("/user/new", user_id="uma", user_email="uma@example.org", user_role="internal_user", max_budget=0)
    own = Caller(admin.gateway, made["key"])
    assert "User=uma over budget" in chat(own, 429).json()["error"]["message"]
    admin.post("/user/update", user_id="uma", max_budget=5)
    chat(own)
    info = admin.get("/user/info", user_id="uma")
    assert info["user_id"] == "uma" and info["user_info"]["max_budget"] == 5 and info["keys"][0]["token"] == made["token"] and info["teams"] == []
    assert [u["user_id"] for u in admin.get("/user/list", user_role="internal_user", user_ids="uma")["users"]] == ["uma"]
    assert own.get("/user/info")["user_id"] == "uma" and own.get("/user/info", 403, user_id="default_user_id")
    admin.post("/user/delete", user_ids=["uma"])
    chat(own, 401)
    assert "not found" in admin.get("/user/info", 404, user_id="uma")["error"]["message"]


def test_customers(admin):
    own = Caller(admin.gateway, admin.post("/key/generate", metadata={"may_assert_user": True})["key"])
    for noun, name in (("customer", "c-1"), ("end_user", "c-2")):
        admin.post(f"/{noun}/new", user_id=name, alias="A Customer", max_budget=0)
        admin.refused(f"/{noun}/new", 400, user_id="both", max_budget=1, budget_id="x")
        assert f"End User={name} over budget" in chat(own, 429, user=name).json()["error"]["message"]
        admin.post(f"/{noun}/update", user_id=name, max_budget=5)
        chat(own, user=name)
        admin.post(f"/{noun}/block", user_ids=[name])
        assert name in chat(own, 401, user=name).json()["error"]["message"]
        admin.post(f"/{noun}/unblock", user_ids=[name])
        kit.until(lambda: admin.get(f"/{noun}/info", end_user_id=name)["spend"] > 0, what="the customer's spend")
        assert name in [c["user_id"] for c in admin.get(f"/{noun}/list")]
        assert admin.post(f"/{noun}/delete", user_ids=[name])["deleted_customers"] == 1
        admin.get(f"/{noun}/info", 404, end_user_id=name)


def test_organizations_budgets_and_tags(admin):
    made = admin.post("/organization/new", organization_id="org", organization_alias="Org", max_budget=0, models=["paid"])
    assert made["organization_id"] == "org"
    team = admin.post("/team/new", organization_id="org")["team_id"]
    own = holder(admin, team_id=team)
    assert "Organization=org" in chat(own, 429).json()["error"]["message"]
    admin.ask("PATCH", "/organization/update", json={"organization_id": "org", "max_budget": 5})
    chat(own)
    assert chat(own, 401, model="hello").json()["error"]["type"] == "org_model_access_denied"
    added = admin.post("/organization/member_add", organization_id="org", member={"role": "org_admin", "user_id": "olga"})
    assert added["organization_id"] == "org" and added["updated_users"][0]["user_id"] == "olga"
    admin.ask("PATCH", "/organization/member_update", json={"organization_id": "org", "user_id": "olga", "role": "internal_user"})
    info = admin.get("/organization/info", organization_id="org")
    assert info["organization_id"] == "org" and [(m["user_id"], m["user_role"]) for m in info["members"]] == [("olga", "internal_user")] and info["teams"][0]["team_id"] == team
    admin.ask("DELETE", "/organization/member_delete", json={"organization_id": "org", "user_id": "olga"})
    assert [o["organization_id"] for o in admin.get("/organization/list")] == ["org"]
    admin.ask("DELETE", "/organization/delete", json={"organization_ids": ["org"]})
    admin.get("/organization/info", 404, organization_id="org")

    assert admin.post("/budget/new", budget_id="tier", max_budget=0)["budget_id"] == "tier"
    tiered, tagged = holder(admin, budget_id="tier"), holder(admin)
    assert chat(tiered, 429).json()["error"]["type"] == "budget_exceeded"
    admin.post("/tag/new", name="prod", description="d", budget_id="tier")
    assert "Tag=prod" in chat(tagged, 429, metadata={"tags": ["prod"]}).json()["error"]["message"]
    admin.post("/budget/update", budget_id="tier", max_budget=7)
    chat(tiered)
    chat(tagged, metadata={"tags": ["prod"]})
    rows = admin.post("/budget/info", budgets=["tier"])
    assert isinstance(rows, list) and rows[0]["max_budget"] == 7 and "tier" in [b["budget_id"] for b in admin.get("/budget/list")]
    assert admin.post("/tag/update", name="prod", description="e")["tag"]["description"] == "e" and admin.post("/tag/info", names=["prod"])["prod"]["description"] == "e"
    assert "prod" in [t["name"] for t in admin.get("/tag/list")]
    admin.post("/tag/delete", name="prod")
    admin.post("/key/delete", keys=[key_of(tiered)])
    assert admin.post("/budget/delete", id="tier")["budget_id"] == "tier"


def test_models_and_what_they_are_made_of(admin, upstream):
    base = upstream.base + "/v1"
    admin.post("/credentials", credential_name="c", credential_values={"api_key": "upstream-key", "api_base": base}, credential_info={})
    assert "upstream-key" not in str(admin.get("/credentials")) and admin.get("/credentials/by_name/c")["credential_name"] == "c"
    admin.post("/model/new", model_name="stored", litellm_params={"model": "openai/script:fixed", "litellm_credential_name": "c"}, model_info={"id": "m-1"})
    admin.post("/v1/chat/completions", model="stored", messages=CHAT["messages"])
    assert admin.get("/model/info", litellm_model_id="m-1")["data"][0]["model_info"]["id"] == "m-1" == admin.get("/v1/model/info", litellm_model_id="m-1")["data"][0]["model_info"]["id"]
    assert admin.get("/v1/models/stored")["id"] == "stored" and "stored" in [m["id"] for m in admin.get("/v1/models")["data"]]
    assert admin.get("/model_group/info", model_group="stored")["data"][0]["model_group"] == "stored"
    admin.ask("PATCH", "/model/m-1/update", json={"model_name": "renamed"})
    admin.post("/model/update", model_info={"id": "m-1"}, litellm_params={"rpm": 3})
    admin.post("/v1/chat/completions", model="renamed", messages=CHAT["messages"])
    admin.post("/access_group/new", access_group="grouped", model_names=["renamed"])
    own = holder(admin, models=["grouped"])
    chat(own, model="renamed")
    chat(own, 401, model="hello")
    assert admin.get("/access_group/grouped/info")["model_names"] == ["renamed"]
    admin.ask("DELETE", "/access_group/grouped/delete")
    chat(own, 401, model="renamed")
    group = admin.ask("POST", "/v1/access_group", 201, json={"access_group_name": "unified", "access_model_names": ["hello"]})["access_group_id"]
    fenced = holder(admin, access_group_ids=[group], models=["paid"])
    chat(fenced, model="hello")
    chat(fenced, 401, model="renamed")
    assert admin.session.delete(f"{admin.gateway.url}/v1/access_group/{group}", timeout=30).status_code == 204
    chat(fenced, 401, model="hello")
    admin.post("/fallback", model="hello", fallback_models=["paid"])
    assert admin.get("/fallback/hello")["fallback_models"] == ["paid"]
    admin.ask("DELETE", "/fallback/hello")
    admin.post("/model/delete", id="m-1")
    assert "not found" in admin.get("/model/info", 400, litellm_model_id="m-1")["error"]["message"]
    admin.ask("DELETE", "/credentials/c")
    assert "not found" in admin.get("/credentials/by_name/c", 404)["error"]["message"].lower()


def test_spend(admin):
    team = admin.post("/team/new")["team_id"]
    own = holder(admin, team_id=team, user_id="spender")
    answer = chat(own, metadata={"tags": ["counted"]})
    id, cost = answer.headers["x-litellm-call-id"], float(answer.headers["x-litellm-response-cost"])
    row = kit.until(lambda: admin.get("/spend/logs", request_id=id), what="the row")[0]
    assert (row["request_id"], row["spend"], row["user"], row["team_id"], row["api_key"]) == (id, cost, "spender", team, digest(key_of(own))) and cost > 0
    page = admin.get("/spend/logs/v2", team_id=team, **SPAN)
    assert page["total"] == 1 and page["data"][0]["request_id"] == id and (page["page"], page["page_size"], page["total_pages"]) == (1, 50, 1)
    assert {"individual_request_tag": "counted", "log_count": 1, "total_spend": cost} in admin.get("/spend/tags", **SPAN)
    assert admin.get("/user/daily/activity", user_id="spender", **SPAN)["metadata"]["total_spend"] == cost
    assert admin.get("/team/daily/activity", team_ids=team, **SPAN)["metadata"]["total_api_requests"] == 1
    assert admin.post("/spend/calculate", model="paid", messages=CHAT["messages"])["cost"] > 0
    assert admin.get("/key/info", key=key_of(own))["info"]["spend"] == cost
    assert admin.post("/global/spend/reset")["status"] == "success"
    assert admin.get("/key/info", key=key_of(own))["info"]["spend"] == 0


def test_health_and_the_rest(admin):
    for path in ("/health/liveliness", "/health/liveness"):
        assert requests.get(admin.gateway.url + path, timeout=30).json() == "I'm alive!"
    ready = requests.get(admin.gateway.url + "/health/readiness", timeout=30)
    assert ready.status_code == 200 and "status" in ready.json()
    health = admin.get("/health")
    assert health["healthy_count"] == len(health["healthy_endpoints"]) and "unhealthy_count" in health
    assert "litellm_requests_metric_total" in admin.session.get(admin.gateway.url + "/metrics", timeout=30).text
    assert admin.get("/cache/ping", 503)["error"]["type"] == "cache_ping_error"               # there is no cache, and it says so
    admin.post("/cache/delete", 503, keys=["x"])
    admin.post("/cache/flushall", 503)
    assert requests.get(admin.gateway.url + "/", timeout=30).status_code == 200
    assert {"/key/generate", "/team/new", "/v1/chat/completions"} <= {r["path"] for r in admin.get("/routes")["routes"]}


def test_errors_have_one_envelope(admin):
    for path, status in (("/key/info?key=sk-nobody-has-this-0000", 404), ("/team/info?team_id=none", 404), ("/user/info?user_id=none", 404),
                         ("/organization/info?organization_id=none", 404), ("/customer/info?end_user_id=none", 404), ("/spend/logs/ui/none", 404)):
        error = admin.get(path, status)["error"]
        assert set(error) == {"message", "type", "param", "code"} and error["code"] == str(status) and error["message"]
        assert status != 404 or "not found" in error["message"], error
    for headers in ({}, {"Authorization": "Bearer nokey"}, {"Authorization": "Bearer sk-unknown-0123456789"}):
        answer = requests.get(admin.gateway.url + "/key/list", headers=headers, timeout=30)
        assert answer.status_code == 401 and answer.json()["error"]["code"] == "401" and answer.json()["error"]["message"].startswith("Authentication Error")


def test_unknown_members_and_unsupported_ones(admin):
    """What is not known is ignored, what is known and does nothing here is kept and told, so that Terraform sees no drift."""
    kept = {"guardrails": ["g"], "policies": ["p"], "allowed_cache_controls": ["no-cache"], "permissions": {"x": 1}, "config": {}, "router_settings": {"num_retries": 2}}
    key = admin.post("/key/generate", not_a_field=1, **kept)["key"]
    info = admin.get("/key/info", key=key)["info"]
    assert "not_a_field" not in info
    assert {name: info.get(name, info["metadata"].get(name)) for name in kept} == kept
    for noun, id in (("team", "team_id"), ("user", "user_id"), ("organization", "organization_id")):
        made = admin.post(f"/{noun}/new", not_a_field=1, organization_alias="n", metadata={"a": {"b": [1, 2.5, None]}}, **{id: f"my-{noun}"})
        assert made[id] == f"my-{noun}"
        found = admin.get(f"/{noun}/info", **{id: made[id]})
        row = found.get(f"{noun}_info", found)
        assert row["metadata"] == {"a": {"b": [1, 2.5, None]}} and "not_a_field" not in row
