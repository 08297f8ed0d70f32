# SPDX-License-Identifier: Apache-2.0
"""Every refusal for money or a rate, at every level: whose it is, the limit, what is used, when it resets, what to do, and the call's id."""
import datetime
import email.utils
import re

import pytest
import requests

import kit
from kit import KEY, deployment
from managing import Caller, digest

PRICE = {"input_cost_per_token": 0.00001, "output_cost_per_token": 0.00001}
TINY = 0.0000015
RESETS = r"; (resets \d+ [A-Z][a-z]{2} (\d{4} )?\d\d:\d\d KST|it does not reset); wait for that, (lower max_tokens, )?or have an administrator raise it \((\S+)\)\. Call id: (\S+)$"


@pytest.fixture(scope="module")
def host(upstream):
    base = upstream.base + "/v1"
    gateway = kit.Gateway({
        "model_list": [deployment("dear", "openai/script:fixed", base, **PRICE), deployment("free", "openai/script:fixed", base, input_cost_per_token=0, output_cost_per_token=0),
                       deployment("held", "openai/script:fixed,chunks=200,gap=100", base, **PRICE)],
        "litellm_settings": {"timezone": "Asia/Seoul", "num_retries": 0},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
        "environment_variables": {"LITELLM_RATE_LIMIT_WINDOW_SIZE": "3600"},
        "sluice": {"budget_wait": "0s", "answer_headers": "litellm"},
    })
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def admin(host):
    return Caller(host)


def ask(host, key, model="dear", **more):
    headers = {"Authorization": f"Bearer {key}"} | more.pop("headers", {})
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], "max_tokens": 5} | more
    return requests.post(host.url + "/v1/chat/completions", json=body, headers=headers, timeout=60, stream=more.get("stream", False))


def made(admin):
    """Somebody at every level: what each test binds is added to it."""
    organization = admin.post("/organization/new", organization_alias="acme")["organization_id"]
    user = admin.post("/user/new", auto_create_key=False)["user_id"]
    team = admin.post("/team/new", team_alias="data-eng", organization_id=organization, members_with_roles=[{"role": "user", "user_id": user}])["team_id"]
    project = admin.post("/project/new", team_id=team)["project_id"]
    return {"organization": organization, "user": user, "team": team, "project": project}


BUDGETS = {        # whose: how it gets a budget; its title and LiteLLM's words; where it is raised; whether the key belongs to a team
    "key": ({}, r"Budget has been exceeded! Key={bot} Current cost: 0, Max budget: 0.0000015", "Key {bot}", "/key/update"),
    "window": ({"budget_limits": [{"budget_duration": "24h", "max_budget": TINY}]}, r"ExceededBudget: Key over 24h budget\. Spend=\$0, Limit=\$0.0000015", "Key {bot}", "/key/update"),
    "key's model": ({"model_max_budget": {"dear": {"budget_limit": TINY, "time_period": "1d"}}},
                    r"LiteLLM Virtual Key: [0-9a-f]{{64}}, key_alias: {bot}, exceeded budget for model=dear", "Key {bot}", "/key/update"),
    "team": ("/team/update", r"Budget has been exceeded! Team={team} Current cost: 0, Max budget: 0.0000015", "Team data-eng", "/team/update"),
    "member": ("/team/member_update", r"Budget has been exceeded! User={user} in Team={team} Current cost: 0", "Team member {user} of team data-eng", "/team/member_update"),
    "user": ("/user/update", r"ExceededBudget: User={user} over budget\. Spend=0, Budget=0.0000015", "User {user}", "/user/update"),
    "organization": ("/organization/update", r"Budget has been exceeded! Organization={organization} Current cost: 0", "Organization acme", "/organization/update"),
    "project": ("/project/update", r"Budget has been exceeded! Project={project} Current cost: 0", "Project {project}", "/project/update"),
    "customer": ("/customer/new", r"ExceededBudget: End User=shopper over budget\. Spend=0, Budget=0.0000015", "End user shopper", "/customer/update"),
    "tag": ("/tag/new", r"Budget has been exceeded! Tag=nightly Current cost: 0, Max budget: 0.0000015", "Tag nightly", "/tag/update"),
}


def bind_budget(admin, whose, ids):
    """A key that only this budget stops, and what its call says beside."""
    how, more = BUDGETS[whose][0], {}
    limit = {"max_budget": TINY, "budget_duration": "1d"}
    key = {"key_alias": ids["bot"], "user_id": ids["user"]} if whose != "user" else {"user_id": ids["user"]}
    if whose == "key":
        key |= limit
    elif isinstance(how, dict):
        key |= how
    elif whose == "member":
        admin.post(how, team_id=ids["team"], user_id=ids["user"], max_budget_in_team=TINY, budget_duration="1d")
    elif whose == "organization":
        admin.ask("PATCH", how, json={"organization_id": ids["organization"]} | limit)
    elif whose in ("team", "user", "project"):
        admin.post(how, **{whose + "_id": ids[whose]} | limit)
    elif whose == "customer":
        admin.post(how, user_id="shopper", **limit)
        more = {"user": "shopper"}
        key |= {"may_assert_user": True}
    else:
        admin.post(how, name="nightly", **limit)
        more = {"metadata": {"tags": ["nightly"]}}
    if whose in ("team", "member", "organization", "project"):
        key |= {"team_id": ids["team"], "organization_id": ids["organization"]} | ({"project_id": ids["project"]} if whose == "project" else {})
    return admin.post("/key/generate", **key)["key"], more


