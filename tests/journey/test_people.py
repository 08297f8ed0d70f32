# SPDX-License-Identifier: Apache-2.0
"""People who sign in at a real OpenID Connect provider through mod_auth_openidc, and programs that come with its tokens."""
import html
import os
import re
import shutil

import pytest
import requests

import agents
import kit
from managing import Caller, config

SECRET = "a-secret-of-the-web-server"
NODE = shutil.which("node") or str(kit.SOURCE / ".agents" / "node" / "bin" / "node")
PACKAGES = os.environ.get("OIDC_PACKAGES") or str(agents.PACKAGES)


class Provider(kit.Server):
    def __init__(self, where, home, port, **env):
        self.base = f"http://127.0.0.1:{port}"
        super().__init__([NODE, kit.SOURCE / "tests/journey/oidc.mjs", str(port), home], where / "oidc.log", OIDC_PACKAGES=PACKAGES, **env)
        self.ready(lambda: requests.get(self.base + "/.well-known/openid-configuration", timeout=5).status_code == 200)

    def token(self, scope="llm"):
        r = requests.post(self.base + "/token", auth=("gw", "gw-secret"), data={"grant_type": "client_credentials", "scope": scope, "resource": "urn:gw"})
        assert r.status_code == 200, r.text
        return r.json()["access_token"]


@pytest.fixture(scope="module")
def parts():
    """The gateway behind httpd and its provider; 127.0.0.1 is the provider's, localhost the gateway's: cookies ignore ports."""
    where = kit.folder()
    port = kit.free_port()
    issuer = f"http://127.0.0.1:{port}"
    settings = config() | {"sluice": {"people": {
        "secret": SECRET, "peers": [kit.USER or os.getuid()], "groups": "OIDC_CLAIM_groups", "email": "OIDC_CLAIM_email",
        "rules": [{"group": "admins", "role": "proxy_admin"}, {"group": "ml", "role": "internal_user", "team": "data"},
                  {"group": "eyes", "role": "internal_user_viewer"}]}}}
    settings["general_settings"] |= {"enable_jwt_auth": True, "litellm_jwtauth": {"user_id_jwt_field": "client_id", "team_id_jwt_field": "team"}}
    gateway = kit.Gateway(settings, form="oidc", env={"JWT_PUBLIC_KEY_URL": issuer + "/jwks", "JWT_AUDIENCE": "urn:gw", "JWT_ISSUER": issuer,
                                                      "SLUICE_TEST_OIDC": issuer, "SLUICE_TEST_SECRET": SECRET})
    gateway.home = f"http://localhost:{gateway.port}"
    provider = Provider(where, gateway.home, port, OIDC_TEAM="data")
    yield gateway, provider
    provider.stop()
    gateway.stop()


def sign_in(gateway, name):
    """As a browser does it: forms and redirects, until the session is there."""
    s = requests.Session()
    page = s.get(gateway.home + "/sign-in")
    for _ in range(6):
        form = re.search(r'<form[^>]*action="([^"]+)"', page.text)
        if "/interaction/" not in page.url or form is None:
            break
        fields = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text))
        if 'name="login"' in page.text:
            fields |= {"login": name, "password": "x"}
        page = s.post(html.unescape(form.group(1)), data=fields)
    assert page.url.startswith(gateway.home), page.url + page.text[:500]
    return s


CHAT = {"model": "hello", "messages": [{"role": "user", "content": "x"}]}


def chat(gateway, session=requests, **headers):
    return session.post(gateway.home + "/v1/chat/completions", json=CHAT, headers=headers, timeout=30)


def test_nobody_hears_401_and_no_redirect(parts):
    gateway, _ = parts
    for path in ("/v1/models", "/key/list", "/model/info"):
        r = requests.get(gateway.home + path, allow_redirects=False)
        assert r.status_code == 401 and "No api key passed in" in r.json()["error"]["message"]
    assert requests.get(gateway.home + "/sign-in", allow_redirects=False).status_code == 302
    forged = {"Remote-User": "ada@example.org", "OIDC_CLAIM_email": "ada@example.org", "OIDC-CLAIM-groups": "admins", "SLUICE_SECRET": SECRET}
    assert requests.get(gateway.home + "/key/list", headers=forged, allow_redirects=False).status_code == 401


def test_a_key_works_without_a_session(parts):
    gateway, _ = parts
    assert chat(gateway, Authorization=f"Bearer {kit.KEY}").status_code == 200
    assert chat(gateway, Authorization="Bearer sk-wrong-wrong-wrong").status_code == 401


def test_an_administrator_who_is_signed_in(parts):
    gateway, _ = parts
    ada = sign_in(gateway, "ada+admins")
    assert ada.get(gateway.home + "/sign-in").json() == {"user_id": "ada@example.org", "user_role": "proxy_admin", "team_id": None, "organization_id": None}
    assert ada.get(gateway.home + "/key/list").status_code == 200
    own = {"Origin": gateway.home}
    # another page of the web makes the browser send the session along
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site", "Origin": gateway.home}):
        refused = ada.post(gateway.home + "/key/generate", json={}, headers=headers)
        assert refused.status_code == 403 and "only from a page of this gateway" in refused.json()["error"]["message"], headers
    made = ada.post(gateway.home + "/key/generate", json={"key_alias": "by-ada"}, headers=own)
    assert made.status_code == 200, made.text
    assert made.json()["created_by"] == "ada@example.org"
    assert chat(gateway, ada, **own).status_code == 200


