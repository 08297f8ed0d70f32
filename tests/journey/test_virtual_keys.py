# SPDX-License-Identifier: Apache-2.0
"""Virtual keys: who may call what, and what the others are told.  The rows are put into the store as the management API would."""
import concurrent.futures
import datetime
import hashlib
import json
import sqlite3
import time
import types

import pytest
import requests

import kit
from kit import KEY

FAR = 4_000_000_000_000


def digest(key):
    return hashlib.sha256(key.encode()).hexdigest()


class Store:
    """The store of a gateway, beside it."""

    def __init__(self, gateway):
        self.path = gateway.run / "sluice.db"
        kit.until(self.has_schema, what="the store's schema")

    def has_schema(self):
        try:
            return bool(self.ask("SELECT version FROM sluice_schema"))
        except sqlite3.OperationalError:
            return False

    def ask(self, sql, *values):
        with sqlite3.connect(self.path, timeout=10) as db:
            return db.execute(sql, values).fetchall()

    def key(self, key, doc=None, **columns):
        row = {"digest": digest(key), "created_at": 1, "updated_at": 1, "doc": json.dumps(doc or {})} | columns
        self.ask(f"INSERT OR REPLACE INTO sluice_key ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", *row.values())
        return key

    def thing(self, kind, name, doc):
        self.ask("INSERT OR REPLACE INTO sluice_thing VALUES (?, ?, NULL, 1, 1, ?)", kind, name, json.dumps(doc))


@pytest.fixture(scope="module")
def served(upstream):
    openai = upstream.base + "/v1"
    gateway = kit.Gateway({
        "model_list": [kit.deployment("gpt", "openai/script:fixed", openai) | {"model_info": {"access_groups": ["beta"]}},
                       kit.deployment("claude", "anthropic/script:fixed", upstream.base), kit.deployment("openai/*", "openai/*", openai)],
        "router_settings": {"model_group_alias": {"nick": "gpt"}},
        "general_settings": {"master_key": KEY, "user_header_name": "X-Our-User"},
        "litellm_settings": {"num_retries": 0},
        "sluice": {"keys": [{"digest": digest("sk-in-the-file-of-yaml"), "key_alias": "yaml", "models": ["gpt"]},
                            {"hash": digest("sk-expired-in-the-file"), "expires": "2020-01-01"}]},
    }, workers=2)
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def store(served):
    return Store(served)


def chat(gateway, key, model="gpt", headers=None, path="/v1/chat/completions", **more):
    return requests.post(gateway.url + path, json={"model": model, "messages": [{"role": "user", "content": "x"}]} | more,
                         headers={"Authorization": f"Bearer {key}"} | (headers or {}), timeout=60)


def refused(answer, status, kind, words, param=None):
    error = answer.json()["error"]
    assert answer.status_code == status, answer.text
    assert error["type"] == kind and error["code"] == str(status) and words in error["message"], error
    assert param is None or error["param"] == param
    return error


def test_no_key_and_keys_that_are_none(served):
    refused(requests.post(served.url + "/v1/chat/completions", json={}), 401, "auth_error", "Authentication Error, No api key passed in.", "None")
    error = refused(chat(served, "not-a-key-at-all"), 401, "auth_error", "LiteLLM Virtual Key expected. Received=not..., expected to start with 'sk-'.")
    assert "key-at-all" not in error["message"]


def test_an_unknown_key_is_told_by_its_hash_only(served):
    key = "sk-nobody-has-this-key-0123"
    error = refused(chat(served, key), 401, "token_not_found_in_db", "Invalid proxy server token passed. Received API Key = sk-...0123, Key Hash (Token) ="
                    + digest(key) + ". Unable to find token in cache or `LiteLLM_VerificationTokenTable`", "key")
    assert key not in json.dumps(error)
    for _ in range(20):
        answer = chat(served, key)
        assert answer.status_code == 401 and answer.headers["x-should-retry"] == "false"


