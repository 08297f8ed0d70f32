# SPDX-License-Identifier: Apache-2.0
"""What users of other gateways complain about, where no other file proves that it can not happen here: money that is by-passed, forgotten or counted twice, and doors that
open by the wrong word."""
import shutil
import time

import pytest
import requests

import kit
from managing import Caller, digest

PRICE = {"input_cost_per_token": 0.00001, "output_cost_per_token": 0.00002}
SAY = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def served(upstream):
    base = upstream.base
    running = kit.Gateway({
        "model_list": [kit.deployment("gpt", "openai/script:fixed", base + "/v1", model_info={"id": "gpt-1"}, **PRICE),
                       kit.deployment("claude", "anthropic/script:fixed", base, **PRICE),
                       kit.deployment("cheap", "openai/script:fixed,in=100,out=10", base + "/v1", input_cost_per_token="1e-07", output_cost_per_token=0),
                       kit.deployment("twice", "openai/script:refuse,status=500", base + "/v1", order=1, **PRICE),
                       kit.deployment("twice", "openai/script:fixed,in=7,out=3", base + "/v1", order=2, **PRICE)],
        "litellm_settings": {"num_retries": 1}, "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
        "router_settings": {"provider_budget_config": {"anthropic": {"budget_limit": 0.000001, "time_period": "1d"}}},
    }, workers=2)
    yield Caller(running)
    running.stop()


SURFACES = {"/v1/chat/completions": {"messages": SAY}, "/v1/messages": {"messages": SAY}, "/v1/responses": {"input": "hi"}, "/v1/completions": {"prompt": "hi"}}


def say(caller, path, model, headers=None, **more):
    limit = "max_output_tokens" if path.endswith("responses") else "max_tokens"
    return caller.session.post(caller.gateway.url + path, json={"model": model, limit: 50} | SURFACES[path] | more, headers=headers, timeout=30)


def own(admin, **asked):
    return Caller(admin.gateway, admin.post("/key/generate", **asked)["key"])


def test_budgets_hold_on_every_surface(served):
    """A provider's, a key's and an end user's, whatever dialect is spoken and wherever the end user is named."""
    poor = own(served, max_budget=0.000001)
    for path in SURFACES:
        for answer, scope in ((say(served, path, "claude"), "Provider anthropic has spent"), (say(poor, path, "gpt"), "Key=")):
            assert answer.status_code == 429 and scope in answer.text, (path, answer.text)
    served.post("/customer/new", user_id="spent", max_budget=0)
    naming = own(served, metadata={"may_assert_user": True})
    for path in SURFACES:
        for more in ({"headers": {"x-litellm-customer-id": "spent"}}, {"headers": {"x-litellm-end-user-id": "spent"}}, {"user": "spent"}, {"metadata": {"user_id": "spent"}}):
            answer = say(naming, path, "gpt", **more)
            assert answer.status_code == 429 and "End User=spent over budget" in answer.text, (path, more, answer.text)


def test_a_call_that_was_tried_twice_is_paid_once(served):
    key = own(served, max_budget=1)
    answer = say(key, "/v1/chat/completions", "twice")
    assert answer.status_code == 200 and answer.headers["x-litellm-attempted-retries"] == "1", answer.text
    cost = 0.00013
    assert float(answer.headers["x-litellm-response-cost"]) == cost
    row, = kit.until(lambda: served.get("/spend/logs", request_id=answer.headers["x-litellm-call-id"]), what="the row")
    assert row["spend"] == cost and len(row["metadata"]["attempts"]) == 2
    kit.until(lambda: key.get("/key/info")["info"]["spend"] == cost, what="the key's spend")
    time.sleep(0.3)
    assert key.get("/key/info")["info"]["spend"] == cost and served.get("/spend/logs/v2", api_key=digest(key.session.headers["x-api-key"]), start_date="2020-01-01",
                                                                        end_date="2100-01-01")["total"] == 1
    assert float(say(key, "/v1/chat/completions", "cheap").headers["x-litellm-response-cost"]) == 0.00001       # a price that is a text; neither 0 nor 100 times it


def test_a_budget_is_asked_where_it_is_meant(served):
    """A team's key does not spend what its owner may, a budget for a model stops no other, and both are counted for all."""
    served.post("/user/new", user_id="broke", max_budget=0, auto_create_key=False)
    team = served.post("/team/new", team_alias="rich")["team_id"]
    assert say(own(served, user_id="broke"), "/v1/chat/completions", "gpt").status_code == 429
    assert say(own(served, user_id="broke", team_id=team), "/v1/chat/completions", "gpt").status_code == 200
    kit.until(lambda: served.get("/user/info", user_id="broke")["user_info"]["spend"] > 0, what="what was counted")
    one = own(served, model_max_budget={"gpt": {"budget_limit": 0, "time_period": "1d"}})
    assert [say(one, "/v1/chat/completions", model).status_code for model in ("gpt", "cheap")] == [429, 200]


