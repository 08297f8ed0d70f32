# SPDX-License-Identifier: Apache-2.0
"""LangChain's clients of both vendors: answers, streams, tools, structured output, Responses and embeddings, on upstreams of either dialect.

They are imported where they are used: that takes seconds, and every process of a test run reads this file."""
import json

import pytest
from pydantic import BaseModel

from agents import script
from kit import KEY

HELLO = "Hello from the scripted upstream."
VENDORS = ["openai", "anthropic"]
QUESTION = [("system", "Be brief."), ("human", "What is the weather?")]


class Weather(BaseModel):
    """The weather of a place."""
    city: str
    degrees: int


ANSWER = {"city": "Paris", "degrees": 21}


def get_weather(city: str) -> str:
    """Tells the weather."""
    return f"It rains in {city}."


def by_chat(gateway, model, **more):
    from langchain_openai import ChatOpenAI
    return ChatOpenAI(base_url=gateway.url + "/v1", api_key=KEY, model=model, max_retries=0, **more)


def by_responses(gateway, model, **more):
    return by_chat(gateway, model, use_responses_api=True, **more)


def by_messages(gateway, model, **more):
    from langchain_anthropic import ChatAnthropic
    return ChatAnthropic(base_url=gateway.url, api_key=KEY, model=model, max_retries=0, max_tokens=100, **more)


clients = pytest.mark.parametrize("client", [by_chat, by_responses, by_messages])
vendors = pytest.mark.parametrize("vendor", VENDORS)


@clients
@vendors
def test_it_answers(plain, client, vendor):
    answer = client(plain, f"{vendor}/script:fixed").invoke(QUESTION)
    assert answer.text == HELLO and answer.usage_metadata["input_tokens"] == 12 and answer.usage_metadata["output_tokens"] == 5


@clients
@vendors
def test_it_streams(plain, client, vendor):
    more = {"stream_usage": True} if client is by_chat else {}
    chunks = list(client(plain, f"{vendor}/script:fixed", **more).stream(QUESTION))
    whole = sum(chunks[1:], chunks[0])
    assert len([c for c in chunks if c.text]) == 5 and whole.text == HELLO
    assert whole.usage_metadata["input_tokens"] == 12 and whole.usage_metadata["output_tokens"] == 5


@clients
@vendors
def test_it_calls_tools(plain, client, vendor):
    model = client(plain, f"{vendor}/script:tools,n=2").bind_tools([get_weather])
    first = model.invoke(QUESTION)
    assert [c["name"] for c in first.tool_calls] == ["get_weather"] * 2 and first.tool_calls[0]["args"] == {"city": "Paris"}
    results = [{"role": "tool", "content": get_weather(**c["args"]), "tool_call_id": c["id"]} for c in first.tool_calls]
    assert model.invoke([*QUESTION, first, *results]).text == "The tool said: " + "It rains in Paris." * 2


@clients
@vendors
def test_it_fills_a_form(plain, client, vendor):
    text = json.dumps(ANSWER)
    name = script("tools", args=text) if client is by_messages else script("fixed", text=text)
    assert client(plain, f"{vendor}/{name}").with_structured_output(Weather).invoke(QUESTION) == Weather(**ANSWER)


def test_it_embeds(plain):
    from langchain_openai import OpenAIEmbeddings
    embeddings = OpenAIEmbeddings(base_url=plain.url + "/v1", api_key=KEY, model="openai/script:fixed", dimensions=6, check_embedding_ctx_length=False)
    first, second = embeddings.embed_documents(["one", "two"])
    assert len(first) == len(second) == 6 and first != second and embeddings.embed_query("two") == second
