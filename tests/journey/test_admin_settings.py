# SPDX-License-Identifier: Apache-2.0
"""Settings of the database: laid over the file on every worker of every host, sealed where they are secret; and what LiteLLM's dashboard and monitors ask."""
import requests

import kit
from managing import Caller, config

SECRET = "sk-upstream-of-a-variable"


def chat(caller, model, status=200):
    return caller.post("/v1/chat/completions", status, model=model, messages=[{"role": "user", "content": "hi"}])


def everywhere(callers, status):
    """30 connections of their own go to all workers."""
    body = {"model": "nobody-serves-it", "messages": [{"role": "user", "content": "hi"}]}
    for caller in callers:
        for _ in range(15):
            answer = requests.post(caller.gateway.url + "/v1/chat/completions", json=body, headers={"x-api-key": kit.KEY}, timeout=30)
            assert answer.status_code == status, answer.text


def test_two_hosts_take_a_setting(postgres, fresh_database, start, upstream):
    settings = config(num_retries=1)
    settings["general_settings"]["database_url"] = postgres.url(fresh_database)
    here, there = (Caller(start(settings, workers=2)) for _ in range(2))
    everywhere((here, there), 400)
    assert here.post("/config/update", general_settings={"completion_model": "hello"})["message"] == "Config updated successfully"
    assert chat(here, "nobody-serves-it")["choices"]                 # this worker before the answer
    everywhere((here,), 200)                                         # every worker of this host at once
    kit.until(lambda: there.status(model="nobody-serves-it") == 200, what="the other host to take it")
    everywhere((there,), 200)
    row, = (r for r in there.get("/config/list", config_type="general_settings") if r["field_name"] == "completion_model")
    assert (row["field_value"], row["stored_in_db"], row["source"], row["editable"]) == ("hello", True, "db", True)

    # what the file says counts
    assert "is set in the config file and cannot be changed here" in there.refused("/config/update", 400, router_settings={"num_retries": 3})["message"]
    # what sluice check would say
    assert "must be" in there.refused("/config/update", 400, general_settings={"max_request_size_mb": -1}, router_settings={"retry_after": 1})["message"]
    assert there.get("/router/settings")["current_values"]["retry_after"] == 0
    assert "while the gateway runs" in there.refused("/config/update", 400, general_settings={"master_key": "sk-another-master-key"})["message"]

    there.post("/config/field/delete", field_name="completion_model", config_type="general_settings")
    everywhere((there,), 400)
    kit.until(lambda: here.status(model="nobody-serves-it") == 400, what="the other host to take it")
    everywhere((here,), 400)

    # a variable: sealed, used, never told
    here.post("/config/update", environment_variables={"UP_KEY": SECRET})
    here.post("/model/new", model_name="by-variable", litellm_params={"model": "openai/by-variable", "api_base": upstream.base + "/v1", "api_key": "os.environ/UP_KEY"})
    chat(here, "by-variable")
    assert upstream.last("by-variable")["headers"]["authorization"] == "Bearer " + SECRET
    stored = postgres.ask("SELECT doc FROM sluice_thing WHERE kind = 'setting'", database=fresh_database)
    assert len(stored) == 1 and SECRET not in str(stored)
    told = here.get("/config/yaml")
    assert told["environment_variables"] == {"UP_KEY": "***"} and told["general_settings"]["master_key"] == "***" and SECRET not in str(told)
    audit = here.get("/audit", table_name="LiteLLM_Config", page_size=100)
    assert audit["total"] >= 6 and SECRET not in str(audit)          # three changes, three refusals

    # whoever is no admin
    key = Caller(there.gateway, here.post("/key/generate")["key"])
    key.refused("/config/update", 403, general_settings={"completion_model": "hello"})
    key.get("/config/yaml", 403)
    assert set(key.get("/get/ui_settings")) == {"values", "field_schema"}


def test_settings_outlive_a_restart_and_a_file_that_says_otherwise(start):
    state = kit.folder()
    kit.give(state)
    caller = Caller(start(config(), env={"SLUICE_STATE_DIR": state}))
    caller.ask("PATCH", "/update/internal_user_settings", json={"max_budget": 12.5, "budget_duration": "7d"})
    caller.ask("PATCH", "/update/default_team_settings", json={"rpm_limit": 3})
    caller.ask("PATCH", "/config/cost_discount_config", json={"openai": 0.05})
    caller.gateway.stop()
    caller = Caller(start(config(default_team_params={"rpm_limit": 9}), env={"SLUICE_STATE_DIR": state}))
    made = caller.post("/user/new", auto_create_key=False)
    assert (made["max_budget"], made["budget_duration"]) == (12.5, "7d")
    assert caller.post("/team/new")["rpm_limit"] == 9
    assert caller.get("/config/cost_discount_config")["values"] == {"openai": 0.05}
    assert caller.ask("PATCH", "/update/default_team_settings", 400, json={"rpm_limit": 5})["error"]["code"] == "400"


