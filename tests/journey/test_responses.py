# SPDX-License-Identifier: Apache-2.0
"""Responses clients, and Cursor, on upstreams that have no Responses of their own."""
import json

import openai
import pydantic
import pytest
import requests

from kit import KEY

VENDORS = ["groq", "anthropic"]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
EXEC = {"type": "function", "name": "exec", "description": "d", "strict": False, "parameters": {"type": "object", "properties": {"command": {"type": "string"}}}}


@pytest.fixture
def responses(plain):
    return openai.OpenAI(base_url=plain.url + "/v1", api_key=KEY, max_retries=0).responses


def sent(upstream, model):
    return json.loads(upstream.last(model)["body"])


@pytest.mark.parametrize("vendor", VENDORS)
def test_text(responses, upstream, vendor):
    ask = {"model": f"{vendor}/script:fixed", "instructions": "Be brief.", "input": "hello", "max_output_tokens": 50, "metadata": {"a": "b"}}
    whole = responses.create(**ask)
    assert whole.id.startswith("resp_") and whole.status == "completed" and whole.output_text
    assert whole.instructions == "Be brief." and whole.metadata == {"a": "b"} and whole.max_output_tokens == 50 and whole.model == ask["model"]
    assert (whole.usage.input_tokens, whole.usage.output_tokens, whole.usage.total_tokens) == (12, 5, 17)
    assert "Be brief." in json.dumps(sent(upstream, ask["model"])) and "metadata" not in sent(upstream, ask["model"])
    events = list(responses.create(stream=True, **ask))
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert [e.type for e in events[:4]] == ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"]
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == whole.output_text
    assert events[-1].type == "response.completed" and events[-1].response.output_text == whole.output_text
    with responses.stream(**ask) as stream:
        assert stream.get_final_response().output_text == whole.output_text


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("n", [1, 3])
def test_tools_go_round(responses, upstream, vendor, n):
    ask = {"model": f"{vendor}/script:tools,n={n},call=exec", "tools": [EXEC], "store": False, "include": ["reasoning.encrypted_content"]}
    history = [{"role": "user", "content": "look"}]
    first = responses.create(input=history, **ask)
    with responses.stream(input=history, **ask) as stream:
        streamed = stream.get_final_response()
    for answer in (first, streamed):
        calls = [item for item in answer.output if item.type == "function_call"]
        assert len({c.call_id for c in calls}) == len({c.id for c in calls}) == n
        assert all(c.name == "exec" and isinstance(json.loads(c.arguments), dict) for c in calls)
    history += [item.model_dump(exclude_none=True) for item in streamed.output]
    history += [{"type": "function_call_output", "call_id": c.call_id, "output": f"output {c.call_id}"} for c in reversed(calls)]
    second = responses.create(input=history, **ask)
    assert second.status == "completed" and "output" in second.output_text
    roles = [m["role"] for m in sent(upstream, ask["model"])["messages"]]
    assert roles == (["user", "assistant", "user"] if vendor == "anthropic" else ["user", "assistant"] + ["tool"] * n)


def test_custom_tools_and_namespaces(responses):
    given = "%7B%22input%22:%22*** Begin Patch%22%7D"
    tools = [{"type": "custom", "name": "patch"}, {"type": "namespace", "name": "mcp__files", "description": "f", "tools": [EXEC]}, {"type": "web_search"}]
    for vendor in VENDORS:
        for stream in (False, True):
            ask = {"model": f"{vendor}/script:tools,n=1,call=patch,args={given}", "input": "x", "tools": tools, "stream": stream}
            answer = responses.create(**ask)
            item = ([e.item for e in answer if e.type == "response.output_item.done"] if stream else answer.output)[-1]
            assert (item.type, item.name, item.input) == ("custom_tool_call", "patch", "*** Begin Patch")
            ask["model"] = f"{vendor}/script:tools,n=1,call=mcp__files__exec"
            answer = responses.create(**ask)
            item = ([e.item for e in answer if e.type == "response.output_item.done"] if stream else answer.output)[-1]
            assert (item.type, item.name, item.namespace) == ("function_call", "exec", "mcp__files")


@pytest.mark.parametrize("vendor", VENDORS)
def test_reasoning_comes_back(responses, upstream, vendor):
    ask = {"model": f"{vendor}/script:reasoning", "store": False, "include": ["reasoning.encrypted_content"], "max_output_tokens": 50}
    first = responses.create(input="x", **ask)
    assert [item.type for item in first.output] == ["reasoning", "message"]
    thought = first.output[0].summary[0].text
    events = list(responses.create(input="x", stream=True, **ask))
    assert "".join(e.delta for e in events if e.type == "response.reasoning_summary_text.delta") == thought == "thought 0, thought 1, thought 2"
    history = [{"role": "user", "content": "x"}, *[i.model_dump(exclude_none=True) for i in events[-1].response.output], {"role": "user", "content": "y"}]
    responses.create(input=history, **ask)
    if vendor == "anthropic":
        blocks = sent(upstream, ask["model"])["messages"][1]["content"]
        assert blocks[0] == {"type": "thinking", "thinking": thought, "signature": "EqQB"}


class Weather(pydantic.BaseModel):
    zeta: str
    alpha: int


