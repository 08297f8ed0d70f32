# SPDX-License-Identifier: Apache-2.0
"""Azure OpenAI on both sides: as upstream of any client, by key and by Entra token, and as the surface its SDKs call."""
import concurrent.futures
import json
import signal

import openai
import pytest

import kit
from kit import KEY, Held, until

VERSION = "2024-10-21"


def azure(name, model, base, **more):
    return kit.deployment(name, f"azure/{model}", base, api_version=VERSION, **more)


def entra(name, upstream, script, model="script:fixed", **more):
    """A deployment whose tokens the upstream's own endpoint gives, as the script in its secret says."""
    return azure(name, model, upstream.base, key=None, tenant_id="tenant", client_id="client", client_secret=f"script:{script}", **more)


def with_azure(upstream, *more):
    v1 = upstream.base + "/openai/v1"
    return {
        "model_list": [
            azure("azure/*", "*", upstream.base),
            kit.deployment("v1/*", "azure/*", v1),
            kit.deployment("old/*", "azure/*", upstream.base, api_version="2024-06-01"),
            kit.deployment("dated/*", "azure/*", upstream.base, api_version="2025-04-01-preview"),
            kit.deployment("claude", "anthropic/script:fixed", upstream.base),
            azure("named", "script:fixed,text=named", upstream.base + "/openai/deployments/script%3Afixed%2Ctext%3Dnamed/chat/completions"),
            azure("o3", "script:fixed,text=thinks", upstream.base, base_model="azure/o3"),
            azure("static", "script:fixed,text=static", upstream.base, key=None, azure_ad_token="static-token"),
            entra("entra", upstream, "fixed,expires=3000", "script:fixed,text=entra"),
            *more,
        ],
        "litellm_settings": {"num_retries": 0},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    }


@pytest.fixture(scope="module", params=["lighttpd", "proxy_fcgi"])
def site(request, upstream):
    running = kit.Gateway(with_azure(upstream), form=request.param, env={"AZURE_AUTHORITY_HOST": upstream.base})
    yield running
    running.stop()


@pytest.fixture
def client(lone):
    return openai.OpenAI(base_url=lone.url + "/v1", api_key=KEY, max_retries=0)


@pytest.fixture(scope="module")
def lone(upstream):
    """A gateway for what does not depend on the web server: deployments at Azure, with tokens of every kind."""
    running = kit.Gateway(with_azure(
        upstream,
        entra("short", upstream, "fixed,expires=2", "script:fixed,text=short"),
        entra("forbidden", upstream, "fixed,expires=3002", "script:refuse,status=401,text=forbidden"),
        entra("down", upstream, "refuse,status=503"),
        entra("locked", upstream, "refuse,status=401"),
        entra("page", upstream, "fixed,wire=html"),
        entra("either", upstream, "refuse,status=500", order=1, num_retries=1),
        azure("either", "script:fixed", upstream.base, order=2, num_retries=1)),
        env={"AZURE_AUTHORITY_HOST": upstream.base})
    yield running
    running.stop()


ASK = {"messages": [{"role": "user", "content": "hello"}]}


def sent(upstream, word, path="/openai/"):
    """The last request to that path with the word in it."""
    return [e for e in upstream.received() if path in e["path"] and (word in e["body"] or word in e["path"])][-1]


# as a surface

def sdk(site, deployment=None, **more):
    more.setdefault("api_key", KEY)
    return openai.AzureOpenAI(azure_endpoint=site.url, api_version=VERSION, azure_deployment=deployment, max_retries=0, **more)


def test_azures_sdk_by_key_and_token(site, upstream):
    for n, more in ((kit.unique(), {}), (kit.unique(), {"api_key": None, "azure_ad_token": KEY})):
        model = f"azure/script:fixed,in={n}"
        answer = sdk(site, **more).chat.completions.create(model=model, **ASK)
        assert answer.choices[0].message.content.startswith("Hello") and answer.model == model and answer.usage.prompt_tokens == n
        assert sent(upstream, f"in%3D{n}/")["headers"]["api-key"] == "upstream-key"


