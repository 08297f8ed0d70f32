# SPDX-License-Identifier: Apache-2.0
"""A day of a platform engineer: official SDKs through every shipped web server configuration."""
import json

import anthropic
import openai
import pytest
import requests

from kit import KEY, events, sse


def openai_client(gateway):
    return openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0)


def anthropic_client(gateway):
    return anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)


@pytest.mark.more_forms
@pytest.mark.parametrize("model", ["gpt", "claude", "hello"])
def test_openai_sdk(gateway, model):
    answer = openai_client(gateway).chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])
    assert answer.model == model
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0


@pytest.mark.more_forms
@pytest.mark.parametrize("model", ["gpt", "claude", "hello"])
def test_openai_sdk_streams(gateway, model):
    stream = openai_client(gateway).chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}], stream=True)
    chunks = list(stream)
    assert {c.model for c in chunks} == {model}
    assert len({c.id for c in chunks}) == 1
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert all(c.usage is None for c in chunks)


@pytest.mark.parametrize("model", ["gpt", "claude", "hello"])
def test_anthropic_sdk(gateway, model):
    answer = anthropic_client(gateway).messages.create(model=model, max_tokens=50, messages=[{"role": "user", "content": "hello"}])
    assert answer.model == model
    assert answer.content[0].text
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens > 0


@pytest.mark.more_forms
@pytest.mark.parametrize("model", ["gpt", "claude", "hello"])
def test_anthropic_sdk_streams(gateway, model):
    with anthropic_client(gateway).messages.stream(model=model, max_tokens=50, messages=[{"role": "user", "content": "hello"}]) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == final.content[0].text != ""
    assert final.model == model and final.stop_reason == "end_turn" and final.usage.output_tokens > 0


def test_headers_say_who_answered(gateway):
    answer = gateway.chat("gpt")
    assert answer.status_code == 200
    for name in ("call-id", "model-id", "model-group", "model-api-base", "version", "response-duration-ms", "overhead-duration-ms",
                 "attempted-retries", "attempted-fallbacks"):
        assert answer.headers["x-litellm-" + name]
    assert answer.headers["x-litellm-model-group"] == "gpt"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    line = gateway.line(answer.headers["x-litellm-call-id"])
    assert line["end"] == "complete" and line["status"] == 200 and line["dialect"] == "chat" and line["model"] == "gpt"
    assert [a["status"] for a in line["attempts"]] == [200] and line["attempts"][0]["error"] is None
    assert line["tokens"]["in"] == answer.json()["usage"]["prompt_tokens"] and line["estimated"] is False
    assert gateway.logged(answer.headers["x-litellm-call-id"]) and "group=gpt" in gateway.access_log()


@pytest.mark.more_forms
def test_no_secret_and_no_prompt_is_written(gateway):
    answer = gateway.chat("gpt", content="the-secret-of-the-prompt")
    gateway.line(answer.headers["x-litellm-call-id"])
    everything = "".join(p.read_text(errors="replace") for p in gateway.run.glob("*.log"))
    for secret in ("the-secret-of-the-prompt", KEY, "upstream-key"):
        assert secret not in everything


@pytest.mark.more_forms
@pytest.mark.parametrize("header", ["Authorization", "x-litellm-api-key", "x-api-key", "api-key", "x-goog-api-key", "Ocp-Apim-Subscription-Key"])
def test_the_key_in_every_header(gateway, header):
    assert requests.get(gateway.url + "/v1/models", headers={header: f"Bearer {KEY}"}).status_code == 200
    refused = requests.get(gateway.url + "/v1/models", headers={header: "Bearer wrong"})
    assert refused.status_code == 401 and "Location" not in refused.headers
    assert refused.json()["error"]["code"] == "401"


@pytest.mark.more_forms
def test_no_key(gateway):
    refused = requests.post(gateway.url + "/v1/messages", json={}, headers={"anthropic-version": "2023-06-01"})
    assert refused.status_code == 401
    assert refused.json()["type"] == "error" and refused.json()["error"]["type"] == "authentication_error"


