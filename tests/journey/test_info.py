# SPDX-License-Identifier: Apache-2.0
"""What the gateway tells of its models and itself, as LiteLLM's clients read it."""
import json
from urllib.parse import quote

import anthropic
import pytest
import requests

import kit
from kit import KEY

ANTHROPIC = {"anthropic-version": "2023-06-01"}
SECRET = "c0nfidential"


@pytest.fixture(scope="module")
def told(upstream):
    """A gateway whose configuration holds a secret in every place where people put one."""
    openai, claude = upstream.base + "/v1", upstream.base
    with_user = openai.replace("http://", f"http://user:{SECRET}@") + f"?sig={SECRET}"
    running = kit.Gateway({
        "model_list": [
            kit.deployment("gpt", "openai/gpt-4o", with_user, key=SECRET, rpm=10, temperature=0.5, organization="org-1",
                           extra_headers={"Authorization": f"Bearer {SECRET}", "X-Other": SECRET}, extra_body={"deep": [{"token": SECRET, "word": SECRET}]},
                           client_secret=SECRET, aws_secret_access_key=SECRET, vertex_credentials={"private_key": SECRET},
                           unheard_of=SECRET, mcp_servers=[{"authorization_token": SECRET}],
                           model_info={"id": "gpt-1", "supports_vision": False, "own": "hello", "custom_tokenizer": {"auth_token": SECRET}}),
            kit.deployment("gpt", "openai/gpt-4o-mini", openai, litellm_credential_name="shared", key=None),
            kit.deployment("claude", "anthropic/claude-sonnet-4-5", claude, key=SECRET, model_info={"input_cost_per_token": "7e-06"}),
            kit.deployment("failing", "anthropic/script:refuse,status=500", claude, key=SECRET),
            kit.deployment("org/own model", "hosted_vllm/own", openai, key=None),
            kit.deployment("emb", "openai/text-embedding-3-small", openai, key=SECRET),
        ],
        "credential_list": [{"credential_name": "shared", "credential_values": {"api_key": SECRET}, "credential_info": {}}],
        "router_settings": {"model_group_alias": {"short": "gpt", "hush": {"model": "gpt", "hidden": True}}, "fallbacks": [{"gpt": ["claude"]}]},
        "litellm_settings": {"num_retries": 0},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    })
    yield running
    running.stop()


