# SPDX-License-Identifier: Apache-2.0
"""Models of a team's own: made by its admins, called and seen by nobody else."""
import pytest
import requests

import kit
from managing import Caller, config


@pytest.fixture(scope="module")
def admin(upstream):
    gateway = kit.Gateway(config() | {"sluice": {"team_model_hosts": ["127.0.0.1"]}}, workers=2, env={"SECRET_OF_THE_OPERATOR": "never"})
    caller = Caller(gateway)
    caller.upstream = upstream
    yield caller
    gateway.stop()


def call(admin, key, model):
    answer = requests.post(admin.gateway.url + "/v1/chat/completions", headers={"Authorization": f"Bearer {key}", "Connection": "close"},
                           json={"model": model, "messages": [{"role": "user", "content": "x"}]}, timeout=30)
    return answer.status_code, answer.json()


def names(caller, **query):
    return {m["id"] for m in caller.get("/v1/models", **query)["data"]}


def test_a_model_of_a_team(admin):
    for team, lead, models in (("t1", "lead1", ["hello"]), ("t2", "lead2", [])):
        admin.post("/team/new", team_id=team, models=models, members_with_roles=[{"role": "admin", "user_id": lead}])
    lead = Caller(admin.gateway, admin.post("/key/generate", user_id="lead1")["key"])
    key1, key2 = (admin.post("/key/generate", team_id=t)["key"] for t in ("t1", "t2"))
    params = {"model": "openai/script:fixed", "api_key": "sk-of-the-team", "api_base": admin.upstream.base + "/v1"}

    def new(who, status=200, info=None, **more):
        return who.post("/model/new", status, model_name="own", litellm_params={k: v for k, v in (params | more).items() if v is not None},
                        model_info={"team_id": "t1"} if info is None else info)
    assert "Only proxy admins" in new(lead, 403, info={})["error"]["message"]
    assert "team 't2'" in new(lead, 403, info={"team_id": "t2"})["error"]["message"]
    for wrong in ({"api_key": "os.environ/SECRET_OF_THE_OPERATOR"}, {"litellm_credential_name": "x"}, {"extra_headers": {"a": "b"}}, {"api_base": "http://10.1.2.3/v1"},
                  {"api_base": "https://10.1.2.3/v1"}, {"api_base": "http://metadata.internal/v1"}, {"tags": ["\\u006fs.environ/X"]}):
        new(lead, 403, **wrong)
    assert "api_key is required" in new(lead, 400, api_key=None)["error"]["message"]

    made = new(lead)
    assert made["model_name"].startswith("model_name_t1_") and made["model_info"]["team_public_model_name"] == "own"
    second = new(lead)
    assert second["model_name"] == made["model_name"] and second["model_id"] != made["model_id"]             # they share the calls
    status, answer = call(admin, key1, "own")
    assert status == 200 and answer["model"] == "own", answer
    for key, model in ((key2, "own"), (key2, made["model_name"]), (key2, made["model_id"]), (lead.session.headers["x-api-key"], "own")):
        status, answer = call(admin, key, model)
        assert status == 400 and f"Invalid model name passed in model={model}" in answer["error"]["message"], answer
    assert names(Caller(admin.gateway, key1)) == {"hello", "own"} and names(Caller(admin.gateway, key2)) == {"hello"} and "own" not in names(admin)
    assert names(admin, team_id="t1") == {"hello", "own"} and names(admin, team_id="t2") == {"hello"}
    Caller(admin.gateway, key2).get("/v1/models", 403, team_id="t1")
    admin.get("/v1/models", 404, team_id="t9")
    assert [m["model_name"] for m in Caller(admin.gateway, key1).get("/model/info")["data"]] == ["hello", "own", "own"]
    assert [m["model_name"] for m in Caller(admin.gateway, key2).get("/model/info")["data"]] == ["hello"]
    assert made["model_name"] in {m["model_name"] for m in admin.get("/model/info")["data"]} and "sk-of-the-team" not in str(admin.get("/model/info"))
    assert Caller(admin.gateway, key1).get("/v1/models/own")["id"] == "own"
    Caller(admin.gateway, key2).get("/v1/models/own", 404)

    narrow, wide = (admin.post("/key/generate", team_id="t1", models=[m])["key"] for m in ("hello", "own"))
    assert call(admin, narrow, "own")[1]["error"]["type"] == "key_model_access_denied" and call(admin, wide, "own")[0] == 200
    kit.until(lambda: {r["model_group"] for r in admin.get("/spend/logs", api_key=wide)} == {"own"}, what="its row")
    budget = admin.post("/key/generate", team_id="t1", model_rpm_limit={"own": 1})["key"]
    assert [call(admin, budget, "own")[0] for _ in range(2)] == [200, 429]

    lead.ask("PATCH", f"/model/{made['model_id']}/update", 403, json={"model_info": {"team_id": "t2"}})
    lead.ask("PATCH", f"/model/{made['model_id']}/update", 400, json={"litellm_params": {"api_base": "https://elsewhere.example/v1"}})   # the key stays with its server
    lead.ask("PATCH", f"/model/{made['model_id']}/update", json={"litellm_params": {"rpm": 100}})
    other = Caller(admin.gateway, admin.post("/key/generate", user_id="lead2")["key"])
    other.refused("/model/delete", 403, id=made["model_id"])
    for model in (made, second):
        lead.post("/model/delete", id=model["model_id"])
    assert call(admin, key1, "own")[0] == 401                          # a name that is on no list
