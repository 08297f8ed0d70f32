# SPDX-License-Identifier: Apache-2.0
"""What nobody should send, to every row of the management API: it is refused or it is plain characters, never a 500, and nothing happens by it."""
import json
import re
import sqlite3
import struct
import time
import urllib.parse

import faults
import kit
import pytest
import requests
from managing import Caller, config, digest

ROWS = [row for row in re.findall(r'^\t\{ "([A-Z]+)",\s+"([^"]+)"', (kit.SOURCE / "src/admin/table.c").read_text(), re.M) if not row[1].startswith("/cache/")]
NASTY = "'; DROP TABLE sluice_key; -- %_\\ \"é💰"
VALUES = [NASTY, b"a\0b\xff", "-99999999999999999999", ""]
NAMES = ("key key_hash token user_id user_ids user_email role team_id team_ids team_alias organization_id organization_alias org_id end_user_id end_user_ids customer"
         " project_id budget_id tag tags tag_names tag_filters credential_name model model_id model_name model_group api_key key_alias search status sort_by sort_order"
         " page size page_size start_date end_date summarize group_by request_id session_id min_spend max_spend id changed_by action object_id table_name field_name"
         " name provider timezone limit internal_user_id error_code service include_team_keys return_full_object substring_matching expand").split()
FIELDS = ["key", "keys", "team_id", "team_ids", "user_id", "user_ids", "user_email", "member", "organization_id", "organization_ids", "project_id", "budget_id",
          "budgets", "name", "tag_name", "models", "model_name", "model", "litellm_params", "model_info", "metadata", "max_budget", "budget_duration", "duration",
          "rpm_limit", "aliases", "credential_name", "credential_values", "credential_info", "id", "path", "target", "field_name", "field_value", "config_type",
          "general_settings", "litellm_settings", "environment_variables", "permissions", "reset_to", "spend", "key_alias", "team_alias", "access_group", "model_names"]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def admin(request, postgres):
    made, name = config(), None
    if request.param == "postgres":
        name = postgres.new()
        made["general_settings"]["database_url"] = postgres.url(name)
    gateway = kit.Gateway(made)
    yield Caller(gateway)
    gateway.stop()
    if name:
        postgres.release(name)


def asked(admin, method, path, **options):
    """What is wrong with the answer; None: nothing."""
    answer = admin.session.request(method, admin.gateway.url + path, timeout=30, **options)
    return f"{method} {path.partition('?')[0]}: {answer.status_code} {answer.text[:300]}" if answer.status_code >= 500 and answer.status_code != 501 else None


def filled(path, value):
    text = urllib.parse.quote(value, safe="")
    return re.sub(r"\{\}", lambda _: text or "x", path)


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_parameters_of_every_page(admin, value):
    query = "&".join(f"{name}={urllib.parse.quote(value, safe='')}" for name in NAMES)
    wrong = [asked(admin, method, filled(path, value) + "?" + query) for method, path in ROWS if method == "GET"]
    assert not list(filter(None, wrong)), "\n".join(filter(None, wrong))


@pytest.mark.parametrize("body", [b"[]", json.dumps(dict.fromkeys(FIELDS, NASTY)).encode(), json.dumps(dict.fromkeys(FIELDS, -1)).encode(),
                                  json.dumps(dict.fromkeys(FIELDS, [[{}]])).encode(), json.dumps(dict.fromkeys(FIELDS, {NASTY: [1e300, None]})).encode(),
                                  json.dumps(dict.fromkeys(FIELDS)).encode()], ids=["list", "text", "number", "lists", "objects", "nulls"])
def test_bodies_of_every_change(admin, body):
    """What a field may not be names no key, team or user, so nothing that was there is gone."""
    kept = admin.post("/key/generate", metadata={"kept": True})["key"]
    wrong = [asked(admin, method, filled(path, NASTY), data=body, headers={"Content-Type": "application/json"}) for method, path in ROWS if method != "GET"]
    assert not list(filter(None, wrong)), "\n".join(filter(None, wrong))
    assert admin.get("/key/info", key=kept)["info"]["metadata"] == {"kept": True}


def test_names_are_plain_characters(admin):
    """Found by the whole name, and by no pattern in it."""
    name = "100%_" + NASTY
    twin = "100xx" + "x" * len(NASTY)                   # what % and _ would find, too
    for i, one in enumerate((name, twin)):
        admin.post("/team/new", team_id=f"odd-{i}", team_alias=one)
        admin.post("/user/new", user_id=one, user_email=f"odd_{i}@example.org", auto_create_key=False)
        admin.post("/customer/new", user_id=one, alias=one)
        admin.post("/tag/new", name=one, description=one)
        admin.post("/organization/new", organization_alias=one)
        admin.post("/budget/new", budget_id=one, max_budget=1)
    assert [t["team_alias"] for t in admin.get("/v2/team/list", team_alias=name)["teams"]] == [name]
    assert [t["team_alias"] for t in admin.get("/v2/team/list", team_alias="0%_'")["teams"]] == [name]
    assert [u["user_id"] for u in admin.get("/user/list", user_ids=name)["users"]] == [name]
    assert admin.get("/user/list", user_email="odd%")["total"] == 0 and admin.get("/user/list", user_email="odd_")["total"] == 2
    assert admin.get("/customer/info", end_user_id=name)["user_id"] == name
    assert admin.post("/tag/info", names=[name])[name]["description"] == name
    assert [o["organization_alias"] for o in admin.get("/organization/list", org_alias=name)] == [name]
    assert admin.post("/budget/info", budgets=[name])[0]["budget_id"] == name
    key = admin.post("/key/generate", user_id=name, key_alias=name)["key"]
    Caller(admin.gateway, key).post("/v1/chat/completions", model="hello", messages=[{"role": "user", "content": "x"}], metadata={"tags": [name, "%"]}, user=name)

    def found(**q):
        return admin.get("/spend/logs/v2", start_date="2020-01-01", end_date="2100-01-01", **q)["total"]
    kit.until(lambda: found(user_id=name) == 1, what="the row")
    assert [found(user_id=u) for u in ("%", "100%", "' OR '1'='1", twin)] == [0] * 4
    assert found(key_alias=name) == 1 and found(key_alias="%_%") == 0


