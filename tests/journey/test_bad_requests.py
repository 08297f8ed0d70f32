# SPDX-License-Identifier: Apache-2.0
"""Whatever a caller sends: a clear 4xx in its own dialect, and a worker that goes on."""
import json
import socket
import struct

import pytest
import requests

import kit
from kit import KEY

USER = [{"role": "user", "content": "hello"}]
SURFACES = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}


@pytest.fixture(autouse=True)
def the_worker_survives(plain):
    before = plain.worker_pids()
    yield
    assert plain.chat("gpt").status_code == 200
    assert plain.worker_pids() == before


def body(surface, **more):
    return {"model": "gpt" if surface == "chat" else "claude", "messages": USER} | ({"max_tokens": 10} if surface == "messages" else {}) | more


def refused(surface, answer, status=400):
    """The error's message, once its form is the dialect's."""
    assert answer.status_code == status, (answer.status_code, answer.text[:300])
    assert answer.headers["Content-Type"] == "application/json" and answer.headers["x-litellm-call-id"]
    found = answer.json()
    if surface == "messages":
        assert found["type"] == "error" and found["error"]["type"]
    else:
        assert set(found["error"]) >= {"message", "type", "param", "code"} and isinstance(found["error"]["code"], (str, type(None)))
    assert found["error"]["message"]
    return found["error"]


DEEP = b'{"model": "gpt", "max_tokens": 1, "messages": ' + b"[" * 100 + b"]" * 100 + b"}"
TEXTS = {
    "no body": b"",
    "not JSON": b"hello there",
    "cut short": b'{"model": "gpt", ',
    "two values": b"{} {}",
    "an array": b"[]",
    "a string": b'"gpt"',
    "100 levels deep": DEEP,
    "a NUL": b'{"model": "gpt\x00", "messages": []}',
    "invalid UTF-8": b'{"model": "gpt", "max_tokens": 1, "messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "an overlong form": b'{"model": "gpt", "max_tokens": 1, "messages": [{"role": "user", "content": "\xc0\xaf"}]}',
    "NaN": b'{"model": "gpt", "max_tokens": 1, "temperature": NaN, "messages": []}',
    "a comment": b'{"model": "gpt" /* x */}',
}


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_are_no_request(plain, surface, name):
    refused(surface, plain.post(SURFACES[surface], TEXTS[name]))


FIELDS = {
    "model missing": {"model": None},
    "model is a number": {"model": 7},
    "model is empty": {"model": ""},
    "messages missing": {"messages": None},
    "messages is a string": {"messages": "hello"},
    "messages is empty": {"messages": []},
    "a message is a number": {"messages": [1]},
    "stream is a string": {"stream": "yes"},
    "max_tokens is a string": {"max_tokens": "many"},
    "max_tokens is negative": {"max_tokens": -1},
    "max_tokens is absurd": {"max_tokens": 10 ** 30},
    "somebody else's host": {"api_base": "http://127.0.0.1:9/"},
    "somebody else's key": {"api_key": "sk-x"},
}


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", FIELDS)
def test_fields_of_the_wrong_type(plain, surface, name):
    if name in ("a message is a number", "messages is empty"):     # in its own dialect that is the vendor's to say; across dialects it is ours
        wrong = body(surface, model="claude" if surface == "chat" else "gpt", **FIELDS[name])
    else:
        wrong = body(surface, **FIELDS[name])
    status = 404 if name == "model is empty" and surface == "messages" else 400
    refused(surface, plain.post(SURFACES[surface], {k: v for k, v in wrong.items() if v is not None}), status)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("text", ['"model": "gpt", "model": "dear"', '"model": "gpt", "MODEL": "dear"', '"Model": "gpt"', '"model": "gpt", "mod\\u0065l": "dear"',
                                  '"model": "gpt", "stream": true, "Stream": false', '"model": "gpt", "max_tokens": 1, "MAX_TOKENS": 100000'])
def test_members_that_two_readers_could_read_differently(plain, surface, text):
    more = ', "max_tokens": 5' if "max" not in text.lower() else ""
    refused(surface, plain.post(SURFACES[surface], "{" + text + more + ', "messages": [{"role": "user", "content": "x"}]}'))


def test_unknown_model(plain):
    chat = refused("chat", plain.chat("nope"))
    assert "Invalid model name passed in model=nope" in chat["message"] and chat["type"] == "invalid_request_error" and chat["code"] == "400"
    assert refused("messages", plain.messages("nope"), 404)["type"] == "not_found_error"


def test_observed_words(plain):
    path = SURFACES["chat"]
    missing = refused("chat", plain.post(path, {"model": "gpt"}))
    assert missing["message"] == "/chat/completions: Missing required parameter: 'messages'." and missing["param"] == "messages"
    assert "model=None" in refused("chat", plain.post(path, {"messages": USER}))["message"]
    cut = refused("chat", plain.post(path, b'{"model": "gpt", '))
    assert cut["message"].startswith("Invalid JSON payload: ") and "line 1 column" in cut["message"]


