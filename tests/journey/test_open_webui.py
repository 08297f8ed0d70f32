# SPDX-License-Identifier: Apache-2.0
"""Open WebUI's calls, replayed as its backend sends them: the list of models, chats with its extra members, its tasks, its embeddings."""
import json

import pytest

from kit import sse

USER = {"X-OpenWebUI-User-Name": "Ada%20L", "X-OpenWebUI-User-Id": "u-1", "X-OpenWebUI-User-Email": "ada@corp.example", "X-OpenWebUI-User-Role": "user",
        "X-OpenWebUI-Chat-Id": "c-1", "User-Agent": "Python/3.11 aiohttp/3.12.15", "Accept-Encoding": "gzip, deflate, br", "Cookie": "token=its-own-session"}
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOL = {"type": "function", "function": {"name": "search_web", "description": "Searches.", "parameters": {"type": "object", "properties": {
    "query": {"type": "string", "description": ""}}, "required": ["query"]}}}
VENDORS = ["openai", "anthropic"]


def chat(gateway, model, messages, **more):
    answer = gateway.post("/v1/chat/completions", {"stream": True, "model": model, "messages": messages, "temperature": 0.7, "max_tokens": 500,
                                                   "stop": ["<end>"], "stream_options": {"include_usage": True}} | more, headers=USER)
    assert answer.status_code == 200, answer.text
    chunks, done = sse(answer)
    assert done and chunks[-1]["choices"] == [] and chunks[-1]["usage"]["total_tokens"] > 0
    return [c["choices"][0] for c in chunks if c["choices"]]


def text(choices):
    return "".join(c["delta"].get("content") or "" for c in choices)


def test_it_lists_models(plain):
    """It keeps what has an id, and shows the rest."""
    listed = plain.get("/v1/models", headers=USER | {"Content-Type": "application/json"}).json()
    assert listed["object"] == "list" and {"gpt", "claude"} <= {m["id"] for m in listed["data"]}


@pytest.mark.parametrize("vendor", VENDORS)
def test_it_chats(plain, upstream, vendor):
    model = f"{vendor}/script:fixed,text=webui"
    said = chat(plain, model, [
        {"role": "system", "content": "User Context:\n\n"}, {"role": "user", "content": "hello"}, {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": [{"type": "text", "text": "what is this"}, {"type": "image_url", "image_url": {"url": PIXEL}}]}])
    assert text(said) == "webui" and said[-1]["finish_reason"] == "stop"
    arrived = upstream.last(model)
    assert arrived["problems"] == [] and PIXEL.split(",")[1] in arrived["body"] and "its-own-session" not in arrived["head"]


def test_what_it_adds_reaches_its_server(plain, upstream):
    """Parameters of the user's own, for a server that knows them, go on untouched where the dialect is the same."""
    more = {"top_k": 40, "min_p": 0.05, "repeat_penalty": 1.1, "seed": 7, "logit_bias": {"50256": -100}, "chat_template_kwargs": {"enable_thinking": False},
            "user": "u-1"}
    chat(plain, "openai/script:fixed,text=extras", [{"role": "user", "content": "x"}], **more)
    body = json.loads(upstream.last("script:fixed,text=extras")["body"])
    assert {k: body[k] for k in more} == more


@pytest.mark.parametrize("vendor", VENDORS)
def test_it_thinks_aloud(plain, vendor):
    said = chat(plain, f"{vendor}/script:reasoning", [{"role": "user", "content": "x"}], reasoning_effort="low", max_tokens=4000, temperature=1)
    assert "".join(c["delta"].get("reasoning_content") or "" for c in said) == "thought 0, thought 1, thought 2" and text(said)


@pytest.mark.parametrize("vendor", VENDORS)
def test_it_calls_tools(plain, vendor):
    """Its own history: what was said before the call is an empty text, and results come by name and id."""
    model, history = f"{vendor}/script:tools,n=2", [{"role": "user", "content": "search"}]
    calls = {}
    for choice in chat(plain, model, history, tools=[TOOL]):
        for piece in choice["delta"].get("tool_calls") or []:
            call = calls.setdefault(piece["index"], {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
            call["id"] = piece.get("id") or call["id"]
            for key in ("name", "arguments"):
                call["function"][key] += piece["function"].get(key) or ""
    assert [c["function"]["name"] for c in calls.values()] == ["search_web"] * 2
    history += [{"role": "assistant", "content": "", "tool_calls": [{"index": i, **c} for i, c in calls.items()]}]
    history += [{"role": "tool", "tool_call_id": c["id"], "content": "found"} for c in calls.values()]
    assert text(chat(plain, model, history, tools=[TOOL])) == "The tool said: foundfound"


@pytest.mark.parametrize("vendor", VENDORS)
def test_it_makes_titles(plain, vendor):
    task = {"model": f"{vendor}/script:fixed,text=%7B%22title%22:%22Greetings%22%7D", "messages": [{"role": "user", "content": "### Task:\nGenerate a title"}],
            "stream": False, "max_completion_tokens": 1000}
    answer = plain.post("/v1/chat/completions", task, headers=USER).json()
    assert json.loads(answer["choices"][0]["message"]["content"]) == {"title": "Greetings"}


def test_it_embeds(plain):
    """Batches without a format: it wants numbers."""
    answer = plain.post("/v1/embeddings", {"input": ["one", "two"], "model": "openai/script:fixed"}, headers=USER).json()
    assert [len(d["embedding"]) for d in answer["data"]] == [8, 8] and isinstance(answer["data"][0]["embedding"][0], float)
