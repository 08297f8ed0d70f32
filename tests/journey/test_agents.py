# SPDX-License-Identifier: Apache-2.0
"""Agents: what all calls of their keys may take, and what each of their sessions may."""
import pytest
import requests

import kit

PRICE = {"input_cost_per_token": 0.00001, "output_cost_per_token": 0.00002}
CARD = {"name": "crawler", "url": "http://agent.example", "version": "1"}


@pytest.fixture(scope="module", params=["lighttpd", "fcgid"])
def agents(request, upstream, postgres):
    """The one with a file, the other with a server for its database."""
    name = postgres.new() if request.param == "fcgid" else None
    running = kit.Gateway({
        "model_list": [kit.deployment("gpt", "openai/script:fixed", upstream.base + "/v1", **PRICE)],
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"} | ({"database_url": postgres.url(name)} if name else {}),
        "litellm_settings": {"num_retries": 0},
        "agent_list": [{"agent_name": "of-file", "agent_card_params": CARD, "litellm_params": {"max_iterations": 1, "api_key": "sk-not-kept"}}],
    }, form=request.param, workers=2)
    yield running
    running.stop()
    if name:
        postgres.release(name)


def made(agents, path, **body):
    r = agents.post(path, body)
    assert r.status_code == 200, r.text
    return r.json()


def agent(agents, params=None, **more):
    return made(agents, "/v1/agents", agent_name=f"crawler-{kit.unique()}", agent_card_params=CARD, litellm_params=params or {}, **more)


def ask(agents, method, path, body=None):
    return requests.request(method, agents.url + path, json=body, headers=agents.headers(), timeout=60)


def call(agents, key, session=None, headers=None, **more):
    headers = {"Authorization": f"Bearer {key}"} | ({"x-litellm-session-id": session} if session else {}) | (headers or {})
    return requests.post(agents.url + "/v1/chat/completions", headers=headers, timeout=60,
                         json={"model": "gpt", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 100} | more)


def words(r, status=429):
    assert r.status_code == status, r.text
    return r.json()["error"]["message"]


def test_a_session_makes_so_many_calls(agents, upstream):
    """By header and by body it is the same session, on all workers; other sessions and other agents are others."""
    one, two = agent(agents, {"max_iterations": 3}), agent(agents, {"max_iterations": 3})
    key = made(agents, "/key/generate", agent_id=one["agent_id"])["key"]
    other = made(agents, "/key/generate", agent_id=two["agent_id"])["key"]
    assert call(agents, key, "s1").status_code == 200
    assert call(agents, key, headers={"x-litellm-trace-id": "s1"}).status_code == 200
    assert call(agents, key, metadata={"session_id": "s1"}).status_code == 200
    r = call(agents, key, litellm_session_id="s1")
    assert words(r).startswith("Max iterations exceeded for session s1. Current count: 3, max_iterations: 3.")
    assert r.headers["x-should-retry"] == "false" and r.headers["x-request-id"] in words(r)
    assert call(agents, key, "s2").status_code == 200 and call(agents, key).status_code == 200
    assert call(agents, other, "s1", litellm_session_id="no vendor's").status_code == 200
    assert "session" not in upstream.last("script:fixed")["body"]
    made_bigger = ask(agents, "PATCH", f"/v1/agents/{one['agent_id']}", {"litellm_params": {"max_iterations": 4}})
    assert made_bigger.json()["litellm_params"] == {"max_iterations": 4} and made_bigger.json()["agent_name"] == one["agent_name"]
    assert call(agents, key, "s1").status_code == 200 and call(agents, key, "s1").status_code == 429


def test_a_session_spends_so_much(agents):
    """Held before it is spent, and told with what was spent; the agent's own spending is that of all its sessions."""
    one = agent(agents, {"max_budget_per_session": 0.003})
    key = made(agents, "/key/generate", agent_id=one["agent_id"])["key"]
    spent = 0
    for _ in range(40):
        r = call(agents, key, "s1")
        if r.status_code != 200:
            break
        spent += float(r.headers["x-litellm-response-cost"])
    assert words(r).startswith("Session budget exceeded for session s1. Current spend: $") and ", max_budget_per_session: $0.003. Session s1 has spent" in words(r)
    assert r.json()["error"]["type"] == "budget_exceeded" and 0 < spent <= 0.003
    more = call(agents, key, "s2")
    assert more.status_code == 200
    spent += float(more.headers["x-litellm-response-cost"])
    kit.until(lambda: agents.get(f"/v1/agents/{one['agent_id']}").json()["spend"] == pytest.approx(spent), what="the agent's spend")
    row = kit.until(lambda: agents.get(f"/spend/logs?request_id={more.headers['x-request-id']}").json(), what="the row")[0]
    assert (row["agent_id"], row["session_id"]) == (one["agent_id"], "s2")