def test_structured_output(responses, upstream):
    for vendor in VENDORS:
        model = f"{vendor}/script:fixed,text=%7B%22zeta%22:%22z%22%2C%22alpha%22:1%7D"
        assert responses.parse(model=model, input="x", text_format=Weather).output_parsed == Weather(zeta="z", alpha=1)
        body = json.dumps(sent(upstream, model))
        assert 0 < body.index('"zeta"') < body.index('"alpha"')


def test_images_cross(responses, upstream):
    content = [{"type": "input_text", "text": "what"}, {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "low"}]
    for vendor in VENDORS:
        model = f"{vendor}/script:fixed,text=see"
        responses.create(model=model, input=[{"role": "user", "content": content}])
        part = sent(upstream, model)["messages"][0]["content"][1]
        assert PIXEL in (part["source"]["data"] if vendor == "anthropic" else part["image_url"]["url"])


def test_errors(responses):
    for model, error in (("nope", openai.NotFoundError), ("groq/script:refuse,status=429", openai.RateLimitError),
                         ("anthropic/script:refuse,status=400", openai.BadRequestError), ("groq/script:refuse,status=500", openai.InternalServerError)):
        for stream in (False, True):
            with pytest.raises(error):
                responses.create(model=model, input="x", stream=stream)
    for body, param in (({"previous_response_id": "resp_1"}, "previous_response_id"), ({"background": True}, "background"),
                        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input"), ({"input": [{"type": "teleport"}]}, "input[0].type"),
                        ({"input": []}, "input"), ({"max_output_tokens": -1}, "max_output_tokens"), ({"extra_body": {"api_base": "http://x"}}, "api_base")):
        with pytest.raises((openai.BadRequestError, openai.NotFoundError)) as refused:
            responses.create(**({"model": "anthropic/script:fixed", "input": "x"} | body))
        assert refused.value.body["message"] and refused.value.body["param"] in (param, None)


@pytest.mark.parametrize("script", ["cut,after=4", "reasoning,fault=cut,after=3", "tools,n=1,call=exec,fault=cut,after=3", "fixed,fault=error,after=3"])
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_broken_stream_fails(responses, vendor, script):
    events = list(responses.create(model=f"{vendor}/script:{script}", input="x", tools=[EXEC], stream=True))
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert events[-1].type == "response.failed" and events[-1].response.status == "failed" and events[-1].response.error.message
    assert not any(e.type == "response.completed" for e in events)


def test_limits(responses):
    for vendor, word in zip(VENDORS, ("length", "max_tokens")):
        cut = responses.create(model=f"{vendor}/script:fixed,finish={word}", input="x")
        assert cut.status == "incomplete" and cut.incomplete_details.reason == "max_output_tokens" and cut.output[0].status == "incomplete"


def test_mock_and_count(responses, plain):
    assert responses.create(model="hello", input="x").output_text == "Hello from the mock"
    assert responses.input_tokens.count(model="groq/script:fixed", input="x" * 100).input_tokens >= 25
    events = list(responses.create(model="hello", input="x", stream=True))
    assert events[-1].response.output_text == "Hello from the mock"
    assert 'sluice_requests_total{surface="responses"}' in requests.get(plain.url + "/metrics", headers={"Authorization": f"Bearer {KEY}"}, timeout=30).text


def test_a_web_socket_is_declined_at_once(gateway):
    for path in ("/v1/responses", "/responses", "/openai/v1/responses"):
        head = {"Authorization": f"Bearer {KEY}", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "eHh4eHh4eHh4eHh4eHh4eA=="}
        assert requests.get(gateway.url + path, headers=head, timeout=30).status_code == 426


def cursor(plain, path, **body):
    return requests.post(plain.url + path, json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions", "/cursor/chat/completions"])
def test_cursor(plain, upstream, path):
    text = "%7B%22input%22:%22*** Begin Patch%22%7D"
    ask = {"input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "input_text", "text": "go"}]}],
           "tools": [EXEC, {"type": "custom", "name": "ApplyPatch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}}]}
    for vendor in VENDORS + ["openai"]:
        answer = cursor(plain, path, model=f"{vendor}/script:fixed", **ask).json()
        assert answer["object"] == "chat.completion" and answer["choices"][0]["message"]["content"] and answer["choices"][0]["finish_reason"] == "stop"
        model = f"{vendor}/script:tools,n=1,call=ApplyPatch,args={text}"
        called = cursor(plain, path, model=model, **ask).json()["choices"][0]["message"]["tool_calls"][0]
        assert called["type"] == "function" and called["function"] == {"name": "ApplyPatch", "arguments": "*** Begin Patch"}
        assert [t["name"] if vendor == "anthropic" else t["function"]["name"] for t in sent(upstream, model)["tools"]] == ["exec", "ApplyPatch"]
        client = openai.OpenAI(base_url=plain.url + path.removesuffix("/chat/completions"), api_key=KEY, max_retries=0)
        streamed = client.chat.completions.create(model=f"{vendor}/script:fixed", messages=openai.NOT_GIVEN, extra_body=ask, stream=True,
                                                  stream_options={"include_usage": True})
        chunks = list(streamed)
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == answer["choices"][0]["message"]["content"]
        assert chunks[-1].usage.prompt_tokens == 12
    refused = cursor(plain, path, model="groq/script:fixed", input=[{"type": "teleport"}])
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "input[0].type"
