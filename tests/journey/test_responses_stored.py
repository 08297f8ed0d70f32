# SPDX-License-Identifier: Apache-2.0
"""Responses where the upstream speaks them itself: spliced, stored, gone on from; and where it does not quite."""
import json
import socket

import anthropic
import openai
import pytest

import kit
from kit import deployment

SALT, OTHER_KEY = "salt-for-two-gateways", "sk-another-caller-77aa"


def models(upstream, first="openai/script:fixed,text=one"):
    base, bare = upstream.base + "/v1", upstream.base + "/chat-only/v1"
    ids = {"id-one": first, "id-two": "openai/script:fixed,text=two"}
    return [
        deployment("gpt", "openai/script:fixed", base, model_info={"id": "id-gpt"}),
        *[deployment("pair", model, base, key=f"key-of-{i}", model_info={"id": i}) for i, model in ids.items()],
        *[deployment("thinker", "openai/script:reasoning", base, key=f"thinks-{i}", model_info={"id": f"think-{i}"}) for i in "ab"],
        deployment("azure", "azure/script:fixed", upstream.base, api_version="2025-04-01-preview"),
        deployment("claude", "anthropic/script:fixed,text=claude", upstream.base),
        deployment("crossing", "openai/script:refuse,status=503", base, order=1),
        deployment("crossing", "anthropic/script:fixed,text=crossed", upstream.base, order=2),
        deployment("bare", "openai/script:fixed,text=bare", bare),
        deployment("forced", "openai/script:fixed,text=forced", base, use_chat_completions_api=True),
        *[deployment(f"only-{s}", f"openai/responses/script:{s}", base) for s in ("fixed", "tools", "reasoning")],
        deployment("script/*", "openai/*", base),
    ]