def test_limits_of_agents_and_of_their_sessions(agents):
    one = agent(agents, rpm_limit=1)
    keys = [made(agents, "/key/generate", agent_id=one["agent_id"])["key"] for _ in range(2)]
    limited = kit.until(lambda: [r for r in (call(agents, k) for k in keys) if r.status_code == 429], what="a refusal")[0]
    assert words(limited).startswith(f"Rate limit exceeded for agent: {one['agent_id']}. Limit type: requests. Current limit: 1")
    one = agent(agents, session_rpm_limit=1)
    key = made(agents, "/key/generate", agent_id=one["agent_id"])["key"]
    limited = kit.until(lambda: [r for r in (call(agents, key, "s1") for _ in range(2)) if r.status_code == 429], what="a refusal")[0]
    assert words(limited).startswith("Rate limit exceeded for agent_session: ") and "s1. Limit type: requests" in words(limited)
    assert call(agents, key, "s2").status_code == 200 and call(agents, key).status_code == 200
    one = agent(agents, {"require_trace_id_on_calls_by_agent": True})
    key = made(agents, "/key/generate", agent_id=one["agent_id"])["key"]
    assert "must include the x-litellm-trace-id header" in words(call(agents, key), 400)
    assert call(agents, key, "s1").status_code == 200
    one = agent(agents, max_budget=0)
    key = made(agents, "/key/generate", agent_id=one["agent_id"])["key"]
    assert words(call(agents, key)).startswith(f"Budget has been exceeded! Agent={one['agent_id']} Current cost: 0, Max budget: 0.")


def test_keys_have_sessions_too_and_so_has_the_file(agents):
    made_key = made(agents, "/key/generate", max_iterations=1, metadata={"max_budget_per_session": "0.5"})
    assert made_key["metadata"]["max_iterations"] == 1 and made_key["metadata"]["max_budget_per_session"] == 0.5
    tagged = made(agents, "/key/generate", tag_tpm_limit={"batch": 5}, tag_rpm_limit={"batch": 3})["metadata"]
    assert (tagged["tag_tpm_limit"], tagged["tag_rpm_limit"]) == ({"batch": 5}, {"batch": 3})
    assert "by mail" in words(agents.post("/key/generate", {"send_invite_email": True}), 400)
    key = made_key["key"]
    assert call(agents, key, "s1").status_code == 200 and call(agents, key, "s1").status_code == 429 and call(agents, key, "s2").status_code == 200
    key = made(agents, "/key/generate", agent_id="of-file")["key"]
    assert call(agents, key, "s1").status_code == 200 and words(call(agents, key, "s1")).startswith("Max iterations exceeded for session s1.")
    shown = agents.get("/v1/agents/of-file").json()
    assert shown["litellm_params"] == {"max_iterations": 1} and shown["spend"] >= 0
    assert "agent_list" in words(ask(agents, "PATCH", "/v1/agents/of-file", {"enabled": False}), 400)


def test_agents_are_kept(agents):
    one = agent(agents, {"max_iterations": "7", "model": "gpt", "input_cost_per_token": 0.5}, tpm_limit=100)
    path = f"/v1/agents/{one['agent_id']}"
    assert one["litellm_params"] == {"max_iterations": 7, "model": "gpt", "input_cost_per_token": 0.5} and one["tpm_limit"] == 100 and one["agent_card_params"] == CARD
    assert one in agents.get("/v1/agents").json() and "of-file" in [a["agent_id"] for a in agents.get("/v1/agents").json()]
    whole = ask(agents, "PUT", path, {"agent_name": one["agent_name"], "agent_card_params": {}}).json()
    assert whole["litellm_params"] == {} and whole["tpm_limit"] is None and whole["created_at"] == one["created_at"]
    key = made(agents, "/key/generate", agent_id=one["agent_id"])["key"]
    assert [a["agent_id"] for a in agents.get("/v1/agents", headers={"Authorization": f"Bearer {key}"}).json()] == [one["agent_id"]]
    ask(agents, "PATCH", path, {"enabled": False})
    assert f"Agent={one['agent_id']} is blocked" in words(call(agents, key), 401)
    ask(agents, "PATCH", path, {"enabled": True})
    assert call(agents, key).status_code == 200
    assert "has keys" in words(ask(agents, "DELETE", path), 400)
    assert agents.post("/key/delete", {"keys": [key]}).status_code == 200 and ask(agents, "DELETE", path).status_code == 200
    assert "not found" in words(agents.get(path), 404)
    for body, why in [({"static_headers": {"x": "y"}}, "not in force"), ({"kill_switch": True}, "not in force"), ({"litellm_params": {"api_key": "sk-secret"}}, "holds a secret"),
                      ({"litellm_params": {"servers": [{"auth": {"access_token": "sk-secret"}}]}}, "holds a secret (access_token)"),
                      ({"agent_name": ""}, "agent_name is required"), ({"litellm_params": {"max_iterations": -1}}, "max_iterations")]:
        r = agents.post("/v1/agents", {"agent_name": f"a-{kit.unique()}"} | body)
        assert r.status_code in (400, 422) and why in r.json()["error"]["message"] and "sk-secret" not in r.text
    twin = agent(agents)["agent_name"]
    assert "already exists" in words(agents.post("/v1/agents", {"agent_name": twin}), 400)
    assert "Agent not found" in words(agents.post("/key/generate", {"agent_id": "nobody"}), 400)
    user = made(agents, "/user/new", user_role="internal_user")["key"]
    own = {"Authorization": f"Bearer {user}"}
    mine = agents.post("/key/generate", {}, headers=own).json()["key"]
    for path, body in [("/key/generate", {"agent_id": "of-file"}), ("/key/update", {"key": mine, "agent_id": "of-file"})]:
        assert "Only proxy admins" in words(agents.post(path, body, headers=own), 403)
    plain = {"Authorization": f"Bearer {made(agents, '/key/generate')['key']}"}
    assert agents.post("/v1/agents", {"agent_name": "mine"}, headers=plain).status_code == 403
