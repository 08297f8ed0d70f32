# SPDX-License-Identifier: Apache-2.0
"""Retries and fallbacks: what may be tried again is, the rest is told, and the line says what happened."""
import pytest

import kit
from kit import Held, deployment, until


@pytest.fixture(scope="module")
def routed(upstream):
    openai, anthropic = upstream.base + "/v1", upstream.base
    dead = f"http://127.0.0.1:{kit.free_port()}/v1"

    def pair(name, first, first_base=openai, **more):
        return [deployment(name, first, first_base, order=1, **more), deployment(name, f"openai/script:fixed,text={name}", openai, order=2)]
    config = {
        "model_list": [
            *pair("after-429", "openai/script:refuse,status=429"),
            *pair("after-500", "openai/script:refuse,status=500"),
            *pair("after-408", "openai/script:refuse,status=408"),
            *pair("after-503", "openai/script:refuse,status=503"),
            *pair("after-401", "openai/script:refuse,status=401"),
            *pair("after-404", "openai/script:refuse,status=404"),
            *pair("after-refused", "openai/x", dead),
            *pair("after-silence", "openai/script:silent", timeout=0.2, stream_timeout=0.2),
            *pair("after-html", "openai/script:html"),
            *pair("after-error200", "openai/script:error200"),
            *pair("after-cut", "openai/script:nothing"),
            *pair("after-400", "openai/script:refuse,status=400"),
            *pair("after-413", "openai/script:refuse,status=413"),
            *pair("after-422", "openai/script:refuse,status=422"),
            *pair("after-content", "openai/script:cut,after=3"),
            deployment("alone", "openai/script:fail-then,text=alone", openai),
            *pair("left-waiting", "openai/script:silent,text=left-waiting"),
            deployment("left-pausing", "openai/script:refuse,status=429,retry-after=50,text=left-pausing", openai),
            deployment("to-claude", "openai/script:refuse,status=529", openai),
            deployment("claude", "anthropic/script:fixed,text=claude", anthropic),
            deployment("to-gpt", "anthropic/script:refuse,status=529", anthropic),
            deployment("gpt", "openai/script:fixed,text=gpt", openai),
            deployment("all-dead", "openai/script:refuse,status=503,message=first", openai),
            deployment("dead-too", "openai/script:refuse,status=500,message=second", openai),
            *[deployment("shared", f"openai/script:fixed,text={n}", openai, weight=w) for n, w in (("heavy", 9), ("light", 1))],
        ],
        "router_settings": {"num_retries": 2, "retry_after": 0, "fallbacks": [{"to-claude": ["claude"]}, {"to-gpt": ["gpt"]}, {"all-dead": ["dead-too"]}]},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    }
    running = kit.Gateway(config)
    yield running
    running.stop()


def ask(gateway, surface, model, **more):
    answer = (gateway.chat if surface == "chat" else gateway.messages)(model, **more)
    return answer, gateway.line(answer.headers["x-litellm-call-id"])