def config(upstream, **more):
    return {"model_list": models(upstream, **more), "litellm_settings": {"num_retries": 1}, "router_settings": {"retry_after": 0},
            "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}}


@pytest.fixture(scope="module")
def stored(upstream):
    running = kit.Gateway(config(upstream), env={"LITELLM_SALT_KEY": SALT})
    yield running
    running.stop()


@pytest.fixture(scope="module")
def behind_httpd(upstream):
    running = kit.Gateway(config(upstream), form="proxy_fcgi", env={"LITELLM_SALT_KEY": SALT})
    yield running
    running.stop()


@pytest.fixture(params=["stored", "behind_httpd"])
def both(request):
    """For what a web server could spoil."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def beside(upstream):
    """The same gateway on another machine, where the first of the pair is overloaded, and that of `gpt` is not configured any more."""
    there = config(upstream, first="openai/script:refuse,status=503,text=held")
    there["model_list"] = [d for d in there["model_list"] if d["model_name"] != "gpt" and d.get("model_info", {}).get("id") != "think-a"]
    there["model_list"].append(deployment("gpt", "openai/script:fixed", upstream.base + "/v1", model_info={"id": "id-new"}))
    running = kit.Gateway(there, env={"LITELLM_SALT_KEY": SALT})
    yield running
    running.stop()


def client(gateway, key=kit.KEY):
    return openai.OpenAI(base_url=gateway.url + "/v1", api_key=key, max_retries=0)


def refused(status, call, *args, **named):
    with pytest.raises(openai.APIStatusError) as e:
        call(*args, **named)
    assert e.value.status_code == status, e.value
    return e.value.body


# made, told, deleted

def test_a_response_is_made_and_told_and_deleted(both):
    responses = client(both).responses
    made = responses.create(model="gpt", input="hi", metadata={"a": "b"})
    assert made.output_text == "Hello from the scripted upstream." and made.model == "gpt" and made.id.startswith("resp_") and "kit" not in made.id
    assert made.usage.input_tokens == 12 and made.metadata == {"a": "b"}
    again = responses.retrieve(made.id)
    assert again == made
    assert [i.content[0].text for i in responses.input_items.list(made.id)] == ["hi"]
    raw = both.get("/openai/v1/responses/" + made.id)
    assert raw.json()["id"] == made.id
    assert both.line(raw.headers["x-litellm-call-id"])["tokens"]["in"] == 0          # counted when it was made
    responses.delete(made.id)
    body = refused(404, responses.retrieve, made.id)
    assert body["message"] == f"Response with id '{made.id}' not found." and body["type"] == "invalid_request_error"
    assert refused(404, responses.delete, made.id)["message"] == body["message"]
    answer = both.post("/responses/" + made.id, {})
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, DELETE"


def test_a_streamed_one_too(both):
    responses = client(both).responses
    with responses.stream(model="gpt", input="hi") as stream:
        kinds = [e.type for e in stream]
        made = stream.get_final_response()
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed" and "response.output_text.delta" in kinds
    assert made.output_text == "Hello from the scripted upstream." and made.model == "gpt"
    assert responses.retrieve(made.id).output_text == made.output_text
    last = list(responses.retrieve(made.id, stream=True, starting_after=40))[-1]
    assert last.type == "response.completed" and last.response.id == made.id and last.sequence_number == 41
    streamed = both.post("/v1/responses", {"model": "gpt", "input": "hi", "stream": True})
    assert "[DONE]" not in streamed.text and all(json.loads(data)["type"] == name for name, data in kit.events(streamed))


def test_in_the_background_and_cancelled(both, upstream):
    responses = client(both).responses
    made = responses.create(model="gpt", input="hi", background=True)
    assert responses.cancel(made.id).status == "cancelled"
    assert upstream.received()[-1]["path"].endswith("/cancel") and made.id not in upstream.received()[-1]["path"]
    plain = responses.create(model="gpt", input="hi")
    assert "synchronous" in refused(400, responses.cancel, plain.id)["message"]


def test_queries_pass(stored, upstream):
    made = client(stored).responses.create(model="gpt", input="hi")
    stored.get(f"/v1/responses/{made.id}/input_items?limit=3&order=asc&after=msg_1")
    assert upstream.received()[-1]["path"].endswith("/input_items?limit=3&order=asc&after=msg_1")


def test_tokens_are_counted(stored, upstream):
    counted = client(stored).responses.input_tokens
    assert counted.count(model="gpt", input="hi").input_tokens == 12 and upstream.received()[-1]["path"].endswith("/input_tokens")
    for model in ("claude", "bare", "forced"):
        answer = counted.count(model=model, input="hello there")
        assert answer.input_tokens > 0 and answer.object == "response.input_tokens"


def test_a_history_is_made_shorter(stored):
    made = client(stored).responses.compact(model="gpt", input=[{"role": "user", "content": "a long story"}])
    assert made.object == "response.compaction" and made.id.startswith("resp_")
    assert "compact" in refused(404, client(stored).responses.compact, model="claude", input="x")["message"]


def test_azure_stores_too(stored, upstream):
    responses = openai.AzureOpenAI(azure_endpoint=stored.url, api_key=kit.KEY, api_version="2025-03-01-preview", max_retries=0).responses
    made = responses.create(model="azure", input="hi")
    assert responses.retrieve(made.id) == made
    path, _, query = upstream.received()[-1]["path"].partition("?")
    assert path.startswith("/openai/responses/resp_") and query == "api-version=2025-04-01-preview"     # the deployment's own version
    assert responses.create(model="azure", input="on", previous_response_id=made.id).previous_response_id == made.id
    responses.delete(made.id)
    refused(404, responses.retrieve, made.id)


# gone on from

def test_each_of_two_gets_its_own_again(stored):
    responses, homes = client(stored).responses, set()
    while len(homes) < 2:
        first = responses.with_raw_response.create(model="pair", input="hi")
        made, home = first.parse(), first.headers["x-litellm-model-id"]
        homes.add(home)
        for _ in range(3):                              # each key's store of the upstream refuses what it does not have
            first = responses.with_raw_response.create(model="pair", input="and then?", previous_response_id=made.id)
            assert first.headers["x-litellm-model-id"] == home and first.parse().previous_response_id == made.id
            made = first.parse()
    with responses.stream(model="pair", input="on", previous_response_id=made.id) as stream:
        assert stream.get_final_response().previous_response_id == made.id


def test_thoughts_go_back_to_who_had_them(stored, beside):
    responses, homes = client(stored).responses, {}
    while len(homes) < 2:
        first = responses.with_raw_response.create(model="thinker", input="hi", store=False, include=["reasoning.encrypted_content"])
        homes[first.headers["x-litellm-model-id"]] = made = first.parse()
        history = [*[i.model_dump(exclude_none=True) for i in made.output], {"role": "user", "content": "and?"}]
        kept = responses.create(model="thinker", input=history, include=["reasoning.encrypted_content"])
        assert kept.output[0].encrypted_content.startswith("sluice:") and responses.retrieve(kept.id).output == kept.output
        assert responses.input_items.list(kept.id).data[0].encrypted_content == made.output[0].encrypted_content
        for _ in range(3):                              # another key's upstream refuses what it can not read
            again = responses.with_raw_response.create(model="thinker", input=history, store=False)
            assert again.headers["x-litellm-model-id"] == first.headers["x-litellm-model-id"]
    with responses.stream(model="thinker", input="hi", store=False, include=["reasoning.encrypted_content"]) as stream:
        done = [e.item for e in stream if e.type == "response.output_item.done"]
        assert done[0].encrypted_content.startswith("sluice:") and stream.get_final_response().output[0] == done[0]
    for made in homes.values():                         # where its home is gone a thought is left out, the rest is asked
        history = [*[i.model_dump(exclude_none=True) for i in made.output], {"role": "user", "content": "and?"}]
        assert client(beside).responses.create(model="thinker", input=history, store=False).output_text


def test_only_who_has_it_is_asked(stored, beside):
    responses = client(stored).responses
    made = next(r.parse() for r in iter(lambda: responses.with_raw_response.create(model="pair", input="hi"), None)
                if r.headers["x-litellm-model-id"] == "id-one")
    answer = beside.post("/v1/responses", {"model": "pair", "input": "on", "previous_response_id": made.id})
    assert answer.status_code == 503
    assert [a["deployment"] for a in beside.line(answer.headers["x-litellm-call-id"])["attempts"]] == ["id-one"] * 2
    assert client(beside).responses.retrieve(made.id).output_text == "one"      # the same upstream has it


def test_what_nobody_has_any_more(stored, beside):
    made = client(stored).responses.create(model="gpt", input="hi")
    assert "not configured any more" in refused(404, client(beside).responses.retrieve, made.id)["message"]
    body = refused(400, client(beside).responses.create, model="gpt", input="on", previous_response_id=made.id)
    assert body["code"] == "previous_response_not_found" and body["param"] == "previous_response_id" and "not configured any more" in body["message"]
    body = refused(400, client(stored).responses.create, model="pair", input="on", previous_response_id=made.id)
    assert "another model" in body["message"] and body["code"] == "previous_response_not_found"
    client(stored).responses.delete(made.id)
    body = refused(400, client(stored).responses.create, model="gpt", input="on", previous_response_id=made.id)
    assert body["message"] == f"Previous response with id '{made.id}' not found." and body["code"] == "previous_response_not_found"


def test_an_id_belongs_to_its_key(start, stored, upstream):
    other = start(config(upstream), env={"LITELLM_SALT_KEY": SALT, "LITELLM_MASTER_KEY": OTHER_KEY})
    made = client(stored).responses.create(model="gpt", input="hi")
    strange = client(other, OTHER_KEY).responses
    before = len(upstream.received())
    for call in (strange.retrieve, strange.delete, strange.cancel, strange.input_items.list):
        assert refused(404, call, made.id)["message"] == f"Response with id '{made.id}' not found."
    assert refused(400, strange.create, model="gpt", input="x", previous_response_id=made.id)["code"] == "previous_response_not_found"
    assert len(upstream.received()) == before           # nobody was asked
    assert client(stored).responses.retrieve(made.id).id == made.id


def test_forged_ids_are_not_found(plain, upstream):
    made = client(plain).responses.create(model="openai/script:fixed", input="hi").id
    middle = len(made) // 2
    forged = ["resp_", "resp_kit_1", "x", made[:-1], made + "A", made[:middle] + ("A" if made[middle] != "A" else "B") + made[middle + 1:],
              "resp_" + "A" * 5000, "..", "%2e%2e%2fmodels", "%00", "resp_%ff", "💥"]
    before = len(upstream.received())
    for one in forged:
        answer = plain.get("/v1/responses/" + one)
        assert answer.status_code in (400, 404), one
        if answer.headers.get("x-litellm-call-id"):     # else it was the web server's to refuse
            assert answer.json()["error"]["message"], one
        body = plain.post("/v1/responses", {"model": "openai/script:fixed", "input": "x", "previous_response_id": one}).json()
        assert body["error"]["code"] == "previous_response_not_found" and len(body["error"]["message"]) < 400, one
    assert len(upstream.received()) == before


def test_what_was_not_stored_says_so(stored):
    responses = client(stored).responses
    for model, more in (("claude", {}), ("forced", {}), ("gpt", {"store": False})):
        made = responses.create(model=model, input="hi", **more)
        assert made.id.startswith("resp_") and made.store is False
        assert "was not stored" in refused(404, responses.retrieve, made.id)["message"]
        body = refused(400, responses.create, model=model, input="on", previous_response_id=made.id)
        assert "was not stored" in body["message"] and body["code"] == "previous_response_not_found"


def test_conversations_need_a_lone_deployment(stored, upstream):
    responses = client(stored).responses
    assert responses.create(model="gpt", input="hi", conversation="conv_1").output_text
    assert json.loads(upstream.last("script:fixed")["body"])["conversation"] == "conv_1"
    assert refused(400, responses.create, model="pair", input="hi", conversation="conv_1")["param"] == "conversation"
    assert refused(400, responses.create, model="claude", input="hi", conversation="conv_1")


# upstreams that do not speak Responses

@pytest.mark.parametrize("stream", [False, True])
def test_a_server_without_responses_is_asked_by_chat(start, upstream, stream):
    gateway = start(config(upstream))
    for tries in (2, 1):                                # the first call finds out, the worker remembers
        answer = gateway.post("/v1/responses", {"model": "bare", "input": "hi", "stream": stream})
        assert answer.status_code == 200 and "bare" in answer.text
        assert ("response.completed" in answer.text) == stream
        attempts = gateway.line(answer.headers["x-litellm-call-id"])["attempts"]
        assert len(attempts) == tries and attempts[-1]["error"] is None
    assert upstream.last("script:fixed,text=bare")["path"] == "/chat-only/v1/chat/completions"


def test_chat_can_be_wanted(stored, upstream):
    assert client(stored).responses.create(model="forced", input="hi").output_text == "forced"
    assert [e["path"] for e in upstream.received("script:fixed,text=forced")][-1] == "/v1/chat/completions"


def test_a_missing_model_is_not_a_missing_path(stored, upstream):
    answer = stored.post("/v1/responses", {"model": "script/script:refuse,status=404,code=model_not_found", "input": "x"})
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "model_not_found"
    assert {e["path"] for e in upstream.received("script:refuse,status=404,code=model_not_found")} == {"/v1/responses"}


@pytest.mark.parametrize("stream", [False, True])
def test_another_dialect_may_answer(stored, stream):
    answer = stored.post("/v1/responses", {"model": "crossing", "input": [
        {"type": "reasoning", "summary": [], "encrypted_content": "sluice:0123456789abcdef:gAAA"}, {"role": "user", "content": "hi"}], "stream": stream})
    assert answer.status_code == 200 and "crossed" in answer.text
    assert [a["error"] for a in stored.line(answer.headers["x-litellm-call-id"])["attempts"]] == ["OVERLOADED", None]


TOOL = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.mark.parametrize("stream", [False, True])
def test_chat_on_a_model_of_responses_only(stored, upstream, stream):
    chats = client(stored).chat.completions

    def ask(model, messages):
        tools = [{"type": "function", "function": {"name": "get_weather", "parameters": TOOL}}]
        if not stream:
            return chats.create(model=model, messages=messages, tools=tools).choices[0]
        with chats.stream(model=model, messages=messages, tools=tools) as events:
            for _ in events:
                pass
            return events.get_final_completion().choices[0]
    asked = ask("only-tools", [{"role": "user", "content": "hi"}])
    call = asked.message.tool_calls[0]
    assert asked.finish_reason == "tool_calls" and json.loads(call.function.arguments) == {"city": "Paris"}
    told = ask("only-fixed", [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [call.model_dump(include={"id", "type", "function"})]},
                              {"role": "tool", "tool_call_id": call.id, "content": "22"}])
    assert told.message.content == "Hello from the scripted upstream." and told.finish_reason == "stop"
    sent = upstream.last("script:fixed")
    assert sent["path"] == "/v1/responses" and [i.get("type") for i in json.loads(sent["body"])["input"]] == [None, "function_call", "function_call_output"]


def test_messages_on_a_model_of_responses_only(stored):
    messages = anthropic.Anthropic(base_url=stored.url, api_key=kit.KEY, max_retries=0).messages
    with messages.stream(model="only-reasoning", max_tokens=100, messages=[{"role": "user", "content": "hi"}]) as stream:
        told = stream.get_final_message()
    assert [b.type for b in told.content] == ["thinking", "text"] and told.usage.input_tokens == 12
    told = messages.create(model="only-tools", max_tokens=100, messages=[{"role": "user", "content": "hi"}], tools=[{"name": "get_weather", "input_schema": TOOL}])
    assert told.stop_reason == "tool_use" and told.content[0].input == {"city": "Paris"}
    assert messages.count_tokens(model="only-tools", messages=[{"role": "user", "content": "hi"}]).input_tokens > 0


# errors

@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("said,heard,code", [(400, 400, None), (401, 502, "upstream_credential"), (429, 429, None), (500, 500, "upstream_failed")])
def test_errors_have_their_status(stored, said, heard, code, stream):
    answer = stored.post("/v1/responses", {"model": f"script/script:refuse,status={said}", "input": "x", "stream": stream},
                         headers={"x-litellm-num-retries": "0"})
    assert answer.status_code == heard, answer.text
    assert answer.json()["error"]["message"] and (code is None or answer.json()["error"]["code"] == code)


@pytest.mark.parametrize("how", ["fault=cut", "fault=cut,mode=rst", "fault=error", "fault=error,event=error"])
def test_a_stream_that_breaks_fails_by_the_next_number(both, how):
    answer = both.post("/v1/responses", {"model": f"script/script:fixed,{how},after=6,chunks=20", "input": "x", "stream": True})
    events = [json.loads(data) for _, data in kit.events(answer)]
    assert answer.status_code == 200 and [e["sequence_number"] for e in events] == list(range(len(events)))
    last = events[-1]
    assert last["type"] == "response.failed" and last["response"]["id"] == events[0]["response"]["id"] and last["response"]["error"]["message"]
    assert both.line(answer.headers["x-litellm-call-id"])["end"] == "cut"


def test_a_stream_that_fails_first_has_a_status(stored):
    for how in ("fault=error,after=0", "fault=error,event=error,after=1", "fault=cut,after=2"):
        answer = stored.post("/v1/responses", {"model": f"script/script:fixed,{how}", "input": "x", "stream": True}, headers={"x-litellm-num-retries": "0"})
        assert answer.status_code >= 500 and answer.json()["error"]["message"], how


def test_a_whole_answer_is_no_stream(stored):
    answer = stored.post("/v1/responses", {"model": "script/script:html", "input": "x", "stream": True}, headers={"x-litellm-num-retries": "0"})
    assert answer.status_code == 502 and answer.json()["error"]["code"] == "upstream_failed"


@pytest.mark.parametrize("path", ["/v1/responses", "/responses", "/openai/v1/responses"])
def test_an_upgrade_is_refused_at_once(both, path):
    """Codex goes on with POST when it hears 426."""
    with socket.create_connection(("127.0.0.1", both.port), 10) as s:
        s.sendall((f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {kit.KEY}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        got = s.recv(65536)
    assert got.startswith(b"HTTP/1.1 426 "), got