@pytest.mark.parametrize("surface", SURFACES)
def test_40_megabytes(plain, surface):
    answer = plain.post(SURFACES[surface], b'{"model": "gpt", "x": "' + b"a" * 40_000_000 + b'"}')
    assert "33554432" in refused(surface, answer, 413)["message"]


def test_what_the_web_server_refuses(plain):
    assert plain.post("/v1/chat/completions", b"a" * 70_000_000).status_code == 413


def test_long_names_are_cut(plain):
    assert len(refused("chat", plain.chat("x" * 100_000))["message"]) < 1000


# FastCGI without a web server in between


def record(kind, content=b"", request_id=1):
    return struct.pack(">BBHHBx", 1, kind, request_id, len(content), 0) + content


def pair(name, value):
    def size(text):
        return bytes([len(text)]) if len(text) < 128 else struct.pack(">I", len(text) | 0x80000000)
    name, value = name.encode(), value.encode()
    return size(name) + size(value) + name + value


def fastcgi(gateway, content, length=None, **more):
    params = {"REQUEST_METHOD": "POST", "REQUEST_URI": "/v1/chat/completions", "HTTP_AUTHORIZATION": f"Bearer {KEY}",
              "CONTENT_LENGTH": str(len(content) if length is None else length)} | more
    out = record(1, struct.pack(">HB5x", 1, 0)) + record(4, b"".join(pair(k, v) for k, v in params.items())) + record(4)
    for i in range(0, len(content), 60000):
        out += record(5, content[i:i + 60000])
    return out + record(5)


def exchange(gateway, sent):
    """The status and body a raw FastCGI stream is answered with; None when the connection is just ended."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(str(gateway.socket))
        try:
            s.sendall(sent)
        except BrokenPipeError:
            pass
        got = b""
        try:
            while piece := s.recv(65536):
                got += piece
        except ConnectionResetError:
            pass
    out = b""
    while len(got) >= 8:
        _, kind, _, length, padding = struct.unpack(">BBHHBx", got[:8])
        out += got[8:8 + length] if kind == 6 else b""
        got = got[8 + length + padding:]
    if not out:
        return None
    head, _, answer = out.partition(b"\r\n\r\n")
    assert head.startswith(b"Status: ")
    return int(head[8:11]), answer


GOOD = json.dumps({"model": "gpt", "messages": USER}).encode()


def test_raw_records_work(plain):
    assert exchange(plain, fastcgi(plain, GOOD))[0] == 200


@pytest.mark.parametrize("length,status", [(len(GOOD) + 10, 400), (len(GOOD) - 10, 400), ("banana", 411), ("-5", 411), ("99999999999999999999", 411)])
def test_content_length_that_lies(plain, length, status):
    got = exchange(plain, fastcgi(plain, GOOD, length=length))
    assert got[0] == status and json.loads(got[1])["error"]["message"]


HOSTILE = {
    "not FastCGI": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "another version": b"\x02" + record(1, struct.pack(">HB5x", 1, 0))[1:],
    "stdin first": record(5, b"hello"),
    "params without begin": record(4, pair("A", "B")),
    "a length that lies": record(1, struct.pack(">HB5x", 1, 0)) + record(4, b"\xff\xff\xff\xff\xff\xff\xff\xffA"),
    "two gigabytes of name": record(1, struct.pack(">HB5x", 1, 0)) + record(4, b"\xc0\x00\x00\x00\xc0\x00\x00\x00"),
    "endless params": record(1, struct.pack(">HB5x", 1, 0)) + record(4, pair("N", "v" * 60000)) * 10,
    "half a record": record(1, struct.pack(">HB5x", 1, 0))[:5],
    "noise": bytes(range(256)) * 20,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_records(plain, name):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(str(plain.socket))
        try:
            s.sendall(HOSTILE[name])
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass


def test_bad_records_are_counted(plain):
    before = plain.metric("sluice_bad_records_total")
    exchange(plain, HOSTILE["not FastCGI"])
    assert plain.metric("sluice_bad_records_total") == before + 1


def test_a_request_that_is_aborted(plain, upstream):
    model = f"openai/script:silent,seed={kit.unique()}"
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(plain.socket))
        s.sendall(fastcgi(plain, json.dumps({"model": model, "messages": USER}).encode()))
        kit.until(lambda: upstream.received(model))
        s.sendall(record(2))
        s.settimeout(20)
        while s.recv(65536):
            pass
    upstream.wait_state(model, "aborted")


def test_trust_is_not_given_twice(plain):
    """A server variable that came twice says nothing: neither of the two is believed."""
    twice = record(1, struct.pack(">HB5x", 1, 0)) + record(4, b"".join(pair(*p) for p in [
        ("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/v1/models"), ("REMOTE_USER", "admin"), ("REMOTE_USER", "eve"),
        ("HTTP_AUTHORIZATION", f"Bearer {KEY}")])) + record(4) + record(5)
    assert exchange(plain, twice)[0] == 200
    assert all("user" not in line for line in plain.lines()[-1:])


def test_wrong_methods(plain):
    for method in ("PUT", "DELETE", "PATCH"):
        answer = requests.request(method, plain.url + "/v1/chat/completions", headers=plain.headers())
        assert answer.status_code == 405 and answer.headers["Allow"] == "POST"
