# SPDX-License-Identifier: Apache-2.0
"""Teams, their members and users by LiteLLM's management API."""
import sqlite3

import pytest

import kit
from managing import Caller, config, digest

NASTY = "50%_o'r'--\\ \u00e9"


@pytest.fixture(scope="module", params=["lighttpd", "proxy_fcgi"])
def admin(request):
    gateway = kit.Gateway(config(), form=request.param)
    yield Caller(gateway)
    gateway.stop()


@pytest.fixture(scope="module")
def lone():
    gateway = kit.Gateway(config(default_internal_user_params={"max_budget": 11, "budget_duration": "30d"}, default_team_params={"tpm_limit": 99}))
    yield Caller(gateway)
    gateway.stop()


def test_a_team_as_terraform_handles_it(admin):
    wanted = {"team_id": f"tf-team-{kit.unique()}", "team_alias": "Data 'eng' %", "models": ["hello"], "max_budget": 100.25, "soft_budget": 90, "budget_duration": "1mo",
              "tpm_limit": 10, "rpm_limit": 5, "metadata": {"cost_center": "42"}, "blocked": False, "router_settings": {"num_retries": 2},
              "team_member_permissions": ["/key/generate", "/key/info"], "model_aliases": {"small": "hello"}, "tags": ["t"], "object_permission": {"agents": ["x"]}}
    made = admin.post("/team/new", **wanted)
    assert made["team_id"] == wanted["team_id"] and made["spend"] == 0 and made["tags"] == ["t"]
    found = admin.get("/team/info", team_id=wanted["team_id"])
    info = found["team_info"]
    plain = {k: v for k, v in wanted.items() if k not in ("metadata", "tags", "model_aliases")}
    assert {k: info[k] for k in plain} == plain and info["metadata"] == {"cost_center": "42", "tags": ["t"]}
    assert info["litellm_model_table"]["model_aliases"] == {"small": "hello"}
    assert found["team_id"] == wanted["team_id"] and found["keys"] == [] and found["team_memberships"] == []
    changed = admin.post("/team/update", team_id=wanted["team_id"], max_budget=None, soft_budget=None, rpm_limit=0)
    assert changed["team_id"] == wanted["team_id"] and changed["data"]["max_budget"] is None and changed["data"]["rpm_limit"] == 0
    assert admin.ask("PATCH", f"/team/{wanted['team_id']}", json={"tpm_limit": None})["tpm_limit"] is None
    info = admin.get("/team/info", team_id=wanted["team_id"])["team_info"]
    assert (info["max_budget"], info["soft_budget"], info["rpm_limit"], info["tpm_limit"], info["budget_duration"]) == (None, None, 0, None, "1mo")
    assert admin.post("/team/delete", team_ids=[wanted["team_id"]])["deleted_teams"] == [wanted["team_id"]]
    missing = admin.get("/team/info", 404, team_id=wanted["team_id"])["error"]
    assert "not found" in missing["message"] and missing["type"] == "not_found_error"
    admin.refused("/team/delete", 404, team_ids=[wanted["team_id"]])


def test_a_user_as_terraform_handles_it(admin):
    uid = f"tf-user-{kit.unique()}"
    wanted = {"user_id": uid, "user_email": f"{uid}@example.com", "user_alias": "T", "user_role": "internal_user_viewer", "max_budget": 3.5, "budget_duration": "7d",
              "models": ["hello"], "tpm_limit": 1, "rpm_limit": 2, "metadata": {"x": "y"}, "auto_create_key": False}
    made = admin.post("/user/new", **wanted)
    assert made["user_id"] == uid and made["key"] is None
    found = admin.get("/user/info", user_id=uid)
    shown = {k: v for k, v in wanted.items() if k != "auto_create_key"}
    assert {k: found["user_info"][k] for k in shown} == shown and found["user_id"] == uid and found["keys"] == [] and found["teams"] == []
    assert admin.get("/v2/user/info", user_id=uid)["user_email"] == wanted["user_email"]
    assert admin.post("/user/update", user_id=uid, max_budget=None, user_role="internal_user")["data"]["max_budget"] is None
    assert admin.post("/user/update", user_email=wanted["user_email"], tpm_limit=9)["user_id"] == uid
    info = admin.get("/user/info", user_id=uid)["user_info"]
    assert (info["max_budget"], info["tpm_limit"], info["rpm_limit"], info["user_role"]) == (None, 9, 2, "internal_user")
    assert admin.get("/user/list", user_ids=uid)["users"][0]["key_count"] == 0
    assert admin.post("/user/delete", user_ids=[uid]) == 1
    assert "not found" in admin.get("/user/info", 404, user_id=uid)["error"]["message"]
    admin.refused("/user/delete", 404, user_ids=[uid])