def test_azures_sdk_streams(site):
    chunks = list(sdk(site, "azure/script:azure").chat.completions.create(model="anything", stream=True, **ASK))
    assert "".join(c.delta.content or "" for chunk in chunks for c in chunk.choices if c.delta).startswith("Hello")
    assert chunks[0].choices == [] and chunks[0].prompt_filter_results


def test_azures_sdk_reaches_any_vendor(site, upstream):
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
    answer = sdk(site, "claude").chat.completions.create(model="", max_tokens=9, tools=tools, **ASK)
    assert answer.model == "claude" and answer.choices[0].message.content.startswith("Hello")


def test_azures_sdk_embeds_and_completes(site, upstream):
    n = kit.unique()
    answer = sdk(site).embeddings.create(model=f"azure/script:fixed,in={n}", input=["a", "b"])
    assert len(answer.data) == 2 and isinstance(answer.data[0].embedding[0], float) and answer.model == f"azure/script:fixed,in={n}"
    assert sent(upstream, f"in%3D{n}/")["path"].endswith(f"%2Cin%3D{n}/embeddings?api-version={VERSION}")
    n = kit.unique()
    answer = sdk(site, f"azure/script:fixed,in={n}").completions.create(model="x", prompt="say")
    assert answer.choices[0].text.startswith("Hello") and answer.usage.prompt_tokens == n
    assert sent(upstream, f"in%3D{n}/")["path"].endswith(f"/completions?api-version={VERSION}")
    client = openai.OpenAI(base_url=site.url + "/openai/v1", api_key=KEY, max_retries=0)
    assert len(client.embeddings.create(model="v1/script:fixed", input="a").data) == 1
    assert client.completions.create(model="v1/script:fixed", prompt="say").choices[0].text.startswith("Hello")
    with pytest.raises(openai.NotFoundError) as e:
        sdk(site).embeddings.create(model="nobody", input="a")
    assert e.value.code == "DeploymentNotFound"


def test_azures_sdk_lists_models(site):
    assert {"entra", "named"} <= {m.id for m in sdk(site).models.list()}


def test_azures_v1_as_openais_client_calls_it(site):
    client = openai.OpenAI(base_url=site.url + "/openai/v1", api_key=KEY, max_retries=0)
    assert client.chat.completions.create(model="v1/script:fixed", **ASK).model == "v1/script:fixed"
    assert client.responses.create(model="v1/script:fixed", input="hello").output_text.startswith("Hello")
    assert client.models.retrieve("entra").id == "entra"
    with pytest.raises(openai.NotFoundError) as e:
        client.chat.completions.create(model="nobody", **ASK)
    assert e.value.code == "DeploymentNotFound"


def test_responses_by_version_and_by_v1(site, upstream):
    n, m = kit.unique(), kit.unique()
    for model, number, path in ((f"azure/script:fixed,in={n}", n, "/openai/v1/responses?api-version=preview"),
                                (f"dated/script:fixed,in={m}", m, "/openai/responses?api-version=2025-04-01-preview")):
        answer = site.post("/openai/responses?api-version=2025-04-01-preview", {"model": model, "input": "hello"}).json()
        assert answer["status"] == "completed" and answer["usage"]["input_tokens"] == number
        assert sent(upstream, f"in={number}", "/responses")["path"] == path


def test_a_deployment_that_is_not_there_says_nothing_of_its_neighbours(site, upstream):
    """One wildcard stands for many deployments: that one has no /responses or is not there is not true of all."""
    n = kit.unique()
    gone = "dated/script:refuse,status=404,make=azure,code=DeploymentNotFound,message=The API deployment does not exist"
    assert site.post("/v1/responses", {"model": gone, "input": "hello"}).status_code == 404
    assert site.post("/v1/responses", {"model": f"dated/script:fixed,in={n}", "input": "hello"}).status_code == 200
    assert sent(upstream, f"in={n}", "/openai/")["path"].startswith("/openai/responses")


