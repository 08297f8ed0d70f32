# SPDX-License-Identifier: Apache-2.0
"""What a call costs, who pays, and what the ledger says of it: one row for each, its cost in every sum."""
import json
import re
import signal
import sqlite3

import pytest
import requests

import kit

PRICE = {"input_cost_per_token": 0.00001, "output_cost_per_token": 0.00002}


@pytest.fixture(scope="module", params=["lighttpd", "fcgid"])
def booking(request, upstream):
    base = upstream.base + "/v1"
    running = kit.Gateway({
        "model_list": [kit.deployment("gpt", "openai/script:fixed", base, model_info={"id": "gpt-1"}, **PRICE),
                       kit.deployment("silent", "openai/script:fixed,usage=none", base, **PRICE),
                       kit.deployment("unpriced", "openai/script:fixed", base),
                       kit.deployment("broken", "openai/script:refuse,status=500", base, **PRICE)],
        "litellm_settings": {"num_retries": 0, "timezone": "Asia/Seoul", "budget_reset_time": "09:30"},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    }, form=request.param)
    yield running
    running.stop()


def make(booking, path, **body):
    r = booking.post(path, body)
    assert r.status_code == 200, r.text
    return r.json()


def call(booking, key, model="gpt", **more):
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 100} | more
    return requests.post(booking.url + "/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=30)


def rows(booking, **where):
    """Rows of the ledger, as dictionaries."""
    db = sqlite3.connect(f"file:{booking.run}/sluice.db?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    try:
        text = " AND ".join(f"{name} = ?" for name in where) or "1"
        return [dict(r) for r in db.execute(f"SELECT * FROM sluice_request WHERE {text} ORDER BY id", tuple(where.values()))]
    finally:
        db.close()


def one_row(booking, call_id):
    return kit.until(lambda: rows(booking, id=call_id), what=f"the row of {call_id}")[0]


def spend(booking, key):
    return booking.get(f"/key/info?key={key}").json()["info"]["spend"]


def test_a_call_has_its_row_and_its_cost_in_all_sums(booking):
    team = make(booking, "/team/new", team_alias=f"booking-{kit.unique()}")["team_id"]
    made = make(booking, "/key/generate", team_id=team, max_budget=1, metadata={"tags": ["paid"]})
    key = made["key"]
    r = call(booking, key)
    assert r.status_code == 200, r.text
    usage = r.json()["usage"]
    cost = usage["prompt_tokens"] * 10000 + usage["completion_tokens"] * 20000
    row = one_row(booking, r.headers["x-request-id"])
    assert row["cost"] == cost and row["prompt"] == usage["prompt_tokens"] and row["completion"] == usage["completion_tokens"]
    assert (row["key_digest"], row["team_id"], row["status"], row["ended"]) == (made["token"], team, 200, "complete")
    assert (row["model_group"], row["model_id"], row["provider"], row["call_type"], row["estimated"]) == ("gpt", "gpt-1", "openai", "acompletion", 0)
    kit.until(lambda: spend(booking, key) == cost / 1e9, what="the key's spend")
    assert booking.get(f"/team/info?team_id={team}").json()["team_info"]["spend"] == cost / 1e9
    assert float(r.headers["x-litellm-response-cost"]) == cost / 1e9
    noted = {"spend_logs_metadata": {"job": "night's \"run\""}}
    row = one_row(booking, call(booking, key, "silent", metadata=noted).headers["x-request-id"])     # its upstream says no usage
    assert booking.get(f"/spend/logs?request_id={row['id']}").json()[0]["metadata"]["spend_logs_metadata"] == noted["spend_logs_metadata"]
    assert row["estimated"] == 1 and row["cost"] == row["prompt"] * 10000 + row["completion"] * 20000 > 0


def test_a_spent_budget_refuses_and_says_why(booking):
    """Months begin where, and at the hour, that the configuration says."""
    made = make(booking, "/key/generate", key_alias=f"small-{kit.unique()}", max_budget=0.0001, budget_duration="30d")
    assert made["budget_reset_at"].endswith("-01T00:30:00.000Z")
    r = call(booking, made["key"], max_tokens=1000)
    error = r.json()["error"]
    assert r.status_code == 429 and error["type"] == "budget_exceeded" and error["code"] == "429", r.text
    assert error["message"].startswith(f"Budget has been exceeded! Key={made['key_alias']} Current cost: 0, Max budget: 0.0001")
    assert "has spent $0.00 of $0.0001" in error["message"] and r.headers["x-request-id"] in error["message"]
    assert re.search("; resets 1 [A-Z][a-z][a-z] 09:30 KST; wait for that, lower max_tokens, or have", error["message"])
    assert r.headers["x-should-retry"] == "false" and "retry-after" not in r.headers
    row = one_row(booking, r.headers["x-request-id"])
    assert (row["status"], row["cost"], row["ended"]) == (429, 0, "refused")
    assert spend(booking, made["key"]) == 0
    error = call(booking, make(booking, "/key/generate", max_budget=0)["key"]).json()["error"]
    assert "has spent $0.00 of $0.00; it does not reset; have an administrator raise it (/key/update)" in error["message"]


def test_a_call_without_a_limit_gets_what_the_rest_buys(booking, upstream):
    key = make(booking, "/key/generate", max_budget=0.05)["key"]
    r = call(booking, key, max_tokens=None)
    assert r.status_code == 200, r.text
    sent = json.loads(upstream.last("script:fixed")["body"])["max_tokens"]
    assert 256 <= sent <= 2500, sent


def test_a_model_without_a_price_and_a_budget(booking):
    bound, free = make(booking, "/key/generate", max_budget=1)["key"], make(booking, "/key/generate")["key"]
    r = call(booking, bound, "unpriced")
    assert r.status_code == 403 and "has no price" in r.json()["error"]["message"]
    assert call(booking, free, "unpriced").status_code == 200


def test_requests_a_minute(booking):
    key = make(booking, "/key/generate", rpm_limit=2)["key"]
    told = [call(booking, key) for _ in range(3)]
    assert [r.status_code for r in told] == [200, 200, 429]
    assert told[0].headers["x-ratelimit-limit-requests"] == "2" and told[0].headers["x-ratelimit-remaining-requests"] == "1"
    assert "Limit type: requests" in told[2].json()["error"]["message"] and told[2].json()["error"]["type"] == "throttling_error"
    assert 1 <= int(told[2].headers["retry-after"]) <= 60
    assert one_row(booking, told[2].headers["x-request-id"])["status"] == 429


def test_calls_at_once(booking):
    key = make(booking, "/key/generate", max_parallel_requests=1)["key"]
    for _ in range(3):
        assert call(booking, key).status_code == 200              # one after the other: each gives its place back


def test_a_failed_call_costs_nothing_and_has_its_row(booking):
    key = make(booking, "/key/generate", max_budget=1)["key"]
    r = call(booking, key, "broken")
    assert r.status_code == 500
    row = one_row(booking, r.headers["x-request-id"])
    assert row["cost"] == 0 and row["status"] == 500
    assert spend(booking, key) == 0


def test_the_master_key_has_rows_too(booking):
    r = booking.post("/v1/chat/completions", {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]})
    assert one_row(booking, r.headers["x-request-id"])["cost"] > 0


def test_a_reload_changes_how_budgets_hold(start, upstream):
    config = {"model_list": [kit.deployment("gpt", "openai/script:fixed", upstream.base + "/v1", **PRICE)],
              "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}}
    gateway = start(config)
    key = make(gateway, "/key/generate", max_budget=0.002)["key"]
    assert call(gateway, key, max_tokens=1000).status_code == 429         # it could cost more
    gateway.write(config | {"sluice": {"budget_mode": "litellm"}})
    gateway.pool.p.send_signal(signal.SIGHUP)
    kit.until(lambda: call(gateway, key, max_tokens=1000).status_code == 200, what="the new mode")
