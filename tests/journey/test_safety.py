# SPDX-License-Identifier: Apache-2.0
"""What must hold although the database is away, a file is another version's, or a name leads somewhere else."""
import collections
import concurrent.futures
import http.server
import json
import socket
import threading

import pytest
import requests

import kit
from managing import Caller, config, digest

SECRET = "sk-secret-of-a-stored-model"


def again(gateway, between=lambda: None):
    """The pool ends, and starts anew."""
    gateway.pool.stop()
    gateway.parts.remove(gateway.pool)
    between()
    gateway.start_pool()
    gateway.web.ready(lambda: requests.get(gateway.url + "/health/readiness", timeout=5).status_code == 200)


def test_what_is_closed_stays_closed(postgres, fresh_database, start, upstream):
    """A restart while the database is away: with the models and settings that it had last, and not at all with those that nobody can read."""
    settings = config()
    settings["general_settings"]["database_url"] = postgres.url(fresh_database)
    gateway = start(settings, workers=2)
    gateway.expected += ["database", "store", "PostgreSQL", "connection"]
    admin, kept = Caller(gateway), gateway.run / "sluice.kept"
    admin.post("/model/new", model_name="stored", litellm_params={"model": "openai/script:fixed", "api_base": upstream.base + "/v1", "api_key": SECRET})
    kit.until(lambda: '"stored"' in kept.read_text(), what="the copy of the model")
    assert kept.stat().st_mode & 0o777 == 0o600 and SECRET not in kept.read_text()

    def chat(model="stored"):
        answer = gateway.chat(model)
        return answer.status_code, answer.text
    postgres.halt()
    try:
        again(gateway)
        assert {chat()[0] for _ in range(8)} == {200}
        assert upstream.last("script:fixed")["headers"]["authorization"] == "Bearer " + SECRET
    finally:
        postgres.run()
    kit.until(lambda: admin.session.post(gateway.url + "/config/update", json={"general_settings": {"allowed_ips": ["192.0.2.1"]}}).status_code in (200, 403),
              what="the door to be closed")
    kit.until(lambda: "192.0.2.1" in kept.read_text(), what="the copy of the setting")
    postgres.halt()
    try:
        again(gateway)
        for _ in range(8):
            status, text = chat()
            assert status == 403 and "not allowed" in text, text
        for damage in (lambda: kept.write_text(kept.read_text()[:-9]),
                       lambda: kept.unlink() or gateway.write(settings | {"sluice": {"database_must_be_read": True}})):
            again(gateway, damage)
            for _ in range(8):
                status, text = chat()
                assert status == 503 and json.loads(text)["error"]["type"] == "no_db_connection" and "nobody is let in" in text, text
    finally:
        postgres.run()
    kit.until(lambda: {chat()[0] for _ in range(8)} == {403}, 30, "the settings to be read")


def test_a_spool_of_another_version(start):
    """Its head is kept aside, its rows are shipped, calls go on; a segment that nobody can read is kept, too."""
    gateway = start(config())
    ids = [gateway.chat("hello").headers["x-request-id"]]
    spool = gateway.run / "sluice.spool"

    def another():
        with open(spool / "head", "r+b") as f:
            f.write(b"splHead9")
        (spool / "0000000000000001.seg").write_bytes(b"spolSeg9" + bytes(100))
    again(gateway, another)
    ids += [gateway.chat("hello").headers["x-request-id"] for _ in range(5)]
    for call_id in ids:
        kit.until(lambda: gateway.get("/spend/logs?request_id=" + call_id).json(), what="the row of " + call_id)
    kit.until(lambda: gateway.metric("sluice_spool_aside_files") == 2, what="both files to be kept aside")
    assert sorted(p.name[:4] for p in (spool / "aside").iterdir()) == ["0000", "head"]
    assert gateway.error_log().count("of a version that this one does not know") == 2


