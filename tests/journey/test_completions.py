# SPDX-License-Identifier: Apache-2.0
"""Legacy completions with the official SDK: relayed where the upstream has them, translated where it only chats."""
import json

import openai
import pytest

import kit
from kit import KEY

CHATS = ["groq", "anthropic"]                   # an OpenAI-like vendor without the call, and another family


def client(gateway):
    return openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0).completions


def named(vendor="openai", **options):
    """A model whose script has a name of its own."""
    return f"{vendor}/script:" + ",".join([options.pop("script", "fixed")] + [f"{k}={v}" for k, v in ({"text": f"c{kit.unique()}", "out": 5} | options).items()])


def sent(upstream, model):
    return json.loads(upstream.last(model)["body"])


@pytest.fixture(scope="module")
def httpd(upstream):
    """Upstreams of every kind behind httpd."""
    base = upstream.base + "/v1"
    running = kit.Gateway({
        "model_list": [
            kit.deployment("openai/*", "openai/*", base),
            kit.deployment("groq/*", "groq/*", base),
            kit.deployment("anthropic/*", "anthropic/*", upstream.base),
            kit.deployment("azure/*", "azure/*", upstream.base, api_version="2024-10-21"),
            kit.deployment("broken", "openai/script:refuse,status=500,text=first", base),
            kit.deployment("chats", "groq/script:fixed,text=second", base),
            kit.deployment("lenient", "groq/script:fixed,text=lenient", base, drop_params=True),
            kit.deployment("lacking", "openai/script:refuse,status=404,times=1,message=Not%20Found,text=found", base),
            kit.deployment("hello", "openai/hello", base, mock_response="Hello from the mock"),
        ],
        "litellm_settings": {"num_retries": 0, "fallbacks": [{"broken": ["chats"]}]},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    }, form="proxy_fcgi")
    yield running
    running.stop()


@pytest.fixture
def completions(httpd):
    return client(httpd)


def text_of(stream):
    """The texts of a stream's choices, their reasons, and the usage."""
    texts, reasons, usage, ids = {}, {}, None, set()
    for chunk in stream:
        assert chunk.object == "text_completion"
        ids.add(chunk.id)
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + choice.text
            reasons[choice.index] = choice.finish_reason or reasons.get(choice.index)
    assert len(ids) == 1 and ids.pop().startswith("cmpl-")
    return texts, reasons, usage


def test_relayed(gateway, upstream):
    model = named(text="relayed")
    answer = client(gateway).create(model=model, prompt="hello", max_tokens=5)
    assert (answer.object, answer.model, answer.choices[0].text, answer.choices[0].finish_reason) == ("text_completion", model, "relayed", "stop")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (12, 5) and upstream.last(model)["path"] == "/v1/completions"
    texts, reasons, usage = text_of(client(gateway).create(model=model, prompt="hello", stream=True))
    assert texts == {0: "relayed"} and reasons == {0: "stop"} and usage is None
    assert sent(upstream, model)["stream_options"] == {"include_usage": True}


def test_echo_and_several_prompts(completions, upstream):
    ask = {"model": named(text="-said"), "prompt": ["a", "b"], "n": 2, "echo": True, "logprobs": 1, "best_of": 3}
    expected = {0: "a-said", 1: "a-said", 2: "b-said", 3: "b-said"}
    assert {c.index: c.text for c in completions.create(**ask).choices} == expected
    texts, reasons, usage = text_of(completions.create(stream=True, stream_options={"include_usage": True}, **ask))
    assert texts == expected and set(reasons.values()) == {"stop"} and usage.total_tokens == 17
    got = sent(upstream, ask["model"])
    assert (got["prompt"], got["n"], got["echo"], got["logprobs"], got["best_of"]) == (["a", "b"], 2, True, 1, 3)


def test_tokens(completions, upstream):
    for prompt in ([9906, 1917], [[9906], [1917]]):
        model = named()
        assert len(completions.create(model=model, prompt=prompt).choices) == (1 if prompt[0] == 9906 else 2)
        assert sent(upstream, model)["prompt"] == prompt


@pytest.mark.parametrize("vendor", CHATS)
def test_by_chats(completions, upstream, vendor):
    model = named(vendor, text="chatted")
    answer = completions.create(model=model, prompt="hello", max_tokens=5, temperature=0.5, stop=["x"], echo=False, suffix="")
    assert answer.id.startswith("cmpl-") and (answer.object, answer.model) == ("text_completion", model)
    assert [(c.index, c.text, c.finish_reason, c.logprobs) for c in answer.choices] == [(0, "chatted", "stop", None)]
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (12, 5, 17)
    message, = sent(upstream, model)["messages"]
    assert message["role"] == "user" and "hello" in json.dumps(message["content"])
    texts, reasons, usage = text_of(completions.create(model=model, prompt="hello", max_tokens=5, stream=True, stream_options={"include_usage": True}))
    assert texts == {0: "chatted"} and reasons == {0: "stop"} and usage.total_tokens == 17
    assert text_of(completions.create(model=model, prompt="hello", max_tokens=5, stream=True))[2] is None


@pytest.mark.parametrize("vendor", CHATS)
def test_reasoning_is_no_text(completions, vendor):
    ask = {"model": f"{vendor}/script:reasoning", "prompt": "hello", "max_tokens": 50}
    whole = completions.create(**ask).choices[0].text
    assert whole and "thought" not in whole
    assert text_of(completions.create(stream=True, **ask))[0] == {0: whole}