def test_members(lone):
    team = lone.post("/team/new", team_alias="crew", team_member_budget=4, team_member_rpm_limit=6, members_with_roles=[{"role": "admin", "user_id": "boss"}])["team_id"]
    added = lone.post("/team/member_add", team_id=team, member={"role": "user", "user_email": "new@example.com"}, max_budget_in_team=2, allowed_models=["hello"])
    user = added["updated_users"][0]["user_id"]
    assert added["team_id"] == team and {m["user_id"]: m["role"] for m in added["members_with_roles"]} == {"boss": "admin", user: "user"}
    assert added["updated_team_memberships"][0]["litellm_budget_table"]["max_budget"] == 2
    twice = lone.refused("/team/member_add", 400, team_id=team, member={"role": "user", "user_id": user})
    assert "team_member_already_in_team" in twice["message"]
    limits = {m["user_id"]: m["litellm_budget_table"] for m in lone.get("/team/info", team_id=team)["team_memberships"]}
    assert (limits["boss"]["max_budget"], limits["boss"]["rpm_limit"], limits[user]["max_budget"], limits[user]["allowed_models"]) == (4, 6, 2, ["hello"])
    # the team's defaults move those who have no limits of their own
    lone.post("/team/update", team_id=team, team_member_budget=5)
    limits = {m["user_id"]: m["litellm_budget_table"]["max_budget"] for m in lone.get("/team/info", team_id=team)["team_memberships"]}
    assert limits == {"boss": 5, user: 2}
    changed = lone.post("/team/member_update", team_id=team, user_id=user, role="admin", max_budget_in_team=None, budget_duration="1d", tpm_limit=0)
    assert (changed["max_budget_in_team"], changed["budget_duration"], changed["tpm_limit"], changed["role"]) == (5, "1d", 0, "admin")
    assert "not found" in lone.refused("/team/member_update", 400, team_id=team, user_id="stranger")["message"]
    lone.refused("/team/member_add", 400, team_id=team, member={"role": "king", "user_id": "k"})
    lone.refused("/team/member_add", 400, team_id=team, member={"role": "user"})
    lone.refused("/team/member_add", 422, team_id=team, member="boss")
    lone.refused("/team/member_add", 404, team_id="no-team", member={"role": "user", "user_id": "x"})
    many = lone.post("/team/bulk_member_add", team_id=team, members=[{"role": "user", "user_id": "m1"}, {"role": "user", "user_id": "boss"}])
    assert (many["successful_additions"], many["failed_additions"], many["total_requested"]) == (1, 1, 2)
    key = lone.post("/key/generate", team_id=team, user_id=user)["key"]
    assert lone.post("/team/member_delete", team_id=team, user_id=user)["team_id"] == team
    lone.get("/key/info", 404, key=key)
    assert user not in str(lone.get("/team/info", team_id=team))
    lone.post("/team/delete", team_ids=[team])


def test_permissions_models_and_blocking(lone):
    team = lone.post("/team/new", models=["hello"])["team_id"]
    assert lone.get("/team/permissions_list", team_id=team)["team_member_permissions"] == ["/key/info", "/key/health"]
    lone.refused("/team/permissions_update", 400, team_id=team, team_member_permissions=["/everything"])
    lone.post("/team/permissions_update", team_id=team, team_member_permissions=["/key/generate"])
    listed = lone.get("/team/permissions_list", team_id=team)
    assert listed["team_member_permissions"] == ["/key/generate"] and "/key/{key_id}/regenerate" in listed["all_available_permissions"]
    assert lone.post("/team/model/add", team_id=team, models=["b", "hello"])["models"] == ["hello", "b"]
    assert lone.post("/team/model/delete", team_id=team, models=["hello"])["models"] == ["b"]
    lone.refused("/team/model/delete", 400, team_id=team, models=["b"])           # none would be all
    assert lone.post("/team/block", team_id=team)["blocked"] is True
    assert lone.post("/team/unblock", team_id=team)["blocked"] is False
    lone.post("/team/delete", team_ids=[team])


