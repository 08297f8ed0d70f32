# SPDX-License-Identifier: Apache-2.0
"""What deployments and providers have room for, and what binds keys only now and then: shares, pressure, spent budgets that throttle or turn to another model."""
import collections
import concurrent.futures
import datetime
import sqlite3

import pytest
import requests

import kit
from kit import KEY, deployment
from managing import Caller

PRICE = {"input_cost_per_token": 0.00001, "output_cost_per_token": 0.00001}
FREE = {"input_cost_per_token": 0, "output_cost_per_token": 0}


def kit_body(model):
    return {"model": model, "messages": [{"role": "user", "content": "hello"}]}


def text_of(caller, model):
    return caller.post("/v1/chat/completions", **kit_body(model))["choices"][0]["message"]["content"]


def kept_by(team):
    """All day, in two halves."""
    return [{"start": "00:00", "end": "12:00", "timezone": "Asia/Seoul", "team_ids": [team]}, {"start": "12:00", "end": "00:00:00", "timezone": "Asia/Seoul", "team_ids": ["x", team]}]


def config(upstream):
    openai, anthropic = upstream.base + "/v1", upstream.base

    def entry(name, text, **more):
        return deployment(name, f"openai/script:fixed,text={text}", openai, **(FREE | more))
    return {
        "model_list": [
            entry("rated", "rated-a", rpm=3), entry("rated", "rated-b", rpm=2),
            entry("first", "first", rpm=1), entry("second", "second"),
            entry("tokens", "tokens", tpm=30),
            *[deployment("narrow", f"openai/script:fixed,chunks=200,gap=50,text={x}", openai, max_parallel_requests=1, **FREE) for x in "ab"],
            deployment("failing", "openai/script:refuse,status=500,text=failing", openai, order=1, **FREE), entry("failing", "failing-full", rpm=0, order=2),
            deployment("either", "anthropic/script:fixed,text=dear", anthropic, order=1, **PRICE), entry("either", "openai-does", order=2, **PRICE),
            deployment("claude", "anthropic/script:fixed", anthropic, use_in_pass_through=True, **PRICE),
            entry("purse", "purse-small", order=1, max_budget=0.005, budget_duration="1d", model_info={"id": "small"}, **PRICE), entry("purse", "purse-rest", order=2),
            deployment("moves", "openai/script:refuse,status=500,text=moves", openai, order=1, max_budget=1, model_info={"id": "moves-1"}, **PRICE),
            entry("moves", "moves", order=2, max_budget=1, model_info={"id": "moves-2"}, **PRICE),
            deployment("held", "openai/script:fixed,chunks=45,gap=100", openai, max_budget=0.003, model_info={"id": "held"}, **PRICE),
            deployment("spare", "openai/script:fixed,chunks=45,gap=100", openai, order=1, max_budget=0.003, model_info={"id": "spare"}, **PRICE),
            entry("spare", "spare-free", order=2),
            entry("broke", "broke", max_budget=0.000001, model_info={"id": "broke/1"}, **PRICE),
            entry("dear", "dear", **PRICE), entry("cheap", "cheap"), entry("other", "other"),
            entry("night", "night", model_info={"access_windows": kept_by("owls")}),
            entry("shared", "shared-kept", order=1, model_info={"access_windows": kept_by("owls")}), entry("shared", "shared-rest", order=2),
            deployment("pressed", "openai/script:refuse,status=429", openai, **FREE),
        ],
        "router_settings": {"fallbacks": [{"first": ["second"]}], "provider_budget_config": {"anthropic": {"budget_limit": 0.000001, "time_period": "1d"}}},
        "litellm_settings": {"num_retries": 1, "max_end_user_budget": 0.00001, "tag_budget_config": {"weekly": {"max_budget": 0.000001, "budget_duration": "7d"}},
                             "budget_exceeded_throttle_percentage": 0.1},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
        "environment_variables": {"LITELLM_RATE_LIMIT_WINDOW_SIZE": "3600"},
        "sluice": {"budget_wait": "700ms"},
    }


