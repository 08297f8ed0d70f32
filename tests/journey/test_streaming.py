# SPDX-License-Identifier: Apache-2.0
"""The truth about streams: at once, whole or marked as broken, never faster than the client reads, and ended when the client leaves."""
import json
import time

import pytest

import kit
from kit import SANITIZED, Held, deployment, events, until

PAIRS = [(surface, vendor) for surface in ("chat", "messages") for vendor in ("openai", "anthropic")]


@pytest.fixture(scope="module")
def eager(request, upstream):
    """Commits a stream, and sends heartbeats, as soon as the settings allow."""
    config = {
        "model_list": [deployment(f"{vendor}/*", f"{vendor}/*", upstream.base + ("/v1" if vendor == "openai" else "")) for vendor in ("openai", "anthropic")]
        + [deployment("second-helps", "openai/script:refuse,first=400", upstream.base + "/v1", order=1),
           deployment("second-helps", "openai/script:fixed", upstream.base + "/v1", order=2)],
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
        "router_settings": {"num_retries": 1},
        "sluice": {"heartbeat": "100ms", "stream_commit_after": "50ms"},
    }
    running = kit.Gateway(config, form=request.param)
    yield running
    running.stop()


def ask(gateway, surface, model, **more):
    return (gateway.chat if surface == "chat" else gateway.messages)(model, **more)


def said(surface, found):
    """The text of a stream's events; half pairs are joined as a client would join them."""
    if surface == "chat":
        parts = [c["delta"].get("content") or "" for d in found if d[1] != "[DONE]" for c in json.loads(d[1]).get("choices", [])]
    else:
        parts = [json.loads(data)["delta"].get("text", "") for name, data in found if name == "content_block_delta"]
    return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16")


def is_whole(surface, found):
    return found[-1] == ("", "[DONE]") if surface == "chat" else found[-1][0] == "message_stop"


def error_of(surface, found):
    """The error a stream ended with; it must be its last event."""
    for name, data in found[:-1]:
        assert name != "error" and '"error"' not in data
    last = json.loads(found[-1][1])
    if surface == "messages":
        assert found[-1][0] == "error" and last["type"] == "error"
    return last["error"]


def left_line(gateway, model):
    return until(lambda: next((x for x in gateway.lines() if x.get("model") == model and x["end"] == "left"), None), what="the line of who left")


# at once


@pytest.mark.more_forms
@pytest.mark.parametrize("surface,vendor", PAIRS)
def test_content_comes_at_once_and_a_leaver_ends_the_call(eager, upstream, surface, vendor):
    model = f"{vendor}/script:fixed,fault=silent,after=4,seed={kit.unique()}"
    stream = Held(eager, surface, model)
    stream.until(b"Hello")
    assert upstream.last(model)["state"] == "playing"
    stream.leave()
    assert upstream.wait_state(model, "aborted")
    line = left_line(eager, model)
    assert line["estimated"] is True and line["tokens"]["out"] > 0 and line["tokens"]["in"] > 0
    assert until(lambda: eager.metric("litellm_in_flight_requests") == 1)          # the question itself
    assert eager.metric("sluice_deployment_in_flight") == 0


@pytest.mark.more_forms
@pytest.mark.parametrize("surface,vendor", PAIRS)
def test_silence_is_filled_and_a_leaver_noticed(eager, upstream, surface, vendor):
    model = f"{vendor}/script:silent,seed={kit.unique()}"
    beat = b": keep-alive\n\n" if surface == "chat" else b"event: ping\n"
    stream = Held(eager, surface, model)
    stream.until(beat, times=3)
    assert stream.answer.status == 200 and stream.answer.headers["Content-Type"].startswith("text/event-stream")
    stream.leave()
    assert upstream.wait_state(model, "aborted")
    line = left_line(eager, model)
    assert line["tokens"]["out"] == 0 and [a["error"] for a in line["attempts"]] == ["CLIENT_LEFT"]


@pytest.mark.more_forms
def test_a_leaver_is_noticed_while_waiting(gateway, upstream):
    """Before anything was sent: where the web server tells, on a kept connection (see operations.md)."""
    if gateway.form in kit.HTTPD:
        model = f"openai/script:fixed,first=300,seed={kit.unique()}"           # httpd tells nothing: the answer is complete all the same
    else:
        model = f"openai/script:silent,seed={kit.unique()}"
    stream = Held(gateway, "chat", model, stream=False)
    until(lambda: upstream.received(model))
    stream.leave()
    if gateway.form in kit.HTTPD:
        upstream.wait_state(model, "complete")
        return
    upstream.wait_state(model, "aborted")
    assert left_line(gateway, model)["status"] == 0


@pytest.mark.more_forms
def test_an_error_before_the_commit_keeps_its_status(gateway):
    answer = gateway.chat("openai/script:refuse,status=429", stream=True)
    assert answer.status_code == 429 and answer.json()["error"]["type"] == "throttling_error"


@pytest.mark.parametrize("surface", ["chat", "messages"])
def test_an_error_after_the_commit_is_an_event(eager, surface):
    answer = ask(eager, surface, "openai/script:refuse,status=429,first=400", stream=True)
    found = events(answer)
    assert answer.status_code == 200
    assert error_of(surface, found)["message"]
    assert eager.line(answer.headers["x-litellm-call-id"])["end"] == "cut"


@pytest.mark.parametrize("surface", ["chat", "messages"])
def test_after_the_commit_but_before_content_another_may_answer(eager, surface):
    answer = ask(eager, surface, "second-helps", stream=True)
    found = events(answer)
    assert is_whole(surface, found) and said(surface, found) == "Hello from the scripted upstream."
    assert [a["status"] for a in eager.line(answer.headers["x-litellm-call-id"])["attempts"]] == [500, 200]


