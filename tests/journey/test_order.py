# SPDX-License-Identifier: Apache-2.0
"""Who fails two checks hears of the first, in the order of doc/keys.md: for each pair of neighbours, and with all the rest failing too."""
from datetime import datetime, timezone

import pytest
import requests

import kit
from kit import deployment
from managing import Caller

PRICE = {"input_cost_per_token": 0.00001, "output_cost_per_token": 0.00001}
NO_MODELS = ["another"]
WRONG = None, "Bearer pk-nonsense", "Bearer sk-nobody-knows-this-key"


class Scene:
    """A key, all that stands behind it, and a call that any of it may stop."""

    def __init__(self, host, of_team):
        self.host, self.admin = host, Caller(host)
        post = self.admin.post
        self.user = post("/user/new", auto_create_key=False)["user_id"]
        self.shopper = post("/customer/new", user_id="shopper-of-" + self.user)["user_id"]
        self.tag = "tag-of-" + self.user
        post("/tag/new", name=self.tag)
        self.team = self.organization = self.project = None
        behind = {}
        if of_team:
            self.organization = post("/organization/new", organization_alias="acme-" + self.user)["organization_id"]
            self.team = post("/team/new", organization_id=self.organization, members_with_roles=[{"role": "user", "user_id": self.user}])["team_id"]
            self.project = post("/project/new", team_id=self.team)["project_id"]
            behind = {"team_id": self.team, "organization_id": self.organization, "project_id": self.project}
        self.key = post("/key/generate", user_id=self.user, may_assert_user=True, **behind)["key"]
        self.wrong, self.model = set(), "dear"

    def headers(self):
        first = next((sent for sent in WRONG if sent in self.wrong), "Bearer " + self.key)
        return {"Authorization": first} if first else {}

    def call(self):
        body = {"model": self.model, "messages": [{"role": "user", "content": "x"}], "max_tokens": 5, "user": self.shopper, "metadata": {"tags": [self.tag]}}
        return requests.post(self.host.url + "/v1/chat/completions", json=body, headers=self.headers(), timeout=60)


def sends(value):
    return lambda s, is_bad: s.wrong.add(value) if is_bad else s.wrong.discard(value)


def key(field, bad, well=None):
    return lambda s, is_bad: s.admin.post("/key/update", key=s.key, **{field: bad if is_bad else well})


def of(noun, field, bad, well=None, method="POST"):
    return lambda s, is_bad: s.admin.ask(method, f"/{noun}/update", json={noun + "_id": getattr(s, noun), field: bad if is_bad else well})


def member(field, bad, well=None):
    return lambda s, is_bad: s.admin.post("/team/member_update", team_id=s.team, user_id=s.user, **{field: bad if is_bad else well})


def customer(field, bad, well=None):
    return lambda s, is_bad: s.admin.post("/customer/update", user_id=s.shopper, **{field: bad if is_bad else well})