def data(gateway, path):
    answer = gateway.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def count(gateway, body, query=""):
    answer = gateway.post("/utils/token_counter" + query, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_model_info(told):
    entries = data(told, "/model/info")
    assert entries == data(told, "/v1/model/info") and [e["model_name"] for e in entries] == \
        ["gpt", "gpt", "claude", "failing", "org/own model", "emb", "short", "short"]
    gpt = entries[0]
    assert gpt["litellm_params"]["model"] == "openai/gpt-4o" and gpt["litellm_params"]["rpm"] == 10
    assert gpt["litellm_params"]["temperature"] == 0.5 and gpt["litellm_params"]["extra_headers"] == {"X-Other": "***"}
    info = gpt["model_info"]
    assert info["id"] == "gpt-1" and info["db_model"] is False and info["own"] == "hello" and info["key"] == "gpt-4o"
    assert (info["max_tokens"], info["max_input_tokens"], info["max_output_tokens"]) == (16384, 128000, 16384)
    assert (info["input_cost_per_token"], info["output_cost_per_token"]) == (2.5e-06, 1e-05)
    assert (info["litellm_provider"], info["mode"]) == ("openai", "chat")
    assert info["supports_vision"] is False and info["supports_function_calling"] is True and info["supports_reasoning"] is None
    assert "tools" in info["supported_openai_params"]
    assert entries[2]["model_info"]["input_cost_per_token"] == 7e-06
    assert entries[4]["model_info"]["max_tokens"] is None and entries[4]["model_info"]["litellm_provider"] == "hosted_vllm"


def test_one_deployment_by_the_id_that_answers_tell(told):
    answered = told.chat("org/own model")
    entries = data(told, "/model/info?litellm_model_id=" + answered.headers["x-litellm-model-id"])
    assert [e["model_name"] for e in entries] == ["org/own model"]
    unknown = told.get("/v1/model/info?litellm_model_id=no%0Asuch")
    assert unknown.status_code == 400 and "not found on litellm proxy" in unknown.json()["error"]["message"]


def test_pages_of_deployments(told):
    page = told.get("/v2/model/info?page=2&size=3").json()
    assert [e["model_name"] for e in page["data"]] == ["failing", "org/own model", "emb"]
    assert {k: v for k, v in page.items() if k != "data"} == {"total_count": 8, "current_page": 2, "total_pages": 3, "size": 3}
    assert [e["model_name"] for e in data(told, "/v2/model/info?search=OWN")] == ["org/own model"]
    assert [e["model_info"]["id"] for e in data(told, "/v2/model/info?modelId=gpt-1&model=short")] == ["gpt-1"]
    for query in ("page=0", "page=-1", "size=x", "size=99999999999999999999", "size="):
        wrong = told.get("/v2/model/info?" + query)
        assert wrong.status_code == 400 and wrong.json()["error"]["param"] == query.split("=")[0]


def test_model_groups(told):
    groups = {g["model_group"]: g for g in data(told, "/model_group/info")}
    assert set(groups) == {"gpt", "claude", "failing", "org/own model", "emb", "short"}
    gpt = groups["gpt"]
    assert gpt["providers"] == ["openai"] and gpt["mode"] == "chat" and (gpt["rpm"], gpt["tpm"]) == (10, None)
    assert (gpt["max_input_tokens"], gpt["input_cost_per_token"], gpt["output_cost_per_token"]) == (128000, 2.5e-06, 1e-05)
    assert gpt["supports_vision"] is True and gpt["supports_url_context"] is False and gpt["is_public_model_group"] is False
    assert groups["claude"]["input_cost_per_token"] == 7e-06 and "seed" not in groups["claude"]["supported_openai_params"]
    assert groups["org/own model"]["max_input_tokens"] is None
    assert [g["model_group"] for g in data(told, "/model_group/info?model_group=org%2Fown%20model")] == ["org/own model"]
    assert data(told, "/model_group/info?model_group=nope") == []


def test_supported_params(told):
    assert "thinking" in told.get("/utils/supported_openai_params?model=claude").json()["supported_openai_params"]
    for query in ("", "?model=", "?model=nope"):
        assert told.get("/utils/supported_openai_params" + query).status_code == 400


def test_routes(told):
    routes = told.get("/routes").json()["routes"]
    assert all(set(r) == {"path", "methods", "name", "endpoint"} for r in routes)
    paths = {r["path"]: r["methods"] for r in routes}
    assert paths["/v1/chat/completions"] == paths["/chat/completions"] == ["POST"] and paths["/model/info"] == ["GET", "HEAD"]
    for path, methods in paths.items():
        if "{" in path or not methods or methods[0] not in ("GET", "POST"):
            continue
        dated = "?api-version=2024-10-21" if path.startswith("/openai/") else ""        # Azure's own paths want it
        answer = requests.request(methods[0], told.url + path + dated, headers=told.headers(), data="x" if methods[0] == "POST" else None, timeout=60)
        assert answer.status_code not in (405, 501) and (answer.status_code != 404 or answer.json()["error"]["message"] != "Not Found"), path


def test_no_secret_is_told(told):
    paths = ["/model/info", "/v1/model/info?litellm_model_id=gpt-1", "/v2/model/info", "/model_group/info", "/v1/models", "/v1/models/gpt", "/routes",
             "/v1/models?include_metadata=true", "/health", "/metrics", "/utils/supported_openai_params?model=gpt", "/model/info?litellm_model_id=x"]
    everything = "".join(told.get(path).text for path in paths)
    everything += "".join(told.get(path, headers=ANTHROPIC).text for path in ("/v1/models", "/v1/models/gpt"))
    everything += json.dumps(count(told, {"model": "gpt", "prompt": "x"}))
    everything += "".join(p.read_text(errors="replace") for p in told.run.glob("*.log"))
    assert "gpt-1" in everything and SECRET not in everything and KEY not in everything


def test_the_key_is_needed(told):
    for path in ("/model/info", "/v1/model/info", "/v2/model/info", "/model_group/info", "/routes", "/utils/supported_openai_params?model=gpt"):
        refused = requests.get(told.url + path, timeout=60)
        assert refused.status_code == 401 and refused.json()["error"]["code"] == "401", path
    assert requests.post(told.url + "/utils/token_counter", json={"model": "gpt", "prompt": "x"}, timeout=60).status_code == 401


def test_wrong_methods(told):
    for path in ("/model/info", "/v1/model/info", "/v2/model/info", "/model_group/info", "/routes"):
        answer = told.post(path, {})
        assert answer.status_code == 405 and answer.headers["Allow"] == "GET", path
    answer = told.get("/utils/token_counter")
    assert answer.status_code == 405 and answer.headers["Allow"] == "POST"
    head = requests.head(told.url + "/model/info", headers=told.headers(), timeout=60)
    assert head.status_code == 200 and not head.content


def test_models_as_openai_tells_them(told):
    models = told.get("/v1/models").json()
    assert models["object"] == "list"
    assert models["data"][0] == {"id": "gpt", "object": "model", "created": 1677610602, "owned_by": "openai", "mode": "chat",
                                 "max_input_tokens": 128000, "max_output_tokens": 16384}
    assert {"mode", "max_input_tokens"} & set(models["data"][3]) == set()
    for query in ("return_wildcard_routes=true", "include_model_access_groups=true", "scope=expand", "healthy_only=true", "limit=x", "&&=&"):
        assert told.get("/v1/models?" + query).json() == models, query
    assert told.get("/v1/models?team_id=x").status_code == 404
    assert told.get("/v1/models?only_model_access_groups=true").json()["data"] == []
    assert told.get("/v1/models?include_metadata=True&fallback_type=general").json()["data"][0]["metadata"] == {"fallbacks": ["claude"]}
    assert told.get("/v1/models?include_metadata=1&fallback_type=context_window").json()["data"][0]["metadata"] == {"fallbacks": []}
    for query in ("include_metadata=maybe", "include_metadata=1&fallback_type=bad"):
        assert told.get("/v1/models?" + query).status_code == 400
    for path in ("/v1/models/org%2Fown%20model", "/models/org/own%20model"):
        assert told.get(path).json()["id"] == "org/own model"
    assert told.get("/models/hush").json()["id"] == "hush"


def test_models_as_anthropic_tells_them(told):
    client = anthropic.Anthropic(base_url=told.url, api_key=KEY, max_retries=0)
    assert [m.id for m in client.models.list(limit=2)] == ["gpt", "claude", "failing", "org/own model", "emb", "short"]
    page = client.models.list(limit=2, before_id="emb")
    assert ([m.id for m in page.data], page.first_id, page.last_id, page.has_more) == (["failing", "org/own model"], "failing", "org/own model", True)
    assert client.models.retrieve("claude").id == "claude"
    one = told.get("/v1/models/claude", headers=ANTHROPIC).json()
    assert (one["type"], one["display_name"], one["max_input_tokens"], one["max_tokens"]) == ("model", "claude", 200000, 64000)
    for query in ("limit=0", "limit=1001", "limit=x", "after_id=nope", "before_id=" + quote("x" * 5000)):
        wrong = told.get("/v1/models?" + query, headers=ANTHROPIC)
        assert wrong.status_code == 400 and wrong.json()["error"]["type"] == "invalid_request_error" and len(wrong.text) < 1000, query
    missing = told.get("/v1/models/nope", headers=ANTHROPIC)
    assert missing.status_code == 404 and missing.json()["error"]["type"] == "not_found_error"


def test_wildcards_are_the_models_they_stand_for(start):
    gateway = start({"model_list": [{"model_name": "anthropic/*", "litellm_params": {"model": "anthropic/*", "api_key": SECRET}}],
                     "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}})
    client = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    ids = [m.id for m in client.models.list(limit=5)]
    assert "anthropic/claude-sonnet-4-5" in ids and len(ids) == len(set(ids)) > 5 and "anthropic/*" not in ids
    assert ids == [m["id"] for m in gateway.get("/v1/models").json()["data"]]
    assert "anthropic/*" in [m["id"] for m in gateway.get("/v1/models?return_wildcard_routes=true").json()["data"]]


def test_token_counter(told):
    hello = [{"role": "user", "content": "hello there"}]
    counted = count(told, {"model": "gpt", "messages": hello})
    assert counted == {"total_tokens": counted["total_tokens"], "request_model": "gpt", "model_used": "gpt-4o", "tokenizer_type": "sluice_estimate",
                       "count_source": "local_estimate", "original_response": None, "error": False, "error_message": None, "status_code": None}
    assert 6 <= counted["total_tokens"] <= 15
    assert count(told, {"model": "claude", "messages": hello, "tools": [{"name": "f", "input_schema": {"type": "object"}}]})["total_tokens"] > 12
    assert count(told, {"model": "gpt", "prompt": "hello there"})["total_tokens"] >= 2
    assert count(told, {"model": "gpt", "contents": [{"role": "user", "parts": [{"text": "hello there"}]}]})["total_tokens"] >= 5
    assert count(told, {"model": "short", "prompt": "x"})["model_used"] == "gpt-4o"
    assert count(told, {"model": "unheard", "prompt": "x"})["model_used"] == "unheard"     # as LiteLLM: any model is counted


def test_the_upstream_counts_when_asked(told, upstream):
    body = {"model": "claude", "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello there"}], "temperature": 1,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]}
    counted = count(told, body, "?call_endpoint=true")
    assert (counted["tokenizer_type"], counted["count_source"], counted["model_used"]) == ("anthropic_api", "provider", "claude-sonnet-4-5")
    assert counted["original_response"]["input_tokens"] == counted["total_tokens"] > 0
    asked = upstream.last("claude-sonnet-4-5")
    sent = json.loads(asked["body"])
    assert asked["path"].endswith("/v1/messages/count_tokens")
    assert sent["model"] == "claude-sonnet-4-5" and [t["name"] for t in sent["tools"]] == ["f"] and "be brief" in json.dumps(sent["system"])
    assert {"max_tokens", "stream", "temperature"} & set(sent) == set()
    assert count(told, {"model": "claude", "prompt": "hello"}, "?call_endpoint=1")["tokenizer_type"] == "anthropic_api"