@pytest.fixture(scope="module")
def host(upstream):
    gateway = kit.Gateway(config(upstream), workers=2)
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def admin(host):
    return Caller(host)


def test_a_deployment_is_some_teams_at_its_hours(admin):
    """Others are as if it were not there; a stored model has windows too, and none that make no sense."""
    admin.post("/team/new", team_id="owls")
    owl, lark = (Caller(admin.gateway, admin.post("/key/generate", **more)["key"]) for more in ({"team_id": "owls"}, {}))
    refused = lark.refused("/v1/chat/completions", 400, **kit_body("night"))
    assert refused["message"].startswith("Deployment night is reserved for another team until ") and " Asia/Seoul. Call id: " in refused["message"]
    assert text_of(owl, "night").startswith("night") and text_of(owl, "shared").startswith("shared-kept") and text_of(lark, "shared").startswith("shared-rest")
    admin.refused("/v1/chat/completions", 400, **kit_body("night"))
    hour = datetime.datetime.now(datetime.UTC).hour
    later = {"start": f"{(hour + 8) % 24:02}:00", "end": f"{(hour + 12) % 24:02}:30", "timezone": "UTC", "team_ids": ["owls"]}
    made = {"model_name": "later", "litellm_params": {"model": "openai/x", "mock_response": "later", **FREE}, "model_info": {"id": "later", "access_windows": [later]}}
    admin.post("/model/new", **made)
    assert text_of(lark, "later") == "later"
    for bad in ({"start": "25:00"}, {"end": later["start"]}, {"timezone": "Nowhere/Land"}, {"team_ids": []}, {"days": [1]}):
        made["model_info"] = {"access_windows": [later | bad]}
        assert "access_windows" in admin.refused("/model/new", 400, **made)["message"]


def ask(host, model, key=KEY, path="/v1/chat/completions", **more):
    headers, timeout = more.pop("headers", {}), more.pop("timeout", 60)
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], "max_tokens": 50} | more
    return requests.post(host.url + path, json=body, headers={"Authorization": f"Bearer {key}"} | headers, timeout=timeout, stream=more.get("stream", False))


def words(answer):
    return answer.json()["choices"][0]["message"]["content"] if answer.status_code == 200 else answer.status_code


def nano(answer):
    return round(float(answer.headers["x-litellm-response-cost"]) * 10**9)


def booked(host, deployment):
    """What the ledger has of a deployment, in billionths of a dollar."""
    with sqlite3.connect(f"file:{host.run}/sluice.db?mode=ro", uri=True) as db:
        return db.execute("SELECT coalesce(sum(p.spent), 0) FROM sluice_account a JOIN sluice_account_period p ON p.account = a.id"
                          " WHERE a.scope = 'deployment' AND a.entity = ?", (deployment,)).fetchone()[0]


def test_rates_of_deployments_are_exact(host, upstream):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(host, "rated"), range(12)))
    assert collections.Counter(map(words, answers)) == {"rated-a": 3, "rated-b": 2, 429: 7}
    refused = next(a for a in answers if a.status_code == 429)
    error = refused.json()["error"]
    assert "No deployments available for selected model, Try again in " in error["message"] and "Passed model=rated." in error["message"]
    assert 0 < int(refused.headers["retry-after"]) <= 7200 and "x-should-retry" not in refused.headers
    assert len(upstream.received("script:fixed,text=rated-a")) == 3 and len(upstream.received("script:fixed,text=rated-b")) == 2
    hears = ask(host, "rated", path="/v1/messages")
    assert hears.status_code == 429 and hears.json()["error"]["type"] == "rate_limit_error" and "Passed model=rated" in hears.json()["error"]["message"]