def test_a_member_and_a_looker_on(parts):
    gateway, _ = parts
    own = {"Origin": gateway.home}
    bob = sign_in(gateway, "bob+ml")
    assert chat(gateway, bob, **own).status_code == 200
    assert bob.post(gateway.home + "/team/new", json={"team_alias": "x"}, headers=own).status_code in (401, 403)
    eve = sign_in(gateway, "eve+eyes")
    assert chat(gateway, eve, **own).status_code == 403
    stranger = sign_in(gateway, "stranger")
    refused = chat(gateway, stranger, **own)
    assert refused.status_code == 403 and "has no role at this gateway" in refused.json()["error"]["message"]


def test_who_is_signed_in_takes_an_invitation(parts):
    gateway, _ = parts
    master, own = Caller(gateway), {"Origin": gateway.home}
    master.post("/user/new", user_id="invited", user_role="internal_user", auto_create_key=False)
    link = master.post("/invitation/new", user_id="invited")
    newcomer = sign_in(gateway, "newcomer")
    assert chat(gateway, newcomer, **own).status_code == 403                              # nobody yet
    assert newcomer.get(gateway.home + link["invitation_link"]).json()["signed_in_as"] == "newcomer@example.org"
    claim = {"invitation_link": link["token"]}
    assert newcomer.post(gateway.home + "/onboarding/claim_token", json=claim, headers={"Origin": "https://evil.example"}).status_code == 403
    taken = newcomer.post(gateway.home + "/onboarding/claim_token", json=claim, headers=own)
    assert taken.status_code == 200 and "key" not in taken.json(), taken.text
    assert master.get("/user/info", user_id="invited")["user_info"]["sso_user_id"] == "newcomer@example.org"
    kit.until(lambda: chat(gateway, newcomer, **own).status_code == 200, what="the name to be known")
    other = master.post("/user/new", user_id="another", auto_create_key=False)["user_id"]
    again = {"invitation_link": master.post("/invitation/new", user_id=other)["token"]}
    assert newcomer.post(gateway.home + "/onboarding/claim_token", json=again, headers=own).status_code == 400


def test_a_key_decides_where_there_is_one(parts):
    gateway, _ = parts
    ada = sign_in(gateway, "ada+admins")
    assert ada.get(gateway.home + "/key/list", headers={"Authorization": "Bearer sk-wrong-wrong-wrong"}).status_code == 401
    assert chat(gateway, ada, Authorization=f"Bearer {kit.KEY}").status_code == 200       # and needs no Origin


def test_programs_come_with_tokens(parts):
    gateway, provider = parts
    token = provider.token()
    assert chat(gateway, Authorization=f"Bearer {token}").status_code == 200          # the first one waits for the issuer's keys
    narrow = requests.post(gateway.home + "/key/generate", json={}, headers={"Authorization": f"Bearer {token}"})
    assert narrow.status_code == 403 and "Only allowed to call routes: ['openai_routes', 'info_routes', 'mcp_routes']" in narrow.text
    head, claims, signature = token.split(".")
    for bad in (f"{head}.{claims}.{signature[:-8]}AAAAAAAA", f"{head}.{claims[:-4]}AAAA.{signature}", f"eyJhbGciOiJub25lIn0.{claims}."):
        refused = chat(gateway, Authorization=f"Bearer {bad}")
        assert refused.status_code == 401 and bad not in refused.text, refused.text
    admin = provider.token("litellm_proxy_admin")
    assert requests.get(gateway.home + "/key/list", headers={"Authorization": f"Bearer {admin}"}).status_code == 200


def test_a_team_of_a_token_binds(parts):
    gateway, provider = parts
    master = Caller(gateway)
    master.post("/team/new", team_id="data", models=["other"])
    token = provider.token()
    refused = chat(gateway, Authorization=f"Bearer {token}")
    assert refused.status_code == 401 and refused.json()["error"]["type"] == "team_model_access_denied", refused.text
    master.post("/team/delete", team_ids=["data"])
    kit.until(lambda: chat(gateway, Authorization=f"Bearer {token}").status_code == 200, what="the team to be gone")
    stranger = chat(gateway, Authorization=f"Bearer {token}", **{"x-litellm-team-id": "another"})
    assert stranger.status_code == 403 and "is not in team=another" in stranger.json()["error"]["message"]


def test_no_secret_is_in_a_log(parts):
    gateway, _ = parts
    everything = "".join(p.read_text(errors="replace") for p in gateway.run.glob("*.log"))
    assert SECRET not in everything and "gw-secret" not in everything and "eyJhbGciOi" not in everything