@pytest.mark.parametrize("vendor", CHATS)
@pytest.mark.parametrize("members, param", [
    ({"prompt": [1, 2]}, "prompt"), ({"prompt": [[1], [2]]}, "prompt"), ({"prompt": "a", "echo": True}, "echo"), ({"prompt": "a", "suffix": "b"}, "suffix"),
    ({"prompt": "a", "best_of": 2}, "best_of"), ({"prompt": "a", "logprobs": 2}, "logprobs"),
])
def test_what_chats_can_not_do(httpd, upstream, vendor, members, param):
    model = named(vendor)
    answer = httpd.post("/v1/completions", {"model": model, "max_tokens": 5} | members)
    assert answer.status_code == 400 and answer.json()["error"]["param"] == param
    assert not upstream.received(model)


@pytest.mark.parametrize("members, param", [
    ({}, "prompt"), ({"prompt": []}, "prompt"), ({"prompt": ["a", 1]}, "prompt"), ({"prompt": [[]]}, "prompt"), ({"prompt": 7}, "prompt"), ({"prompt": [0.5]}, "prompt"),
    ({"prompt": "a", "n": 0}, "n"), ({"prompt": "a", "n": 500}, "n"), ({"prompt": "a", "n": 3, "best_of": 2}, "best_of"), ({"prompt": "a", "max_tokens": -1}, "max_tokens"),
    ({"prompt": "a", "stream": "yes"}, "stream"), ({"prompt": "a", "echo": "yes"}, "echo"), ({"prompt": "a", "stream_options": {"include_usage": True}}, "stream_options"),
])
def test_bad_requests(plain, upstream, members, param):
    model = named()
    answer = plain.post("/v1/completions", {"model": model} | members)
    error = answer.json()["error"]
    assert answer.status_code == 400 and error["type"] == "invalid_request_error" and error["param"] == param and error["message"]
    assert not upstream.received(model)


@pytest.mark.parametrize("vendor", ["openai", *CHATS])
def test_streams_that_break(completions, vendor):
    with pytest.raises(openai.APIError):
        list(completions.create(model=f"{vendor}/script:cut,after=4", prompt="a", max_tokens=5, stream=True))
    with pytest.raises(openai.RateLimitError):
        completions.create(model=f"{vendor}/script:refuse,status=429", prompt="a", max_tokens=5)


def test_a_server_without_the_call(completions, upstream):
    """A server of one's own that answers 404 is asked by its chats, and so at once from then on."""
    for _ in range(2):
        assert completions.create(model="lacking", prompt="a").choices[0].text == "found"
    assert [r["path"] for r in upstream.received("script:refuse,status=404,times=1,message=Not%20Found,text=found")] == ["/v1/completions"] + 2 * ["/v1/chat/completions"]


def test_a_whole_answer_for_a_stream(completions):
    texts, reasons, _ = text_of(completions.create(model=named(script="json-for-stream", text="whole"), prompt=["a", "b"], stream=True))
    assert texts == {0: "whole", 1: "whole"} and reasons == {0: "stop", 1: "stop"}


def test_azure(httpd, upstream):
    """Azure's SDK, and Azure as upstream."""
    sdk = openai.AzureOpenAI(azure_endpoint=httpd.url, api_key=KEY, api_version="2024-10-21", max_retries=0)
    n = kit.unique()
    for model, path in ((f"azure/script:fixed,text=azure,in={n}", f"/openai/deployments/script%3Afixed%2Ctext%3Dazure%2Cin%3D{n}/completions?api-version=2024-10-21"),
                        (f"openai/script:fixed,text=azure,in={n}", "/v1/completions")):
        assert sdk.completions.create(model=model, prompt="a").choices[0].text == "azure"
        assert text_of(sdk.completions.create(model=model, prompt="a", stream=True))[0] == {0: "azure"}
        assert upstream.received()[-1]["path"] == path
        assert len(sdk.embeddings.create(model=model, input=["a", "b"], dimensions=4).data[1].embedding) == 4
        assert upstream.received()[-1]["path"] == path.replace("/completions", "/embeddings")


def test_routing_and_mocks(httpd, completions, upstream):
    answer = completions.with_raw_response.create(model="broken", prompt="a")
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1" and answer.parse().choices[0].text == "second"
    assert completions.create(model="lenient", prompt="a", best_of=2, logprobs=2).choices[0].text == "lenient"
    assert completions.create(model="hello", prompt="a").choices[0].text == "Hello from the mock"
    assert text_of(completions.create(model="hello", prompt="a", stream=True))[0] == {0: "Hello from the mock"}
    assert httpd.post("/engines/hello/completions", {"prompt": "a"}).json()["model"] == "hello"
    with pytest.raises(openai.BadRequestError, match="nope"):
        completions.create(model="nope", prompt="a")


def test_what_is_written_down(plain):
    before = plain.metric("sluice_requests_total", surface="completions")
    answer = plain.post("/completions", {"model": named("anthropic"), "prompt": "a", "max_tokens": 5})
    line = plain.line(answer.headers["x-litellm-call-id"])
    assert line["dialect"] == "completions" and (line["tokens"]["in"], line["tokens"]["out"], line["estimated"]) == (12, 5, False)
    assert plain.metric("sluice_requests_total", surface="completions") == before + 1