def test_a_digest_is_no_key(served, store):
    key = store.key("sk-whose-digest-is-tried-1")
    assert chat(served, key).status_code == 200
    assert chat(served, digest(key)).status_code == 401
    assert chat(served, "sk-" + digest(key)).status_code == 401


def test_every_header_takes_a_key(served, store):
    key = store.key("sk-in-any-header-00000000")
    for headers in ({"Authorization": f"Bearer {key}"}, {"Authorization": key}, {"x-litellm-api-key": f"Bearer {key}"}, {"x-litellm-api-key": key},
                    {"x-api-key": key}, {"api-key": key}, {"x-goog-api-key": key}, {"Ocp-Apim-Subscription-Key": key},
                    {"x-litellm-api-key": key, "Authorization": "Bearer sk-of-somebody-else"}):
        answer = requests.get(served.url + "/v1/models", headers=headers)
        assert answer.status_code == 200, headers
    wrong_first = requests.get(served.url + "/v1/models", headers={"x-litellm-api-key": "sk-wrong-wrong-wrong", "Authorization": f"Bearer {key}"})
    assert wrong_first.status_code == 401


def test_a_key_of_the_file(served):
    assert chat(served, "sk-in-the-file-of-yaml").status_code == 200
    refused(chat(served, "sk-in-the-file-of-yaml", "claude"), 401, "key_model_access_denied",
            "key not allowed to access model. This key can only access models=['gpt']. Tried to access claude", "model")
    refused(chat(served, "sk-expired-in-the-file"), 401, "expired_key", "Key Expiry time 2020-01-01 00:00:00+00:00", "sk-...file")


def test_models_of_all_levels(served, store):
    store.ask("INSERT INTO sluice_team VALUES ('t', 'Team', 'o', 1, 1, ?)", json.dumps({"models": ["gpt", "openai/*"], "model_aliases": {"house": "gpt"}}))
    store.ask("INSERT INTO sluice_team_member VALUES ('t', 'u', 'user', NULL, ?)", json.dumps({"allowed_models": ["gpt", "claude"]}))
    store.ask("INSERT INTO sluice_user VALUES ('u', NULL, NULL, 'internal_user', 1, 1, ?)", json.dumps({"models": ["no-default-models"]}))
    store.ask("INSERT INTO sluice_organization VALUES ('o', 'Org', NULL, 1, 1, '{}')")
    key = store.key("sk-of-a-member-of-a-team", {"models": ["beta", "claude", "openai/*"]}, team_id="t", user_id="u")
    assert chat(served, key).status_code == 200
    assert chat(served, key, "nick").status_code == 200
    answer = chat(served, key, "house")
    assert answer.status_code == 200 and answer.json()["model"] == "house"
    refused(chat(served, key, "claude"), 401, "team_model_access_denied", "Team not allowed to access model. Team=t, Model=claude. Allowed team models = "
            "['gpt', 'openai/*']", "model")
    refused(chat(served, key, "openai/x"), 401, "team_model_access_denied", "Team member not allowed to access model.")
    personal = store.key("sk-of-the-user-alone-123", user_id="u")
    refused(chat(served, personal), 401, "key_model_access_denied", "No default model access, only team models allowed", "model")


def test_lists_show_what_may_be_called(served, store):
    key = store.key("sk-that-lists-its-models", {"models": ["beta"]})
    names = lambda path, field: [m[field] for m in requests.get(served.url + path, headers={"x-api-key": key}).json()["data"]]
    assert names("/v1/models", "id") == ["gpt", "nick"] or names("/v1/models", "id") == ["gpt"]
    assert set(names("/model/info", "model_name")) <= {"gpt", "nick"}
    assert set(names("/model_group/info", "model_group")) <= {"gpt", "nick"}
    assert requests.get(served.url + "/v1/models/claude", headers={"x-api-key": key}).status_code == 404
    assert requests.get(served.url + "/v1/models/gpt", headers={"x-api-key": key}).status_code == 200


def test_aliases_of_a_key(served, store, upstream):
    key = store.key("sk-with-an-alias-of-its-own", {"aliases": {"fast": "gpt"}, "models": ["gpt"]})
    answer = chat(served, key, "fast")
    assert answer.status_code == 200 and answer.json()["model"] == "fast" and answer.headers["x-litellm-model-group"] == "gpt"