@pytest.fixture
def listener():
    """Whoever connects to it is heard, and not answered."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(30)
    yield server
    server.close()


def test_a_teams_model_stays_out_of_our_network(start, listener):
    """A name that leads inside: no connection is even tried, unless the operator lists it."""
    gateway = start(config(num_retries=0))
    admin, base = Caller(gateway), f"https://localhost:{listener.getsockname()[1]}/v1"
    admin.post("/team/new", team_id="t1", members_with_roles=[{"role": "admin", "user_id": "lead"}])
    lead = Caller(gateway, admin.post("/key/generate", user_id="lead")["key"])
    key = admin.post("/key/generate", team_id="t1")["key"]
    params = {"model": "openai/gpt", "api_key": "sk-of-the-team", "api_base": base}
    lead.post("/model/new", model_name="own", litellm_params=params, model_info={"team_id": "t1"})

    def call():
        return gateway.post("/v1/chat/completions", {"model": "own", "messages": [{"role": "user", "content": "x"}]}, headers={"Authorization": "Bearer " + key})
    assert call().status_code >= 500
    kit.until(lambda: "its name stands for an internal address" in json.dumps(gateway.lines()) + gateway.error_log(), what="a line that tells why")
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()
    listener.settimeout(30)
    again(gateway, lambda: gateway.write(config(num_retries=0) | {"sluice": {"team_model_hosts": ["localhost"]}}))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(call)
        listener.accept()[0].close()
        assert answer.result(60).status_code >= 500


@pytest.fixture
def hook():
    """A web hook that takes everything; what it heard."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            server.events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.events = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def fleet(postgres, fresh_database, start, upstream, hook):
    """Two hosts with a housekeeper each; postgres.ask() of their database."""
    settings = config(num_retries=0) | {"sluice": {"key_rotation": True, "key_rotation_check": "1s", "key_rotation_grace": "1h"}}
    settings["model_list"].append(kit.deployment("cent", "openai/script:fixed,in=0,out=10", upstream.base + "/v1", input_cost_per_token=0, output_cost_per_token=0.001))
    settings["general_settings"] |= {"database_url": postgres.url(fresh_database), "alerting": ["webhook"]}
    hosts = [Caller(start(settings, workers=2, env={"WEBHOOK_URL": f"http://127.0.0.1:{hook.server_port}/hook"})) for _ in range(2)]
    yield hosts, lambda sql, *values: postgres.ask(sql, *values, database=fresh_database)


def statuses(host, key, model="hello", times=6):
    """On connections of their own, which go to all workers."""
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], "max_tokens": 10}
    return [requests.post(host.gateway.url + "/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}", "Connection": "close"},
                          timeout=60).status_code for _ in range(times)]


