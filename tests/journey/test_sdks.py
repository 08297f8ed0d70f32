# SPDX-License-Identifier: Apache-2.0
"""The official SDKs as their users use them: tools, images, schemas, errors, and the older major version."""
import json
import pathlib
import subprocess
import sys

import anthropic
import openai
import pytest

import kit
from kit import KEY

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER = {"type": "object", "properties": {"zeta": {"type": "string"}, "alpha": {"type": "integer"}}, "required": ["zeta"]}
VENDORS = ["openai", "anthropic"]


@pytest.fixture
def chat(plain):
    return openai.OpenAI(base_url=plain.url + "/v1", api_key=KEY, max_retries=0).chat.completions


@pytest.fixture
def messages(plain):
    return anthropic.Anthropic(base_url=plain.url, api_key=KEY, max_retries=0).messages


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("n", [1, 3])
def test_openai_tools(chat, vendor, n):
    tools = [{"type": "function", "function": {"name": "exec", "description": "d", "parameters": WEATHER}}]
    ask = {"model": f"{vendor}/script:tools,n={n},call=exec", "tools": tools, "max_tokens": 100}
    history = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "look"}]
    first = chat.create(messages=history, **ask).choices[0]
    assert first.finish_reason == "tool_calls" and len(first.message.tool_calls) == n
    assert len({c.id for c in first.message.tool_calls}) == n
    for call in first.message.tool_calls:
        assert call.function.name == "exec" and isinstance(json.loads(call.function.arguments), dict)
    history.append(first.message.model_dump(exclude_none=True))
    history += [{"role": "tool", "tool_call_id": c.id, "content": f"output {c.id}"} for c in first.message.tool_calls]
    second = chat.create(messages=history, **ask).choices[0]
    assert second.finish_reason == "stop" and "output" in second.message.content


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("n", [1, 3])
def test_openai_tools_streamed(chat, vendor, n):
    tools = [{"type": "function", "function": {"name": "exec", "parameters": WEATHER}}]
    calls, reason = {}, None
    for chunk in chat.create(model=f"{vendor}/script:tools,n={n},call=exec", tools=tools, stream=True, max_tokens=100,
                             messages=[{"role": "user", "content": "look"}]):
        for choice in chunk.choices:
            reason = choice.finish_reason or reason
            for call in choice.delta.tool_calls or []:
                entry = calls.setdefault(call.index, {"id": call.id, "name": call.function.name, "arguments": ""})
                entry["arguments"] += call.function.arguments or ""
    assert reason == "tool_calls" and sorted(calls) == list(range(n))
    for call in calls.values():
        assert call["id"] and call["name"] == "exec" and isinstance(json.loads(call["arguments"]), dict)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("n", [1, 3])