@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_in_azures_words(site, stream):
    with pytest.raises(openai.NotFoundError) as e:
        sdk(site, "nobody").chat.completions.create(model="x", stream=stream, **ASK)
    assert e.value.code == "DeploymentNotFound"
    with pytest.raises(openai.AuthenticationError) as e:
        sdk(site, "entra", api_key="wrong").chat.completions.create(model="x", stream=stream, **ASK)
    assert e.value.body["code"] == "401" and "invalid subscription key" in e.value.body["message"]
    with pytest.raises(openai.BadRequestError) as e:
        sdk(site, "entra").chat.completions.create(model="x", stream=stream, messages=[])
    assert "messages" in e.value.message


@pytest.mark.parametrize("query", ["", "?api-version=", "?version=1"])
def test_a_path_needs_its_version(site, query):
    answer = site.post("/openai/deployments/entra/chat/completions" + query, ASK)
    assert answer.status_code == 404 and answer.json() == {"error": {"code": "404", "message": "Resource not found"}}


def test_a_name_is_decoded_once(site, upstream):
    n = kit.unique()
    answer = site.post(f"/openai/deployments/azure%2Fscript%3Afixed%2Cin%3D{n}/chat/completions?api-version={VERSION}", ASK)
    assert answer.status_code == 200 and answer.json()["model"] == f"azure/script:fixed,in={n}"
    assert site.post(f"/openai/deployments/azure%252Fx/chat/completions?api-version={VERSION}", ASK).json()["error"]["code"] == "DeploymentNotFound"


# as upstream

def test_an_openai_client_on_azure(client, upstream):
    n = kit.unique()
    answer = client.chat.completions.create(model=f"azure/script:fixed,in={n}", **ASK)
    assert answer.choices[0].message.content.startswith("Hello") and answer.model == f"azure/script:fixed,in={n}"
    got = sent(upstream, f"in%3D{n}/")
    assert got["path"] == f"/openai/deployments/script%3Afixed%2Cin%3D{n}/chat/completions?api-version={VERSION}"
    assert got["headers"]["api-key"] == "upstream-key" and "authorization" not in got["headers"] and got["problems"] == []


def test_azures_stream_is_one_answer(client):
    chunks = list(client.chat.completions.create(model="azure/script:azure", stream=True, **ASK))
    words = "".join(c.delta.content or "" for chunk in chunks for c in chunk.choices if c.delta)
    assert words.startswith("Hello") and {c.model for c in chunks} == {"azure/script:azure"}
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == ["stop"]


def test_a_messages_client_on_azure(lone):
    answer = lone.messages("azure/script:azure", stream=True)
    names = [name for name, _ in kit.events(answer)]
    assert names[0] == "message_start" and names[-1] == "message_stop" and names.count("message_delta") == 1
    start = json.loads(kit.events(answer)[0][1])["message"]
    assert start["id"] and start["model"] == "azure/script:azure"


def test_v1_needs_no_version(client, upstream):
    n = kit.unique()
    assert client.chat.completions.create(model=f"v1/script:fixed,in={n}", **ASK).choices[0].finish_reason == "stop"
    got = sent(upstream, f"in={n}")
    assert got["path"] == "/openai/v1/chat/completions" and json.loads(got["body"])["model"] == f"script:fixed,in={n}"


def test_an_old_version_is_asked_in_old_words(client, upstream):
    n = kit.unique()
    list(client.chat.completions.create(model=f"old/script:fixed,in={n}", stream=True, max_completion_tokens=9, **ASK))
    body = json.loads(sent(upstream, f"in%3D{n}/")["body"])
    assert body["max_tokens"] == 9 and "max_completion_tokens" not in body and "stream_options" not in body


def test_a_base_may_name_the_deployment(client, upstream):
    client.chat.completions.create(model="named", **ASK)
    assert sent(upstream, "named/")["path"].startswith("/openai/deployments/script%3Afixed%2Ctext%3Dnamed/chat/completions?api-version=")


