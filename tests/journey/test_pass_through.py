# SPDX-License-Identifier: Apache-2.0
"""What passes through as it is: vendors' own paths and endpoints of the file, byte for byte, with the gateway's key, line and counts."""
import email
import http.client
import json

import anthropic
import openai
import pytest
import requests

import kit
from kit import KEY, Held, deployment, until

SAY = [{"role": "user", "content": "x"}]


def line_of(gateway, answer):
    return gateway.line(answer.headers["x-litellm-call-id"])


def raw(gateway, method, target, headers=None, body=None):
    """The target as it is written: other clients tidy it up."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in gateway.headers(**(headers or {})).items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


# the SDKs of the vendors, at their paths


def test_anthropic_sdk(gateway, upstream):
    client = anthropic.Anthropic(base_url=gateway.url + "/anthropic", api_key=KEY, max_retries=0)
    model = f"script:fixed,seed={kit.unique()}"
    with client.messages.stream(model=model, max_tokens=50, messages=SAY) as stream:
        message = stream.get_final_message()
        line = line_of(gateway, stream.response)
    assert message.content[0].text == "Hello from the scripted upstream." and message.model == model
    assert line["path"] == "/anthropic/*" and line["model"] == line["served_model"] == model and line["vendor_id"] == message.id
    assert (line["tokens"]["in"], line["tokens"]["out"], line["estimated"]) == (12, 5, False)
    assert line["stream"] is True and line["end"] == "complete" and line["first_token_ms"] > 0
    sent = upstream.last(model)
    assert sent["path"] == "/v1/messages" and sent["headers"]["x-api-key"] == "upstream-key" and sent["headers"]["anthropic-version"]
    assert "authorization" not in sent["headers"] and "accept-encoding" not in sent["headers"]
    assert sent["headers"]["user-agent"].startswith("Anthropic/") and not sent["problems"]
    assert client.messages.count_tokens(model=model, messages=SAY).input_tokens > 0
    with pytest.raises(anthropic.RateLimitError) as refused:
        client.messages.create(model="script:refuse,status=429", max_tokens=50, messages=SAY)
    assert refused.value.response.headers["request-id"] == "req_kit" and refused.value.body["type"] == "error"
    line = line_of(gateway, refused.value.response)
    assert line["status"] == 429 and line["end"] == "complete" and len(line["attempts"]) == 1 and "tokens" not in line


def test_openai_sdk(gateway, upstream):
    client = openai.OpenAI(base_url=gateway.url + "/openai/v1", api_key=KEY, max_retries=0)
    model = f"script:fixed,seed={kit.unique()}"
    answer = client.chat.completions.with_raw_response.create(model=model, messages=SAY, stream=True, stream_options={"include_usage": True})
    chunks = list(answer.parse())
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello from the scripted upstream."
    assert chunks[-1].usage.total_tokens == 17 and {c.model for c in chunks} == {model}
    line = line_of(gateway, answer)
    assert line["path"] == "/openai/*" and (line["tokens"]["in"], line["tokens"]["out"], line["estimated"]) == (12, 5, False)
    sent = upstream.last(model)
    assert sent["path"] == "/v1/chat/completions" and sent["headers"]["authorization"] == "Bearer upstream-key" and not sent["problems"]
    assert "stream_options" in json.loads(sent["body"]) and answer.headers["x-request-id"] == "req_kit"
    assert client.embeddings.create(model=model, input="x").usage.prompt_tokens > 0
    deleted = client.files.with_raw_response.delete("file-1")
    assert (deleted.headers["x-kit-method"], deleted.headers["x-kit-path"]) == ("DELETE", "/v1/files/file-1")
    assert client.chat.completions.create(model="gpt", messages=SAY).model == "gpt"        # a model of the file is served by its deployments
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="script:refuse,status=400", messages=SAY)


@pytest.mark.parametrize("vendor,path", [("openai", "/openai/v1/chat/completions"), ("anthropic", "/anthropic/v1/messages")])
@pytest.mark.parametrize("script", ["tools", "reasoning", "split", "comments", "crlf", "nodone"])
def test_a_stream_is_not_edited(plain, upstream, vendor, path, script):
    model = f"script:{script}"
    body = {"model": model, "max_tokens": 50, "stream": True, "messages": SAY}
    direct = upstream.post(path.removeprefix(f"/{vendor}"), body)
    passed = plain.post(path, body)
    assert passed.content == direct.content and passed.headers["content-type"] == direct.headers["content-type"]
    assert line_of(plain, passed)["tokens"]["out"] > 0


def test_usage_that_is_not_said_is_estimated(plain):
    answer = plain.post("/openai/v1/chat/completions", {"model": "script:fixed", "stream": True, "messages": SAY})
    line = line_of(plain, answer)
    assert line["estimated"] is True and line["tokens"]["out"] == 9      # 33 bytes of content


# bytes


BLOB = bytes(range(256)) * 400


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_bodies_pass_whole(gateway, method):
    answer = requests.request(method, gateway.url + "/openai/v1/files/a%2Fb?x=%20y&x=2", data=BLOB, timeout=60,
                              headers=gateway.headers(**{"Content-Type": "application/x-own; a=b"}))
    assert answer.content == BLOB and answer.headers["content-length"] == str(len(BLOB))
    assert answer.headers["x-kit-method"] == method and answer.headers["x-kit-path"] == "/v1/files/a%2Fb?x=%20y&x=2"
    assert answer.headers["content-type"] == "application/x-own; a=b"
    line = line_of(gateway, answer)
    assert line["status"] == 200 and "tokens" not in line and "model" not in line


def test_an_upload_of_a_form_passes(gateway):
    asked = requests.Request("POST", gateway.url + "/openai/v1/files", headers=gateway.headers(), files={"file": ("b.bin", BLOB)},
                             data={"purpose": "batch"}).prepare()
    answer = requests.Session().send(asked, timeout=60)
    assert answer.content == asked.body and answer.headers["content-type"] == asked.headers["content-type"]


def test_files_of_a_team_expire_as_it_says(gateway):
    """Whatever the client says, in a form or in JSON; what can not say it does not pass.  Who is in no such team is left alone."""
    rules = {"enforced_file_expires_after": {"anchor": "created_at", "seconds": 7200}, "enforced_batch_output_expires_after": {"anchor": "created_at", "days": 1}}
    team = gateway.post("/team/new", rules).json()
    assert {name: team["metadata"][name] for name in rules} == rules
    key = gateway.post("/key/generate", {"team_id": team["team_id"]}).json()["key"]
    own = {"Authorization": f"Bearer {key}"}

    def form(**fields):
        asked = requests.post(gateway.url + "/openai/v1/files", headers=own, files={"file": ("expires_after.bin", BLOB)}, data=fields, timeout=60)
        kind, parts = asked.headers["content-type"], email.message_from_bytes(b"Content-Type: " + asked.headers["content-type"].encode() + b"\r\n\r\n" + asked.content)
        assert asked.status_code == 200 and kind.startswith("multipart/form-data"), asked.text
        return [(p.get_param("name", header="content-disposition"), p.get_payload(decode=True)) for p in parts.get_payload()]

    says = [("expires_after[anchor]", b"created_at"), ("expires_after[seconds]", b"7200")]
    assert form(purpose="batch") == [("purpose", b"batch"), ("file", BLOB), *says]
    said = {"expires_after[anchor]": "created_at", "purpose": "batch", "expires_after[seconds]": "2592000"}
    assert form(**said) == [("purpose", b"batch"), ("file", BLOB), *says]

    def posted(path, body, **headers):
        return requests.post(gateway.url + path, headers=own | headers, data=body, timeout=60)

    day = {"anchor": "created_at", "seconds": 86400}
    assert posted("/openai/v1/files/batches", b'{"input_file_id": "f"}').json() == {"output_expires_after": day, "input_file_id": "f"}
    assert posted("/openai/v1/files/batches", b' {"output_expires_after": {"seconds": 1}, "x": 1, "output\\u005fexpires_after": null}').text == (
        ' {"output_expires_after": {"anchor":"created_at","seconds":86400}, "x": 1, "output\\u005fexpires_after": {"anchor":"created_at","seconds":86400}}')
    assert posted("/openai/v1/files/uploads", b"{}").json() == {"expires_after": {"anchor": "created_at", "seconds": 7200}}
    assert posted("/openai/v1/files/vector_stores/v/files", b'{"file_id": "f"}').text == '{"file_id": "f"}'
    coded = raw(gateway, "POST", "/openai/v1/files/%25%36%32atches", own | {"Content-Type": "application/json"}, b'{"x": 1}')    # %62, which is b
    assert json.loads(coded[1]) == {"output_expires_after": day, "x": 1}

    def part(disposition, before=b"--x\r\n", after=b"--x--\r\n"):
        return before + b"Content-Disposition: form-data; " + disposition + b"\r\n\r\nown\r\n" + after
    said = posted("/openai/v1/files", part(b'filename="a; name=b"; name="expires_after[seconds]"'), **{"Content-Type": "multipart/form-data; boundary=x"})
    assert said.status_code == 200 and b"own" not in said.content and b"7200" in said.content
    name = b'name="expires_after[seconds]"'
    unclear = [part(b"name*=utf-8''expires%5Fafter[seconds]"), part(b'name="purpose"; ' + name), part(b'filename="\\"; ' + name + b'; x="\\""; name="y"'),
               part(b'name="y"', after=b"--x--y\r\n" + part(name)), part(b'name="y"\r\n\r\n1\n--x\nContent-Disposition: form-data; ' + name),
               part(b"\r\n " + name), part(name, before=b"preamble\r\n--x\r\n"), part(name, before=b"--xy\r\n")]
    for path, body, kind in [("/openai/v1/files/batches", b"[]", ""), ("/openai/v1/files", BLOB, "application/octet-stream"),
                             ("/openai/v1/files", b"--x\r\nA: b\r\n\r\nc", "multipart/form-data; boundary=x"), ("/anthropic/v1/files", b"{}", ""),
                             ("/openai/v1/files", part(b'name="y"'), "multipart/form-data; boundary=x; boundary=y"),
                             *(("/openai/v1/files", body, "multipart/form-data; boundary=x") for body in unclear)]:
        refused = posted(path, body, **{"Content-Type": kind or "application/json"})
        assert refused.status_code == 400 and "enforced_" in refused.json()["error"]["message"], refused.text
    assert posted("/openai/v1/files/a", BLOB).content == BLOB and gateway.post("/openai/v1/files/batches", {"a": 1}).json() == {"a": 1}
    for bad in [{"anchor": "now", "seconds": 7200}, {"anchor": "created_at"}, {"anchor": "created_at", "seconds": 60}, {"seconds": 7200}]:
        assert gateway.post("/team/new", {"enforced_file_expires_after": bad}).status_code == 400
    assert gateway.post("/team/update", {"team_id": team["team_id"], "enforced_batch_output_expires_after": None}).status_code == 200
    assert posted("/openai/v1/files/batches", b'{"input_file_id": "f"}').text == '{"input_file_id": "f"}'


def test_answers_without_a_body(gateway):
    answer = gateway.get("/openai/v1/files/x?header=x-own:%201&header=x-two:%20a")
    assert answer.content == b"" and answer.headers["x-own"] == "1" and answer.headers["x-two"] == "a"
    head = requests.head(gateway.url + "/openai/v1/files/x", headers=gateway.headers(), timeout=60)
    assert head.status_code == 200 and head.headers["x-kit-method"] == "HEAD" and head.content == b""
    assert gateway.get("/openai/v1/files/x?status=204").status_code == 204
    moved = gateway.get("/openai/v1/files/x?status=302&header=Location:%20/elsewhere", allow_redirects=False)
    assert moved.status_code == 302 and moved.headers["location"] == "/elsewhere"


def test_what_speaks_to_the_web_server_does_not_pass(gateway):
    words = ["Status: 500", "X-Accel-Redirect: /etc/passwd", "X-Sendfile: /etc/passwd", "X-LIGHTTPD-send-file: /etc/passwd", "Location: /health",
             "Set-Cookie: a=b", "X-LiteLLM-Call-Id: forged", "Connection: x-hop", "X-Hop: 1", "Keep-Alive: 1"]
    answer = gateway.get("/openai/v1/files/x?" + "&".join("header=" + requests.utils.quote(w, safe="") for w in words))
    assert answer.status_code == 200 and answer.headers["x-kit-method"] == "GET" and answer.content == b""
    assert not {"set-cookie", "location", "x-hop", "x-sendfile", "x-accel-redirect"} & {n.lower() for n in answer.headers}
    assert answer.headers["x-litellm-call-id"] != "forged"


def test_headers_of_the_client(plain, upstream):
    own = {"X-Own": "1", "OpenAI-Project": "p", "Cookie": "a=b", "X-Api-Key": KEY, "Api-Key": KEY, "X-Goog-Api-Key": KEY, "X-Forwarded-For": "192.0.2.1",
           "X-LiteLLM-Timeout": "30", "X-Pass-X-Meant": "2", "X-Pass-Authorization": "Bearer evil", "X-Pass-Host": "evil", "X-Pass-X-Own": "3",
           "Accept-Encoding": "gzip", "TE": "trailers", "Proxy": "evil"}
    mark = f"/openai/v1/files/{kit.unique()}"
    assert plain.get(mark, headers=own).status_code == 200
    sent = next(r for r in upstream.received() if r["path"] == mark.removeprefix("/openai"))
    got = sent["headers"]
    assert got["x-own"] == "3" and got["openai-project"] == "p" and got["x-meant"] == "2"
    assert got["authorization"] == "Bearer upstream-key" and "evil" not in str(sent) and not sent["problems"]
    assert not {"cookie", "x-api-key", "api-key", "x-goog-api-key", "x-forwarded-for", "accept-encoding", "te", "proxy"} & set(got)


# endpoints of the file


def test_an_endpoint(gateway, upstream):
    mark = f"n={kit.unique()}"
    answer = gateway.post(f"/bria/v1/image/?{mark}", b"{}", headers={"X-Own": "1", "X-Pass-X-Meant": "2", "api_token": "mine"})
    assert answer.status_code == 200 and answer.content == b"{}"
    assert answer.headers["x-kit-path"] == f"/files/bria/v1/image/?tenant=1&{mark}"
    sent = next(r["headers"] for r in upstream.received() if mark in r["path"])
    assert sent["api_token"] == "bria-secret" and sent["x-meant"] == "2" and sent["content-type"] == "application/json"
    assert "x-own" not in sent and "authorization" not in sent and "user-agent" not in sent
    line = line_of(gateway, answer)
    assert line["path"] == "/bria/*" and line["deployment"] == "/bria" and "bria-secret" not in json.dumps(line)
    assert gateway.get("/bria").headers["x-kit-path"] == "/files/bria?tenant=1"
    assert gateway.get("/briax").status_code == 404


def test_an_open_endpoint(plain, upstream):
    mark = f"?n={kit.unique()}"
    answer = requests.post(plain.url + "/open" + mark, data=b"\x00\xff", headers={"Authorization": "Basic Zm9v", "X-Own": "1"})
    assert answer.content == b"\x00\xff" and line_of(plain, answer)["path"] == "/open"
    sent = next(r["headers"] for r in upstream.received() if mark in r["path"])
    assert sent["authorization"] == "Basic Zm9v" and sent["x-own"] == "1"
    assert plain.post("/open" + mark + "&key", b"x").status_code == 200      # our own key does not go along
    assert "authorization" not in next(r["headers"] for r in upstream.received() if mark + "&key" in r["path"])
    refused = plain.get("/open")
    assert refused.status_code == 405 and refused.headers["allow"] == "POST"


SURFACES = {"embeddings": {"model": "script:usage", "input": "x"}, "completions": {"model": "script:usage", "prompt": "x", "stream_options": {"include_usage": True}},
            "responses": {"model": "script:usage", "input": "x"}}


def test_endpoints_by_variables(start, upstream):
    """No entry of the file: the vendors' variables, and a reference inside a header's value."""
    gateway = start({"model_list": [deployment("m", "openai/x", upstream.base + "/v1")], "general_settings": {"pass_through_endpoints": [
        {"path": "/v1/rerank", "target": upstream.base + "/files/rerank", "headers": {"Authorization": "bearer os.environ/COHERE_KEY"}}]}},
        env={"ANTHROPIC_API_BASE": upstream.base, "ANTHROPIC_API_KEY": "ak", "HOSTED_VLLM_API_BASE": upstream.base + "/v1", "COHERE_KEY": "ck"})
    assert gateway.post("/anthropic/v1/messages", {"model": "script:fixed,text=env", "max_tokens": 5, "messages": SAY}).json()["usage"]["output_tokens"] > 0
    assert upstream.last("script:fixed,text=env")["headers"]["x-api-key"] == "ak"
    for path in ("/vllm/chat/completions", "/vllm/v1/chat/completions"):
        answer = gateway.post(path, {"model": "script:fixed,text=vllm", "messages": SAY})
        assert answer.status_code == 200 and line_of(gateway, answer)["tokens"]["out"] > 0
    assert "authorization" not in upstream.last("script:fixed,text=vllm")["headers"]
    for surface, body in SURFACES.items():
        for stream in ({}, {"stream": True}):
            answer = gateway.post("/vllm/v1/" + surface, body | stream)
            line, usage = line_of(gateway, answer), upstream.post("/v1/" + surface, body).json()["usage"]
            assert line["tokens"]["in"] == (usage.get("input_tokens") or usage["prompt_tokens"]), (surface, stream)
            assert line["served_model"] == "script:usage" and line["estimated"] is False and line["end"] == "complete"
    assert gateway.post("/v1/rerank", b"{}").headers["x-kit-path"] == "/files/rerank"        # a path that is not built yet is the file's to take
    assert next(r for r in upstream.received() if r["path"] == "/files/rerank")["headers"]["authorization"] == "bearer ck"
    refused = gateway.get("/openai/v1/files")
    assert refused.status_code == 501 and "OPENAI_API_KEY is not set" in refused.json()["error"]["message"]


# refusals


def test_a_wrong_key_is_refused_in_the_dialect(gateway, upstream):
    before = upstream.stats()["requests"]
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-Api-Key": "wrong"}):
        refused = requests.post(gateway.url + "/anthropic/v1/messages", json={}, headers=headers)
        assert refused.status_code == 401 and refused.json()["type"] == "error"
        refused = requests.delete(gateway.url + "/openai/v1/files/x", headers=headers)
        assert refused.status_code == 401 and refused.json()["error"]["code"] == "401"
        assert requests.get(gateway.url + "/bria/x", headers=headers).status_code == 401
    assert upstream.stats()["requests"] == before + 1      # the question itself


ESCAPES = ["/openai/../health", "/openai/v1/../../x", "/openai/v1/%2e%2e/x", "/openai/v1/%2E./x", "/openai/v1/.%2e%2fx", "/openai/v1/%252e%252e/x",
           "/openai/v1/..%5cx", "/openai/v1/..;/x", "/openai//evil.example/x", "/openai/v1//x", "/openai/v1/./x", "/openai/%2f%2fevil.example",
           "/openai/v1/a%0d%0aX-Evil:%201", "/openai/v1/a%00b", "/bria/..", "/bria/../../v1/models", "/anthropic/v1/%2e%2e%2f%2e%2e"]


@pytest.mark.parametrize("target", ESCAPES)
def test_no_path_leads_out(plain, upstream, target):
    before = upstream.stats()["requests"]
    status, body = raw(plain, "GET", target)
    assert status in (400, 404), body                      # lighttpd refuses some by itself
    assert upstream.stats()["requests"] == before + 1      # the question itself


def test_paths_that_lead_nowhere_else_pass(plain):
    for path in ("/v1/files/a..b", "/v1/files/...", "/v1/files/.well-known", "/v1/files/@evil.example", "/v1/files/x/"):
        answer = requests.get(plain.url + "/openai" + path, headers=plain.headers())
        assert answer.status_code == 200 and answer.headers["x-kit-path"] == path


def test_an_upstreams_word_on_our_credential_stays_here(gateway):
    refused = gateway.post("/anthropic/v1/messages", {"model": "script:refuse,status=401,message=sk-ant-1", "max_tokens": 5, "messages": SAY})
    assert refused.status_code == 502 and "credential" in refused.json()["error"]["message"] and "sk-ant-1" not in refused.text
    assert line_of(gateway, refused)["attempts"][0]["error"] == "UPSTREAM_CREDENTIAL"
    theirs = requests.post(gateway.url + "/open?status=401", data=b"who are you")
    assert theirs.status_code == 401 and theirs.content == b"who are you"


def test_an_upstream_that_is_away(plain):
    refused = plain.get("/away")
    assert refused.status_code == 502 and refused.json()["error"]["code"] == "upstream_unreachable" and "/away" in refused.json()["error"]["message"]
    assert plain.get("/vllm/v1/models").json()["error"]["code"] == "not_configured"


# how it goes on, and ends


def test_a_cut_answer_is_cut_for_the_client(gateway):
    """Our words would be taken for the upstream's, an end for its end."""
    ask = {"model": "script:cut,after=4,gap=50", "max_tokens": 50, "stream": True, "messages": SAY}
    answer = gateway.post("/anthropic/v1/messages", ask, stream=True)
    got = b""
    if gateway.form == "fcgid":                             # it would write an error page behind what came
        got = answer.content
    else:
        with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
            for piece in answer.iter_content(None):
                got += piece
    assert got.startswith(b"event: message_start") and b"error" not in got
    line = line_of(gateway, answer)
    assert line["end"] == "cut" and line["attempts"][0]["error"] == "UPSTREAM_CUT" and line["status"] == 200


def test_a_slow_client_stops_the_transfer(plain, upstream):
    chunks = 20000
    model = f"script:fixed,chunks={chunks},size=1000,seed={kit.unique()}"
    stream = Held(plain, "/openai/v1/chat/completions", model, receive_buffer=65536)
    stream.until(b"000001 ")
    assert upstream.wait_still(model) < chunks
    assert stream.count_until(b"[DONE]", b'"content":"0') == chunks
    upstream.wait_state(model, "complete")
    stream.leave()


def test_a_leaver_ends_the_call(gateway, upstream):
    model = f"script:fixed,fault=silent,after=4,seed={kit.unique()}"
    stream = Held(gateway, "/anthropic/v1/messages", model)
    stream.until(b"Hello")
    stream.leave()
    if gateway.form in ("proxy_fcgi", "fcgid"):             # no heartbeat may be put in between, and httpd tells nothing (operations.md)
        return
    upstream.wait_state(model, "aborted")
    line = until(lambda: next((x for x in gateway.lines() if x.get("model") == model), None))
    assert line["end"] == "left" and line["tokens"]["out"] > 0 and line["tokens"]["in"] == 12
