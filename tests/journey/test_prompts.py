# SPDX-License-Identifier: Apache-2.0
"""Stored prompts: only where they are asked for, clean, to those who may see their rows; and dropped rather than waited for."""
import base64
import json
import os
import stat

import requests

import kit
from databases import sluice
from managing import Caller

IMAGE = "data:image/png;base64," + base64.b64encode(os.urandom(6000)).decode()
LEAK = "sk-leaked0123456789abcdef"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}}


def stored(caller, call_id):
    """What is stored of a call, once it is there."""
    def found():
        answer = caller.session.get(f"{caller.gateway.url}/spend/logs/ui/{call_id}", timeout=30)
        return answer.status_code == 200 and answer.json()["proxy_server_request"] != {} and answer.json()
    return kit.until(found, what=f"the words of {call_id}")


class Talker:
    """A client with a key of its own."""

    def __init__(self, gateway, admin, **asked):
        self.gateway, self.key = gateway, admin.post("/key/generate", **asked)["key"]

    def say(self, path, model, headers=None, status=200, **body):
        answer = requests.post(self.gateway.url + path, json={"model": model} | body, timeout=30,
                               headers={"Authorization": f"Bearer {self.key}", "anthropic-version": "2023-06-01"} | (headers or {}))
        assert answer.status_code == status, answer.text
        return answer

    def chat(self, model, words="hello", **more):
        headers, status = more.pop("headers", None), more.pop("status", 200)
        return self.say("/v1/chat/completions", model, headers, status, messages=[{"role": "user", "content": words}], **more)


def id_of(answer):
    return answer.headers["x-litellm-call-id"]


def test_a_teams_words_are_stored_clean(gateway):
    admin = Caller(gateway)
    team = admin.post("/team/new", team_alias=f"told {kit.unique()}", store_prompts=True)
    assert team["metadata"]["store_prompts"] is True
    blue = Talker(gateway, admin, team_id=team["team_id"])
    other = Caller(gateway, admin.post("/key/generate")["key"])
    content = [{"type": "text", "text": f"the word is grue; {LEAK} and {blue.key} and {kit.KEY}"}, {"type": "image_url", "image_url": {"url": IMAGE}}]
    whole = blue.chat("gpt", content)
    kept = stored(admin, id_of(whole))
    assert kept["row"]["team_id"] == team["team_id"] and kept["response"] == whole.json()
    assert kept["messages"] == kept["proxy_server_request"]["messages"] and kept["proxy_server_request"]["model"] == "gpt"
    assert kept["messages"][0]["content"][0]["text"] == "the word is grue; [redacted] and [redacted] and [redacted]"
    assert kept["messages"][0]["content"][1]["image_url"]["url"] == "data:image/png;base64,[cut: 8000 bytes]"
    assert stored(Caller(gateway, blue.key), id_of(whole)) == kept      # its key may see the row
    other.get(f"/spend/logs/ui/{id_of(whole)}", 404)
    assert admin.get("/spend/logs", request_id=id_of(whole))[0]["messages"] == kept["messages"]
    assert admin.get("/spend/logs/v2", request_id=id_of(whole))["data"][0]["response"] == whole.json()
    long = stored(admin, id_of(blue.chat("gpt", "many words " * 3000)))
    assert len(long["messages"][0]["content"]) == 33000
    assert admin.get("/spend/logs", request_id=long["row"]["request_id"])[0]["proxy_server_request"]["stored_bytes"] > 33000
    cut = stored(admin, id_of(blue.chat("gpt", "begin " + "many words " * 30000 + "end")))["messages"][0]["content"]
    assert cut.startswith("begin ") and cut.endswith(" end") and "[cut: " in cut and len(cut) < 256 * 1024
    assert "grue" not in gateway.error_log() and "grue" not in (gateway.run / "sluice.log").read_text()
    folder = gateway.run / "sluice.prompts"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir() if p.is_file()} == {0o600}
    said = sluice("why", id_of(whole), "--prompts", "--config", gateway.config_path, **gateway.env).stdout
    assert "asked user:" in said and "the word is grue; [redacted]" in said and whole.json()["choices"][0]["message"]["content"] in said


