# SPDX-License-Identifier: Apache-2.0
"""What LiteLLM's two Terraform providers ask of every resource: create, read, update, read, delete, and gone; by each provider's headers, behind httpd, whose PATCH, PUT and
DELETE bring bodies.  One of them takes exactly 200 for success, and both read at once what they wrote."""
import pytest
import requests

import kit
from managing import config


@pytest.fixture(scope="module")
def proxied():
    running = kit.Gateway(config(), form="proxy_fcgi", workers=2)
    yield running
    running.stop()


class Provider:
    """`both`: one sends the key twice, the other as x-api-key only."""

    def __init__(self, gateway, both):
        self.gateway, self.headers = gateway, {"x-api-key": kit.KEY} | ({"Authorization": f"Bearer {kit.KEY}"} if both else {})

    def ask(self, method, path, body=None, status=200):
        answer = requests.request(method, self.gateway.url + path, json=body, headers=self.headers, timeout=30)     # a connection of its own: any worker
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def gone(self, method, path, body=None, status=404):
        said = str(self.ask(method, path, body, status)).lower()
        assert "not found" in said or "no keys found" in said, said


@pytest.mark.parametrize("both", [False, True], ids=["berriai", "ncecere"])
def test_every_resource(proxied, both):
    tf, u = Provider(proxied, both), kit.unique()
    ask, gone = tf.ask, tf.gone

    assert ask("POST", "/budget/new", {"budget_id": f"b-{u}", "max_budget": 10.5, "budget_duration": "30d", "tpm_limit": 7})["budget_id"] == f"b-{u}"
    assert ask("POST", "/budget/update", {"budget_id": f"b-{u}", "max_budget": None})["max_budget"] is None
    row, = ask("POST", "/budget/info", {"budgets": [f"b-{u}"]})
    assert (row["max_budget"], row["tpm_limit"], row["budget_duration"]) == (None, 7, "30d")

    assert ask("POST", "/tag/new", {"name": f"t-{u}", "description": "d", "models": ["hello"]})["tag"]["name"] == f"t-{u}"
    ask("POST", "/tag/update", {"name": f"t-{u}", "description": "e"})
    assert ask("POST", "/tag/info", {"names": [f"t-{u}"]})[f"t-{u}"]["description"] == "e" and f"t-{u}" in str(ask("GET", "/tag/list"))
    ask("POST", "/tag/delete", {"name": f"t-{u}"})
    gone("POST", "/tag/info", {"names": [f"t-{u}"]})

    org = ask("POST", "/organization/new", {"organization_id": f"o-{u}", "organization_alias": "Org", "models": ["hello"], "max_budget": 5})["organization_id"]
    ask("PATCH", "/organization/update", {"organization_id": org, "organization_alias": "New", "metadata": {"a": "b"}})
    read = ask("GET", f"/organization/info?organization_id={org}")
    assert (read["organization_alias"], read["metadata"], read["litellm_budget_table"]["max_budget"], read["members"]) == ("New", {"a": "b"}, 5, [])
    ask("POST", "/organization/member_add", {"organization_id": org, "member": {"role": "internal_user", "user_id": f"m-{u}"}})
    ask("PATCH", "/organization/member_update", {"organization_id": org, "user_id": f"m-{u}", "role": "org_admin"})
    assert [m["user_role"] for m in ask("GET", f"/organization/info?organization_id={org}")["members"]] == ["org_admin"]
    ask("DELETE", "/organization/member_delete", {"organization_id": org, "user_id": f"m-{u}"})

    team = ask("POST", "/team/new", {"team_id": f"team-{u}", "team_alias": "T", "organization_id": org, "metadata": {"k": "v"}})["team_id"]
    ask("POST", "/team/update", {"team_id": team, "max_budget": 3, "tpm_limit": None})
    assert ask("GET", f"/team/info?team_id={team}")["team_info"]["max_budget"] == 3
    ask("POST", "/team/member_add", {"team_id": team, "member": {"role": "user", "user_id": f"m-{u}"}, "max_budget_in_team": 1})
    assert "team_member_already_in_team" in str(ask("POST", "/team/member_add", {"team_id": team, "member": {"role": "user", "user_id": f"m-{u}"}}, 400))
    ask("POST", "/team/member_update", {"team_id": team, "user_id": f"m-{u}", "role": "admin", "max_budget_in_team": 2})
    ask("POST", "/team/member_delete", {"team_id": team, "user_id": f"m-{u}"})

    project = ask("POST", "/project/new", {"team_id": team, "project_alias": "P", "max_budget": 1})["project_id"]
    ask("POST", "/project/update", {"project_id": project, "description": "more"})
    assert ask("GET", f"/project/info?project_id={project}")["description"] == "more"
    ask("DELETE", "/project/delete", {"project_ids": [project]})
    gone("GET", f"/project/info?project_id={project}")

    made = ask("POST", "/key/generate", {"key_alias": f"k-{u}", "team_id": team, "metadata": {"x": 1}, "tags": ["a"], "duration": None, "max_budget": 0})
    assert ask("GET", f"/key/info?key={made['token']}")["info"]["max_budget"] == 0
    ask("POST", "/key/update", {"key": made["token"], "max_budget": None, "tags": ["a", "b"], "blocked": True})
    info = ask("GET", f"/key/info?key={made['token']}")["info"]
    assert (info["max_budget"], info["metadata"], info["blocked"], info["user_id"]) == (None, {"x": 1, "tags": ["a", "b"]}, True, "default_user_id")
    assert ask("POST", "/key/delete", {"keys": [made["token"]]}) == {"deleted_keys": [made["token"]]}
    gone("GET", f"/key/info?key={made['token']}")
    gone("POST", "/key/delete", {"keys": [made["token"]]})

    ask("POST", "/user/new", {"user_id": f"u-{u}", "user_email": f"{u}@example.com", "auto_create_key": False, "user_role": "internal_user"})
    ask("POST", "/user/update", {"user_id": f"u-{u}", "user_alias": "A"})
    assert ask("GET", f"/user/info?user_id=u-{u}")["user_info"]["user_alias"] == "A" and ask("GET", "/user/list?user_role=internal_user")["total"] >= 1
    ask("POST", "/user/delete", {"user_ids": [f"u-{u}", f"m-{u}"]})
    gone("GET", f"/user/info?user_id=u-{u}")

    ask("POST", "/customer/new", {"user_id": f"c-{u}", "budget_id": f"b-{u}", "alias": "C"})
    ask("POST", "/customer/update", {"user_id": f"c-{u}", "blocked": True})
    assert ask("GET", f"/customer/info?end_user_id=c-{u}")["blocked"] is True
    ask("POST", "/customer/delete", {"user_ids": [f"c-{u}"]})
    gone("GET", f"/customer/info?end_user_id=c-{u}")

    ask("POST", "/credentials", {"credential_name": f"cred-{u}", "credential_values": {"api_key": "sk-x"}, "credential_info": {}})
    ask("PATCH", f"/credentials/cred-{u}", {"credential_name": f"cred-{u}", "credential_info": {"a": "b"}, "credential_values": {"api_key": "sk-y"}})
    assert ask("GET", f"/credentials/by_name/cred-{u}")["credential_info"] == {"a": "b"}
    model = ask("POST", "/model/new", {"model_name": f"model-{u}", "litellm_params": {"model": "openai/x", "litellm_credential_name": f"cred-{u}"},
                                       "model_info": {"id": f"id-{u}", "mode": "chat", "tier": "free"}})
    assert model["model_id"] == f"id-{u}"
    ask("PATCH", f"/model/id-{u}/update", {"model_info": {"tier": "paid"}})
    read, = ask("GET", f"/model/info?litellm_model_id=id-{u}")["data"]
    assert read["model_info"]["tier"] == "paid" and read["litellm_params"]["litellm_credential_name"] == f"cred-{u}"

    ask("POST", "/access_group/new", {"access_group": f"ag-{u}", "model_names": [f"model-{u}"]})
    ask("PUT", f"/access_group/ag-{u}/update", {"model_names": [f"model-{u}"]})
    assert f"model-{u}" in str(ask("GET", f"/access_group/ag-{u}/info"))
    ask("DELETE", f"/access_group/ag-{u}/delete")
    gone("GET", f"/access_group/ag-{u}/info")
    group = ask("POST", "/v1/access_group", {"access_group_name": f"g-{u}", "access_model_names": ["hello"]}, 201)["access_group_id"]
    ask("PUT", f"/v1/access_group/{group}", {"access_group_name": f"g-{u}", "description": "d"})
    assert ask("GET", f"/v1/access_group/{group}")["description"] == "d"
    assert ask("DELETE", f"/v1/access_group/{group}", status=204) is None
    gone("GET", f"/v1/access_group/{group}")

    ask("POST", "/fallback", {"model": f"model-{u}", "fallback_models": ["hello"], "fallback_type": "general"})
    assert ask("GET", f"/fallback/model-{u}?fallback_type=general")["fallback_models"] == ["hello"]
    ask("DELETE", f"/fallback/model-{u}?fallback_type=general")
    gone("GET", f"/fallback/model-{u}?fallback_type=general")
    ask("POST", "/model/delete", {"id": f"id-{u}"})
    gone("GET", f"/model/info?litellm_model_id=id-{u}", status=400)
    ask("DELETE", f"/credentials/cred-{u}")
    gone("GET", f"/credentials/by_name/cred-{u}")

    ask("POST", "/team/delete", {"team_ids": [team]})
    gone("GET", f"/team/info?team_id={team}")
    assert ask("DELETE", "/organization/delete", {"organization_ids": [org]})[0]["organization_id"] == org
    gone("GET", f"/organization/info?organization_id={org}")
    ask("POST", "/budget/delete", {"id": f"b-{u}"})