@pytest.mark.parametrize("whose", BUDGETS)
def test_a_spent_budget(host, admin, whose):
    ids = made(admin) | {"bot": "bot-of-" + whose.replace("'s ", "-")}
    key, more = bind_budget(admin, whose, ids)
    _, words, title, raised = BUDGETS[whose]
    answer = ask(host, key, **more)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"], error["code"]) == (429, "budget_exceeded", None, "429"), answer.text
    assert answer.headers["x-should-retry"] == "false" and "retry-after" not in answer.headers
    assert re.match(words.format(**ids), error["message"]), error["message"]
    assert f"{title.format(**ids)} has spent $0.00 of $0.0000015" in error["message"], error["message"]
    reset = re.search(RESETS, error["message"])
    assert reset and reset[1].endswith(" 00:00 KST") and reset[4] == raised and reset[5] == answer.headers["x-litellm-call-id"], error["message"]
    assert ask(host, key, "free", **more).status_code == 200         # what costs nothing no budget stops
    if whose == "key":
        assert admin.get("/key/info", key=key)["info"]["budget_reset_at"].endswith("T15:00:00.000Z")      # midnight of Seoul


RATES = {          # whose: the descriptor and its value
    "key": ("api_key", "{digest}"), "user": ("user", "{user}"), "team": ("team", "{team}"), "member": ("team_member", "{team}:{user}"),
    "project": ("project", "{project}"), "organization": ("organization", "{organization}"), "customer": ("end_user", "buyer"), "model": ("model_per_key", "{digest}:free"),
    "team's model": ("model_per_team", "{team}:free"),
}


def bind_rate(admin, whose, ids):
    key, more, limit = {"user_id": ids["user"]}, {}, {"rpm_limit": 1}
    if whose == "key":
        key |= limit
    elif whose == "model":
        key |= {"model_rpm_limit": {"free": 1}}
    elif whose == "team's model":
        admin.post("/team/update", team_id=ids["team"], model_rpm_limit={"free": 1})
    elif whose == "member":
        admin.post("/team/member_update", team_id=ids["team"], user_id=ids["user"], **limit)
    elif whose == "organization":
        admin.ask("PATCH", "/organization/update", json={"organization_id": ids["organization"]} | limit)
    elif whose == "customer":
        admin.post("/customer/new", user_id="buyer", **limit)
        key |= {"may_assert_user": True}
        more = {"user": "buyer"}
    else:
        admin.post(f"/{whose}/update", **{whose + "_id": ids[whose]} | limit)
    if whose in ("team", "member", "organization", "project", "team's model"):
        key |= {"team_id": ids["team"], "organization_id": ids["organization"]} | ({"project_id": ids["project"]} if whose == "project" else {})
    key = admin.post("/key/generate", **key)["key"]
    ids["digest"] = digest(key)
    return key, more


@pytest.mark.parametrize("whose", RATES)
def test_a_rate(host, admin, whose):
    ids = made(admin)
    key, more = bind_rate(admin, whose, ids)
    descriptor, value = RATES[whose]
    first, answer = ask(host, key, "free", **more), ask(host, key, "free", **more)
    assert first.status_code == 200 and first.headers[f"x-ratelimit-{descriptor}-limit-requests"] == "1", first.headers
    assert first.headers[f"x-ratelimit-{descriptor}-remaining-requests"] == "0"
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (429, None, "429"), answer.text
    assert re.fullmatch(rf"Rate limit exceeded for {descriptor}: {re.escape(value.format(**ids))}\. Limit type: requests\. Current limit: 1, Remaining: 0\. "
                        r"Limit resets at: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\. Used: 1, this request asks for 1: wait \d+ s, or ask an administrator for a higher limit\. "
                        rf"Call id: {answer.headers['x-litellm-call-id']}", error["message"]), error["message"]
    assert 0 < int(answer.headers["retry-after"]) <= 7200 and answer.headers["rate_limit_type"] == "requests" and answer.headers["reset_at"] in error["message"]
    resets = datetime.datetime.strptime(answer.headers["reset_at"] + "+0000", "%Y-%m-%d %H:%M:%S UTC%z")
    left = (resets - email.utils.parsedate_to_datetime(answer.headers["date"])).total_seconds()
    assert -30 <= left - int(answer.headers["retry-after"]) <= 1                # what is left of the window, not its length
    assert answer.headers[f"x-ratelimit-{descriptor}-remaining-requests"] == "0" and "x-should-retry" not in answer.headers
    assert ("x-ratelimit-remaining-requests" in answer.headers) == (whose == "key")


