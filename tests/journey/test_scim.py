# SPDX-License-Identifier: Apache-2.0
"""Identity providers keep users and teams by SCIM: what Entra ID and Okta send, one after the other, and what it does to keys."""
import pytest
import requests

import kit
from managing import Caller, config

CORE, PATCH = "urn:ietf:params:scim:schemas:core:2.0:", "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class Provider:
    """An identity provider with its token, which may call nothing else."""

    def __init__(self, admin):
        self.base = admin.gateway.url + "/scim/v2"
        self.headers = {"Authorization": "Bearer " + admin.post("/key/generate", allowed_routes=["/scim/*"])["key"]}

    def ask(self, method, path, status, body=None, **query):
        kind = {"Content-Type": "application/scim+json; charset=utf-8"} if body is not None else {}
        answer = requests.request(method, self.base + path, params=query, json=body, headers=self.headers | kind, timeout=30)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        if status == 204:
            assert answer.content == b""
            return None
        assert answer.headers["content-type"] == "application/scim+json"
        return answer.json()

    def patch(self, path, *operations, status=200):
        return self.ask("PATCH", path, status, {"schemas": [PATCH], "Operations": list(operations)})


@pytest.fixture(scope="module", params=["lighttpd", "proxy_fcgi"])
def parts(request):
    gateway = kit.Gateway(config(), form=request.param, workers=2)
    admin = Caller(gateway)
    yield admin, Provider(admin)
    gateway.stop()


def calls(admin, key):
    """The statuses of calls until each worker has had some."""
    return {requests.post(admin.gateway.url + "/v1/chat/completions", json={"model": "hello", "messages": [{"role": "user", "content": "x"}]},
                          headers={"Authorization": f"Bearer {key}", "Connection": "close"}, timeout=30).status_code for _ in range(6)}