@pytest.mark.parametrize("path,more", [("/key/generate", {}), ("/team/new", {}), ("/user/new", {}), ("/customer/new", {"user_id": "bad"}), ("/budget/new", {}),
                                       ("/organization/new", {"organization_alias": "o"}), ("/tag/new", {"name": "bad"})])
def test_budgets_and_durations(admin, path, more):
    """Everywhere the same: below nothing, above all money, no number, and times that are none."""
    wrong = []
    for field, value, status in (("max_budget", -0.01, 400), ("max_budget", 1e12, 400), ("max_budget", "NaN", 422), ("max_budget", True, 422), ("max_budget", "1e999", 400),
                                 ("budget_duration", "1 fortnight", 400), ("budget_duration", "-1d", 400), ("budget_duration", "99999999999d", 400),
                                 ("budget_duration", 7, 422)):
        answer = admin.session.post(admin.gateway.url + path, json=more | {field: value}, timeout=30)
        if answer.status_code != status or answer.json()["error"]["param"] != field:
            wrong.append((field, value, answer.status_code, answer.text[:200]))
    assert not wrong


# keys where none belong


def test_keys_in_the_wrong_place(admin):
    key = admin.post("/key/generate")["key"]
    for headers in ({"Authorization": f"Basic {key}"}, {"Authorization": f"Bearer  {key}x"}, {"Cookie": f"token={key}"}, {"X-Api-Keys": key}, {"Proxy-Authorization": f"Bearer {key}"},
                    {"x-litellm-api-key": "", "X-Forwarded-Authorization": f"Bearer {key}"}):
        answer = requests.get(admin.gateway.url + "/v1/models", headers=headers, timeout=30)
        assert answer.status_code == 401 and key not in answer.text, headers
    for place in (f"?key={key}", f"?api_key={key}", f"?access_token={key}"):
        assert requests.get(admin.gateway.url + "/v1/models" + place, timeout=30).status_code == 401
    assert requests.post(admin.gateway.url + "/v1/chat/completions", json={"api_key": key, "model": "hello"}, timeout=30).status_code == 401
    assert key not in admin.gateway.error_log() and key not in (admin.gateway.run / "sluice.log").read_text()


# what lies about from before


def crc32c(crc, data):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def rows(gateway):
    with sqlite3.connect(f"file:{gateway.run}/sluice.db?mode=ro", uri=True) as db:
        return dict(db.execute("SELECT id, began_at FROM sluice_request"))


def test_a_spool_of_another_version(start, upstream):
    """What a later version wrote is kept aside, with a line; the rows around it are booked."""
    gateway = start({"model_list": [kit.deployment("m", "openai/script:fixed", upstream.base + "/v1")]})
    first = gateway.chat("m").headers["x-request-id"]
    kit.until(lambda: first in rows(gateway), what="the first row")
    spool = gateway.run / "sluice.spool"
    number, = struct.unpack_from("<Q", (spool / "head").read_bytes(), 8)
    segment = spool / f"{number:016x}.seg"
    seed, = struct.unpack_from("<I", segment.read_bytes(), 24)
    row = b"\x63 from the future"
    length = struct.pack("<I", len(row))
    with open(segment, "ab") as f:
        f.write(struct.pack("<I", 0x1E6F5752) + length + struct.pack("<I", crc32c(crc32c(seed, length), row)) + row)
    last = gateway.chat("m").headers["x-request-id"]
    kit.until(lambda: last in rows(gateway), what="the last row")
    assert "is of a version that this one does not know" in gateway.error_log()
    assert any(row in p.read_bytes() for p in (spool / "aside").iterdir()) and set(rows(gateway)) == {first, last}


def test_a_clock_before_2020(start, upstream):
    """Calls and their rows are of that time, budgets hold, and what comes when the clock is right is booked beside them."""
    clock = faults.Faults()
    clock.set(clock=int(1_500_000_000 - time.time()))
    gateway = start({"model_list": [kit.deployment("m", "openai/script:fixed", upstream.base + "/v1", input_cost_per_token=0, output_cost_per_token=0.0001)]},
                    env=clock.env, form="proxy_fcgi")       # lighttpd begins anew when its clock jumps, and closes what it keeps
    admin = Caller(gateway)
    key = admin.post("/key/generate", max_budget=0.001, duration="30d")["key"]
    caller = Caller(gateway, key)
    ask = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
    caller.post("/v1/chat/completions", **ask)
    kit.until(lambda: len(rows(gateway)) == 1, what="the row")
    assert 1_500_000_000_000 <= min(rows(gateway).values()) < 1_500_000_900_000
    clock.set(clock=0)
    admin, caller = Caller(gateway), Caller(gateway, key)       # what the web server kept is years old now
    assert caller.post("/v1/chat/completions", 401, **ask)["error"]["type"] == "expired_key"
    admin.post("/key/update", key=key, duration="1d")
    caller.post("/v1/chat/completions", **ask)
    assert "has spent $0.001" in caller.post("/v1/chat/completions", 429, **ask)["error"]["message"]
    kit.until(lambda: len(rows(gateway)) == 4, what="all rows")
    assert admin.get("/key/info", key=key)["info"]["spend"] == 0.001
