# SPDX-License-Identifier: Apache-2.0
"""Budgets that many calls share: they reserve little and often, wait for each other, and stop where the money does."""
import json
import os
import re
import signal
import sqlite3
import threading

import pytest
import requests

import kit

TOKEN = 75_000                          # nano-dollars
SHORT = "chunks=10,size=533,gap=3,out=1333"     # bytes are four a token


@pytest.fixture(scope="module")
def paying(upstream):
    price = {"input_cost_per_token": 0, "output_cost_per_token": TOKEN / 1e9}
    scripts = {"short": SHORT, "whole": "first=5,out=1333", "long": "chunks=200,size=100,gap=3",
               "a": "chunks=60,size=100,gap=4,out=1500", "b": "chunks=20,size=100,gap=30,out=500", "burst": "fault=silent,after=60,chunks=80,size=100,gap=0",
               "paced": "chunks=80,size=100,gap=25,out=2000", "slow": "chunks=900,size=100,gap=20"}
    running = kit.Gateway({
        "model_list": [kit.deployment(name, f"openai/script:fixed,{script}", upstream.base + "/v1", **price) for name, script in scripts.items()] +
        [kit.deployment("claude", f"anthropic/script:fixed,{scripts['long']}", upstream.base, **price)],
        "litellm_settings": {"num_retries": 0},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    })
    running.scripts = {m["model_name"]: m["litellm_params"]["model"].partition("/")[2] for m in running.config["model_list"]}
    yield running
    running.stop()


def new_key(gateway, budget):
    made = gateway.post("/key/generate", {"max_budget": budget}).json()
    return made["key"], made["token"]


def ask(gateway, key, model, path="/v1/chat/completions", **more):
    said = {"input": "hello"} if path.endswith("responses") else {"messages": [{"role": "user", "content": "hello"}]}
    said |= {} if path.endswith("responses") else {"max_tokens": 64000}
    return requests.post(gateway.url + path, json={"model": model} | said | more, headers={"Authorization": f"Bearer {key}"}, timeout=60)


def ledger(gateway, sql, *values):
    db = sqlite3.connect(f"file:{gateway.run}/sluice.db?mode=ro", uri=True)
    try:
        return db.execute(sql, values).fetchall()
    finally:
        db.close()


def booked(gateway, digest):
    return ledger(gateway, "SELECT coalesce(sum(cost), 0), count(*) FROM sluice_request WHERE key_digest = ?", digest)[0]


def nothing_held(gateway, digest):
    return ledger(gateway, "SELECT sum(l.remaining) FROM sluice_lease l JOIN sluice_account a ON a.id = l.account "
                  "WHERE l.state = 1 AND a.entity = ?", digest)[0][0] in (None, 0)