def test_entra_id(parts):
    admin, entra = parts
    assert entra.ask("GET", "/Users", 200, filter='userName eq "a2f9c1d6-no-such-user"')["totalResults"] == 0          # Test Connection
    made = entra.ask("POST", "/Users", 201, {
        "schemas": [CORE + "User", ENTERPRISE], "externalId": "0a21f0f2", "userName": "Test_User@example.org", "active": True,
        "emails": [{"primary": True, "type": "work", "value": "test@example.org"}], "meta": {"resourceType": "User"},
        "name": {"formatted": "G F", "familyName": "F", "givenName": "G"}, "roles": [], ENTERPRISE: {"department": "R&D"}})
    user = f"/Users/{made['id']}"
    assert made["schemas"][0] == CORE + "User" and made[ENTERPRISE]["department"] == "R&D" and made["meta"]["location"].endswith("Test_User%40example.org")
    assert entra.ask("GET", user, 200)["emails"][0]["value"] == "test@example.org"
    again = entra.ask("POST", "/Users", 409, {"schemas": [CORE + "User"], "userName": "test_user@EXAMPLE.org"})
    assert again["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"] and (again["status"], again["scimType"]) == ("409", "uniqueness")
    changed = entra.patch(user, {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "new@example.org"},
                          {"op": "Replace", "path": "name.familyName", "value": "N"}, {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "42"})
    assert changed["emails"][0]["value"] == "new@example.org" and changed["name"] == {"formatted": "G F", "familyName": "N", "givenName": "G"}
    assert admin.get("/user/info", user_id=made["id"])["user_info"]["user_email"] == "new@example.org"

    key = admin.post("/key/generate", user_id=made["id"])["key"]
    assert calls(admin, key) == {200}
    entra.patch(user, {"op": "Replace", "path": "active", "value": "False"})
    assert calls(admin, key) == {401}
    assert requests.get(admin.gateway.url + "/key/info", headers={"Authorization": f"Bearer {key}"}, timeout=30).status_code == 401
    entra.patch(user, {"op": "Replace", "path": "active", "value": "True"})
    assert calls(admin, key) == {200}

    assert entra.ask("GET", "/Groups", 200, excludedAttributes="members", filter='displayName eq "Grp"')["totalResults"] == 0
    group = entra.ask("POST", "/Groups", 201, {"schemas": [CORE + "Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
                                               "externalId": "8aa1a0c0", "displayName": "Grp", "meta": {"resourceType": "Group"}})
    path = f"/Groups/{group['id']}"
    assert group["id"] == "8aa1a0c0" and group["members"] == []
    entra.patch(path, {"op": "Add", "path": "members", "value": [{"$ref": None, "value": made["id"]}]})
    assert admin.get("/team/info", team_id="8aa1a0c0")["team_info"]["members_with_roles"][0]["user_id"] == made["id"]
    assert "members" not in entra.ask("GET", path, 200, excludedAttributes="members")
    assert entra.ask("GET", "/Groups", 200, filter=f'id eq "8aa1a0c0" and members eq "{made["id"]}"')["totalResults"] == 1
    entra.patch(path, {"op": "Replace", "path": "displayName", "value": "Grp 2"})
    team_key = admin.post("/key/generate", user_id=made["id"], team_id="8aa1a0c0")["key"]
    assert calls(admin, team_key) == {200}
    entra.patch(path, {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": made["id"]}]})
    assert calls(admin, team_key) == {401} and calls(admin, key) == {200}              # its keys of the team went with the membership
    entra.ask("DELETE", path, 204)
    entra.ask("DELETE", user, 204)
    assert entra.ask("GET", user, 404)["detail"] == "User 'Test_User@example.org' not found."
    assert calls(admin, key) == {401}


def test_okta(parts):
    admin, okta = parts
    assert okta.ask("GET", "/ServiceProviderConfig", 200)["patch"] == {"supported": True}
    assert {s["id"] for s in okta.ask("GET", "/Schemas", 200)["Resources"]} == {CORE + "User", CORE + "Group"}
    assert okta.ask("GET", "/Users", 200, startIndex=1, count=2)["startIndex"] == 1
    wanted = {"schemas": [CORE + "User"], "userName": "okta@example.com", "name": {"givenName": "O", "familyName": "K"}, "displayName": "O K", "locale": "en-US",
              "emails": [{"primary": True, "value": "okta@example.com", "type": "work"}], "externalId": "00ujl29u0le5T6Aj10h7", "groups": [], "password": "1mz050nq",
              "active": True}
    made = okta.ask("POST", "/Users", 201, wanted)
    assert {k: made[k] for k in wanted if k != "password"} == {k: v for k, v in wanted.items() if k != "password"} and "password" not in made
    assert "1mz050nq" not in str(admin.get("/user/info", user_id=made["id"])) + str(admin.get("/audit", object_id=made["id"]))
    user = f"/Users/{made['id']}"
    key = admin.post("/key/generate", user_id=made["id"])["key"]
    found = okta.ask("GET", "/Users", 200, filter='userName eq "okta@example.com"', startIndex=1, count=100)
    assert found["totalResults"] == 1 and found["Resources"][0]["id"] == made["id"]
    put = okta.ask("PUT", user, 200, wanted | {"id": made["id"], "displayName": "Renamed", "locale": None})
    assert put["displayName"] == "Renamed" and "locale" not in put
    assert okta.patch(user, {"op": "replace", "value": {"active": False}})["active"] is False
    assert calls(admin, key) == {401}
    assert okta.patch(user, {"op": "replace", "value": {"active": True}})["active"] is True and calls(admin, key) == {200}

    group = okta.ask("POST", "/Groups", 201, {"schemas": [CORE + "Group"], "displayName": "Okta group", "members": [{"value": made["id"], "display": "okta@example.com"}]})
    path = f"/Groups/{group['id']}"
    assert okta.ask("GET", "/Groups", 200, startIndex=1, count=100)["totalResults"] == 1
    assert okta.patch(path, {"op": "replace", "value": {"id": group["id"], "displayName": "Pushed"}})["displayName"] == "Pushed"
    okta.patch(path, {"op": "remove", "path": f'members[value eq "{made["id"]}"]'}, {"op": "add", "path": "members", "value": [{"value": made["id"]}]})
    assert okta.ask("GET", path, 200)["members"][0]["value"] == made["id"]
    okta.patch(path, {"op": "replace", "path": "members", "value": []})
    assert okta.ask("GET", path, 200)["members"] == []
    okta.ask("DELETE", path, 204)
    rows = admin.get("/audit", object_id=group["id"])["audit_logs"]
    assert [row["action"] for row in reversed(rows)] == ["created", "updated", "updated", "updated", "deleted"] and all(row["changed_by"] for row in rows)


def test_what_is_refused(parts):
    admin, provider = parts
    assert requests.get(provider.base + "/Users", timeout=30).json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    own = admin.post("/user/new", user_email=f"{kit.unique()}@x.y")["key"]
    assert requests.get(provider.base + "/Users", headers={"Authorization": f"Bearer {own}"}, timeout=30).status_code == 403
    assert Caller(admin.gateway, own).post("/key/generate", 403, allowed_routes=["/scim/*"])["error"]["type"] == "auth_error"
    other = requests.get(admin.gateway.url + "/key/list", headers=provider.headers, timeout=30)
    assert other.status_code == 403
    assert provider.ask("GET", "/Users", 400, filter="userName is 1")["scimType"] == "invalidFilter"
    broken = requests.post(provider.base + "/Users", data=b"{", headers=provider.headers, timeout=30)
    assert (broken.status_code, broken.json()["scimType"]) == (400, "invalidSyntax")
