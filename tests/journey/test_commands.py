# SPDX-License-Identifier: Apache-2.0
"""What operators do at the machine: keys, teams, users, spend, and why a request went as it did."""
import json
import subprocess

import pytest

import kit
from managing import Caller, digest

CHAT = {"model": "priced", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def served(upstream):
    gateway = kit.Gateway({
        "model_list": [kit.deployment("priced", "openai/script:fixed", upstream.base + "/v1", input_cost_per_token=1e-3, output_cost_per_token=2e-3)],
        "litellm_settings": {"num_retries": 0}, "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}})
    yield gateway
    gateway.stop()


@pytest.fixture
def sluice(served):
    """sluice("key", "list"): standard output; as the user whose file the database is."""
    def run(*words, status=0):
        done = subprocess.run([*kit.as_user(), served.bin / "sluice", *map(str, words)], capture_output=True, text=True, timeout=60, cwd="/",
                              env=kit.ENV | {"SLUICE_CONFIG": str(served.config_path), "SLUICE_STATE_DIR": str(served.run), "LITELLM_MASTER_KEY": kit.KEY})
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout if status == 0 else done.stderr
    return run


def lines(text):
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)


def test_a_key_from_its_making_to_its_end(sluice, served):
    sluice("team", "create", "--id", "crew", "--alias", "The Crew", "--budget", "5")
    made = lines(sluice("key", "create", "--alias", "ci", "--team", "crew", "--models", "priced, other", "--budget", "12.50", "--period", "30d", "--tags", "a",
                        "--set", "rpm_limit=40"))
    key = made["key"]
    assert (made["max_budget"], made["models"], made["rpm_limit"], made["tags"]) == ("12.5", "priced,other", "40", "a")
    caller = Caller(served, key)
    caller.post("/v1/chat/completions", **CHAT)
    table = sluice("key", "list", "--team", "crew").splitlines()
    assert table[0].split()[:2] == ["key_alias", "key_name"] and table[1].split()[0] == "ci" and digest(key) in table[1]
    assert lines(sluice("key", "info", digest(key)))["key_alias"] == "ci"
    assert "max_budget" not in lines(sluice("key", "update", key, "--budget", "none", "--alias=ci-2"))
    assert json.loads(sluice("key", "info", key, "--json"))["info"]["key_alias"] == "ci-2"
    sluice("key", "block", key)
    kit.until(lambda: caller.session.post(served.url + "/v1/chat/completions", json=CHAT, timeout=30).status_code == 401, what="the key to be refused")
    sluice("key", "unblock", key)
    newer = lines(sluice("key", "regenerate", key, "--grace", "1h"))["key"]
    sluice("key", "delete", newer)
    assert "not found" in sluice("key", "info", newer, status=1)
    assert key not in served.error_log() and newer not in served.error_log()


def test_teams_and_users(sluice):
    assert lines(sluice("user", "create", "--id", "ann", "--email", "ann@example.com", "--role", "internal_user"))["key"].startswith("sk-")
    sluice("team", "create", "--id", "t2")
    sluice("team", "add", "t2", "ann@example.com", "--role", "admin", "--budget", "2")
    assert '"role":"admin"' in sluice("team", "info", "t2", "--json")
    assert "ann@example.com" in sluice("user", "list", "--team", "t2")
    sluice("team", "remove", "t2", "ann")
    assert len(sluice("user", "list", "--team", "t2").splitlines()) == 1
    sluice("user", "delete", "ann")
    sluice("team", "delete", "t2")
    table = sluice("audit", "list", "--size", "5").splitlines()
    assert len(table) == 7 and all(line.split()[1].startswith("operator:") for line in table[1:6]) and "see --page" in table[6]


def test_budgets(sluice):
    assert lines(sluice("budget", "create", "--id", "tier", "--budget", "5", "--period", "7d", "--rpm", "3"))["max_budget"] == "5"
    assert "max_budget" not in lines(sluice("budget", "update", "tier", "--budget", "none", "--tpm", "9"))
    table = sluice("budget", "list").splitlines()
    assert table[0].split()[:2] == ["budget_id", "max_budget"] and [line.split() for line in table[1:]] == [["tier", "-", "-", "7d", "3", "9"]]
    assert json.loads(sluice("budget", "info", "tier", "--json"))[0]["rpm_limit"] == 3
    assert lines(sluice("key", "create", "--tier", "tier"))["budget_id"] == "tier"
    assert "tier" in sluice("budget", "delete", "tier", status=1)                # a key has it
    sluice("budget", "create", "--id", "idle")
    sluice("budget", "delete", "idle")
    assert len(sluice("budget", "list").splitlines()) == 2


def test_spend_and_why(sluice, served, upstream):
    key = lines(sluice("key", "create", "--alias", "spender\033[31m"))
    assert key["key_alias"] == "spender?[31m"                                    # no terminal obeys a name
    answer = requests_of(served, key["key"])
    call_id, usage = answer.headers["x-litellm-call-id"], answer.json()["usage"]
    cost = usage["prompt_tokens"] * 1000 + usage["completion_tokens"] * 2000     # millionths

    def row():
        done = json.loads(sluice("admin", "GET", f"/spend/logs?request_id={call_id}"))
        return done and done[0]
    found = kit.until(row, what="the row to be shipped")
    assert round(found["spend"] * 10**6) == cost and found["api_key"] == key["token"]
    why = lines(sluice("why", call_id))
    assert why["request"] == call_id and why["asked for"] == "priced" and why["status"] == "200"
    assert round(float(why["cost in dollars"]) * 10**6) == cost and "status 200" in why["attempt 1"]
    assert (why["rate of input"], why["rate of output"]) == ("$1000.00 a million tokens", "$2000.00 a million tokens")
    report = sluice("spend", "report", "--by=model").splitlines()
    assert report[0].split()[0] == "model" and report[-1].split()[0] == "all" and "$" in report[1]
    for by in ("key", "team", "user", "organization", "customer", "model", "group", "provider"):
        report = [line.split() for line in sluice("spend", "report", "--by", by).splitlines()]
        spent = [round(float(line[-5].strip("$")) * 10**6) for line in report[1:]]
        assert sum(spent[:-1]) == spent[-1] >= cost, by                          # "all" is all, whoever had no team
    assert "(no customer)" in sluice("spend", "report", "--by", "customer")
    assert call_id in sluice("spend", "logs", "--key", key["token"])
    assert "in the ledger" in sluice("why", "01a215c4-6ce6-7352-bc27-aebf925e150e", status=1)


def requests_of(served, key):
    return Caller(served, key).session.post(served.url + "/v1/chat/completions", json=CHAT, timeout=30)


def test_words_that_are_none(sluice):
    for words in (("key",), ("key", "invent"), ("key", "info"), ("key", "create", "word"), ("key", "create", "--colour", "red"), ("key", "list", "--page"),
                  ("team", "add", "t"), ("spend", "guess"), ("spend", "report", "--by", "mood"), ("why",), ("admin", "GET")):
        assert "usage" in sluice(*words, status=2)
    assert "there is no DELETE /key/info; it takes GET" in sluice("admin", "DELETE", "/key/info", status=1)
    assert "cannot be negative" in sluice("key", "create", "--budget", "-1", status=1)
    for words in (("serve", "--help"), ("housekeeper", "-h"), ("settings", "--help"), ("key", "--help"), ("key", "create", "--help"), ("spend", "report", "-h"),
                  ("why", "--help"), ("admin", "--help")):
        assert "usage: sluice" in sluice(*words)
    many = ",".join(f"m{i}" for i in range(100))
    assert lines(sluice("key", "create", "--models", many))["models"] == many
    assert "--database" in sluice("key", "list", "-d", "/none/such.db", status=1)