@pytest.mark.parametrize("model, messages", [
    ("failing", [{"role": "user", "content": "x"}]),            # it fails
    ("gpt", [{"role": "user", "content": "x"}]),                # nobody counts there
    ("claude", [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]}]),   # said in another dialect
    ("claude", []),
])
def test_the_estimate_stands_in(told, model, messages):
    counted = count(told, {"model": model, "messages": messages}, "?call_endpoint=true")
    assert counted["tokenizer_type"] == "sluice_estimate" and counted["error"] is False


@pytest.mark.parametrize("body, words", [
    ("", "Invalid JSON"), ("xx", "Invalid JSON"), ("[]", "object"), ("{}", "Field required"), ('{"model":5,"prompt":"x"}', "string"),
    ('{"model":"gpt"}', "prompt or messages or contents must be provided"), ('{"model":"gpt","messages":"x"}', "list"),
    ('{"model":"gpt","messages":[5]}', "messages[0]"), ('{"model":"gpt","prompt":"x","tools":5}', "list"),
    ('{"model":"gpt","prompt":"x","api_key":"k"}', "api_key"), (b'{"model":"gpt","prompt":"\xff"}', "Invalid JSON"),
    ('{"model":"gpt","messages":[' + '{"a":[' * 40 + ']}' * 40 + ']}', "deep"),
])
def test_token_counter_refuses(told, body, words):
    refused = told.post("/utils/token_counter", body)
    assert refused.status_code == 400 and words in refused.json()["error"]["message"] and len(refused.content) < 1000


def test_token_counter_on_the_edge(told):
    assert told.post("/utils/token_counter?call_endpoint=maybe", {"model": "gpt", "prompt": "x"}).status_code == 400
    huge = count(told, {"model": "x" * 10000, "messages": [{"role": "user", "content": "word " * 400000}]})
    assert huge["total_tokens"] > 400000
    assert told.post("/utils/token_counter", '{"model":"gpt","prompt":"' + "x" * (33 << 20) + '"}').status_code == 413
    assert told.get("/health/readiness").status_code == 200