# whole, or marked as broken


@pytest.mark.parametrize("surface,vendor", PAIRS)
@pytest.mark.parametrize("script", ["cut,after=4", "cut,after=4,mode=rst", "cut,after=4,mode=chunk", "fixed,fault=error,after=4",
                                    "fixed,done=no,finish=none"])
def test_a_broken_stream_ends_in_an_error(gateway, surface, vendor, script):
    answer = ask(gateway, surface, f"{vendor}/script:{script}", stream=True)
    found = events(answer)
    assert said(surface, found)
    assert error_of(surface, found)["message"]
    assert not is_whole(surface, found)
    line = gateway.line(answer.headers["x-litellm-call-id"])
    assert line["end"] == "cut" and line["reason"] and line["tokens"]["out"] > 0


@pytest.mark.parametrize("surface,vendor", PAIRS)
@pytest.mark.parametrize("script", ["crlf", "cr", "fixed,nospace=1", "fixed,bom=1", "comments", "fixed,twodata=1", "json-for-stream", "gzip"])
def test_oddities_of_upstreams_do_not_show(gateway, surface, vendor, script):
    if script == "gzip":
        script = "fixed,type=text/event-stream"
    found = events(ask(gateway, surface, f"{vendor}/script:{script}", stream=True))
    assert is_whole(surface, found) and said(surface, found) == "Hello from the scripted upstream."


@pytest.mark.parametrize("surface", ["chat", "messages"])
@pytest.mark.parametrize("done", ["no", "bare"])
def test_a_finish_reason_is_the_end_too(gateway, surface, done):
    found = events(ask(gateway, surface, f"openai/script:fixed,done={done}", stream=True))
    assert is_whole(surface, found) and said(surface, found) == "Hello from the scripted upstream."


@pytest.mark.parametrize("surface,vendor", PAIRS)
@pytest.mark.parametrize("line", ["lf", "crlf"])
def test_events_and_characters_cut_anywhere(gateway, surface, vendor, line):
    for most in (1, 7):
        found = events(ask(gateway, surface, f"{vendor}/script:split,split={most},line={line}", stream=True))
        assert is_whole(surface, found) and said(surface, found) == "Grüße aus 東京 🚀 und 10 €."


@pytest.mark.parametrize("surface,vendor", PAIRS)
def test_half_a_pair_meets_its_other_half(gateway, surface, vendor):
    found = events(ask(gateway, surface, f"{vendor}/script:surrogate", stream=True))
    assert is_whole(surface, found) and said(surface, found) == "smile 😀 end"


def test_the_same_dialect_is_not_touched(gateway, upstream):
    """Unknown members, their order and the spelling of numbers survive in both directions."""
    body = '{"zebra": 1.50, "model": "openai/script:fixed,usage=always", "messages": [{"role":"user","content":"caf\\u00e9","x":1e2}], "top_p": 0.10,' \
           ' "unknown": {"b":2, "a":[ ]}}'
    answer = gateway.post("/v1/chat/completions", body)
    assert answer.status_code == 200
    assert upstream.last("script:fixed,usage=always")["body"] == body.replace("openai/script", "script")
    assert '"service_tier":"default","system_fingerprint":"fp_kit"}' in answer.text


# as fast as the client


@pytest.mark.parametrize("surface,vendor", [("chat", "openai"), ("messages", "anthropic"), ("messages", "openai")])
def test_a_slow_client_stops_the_transfer(gateway, upstream, surface, vendor):
    chunks = 30000 if SANITIZED or surface != "chat" else 300000
    model = f"{vendor}/script:fixed,chunks={chunks},size=1000,seed={kit.unique()}"
    before = {pid: resident_kb(pid) for pid in gateway.worker_pids()}
    stream = Held(gateway, surface, model, receive_buffer=65536)
    stream.until(b"000001 ")
    assert upstream.wait_still(model) < chunks
    if not SANITIZED:
        for pid in gateway.worker_pids():
            assert resident_kb(pid) < before.get(pid, 0) + 20000
    end, word = (b"[DONE]", b'"content":"0') if surface == "chat" else (b"message_stop", b'"text":"0')
    assert stream.count_until(end, word) == chunks
    upstream.wait_state(model, "complete")
    stream.leave()


def test_the_time_a_client_takes_is_not_the_upstreams(start, upstream):
    """The clock of the longest gap stands still while we hold the upstream back."""
    gateway = start({"model_list": [deployment("gpt", "openai/script:fixed,chunks=30000,size=1000", upstream.base + "/v1", stream_timeout=0.3)]})
    stream = Held(gateway, "chat", "gpt", receive_buffer=65536)
    stream.until(b"000001 ")
    seen = []

    def has_stood_for_long():
        seen.append((upstream.last("script:fixed,chunks=30000,size=1000")["events"], time.monotonic()))
        return any(events == seen[-1][0] and when + 0.7 < seen[-1][1] for events, when in seen)
    until(has_stood_for_long)
    while b"[DONE]" not in stream.got:
        stream.got = stream.got[-10:]
        stream.read()
    assert until(lambda: gateway.lines())[0]["end"] == "complete"
    stream.leave()


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def test_many_streams_lose_no_event(plain, upstream):
    """64 held at once; the benchmark does 5,000."""
    streams = [Held(plain, "chat", "openai/script:fixed,chunks=64,gap=5") for _ in range(64)]
    for stream in streams:
        stream.until(b"data: [DONE]")
        assert [b"%06d " % i in stream.got for i in range(64)] == [True] * 64
        stream.leave()
