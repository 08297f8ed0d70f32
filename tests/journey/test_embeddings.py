# SPDX-License-Identifier: Apache-2.0
"""Embeddings with the official SDK, which asks for base64 unless it is told otherwise, on upstreams that know base64 or numbers only."""
import base64
import json
import struct

import openai
import pytest

import kit
from kit import KEY

TOKENS = [9906, 1917, 0]


def client(gateway):
    return openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0).embeddings


@pytest.fixture
def embeddings(plain):
    return client(plain)


def named(**options):
    """A model whose script has a name of its own."""
    return "openai/script:fixed," + ",".join(f"{k}={v}" for k, v in ({"text": f"e{kit.unique()}"} | options).items())


def sent(upstream, model):
    return json.loads(upstream.last(model)["body"])


def test_one_input(gateway, upstream):
    model = named()
    answer = client(gateway).create(model=model, input="hello")
    assert answer.object == "list" and answer.model == model and answer.usage.prompt_tokens == answer.usage.total_tokens == 12
    assert [(e.object, e.index, len(e.embedding)) for e in answer.data] == [("embedding", 0, 8)]
    assert upstream.last(model)["path"] == "/v1/embeddings" and sent(upstream, model)["encoding_format"] == "base64"


def test_the_forms_agree(plain, embeddings):
    vectors = []
    for options in ({}, {"floats": 1}):
        for form in ({}, {"encoding_format": "float"}):
            vectors.append([e.embedding for e in embeddings.create(model=named(**options), input=["a", "b"], **form).data])
        body = {"model": named(**options), "input": ["a", "b"]}
        plain_list = plain.post("/v1/embeddings", body).json()["data"]
        packed = plain.post("/embeddings", body | {"encoding_format": "base64"}).json()["data"]
        vectors.append([e["embedding"] for e in plain_list])
        vectors.append([list(struct.unpack("<8f", base64.b64decode(e["embedding"]))) for e in packed])
    assert vectors[0][0] != vectors[0][1] and all(v == vectors[0] for v in vectors)


def test_many_inputs_and_tokens(embeddings, upstream):
    for inputs in (["a"], ["a", "b", "c"], [TOKENS, TOKENS[:2]], TOKENS):
        model = named(floats=1)
        data = embeddings.create(model=model, input=inputs).data
        assert sent(upstream, model)["input"] == inputs
        singles = [inputs] if inputs is TOKENS else [one if isinstance(one, str) else [one] for one in inputs]
        assert [e.index for e in data] == list(range(len(singles)))
        for e, one in zip(data, singles):
            if isinstance(one, str):
                assert e.embedding == embeddings.create(model=model, input=one).data[0].embedding


def test_dimensions(embeddings, upstream):
    model = named()
    data = embeddings.create(model=model, input=["a"] * 20, dimensions=1536, user="u").data
    assert len(data) == 20 and all(len(e.embedding) == 1536 for e in data)
    assert sent(upstream, model)["dimensions"] == 1536 and sent(upstream, model)["user"] == "u"


@pytest.mark.parametrize("members, param", [
    ({"input": []}, "input"), ({"input": ""}, "input"), ({"input": ["a", ""]}, "input"), ({"input": [[]]}, "input"), ({"input": ["a", 1]}, "input"),
    ({"input": [0.5]}, "input"), ({"input": [None]}, "input"), ({"input": {"text": "a"}}, "input"), ({}, "input"), ({"input": [-1]}, "input"),
    ({"input": "a", "dimensions": 0}, "dimensions"), ({"input": "a", "dimensions": "many"}, "dimensions"), ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
])
def test_bad_inputs(plain, upstream, members, param):
    model = named()
    answer = plain.post("/v1/embeddings", {"model": model} | members)
    error = answer.json()["error"]
    assert answer.status_code == 400 and error["type"] == "invalid_request_error" and error["param"] == param and error["message"]
    assert not upstream.received(model)