class Agents:
    """Twenty that call until one is refused."""

    def __init__(self, gateway, key, model, cost, **more):
        self.refused, self.good, self.lock = [], 0, threading.Lock()

        def agent():
            while not self.refused:
                r = ask(gateway, key, model, **more)
                good = r.status_code == 200 and '"error"' not in r.text and '"finish_reason":"stop"' in r.text.replace(" ", "")
                with self.lock:
                    self.good += good
                    if not good:
                        self.refused.append((self.good * cost / 1e9, r.status_code, r.text[-600:]))
        threads = [threading.Thread(target=agent, daemon=True) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        assert not any(t.is_alive() for t in threads)


@pytest.mark.parametrize("stream", [True, False], ids=["streams", "whole"])
def test_agents_use_a_budget_to_its_end(paying, stream):
    """Twenty agents, max_tokens 64,000 ($4.80 each), short answers, a key with $20: nobody is refused before $19, and never more than $20 is booked."""
    key, digest = new_key(paying, 20)
    agents = Agents(paying, key, "short" if stream else "whole", 1333 * TOKEN, stream=stream)
    kit.until(lambda: booked(paying, digest)[1] >= agents.good + 1, what="the rows")
    total = booked(paying, digest)[0]
    assert 19e9 <= total <= 20e9, (total, agents.refused)
    for answered, status, text in agents.refused:           # from $0, and never before $19: by what whole answers cost, or as the refusal says
        assert status in (200, 429) and (answered >= 19 or re.search(r"has spent \$(19\.|20\.00 )", text)), (answered, status, text)


@pytest.mark.parametrize("path, model, event", [("/v1/chat/completions", "long", ""), ("/v1/messages", "claude", "error"),
                                                ("/v1/responses", "long", "error")])
def test_money_that_ends_in_a_stream(paying, path, model, event):
    key, digest = new_key(paying, 0.02)
    r = ask(paying, key, model, path, stream=True)
    assert r.status_code == 200, r.text
    events = kit.events(r)
    failed = [json.loads(data) for name, data in events if '"error"' in data]
    assert failed and "this answer, which ends here" in json.dumps(failed[-1]), r.text[-800:]
    assert "budget" in json.dumps(failed[-1])
    if path.endswith("messages"):
        assert events[-1][0] == "error"
    elif path.endswith("completions"):
        assert events[-1][1] == "[DONE]" or "error" in events[-1][1]
    else:
        assert events[-1][0] in ("error", "response.failed"), events[-1]
    kit.until(lambda: booked(paying, digest)[1] == 1, what="its row")
    ended, cost, completion = ledger(paying, "SELECT ended, cost, completion FROM sluice_request WHERE key_digest = ?", digest)[0]
    assert ended == "cut" and 0 < cost <= 20_000_000 and completion > 0, (ended, cost, completion)
    ask(paying, key, model, path, stream=True)
    kit.until(lambda: booked(paying, digest)[1] == 2, what="its row")
    assert booked(paying, digest)[0] <= 20_000_000


@pytest.mark.parametrize("path, model, limit", [("/v1/chat/completions", "whole", "max_tokens"), ("/v1/messages", "claude", "max_tokens"),
                                                ("/v1/responses", "whole", "max_output_tokens"), ("/v1/messages", "whole", "max_tokens")])
def test_the_rest_of_a_budget_lowers_max_tokens(paying, upstream, path, model, limit):
    key, _ = new_key(paying, 0.05)
    said = {} if path.endswith("completions") else {"max_tokens": 1000} if path.endswith("messages") else {limit: 1000}
    r = ask(paying, key, model, path, **said | ({"max_tokens": 1000} if path.endswith("completions") else {}))
    assert r.status_code == 200, r.text
    script = paying.scripts[model]
    assert json.loads(upstream.last(script)["body"])[limit] == 666     # what $0.05 buys
    key, _ = new_key(paying, 0.05)
    if path.endswith("messages"):
        r = ask(paying, key, model, path, max_tokens=2000, thinking={"type": "enabled", "budget_tokens": 1500})
        assert r.status_code == 429 and "may cost up to $0.15" in r.text, r.text      # thinking needs its room


def test_a_stream_waits_for_others_in_its_middle(paying):
    """Each has $0.1536 reserved of $0.3075; the longer one needs up to $0.23, and gets it when the shorter one is over."""
    key, digest = new_key(paying, 0.3075)
    told = {}
    threads = [threading.Thread(target=lambda m=m: told.__setitem__(m, ask(paying, key, m, stream=True)), daemon=True) for m in ("a", "b")]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    for model, size in (("a", 6000), ("b", 2000)):
        chunks, done = kit.sse(told[model])
        assert done and not any("error" in c for c in chunks), told[model].text[-600:]
        assert sum(len(c["choices"][0]["delta"].get("content") or "") for c in chunks if c["choices"]) == size
    kit.until(lambda: booked(paying, digest) == (2000 * TOKEN, 2), what=f"both rows, not {booked(paying, digest)}")


def test_what_came_is_heard_once_there_is_money(paying):
    """All of it is here when its money is not, and nothing more comes that could bring it along."""
    key, digest = new_key(paying, 0.3075)
    other = kit.Held(Caller(paying, key), "chat", "b", max_tokens=64000)
    other.until(b"content", 1)
    burst = kit.Held(Caller(paying, key), "chat", "burst", max_tokens=64000)
    burst.until(b'"content"', 60)
    burst.leave()
    other.until(b"[DONE]")
    rows = kit.until(lambda: len(r := ledger(paying, "SELECT ended, completion FROM sluice_request WHERE key_digest = ?", digest)) == 2 and sorted(r), what="both rows")
    assert rows == [("complete", 500), ("left", 59 * 25)], rows


class Caller:
    """For kit.Held()."""

    def __init__(self, gateway, key):
        self.port, self.key = gateway.port, key

    def headers(self, **more):
        return {"Authorization": f"Bearer {self.key}"} | more


def test_a_price_that_changes_in_a_stream(paying):
    """What was in force when it began counts to its end; the next call has the new one."""
    key, digest = new_key(paying, 20)
    held = kit.Held(Caller(paying, key), "chat", "paced", max_tokens=64000)
    held.until(b"content", 3)
    dear = json.loads(json.dumps(paying.config))
    for model in dear["model_list"]:
        model["litellm_params"]["output_cost_per_token"] *= 2
    paying.write(dear)
    paying.pool.p.send_signal(signal.SIGHUP)
    try:
        kit.until(lambda: float(ask(paying, key, "whole", max_tokens=2000).headers["x-litellm-response-cost"]) == 2 * 1333 * TOKEN / 1e9, what="the new price")
        held.until(b"[DONE]")
        call = held.answer.headers["x-request-id"]
        row = kit.until(lambda: ledger(paying, "SELECT cost, ended FROM sluice_request WHERE id = ?", call), what="its row")
        assert row == [(2000 * TOKEN, "complete")]
    finally:
        held.leave()
        paying.write(paying.config)
        paying.pool.p.send_signal(signal.SIGHUP)
        kit.until(lambda: float(ask(paying, key, "whole", max_tokens=2000).headers["x-litellm-response-cost"]) == 1333 * TOKEN / 1e9, what="the old price")


def test_a_worker_that_is_killed_between_instalments(paying):
    """Twenty at once, of whom four could reserve all of max_tokens.  What was seen is booked, and nothing stays held."""
    key, digest = new_key(paying, 20)
    held = [kit.Held(Caller(paying, key), "chat", "slow", max_tokens=64000) for _ in range(20)]
    for h in held:
        h.until(b"content", 5)
    held[0].until(b"content", 70)
    paying.expected = ["ended by signal", "child signaled"]
    for pid in paying.worker_pids():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    rows = kit.until(lambda: len(r := ledger(paying, "SELECT id, ended, cost, completion, estimated FROM sluice_request WHERE key_digest = ?", digest)) == 20 and r,
                     what="their rows")
    for call, ended, cost, completion, estimated in rows:
        assert (ended, estimated) == ("swept", 1) and completion * TOKEN == cost > 0, (ended, cost, completion)
        if call == held[0].answer.headers["x-request-id"]:      # 100 bytes are 25 tokens: what was heard, but for a second
            assert 20 * 25 * TOKEN <= cost, (cost, completion)
    kit.until(lambda: nothing_held(paying, digest), 30, "nothing to be held by what is closing")
    assert booked(paying, digest)[0] == sum(r[2] for r in rows)
    for h in held:
        h.leave()