def test_bad_teams_and_users(lone):
    before = lone.get("/v2/team/list")["total"]
    for body, status, param in (({"max_budget": 5, "soft_budget": 5}, 400, "soft_budget"), ({"max_budget": -1}, 400, "max_budget"),
                                ({"organization_id": "nowhere"}, 400, "organization_id"), ({"team_id": "a/b"}, 400, "team_id"),
                                ({"members_with_roles": "x"}, 422, "members_with_roles"), ({"metadata": {"x": "y" * 70000}}, 400, "metadata")):
        assert lone.refused("/team/new", status, **body)["param"] == param
    team = lone.post("/team/new", team_id="once")["team_id"]
    assert "already exists" in lone.refused("/team/new", 400, team_id=team)["message"]
    lone.post("/team/delete", team_ids=[team])
    assert lone.get("/v2/team/list")["total"] == before
    lone.post("/user/new", user_id="only", user_email="only@example.com", auto_create_key=False)
    for body, param in (({"user_id": "only"}, "user_id"), ({"user_email": "ONLY@example.com"}, "user_email"), ({"user_role": "king"}, "user_role"),
                        ({"teams": ["nowhere"]}, "teams"), ({"max_budget": -1}, "max_budget")):
        assert lone.refused("/user/new", 400, **body)["param"] == param
    lone.refused("/user/update", 400)
    lone.refused("/user/update", 404, user_id="nobody")
    assert lone.get("/user/list", user_email="only")["total"] == 1               # what was refused left nothing behind
    lone.post("/user/delete", user_ids=["only"])


def test_users_have_keys_and_teams(lone):
    team = lone.post("/team/new", team_alias="home")["team_id"]
    made = lone.post("/user/new", user_email=NASTY + "@x", teams=[team], user_role="internal_user")
    user, key = made["user_id"], made["key"]
    assert made["token"] == digest(key) and made["teams"] == [team] and (made["max_budget"], made["budget_duration"]) == (11, "30d")
    info = lone.get("/user/info", user_id=user)
    assert [k["token"] for k in info["keys"]] == [digest(key)] and [t["team_id"] for t in info["teams"]] == [team]
    assert lone.get("/user/list", team=team)["users"][0]["user_id"] == user and lone.get("/user/list", user_email="%_O'R")["total"] == 1
    assert lone.get("/team/list", user_id=user)[0]["team_id"] == team
    assert lone.get("/v2/team/list", team_alias="HOM")["teams"][0]["tpm_limit"] == 99
    done = lone.post("/user/bulk_update", users=[{"user_id": user, "max_budget": 1}, {"user_id": "nobody", "max_budget": 1}])
    assert (done["successful_updates"], done["failed_updates"]) == (1, 1)
    lone.post("/user/delete", user_ids=[user])
    lone.get("/key/info", 404, key=key)
    assert lone.get("/team/info", team_id=team)["team_memberships"] == []
    lone.post("/team/delete", team_ids=[team])
    assert set(lone.get("/user/available_roles")) == {"proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"}


def test_a_name_that_comes_again_begins_at_nothing(lone):
    for _ in range(2):
        lone.post("/user/new", user_id="phoenix", max_budget=5, auto_create_key=False)
        assert lone.get("/user/info", user_id="phoenix")["user_info"]["spend"] == 0
        lone.post("/user/update", user_id="phoenix", spend=4)
        assert lone.get("/user/info", user_id="phoenix")["user_info"]["spend"] == 4
        lone.post("/user/delete", user_ids=["phoenix"])


def test_every_change_is_noted_for_other_hosts(lone):
    team = lone.post("/team/new", members_with_roles=[{"role": "user", "user_id": "n1"}])["team_id"]
    key = lone.post("/key/generate", team_id=team)["key"]
    with sqlite3.connect(f"file:{lone.gateway.run}/sluice.db?mode=ro", uri=True) as db:
        last = db.execute("SELECT max(id) FROM sluice_change").fetchone()[0]
        lone.post("/team/delete", team_ids=[team])
        changed = set(db.execute("SELECT kind, entity FROM sluice_change WHERE id > ?", [last]))
    assert changed == {("team", team), ("member", f"{team}/n1"), ("key", digest(key))}