def test_a_full_group_falls_back_and_is_no_failure(host):
    answers = [ask(host, "first") for _ in range(3)]
    assert [words(a) for a in answers] == ["first", "second", "second"]
    assert answers[1].headers["x-litellm-attempted-fallbacks"] == "1" and answers[1].headers["x-litellm-attempted-retries"] == "0"
    failed = ask(host, "failing")                      # the one that is full hides not what really went wrong
    assert failed.status_code == 500 and "limit of its own" not in failed.text
    assert [a.status_code for a in (ask(host, "tokens"), ask(host, "tokens"))] == [200, 429]


def test_calls_at_once_of_deployments(host):
    held = [ask(host, "narrow", stream=True) for _ in range(2)]
    assert [a.status_code for a in held] == [200, 200]
    assert {a.headers["x-litellm-model-id"] for a in held}.__len__() == 2
    refused = ask(host, "narrow")
    assert refused.status_code == 429 and refused.headers["retry-after"] == "1"
    held[0].close()
    kit.until(lambda: (answer := ask(host, "narrow", stream=True)).status_code == 200 and (answer.close() or True), what="a call after another left")
    held[1].close()


def test_a_spent_provider_or_deployment_is_passed_over(host, admin):
    assert words(ask(host, "either")) == "openai-does"
    spent = ask(host, "claude")
    assert spent.status_code == 429 and spent.json()["error"]["type"] == "budget_exceeded" and spent.headers["x-should-retry"] == "false"
    assert "No deployments available - crossed budget for provider: Exceeded budget for provider anthropic" in spent.json()["error"]["message"]
    passed = ask(host, "claude-sonnet-4-5", path="/anthropic/v1/messages")
    assert passed.status_code == 429 and "Exceeded budget for provider anthropic" in passed.text, passed.text
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(host, "purse", max_tokens=20), range(40)))
    said = collections.Counter(map(words, answers))
    assert set(said) == {"purse-small", "purse-rest"} and said["purse-small"] > 10, said
    cost = sum(nano(a) for a in answers if words(a) == "purse-small")
    broke = ask(host, "broke")
    assert broke.status_code == 429 and "Exceeded budget for deployment model_name: broke" in broke.json()["error"]["message"]
    assert "litellm_params.max_budget" in broke.json()["error"]["message"] and "broke/1" in broke.json()["error"]["message"]

    kit.until(lambda: booked(host, "small") == cost, what=f"{cost} of the deployment to be booked")
    assert cost <= 5_000_000


def test_money_moves_to_whoever_is_asked(host):
    answer = ask(host, "moves", max_tokens=20)
    assert words(answer) == "moves" and answer.headers["x-litellm-attempted-retries"] == "1"
    kit.until(lambda: booked(host, "moves-2") == nano(answer), what="the second deployment's spending")
    assert booked(host, "moves-1") == 0


def test_who_waits_for_a_deployments_money_may_leave(host):
    first = ask(host, "held", stream=True, max_tokens=170)            # all the money there is
    assert first.status_code == 200
    for _ in range(3):
        with pytest.raises(requests.exceptions.ReadTimeout):
            ask(host, "held", timeout=0.3)
    second = ask(host, "held")                         # what runs holds all there is
    assert second.status_code == 429 and "is reserved by running calls" in second.json()["error"]["message"]
    first.close()
    kit.until(lambda: (again := ask(host, "held", stream=True)).status_code == 200 and (again.close() or True), what="the money of the call that was left")


def test_held_money_of_a_deployment_is_not_waited_for_where_another_has_room(host):
    first = ask(host, "spare", stream=True, max_tokens=170)            # all the money there is
    assert first.status_code == 200 and first.headers["x-litellm-model-id"] == "spare"
    second = ask(host, "spare")
    assert words(second) == "spare-free" and second.headers["x-litellm-attempted-retries"] == "0"
    first.close()
    kit.until(lambda: ask(host, "spare", max_tokens=5).headers["x-litellm-model-id"] == "spare", what="the money of the call that was left")


