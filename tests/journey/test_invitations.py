# SPDX-License-Identifier: Apache-2.0
"""Invitations, what users may not have here, and keys that are given another value in time."""
import http.server
import json
import sqlite3
import threading

import pytest
import requests

import kit
from managing import Caller, config, digest

SECRET = "a-secret-of-the-web-server"


@pytest.fixture(scope="module")
def hook():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.events.append(event)
            self.send_response(200 if server.takes else 500)
            self.end_headers()

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", kit.free_port()), Handler)
    server.events, server.takes = [], True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def admin(hook):
    settings = config() | {"sluice": {"key_rotation": True, "key_rotation_check": "1s", "key_rotation_grace": "1h"}}
    settings["general_settings"] |= {"alerting": ["webhook"]}
    gateway = kit.Gateway(settings, workers=2, env={"WEBHOOK_URL": f"http://127.0.0.1:{hook.server_port}/hook"})
    yield Caller(gateway)
    gateway.stop()


def chat(admin, key):
    return requests.post(admin.gateway.url + "/v1/chat/completions", headers={"Authorization": f"Bearer {key}"}, timeout=30,
                         json={"model": "hello", "messages": [{"role": "user", "content": "x"}]}).status_code


def test_an_invitation_gives_a_first_key_once(admin):
    admin.post("/user/new", user_id="guest", user_email="guest@example.org", auto_create_key=False)
    made = admin.post("/invitation/new", user_id="guest")
    assert made["is_accepted"] is False and made["invitation_link"].endswith(made["token"]) and len(made["token"]) == 68
    assert "token" not in admin.get("/invitation/info", invitation_id=made["id"])
    dump = "".join(sqlite3.connect(f"file:{admin.gateway.run}/sluice.db?mode=ro", uri=True).iterdump())
    assert made["token"] not in dump and digest(made["token"]) in dump and made["token"] not in str(admin.get("/audit", object_id=made["id"]))
    base = admin.gateway.url

    def claim(status, **body):
        answer = requests.post(base + "/onboarding/claim_token", json=body, timeout=30)
        assert answer.status_code == status, answer.text
        return answer.json()
    told = requests.get(base + made["invitation_link"], timeout=30).json()
    assert (told["user_id"], told["user_email"], told["token"]) == ("guest", "guest@example.org", None)
    for wrong in (made["id"], "inv-" + "0" * 64, "", None, made["token"][:-1] + "x"):
        assert "not known, has been used" in claim(404, invitation_link=wrong)["error"]["message"]
    assert "Passwords" in claim(400, invitation_link=made["token"], password="secret")["error"]["message"]
    claim(400, invitation_link=made["token"], user_id="somebody-else")
    key = claim(200, invitation_link=made["token"], user_id="guest")["key"]
    assert chat(admin, key) == 200 and admin.get("/key/info", key=key)["info"]["user_id"] == "guest"
    claim(404, invitation_link=made["token"])
    assert requests.get(base + made["invitation_link"], timeout=30).status_code == 404
    assert admin.get("/invitation/info", invitation_id=made["id"])["is_accepted"] is True
    admin.refused("/invitation/update", 400, invitation_id=made["id"], is_accepted=False)
    second = admin.post("/invitation/new", user_id="guest")
    assert admin.post("/invitation/delete", invitation_id=second["id"])["id"] == second["id"]
    claim(404, invitation_link=second["token"])
    assert requests.post(base + "/invitation/new", json={"user_id": "guest"}, headers={"Authorization": f"Bearer {key}"}, timeout=30).status_code == 403
    third = admin.post("/invitation/new", user_id="guest")
    admin.post("/user/delete", user_ids=["guest"])
    claim(404, invitation_link=third["token"])
    admin.refused("/invitation/new", 404, user_id="guest")


def test_what_users_do_not_have_here(admin):
    assert "Passwords are not kept" in admin.refused("/user/new", 400, user_id="p", password="x")["message"]
    assert "by mail" in admin.refused("/user/new", 400, user_id="p", send_invite_email=True)["message"]
    admin.post("/user/new", user_id="p", send_invite_email=False, user_email="p@example.org", auto_create_key=False)
    admin.refused("/user/update", 400, user_id="p", password="x")
    assert "already exists" in admin.refused("/user/new", 400, user_email="P@example.org")["message"]
    admin.post("/team/new", team_id="short", team_member_key_duration="1h", members_with_roles=[{"role": "user", "user_id": "p"}])
    ends = {name: admin.post("/key/generate", team_id="short", **more)["expires"] for name, more in (
        ("member", {"user_id": "p"}), ("longer", {"user_id": "p", "duration": "9d"}), ("shorter", {"user_id": "p", "duration": "60s"}))}
    assert ends["shorter"] < ends["member"] and abs(int(ends["member"][11:13]) - int(ends["longer"][11:13])) <= 1 and ends["longer"][:10] <= ends["member"][:10]
    assert admin.post("/key/service-account/generate", team_id="short")["expires"] is None


def test_a_key_gets_another_value_in_time(admin, hook):
    hook.events.clear()
    admin.refused("/key/generate", 400, auto_rotate=True)
    made = admin.post("/key/generate", key_alias="turns", auto_rotate=True, rotation_interval="2s", metadata={"a": 1})
    assert made["rotation_count"] == 0 and made["key_rotation_at"]
    event = kit.until(lambda: next((e for e in hook.events if e["event"] == "key_rotated"), None), what="the new value")
    assert event["key_alias"] == "turns" and event["old_token"] == made["token"] and event["token"] == digest(event["key"])

    def stop():
        """Between two rotations: the digest that was listed may be another one's past already."""
        row = admin.get("/key/list", return_full_object="true", key_alias="turns")["keys"][0]
        answer = admin.session.post(admin.gateway.url + "/key/update", json={"key": row["token"], "auto_rotate": False}, timeout=30)
        return answer.json() if row["rotation_count"] and answer.status_code == 200 else None
    row = kit.until(stop, what="the rotation")
    assert row["metadata"] == {"a": 1} and row["token"] == digest([e for e in hook.events if e["event"] == "key_rotated"][-1]["key"])
    assert {chat(admin, e["key"]) for e in hook.events if e["event"] == "key_rotated"} == {200} and chat(admin, made["key"]) == 200   # within the grace
    assert len({e["token"] for e in hook.events}) == row["rotation_count"]                                                            # each once
    assert event["key"] not in admin.gateway.error_log() and event["key"] not in str(admin.get("/audit", page_size=100))
    dump = "".join(sqlite3.connect(f"file:{admin.gateway.run}/sluice.db?mode=ro", uri=True).iterdump())
    assert event["key"] not in dump

    hook.takes = False
    stays = admin.post("/key/generate", key_alias="stays", auto_rotate=True, rotation_interval="1s")
    alert = kit.until(lambda: next((e for e in hook.events if e["event"] == "key_rotation_failed"), None), what="the alert")
    assert "stays" in alert["event_message"] and chat(admin, stays["key"]) == 200
    assert admin.get("/key/info", key=stays["key"])["info"]["rotation_count"] == 0
