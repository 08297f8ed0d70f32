# SPDX-License-Identifier: Apache-2.0
"""What each shipped configuration promises: bodies, headers, paths, open streams, graceful ends."""
import collections
import json
import os
import resource
import selectors
import signal
import socket
import threading

import pytest
import requests

import kit
from kit import KEY, SANITIZED, deployment, sse, until
from test_bad_requests import refused

CHAT = "/v1/chat/completions"


def raw(gateway, text, keep=False):
    """What the web server answers to these bytes; `keep`: the connection stays open for the caller."""
    s = socket.create_connection(("127.0.0.1", gateway.port), 60)
    s.sendall(text)
    if keep:
        return s
    got = b""
    with s:
        while piece := s.recv(65536):
            got += piece
    return got


def head(gateway, *more, path=CHAT, method="POST"):
    lines = [f"{method} {path} HTTP/1.1", "Host: gateway", f"Authorization: Bearer {KEY}", "Content-Type: application/json", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def hello(model="gpt", **more):
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]} | more).encode()


# bodies


@pytest.mark.more_forms
def test_31_megabytes_pass(gateway, upstream):
    model = f"openai/script:fixed,seed={kit.unique()}"
    answer = gateway.chat(model, content="a" * 31_000_000)
    assert answer.status_code == 200
    upstream.wait_state(model, "complete")
    assert len(json.loads(upstream.last(model)["body"])["messages"][0]["content"]) == 31_000_000
    upstream.reset()


@pytest.mark.more_forms
@pytest.mark.parametrize("surface,path", [("chat", CHAT), ("messages", "/v1/messages")])
def test_40_megabytes_are_refused_in_the_dialect(gateway, surface, path):
    refused(surface, gateway.post(path, b'{"model": "gpt", "x": "' + b"a" * 40_000_000 + b'"}'), 413)


def test_70_megabytes_are_refused(gateway):
    """By the web server in its own words (mod_fcgid says 500), but for mod_proxy_fcgi, which leaves it to the gateway."""
    try:
        assert gateway.post(CHAT, b"a" * 70_000_000).status_code in (413, 500)
    except requests.ConnectionError:
        pass                            # it may hang up on who goes on sending