def test_what_is_no_member_passes(plain, upstream):
    """Embeddings are never streamed: whoever asks for it is answered as the upstream has it."""
    model = named()
    answer = plain.post("/v1/embeddings", {"model": model, "input": "a", "stream": True})
    assert answer.status_code == 200 and answer.json()["model"] == model and sent(upstream, model)["stream"] is True


@pytest.mark.parametrize("script", ["html", "garbage", "wrong-length", "nothing", "error200"])
def test_answers_that_are_none(plain, script):
    answer = plain.post("/v1/embeddings", {"model": f"openai/script:{script}", "input": "a"})
    assert answer.status_code >= 500 and answer.json()["error"]["message"]


def test_who_makes_none(embeddings, upstream):
    with pytest.raises(openai.BadRequestError, match="claude.*makes no embeddings"):
        embeddings.create(model="claude", input="a")
    with pytest.raises(openai.BadRequestError, match="nope"):
        embeddings.create(model="nope", input="a")


def test_errors_of_the_upstream(embeddings):
    for status, error in ((400, openai.BadRequestError), (429, openai.RateLimitError), (500, openai.InternalServerError)):
        with pytest.raises(error):
            embeddings.create(model=f"openai/script:refuse,status={status}", input="a")
    with pytest.raises(openai.InternalServerError) as cut:
        embeddings.create(model="openai/script:cut,after=0", input="a")
    assert cut.value.status_code == 502


def test_what_is_written_down(plain):
    before = plain.metric("sluice_requests_total", surface="embeddings")
    answer = plain.post("/v1/embeddings", {"model": named(), "input": "a"})
    line = plain.line(answer.headers["x-litellm-call-id"])
    assert line["dialect"] == "embeddings" and line["tokens"] == {"in": 12, "cached": 0, "written": 0, "reasoning": 0, "out": 0}
    assert not line["estimated"] and line["end"] == "complete"
    assert plain.metric("sluice_requests_total", surface="embeddings") == before + 1


def test_routing_and_mocks(start, upstream):
    base = upstream.base + "/v1"
    running = start({
        "model_list": [
            kit.deployment("broken", "openai/script:refuse,status=500,text=broken", base),
            kit.deployment("good", "openai/script:fixed,text=good", base, dimensions=4, temperature=0.5, encoding_format="base64"),
            kit.deployment("mock", "openai/mock", base, mock_response=[0.5, -0.25, 1.0]),
            kit.deployment("words", "openai/words", base, mock_response="Hello"),
        ],
        "litellm_settings": {"num_retries": 0, "fallbacks": [{"broken": ["good"]}]},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    }, form="proxy_fcgi")
    answer = client(running).with_raw_response.create(model="broken", input="a")
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1" and len(answer.parse().data[0].embedding) == 4
    got = sent(upstream, "script:fixed,text=good")
    assert got["dimensions"] == 4 and "temperature" not in got
    unasked = running.post("/engines/good/embeddings", {"input": "a"}).json()      # the deployment's default is not the client's wish
    assert len(unasked["data"][0]["embedding"]) == 4 and isinstance(unasked["data"][0]["embedding"], list)
    mocked = client(running).create(model="mock", input=["a", "b"])
    assert [(e.index, e.embedding) for e in mocked.data] == [(0, [0.5, -0.25, 1.0]), (1, [0.5, -0.25, 1.0])] and mocked.model == "mock"
    with pytest.raises(openai.BadRequestError, match="mock_response"):
        client(running).create(model="words", input="a")


def test_the_gateways_own_choice(start, upstream):
    running = start({
        "model_list": [kit.deployment("good", "openai/script:fixed,text=choice", upstream.base + "/v1")],
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY", "embedding_model": "good"},
    })
    assert client(running).create(model="gpt-4o", input="a").model == "good"
    assert running.chat("gpt-4o").status_code == 400