WHYS = {"after-408": "TIMEOUT", "after-429": "RATE_LIMIT", "after-500": "UPSTREAM_FAILED", "after-503": "OVERLOADED", "after-401": "UPSTREAM_CREDENTIAL",
        "after-404": "UPSTREAM_NOT_FOUND", "after-refused": "UPSTREAM_UNREACHABLE", "after-silence": "UPSTREAM_TIMEOUT",
        "after-html": "UPSTREAM_FAILED", "after-error200": None, "after-cut": "UPSTREAM_FAILED"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("surface", ["chat", "messages"])
@pytest.mark.parametrize("model", WHYS)
def test_another_deployment_answers(routed, surface, model, stream):
    answer, line = ask(routed, surface, model, stream=stream)
    assert answer.status_code == 200 and model in answer.text
    assert answer.headers["x-litellm-attempted-retries"] == "1" and answer.headers["x-litellm-attempted-fallbacks"] == "0"
    assert [a["error"] is None for a in line["attempts"]] == [False, True] and line["end"] == "complete"
    assert line["attempts"][0]["deployment"] != line["attempts"][1]["deployment"] == line["deployment"]
    if WHYS[model]:
        assert line["attempts"][0]["error"] == WHYS[model]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("surface", ["chat", "messages"])
@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_callers_mistake_is_told_and_blames_nobody(routed, surface, status, stream):
    answer, line = ask(routed, surface, f"after-{status}", stream=stream)
    assert answer.status_code == (400 if surface == "messages" and status == 422 else status)
    assert len(line["attempts"]) == 1 and line["end"] == "refused"
    bad = {e["model_name"] for e in routed.get("/health").json()["unhealthy_endpoints"]}
    assert f"after-{status}" not in bad


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model,state", [("left-waiting", "aborted"), ("left-pausing", "complete")])
def test_nothing_is_tried_after_the_client_left(routed, upstream, model, state, stream):
    script = next(d["litellm_params"]["model"] for d in routed.config["model_list"] if d["model_name"] == model)
    before = len(upstream.received(script))
    client = Held(routed, "chat", model, stream=stream)
    until(lambda: len(upstream.received(script)) > before and (model == "left-waiting" or upstream.last(script)["state"] == state))
    client.leave()
    line = until(lambda: next((x for x in routed.lines() if x.get("model") == model and x["stream"] == stream), None))
    assert line["end"] == "left" and len(line["attempts"]) == 1
    upstream.wait_state(script, state)
    assert len(upstream.received(script)) == before + 1 and upstream.received(f"script:fixed,text={model}") == []


@pytest.mark.parametrize("surface", ["chat", "messages"])
def test_nothing_is_tried_again_after_content(routed, surface):
    answer, line = ask(routed, surface, "after-content", stream=True)
    assert answer.status_code == 200 and "[DONE]" not in answer.text and "message_stop" not in answer.text
    assert '"error"' in answer.text and 'text=after-content' not in answer.text
    assert len(line["attempts"]) == 1 and line["end"] == "cut" and line["reason"] == "UPSTREAM_CUT"


def test_a_lone_deployment_is_asked_again(routed):
    answer, line = ask(routed, "chat", "alone")
    assert answer.status_code == 200 and [a["error"] is None for a in line["attempts"]] == [False, True]
    assert line["attempts"][0]["deployment"] == line["attempts"][1]["deployment"]


@pytest.mark.parametrize("surface", ["chat", "messages"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model,other", [("to-claude", "claude"), ("to-gpt", "gpt")])
def test_fallbacks_cross_dialects(routed, surface, stream, model, other):
    answer, line = ask(routed, surface, model, stream=stream, **({} if surface == "messages" else {"max_tokens": 20}))
    assert answer.status_code == 200 and other in answer.text
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1" and answer.headers["x-litellm-model-group"] == other
    assert line["group"] == other and line["model"] == model


def test_when_all_fail_the_first_failure_is_told(routed):
    answer, line = ask(routed, "chat", "all-dead")
    assert answer.status_code == 503 and "first" in answer.json()["error"]["message"] and "second" not in answer.text
    assert line["end"] == "cut" and len(line["attempts"]) == 6


def test_callers_may_ask_for_no_retries(routed):
    answer = routed.post("/v1/chat/completions", {"model": "after-500", "messages": [{"role": "user", "content": "x"}]},
                         headers={"x-litellm-num-retries": "0"})
    assert answer.status_code == 500 and len(routed.line(answer.headers["x-litellm-call-id"])["attempts"]) == 1


def test_weights(routed):
    texts = [routed.chat("shared").json()["choices"][0]["message"]["content"] for _ in range(60)]
    assert texts.count("heavy") > texts.count("light")


def test_a_rate_limit_keeps_its_words(start, upstream):
    gateway = start({"model_list": [deployment("gpt", "openai/script:refuse,status=429,retry-after=7", upstream.base + "/v1")],
                     "router_settings": {"num_retries": 0}})
    for surface, kind in (("chat", "throttling_error"), ("messages", "rate_limit_error")):
        answer, _ = ask(gateway, surface, "gpt")
        assert answer.status_code == 429 and answer.headers["retry-after"] == "7" and answer.json()["error"]["type"] == kind


def test_deployment_ids_and_aliases(start, upstream):
    gateway = start({"model_list": [deployment("gpt", "openai/script:fixed", upstream.base + "/v1", model_info={"id": "my-id"})],
                     "router_settings": {"model_group_alias": {"gpt-4": "gpt", "secret": {"model": "gpt", "hidden": True}}}})
    for name in ("gpt", "my-id", "gpt-4", "secret"):
        answer = gateway.chat(name)
        assert answer.status_code == 200 and answer.json()["model"] == name and answer.headers["x-litellm-model-id"] == "my-id"
    names = [m["id"] for m in gateway.get("/v1/models").json()["data"]]
    assert "gpt-4" in names and "secret" not in names
