# SPDX-License-Identifier: Apache-2.0
"""Hostile or broken peers on either side, told byte by byte: everything ends, once, and says how."""
import asyncio
import json

import pytest

import fcgi
import kit
from fcgi import DONE, EVENTS, FINISH, Answer, Client, RawUpstream, asked, chunk, delta, head, messages, stdin
from kit import deployment, until


@pytest.fixture
def pool():
    running = []

    def start(config, **options):
        running.append(fcgi.Pool(config, **options))
        return running[-1]
    yield start
    for each in running:
        each.stop()


@pytest.fixture
def raw():
    running = []

    def start(play):
        running.append(RawUpstream(play))
        return running[-1]
    yield start
    for each in running:
        each.stop()


def config(base, **sluice):
    return {"model_list": [deployment("openai/*", "openai/*", base + "/v1"), deployment("anthropic/*", "anthropic/*", base)],
            "router_settings": {"num_retries": 0}, "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}, "sluice": sluice}


def end_of(pool, answer):
    return pool.line(answer.headers["x-litellm-call-id"])["end"]


@pytest.mark.parametrize("surface", ["chat", "messages"])
def test_a_stream_nobody_asked_for_becomes_a_whole_answer(pool, raw, surface):
    async def play(request, reader, writer):
        writer.write(EVENTS)
        for word in ("Hello ", "from ", "events"):
            writer.write(chunk(delta(word)))
            await writer.drain()
            await asyncio.sleep(0.02)
        writer.write(chunk(FINISH) + chunk(DONE) + b"0\r\n\r\n")
    gateway = pool(config(raw(play).base))
    answer = gateway.ask(asked(surface, "openai/x"))
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    text = found["choices"][0]["message"]["content"] if surface == "chat" else found["content"][0]["text"]
    assert text == "Hello from events"


def test_an_endless_stream_nobody_asked_for_is_cut(pool, raw):
    async def play(request, reader, writer):
        writer.write(EVENTS)
        while True:
            writer.write(chunk(delta("x" * 10000)))
            await writer.drain()
    gateway = pool(config(raw(play).base, answer_limit="1MB"))
    for surface in ("chat", "messages"):
        assert gateway.ask(asked(surface, "openai/x")).status == 502


@pytest.mark.parametrize("surface", ["chat", "messages"])
def test_a_mock_after_the_commit(pool, raw, surface):
    async def play(request, reader, writer):
        await asyncio.sleep(0.5)
        writer.write(b"HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n")
    c = config(raw(play).base, stream_commit_after="100ms")
    c["model_list"].append(deployment("mock", "openai/mock", None, mock_response="from the mock"))
    c["router_settings"]["fallbacks"] = [{"openai/x": ["mock"]}]
    gateway = pool(c)
    answer = gateway.ask(asked(surface, "openai/x", stream=True))
    assert answer.status == 200 and answer.raw.count(b"Status:") == 1 and b"mock" in answer.raw
    assert end_of(gateway, answer) == "complete"


def test_counting_is_never_a_stream(pool, raw):
    async def play(request, reader, writer):
        await asyncio.sleep(0.5)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{\"input_tokens\":12}")
    gateway = pool(config(raw(play).base, stream_commit_after="100ms"))
    answer = gateway.ask(fcgi.post("/v1/messages/count_tokens", messages("anthropic/x", stream=True), headers=fcgi.VERSION))
    assert answer.json() == {"input_tokens": 12} and answer.raw.count(b"Status:") == 1


@pytest.mark.parametrize("stream", [False, True])
def test_an_endless_error_ends(pool, raw, stream):
    async def play(request, reader, writer):
        writer.write(b"HTTP/1.1 429 no\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(chunk(b"x" * 10000))
            await writer.drain()
    upstream = raw(play)
    gateway = pool(config(upstream.base))
    answer = gateway.ask(asked("chat", "openai/x", stream=stream))
    assert answer.status == 429
    assert upstream.gone.wait(5)


def test_an_error_that_is_cut_short_keeps_its_status(pool, raw):
    async def play(request, reader, writer):
        writer.write(b"HTTP/1.1 400 no\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{\"error\":{\"mess")
        await writer.drain()
        writer.close()
    gateway = pool(config(raw(play).base))
    assert gateway.ask(asked("chat", "openai/x")).status == 400


@pytest.mark.parametrize("endless", [False, True])
@pytest.mark.parametrize("surface", ["chat", "messages"])
def test_the_last_word_ends_the_answer(pool, raw, surface, endless):
    """An upstream that says [DONE] and then neither ends nor closes."""
    async def play(request, reader, writer):
        writer.write(EVENTS + chunk(delta("all") + FINISH + DONE))
        while endless:
            writer.write(chunk(b": still here\n\n"))
            await writer.drain()
            await asyncio.sleep(0.01)
        await reader.read()
        raise ConnectionError
    upstream = raw(play)
    gateway = pool(config(upstream.base))
    answer = gateway.ask(asked(surface, "openai/x", stream=True))
    assert b"all" in answer.raw
    assert end_of(gateway, answer) == "complete"
    assert upstream.gone.wait(5)


@pytest.mark.parametrize("surface,model,event", [
    ("chat", "openai/x", delta("")), ("messages", "anthropic/x", b'event: ping\ndata: {"type":"ping"}\n\n')])
def test_what_is_held_back_is_bounded(pool, raw, surface, model, event):
    """Events without a word of content wait for the first one, but not any number of them."""
    async def play(request, reader, writer):
        writer.write(EVENTS)
        while True:
            writer.write(chunk(event * 100))
            await writer.drain()
    gateway = pool(config(raw(play).base, event_limit="100KB"))
    assert gateway.ask(asked(surface, model, stream=True)).status == 502


@pytest.mark.parametrize("sent", [0, 5])
def test_who_leaves_before_the_body_has_left(pool, sent):
    gateway = pool(config("http://127.0.0.1:1"))

    async def go():
        client = await Client.to(gateway.socket)
        await client.send(head("/v1/chat/completions", 10) + (fcgi.record(fcgi.STDIN, b"x" * sent) if sent else b""))
        await asyncio.sleep(0.1)
        client.abort()
    asyncio.run(go())
    until(lambda: gateway.lines())
    assert [x["end"] for x in gateway.lines()] == ["left"]