def test_a_key_turns_to_another_model_when_one_is_spent(host, admin):
    key = admin.post("/key/generate", models=["dear", "cheap"], model_max_budget={"dear": {"budget_limit": 0.000001, "time_period": "1d"}},
                     budget_fallbacks={"dear": ["other", "no-such-model", "cheap"]})["key"]
    answer = ask(host, "dear", key)
    assert words(answer) == "cheap" and answer.headers["x-litellm-model-group"] == "cheap" and answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert "list of texts" in admin.post("/key/generate", 422, budget_fallbacks={"dear": "cheap"})["error"]["message"]
    plain = admin.post("/key/generate", models=["dear"], model_max_budget={"dear": {"budget_limit": 0.000001, "time_period": "1d"}},
                       budget_fallbacks={"dear": ["cheap"]})["key"]
    refused = ask(host, "dear", plain)
    assert refused.status_code == 429 and "for model 'dear'" in refused.json()["error"]["message"]


def test_a_spent_key_is_throttled_if_it_says_so(host, admin):
    key = admin.post("/key/generate", max_budget=0.000001, rpm_limit=20, throttle_on_budget_exceeded=True)["key"]
    answers = [ask(host, "dear", key) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[0].headers["x-ratelimit-limit-requests"] == "2" and "budget: it is spent" in answers[2].json()["error"]["message"]
    assert answers[2].headers["rate_limit_type"] == "requests"
    admin.post("/user/new", user_id="owner", auto_create_key=False, user_role="internal_user")
    own = admin.post("/key/generate", user_id="owner", max_budget=1, rpm_limit=5)["key"]
    owner = Caller(host, own)
    for way_out in ({"throttle_on_budget_exceeded": True}, {"metadata": {"throttle_on_budget_exceeded": True}}, {"rpm_limit_type": "dynamic"}):
        assert owner.post("/key/update", 403, key=own, **way_out)["error"]["code"] == "403"
    unlimited = admin.post("/key/generate", max_budget=0.000001, throttle_on_budget_exceeded=True)["key"]
    assert ask(host, "dear", unlimited).json()["error"]["type"] == "budget_exceeded"


def test_budgets_of_members_of_organizations_and_of_models(host, admin):
    organization = admin.post("/organization/new", organization_alias="Acme", models=[])["organization_id"]
    admin.post("/user/new", user_id="ann", auto_create_key=False)
    member = {"organization_id": organization, "member": {"role": "internal_user", "user_id": "ann"}, "max_budget_in_organization": 0.000001}
    admin.post("/organization/member_add", **member)
    team = admin.post("/team/new", organization_id=organization)["team_id"]
    for own in ({"organization_id": organization}, {"team_id": team}):
        key = admin.post("/key/generate", user_id="ann", **own)["key"]
        refused = ask(host, "dear", key)
        assert refused.status_code == 429, refused.text
        assert "as a member of organization " + organization in refused.json()["error"]["message"] and "/organization/member_update" in refused.text
    elsewhere = admin.post("/key/generate", user_id="ann")["key"]
    assert ask(host, "dear", elsewhere).status_code == 200
    admin.ask("PATCH", "/organization/member_update", json={"organization_id": organization, "user_id": "ann", "max_budget_in_organization": 5})
    kit.until(lambda: ask(host, "dear", key).status_code == 200, what="a higher budget")
    spend = lambda: admin.get("/organization/info", organization_id=organization)["members"][0]["spend"]
    kit.until(lambda: spend() > 0, what="the member's spending")

    tiny = {"dear": {"budget_limit": 0.000001, "time_period": "1d"}}
    admin.post("/user/new", user_id="bob", auto_create_key=False, model_max_budget=tiny)
    admin.post("/budget/new", budget_id="tier", model_max_budget=tiny)
    admin.post("/customer/new", user_id="shopper", budget_id="tier")
    admin.post("/tag/new", name="nightly", max_budget=0.000001)
    bob = admin.post("/key/generate", user_id="bob")["key"]
    assert ask(host, "dear", bob).json()["error"]["type"] == "budget_exceeded" and ask(host, "cheap", bob).status_code == 200
    assert "for model 'dear'" in ask(host, "dear", user="shopper").json()["error"]["message"]
    assert ask(host, "dear", metadata={"tags": ["nightly"]}).json()["error"]["type"] == "budget_exceeded"
    assert ask(host, "dear", metadata={"tags": ["weekly"]}).json()["error"]["type"] == "budget_exceeded"
    assert "End User=somebody" in ask(host, "dear", user="somebody").json()["error"]["message"]
    raised = admin.post("/key/generate", max_budget=0.000001)["key"]
    assert ask(host, "dear", raised).status_code == 429
    admin.post("/key/update", key=raised, temp_budget_increase=1, temp_budget_expiry="2099-01-01T00:00:00Z")
    assert ask(host, "dear", raised).status_code == 200
    tagged = admin.post("/key/generate", tag_rpm_limit={"batch": 1})["key"]
    assert [ask(host, "cheap", tagged, metadata={"tags": ["batch"]}).status_code for _ in range(2)] == [200, 429]
    assert ask(host, "cheap", tagged).status_code == 200


def test_limits_that_bind_under_pressure(host, admin):
    dynamic = admin.post("/key/generate", rpm_limit=1, rpm_limit_type="dynamic")["key"]
    answers = [ask(host, "cheap", dynamic, stream=True) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 200] and answers[2].headers["x-ratelimit-remaining-requests"] == "0"
    first, second = ask(host, "pressed", dynamic), ask(host, "pressed", dynamic)
    assert first.status_code == 429 and "rate_limit_type" not in first.headers
    assert second.status_code == 429 and second.headers["rate_limit_type"] == "requests"
    assert ask(host, "cheap", dynamic).status_code == 200


def test_shares_of_a_model(upstream, start):
    """A team's priority goes before its keys'; whoever has none shares with all others, and the master key is one of them."""
    own = config(upstream) | {"model_list": [deployment("shared", "openai/script:fixed,text=shared", upstream.base + "/v1", rpm=20, **FREE)]}
    own["litellm_settings"] |= {"priority_reservation": {"prod": 0.5, "dev": 0.2}, "priority_reservation_settings": {"saturation_threshold": 0.5, "default_priority": 0.1}}
    own["router_settings"].pop("fallbacks")
    host = start(own)
    admin = Caller(host)
    team = admin.post("/team/new", metadata={"priority": "dev"})["team_id"]
    dev, prod, none = (admin.post("/key/generate", **more)["key"] for more in ({"metadata": {"priority": "prod"}, "team_id": team}, {"metadata": {"priority": "prod"}}, {}))
    admin.post("/user/new", user_id="owner", auto_create_key=False, user_role="internal_user")
    own = admin.post("/key/generate", user_id="owner")["key"]
    assert Caller(host, own).post("/key/update", 403, key=own, metadata={"priority": "prod"})["error"]["code"] == "403"
    assert [ask(host, "shared", dev).status_code for _ in range(11)] == [200] * 10 + [429]
    assert "priority_model: dev:shared" in ask(host, "shared", dev).json()["error"]["message"]
    assert [ask(host, "shared", key).status_code for key in (none, KEY, KEY, none)] == [200, 200, 429, 429]
    assert "priority_model: default:shared" in ask(host, "shared").json()["error"]["message"]
    assert [ask(host, "shared", prod).status_code for _ in range(9)] == [200] * 8 + [429]


def test_guaranteed_keys_do_not_pass_their_team(admin):
    team = admin.post("/team/new", rpm_limit=10, tpm_limit=1000)["team_id"]
    admin.post("/key/generate", team_id=team, rpm_limit=6, rpm_limit_type="guaranteed_throughput")
    error = admin.refused("/key/generate", 400, team_id=team, rpm_limit=5, rpm_limit_type="guaranteed_throughput")
    assert "rpm_limit=11 of guaranteed keys would exceed the team's rpm_limit=10" in error["message"]
    admin.post("/key/generate", team_id=team, rpm_limit=50)
    admin.refused("/key/generate", 400, team_id=team, tpm_limit=2000, tpm_limit_type="guaranteed_throughput")


def test_guaranteed_keys_do_not_pass_their_team_in_a_model(admin):
    team = admin.post("/team/new", rpm_limit=10, model_rpm_limit={"dear": 5, "other": 20}, model_tpm_limit={"dear": 700})["team_id"]
    sure = {"team_id": team, "rpm_limit_type": "guaranteed_throughput", "tpm_limit_type": "guaranteed_throughput"}
    first = admin.post("/key/generate", model_rpm_limit={"dear": 3, "cheap": 6}, model_tpm_limit={"dear": 400}, **sure)["key"]
    error = admin.refused("/key/generate", 400, model_rpm_limit={"cheap": 4, "dear": 3}, **sure)
    assert "model_rpm_limit=6 of guaranteed keys for model 'dear' would exceed the team's model_rpm_limit=5" in error["message"]
    error = admin.refused("/key/generate", 400, metadata={"model_rpm_limit": {"cheap": 5}}, **sure)
    assert "model_rpm_limit=11 of guaranteed keys for model 'cheap' would exceed the team's rpm_limit=10" in error["message"]
    admin.refused("/key/generate", 400, model_rpm_limit={"other": 11}, **sure)
    assert "model_tpm_limit=701" in admin.refused("/key/generate", 400, model_tpm_limit={"dear": 301}, **sure)["message"]
    admin.post("/key/generate", team_id=team, model_rpm_limit={"dear": 50})       # it is no promise
    second = admin.post("/key/generate", model_rpm_limit={"dear": 2, "cheap": 4}, model_tpm_limit={"dear": 300}, **sure)["key"]
    admin.refused("/key/update", 400, key=second, model_rpm_limit={"dear": 3})
    admin.post("/key/update", key=first, model_rpm_limit={"dear": 3})             # its own counts once


def test_what_is_guaranteed_does_not_pass_an_organization(admin):
    """Its rates stand in its budget; of teams the teams' own promises count, of keys those that name the organization."""
    organization = admin.post("/organization/new", organization_alias="promised", rpm_limit=10, model_rpm_limit={"dear": 5})["organization_id"]
    sure = {"organization_id": organization, "rpm_limit_type": "guaranteed_throughput"}
    first = admin.post("/team/new", rpm_limit=6, **sure)["team_id"]
    error = admin.refused("/team/new", 400, rpm_limit=5, **sure)
    assert error["param"] == "rpm_limit" and "rpm_limit=11 of guaranteed teams would exceed the organization's rpm_limit=10" in error["message"]
    second = admin.post("/team/new", rpm_limit=4, model_rpm_limit={"dear": 3}, **sure)["team_id"]
    admin.post("/team/new", organization_id=organization, rpm_limit=50)         # it is no promise
    admin.refused("/team/update", 400, team_id=second, rpm_limit=5)
    error = admin.refused("/team/update", 400, team_id=first, metadata={"model_rpm_limit": {"dear": 3}, "rpm_limit_type": "guaranteed_throughput"})
    assert "model_rpm_limit=6 of guaranteed teams for model 'dear' would exceed the organization's model_rpm_limit=5" in error["message"]
    admin.post("/team/update", team_id=second, rpm_limit=4)                     # what it has itself does not count against it
    admin.post("/key/generate", team_id=first, rpm_limit=6, rpm_limit_type="guaranteed_throughput")       # only its team's
    key = admin.post("/key/generate", rpm_limit=7, **sure)["key"]
    error = admin.refused("/key/generate", 400, rpm_limit=4, **sure)
    assert "rpm_limit=11 of guaranteed keys would exceed the organization's rpm_limit=10" in error["message"]
    admin.refused("/key/update", 400, key=key, rpm_limit=11)
    admin.post("/key/update", key=key, rpm_limit=10)
