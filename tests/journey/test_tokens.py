# SPDX-License-Identifier: Apache-2.0
"""Programs' tokens: claims that stand for virtual keys, rows that tokens make, and what scopes, roles and teams open."""
import pytest
import requests

import kit
from issuer import Issuer
from managing import Caller, config


def gateway_with(issuer, general=None, **rules):
    settings = config()
    settings["model_list"].append(settings["model_list"][0] | {"model_name": "other"})
    settings["general_settings"] |= {"enable_jwt_auth": True, "litellm_jwtauth": {"user_id_jwt_field": "sub", "user_email_jwt_field": "email",
                                                                                   "team_ids_jwt_field": "groups"} | rules} | (general or {})
    return kit.Gateway(settings, workers=2, env=issuer.environment())


@pytest.fixture(scope="module")
def issuer(shared_folder):
    server = Issuer(shared_folder)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def mapped(issuer):
    gateway = gateway_with(issuer, user_id_upsert=True, team_id_upsert=True, sync_user_role_and_teams=True, user_roles_jwt_field="roles",
                           jwt_litellm_role_map=[{"jwt_role": "looker", "litellm_role": "internal_user_viewer"}],
                           virtual_key_claim_field="client", unregistered_jwt_client_behavior="auto_register")
    yield Caller(gateway), issuer
    gateway.stop()


def call(admin, token, model="hello", **headers):
    return requests.post(admin.gateway.url + "/v1/chat/completions", json={"model": model, "messages": [{"role": "user", "content": "x"}]},
                         headers={"Authorization": f"Bearer {token}", "Connection": "close"} | headers, timeout=30)


def statuses(admin, token, **more):
    """Of enough calls for each of the workers to have some."""
    return {call(admin, token, **more).status_code for _ in range(6)}


def test_a_claim_stands_for_a_key(mapped):
    admin, issuer = mapped
    token = issuer.token(sub="robot", client="svc-1")
    key = admin.post("/key/generate", key_alias="for-svc-1", models=["hello"])
    made = admin.post("/jwt/key/mapping/new", jwt_claim_name="client", jwt_claim_value="svc-1", key=key["key"], description="by hand")
    assert made["is_active"] is True and made["description"] == "by hand" and key["token"] not in str(made)
    assert call(admin, token).status_code == 200                                  # the first one waits for the issuer's keys
    assert statuses(admin, token) == {200}
    refused = call(admin, token, "other")
    assert refused.status_code == 401 and refused.json()["error"]["type"] == "key_model_access_denied"      # the key's list, not the token's
    assert admin.refused("/jwt/key/mapping/new", 409, jwt_claim_name="client", jwt_claim_value="svc-1", token=key["token"])
    admin.refused("/jwt/key/mapping/new", 400, jwt_claim_name="client", jwt_claim_value="x", key="sk-no-such-key-at-all")
    admin.refused("/jwt/key/mapping/new", 400, jwt_claim_name="client", jwt_claim_value="x")

    admin.post("/key/block", key=key["key"])
    assert statuses(admin, token) == {401}
    admin.post("/key/unblock", key=key["key"])
    renewed = admin.post("/key/regenerate", key=key["key"])                                                   # the mapping goes with it
    assert call(admin, key["key"]).status_code == 401 and statuses(admin, token) == {200}
    admin.post("/key/update", key=renewed["token"], rpm_limit=1)
    assert statuses(admin, token) == {200, 429}
    admin.post("/key/update", key=renewed["token"], rpm_limit=None)

    assert admin.post("/jwt/key/mapping/update", id=made["id"], is_active=False)["is_active"] is False
    off = call(admin, token)
    assert off.status_code == 403 and "/jwt/key/mapping/new" in off.json()["error"]["message"]
    second = admin.post("/key/generate")
    admin.post("/jwt/key/mapping/update", id=made["id"], is_active=True, key=second["key"])
    assert statuses(admin, token, model="other") == {200}
    assert admin.get("/jwt/key/mapping/info", id=made["id"])["jwt_claim_value"] == "svc-1"
    admin.post("/key/delete", keys=[second["key"]])                                                           # and its mapping
    assert admin.get("/jwt/key/mapping/info", 404, id=made["id"])["error"]["message"] == "Mapping not found"