def test_two_hosts_are_one(fleet, hook):
    """Whom an identity provider takes away at one host the other does not serve; what housekeepers and clocks do by themselves is done once."""
    (here, there), ask = fleet
    token = here.post("/key/generate", allowed_routes=["/scim/*"])["key"]

    def scim(method, path, **body):
        answer = requests.request(method, here.gateway.url + "/scim/v2" + path, json=body, headers={"Authorization": "Bearer " + token}, timeout=30)
        assert answer.status_code in (200, 201, 204), answer.text
        return answer.json() if answer.content else {}
    user = scim("POST", "/Users", schemas=["urn:ietf:params:scim:schemas:core:2.0:User"], userName="leaves@example.org", active=True)["id"]
    key = here.post("/key/generate", user_id=user)["key"]
    for active, status in ((None, 200), (False, 401), (True, 200), (False, 401)):
        if active is not None:
            scim("PATCH", "/Users/" + user, schemas=["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                 Operations=[{"op": "replace", "path": "active", "value": active}])
        kit.until(lambda: set(statuses(there, key)) == {status}, what=f"{status} at the other host")
        assert set(statuses(there, key)) == {status}             # and it stays so
    scim("DELETE", "/Users/" + user)
    kit.until(lambda: set(statuses(there, key)) == {401}, what="the end of the user")

    # rotation: all keys fall due at once, under the eyes of both housekeepers
    due = {digest(k): k for k in (here.post("/key/generate", auto_rotate=True, rotation_interval="30d")["key"] for _ in range(8))}
    ask("UPDATE sluice_key SET rotates_at = 1, doc = replace(doc, '\"rotation_from\":', '\"rotation_from\":1,\"was\":') WHERE digest = ANY(%s)", list(due))
    told = kit.until(lambda: (lambda e: e if len(e) >= len(due) else None)([e for e in hook.events if e["event"] == "key_rotated"]), 60, "all keys to be rotated")
    # budgets that begin anew while they are spent on both hosts
    spends = here.post("/key/generate", max_budget=0.03, budget_duration="2s")["key"]
    mine = "sluice_account_period p JOIN sluice_account a ON a.id = p.account WHERE a.scope = 'key' AND a.entity = %s"

    def spend():
        found = collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for some in pool.map(lambda host: statuses(host, spends, "cent"), [here, there] * 2):
                found.update(some)
        made.update(found)
        return ask(f"SELECT count(*) FROM {mine} AND spent > 0", digest(spends))[0][0] >= 3
    made = collections.Counter()
    kit.until(spend, 60, "three periods")
    kit.until(lambda: ask("SELECT count(*) FROM sluice_request WHERE key_digest = %s AND status = 200", digest(spends))[0][0] == made[200], 30, "all rows")
    kit.until(lambda: ask(f"SELECT sum(held) FROM {mine}", digest(spends))[0][0] == 0, 60, "nothing to be held")
    periods = ask(f"SELECT spent FROM {mine}", digest(spends))
    assert sum(spent for spent, in periods) == made[200] * 10_000_000 and max(spent for spent, in periods) <= 30_000_000 and set(made) <= {200, 429}, (periods, made)

    # by now whoever rotates twice has had its time
    assert collections.Counter(e["old_token"] for e in told) == collections.Counter(list(due)) == collections.Counter(
        e["old_token"] for e in hook.events if e["event"] == "key_rotated")
    for event in told:
        kit.until(lambda e=event: {s for host in (here, there) for k in (e["key"], due[e["old_token"]]) for s in statuses(host, k, times=2)} == {200},
                  what="both values to be good")
        assert here.get("/key/info", key=event["key"])["info"]["rotation_count"] == 1


def test_guesses_are_bounded_by_address(start):
    """Then nothing is looked up that is not known; who is known goes on.  A minute may end in between."""
    settings = config() | {"sluice": {"wrong_keys": 5}}
    settings["general_settings"]["use_x_forwarded_for"] = True
    gateway = start(settings)
    admin = Caller(gateway)
    known, cold = (admin.post("/key/generate")["key"] for _ in range(2))

    def call(key, address="203.0.113.9"):
        return requests.post(gateway.url + "/v1/chat/completions", json={"model": "hello", "messages": [{"role": "user", "content": "x"}]}, timeout=30,
                             headers={"Authorization": f"Bearer {key}", "X-Forwarded-For": address})

    def link(address):
        return requests.get(gateway.url + "/onboarding/get_token?invite_link=inv-" + "0" * 64, headers={"X-Forwarded-For": address}, timeout=30)

    def is_over(address="203.0.113.9"):
        told = [call(f"sk-guess-number-{i}", address) for i in range(8)]
        assert {a.status_code for a in told} <= {401, 429}
        return told[-1].status_code == 429 and 0 < int(told[-1].headers["Retry-After"]) <= 60 and "too many wrong keys" in told[-1].text
    assert call(known).status_code == 200
    assert [call(f"sk-first-guess-{i}").status_code for i in range(2)] == [401, 401]
    kit.until(lambda: is_over() and call(cold).status_code == 429, what="keys that are not known to be refused")
    # the news of its making may come round late, and who it was is loaded again then
    kit.until(lambda: call(known, "203.0.113.12").status_code == call(known).status_code == 200, what="who is known to go on")
    assert call(kit.KEY).status_code == 200
    kit.until(lambda: is_over() and call("no-key-at-all").status_code == 429 and link("203.0.113.9").status_code == 429, what="all guesses to be refused")
    assert call(cold, "203.0.113.10").status_code == 200 and call("sk-guess", "203.0.113.10").status_code == 401
    kit.until(lambda: is_over("2001:db8:1:2::3") and call("sk-guess", "2001:db8:1:2:ffff::9").status_code == 429, what="a network to be one")
    assert call("sk-guess", "2001:db8:1:3::3").status_code == 401
    kit.until(lambda: [link("203.0.113.11").status_code for _ in range(8)][-1] == 429, what="links to be refused")
    assert "5 wrong keys from 203.0.113.9" in gateway.error_log()
    kit.until(lambda: call(cold, "203.0.113.12").status_code == call(cold).status_code == 200, what="who is known by now to go on")