OF_KEY = ["spend", "max-budget", "tpm-limit", "rpm-limit"]


def of_key(answer):
    return [answer.headers.get("x-litellm-key-" + name) for name in OF_KEY]


def test_answers_tell_of_the_key(host, admin, upstream, start):
    def told():
        key = admin.post("/key/generate", max_budget=1, tpm_limit=100000, rpm_limit=600)["key"]
        answers = [ask(host, key) for _ in range(3)]
        assert all(of_key(answer)[1:] == ["1", "100000", "600"] for answer in answers), answers[0].headers
        stream = ask(host, key, stream=True)
        assert stream.status_code == 200 and stream.text
        costs = [float(answer.headers["x-litellm-response-cost"]) for answer in answers]
        sums = [sum(costs[:n]) for n in (1, 2, 3, 3)]           # of a stream it is not known yet
        return costs[0] > 0 and [float(of_key(answer)[0]) for answer in (*answers, stream)] == pytest.approx(sums)
    kit.until(told, what="what was spent")                      # one that was read anew in between lacks what was not booked yet
    plain = ask(host, admin.post("/key/generate")["key"], "free")
    assert of_key(plain) == ["0", None, None, None] and of_key(ask(host, KEY, "free")) == [None] * 4
    brief = start({"model_list": [deployment("free", "openai/script:fixed", upstream.base + "/v1", input_cost_per_token=0, output_cost_per_token=0)],
                   "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}})       # answer_headers: standard, which is the default
    brief_admin = Caller(brief)
    team = brief_admin.post("/team/new", rpm_limit=3, tpm_limit=50000)["team_id"]
    limited = ask(brief, brief_admin.post("/key/generate", max_budget=1, rpm_limit=9, team_id=team)["key"], "free")
    assert of_key(limited) == [None] * 4 and not [name for name in limited.headers if "-api_key-" in name or "-team-" in name], limited.headers
    assert limited.headers["x-ratelimit-limit-requests"] == "3" and limited.headers["x-ratelimit-remaining-requests"] == "2"       # of the team: it is tighter
    assert limited.headers["x-ratelimit-limit-tokens"] == "50000"


def test_money_that_is_only_held(host, admin):
    key = admin.post("/key/generate", key_alias="holder", max_budget=0.003, budget_duration="30d")["key"]
    first = ask(host, key, "held", stream=True, max_tokens=170)       # all there is
    assert first.status_code == 200
    answer = ask(host, key)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (429, "budget_exceeded") and answer.headers["retry-after"] == "1" and "x-should-retry" not in answer.headers
    assert re.fullmatch(r"The rest of the budget of Key holder is reserved by running calls: \$0\.00 of \$0\.003 is spent; resets 1 \w+ (\d{4} )?00:00 KST; try again when some "
                        rf"are over, or have an administrator raise it \(/key/update\)\. Call id: {answer.headers['x-litellm-call-id']}", error["message"]), error["message"]
    first.close()


def test_the_whole_gateways_budget(upstream, start):
    host = start({"model_list": [deployment("dear", "openai/script:fixed", upstream.base + "/v1", **PRICE)],
                  "litellm_settings": {"max_budget": TINY, "budget_duration": "7d", "timezone": "Asia/Seoul"}, "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}})
    answer = ask(host, KEY)
    message = answer.json()["error"]["message"]
    assert answer.status_code == 429 and answer.headers["x-should-retry"] == "false"
    assert message.startswith("Budget has been exceeded! Proxy=") and "Gateway " in message and re.search(RESETS, message)[4] == "litellm_settings.max_budget", message


def test_who_may_not(host, admin):
    """Not for money: still whose it is, what to do, and the call's id, and no retry."""
    team = admin.post("/team/new", team_alias="closed")["team_id"]
    keys = {
        "Authentication Error, Key is blocked. Update via /key/unblock": admin.post("/key/generate", blocked=True)["key"],
        "Authentication Error - Expired Key. Key Expiry time ": admin.post("/key/generate", duration="1s")["key"],
        "key not allowed to access model. This key can only access models=['free']": admin.post("/key/generate", models=["free"])["key"],
        f"Authentication Error, Team={team} is blocked. Update via /team/unblock": admin.post("/key/generate", team_id=team)["key"],
        "Authentication Error, Invalid proxy server token passed.": "sk-nobody-knows-this-key",
    }
    admin.post("/team/block", team_id=team)
    expired = next(key for words, key in keys.items() if "Expired" in words)
    kit.until(lambda: ask(host, expired).status_code == 401, what="the key to expire")
    for words, key in keys.items():
        answer = ask(host, key)
        message = answer.json()["error"]["message"]
        assert answer.status_code == 401 and answer.headers["x-should-retry"] == "false", answer.text
        assert message.startswith(words) and message.endswith(f". Call id: {answer.headers['x-litellm-call-id']}"), message
