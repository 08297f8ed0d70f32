# SPDX-License-Identifier: Apache-2.0
"""Several pools on one host: of different names, and of different versions while one is replaced by the other."""
import os
import signal
import sqlite3

import kit
import pytest

PRICE = {"input_cost_per_token": 0, "output_cost_per_token": 0.0001}


@pytest.fixture
def beside(start, upstream):
    """beside(first, …): another pool in the same folders as the first, if there is one."""
    def begin(first=None, **own):
        config = {"model_list": [kit.deployment("gpt", "openai/script:fixed", upstream.base + "/v1", **PRICE),
                                 kit.deployment("slow", "openai/script:fixed,chunks=2000,gap=20", upstream.base + "/v1", **PRICE)],
                  "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}, "sluice": own}
        return start(config, workers=2, env={"SLUICE_RUN_DIR": first.run, "SLUICE_STATE_DIR": first.run} if first else {})
    return begin


def ask(gateway, sql):
    db = sqlite3.connect(f"file:{gateway.run}/sluice.db?mode=ro", uri=True, timeout=10)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def call(gateway):
    answer = gateway.chat("gpt")
    assert answer.status_code == 200, answer.text
    return answer.headers["x-request-id"]


def test_two_names_on_one_host(beside):
    """They share the database, and nothing of the board."""
    one = beside()
    two = beside(one, instance="two")
    key = one.post("/key/generate", {"max_budget": 1}).json()
    made = {call(gateway) for gateway in (one, two) * 5}
    assert one.metric("sluice_requests_total") >= 5 and {p.name for p in one.run.glob("*.board")} == {"sluice.board", "two.board"}
    held = kit.Held(one, "chat", "slow")
    held.until(b'"content"')
    assert one.metric("litellm_in_flight_requests") == 2 and two.metric("litellm_in_flight_requests") == 1
    held.leave()
    mine = {"Authorization": f"Bearer {key['key']}"}
    for gateway in (one, two):
        assert gateway.post("/v1/chat/completions", {"model": "gpt", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}, headers=mine).status_code == 200
    kit.until(lambda: ask(one, "SELECT count(*), sum(cost) FROM sluice_request") == ask(one, "SELECT sum(requests), sum(cost) FROM sluice_day WHERE kind = ''")
              and ask(one, "SELECT count(*) FROM sluice_request") == [(13,)], what="all rows")
    assert made <= {i for (i,) in ask(one, "SELECT id FROM sluice_request")}
    one.post("/key/block", {"key": key["token"]})
    kit.until(lambda: two.post("/v1/chat/completions", {"model": "gpt", "messages": []}, headers=mine).status_code == 401, what="the other to know")


def test_a_newer_version_beside_an_older(beside):
    """Whose board is another; the calls that run when the old one is killed get their rows from the new one."""
    old = beside()
    board = old.run / "sluice.board"
    with open(board, "r+b") as f:
        f.seek(12)                      # its layout: as if another version had made it
        f.write(b"\x77")
    new = beside(old)
    assert len(list(old.run.glob("sluice.board*"))) == 2
    made = {call(gateway) for gateway in (old, new) * 10}
    held = [kit.Held(old, "chat", "slow") for _ in range(4)]
    for stream in held:
        stream.until(b'"content"', 2)
    assert old.metric("litellm_in_flight_requests") == 5 and new.metric("litellm_in_flight_requests") == 1
    os.killpg(old.pool.p.pid, signal.SIGKILL)
    for stream in held:
        stream.leave()
    made |= {call(new) for _ in range(5)} | {stream.answer.headers["x-request-id"] for stream in held}
    kit.until(lambda: ask(old, "SELECT count(*) FROM sluice_request") == [(29,)], what="all rows")
    assert {i for (i,) in ask(old, "SELECT id FROM sluice_request")} == made
    swept = ask(old, "SELECT estimated, cost > 0 FROM sluice_request WHERE ended = 'swept'")
    assert swept == [(1, 1)] * 4
    assert ask(old, "SELECT count(*), sum(cost) FROM sluice_request") == ask(old, "SELECT sum(requests), sum(cost) FROM sluice_day WHERE kind = ''")