def test_a_client_that_nobody_knows_is_registered(mapped):
    admin, issuer = mapped
    token = issuer.token(sub="dev", email="dev@example.org", groups=["crew"], client="laptop-7")
    assert statuses(admin, token) == {200}
    mapping = [m for m in admin.get("/jwt/key/mapping/list", size=100)["mappings"] if m["jwt_claim_value"] == "laptop-7"]
    keys = admin.get("/key/list", user_id="dev", return_full_object="true", size=100)["keys"]
    assert len(mapping) == 1 and len(keys) == 1 and keys[0]["team_id"] == "crew" and keys[0]["metadata"] == {"auto_registered": True}
    assert admin.get("/team/info", team_id="crew")["team_info"]["members_with_roles"] == [{"user_id": "dev", "user_email": "dev@example.org", "role": "user"}]
    kit.until(lambda: admin.get("/spend/logs", api_key=keys[0]["token"]), what="the rows of its calls")
    lacks = call(admin, issuer.token(sub="dev"))
    assert lacks.status_code == 403 and "claim client" in lacks.json()["error"]["message"]
    admin.post("/key/update", key=keys[0]["token"], max_budget=0)
    assert statuses(admin, token) <= {200, 429}                                                              # the model costs nothing
    admin.post("/team/block", team_id="crew")
    assert statuses(admin, token) == {401}


def test_users_and_teams_follow_tokens(mapped):
    admin, issuer = mapped
    assert call(admin, issuer.token(sub="f", email="f@example.org", groups=["one", "two"], client="c-f")).status_code == 200
    user = admin.get("/user/info", user_id="f")["user_info"]
    assert (user["user_email"], user["user_role"], sorted(user["teams"])) == ("f@example.org", "internal_user", ["one", "two"])
    call(admin, issuer.token(sub="f", groups=["two", "three"], roles=["looker"], client="c-f"))
    user = admin.get("/user/info", user_id="f")["user_info"]
    assert (user["user_role"], sorted(user["teams"])) == ("internal_user_viewer", ["three", "two"])
    call(admin, issuer.token(sub="f", client="c-f", roles=["looker"]))                                      # it says nothing of teams
    assert len(admin.get("/user/info", user_id="f")["user_info"]["teams"]) == 2
    assert {row["changed_by"] for row in admin.get("/audit", object_id="f")["audit_logs"]} == {"litellm_jwtauth"}