def test_blocked_and_expired_ones(served, store):
    refused(chat(served, store.key("sk-blocked-0000000000", {"blocked": True})), 401, "auth_error",
            "Authentication Error, Key is blocked. Update via /key/unblock if you're an admin.", "None")
    refused(chat(served, store.key("sk-expired-000000wxyz", expires=1_600_000_000_000)), 401, "expired_key",
            "Authentication Error - Expired Key. Key Expiry time 2020-09-13 12:26:40+00:00 and current time ", "sk-...wxyz")
    store.ask("INSERT INTO sluice_team VALUES ('shut', 'Shut', NULL, 1, 1, '{\"blocked\":true}')")
    refused(chat(served, store.key("sk-of-a-blocked-team-1", team_id="shut")), 401, "auth_error", "Team=shut is blocked. Update via /team/unblock", "None")


def test_messages_clients_hear_it_in_their_words(served, store):
    key = store.key("sk-of-a-messages-client", {"models": ["claude"]})
    answer = chat(served, key, "gpt", path="/v1/messages", max_tokens=9)
    assert answer.status_code == 401 and answer.json()["type"] == "error" and answer.json()["error"]["type"] == "authentication_error"
    assert "key not allowed to access model" in answer.json()["error"]["message"]


def test_routes(served, store):
    reader = store.key("sk-that-only-reads-000", {"key_type": "read_only"})
    assert requests.get(served.url + "/model/info", headers={"x-api-key": reader}).status_code == 200
    refused(chat(served, reader), 403, "auth_error", "Only allowed to call routes: ['info_routes']. Tried to call route: /v1/chat/completions", "None")
    narrow = store.key("sk-for-one-path-only-0", {"allowed_routes": ["/chat/completions"]})
    assert chat(served, narrow).status_code == 200
    assert requests.get(served.url + "/model/info", headers={"x-api-key": narrow}).status_code == 403


def test_required_members(served, store):
    key = store.key("sk-that-must-name-a-job", {"metadata": {"enforced_params": ["user", "metadata.job"]}})
    refused(chat(served, key, user="ada"), 400, "bad_request_error", "BadRequest please pass param=metadata.job in request body.", "metadata.job")
    assert chat(served, key, user="ada", metadata={"job": "x"}).status_code == 200


def test_end_users_count_for_keys_that_may_name_them(served, store):
    store.thing("customer", "bad", {"blocked": True})
    plain = store.key("sk-that-may-name-nobody")
    naming = store.key("sk-that-may-name-a-user", {"metadata": {"may_assert_user": True}})
    assert chat(served, plain, user="bad").status_code == 200
    for more in ({"user": "bad"}, {"metadata": {"user_id": "bad"}}, {"safety_identifier": "bad"}, {"headers": {"x-litellm-customer-id": "bad"}},
                 {"headers": {"x-litellm-end-user-id": "bad"}, "user": "good"}, {"headers": {"X-Our-User": "bad"}}):
        refused(chat(served, naming, **more), 401, "auth_error", "End User=bad is blocked", "None")
    assert chat(served, naming, user="good").status_code == 200
    refused(chat(served, KEY, user="bad"), 401, "auth_error", "End User=bad is blocked")


def test_client_fallbacks_are_checked(served, store):
    key = store.key("sk-with-two-fallbacks-0", {"models": ["gpt"]})
    refused(chat(served, key, fallbacks=["gpt", {"model": "claude"}]), 401, "key_model_access_denied", "Tried to access claude")