def test_one_real_call(start, upstream):
    """/health?model_id= and /health/test_connection call a deployment once, as any call: admitted and booked."""
    gateway = start(config())
    caller = Caller(gateway)
    free = {"input_cost_per_token": 0, "output_cost_per_token": 0}
    own = {"model": "openai/tried", "api_base": upstream.base + "/v1", "api_key": "sk-of-a-trial"}
    for id, model, mode in (("good", "openai/good", "chat"), ("vectors", "openai/vectors", "embedding")):
        caller.post("/model/new", model_name=id, litellm_params=own | free | {"model": model}, model_info={"id": id, "mode": mode})
        found = caller.get("/health", model_id=id)
        assert (found["healthy_count"], found["unhealthy_count"]) == (1, 0) and found["healthy_endpoints"][0]["model_id"] == id, found
        assert upstream.last(id)["path"].endswith("embeddings" if mode == "embedding" else "chat/completions")
    caller.post("/model/new", model_name="bad", litellm_params=free | {"model": "openai/bad", "api_base": "http://127.0.0.1:9/v1", "api_key": "k"}, model_info={"id": "bad"})
    gateway.expected += ["refused", "reached"]
    found = caller.get("/health", model_id="bad")
    assert found["unhealthy_count"] == 1 and "could not be reached" in found["unhealthy_endpoints"][0]["error"]
    caller.get("/health", 404, model_id="none")

    # checks are kept, newest first
    checks = kit.until(lambda: (lambda all: all if all["total_records"] == 3 else None)(caller.get("/health/history")), what="three checks")["health_checks"]
    assert [(c["model_id"], c["status"], c["healthy_count"], c["checked_by"]) for c in checks] == [
        ("bad", "unhealthy", 0, "default_user_id"), ("vectors", "healthy", 1, "default_user_id"), ("good", "healthy", 1, "default_user_id")]
    assert "could not be reached" in checks[0]["error_message"] and checks[0]["details"]["model_id"] == "bad" and checks[2]["error_message"] is None
    page = caller.get("/health/history", status_filter="healthy", limit=1, offset=1)
    assert [c["model_id"] for c in page["health_checks"]] == ["good"] and (page["total_records"], page["limit"], page["offset"]) == (2, 1, 1)
    assert [c["model_id"] for c in caller.get("/health/history", model="vectors")["health_checks"]] == ["vectors"]
    caller.get("/health/history", 422, status_filter="ill")

    tested = caller.post("/health/test_connection", litellm_params={"model": "good"})
    assert tested["status"] == "success" and tested["result"]["model_id"] == "good"
    assert caller.post("/health/test_connection", litellm_params={"model": "openai/bad"})["status"] == "error"
    assert caller.post("/health/test_connection", litellm_params={"model": "x"}, model_info={"id": "good"})["status"] == "success"
    tested = caller.post("/health/test_connection", litellm_params=own, mode="chat")
    assert tested["status"] == "success" and tested["result"]["model"] == "openai/tried" and "sk-of-a-trial" not in str(tested)
    assert upstream.last("tried")["headers"]["authorization"] == "Bearer sk-of-a-trial"
    assert "nosuchvendor" in caller.refused("/health/test_connection", 400, litellm_params={"model": "nosuchvendor/x"})["message"]
    caller.refused("/health/test_connection", 400, litellm_params=own | {"api_key": "os.environ/LITELLM_MASTER_KEY"})
    # a configured deployment's key goes to nobody a caller names
    caller.post("/health/test_connection", litellm_params={"model": "openai/good", "api_base": upstream.base + "/v1"}, model_info={"id": "good"})
    assert "sk-of-a-trial" not in str(upstream.last("good")["headers"])
    assert "test-connection" not in [m["id"] for m in caller.get("/v1/models")["data"]]

    # what an upstream would be sent, without sending it
    shown = caller.post("/utils/transform_request", call_type="anthropic_messages",
                        request_body={"model": "good", "max_tokens": 5, "messages": [{"role": "user", "content": "shown only"}]})
    assert shown["raw_request_api_base"] == upstream.base + "/v1/chat/completions" and shown["raw_request_headers"]["Authorization"] == "***"
    assert shown["raw_request_body"]["messages"] == [{"role": "user", "content": "shown only"}] and "shown only" not in str(upstream.received("good"))
    caller.refused("/utils/transform_request", 400, call_type="paint", request_body={})

    key = Caller(gateway, caller.post("/key/generate", models=["good"])["key"])
    key.refused("/health/test_connection", 403, litellm_params={"model": "good"})
    assert key.get("/health", model_id="good")["healthy_count"] == 1
    key.get("/health", 401, model_id="vectors")
    key.post("/utils/transform_request", 401, call_type="completion", request_body={"model": "vectors", "messages": [{"role": "user", "content": "x"}]})
    rows = kit.until(lambda: [r for r in caller.get("/spend/logs/v2", start_date="2020-01-01 00:00:00", end_date="2099-01-01 00:00:00", page_size=100)["data"]
                              if r["model_id"] == "good"][3:], what="the rows of four calls")
    assert len(rows) == 1