def active(s, is_bad):
    operation = {"op": "replace", "path": "active", "value": not is_bad}
    s.admin.ask("PATCH", "/scim/v2/Users/" + s.user, json={"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})


def expiry(s, is_bad):
    expires = s.admin.post("/key/update", key=s.key, duration="1s" if is_bad else None)["expires"]
    if is_bad:
        kit.until(lambda: datetime.now(timezone.utc) > datetime.fromisoformat(expires), what="the key to expire")


def tag(s, is_bad):
    s.admin.post("/tag/update", name=s.tag, max_budget=0 if is_bad else None)


def blocks(noun):
    return lambda s, is_bad: s.admin.post(f"/{noun}/{'block' if is_bad else 'unblock'}", **({"key": s.key} if noun == "key" else {"team_id": s.team}))


def shopper_blocked(s, is_bad):
    s.admin.post("/customer/block" if is_bad else "/customer/unblock", user_ids=[s.shopper])


def unknown_model(s, is_bad):
    s.model = "unheard-of" if is_bad else "dear"


SPENT, RATE = "budget_exceeded", "Rate limit exceeded for "
EITHER, TEAM, PERSONAL = 0, 1, 2
WINDOW = [{"budget_duration": "24h", "max_budget": 0}]
CHECKS = [                  # which keys, what makes it fail, status, type, the words it begins with
    (EITHER, sends(WRONG[0]), 401, "auth_error", "Authentication Error, No api key passed in."),
    (EITHER, sends(WRONG[1]), 401, "auth_error", "Authentication Error, LiteLLM Virtual Key expected."),
    (EITHER, sends(WRONG[2]), 401, "token_not_found_in_db", "Authentication Error, Invalid proxy server token passed."),
    (EITHER, blocks("key"), 401, "auth_error", "Authentication Error, Key is blocked."),
    (EITHER, key("models", NO_MODELS, []), 401, "key_model_access_denied", "key not allowed to access model."),
    (EITHER, active, 401, "auth_error", "Authentication Error, User="),
    (TEAM, expiry, 401, "expired_key", "Authentication Error - Expired Key."),
    (EITHER, key("max_budget", 0), 429, SPENT, "Budget has been exceeded! Key="),
    (EITHER, key("model_max_budget", {model: {"budget_limit": 0, "time_period": "1d"} for model in ("dear", "unheard-of")}, {}), 429, SPENT, "LiteLLM Virtual Key: "),
    (TEAM, blocks("team"), 401, "auth_error", "Authentication Error, Team="),
    (TEAM, of("team", "models", NO_MODELS, []), 401, "team_model_access_denied", "Team not allowed to access model."),
    (TEAM, member("allowed_models", NO_MODELS, []), 401, "team_model_access_denied", "Team member not allowed to access model."),
    (PERSONAL, of("user", "models", NO_MODELS, []), 401, "user_model_access_denied", "user not allowed to access model."),
    (TEAM, of("project", "blocked", True, False), 401, "auth_error", "Authentication Error, Project="),
    (TEAM, of("project", "models", NO_MODELS, []), 401, "project_model_access_denied", "project not allowed to access model."),
    (TEAM, of("project", "max_budget", 0), 429, SPENT, "Budget has been exceeded! Project="),
    (TEAM, of("organization", "blocked", True, False, "PATCH"), 401, "auth_error", "Authentication Error, Organization="),
    (TEAM, of("organization", "models", NO_MODELS, [], "PATCH"), 401, "org_model_access_denied", "org not allowed to access model."),
    (EITHER, shopper_blocked, 401, "auth_error", "Authentication Error, End User="),
    (TEAM, of("team", "max_budget", 0), 429, SPENT, "Budget has been exceeded! Team="),
    (EITHER, key("budget_limits", WINDOW, []), 429, SPENT, "ExceededBudget: Key over 24h budget."),
    (TEAM, of("organization", "max_budget", 0, None, "PATCH"), 429, SPENT, "Budget has been exceeded! Organization="),
    (EITHER, tag, 429, SPENT, "Budget has been exceeded! Tag="),
    (PERSONAL, of("user", "max_budget", 0), 429, SPENT, "ExceededBudget: User="),
    (TEAM, member("max_budget_in_team", 0), 429, SPENT, "Budget has been exceeded! User="),
    (EITHER, customer("max_budget", 0), 429, SPENT, "ExceededBudget: End User="),
    (EITHER, key("enforced_params", ["seed"], []), 400, "bad_request_error", "BadRequest please pass param=seed"),
    (EITHER, key("allowed_routes", ["/embeddings"], []), 403, "auth_error", "Virtual key is not allowed to call this route."),
    (EITHER, key("rpm_limit", 0), 429, None, RATE + "api_key: "),
    (EITHER, of("user", "rpm_limit", 0), 429, None, RATE + "user: "),
    (TEAM, of("team", "rpm_limit", 0), 429, None, RATE + "team: "),
    (TEAM, member("rpm_limit", 0), 429, None, RATE + "team_member: "),
    (TEAM, of("project", "rpm_limit", 0), 429, None, RATE + "project: "),
    (TEAM, of("organization", "rpm_limit", 0, None, "PATCH"), 429, None, RATE + "organization: "),
    (EITHER, customer("rpm_limit", 0), 429, None, RATE + "end_user: "),
    (EITHER, key("model_rpm_limit", {"dear": 0, "unheard-of": 0}, {}), 429, None, RATE + "model_per_key: "),
    (EITHER, unknown_model, 400, "invalid_request_error", ""),
]


@pytest.fixture(scope="module")
def host(upstream):
    gateway = kit.Gateway({"model_list": [deployment("dear", "openai/script:fixed", upstream.base + "/v1", **PRICE)],
                           "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}})
    yield gateway
    gateway.stop()


def hears(scene, check, also):
    _, _, status, kind, words = check
    answer = scene.call()
    error = answer.json()["error"]
    assert answer.status_code == status and error["message"].startswith(words) and error["code"] == str(status), (also, answer.text)
    assert kind is None or error["type"] == kind, (also, answer.text)
    assert ("retry-after" in answer.headers) == words.startswith(RATE)
    assert (answer.headers.get("x-should-retry") == "false") == (check[1] != unknown_model and not words.startswith(RATE))


@pytest.mark.parametrize("whose", [TEAM, PERSONAL])
def test_the_order_of_checks(host, whose):
    scene = Scene(host, whose == TEAM)
    checks = [check for check in CHECKS if check[0] in (EITHER, whose)]
    assert scene.call().status_code == 200
    checks[0][1](scene, True)
    for first, second in zip(checks, checks[1:]):
        second[1](scene, True)
        hears(scene, first, second[4])
        first[1](scene, False)
        hears(scene, second, "alone")
    checks[-1][1](scene, False)
    assert scene.call().status_code == 200
    for check in reversed(checks):
        check[1](scene, True)
    for check in checks:
        hears(scene, check, "all that follow")
        check[1](scene, False)
    assert scene.call().status_code == 200


def test_the_gateways_budget_has_its_turn(upstream, start):
    """After members that must be sent, before paths and rates; what costs nothing it does not stop."""
    host = start({"model_list": [deployment("dear", "openai/script:fixed", upstream.base + "/v1", **PRICE),
                                 deployment("unheard-of", "openai/script:fixed", upstream.base + "/v1", input_cost_per_token=0, output_cost_per_token=0)],
                  "litellm_settings": {"max_budget": 0, "budget_duration": "7d"}, "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}})
    scene = Scene(host, False)
    proxy = (EITHER, None, 429, SPENT, "Budget has been exceeded! Proxy=")
    params, route, rate = (next(check for check in CHECKS if words in check[4]) for words in ("param=seed", "this route", "api_key"))
    hears(scene, proxy, "alone")
    for check in rate, route, params:
        check[1](scene, True)
        hears(scene, params if check is params else proxy, check[4])
    params[1](scene, False)
    unknown_model(scene, True)
    hears(scene, route, "a model that is free")