def test_scopes_roles_and_teams_decide(issuer):
    gateway = gateway_with(issuer, {"role_permissions": [{"role": "internal_user", "models": ["hello"], "routes": ["openai_routes", "info_routes"]}]},
                           team_alias_jwt_field="crew", enforce_scope_based_access=True, enforce_rbac=True, enforce_team_based_model_access=True,
                           scope_mappings=[{"scope": "talk", "models": ["hello"]}, {"scope": "more", "models": ["other"], "routes": ["/v1/chat/completions"]}],
                           admin_jwt_scope="boss", user_allowed_email_domain="example.org", oidc_userinfo_enabled=True, oidc_userinfo_endpoint=issuer.url + "/me")
    try:
        admin = Caller(gateway)
        admin.post("/team/new", team_id="t1", team_alias="First", models=["hello"])
        admin.post("/team/new", team_id="t2", models=["other"])
        one = {"sub": "u", "email": "u@example.org"}

        def refused(status, model="hello", **claims):
            answer = call(admin, issuer.token(**one | claims), model)
            assert answer.status_code == status, answer.text
            return answer.json()["error"]["message"]
        good = issuer.token(**one, groups=["t2", "t1"], scope="talk more")
        assert call(admin, good).status_code == 200
        assert call(admin, good, "other").status_code == 200
        assert "model=other not allowed. Allowed_models=['hello']" in refused(403, "other", groups=["t2"], scope="talk")
        assert "No team has access to the requested model: hello. Checked teams=['t2']" in refused(403, groups=["t2"], scope="talk more")
        assert "No team has access" in refused(403, scope="talk")
        assert "Allowed_models=[]" in refused(403, groups=["t1"], scope="none")
        assert "domain" in refused(403, groups=["t1"], scope="talk", email="u@example.com")
        assert "Unmatched token" in refused(403, sub=None, scope="talk")
        assert call(admin, issuer.token(**one, crew="First", scope="talk")).status_code == 200
        assert "is not the alias of one team" in refused(403, crew="Second", scope="talk")
        shown = requests.get(gateway.url + "/v1/models", headers={"Authorization": f"Bearer {issuer.token(**one, groups=['t1'], scope='talk')}"}, timeout=30)
        assert [m["id"] for m in shown.json()["data"]] == ["hello"]
        narrow = requests.get(gateway.url + "/v1/models", headers={"Authorization": f"Bearer {issuer.token(**one, groups=['t2'], scope='more')}"}, timeout=30)
        assert narrow.status_code == 403
        assert requests.get(gateway.url + "/key/list", headers={"Authorization": f"Bearer {issuer.token(**one, scope='boss')}"}, timeout=30).status_code == 200

        issuer.people["opaque-token-of-ada"] = one | {"groups": ["t1"], "scope": "talk"}            # a token that only its issuer can read
        assert statuses(admin, "opaque-token-of-ada") == {200} and 1 <= issuer.asked.count("/me") <= 2
        assert call(admin, "opaque-token-of-ada", "other").status_code == 403
        for unknown in ("opaque-token-of-eve", "opaque-token-of-eve", "short"):
            assert call(admin, unknown).status_code == 401
        assert statuses(admin, kit.KEY) == {200} and call(admin, "sk-no-such-key-here").status_code == 401
        assert issuer.asked.count("/me") <= 4                                                           # no key of ours is asked for elsewhere
    finally:
        gateway.stop()


@pytest.mark.parametrize("way", ["introspect", "info"])
def test_tokens_of_an_authorization_server(issuer, way):
    """enable_oauth2_auth: whatever is no key of ours is asked for there, also what looks like a JWT."""
    environment = {"OAUTH_TOKEN_INFO_ENDPOINT": f"{issuer.url}/{way}", "OAUTH_CLIENT_ID": "id", "OAUTH_CLIENT_SECRET": "secret", "OAUTH_USER_ID_FIELD_NAME": "who",
                   "OAUTH_USER_TEAM_ID_FIELD_NAME": "crew"}
    gateway = kit.Gateway({**config(), "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY", "enable_oauth2_auth": True}}, env=environment)
    try:
        admin, jwt = Caller(gateway), issuer.token(sub="x")
        admin.post("/team/new", team_id="crew-1", models=["hello"])
        one = {"active": True, "who": "ada", "crew": "crew-1"}
        issuer.people |= {"token-of-no-word": {"who": "ada", "crew": "crew-1"}, "opaque+token/of&ada=": one, jwt: one | {"role": "proxy_admin"}, "token-that-is-over": one | {"active": False}}
        assert call(admin, "opaque+token/of&ada=").status_code == 200 and call(admin, "opaque+token/of&ada=", "other").status_code == 401
        assert requests.get(gateway.url + "/user/list", headers={"Authorization": f"Bearer {jwt}"}, timeout=30).status_code == 200
        assert requests.get(gateway.url + "/user/list", headers={"Authorization": "Bearer opaque+token/of&ada="}, timeout=30).status_code == 403
        assert call(admin, "token-that-is-over").status_code == 401 and call(admin, "token-of-nobody").status_code == 401
        assert call(admin, "token-of-no-word").status_code == (401 if way == "introspect" else 200)         # RFC 7662 has `active` always
        before = len(issuer.asked)
        assert call(admin, admin.post("/key/generate")["key"]).status_code == 200 and call(admin, "sk-no-such-key-here").status_code == 401
        assert len(issuer.asked) == before
    finally:
        gateway.stop()