def test_reasoning_models_get_the_limit_under_its_new_name(client, upstream):
    client.chat.completions.create(model="o3", max_tokens=7, **ASK)
    body = json.loads(sent(upstream, "text%3Dthinks/")["body"])
    assert body["max_completion_tokens"] == 7 and "max_tokens" not in body


def test_a_refused_prompt_says_what_was_found(client):
    with pytest.raises(openai.BadRequestError) as e:
        client.chat.completions.create(model="azure/script:refuse,status=400,make=azure,code=content_filter", **ASK)
    assert e.value.code == "content_filter"


# tokens

def test_a_written_token_is_sent(client, upstream):
    client.chat.completions.create(model="static", **ASK)
    got = sent(upstream, "text%3Dstatic/")["headers"]
    assert got["authorization"] == "Bearer static-token" and "api-key" not in got


def test_one_fetch_for_all(lone, upstream):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: lone.chat("entra"), range(8)))
    assert [a.status_code for a in answers] == [200] * 8
    calls = [e for e in upstream.received() if "text%3Dentra" in e["path"]][-8:]
    assert {c["headers"]["authorization"][:17] for c in calls} == {"Bearer entra-kit-"} and len({c["headers"]["authorization"] for c in calls}) == 1
    fetches = [e for e in upstream.received() if e["path"].endswith("/oauth2/v2.0/token") and "expires%3D3000" in e["body"]]
    assert fetches[-1]["path"] == "/tenant/oauth2/v2.0/token" and fetches[-1]["problems"] == []
    assert "grant_type=client_credentials&client_id=client&scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default" in fetches[-1]["body"]


def bearers(upstream, word):
    return [e["headers"]["authorization"] for e in upstream.received() if word in e["path"] and "authorization" in e["headers"]]


def fetches(upstream, word):
    return [e for e in upstream.received() if "/oauth2/" in e["path"] and word in e["body"] + e["path"]]


def test_a_token_is_renewed_before_it_ends(lone, upstream):
    before = len(bearers(upstream, "text%3Dshort"))

    def is_renewed():
        answer = lone.chat("short")
        assert answer.status_code == 200, answer.text
        return len(set(bearers(upstream, "text%3Dshort")[before:])) > 1
    until(is_renewed, what="another token")


def test_a_revoked_token_is_changed_within_the_call(start, upstream):
    n = kit.unique()
    gateway = start({"model_list": [entra("revoked", upstream, f"fixed,in={n}", f"script:refuse,status=401,times=1,in={n}")],
                     "litellm_settings": {"num_retries": 0}}, env={"AZURE_AUTHORITY_HOST": upstream.base})
    answer = gateway.chat("revoked")
    assert answer.status_code == 200, answer.text
    first, second = bearers(upstream, f"in%3D{n}/")
    assert first != second and len(fetches(upstream, f"in%3D{n}")) == 2
    line = gateway.line(answer.headers["x-litellm-call-id"])
    assert [a["status"] for a in line["attempts"]] == [401, 200]


def test_a_refused_token_is_not_asked_for_again_and_again(lone, upstream):
    before = len(fetches(upstream, "expires%3D3002"))
    answers = [lone.chat("forbidden") for _ in range(4)]
    assert {a.status_code for a in answers} == {502} and {a.json()["error"]["code"] for a in answers} == {"upstream_credential"}
    assert len(fetches(upstream, "expires%3D3002")) - before <= 2


@pytest.mark.parametrize("model, words", [("down", "the token endpoint answered 503"), ("locked", "the token endpoint answered 401 invalid_client"),
                                          ("page", "the token endpoint answered without a usable access_token")])
def test_no_token_is_said(lone, model, words):
    answer = lone.chat(model)
    assert answer.status_code == 502 and answer.headers["x-should-retry"] == "false"
    error = answer.json()["error"]
    assert error["code"] == "upstream_credential" and words in error["message"] and "script:" not in error["message"]
    answer = lone.messages(model, stream=True)
    assert answer.status_code == 502 and answer.json()["error"]["type"] == "api_error"