@pytest.mark.more_forms
def test_a_body_in_chunks(gateway):
    body = hello()
    text = head(gateway, "Transfer-Encoding: chunked", "Connection: close")
    for i in range(0, len(body), 10):
        text += f"{len(body[i:i + 10]):x}\r\n".encode() + body[i:i + 10] + b"\r\n"
    assert raw(gateway, text + b"0\r\n\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.more_forms
def test_a_client_that_dies_in_its_upload_reaches_nobody(gateway, upstream):
    model = f"openai/script:fixed,seed={kit.unique()}"
    body = hello(model)
    raw(gateway, head(gateway, f"Content-Length: {len(body) + 1000}") + body, keep=True).close()
    assert gateway.chat("gpt").status_code == 200
    assert upstream.received(model) == []


@pytest.mark.more_forms
@pytest.mark.parametrize("length", ["banana", "-5", "99999999999999999999", "5, 7"])
def test_a_content_length_that_is_none(gateway, length):
    got = raw(gateway, head(gateway, f"Content-Length: {length}", "Connection: close") + hello())
    assert got == b"" or got.split(b" ")[1] in (b"400", b"411", b"413"), got[:200]
    assert gateway.chat("gpt").status_code == 200


def peak_kb(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


def test_many_large_bodies_at_once(start, upstream):
    """They take turns in what sluice.body_memory allows; none is lost."""
    gateway = start({"model_list": [deployment("gpt", "openai/script:fixed", upstream.base + "/v1")], "sluice": {"body_memory": "64MB"}})
    body = hello(padding="a" * 25_000_000)
    text = head(gateway, f"Content-Length: {len(body)}", "Connection: close") + body
    got = []
    clients = [threading.Thread(target=lambda: got.append(raw(gateway, text)[:12])) for _ in range(5 if SANITIZED else 20)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join(60)
    assert got == [b"HTTP/1.1 200"] * len(clients)
    if not SANITIZED:
        assert all(peak_kb(pid) < 100_000 for pid in gateway.worker_pids())
    upstream.reset()


# headers and paths


def test_long_headers_pass(gateway):
    """Agents send up to 8 KB of them; a single one may be as long."""
    answer = gateway.post(CHAT, json.loads(hello()), headers={"x-codex-turn-metadata": "m" * 7000, "anthropic-beta": ",".join(["some-beta-2026-01-01"] * 20)})
    assert answer.status_code == 200


@pytest.mark.more_forms
def test_the_request_id_of_the_web_server(gateway):
    answer = gateway.post(CHAT, json.loads(hello()), headers={"x-request-id": "from-the-client", "x-litellm-call-id": "also-theirs"})
    line = gateway.line(answer.headers["x-litellm-call-id"])
    assert line["client_id"] == "also-theirs" and line["id"] not in ("also-theirs", "from-the-client")
    if gateway.form in kit.HTTPD + ["nginx"]:
        assert len(line["web_id"]) >= 20 and line["web_id"] != "from-the-client"          # mod_unique_id, $request_id
    else:
        assert line["web_id"] == "from-the-client"


@pytest.mark.more_forms
def test_paths_arrive_as_they_were_sent(gateway):
    assert gateway.get("/v1/models/openai%2Fscript:fixed").status_code == 200
    assert gateway.post("/v1/messages?beta=true", {"model": "claude", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}).status_code == 200
    assert gateway.get("//v1//models").status_code in (200, 404)
    assert gateway.get("/v1/models/").status_code == 200


@pytest.mark.more_forms
@pytest.mark.parametrize("header", ["Remote-User", "X-Remote-User", "REMOTE_USER", "Ssl-Client-Verify", "OIDC-Claim-Email", "Auth-Type"])
def test_identity_is_not_forged(gateway, header):
    assert requests.get(gateway.url + "/v1/models", headers={header: "admin"}).status_code == 401
    answer = gateway.post(CHAT, json.loads(hello()), headers={header: "admin"})
    assert "user" not in gateway.line(answer.headers["x-litellm-call-id"])


@pytest.mark.more_forms
def test_a_head_has_the_length_and_no_body(gateway):
    whole, only = gateway.get("/v1/models"), requests.head(gateway.url + "/v1/models", headers=gateway.headers())
    assert only.status_code == 200 and only.content == b"" and only.headers["Content-Length"] == whole.headers["Content-Length"]


@pytest.mark.more_forms
def test_answers_do_not_depend_on_the_connection(gateway):
    """Kept connections, pipelined requests, and a whole answer that knows its length."""
    one = head(gateway, f"Content-Length: {len(hello())}") + hello()
    last = head(gateway, f"Content-Length: {len(hello())}", "Connection: close") + hello()
    got = raw(gateway, one * 3 + last)
    assert got.count(b"HTTP/1.1 200") == 4 and got.count(b'"model":"gpt"') == 4 and got.count(b"Content-Length: ") + got.count(b"content-length: ") == 4


# open streams


HELD = {"lighttpd": 2000, "spawned": 2000, "proxy_fcgi": 2000, "fcgid": 200, "nginx": 2000}


def hold(gateway, model, n, on_their_way=64):
    """n streams of which the first content has come."""
    body = hello(model, stream=True)
    text = head(gateway, f"Content-Length: {len(body)}") + body
    held, waiting = [], selectors.DefaultSelector()
    while len(held) < n:
        while len(waiting.get_map()) < on_their_way and len(held) + len(waiting.get_map()) < n:
            waiting.register(raw(gateway, text, keep=True), selectors.EVENT_READ, bytearray())
        for key, _ in waiting.select(60) or pytest.fail(f"{len(held)} streams are open, and no more begin"):
            piece = key.fileobj.recv(65536)
            assert piece, (len(held), bytes(key.data[:500]), gateway.error_log()[-2000:])
            key.data.extend(piece)
            if b"Hello" in key.data:
                waiting.unregister(key.fileobj)
                held.append(key.fileobj)
    return held


@pytest.mark.parametrize("form", HELD)
def test_open_streams(start, form, shared_folder):
    """As many as the file says, all at once; then half of the clients leave, and the upstream breaks off the rest."""
    n = HELD[form] // (5 if SANITIZED else 1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    upstream = kit.Upstream(shared_folder)
    gateway = start({"model_list": [deployment("held", "openai/script:silent,after=3", upstream.base + "/v1")], "sluice": {"heartbeat": "1s"}}, form=form)
    streams = hold(gateway, "held", n)
    assert upstream.stats()["playing"] == n
    assert gateway.metric("litellm_in_flight_requests") == n + 1 and gateway.metric("sluice_deployment_in_flight", requested_model="held") == n
    for s in streams[n // 2:]:
        s.close()
    until(lambda: gateway.metric("litellm_in_flight_requests") == n // 2 + 1)
    upstream.stop()
    for s in streams[:n // 2]:
        got = b""
        while b'"error"' not in got:
            piece = s.recv(65536)
            assert piece, got
            got += piece
        assert b"[DONE]" not in got
        s.close()
    until(lambda: gateway.metric("litellm_in_flight_requests") == 1)
    until(lambda: len(gateway.lines()) >= n)
    assert collections.Counter(line["end"] for line in gateway.lines()) == {"cut": n // 2, "left": n // 2}


# graceful ends


class Stream(threading.Thread):
    """A stream of a second; `whole` says whether it came to its end."""

    def __init__(self, gateway):
        super().__init__()
        body = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "x"}]}
        self.answer = requests.post(gateway.url + CHAT, json=body, headers=gateway.headers(), stream=True, timeout=60)
        assert self.answer.status_code == 200
        self.start()

    def run(self):
        try:
            chunks, done = sse(self.answer)
            self.whole = done and sum(len(c["choices"]) for c in chunks) > 20
        except requests.RequestException as e:
            self.whole = e


@pytest.fixture
def slow(start, upstream):
    def begin(form, **more):
        return start({"model_list": [deployment("slow", "openai/script:slow,first=1,gap=50,chunks=20", upstream.base + "/v1"),
                                     deployment("gpt", "openai/script:fixed", upstream.base + "/v1")]} | more, form=form)
    return begin


@pytest.mark.parametrize("form,sig", [("lighttpd", signal.SIGINT), ("spawned", signal.SIGINT), ("proxy_fcgi", signal.SIGWINCH), ("fcgid", signal.SIGWINCH),
                                      ("cgi_lighttpd", signal.SIGINT)])
def test_a_web_server_that_stops_gracefully(slow, form, sig):
    gateway = slow(form)
    stream = Stream(gateway)
    gateway.web.p.send_signal(sig)
    stream.join(60)
    assert stream.whole is True
    until(lambda: not gateway.web.bury())


def test_a_spawned_worker_that_is_told_to_end(slow):
    """lighttpd starts another; the stream finishes, and the worker leaves without a fault."""
    gateway = slow("spawned")
    stream = Stream(gateway)
    before = gateway.worker_pids()
    os.kill(before[0], signal.SIGTERM)
    stream.join(60)
    assert stream.whole is True
    until(lambda: gateway.worker_pids() != before and gateway.chat("gpt").status_code == 200)


def test_a_reload_of_httpd_lets_fcgid_streams_finish(slow):
    """It has 8 seconds (operations.md)."""
    gateway = slow("fcgid")
    stream = Stream(gateway)
    gateway.web.p.send_signal(signal.SIGUSR1)
    stream.join(60)
    assert stream.whole is True
    until(lambda: gateway.chat("gpt").status_code == 200)


def test_idle_spawned_workers_end_at_once(slow):
    gateway = slow("spawned")
    assert gateway.chat("gpt").status_code == 200
    pid = gateway.worker_pids()[0]
    os.kill(pid, signal.SIGTERM)
    until(lambda: pid not in gateway.worker_pids())