def test_what_monitors_and_dashboards_ask(start):
    gateway = start(config())
    caller, nobody = Caller(gateway), requests.Session()
    for path, begins in (("/test", {"route": "/test"}), ("/public/model_hub", []), ("/public/providers", None), ("/public/litellm_model_cost_map", None),
                         ("/.well-known/litellm-ui-config", None)):
        answer = nobody.get(gateway.url + path, timeout=30)
        assert answer.status_code == 200 and (begins is None or answer.json() == begins), path
    prices = nobody.get(gateway.url + "/public/litellm_model_cost_map", timeout=30).json()
    assert prices["gpt-4o"]["litellm_provider"] == "openai" and prices["gpt-4o"]["input_cost_per_token"] > 0 and "openai" in nobody.get(gateway.url + "/public/providers").json()
    assert caller.get("/health/latest") == {"latest_health_checks": {}, "total_models": 0}
    chat(caller, "hello")
    latest = caller.get("/health/latest")
    assert latest["total_models"] == 1 and [c["status"] for c in latest["latest_health_checks"].values()] == ["healthy"]
    assert caller.get("/health", model="hello")["healthy_count"] == 1 and caller.get("/health", model="none")["healthy_count"] == 0
    assert caller.get("/health/readiness/details")["db"] == "connected" and caller.get("/health/backlog")["in_flight_requests"] == 1
    caller.get("/health/drain", 404)
    assert caller.get("/health/history")["health_checks"] == []
    assert nobody.get(gateway.url + "/health/backlog", timeout=30).status_code == 401
    assert "does not name slack" in caller.get("/health/services", 422, service="slack")["error"]["message"]
    for path, key in (("/guardrails/list", "guardrails"), ("/prompts/list", "prompts"), ("/search_tools/list", "search_tools"), ("/vector_store/list", "data")):
        assert caller.get(path)[key] == []
    assert caller.post("/guardrails", 501, guardrail={})["error"]["code"] == "501"

    # callbacks of a team are kept, sealed, and said not to be in force
    team = caller.post("/team/new")["team_id"]
    added = caller.post(f"/team/{team}/callback", callback_name="langfuse", callback_vars={"langfuse_secret_key": SECRET})
    assert added["status"] == "success" and added["in_force"] is False and SECRET not in str(added)
    assert "already exists" in caller.refused(f"/team/{team}/callback", 400, callback_name="langfuse", callback_vars={})["message"]
    data = caller.get(f"/team/{team}/callback")["data"]
    assert data["success_callbacks"] == data["failure_callbacks"] == ["langfuse"] and data["callback_vars"] == {"langfuse_secret_key": "***REDACTED***"}
    assert SECRET not in str(caller.get("/team/info", team_id=team))
    stranger = Caller(gateway, caller.post("/key/generate")["key"])
    stranger.get(f"/team/{team}/callback", 403)
    caller.ask("DELETE", f"/team/{team}/callback/none", 404)
    caller.post(f"/team/{team}/callback", callback_name="datadog", callback_type="failure", callback_vars={})
    gone = caller.ask("DELETE", f"/team/{team}/callback/datadog")
    off = caller.post(f"/team/{team}/disable_logging")
    assert gone["data"]["failure_callbacks"] == ["langfuse"] and off["data"]["success_callbacks"] == []
    for answer in gone, off:
        assert answer["in_force"] is False and "sends calls to no such service" in answer["note"]
    own = Caller(gateway, caller.post("/key/generate", metadata={"logging": [{"callback_name": "gcs_bucket", "callback_vars": {"gcs_path": SECRET}}]})["key"])
    assert stranger.post("/key/health") == {"key": "healthy", "logging_callbacks": None} and caller.post("/key/health")["key"] == "healthy"
    health = own.post("/key/health")
    assert (health["key"], health["logging_callbacks"]["callbacks"], health["logging_callbacks"]["status"]) == ("unhealthy", ["gcs_bucket"], "unhealthy")
    assert "none of these services" in health["logging_callbacks"]["details"] and SECRET not in str(health)