def test_without_a_token_another_deployment_is_asked(lone):
    assert lone.chat("either").status_code == 200


def test_who_waits_for_a_token_is_kept_awake_and_may_leave(start, upstream):
    n = kit.unique()
    gateway = start({"model_list": [entra("slow", upstream, f"fixed,first=9000,in={n}", f"script:fixed,in={n}")],
                     "sluice": {"heartbeat": "100ms", "stream_commit_after": "50ms"}}, env={"AZURE_AUTHORITY_HOST": upstream.base})
    stream = Held(gateway, "chat", "slow")
    stream.until(b": keep-alive\n\n", times=2)
    assert len(fetches(upstream, f"in%3D{n}")) == 1
    stream.leave()
    until(lambda: next((x for x in gateway.lines() if x.get("model") == "slow" and x["end"] == "left"), None), what="the line of who left")
    assert bearers(upstream, f"in%3D{n}/") == []


def test_a_reload_and_a_stop_let_who_waits_finish(start, upstream):
    n = kit.unique()
    config = {"model_list": [entra("slow", upstream, f"fixed,first=1500,in={n}", f"script:fixed,in={n}")]}
    gateway = start(config, env={"AZURE_AUTHORITY_HOST": upstream.base})
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(gateway.chat, "slow") for _ in range(4)]
        until(lambda: fetches(upstream, f"in%3D{n}"), what="the fetch")
        gateway.write(config | {"router_settings": {"num_retries": 1}})
        gateway.pool.p.send_signal(signal.SIGHUP)
        until(lambda: "new configuration" in gateway.error_log(), what="the reload")
        gateway.pool.p.send_signal(signal.SIGTERM)
        assert [w.result().status_code for w in waiting] == [200] * 4
    assert len(fetches(upstream, f"in%3D{n}")) == 1
    gateway.pool.p.wait(20)


def test_a_federated_token_comes_from_its_file(start, upstream):
    n = kit.unique()
    where = kit.folder()
    file = where / "token"
    file.write_text(f"script:fixed,expires=2,in={n}\n")
    kit.give(where)
    gateway = start({"model_list": [{"model_name": "m", "litellm_params": {"model": f"azure/script:fixed,in={n}"}}]},
                    env={"AZURE_API_BASE": upstream.base, "AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client",
                         "AZURE_AUTHORITY_HOST": upstream.base, "AZURE_FEDERATED_TOKEN_FILE": file})
    assert gateway.chat("m").status_code == 200
    form = fetches(upstream, f"in%3D{n}")[-1]["body"]
    assert "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=script%3Afixed" in form
    file.write_text(f"script:fixed,expires=2,in={n},out=7")
    until(lambda: gateway.chat("m").status_code == 200 and fetches(upstream, f"in%3D{n}%2Cout%3D7"), what="the file to be read again")
    until(lambda: gateway.chat("m").status_code == 200 and len(set(bearers(upstream, f"in%3D{n}/"))) == 2, what="the new token")
    kit.shutil.rmtree(where)


def test_a_machine_has_an_identity(start, upstream):
    n = kit.unique()
    gateway = start({"model_list": [{"model_name": "m", "litellm_params": {"model": f"azure/script:fixed,in={n}"}}],
                     "litellm_settings": {"enable_azure_ad_token_refresh": True}},
                    env={"AZURE_API_BASE": upstream.base, "AZURE_CLIENT_ID": f"script:fixed,in={n}", "AZURE_POD_IDENTITY_AUTHORITY_HOST": upstream.base})
    assert gateway.chat("m").status_code == 200
    got = fetches(upstream, f"in%3D{n}")[-1]
    assert got["method"] == "GET" and got["headers"]["metadata"] == "true" and got["problems"] == []
    assert "resource=https%3A%2F%2Fcognitiveservices.azure.com&client_id=" in got["path"]
    assert bearers(upstream, f"in%3D{n}/")