def test_models_in_both_shapes(gateway):
    ids = [m.id for m in openai_client(gateway).models.list()]
    assert {"gpt", "claude", "hello"} <= set(ids)
    assert openai_client(gateway).models.retrieve("gpt").id == "gpt"
    assert {m.id for m in anthropic_client(gateway).models.list()} == set(ids)
    assert gateway.get("/models").json() == gateway.get("/v1/models").json()
    assert gateway.get("/v1/models/openai%2Fgpt-none").status_code in (200, 404)
    missing = gateway.get("/v1/models/nope")
    assert missing.status_code == 404 and missing.json()["error"]["code"] == "model_not_found"


@pytest.mark.more_forms
def test_probes_need_no_key(gateway):
    assert requests.get(gateway.url + "/health/liveliness").json() == "I'm alive!"
    assert requests.get(gateway.url + "/health/liveness").json() == "I'm alive!"
    assert requests.get(gateway.url + "/health/readiness").json()["status"] == "healthy"
    assert requests.head(gateway.url + "/").status_code == 200
    assert requests.get(gateway.url + "/health").status_code == 401


def test_health_tells_the_last_outcome(gateway):
    gateway.chat("gpt")
    assert gateway.chat("openai/script:refuse,status=500").status_code >= 500
    health = gateway.get("/health").json()
    good = {e["model_name"]: e for e in health["healthy_endpoints"]}
    bad = {e["model_name"]: e for e in health["unhealthy_endpoints"]}
    assert good["gpt"]["last_status"] == 200
    assert bad["openai/*"]["last_status"] == 500
    assert health["healthy_count"] + health["unhealthy_count"] == len(gateway.config["model_list"])


@pytest.mark.more_forms
def test_metrics(gateway):
    before = gateway.get("/metrics").text
    gateway.chat("gpt")
    after = gateway.get("/metrics").text
    assert "litellm_deployment_success_responses_total" in after and before != after


def test_paths_unknown_and_methods_wrong(gateway):
    for path in ("/v1/nothing", "/nothing", "/v1/chat", "/%00"):
        answer = gateway.get(path)
        assert answer.status_code in (400, 404), path
    answer = gateway.get("/v1/nothing")
    assert answer.status_code == 404 and answer.json()["error"]["message"]
    for path in ("/v1/chat/completions", "/v1/messages"):
        answer = gateway.get(path)
        assert answer.status_code == 405 and answer.headers["Allow"] == "POST" and answer.json()


def test_surfaces_of_later_versions(gateway):
    for path in ("/v1/moderations", "/v1/rerank"):
        answer = gateway.post(path, {})
        assert answer.status_code == 501, path
        assert answer.json()["error"]["message"] and answer.headers["x-should-retry"] == "false"


def test_count_tokens(gateway):
    for model in ("gpt", "claude", "hello"):
        counted = anthropic_client(gateway).messages.count_tokens(model=model, messages=[{"role": "user", "content": "hello"}])
        assert counted.input_tokens > 0


def test_without_v1(gateway):
    answer = gateway.post("/chat/completions", {"model": "gpt", "messages": [{"role": "user", "content": "x"}]})
    assert answer.status_code == 200
    assert gateway.post("/messages", {"model": "claude", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}).status_code == 200


def test_korean_passes(gateway):
    for model in ("openai/script:echo", "anthropic/script:echo"):
        assert gateway.chat(model, content="안녕하세요 🌊").json()["choices"][0]["message"]["content"].endswith("안녕하세요 🌊")
        chunks, done = sse(gateway.chat(model, content="안녕하세요 🌊", stream=True))
        text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
        assert done and text.endswith("안녕하세요 🌊")


def test_usage_is_asked_and_hidden(gateway, upstream):
    chunks, done = sse(gateway.chat("gpt", stream=True))
    assert done and all("usage" not in c for c in chunks)
    chunks, done = sse(gateway.chat("gpt", stream=True, stream_options={"include_usage": True}))
    assert done and chunks[-1]["choices"] == [] and chunks[-1]["usage"]["total_tokens"] > 0
    asked = [json.loads(r["body"]) for r in upstream.received() if r["path"].endswith("/chat/completions")]
    assert all(b["stream_options"]["include_usage"] for b in asked if b.get("stream"))


def test_messages_stream_is_whole(gateway):
    for model in ("gpt", "claude"):
        names = [name for name, _ in events(gateway.messages(model, stream=True))]
        assert names[0] == "message_start" and names[-1] == "message_stop"
        assert names.count("message_start") == names.count("message_stop") == 1