def test_a_regenerated_key_within_its_grace(served, store):
    new = store.key("sk-the-new-key-00000000", {"models": ["gpt"]})
    store.ask("INSERT INTO sluice_key_old VALUES (?, ?, ?)", digest("sk-the-old-key-00000000"), digest(new), FAR)
    store.ask("INSERT INTO sluice_key_old VALUES (?, ?, ?)", digest("sk-the-oldest-key-00000"), digest("sk-the-old-key-00000000"), FAR)
    store.ask("INSERT INTO sluice_key_old VALUES (?, ?, ?)", digest("sk-too-old-a-key-000000"), digest(new), 5)
    assert chat(served, "sk-the-old-key-00000000").status_code == 200
    assert chat(served, "sk-the-oldest-key-00000").status_code == 200
    refused(chat(served, "sk-the-old-key-00000000", "claude"), 401, "key_model_access_denied", "can only access models=['gpt']")
    refused(chat(served, "sk-too-old-a-key-000000"), 401, "token_not_found_in_db", "Invalid proxy server token passed")


def test_stored_ids_are_one_keys(served, store):
    """What one key stored another does not find."""
    ask = lambda key, **more: requests.post(served.url + "/v1/responses", json={"model": "gpt", "input": "x"} | more, headers={"x-api-key": key}, timeout=60)
    a, b = store.key("sk-of-the-one-0000000000"), store.key("sk-of-the-other-00000000")
    first = ask(a)
    assert first.status_code == 200, first.text
    goes_on = lambda key: ask(key, previous_response_id=first.json()["id"])
    assert goes_on(b).status_code in (400, 404) and "not found" in goes_on(b).text


def test_expired_in_the_middle_of_a_stream(served):
    made = served.post("/key/generate", {"key_alias": "expires-meanwhile"}).json()
    caller = types.SimpleNamespace(port=served.port, headers=lambda **more: {"x-api-key": made["key"]} | more)
    stream, began = kit.Held(caller, "chat", "openai/script:fixed,chunks=5000,gap=20"), time.monotonic()
    stream.until(b'"content"')
    until = served.post("/key/update", {"key": made["key"], "duration": "1s"}).json()["expires"]
    kit.until(lambda: datetime.datetime.now(datetime.timezone.utc) > datetime.datetime.fromisoformat(until), what="the key to expire")
    refused(chat(served, made["key"]), 401, "expired_key", "Expired Key")
    stream.until(b'"content"', int((time.monotonic() - began) / 0.02) + 10)     # more than can have come by then
    stream.leave()


def test_hostile_keys_harm_nothing(served, store):
    store.key("sk-that-stays-where-it-is")
    before = store.ask("SELECT digest FROM sluice_key ORDER BY digest")
    for key in ("sk-' OR '1'='1", "sk-%00%00", "sk-" + "x" * 5000, "sk-{}[]\"\\", "sk-\u00e9\u00e9"):
        answer = requests.get(served.url + "/v1/models", headers={"x-api-key": key.encode()})
        assert answer.status_code == 401, key
    assert store.ask("SELECT digest FROM sluice_key ORDER BY digest") == before != []


def test_many_ask_at_once_for_the_same(served, store):
    key = store.key("sk-that-many-come-with-1")
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert {a.status_code for a in pool.map(lambda _: chat(served, key), range(96))} == {200}


def test_budgets_of_the_whole_and_of_a_provider(start, upstream):
    """What the file limits binds every caller, the master key too."""
    price = {"input_cost_per_token": 0.00001, "output_cost_per_token": 0.00002}
    gateway = start({"model_list": [kit.deployment("gpt", "openai/script:fixed", upstream.base + "/v1", **price),
                                    kit.deployment("claude", "anthropic/script:fixed", upstream.base, **price)],
                     "general_settings": {"master_key": KEY}, "litellm_settings": {"max_budget": 0.01, "budget_duration": "1d"},
                     "router_settings": {"provider_budget_config": {"anthropic": {"budget_limit": 0.0001, "time_period": "1d"}}}})
    assert chat(gateway, KEY, max_tokens=50).status_code == 200
    error = refused(chat(gateway, KEY, max_tokens=50000), 429, "budget_exceeded", "Gateway proxy has spent")
    assert "litellm_settings.max_budget" in error["message"]
    refused(chat(gateway, KEY, "claude", max_tokens=50), 429, "budget_exceeded", "Provider anthropic has spent")
