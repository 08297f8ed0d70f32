# SPDX-License-Identifier: Apache-2.0
"""Alerts reach web hooks once, whoever notices: budgets nearly and wholly spent, refusals, on two gateways with one database; the database away and back."""
import http.server
import json
import threading

import pytest

import kit

PRICE = {"input_cost_per_token": 0, "output_cost_per_token": 0.001}       # a cent for 10 tokens


class Hook:
    """A web hook that keeps what it hears."""

    def __init__(self):
        heard = self.heard = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, event):
        return kit.until(lambda: [e for e in self.heard if e.get("event") == event], what=f"the event {event}")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hook():
    server = Hook()
    yield server
    server.close()


def config(upstream, hook, **general):
    return {
        "model_list": [kit.deployment("gpt", "openai/script:fixed,in=0,out=10", upstream.base + "/v1", **PRICE)],
        "litellm_settings": {"num_retries": 0},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY", "alerting": ["webhook"]} | general,
        "environment_variables": {"WEBHOOK_URL": hook.url},
    }


def call(gateway, key):
    return gateway.post("/v1/chat/completions", {"model": "gpt", "max_tokens": 10, "messages": [{"role": "user", "content": "x"}]},
                        headers={"Authorization": f"Bearer {key}"}).status_code


def test_a_budget_that_is_spent(start, upstream, hook):
    gateway = start(config(upstream, hook))
    made = gateway.post("/key/generate", {"key_alias": "crossing", "max_budget": 0.1, "soft_budget": 0.05}).json()
    assert [call(gateway, made["key"]) for _ in range(12)] == [200] * 10 + [429] * 2
    crossed = hook.wait("budget_crossed")
    assert crossed[0]["key_alias"] == "crossing" and crossed[0]["token"] == made["token"] and crossed[0]["event_group"] == "key"
    assert crossed[0]["max_budget"] == 0.1 and "Key crossing has spent $0.10 of $0.10" in crossed[0]["event_message"]
    tested = gateway.get("/health/services?service=webhook").json()
    assert tested["status"] == "success" and "nothing is wrong" in hook.wait("test")[0]["event_message"]
    gateway.post("/key/update", {"key": made["key"], "max_budget": 0.2})
    assert [call(gateway, made["key"]) for _ in range(7)] == [200] * 7
    hook.wait("threshold_crossed")
    # one that is only warned, and
    soft = gateway.post("/key/generate", {"key_alias": "soft", "soft_budget": 0.015}).json()["key"]
    assert [call(gateway, soft) for _ in range(2)] == [200] * 2
    kit.until(lambda: [e for e in hook.heard if e["event"] == "soft_budget_crossed" and e["key_alias"] == "soft"], what="the soft budget to be told")
    # one that can pay nothing was never spent: its refusal is what tells
    poor = gateway.post("/key/generate", {"key_alias": "poor", "max_budget": 0.001}).json()["key"]
    assert call(gateway, poor) == 429
    kit.until(lambda: [e for e in hook.heard if e["event"] == "budget_crossed" and e["key_alias"] == "poor"], what="the refusal to be told")
    assert len([e for e in hook.heard if e["event"] == "budget_crossed"]) == 2


def test_where_alerts_go_is_a_setting(start, upstream, hook):
    """Nothing in the file: the housekeeper hears of it as workers do."""
    settings = config(upstream, hook)
    del settings["general_settings"]["alerting"], settings["environment_variables"]
    gateway = start(settings)
    said = {"general_settings": {"alerting": ["webhook"]}}
    assert "needs WEBHOOK_URL" in gateway.post("/config/update", said).json()["error"]["message"]
    assert gateway.post("/config/update", said | {"environment_variables": {"WEBHOOK_URL": hook.url}}).status_code == 200
    assert hook.url not in gateway.get("/config/yaml").text and gateway.get("/get/config/callbacks").json()["active_alerting_destinations"] == ["webhook"]
    key = gateway.post("/key/generate", {"max_budget": 0.01}).json()["key"]
    assert [call(gateway, key) for _ in range(2)] == [200, 429]
    hook.wait("budget_crossed")


def test_two_gateways_tell_it_once(start, upstream, hook, postgres, fresh_database):
    settings = config(upstream, hook, database_url=postgres.url(fresh_database))
    gateways = [start(settings), start(settings)]
    key = gateways[0].post("/key/generate", {"max_budget": 0.1}).json()["key"]
    for _ in range(30):
        for gateway in gateways:
            call(gateway, key)
    assert kit.until(lambda: call(gateways[0], key) == call(gateways[1], key) == 429, what="both to refuse")
    hook.wait("budget_crossed")
    kit.until(lambda: postgres.ask("SELECT count(*) FROM sluice_alert WHERE sent IS NULL", database=fresh_database)[0][0] == 0, what="all to be sent")
    assert len([e for e in hook.heard if e["event"] == "budget_crossed"]) == 1


def test_a_database_that_is_away(start, upstream, hook, postgres, fresh_database):
    gateway = start(config(upstream, hook, database_url=postgres.url(fresh_database)))
    gateway.expected += ["database", "store"]
    assert gateway.post("/key/generate", {}).status_code == 200
    postgres.halt()
    try:
        hook.wait("outage")
    finally:
        postgres.run()
    assert "the database can not be reached" in hook.wait("outage")[0]["event_message"]
    hook.wait("outage_over")
    assert [e["event"] for e in hook.heard] == ["outage", "outage_over"]
