# SPDX-License-Identifier: Apache-2.0
"""Models, credentials and fallbacks that are kept in the store, as Terraform and scripts handle them."""
import shutil

import pytest
import requests

import kit
from managing import Caller, config

SECRET = "sk-upstream-of-the-store"


def chat(caller, model, status=200):
    return caller.post("/v1/chat/completions", status, model=model, messages=[{"role": "user", "content": "hi"}])


def new(caller, upstream, name, status=200, id=None, **params):
    info = {"id": id} if id else {}
    return caller.post("/model/new", status, model_name=name, model_info=info | {"mode": "chat"},
                       litellm_params={"model": f"openai/{name}", "api_base": upstream.base + "/v1", "api_key": SECRET, **params})


@pytest.fixture(scope="module")
def admin():
    gateway = kit.Gateway(config())
    yield Caller(gateway)
    gateway.stop()


@pytest.fixture(scope="module")
def many():
    gateway = kit.Gateway(config(), workers=3)
    yield Caller(gateway)
    gateway.stop()


def test_a_model_as_terraform_handles_it(admin, upstream):
    """Create, read at once, update, read, delete, read; its secret is never told, and reaches the upstream."""
    name, id = f"tf-{kit.unique()}", f"id-{kit.unique()}"
    made = new(admin, upstream, name, id=id, rpm=100, input_cost_per_token=0.000002)
    assert made["model_id"] == id and made["model_info"]["id"] == id and SECRET not in str(made)
    row, = admin.get("/model/info", litellm_model_id=id)["data"]
    assert row["model_name"] == name and row["litellm_params"]["model"] == f"openai/{name}" and row["litellm_params"]["rpm"] == 100
    assert row["model_info"]["db_model"] is True and row["model_info"]["id"] == id and row["model_info"]["input_cost_per_token"] == 0.000002
    assert "api_key" not in row["litellm_params"] and SECRET not in str(row)
    chat(admin, name)
    assert upstream.last(name)["headers"]["authorization"] == "Bearer " + SECRET
    admin.ask("PATCH", f"/model/{id}/update", json={"litellm_params": {"rpm": 7, "api_key": "sk-another"}, "model_info": {"tier": "paid"}})
    row, = admin.get("/v1/model/info", litellm_model_id=id)["data"]
    assert row["litellm_params"]["rpm"] == 7 and row["model_info"]["tier"] == "paid" and row["model_info"]["mode"] == "chat"
    chat(admin, name)
    assert upstream.last(name)["headers"]["authorization"] == "Bearer sk-another"
    admin.post("/model/update", id=id, litellm_params={"rpm": 8})
    assert name in [m["id"] for m in admin.get("/v1/models")["data"]]
    admin.post("/model/block", model_id=id)
    chat(admin, name, 400)
    assert admin.get("/model/info", litellm_model_id=id)["data"][0]["model_info"]["blocked"] is True
    admin.post("/model/unblock", model_id=id)
    chat(admin, name)
    assert "deleted" in admin.post("/model/delete", id=id)["message"]
    assert f"Model with id={id} not found in db" in admin.refused("/model/delete", 400, id=id)["message"]
    assert "not found on litellm proxy" in admin.ask("PATCH", f"/model/{id}/update", 404, json={})["error"]["message"]
    assert "not found on litellm proxy" in admin.get("/model/info", 400, litellm_model_id=id)["error"]["message"]
    chat(admin, name, 400)


def test_credentials_of_models(admin, upstream):
    name = f"cred-{kit.unique()}"
    admin.post("/credentials", credential_name=name, credential_info={"custom_llm_provider": "openai"},
               credential_values={"api_key": "sk-of-a-credential", "api_base": upstream.base + "/v1"})
    admin.post("/model/new", model_name=name, litellm_params={"model": f"openai/{name}", "litellm_credential_name": name})
    chat(admin, name)
    assert upstream.last(name)["headers"]["authorization"] == "Bearer sk-of-a-credential"
    row = admin.get("/credentials/by_name/" + name)
    assert row["credential_info"] == {"custom_llm_provider": "openai"} and set(row["credential_values"]) == {"api_key", "api_base"}
    assert "sk-of" not in str(row) and "sk-of" not in str(admin.get("/credentials"))
    admin.ask("PATCH", "/credentials/" + name, json={"credential_values": {"api_key": "sk-rotated"}})
    chat(admin, name)
    assert upstream.last(name)["headers"]["authorization"] == "Bearer sk-rotated"
    assert admin.get("/credentials/by_name/none", 404)
    admin.ask("DELETE", "/credentials/" + name)
    chat(admin, name, 400)
    admin.ask("DELETE", "/credentials/" + name, 404)