def test_a_budget_begins_anew_when_its_period_ends(served):
    """By itself: nobody touches the key, and nothing needs to run for it."""
    cost = 0.00001
    key, said = own(served, max_budget=3 * cost, budget_duration="2s"), []
    kit.until(lambda: said.append(say(key, "/v1/chat/completions", "cheap").status_code) or said[-1] == 429, what="the budget to be spent")
    assert 200 in said
    kit.until(lambda: say(key, "/v1/chat/completions", "cheap").status_code == 200, what="another period")


def test_spending_outlives_processes_and_resets_once(start, upstream):
    """A budget for one model, and a reset of it: neither lives in the memory of a worker."""
    state = kit.folder()
    kit.give(state)
    config = {"model_list": [kit.deployment("gpt", "openai/script:fixed,in=10,out=10", upstream.base + "/v1", **PRICE)],
              "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}}
    cost, bound = 0.0003, 0.00103          # what it takes, and what it could take by the length of its body
    first = start(config, workers=2, env={"SLUICE_STATE_DIR": state})
    admin = Caller(first)
    key = own(admin, model_max_budget={"gpt": {"budget_limit": bound + 1.5 * cost, "time_period": "30d"}}, max_budget=1).session.headers["x-api-key"]
    said = [say(Caller(first, key), "/v1/chat/completions", "gpt", max_tokens=10) for _ in range(4)]
    assert [a.status_code for a in said] == [200, 200, 429, 429] and "exceeded budget for model=gpt" in said[3].text, said[3].text
    kit.until(lambda: admin.get("/key/info", key=key)["info"]["spend"] == pytest.approx(2 * cost), what="the spend")
    first.kill()
    second = start(config, workers=2, env={"SLUICE_STATE_DIR": state})
    admin, again = Caller(second), Caller(second, key)
    assert admin.get("/key/info", key=key)["info"]["spend"] == pytest.approx(2 * cost)
    assert say(again, "/v1/chat/completions", "gpt", max_tokens=10).status_code == 429
    admin.post("/key/update", key=key, model_max_budget={})
    assert admin.post(f"/key/{digest(key)}/reset_spend", reset_to=0)["spend"] == 0
    assert say(again, "/v1/chat/completions", "gpt", max_tokens=10).status_code == 200
    kit.until(lambda: admin.get("/key/info", key=key)["info"]["spend"] == pytest.approx(cost), what="what came after the reset, and no more")
    shutil.rmtree(state, ignore_errors=True)


def test_wrong_words_open_no_door(served):
    """SQL and hashes for keys, tables that stay; forms that are none; a host that is none."""
    url = served.gateway.url
    key = own(served)
    before = served.get("/key/list")["total_count"]
    for word in ("sk-' OR '1'='1", "sk-1'; DROP TABLE sluice_key; --", "sk-%", "sk-____________________", digest(key.session.headers["x-api-key"]), "sk-" + digest(kit.KEY), ""):
        for name, value in (("Authorization", f"Bearer {word}"), ("x-api-key", word), ("api-key", word), ("x-litellm-api-key", f"Bearer {word}"), ("x-goog-api-key", word)):
            answer = requests.get(url + "/key/info", headers={name: value}, timeout=30)
            assert answer.status_code == 401 and kit.KEY not in answer.text and (len(word) < 40 or word not in answer.text.replace(digest(word), "")), answer.text
    for query in ("api_key=' OR 1=1 --", "user_id=%25", "request_id=1' UNION SELECT digest FROM sluice_key --", "session_id=%25", "error_message=%25%25%25%25"):
        assert requests.get(f"{url}/spend/logs/v2?start_date=2020-01-01&end_date=2100-01-01&{query}", headers=key.session.headers, timeout=30).json().get("total", 0) == 0
    assert served.get("/key/list")["total_count"] == before
    form = requests.post(url + "/v1/chat/completions", data=b"--" + b"a" * 70 + b"\r\n" * 50000, timeout=30,
                         headers={"x-api-key": kit.KEY, "Content-Type": "multipart/form-data; boundary=" + "a" * 70})
    assert form.status_code == 400
    for host in ("evil.example/../", "a b", "x" * 5000, "[::1", "@"):
        answer = requests.get(url + "/key/list", headers={"Host": host}, timeout=30)
        assert answer.status_code in (400, 401), (host, answer.status_code)
    for member in ("api_base", "base_url", "api_key", "extra_headers", "litellm_credential_name", "custom_llm_provider"):
        refused = served.post("/v1/chat/completions", 400, model="gpt", messages=SAY, **{member: "http://evil.example"})
        assert "can not choose an upstream" in refused["error"]["message"]