def test_anthropic_tools_streamed(messages, vendor, n):
    ask = {"model": f"{vendor}/script:tools,n={n},call=exec", "max_tokens": 100, "tools": [{"name": "exec", "input_schema": WEATHER}]}
    history = [{"role": "user", "content": "look"}]
    with messages.stream(messages=history, **ask) as stream:
        first = stream.get_final_message()
    uses = [b for b in first.content if b.type == "tool_use"]
    assert first.stop_reason == "tool_use" and len(uses) == n and all(isinstance(b.input, dict) for b in uses)
    history.append({"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in first.content]})
    history.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": b.id, "content": f"output {b.id}"} for b in uses]})
    second = messages.create(messages=history, **ask)
    assert second.stop_reason == "end_turn" and "output" in second.content[-1].text


def sent(upstream, model):
    return json.loads([r for r in upstream.received() if model in r["body"]][-1]["body"])


def test_an_image_crosses(chat, messages, upstream):
    chat.create(model="anthropic/script:fixed,text=image", max_tokens=5, messages=[{"role": "user", "content": [
        {"type": "text", "text": "what"}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]}])
    source = sent(upstream, "text=image")["messages"][0]["content"][1]["source"]
    assert source == {"type": "base64", "media_type": "image/png", "data": PIXEL}
    messages.create(model="openai/script:fixed,text=picture", max_tokens=5, messages=[{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}]}])
    part = sent(upstream, "text=picture")["messages"][0]["content"][0]
    assert part["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"


def test_a_schema_crosses_in_order(chat, upstream):
    chat.create(model="anthropic/script:fixed,text=schema", max_tokens=5, messages=[{"role": "user", "content": "x"}],
                response_format={"type": "json_schema", "json_schema": {"name": "w", "schema": WEATHER | {"additionalProperties": False}, "strict": True}})
    body = json.dumps(sent(upstream, "text=schema"))
    assert 0 < body.index('"zeta"') < body.index('"alpha"')


def test_systems_and_developers_cross(chat, messages, upstream):
    chat.create(model="anthropic/script:fixed,text=roles", max_tokens=5, messages=[
        {"role": "developer", "content": "Be brief."}, {"role": "system", "content": "Be kind."}, {"role": "user", "content": "x"}])
    body = sent(upstream, "text=roles")
    assert [m["role"] for m in body["messages"]] == ["user"] and "Be brief." in str(body["system"]) and "Be kind." in str(body["system"])
    messages.create(model="openai/script:fixed,text=parts", max_tokens=5, system="Be brief.", messages=[{"role": "user", "content": "x"}])
    assert [m["role"] for m in sent(upstream, "text=parts")["messages"]] == ["system", "user"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_reasoning_streamed(chat, messages, vendor):
    ask = {"model": f"{vendor}/script:reasoning", "max_tokens": 50, "messages": [{"role": "user", "content": "x"}]}
    thought = "".join(getattr(c.delta, "reasoning_content", None) or "" for chunk in chat.create(stream=True, **ask) for c in chunk.choices)
    assert thought == "thought 0, thought 1, thought 2"
    with messages.stream(**ask) as stream:
        content = stream.get_final_message().content
    assert [b.type for b in content] == ["thinking", "text"] and content[0].thinking == thought


@pytest.mark.parametrize("vendor", VENDORS)
def test_usage_of_a_stream(chat, messages, vendor):
    ask = {"model": f"{vendor}/script:fixed", "max_tokens": 50, "messages": [{"role": "user", "content": "x"}]}
    last = list(chat.create(stream=True, stream_options={"include_usage": True}, **ask))[-1]
    assert last.choices == [] and (last.usage.prompt_tokens, last.usage.completion_tokens) == (12, 5)
    with messages.stream(**ask) as stream:
        usage = stream.get_final_message().usage
    assert (usage.input_tokens, usage.output_tokens) == (12, 5)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_broken_stream_raises(chat, messages, vendor):
    ask = {"model": f"{vendor}/script:cut,after=4", "max_tokens": 50, "messages": [{"role": "user", "content": "x"}]}
    with pytest.raises(openai.APIError):
        list(chat.create(stream=True, **ask))
    with pytest.raises(anthropic.APIStatusError), messages.stream(**ask) as stream:
        stream.get_final_message()


@pytest.mark.parametrize("vendor", VENDORS)
def test_reasoning(chat, messages, vendor):
    answer = chat.create(model=f"{vendor}/script:reasoning", max_tokens=50, messages=[{"role": "user", "content": "x"}])
    assert answer.choices[0].message.reasoning_content
    kinds = [b.type for b in messages.create(model=f"{vendor}/script:reasoning", max_tokens=50, messages=[{"role": "user", "content": "x"}]).content]
    assert kinds == ["thinking", "text"]


def test_openai_error_classes(chat):
    ask = {"messages": [{"role": "user", "content": "x"}]}
    for model, error in (("nope", openai.BadRequestError), ("openai/script:refuse,status=429", openai.RateLimitError),
                         ("openai/script:refuse,status=422", openai.UnprocessableEntityError), ("openai/script:refuse,status=500", openai.InternalServerError)):
        with pytest.raises(error):
            chat.create(model=model, **ask)
    with pytest.raises(openai.APIError):
        for _ in chat.create(model="openai/script:cut,after=3", stream=True, **ask):
            pass


def test_anthropic_error_classes(messages, plain):
    ask = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 5}
    for model, error in (("nope", anthropic.NotFoundError), ("openai/script:refuse,status=429", anthropic.RateLimitError),
                         ("openai/script:refuse,status=400", anthropic.BadRequestError)):
        with pytest.raises(error):
            messages.create(model=model, **ask)
    with pytest.raises(anthropic.APIStatusError) as overloaded:
        messages.create(model="anthropic/script:refuse,status=529", **ask)
    assert overloaded.value.status_code == 529
    with pytest.raises(anthropic.AuthenticationError):
        anthropic.Anthropic(base_url=plain.url, api_key="sk-wrong", max_retries=0).messages.create(model="claude", **ask)


OLDER = """
import sys, anthropic
assert anthropic.__version__.startswith("1."), anthropic.__version__
client = anthropic.Anthropic(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0)
ask = {"max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}
for model in ("gpt", "claude", "hello"):
    answer = client.messages.create(model=model, **ask)
    assert answer.content[0].text and answer.model == model and answer.stop_reason == "end_turn"
    with client.messages.stream(model=model, **ask) as stream:
        assert stream.get_final_text()
    assert client.messages.count_tokens(model=model, messages=ask["messages"]).input_tokens > 0
assert "gpt" in [m.id for m in client.models.list()]
try:
    client.messages.create(model="nope", **ask)
    raise SystemExit("no error")
except anthropic.NotFoundError:
    print("fine")
"""


def test_the_older_anthropic_sdk(plain):
    packages = pathlib.Path(sys.prefix) / "anthropic1"
    done = subprocess.run([sys.executable, "-c", OLDER, plain.url, KEY], env=kit.ENV | {"PYTHONPATH": str(packages)}, capture_output=True, text=True, timeout=60)
    assert done.stdout == "fine\n", done.stderr