def test_what_can_not_be_served_is_told(admin, upstream):
    admin.refused("/model/new", 422, model_name="x")
    said = admin.refused("/model/new", 400, model_name="x", litellm_params={"model": "nosuchvendor/x"})["message"]
    assert "can not be served" in said and "nosuchvendor" in said
    admin.refused("/model/new", 400, model_name="x", litellm_params={"model": "openai/x", "api_base": "file:///etc/passwd", "api_key": "k"})
    admin.refused("/model/new", 400, model_name="x\n", litellm_params={"model": "openai/x", "api_key": "k"})
    admin.refused("/model/new", 400, model_name="x", litellm_params={"model": "openai/x", "api_key": "k" * 70000})
    key = Caller(admin.gateway, admin.post("/key/generate")["key"])
    key.refused("/model/new", 403, model_name="x", litellm_params={"model": "openai/x", "api_key": "k"})
    assert admin.get("/audit", action="created", table_name="LiteLLM_ProxyModelTable", page_size=100)["total"] >= 6
    assert "x" not in [m["id"] for m in admin.get("/v1/models")["data"]]


def test_fallbacks_in_force(admin, upstream):
    good, bad = f"good-{kit.unique()}", f"bad-{kit.unique()}"
    new(admin, upstream, good)
    admin.post("/model/new", model_name=bad, litellm_params={"model": "openai/" + bad, "api_base": "http://127.0.0.1:9/v1", "api_key": "k", "num_retries": 0})
    admin.gateway.expected += ["refused", "reached"]
    chat(admin, bad, 502)
    admin.post("/fallback", model=bad, fallback_models=[good])
    chat(admin, bad)
    assert admin.get(f"/fallback/{bad}")["fallback_models"] == [good]
    admin.ask("DELETE", f"/fallback/{bad}")
    chat(admin, bad, 502)


def test_every_worker_knows_at_once(many, upstream):
    """Calls on connections of their own go to all workers: each knows at once, whoever was told."""
    name = f"m-{kit.unique()}"
    row = new(many, upstream, name)
    body = {"model": name, "messages": [{"role": "user", "content": "hi"}]}
    for _ in range(30):
        assert requests.post(many.gateway.url + "/v1/chat/completions", json=body, headers={"x-api-key": kit.KEY}, timeout=30).status_code == 200
    many.post("/model/delete", id=row["model_id"])
    for _ in range(30):
        assert requests.post(many.gateway.url + "/v1/chat/completions", json=body, headers={"x-api-key": kit.KEY}, timeout=30).status_code == 400


def test_secrets_are_sealed_and_models_outlive_a_restart(start, upstream):
    state = kit.folder()
    kit.give(state)
    first = start(config(), env={"SLUICE_STATE_DIR": state})
    new(Caller(first), upstream, "kept", id="kept-1")
    first.stop()                                                                # its spool is the next one's
    files = list(state.glob("sluice.db*"))
    assert files and not [path for path in files if SECRET.encode() in path.read_bytes()]
    second = start(config(), env={"SLUICE_STATE_DIR": state})
    chat(Caller(second), "kept")                                                # the first request of all
    second.stop()
    shutil.rmtree(state, ignore_errors=True)


def test_two_hosts_and_a_database_that_goes(postgres, fresh_database, start, upstream):
    settings = config()
    settings["general_settings"]["database_url"] = postgres.url(fresh_database)
    here, there = (Caller(start(settings, workers=2)) for _ in range(2))
    new(here, upstream, "shared", id="s1")
    body = {"model": "shared", "messages": [{"role": "user", "content": "hi"}]}
    kit.until(lambda: there.session.post(there.gateway.url + "/v1/chat/completions", json=body, timeout=30).status_code == 200, what="the other host to know")
    stored, = postgres.ask("SELECT doc FROM sluice_thing WHERE kind = 'model'", database=fresh_database)[0]
    assert SECRET not in stored and "openai/shared" in stored
    for caller in (here, there):
        caller.gateway.expected += ["database", "store"]
    postgres.halt()
    try:
        chat(here, "shared")
        chat(there, "shared")
        new(here, upstream, "late", 503)
    finally:
        postgres.run()
    kit.until(lambda: here.session.get(here.gateway.url + "/credentials", timeout=30).status_code == 200, what="the database to be back")
    new(here, upstream, "late")
    chat(here, "late")
