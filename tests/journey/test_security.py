# SPDX-License-Identifier: Apache-2.0
"""Who is let in at all, what a caller can not choose, what nobody finds afterwards, and what the metrics tell of whom."""
import os
import re
import resource
import signal
import subprocess

import pytest
import requests

import kit
from managing import Caller, config, digest

PRICED = {"input_cost_per_token": "0.001", "output_cost_per_token": "0.002"}


def gate_config(upstream):
    settings = config()
    settings["model_list"] += [kit.deployment("gpt", "openai/script:fixed", upstream.base + "/v1", **PRICED)]
    settings["general_settings"] |= {
        "allowed_ips": ["10.0.0.0/8", "192.0.2.7"], "use_x_forwarded_for": True, "public_routes": ["/v1/completions"],
        "admin_only_routes": ["/model_group/info", "/key/list"],
        "allowed_routes": ["llm_api_routes", "management_routes", "info_routes", "spend_tracking_routes"]}
    settings["litellm_settings"] = settings.get("litellm_settings", {}) | {"blocked_user_list": ["mallory"]}
    return settings


@pytest.fixture(scope="module")
def gated(upstream):
    gateway = kit.Gateway(gate_config(upstream))
    yield gateway
    gateway.stop()


def chat(gateway, key=kit.KEY, path="/v1/chat/completions", headers=None, **more):
    body = {"model": "hello", "messages": [{"role": "user", "content": "hi"}], "prompt": "hi", "max_tokens": 5} | more
    return requests.post(gateway.url + path, json=body, headers=({"Authorization": f"Bearer {key}"} if key else {}) | (headers or {}), timeout=30)


def near(address="10.1.2.3"):
    return {"X-Forwarded-For": address}


def test_only_listed_addresses_are_let_in(gated):
    assert chat(gated, headers=near()).status_code == 200
    assert chat(gated, headers=near("192.0.2.7")).status_code == 200
    assert chat(gated, headers=near("10.9.9.9, 127.0.0.1")).status_code == 200
    for forged in (None, near("192.0.2.8"), near("10.1.2.3, 192.0.2.8"), near("10.1.2.3, nonsense"), {"Forwarded": "for=10.1.2.3"}):
        answer = chat(gated, headers=forged)
        assert answer.status_code == 403, forged
        assert answer.json()["error"]["message"].startswith("Access forbidden: IP address ")
    answer = chat(gated, path="/v1/messages", headers=near("192.0.2.8") | {"anthropic-version": "2023-06-01"})
    assert answer.status_code == 403 and answer.json()["type"] == "error" and "192.0.2.8" in answer.json()["error"]["message"]
    assert requests.get(gated.url + "/health/readiness", timeout=10).status_code == 200         # probes come from anywhere
    assert requests.get(gated.url + "/metrics", timeout=10).status_code == 403
    assert requests.get(gated.url + "/nowhere", timeout=10).status_code == 403


def test_routes_are_closed_open_or_admins(gated):
    assert requests.get(gated.url + "/audit", headers=gated.headers(**near()), timeout=10).json()["error"]["message"] == \
        "Access forbidden: Route /audit not allowed"
    # nobody needs a key for a public route: the call is counted and has its row all the same
    for key in (None, "sk-nobody-knows-this"):
        answer = chat(gated, key, "/v1/completions", near())
        assert answer.status_code == 200
    assert chat(gated, None, "/v1/chat/completions", near()).status_code == 401
    admin = Caller(gated)
    admin.session.headers.update(near())
    rows = kit.until(lambda: admin.get("/spend/logs", request_id=answer.headers["x-litellm-call-id"]), what="its row")
    assert len(rows) == 1 and rows[0]["model_group"] == "hello" and rows[0]["user"] == ""
    key = admin.post("/key/generate")["key"]
    answer = requests.get(gated.url + "/model_group/info", headers=near() | {"Authorization": f"Bearer {key}"}, timeout=10)
    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "user not allowed to access this route. Route=/model_group/info is an admin only route"
    assert requests.get(gated.url + "/key/list", headers=near() | {"Authorization": f"Bearer {key}"}, timeout=10).status_code == 403
    assert requests.get(gated.url + "/model_group/info", headers=gated.headers(**near()), timeout=10).status_code == 200


def test_end_users_that_are_shut_out(gated):
    answer = chat(gated, headers=near(), user="mallory")
    assert answer.status_code == 400 and "User blocked from making LLM API Calls" in answer.json()["error"]["message"]
    assert chat(gated, headers=near() | {"x-litellm-end-user-id": "mallory"}).status_code == 400
    assert chat(gated, headers=near(), user="alice").status_code == 200


CHOICES = [{"api_base": "http://127.0.0.1:1/"}, {"base_url": "http://127.0.0.1:1/"}, {"API_BASE": "x"}, {"custom_llm_provider": "azure"},
           {"models": ["anthropic/claude-opus"]}, {"MODELS": ["x"]}, {"model_list": []}, {"litellm_credential_name": "x"}, {"vertex_project": "x"},
           {"extra_headers": {"host": "x"}}]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: next(iter(c)))