def test_streams_are_put_together(gateway):
    admin = Caller(gateway)
    talker = Talker(gateway, admin, store_prompts=True)

    def message(answer):
        kept = stored(admin, id_of(answer))
        assert kept["response"]["object"] == "chat.completion" and "cut" not in kept["response"], kept
        return kept["response"]["choices"][0]["message"], kept["response"]["choices"][0]["finish_reason"]

    def heard(answer):
        return "".join(c["choices"][0]["delta"].get("content") or "" for c in kit.sse(answer)[0] if c["choices"])

    for model in ("gpt", "claude", "hello"):                # relayed, translated, told by the gateway itself
        answer = talker.chat(model, stream=True)
        assert message(answer) == ({"role": "assistant", "content": heard(answer), "refusal": None}, "stop") and heard(answer)
    said = message(talker.say("/v1/messages", "claude", stream=True, max_tokens=50, messages=[{"role": "user", "content": "x"}]))
    assert said[0]["content"] and said[1] == "stop"
    assert message(talker.say("/v1/responses", "gpt", stream=True, input="x"))[0]["content"]
    assert message(talker.say("/anthropic/v1/messages", "script:fixed", stream=True, max_tokens=50, messages=[{"role": "user", "content": "x"}]))[0]["content"]
    call, why = message(talker.chat("openai/script:tools,n=1,call=look", stream=True, tools=[TOOL]))
    assert why == "tool_calls" and call["tool_calls"][0]["function"]["name"] == "look" and json.loads(call["tool_calls"][0]["function"]["arguments"])
    broken = stored(admin, id_of(talker.chat("openai/script:cut,after=3", stream=True)))["response"]
    assert broken["cut"] is True and broken["choices"][0]["message"]["content"]
    failed = stored(admin, id_of(talker.chat("openai/script:refuse,status=400", status=400)))
    assert failed["messages"][0]["content"] == "hello" and failed["response"] == {} and failed["row"]["status"] == "failure"
    numbers = stored(admin, id_of(talker.say("/v1/embeddings", "openai/script:fixed", input=["a", "b"])))
    assert numbers["messages"] == ["a", "b"] and numbers["response"]["data"][1]["embedding"].startswith("[cut: ")


def test_who_objects_is_not_written_down(gateway, upstream):
    admin = Caller(gateway)
    team = admin.post("/team/new", team_alias=f"half {kit.unique()}", store_prompts=True)["team_id"]
    asked, objects = Talker(gateway, admin, team_id=team), Talker(gateway, admin, team_id=team, store_prompts=False)
    nobody = Talker(gateway, admin)
    model = f"openai/script:fixed,in={kit.unique()}"
    silent = [nobody.chat("gpt"), objects.chat("gpt"), asked.chat("gpt", headers={"x-litellm-enable-message-redaction": "true"}),
              asked.chat(model, **{"no-log": True}), asked.chat(model, turn_off_message_logging=True)]
    told = asked.chat("gpt")
    stored(admin, id_of(told))                              # the last one is there, and so would be those before
    for answer in silent:
        kit.until(lambda: admin.get("/spend/logs", request_id=id_of(answer)), what="the row")
        kept = admin.get(f"/spend/logs/ui/{id_of(answer)}")
        assert kept["messages"] == kept["response"] == kept["proxy_server_request"] == {}
    sent = [json.loads(e["body"]) for e in upstream.received(model)]
    assert len(sent) == 2 and all({"no-log", "turn_off_message_logging"}.isdisjoint(body) for body in sent)
    admin.post("/key/update", key=objects.key, store_prompts=None)
    stored(admin, id_of(objects.chat("gpt")))
    assert "its words are not stored" in sluice("why", id_of(silent[0]), "--prompts", "--config", gateway.config_path, **gateway.env).stdout


def test_they_are_dropped_rather_than_waited_for(start, upstream, postgres, fresh_database):
    config = {"model_list": [kit.deployment("gpt", "openai/script:fixed", upstream.base + "/v1")],
              "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY", "store_prompts_in_spend_logs": True, "database_url": postgres.url(fresh_database)},
              "litellm_settings": {"num_retries": 0}}
    gateway = start(config)
    admin, folder = Caller(gateway), gateway.run / "sluice.prompts"
    folder.write_text("no folder")
    answer = gateway.chat("gpt")
    assert answer.status_code == 200
    kit.until(lambda: admin.get("/spend/logs", request_id=id_of(answer)), what="the row, which is there all the same")
    assert gateway.metric("sluice_prompts_dropped_total") == 1 and gateway.error_log().count("prompts are not stored") == 1
    folder.unlink()
    kit.until(lambda: id_of(gateway.chat("gpt")) and folder.is_dir(), what="the folder")
    assert stored(admin, id_of(gateway.chat("gpt", "all are told")))["messages"][0]["content"] == "all are told"
    assert gateway.error_log().count("prompts are not stored") == 1          # once a minute
    postgres.cut(fresh_database)                                            # what waits meanwhile comes later
    assert stored(admin, id_of(gateway.chat("gpt", "behind a cut")))["messages"][0]["content"] == "behind a cut"
    gateway.write(config | {"litellm_settings": {"turn_off_message_logging": True}})
    before = gateway.error_log().count("new configuration")                  # of the store's models, when it came back
    gateway.pool.p.send_signal(1)
    kit.until(lambda: gateway.error_log().count("new configuration") > before, what="the new configuration")
    silent = gateway.chat("gpt")
    kit.until(lambda: admin.get("/spend/logs", request_id=id_of(silent)), what="the row")
    assert admin.get(f"/spend/logs/ui/{id_of(silent)}")["messages"] == {}
