# SPDX-License-Identifier: Apache-2.0
"""Codex, the real command line client: it edits a file and runs a command, on an upstream that has Responses and on one that has Chat only."""
import json

import pytest

import kit
from agents import WORD, Home, reached, script

PATCH = f"*** Begin Patch\n*** Update File: note.txt\n@@\n-The word is {WORD}.\n+The word is okapi-77.\n*** End Patch\n"
READ = {"call": "exec_command", "args": json.dumps({"cmd": "cat note.txt"})}


@pytest.fixture(scope="module", params=["lighttpd", "proxy_fcgi"])
def served(request, upstream):
    """Codex knows models named gpt-5.5, which get its tool for patches; others get a command line only."""
    base, mark = upstream.base + "/v1", request.param + "-codex"
    chat_patch = json.dumps({"input": PATCH})
    gateway = kit.Gateway({
        "model_list": [
            kit.deployment("openai/gpt-5.5", "openai/" + script("tools", call="apply_patch", args=PATCH, text=mark), base),
            kit.deployment("chat/gpt-5.5", "deepseek/" + script("tools", call="apply_patch", args=chat_patch, text=mark), base),
            kit.deployment("messages/gpt-5.5", "anthropic/" + script("tools", call="apply_patch", args=chat_patch, text=mark), upstream.base),
            kit.deployment("openai/reader", "openai/" + script("tools", reasoning=2, text=mark, **READ), base),
            kit.deployment("chat/reader", "deepseek/" + script("tools", reasoning=2, text=mark, **READ), base),
        ],
        "litellm_settings": {"num_retries": 0},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    }, form=request.param)
    gateway.mark = mark
    yield gateway
    gateway.stop()


def messages(items):
    return [i["item"]["text"] for i in items if i["type"] == "item.completed" and i["item"]["type"] == "agent_message"]


def edited(wire, model, upstream, mark):
    """Lets it edit the file; what it sent and what arrived, turn by turn."""
    upstream.reset()
    with Home() as home:
        items = home.codex(wire.url, model)
        assert home.note() == "The word is okapi-77.\n"
    assert [i["item"]["status"] for i in items if i["type"] == "item.completed" and i["item"]["type"] == "file_change"] == ["completed"]
    assert "Success. Updated the following files" in messages(items)[-1] and items[-1]["type"] == "turn.completed"
    sent, got = wire.requests(), reached(upstream, mark)
    assert len(sent) == len(got) == 2 and all(entry["problems"] == [] for entry in got)
    return list(zip(sent, got))


def test_it_edits_a_file_on_openai(served, wire, upstream):
    for (line, _, body), entry in edited(wire, "openai/gpt-5.5", upstream, served.mark):
        assert line == "POST /v1/responses HTTP/1.1" and entry["path"] == "/v1/responses"
        model = json.loads(entry["body"])["model"]
        assert entry["body"].encode() == body.replace(b'"model":"openai/gpt-5.5"', b'"model":' + json.dumps(model).encode(), 1)
        assert b'"type":"custom","name":"apply_patch"' in body


def test_it_edits_a_file_on_anthropic(served, wire, upstream):
    for _, entry in edited(wire, "messages/gpt-5.5", upstream, served.mark):
        assert entry["path"] == "/v1/messages" and {"exec_command", "apply_patch"} <= {t["name"] for t in json.loads(entry["body"])["tools"]}


def test_it_edits_a_file_where_there_is_only_chat(served, wire, upstream):
    for (_, _, body), entry in edited(wire, "chat/gpt-5.5", upstream, served.mark):
        asked, written = json.loads(body), json.loads(entry["body"])
        assert entry["path"] == "/v1/chat/completions"
        assert {t["type"] for t in written["tools"]} == {"function"}
        assert {t["name"] for t in asked["tools"] if t["type"] in ("function", "custom")} <= {t["function"]["name"] for t in written["tools"]}
        assert {m["role"] for m in written["messages"]} <= {"system", "user", "assistant", "tool"} and written["messages"][0]["role"] == "system"
    call, output = written["messages"][-2:]
    assert json.loads(call["tool_calls"][0]["function"]["arguments"]) == {"input": PATCH}
    assert output["role"] == "tool" and "Success" in output["content"]


@pytest.mark.parametrize("vendor", ["openai", "chat"])
@pytest.mark.parametrize("served", ["lighttpd"], indirect=True)
def test_it_runs_a_command_and_thinks(served, wire, upstream, vendor):
    upstream.reset()
    with Home() as home:
        items = home.codex(wire.url, f"{vendor}/reader", "Read note.txt", built_in=vendor == "openai")
    assert WORD in messages(items)[-1] and items[-1]["usage"]["output_tokens"] > 0
    ran = [i["item"] for i in items if i["type"] == "item.completed" and i["item"]["type"] == "command_execution"]
    assert [r["exit_code"] for r in ran] == [0]
    lines = [line.split()[0] for line, _, _ in wire.requests()]
    assert lines == (["GET", "POST", "POST"] if vendor == "openai" else ["POST", "POST"])       # the built in provider tried a WebSocket first
    got = reached(upstream, served.mark)
    assert [entry["status"] for entry in got] == [200, 200] and "thought 0" in got[-1]["body"]
