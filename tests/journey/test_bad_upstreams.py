# SPDX-License-Identifier: Apache-2.0
"""Whatever an upstream does: a clear 5xx in the caller's dialect, in time, and others do not notice."""
import shutil
import socket
import subprocess
import threading

import pytest

import kit
from kit import deployment, until

BAD = {
    "html": (502, "UPSTREAM_FAILED"),
    "garbage": (502, "UPSTREAM_FAILED"),
    "endless-header": (502, "UPSTREAM_FAILED"),
    "nothing": (502, "UPSTREAM_FAILED"),
    "empty": (502, "UPSTREAM_FAILED"),
    "refuse,status=401": (502, "UPSTREAM_CREDENTIAL"),
    "refuse,status=403": (502, "UPSTREAM_CREDENTIAL"),
    "refuse,status=502,make=html": (502, None),
    "refuse,status=500,make=fastapi": (500, None),
    "refuse,status=503,make=vllm": (503, None),
}


def told(surface, answer, status):
    assert answer.status_code == status, (answer.status_code, answer.text[:300])
    found = answer.json()
    if surface == "messages":
        assert found["type"] == "error"
    message = found["error"]["message"]
    assert message and "<html" not in message and "upstream-key" not in answer.text
    return message


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
@pytest.mark.parametrize("surface", ["chat", "messages"])
@pytest.mark.parametrize("script", BAD)
def test_before_any_content(plain, surface, vendor, script, stream):
    status, why = BAD[script]
    answer = (plain.chat if surface == "chat" else plain.messages)(f"{vendor}/script:{script}", stream=stream)
    told(surface, answer, 529 if status == 503 and surface == "messages" else status)
    line = plain.line(answer.headers["x-litellm-call-id"])
    assert line["end"] == "cut" and len(line["attempts"]) == 1
    if why:
        assert line["reason"] == why


@pytest.mark.parametrize("surface", ["chat", "messages"])
def test_a_body_that_is_too_short(plain, surface):
    for vendor in ("openai", "anthropic"):
        told(surface, (plain.chat if surface == "chat" else plain.messages)(f"{vendor}/script:wrong-length"), 502)


@pytest.mark.parametrize("surface", ["chat", "messages"])
def test_an_error_inside_a_200(plain, surface):
    for vendor in ("openai", "anthropic"):
        for stream in (False, True):
            answer = (plain.chat if surface == "chat" else plain.messages)(f"{vendor}/script:error200", stream=stream)
            assert answer.status_code >= 400 and answer.json()["error"]["message"]


@pytest.fixture(scope="module")
def impatient(upstream):
    """Every limit is short."""
    base = upstream.base + "/v1"
    config = {
        "model_list": [
            deployment("first-byte", "openai/script:silent", base, timeout=0.3, stream_timeout=0.3),
            deployment("idle", "openai/script:silent,after=3", base, stream_timeout=0.3),
            deployment("total", "openai/script:split,pause=20", base, timeout=0.3),
            deployment("endless", "openai/script:fixed,chunks=100000,gap=20", base),
            deployment("patient", "openai/script:slow,first=600000", base),
            deployment("unknown-name", "openai/x", "http://no-such-host.invalid:9/v1"),
            deployment("refused", "openai/x", f"http://127.0.0.1:{kit.free_port()}/v1"),
            deployment("good", "openai/script:fixed", base),
        ],
        "router_settings": {"num_retries": 0},
        "litellm_settings": {"request_timeout": 2},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    }
    running = kit.Gateway(config)
    yield running
    running.stop()


@pytest.mark.parametrize("surface", ["chat", "messages"])
@pytest.mark.parametrize("model,stream", [("first-byte", False), ("first-byte", True), ("total", False)])
def test_time_limits(impatient, surface, model, stream):
    answer = (impatient.chat if surface == "chat" else impatient.messages)(model, stream=stream)
    told(surface, answer, 504)
    assert impatient.line(answer.headers["x-litellm-call-id"])["reason"] == "UPSTREAM_TIMEOUT"


def test_silence_in_the_middle(impatient):
    answer = impatient.chat("idle", stream=True)
    assert answer.status_code == 200 and '"error"' in answer.text and "[DONE]" not in answer.text
    line = impatient.line(answer.headers["x-litellm-call-id"])
    assert line["end"] == "cut" and line["reason"] == "UPSTREAM_TIMEOUT" and line["estimated"] is True


def test_the_whole_of_a_stream_is_limited(impatient):
    answer = impatient.chat("endless", stream=True)
    assert answer.status_code == 200 and '"error"' in answer.text and "[DONE]" not in answer.text
    assert impatient.line(answer.headers["x-litellm-call-id"])["reason"] == "UPSTREAM_TIMEOUT"


def test_a_server_that_takes_no_connection(start):
    """Its queue is full: what asks to connect is not answered at all."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        queued = [socket.socket() for _ in range(4)]
        for s in queued:
            s.setblocking(False)
            s.connect_ex(full.getsockname())
        gateway = start({"model_list": [deployment("full", "openai/x", f"http://127.0.0.1:{full.getsockname()[1]}/v1")],
                         "router_settings": {"num_retries": 0}, "sluice": {"connect_timeout": "300ms"}})
        for stream in (False, True):
            answer = gateway.chat("full", stream=stream)
            told("chat", answer, 504)
            assert gateway.line(answer.headers["x-litellm-call-id"])["attempts"][0]["status"] == 0
        for s in queued:
            s.close()


def test_a_caller_may_be_impatient(impatient):
    body = {"model": "patient", "messages": [{"role": "user", "content": "x"}]}
    for header, stream in (("x-litellm-timeout", False), ("x-litellm-stream-timeout", True)):
        answer = impatient.post("/v1/chat/completions", body | {"stream": stream}, headers={header: "0.2"})
        told("chat", answer, 504)


def test_not_reached(impatient):
    for model in ("unknown-name", "refused"):
        answer = impatient.chat(model)
        told("chat", answer, 502)
        assert answer.json()["error"]["code"] == "upstream_unreachable"
        assert impatient.line(answer.headers["x-litellm-call-id"])["attempts"][0]["status"] == 0


SLOW_NAMES = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
	    (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(RTLD_NEXT, "getaddrinfo");

	if (host != NULL && strcmp(host, "slow.test") == 0)
		sleep(600);
	return (real(host, service, hints, list));
}
"""


def test_a_slow_name_delays_nobody_else(start, upstream):
    where = kit.folder()
    (where / "slow.c").write_text(SLOW_NAMES)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", where / "slow.so", where / "slow.c", "-ldl"], check=True)
    kit.give(where)
    gateway = start({"model_list": [deployment("slow", "openai/x", "http://slow.test:9/v1"),
                                    deployment("good", "openai/script:fixed", upstream.base + "/v1")],
                     "router_settings": {"num_retries": 0}, "sluice": {"connect_timeout": "3s"}},
                    env={"LD_PRELOAD": where / "slow.so", "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}, form="lighttpd")
    waiting = [threading.Thread(target=gateway.chat, args=("slow",)) for _ in range(5)]
    for thread in waiting:
        thread.start()
    until(lambda: gateway.metric("litellm_in_flight_requests") >= 5)
    for _ in range(20):
        assert gateway.chat("good").status_code == 200
    assert any(thread.is_alive() for thread in waiting)
    for thread in waiting:
        thread.join(30)
    until(lambda: [x["reason"] for x in gateway.lines() if x["model"] == "slow"] == ["UPSTREAM_TIMEOUT"] * 5)  # a line follows its answer
    shutil.rmtree(where)
