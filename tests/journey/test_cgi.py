# SPDX-License-Identifier: Apache-2.0
"""Plain CGI: what only a process for each request can get wrong."""
import os
import signal
import subprocess

import pytest
import requests

import kit
from conftest import everyday
from kit import KEY, Held, deployment, sse, until

FORMS = ["cgi_lighttpd", "cgi_httpd"]


@pytest.fixture(scope="module", params=FORMS)
def cgi(request, upstream):
    """With the exchange lines on standard output, which is not the client's here."""
    running = kit.Gateway(everyday(upstream) | {"sluice": {"log": "-", "heartbeat": "100ms"}}, form=request.param)
    yield running
    running.stop()


def test_lines_on_standard_output_reach_no_client(cgi):
    answer = cgi.chat("gpt")
    assert answer.status_code == 200 and answer.json()["model"] == "gpt"
    until(lambda: f'"id":"{answer.headers["x-litellm-call-id"]}"' in cgi.error_log())


@pytest.mark.parametrize("query", ["help", "version", "settings+--markdown", "serve+--listen+/tmp/x", "-c+/etc/passwd", "check+/etc/passwd"])
def test_a_query_gives_no_commands(cgi, query):
    """httpd makes arguments of a query that has no equals sign."""
    answer = cgi.get("/v1/models?" + query)
    assert answer.status_code == 200 and answer.json()["object"] == "list"


def test_headers_set_no_variables(cgi):
    for name in ("LITELLM_MASTER_KEY", "LITELLM-MASTER-KEY", "SLUICE-CONFIG", "Proxy", "Gateway-Interface"):
        assert requests.get(cgi.url + "/v1/models", headers={name: "sk-theirs", "Authorization": "Bearer sk-theirs"}).status_code == 401
    assert KEY not in cgi.get("/v1/models").text


def test_nothing_is_left_of_a_request(cgi):
    for stream in (False, True):
        assert cgi.chat("gpt", stream=stream).status_code == 200
    held = Held(cgi, "chat", "openai/script:silent,after=3")
    held.until(b"Hello")
    cgi.worker_pid()                                                # what answered before has ended
    assert cgi.metric("litellm_in_flight_requests") == 2
    held.leave()
    until(lambda: cgi.worker_pids() == [])
    assert cgi.metric("litellm_in_flight_requests") == 1


def test_a_process_that_is_told_to_end_says_so(cgi):
    """The web server's own limits end a CGI program by SIGTERM."""
    held = Held(cgi, "chat", "openai/script:silent,after=3")
    held.until(b"Hello")
    os.kill(cgi.worker_pid(), signal.SIGTERM)
    held.until(b'"error"')
    assert b"is being restarted" in held.got and b"[DONE]" not in held.got
    until(lambda: cgi.worker_pids() == [])


@pytest.mark.parametrize("form", FORMS)
def test_a_configuration_with_errors(start, upstream, form):
    gateway = start(everyday(upstream), form=form)
    gateway.expected.append("child exited: 1")
    gateway.write("model_list: 7\n")
    assert gateway.chat("gpt").status_code == 500
    until(lambda: "config.yaml:1: model_list must be" in gateway.error_log())
    gateway.write(everyday(upstream))
    assert gateway.chat("gpt").status_code == 200


@pytest.mark.parametrize("written", ['sk-o"d\\d=$HOME`id`&-1234', '"sk-o"d\\d=$HOME`id`&-1234"'])
def test_keys_in_the_file_that_lighttpd_reads(start, upstream, written):
    """As systemd reads it, with quotes around a value and without."""
    gateway = start(everyday(upstream), form="cgi_lighttpd", env={"LITELLM_MASTER_KEY": written})
    key = written[1:-1] if written.startswith('"') else written
    assert requests.get(gateway.url + "/v1/models", headers={"x-api-key": key}).status_code == 200
    assert requests.get(gateway.url + "/v1/models", headers={"x-api-key": key + "x"}).status_code == 401


def test_mod_cgi_of_the_prefork_mpm(start, upstream):
    """Its pipes, instead of the one socket of mod_cgid."""
    gateway = start({"model_list": [deployment("gpt", "openai/script:fixed", upstream.base + "/v1")]}, form="cgi_prefork")
    assert gateway.chat("gpt", content="a" * 3_000_000).status_code == 200
    chunks, done = sse(gateway.chat("gpt", stream=True))
    assert done and chunks
    answer = gateway.post("/v1/chat/completions", b"a" * 40_000_000)
    assert answer.status_code == 413 and answer.json()["error"]["message"]
    assert requests.post(gateway.url + "/v1/messages", data=b"a" * 100_000).status_code == 401


def test_by_hand(plain):
    """As any other server would call it: files for both streams, no end of input needed."""
    body = b'{"model": "hello", "messages": [{"role": "user", "content": "x"}]}'
    (plain.where / "body").write_bytes(body)
    env = kit.ENV | {k: str(v) for k, v in plain.env.items()} | {
        "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST", "REQUEST_URI": "/v1/chat/completions", "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": f"Bearer {KEY}", "SLUICE_CONFIG": str(plain.config_path)}
    with open(plain.where / "body") as stdin, open(plain.where / "answer", "wb") as stdout:
        done = subprocess.run([*kit.as_user(), plain.bin / "sluice"], env=env, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, timeout=60)
    head, _, answer = (plain.where / "answer").read_bytes().partition(b"\r\n\r\n")
    assert done.returncode == 0 and done.stderr == b"", done
    assert head.startswith(b"Status: 200 OK\r\nContent-Type: application/json\r\n") and b"Hello from the mock" in answer
