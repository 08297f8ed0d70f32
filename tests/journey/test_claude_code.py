# SPDX-License-Identifier: Apache-2.0
"""Claude Code, the real command line client: on Anthropic as if nothing were between, on any other upstream so that both understand."""
import json

import pytest
import requests

import kit
from agents import WORD, Home, reached, script
from kit import KEY

READ = {"call": "Bash", "args": json.dumps({"command": "cat note.txt", "description": "Read the note"})}
LOGIN = "sk-ant-oat01-the-login-of-a-person"
VERSION = {"anthropic-version": "2023-06-01"}
UPSTREAMS = ["anthropic", "openai"]
HOPS = {"accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "host"}   # belong to one hop, or are ours


@pytest.fixture(scope="module", params=["lighttpd", "proxy_fcgi"])
def served(request, upstream):
    """A gateway whose models of the name of a vendor ask for the file, then quote it."""
    anthropic, openai = upstream.base, upstream.base + "/v1"
    mark = request.param
    gateway = kit.Gateway({
        "model_list": [
            kit.deployment("anthropic", "anthropic/" + script("tools", text=mark, **READ), anthropic),
            kit.deployment("openai", "openai/" + script("tools", text=mark, **READ), openai, model_info={"max_output_tokens": 8000}),
            kit.deployment("mine", "anthropic/" + script("tools", text=mark + "-mine", **READ), anthropic),
            kit.deployment("refused", "anthropic/" + script("refuse", status=401, text=mark, message="OAuth token has expired"), anthropic),
            kit.deployment("broken", "anthropic/" + script("refuse", status=500, text=mark), anthropic),
            kit.deployment("other-vendor", "acme/" + script("fixed", text=mark + "-other"), anthropic),
        ],
        "litellm_settings": {"num_retries": 0, "fallbacks": [{"broken": ["other-vendor"]}],
                             "model_group_settings": {"forward_client_headers_to_llm_api": ["mine", "refused", "broken", "other-vendor"]}},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
        "sluice": {"vendors": {"acme": {"base_url": anthropic, "wire": "anthropic"}}},
    }, form=request.param)
    gateway.mark = mark
    yield gateway
    gateway.stop()


def told(events):
    """The text that came piece by piece, and the result."""
    pieces = [e["event"]["delta"].get("text", "") for e in events if e["type"] == "stream_event" and e["event"]["type"] == "content_block_delta"]
    return "".join(pieces), events[-1]


def test_a_task_on_anthropic(served, wire, upstream):
    upstream.reset()
    with Home() as home:
        text, result = told(home.claude(wire.url, "anthropic"))
    assert result["subtype"] == "success" and result["num_turns"] == 2 and WORD in result["result"] and text == result["result"]
    sent, got = wire.requests(), reached(upstream, served.mark)
    assert len(sent) == len(got) == 2
    for (line, headers, body), entry in zip(sent, got):
        assert line == "POST /v1/messages?beta=true HTTP/1.1" and entry["path"] == "/v1/messages?beta=true"
        assert {"anthropic-version", "anthropic-beta", "x-app", "x-claude-code-session-id", "x-stainless-lang", "user-agent"} <= headers.keys()
        assert {k: entry["headers"].get(k) for k in headers.keys() - HOPS} == {k: headers[k] for k in headers.keys() - HOPS}
        assert entry["headers"]["x-api-key"] == "upstream-key" and "authorization" not in entry["headers"]
        model = json.loads(entry["body"])["model"]
        assert entry["body"].encode() == body.replace(b'"model":"anthropic"', b'"model":' + json.dumps(model).encode(), 1)
        assert b"x-anthropic-billing-header" in body and b"cache_control" in body and entry["problems"] == []


def test_a_task_on_another_upstream(served, wire, upstream):
    upstream.reset()
    with Home() as home:
        text, result = told(home.claude(wire.url, "openai"))
    assert result["subtype"] == "success" and result["num_turns"] == 2 and WORD in result["result"] and text == result["result"]
    sent, got = wire.requests(), reached(upstream, served.mark)
    assert len(sent) == len(got) == 2
    for (_, headers, body), entry in zip(sent, got):
        asked, written = json.loads(body), json.loads(entry["body"])
        assert entry["path"] == "/v1/chat/completions" and entry["problems"] == []
        assert asked["max_tokens"] > 8000 and written.get("max_tokens", written.get("max_completion_tokens")) == 8000
        assert not {n for n in entry["headers"] if n.startswith(("anthropic-", "x-claude-", "x-stainless-", "x-app"))}
        for word in ("x-anthropic-billing-header", "cache_control", "defer_loading", "context_management"):
            assert word in body.decode() and word not in entry["body"]
        assert "system" in [m["role"] for m in asked["messages"]] and asked["messages"][-1]["role"] in ("user", "system")
        assert {t["name"] for t in asked["tools"]} == {t["function"]["name"] for t in written["tools"]}
    roles = [m["role"] for m in written["messages"]]
    assert roles[0] == "system" and {"user", "assistant", "tool"} <= set(roles)
    assert WORD in next(m["content"] for m in written["messages"] if m["role"] == "tool")


def test_what_it_asks_besides(served):
    assert requests.head(served.url + "/").status_code == 200
    for model in UPSTREAMS:
        answer = served.post("/v1/messages/count_tokens?beta=true", {"model": model, "messages": [{"role": "user", "content": "hello"}]}, headers=VERSION)
        assert answer.status_code == 200 and answer.json()["input_tokens"] > 0
    listed = served.get("/v1/models?limit=1000", headers=VERSION).json()
    assert {"anthropic", "openai", "mine"} <= {m["id"] for m in listed["data"]} and all(m["type"] == "model" for m in listed["data"])
    assert listed["has_more"] is False


# The login of its user: nothing of it depends on the web server

on_one = pytest.mark.parametrize("served", ["lighttpd"], indirect=True)


@on_one
def test_its_own_login_goes_to_anthropic(served, wire, upstream):
    upstream.reset()
    with Home() as home:
        _, result = told(home.claude(wire.url, "mine", CLAUDE_CODE_OAUTH_TOKEN=LOGIN, ANTHROPIC_CUSTOM_HEADERS=f"x-litellm-api-key: Bearer {KEY}"))
    assert WORD in result["result"]
    for (_, headers, _), entry in zip(wire.requests(), reached(upstream, served.mark + "-mine"), strict=True):
        assert headers["authorization"] == entry["headers"]["authorization"] == f"Bearer {LOGIN}"
        assert "oauth-2025-04-20" in entry["headers"]["anthropic-beta"]
        assert "x-api-key" not in entry["headers"] and entry["problems"] == []
    assert LOGIN not in served.error_log() + served.access_log() + json.dumps(served.lines())


def ask(served, model, **headers):
    return requests.post(served.url + "/v1/messages", json={"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]},
                         headers=VERSION | headers, timeout=30)


@on_one
def test_a_login_goes_nowhere_else(served, upstream):
    upstream.reset()
    both = {"x-litellm-api-key": KEY, "Authorization": f"Bearer {LOGIN}"}
    assert ask(served, "anthropic", **both).status_code == 200                                  # not configured for it
    assert ask(served, "mine", Authorization=f"Bearer {KEY}").status_code == 200                # none is brought
    assert ask(served, "mine", **{"Authorization": f"Bearer {KEY}", "x-api-key": LOGIN}).status_code == 200
    assert ask(served, "broken", **both).json()["content"][0]["text"] == served.mark + "-other"   # a fallback of another vendor
    assert served.post("/v1/chat/completions", {"model": "mine", "messages": [{"role": "user", "content": "x"}]},
                       headers=both).status_code == 200                                          # another dialect
    heads = [r["head"] for r in upstream.received()]
    assert len(heads) == 6 and [LOGIN in h for h in heads] == [False, False, False, True, False, False]
    assert "x-api-key: upstream-key" in heads[0].lower() and all(KEY not in h for h in heads)


@on_one
def test_a_refused_login_is_its_owners(served):
    refused = ask(served, "refused", **{"x-litellm-api-key": KEY, "Authorization": f"Bearer {LOGIN}"})
    assert refused.status_code == 401 and refused.json()["error"]["type"] == "authentication_error"
    assert "OAuth token has expired" in refused.json()["error"]["message"]
    ours = ask(served, "refused", Authorization=f"Bearer {KEY}")
    assert ours.status_code == 502


def test_a_key_of_its_own(start, upstream):
    gateway = start({
        "model_list": [kit.deployment("claude", "anthropic/" + script("fixed", text="byok"), upstream.base, key=None)],
        "litellm_settings": {"forward_llm_provider_auth_headers": True},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    })
    assert ask(gateway, "claude", **{"Authorization": f"Bearer {KEY}", "x-api-key": "sk-ant-api03-mine"}).status_code == 200
    assert upstream.last(script("fixed", text="byok"))["headers"]["x-api-key"] == "sk-ant-api03-mine"
    assert ask(gateway, "claude", **{"x-api-key": KEY}).status_code == 200
    assert "x-api-key" not in upstream.last(script("fixed", text="byok"))["headers"]


def test_a_key_in_a_header_of_the_sites_own_stays_here(start, upstream):
    gateway = start({
        "model_list": [kit.deployment("gpt", "openai/" + script("fixed", text="site"), upstream.base + "/v1")],
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY", "litellm_key_header_name": "X-Team-Key", "forward_client_headers_to_llm_api": True},
    })
    answer = requests.post(gateway.url + "/v1/chat/completions", json={"model": "gpt", "messages": [{"role": "user", "content": "x"}]},
                           headers={"X-Team-Key": f"Bearer {KEY}", "X-Team": "search"}, timeout=30)
    assert answer.status_code == 200
    arrived = upstream.last(script("fixed", text="site"))
    assert arrived["headers"]["x-team"] == "search" and "x-team-key" not in arrived["headers"] and arrived["problems"] == []