def test_nobody_chooses_an_upstream(gated, upstream, choice):
    upstream.reset()
    for path in ("/v1/chat/completions", "/v1/messages"):
        answer = chat(gated, path=path, headers=near(), model="gpt", **choice)
        assert answer.status_code == 400, answer.text
    assert upstream.received() == []


def test_openrouters_route_does_not_reach_it(gated, upstream):
    assert chat(gated, headers=near(), model="gpt", route="fallback").status_code == 200
    assert "route" not in upstream.last()["body"]


def test_headers_and_paths_choose_no_host(plain, upstream):
    """Absolute addresses, dots and another Host lead nowhere else."""
    upstream.reset()
    for headers in ({"x-litellm-api-base": "http://127.0.0.1:1"}, {"x-api-base": "http://127.0.0.1:1"}, {"Host": "169.254.169.254"},
                    {"X-Forwarded-Host": "169.254.169.254"}, {"x-litellm-model-api-base": "http://127.0.0.1:1"}):
        answer = chat(plain, model="gpt", headers=headers)
        assert answer.status_code == 200, headers
    for path in ("/bria/../../secret", "/bria/%2e%2e/%2e%2e/secret", "/bria//169.254.169.254/x", "/bria/http://169.254.169.254/x", "/bria/..%2f..%2fsecret",
                 "/bria/@169.254.169.254/", "/bria/\\\\169.254.169.254\\x"):
        s = requests.Session()
        req = requests.Request("GET", plain.url, headers=plain.headers()).prepare()
        req.url = plain.url + path
        s.send(req, timeout=10)
    assert all(r["path"].startswith(("/v1/", "/files/bria")) for r in upstream.received()), [r["path"] for r in upstream.received()]
    assert not any("/../" in r["path"] or r["path"].endswith("/..") for r in upstream.received())


# what the metrics tell

def samples(gateway, **headers):
    text = requests.get(gateway.url + "/metrics", headers=headers, timeout=20).text
    return text, [(m[1], dict(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', m[2] or "")), float(m[3]))
                  for m in (re.match(r"([a-z_]+)(?:\{(.*)\})? (\S+)$", line) for line in text.splitlines()) if m]


def value(found, name, **labels):
    hits = [v for n, ls, v in found if n == name and labels.items() <= ls.items()]
    assert len(hits) == 1, (name, labels, hits)
    return hits[0]


def test_metrics_tell_of_keys_teams_and_budgets(start, upstream):
    settings = config()
    settings["model_list"] += [kit.deployment("priced", "openai/script:fixed", upstream.base + "/v1", **PRICED)]
    gateway = start(settings, workers=2)
    admin = Caller(gateway)
    team = admin.post("/team/new", team_alias="red", max_budget=50, budget_duration="30d")["team_id"]
    key = admin.post("/key/generate", key_alias="ann's", team_id=team, user_id="ann", max_budget=9, model_rpm_limit={"priced": 5})["key"]
    for _ in range(3):
        answer = chat(gateway, key, model="priced", user="somebody")
        assert answer.status_code == 200
    usage = answer.json()["usage"]
    cost = 3 * (usage["prompt_tokens"] * 0.001 + usage["completion_tokens"] * 0.002)
    assert chat(gateway, key, model="none").status_code == 400
    assert chat(gateway, "sk-" + "x" * 20, model="priced").status_code == 401
    who = {"hashed_api_key": digest(key), "api_key_alias": "ann's"}
    text, found = samples(gateway)
    of_call = who | {"team": team, "team_alias": "red", "user": "ann", "requested_model": "priced"}
    assert abs(value(found, "litellm_spend_metric_total", **of_call) - cost) < 1e-9
    assert value(found, "litellm_requests_metric_total", **of_call) == 3
    assert value(found, "litellm_total_tokens_metric_total", **of_call) == 3 * usage["total_tokens"]
    assert value(found, "litellm_proxy_total_requests_metric_total", status_code="200", route="/v1/chat/completions", **of_call) == 3
    assert value(found, "litellm_proxy_failed_requests_metric_total", exception_status="400", requested_model="other", **who) == 1
    assert value(found, "litellm_proxy_failed_requests_metric_total", exception_status="401", exception_class="AuthenticationError") == 1
    assert value(found, "litellm_remaining_api_key_requests_for_model", model="priced", **who) == 2
    assert value(found, "litellm_api_key_max_budget_metric", **who) == 9
    assert value(found, "litellm_team_max_budget_metric", team=team, team_alias="red") == 50
    assert 0 < value(found, "litellm_team_budget_remaining_hours_metric", team=team) <= 31 * 24
    assert value(found, "litellm_deployment_latency_per_output_token_count", model_group="priced") == 3

    def left():
        now = samples(gateway)[1]
        return abs(value(now, "litellm_remaining_api_key_budget_metric", **who) - (9 - cost)) < 1e-9 and \
            abs(value(now, "litellm_remaining_team_budget_metric", team=team) - (50 - cost)) < 1e-9
    kit.until(left, seconds=25, what="what is left of the budgets")
    assert key not in text and kit.KEY not in text and "somebody" not in text
