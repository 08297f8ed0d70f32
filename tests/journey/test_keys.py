# SPDX-License-Identifier: Apache-2.0
"""Who may call, and whose key goes where."""
import subprocess

import pytest
import requests

import kit
from kit import KEY, deployment


def start_fails(config, **env):
    """What a start that must be refused says."""
    where = kit.folder()
    path = where / "config.yaml"
    path.write_text(config if isinstance(config, str) else kit.json.dumps(config))
    done = subprocess.run([kit.BUILD / "sluice", "serve", "--config", path, "--listen", where / "w.sock"], capture_output=True, text=True,
                          timeout=60, env=kit.ENV | {"SLUICE_RUN_DIR": str(where), "SLUICE_STATE_DIR": str(where)} | env)
    assert done.returncode == 1, done.stderr
    return done.stderr


def one(upstream, **settings):
    return {"model_list": [deployment("gpt", "openai/script:fixed", upstream.base + "/v1")]} | settings


def test_no_master_key_does_not_start(upstream):
    assert "master key" in start_fails(one(upstream))


@pytest.mark.parametrize("key", ["sk-1234", "sk-1234567890"])
def test_published_keys_do_not_start(upstream, key):
    said = start_fails(one(upstream, general_settings={"master_key": key}))
    assert key not in said and "published example" in said


def test_open_on_loopback(start, upstream):
    gateway = start(one(upstream, sluice={"open_on_loopback": True}), env={"LITELLM_MASTER_KEY": ""})
    body = {"model": "gpt", "messages": [{"role": "user", "content": "x"}]}
    assert requests.post(gateway.url + "/v1/chat/completions", json=body).status_code == 200
    for header in ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via"):
        refused = requests.post(gateway.url + "/v1/chat/completions", json=body, headers={header: "192.0.2.1"})
        assert refused.status_code == 401, header
    assert "loopback" in gateway.error_log()


def test_identity_is_not_forged_by_headers(plain):
    for header in ("Remote-User", "REMOTE_USER", "X-Remote-User", "OIDC-Claim-Email"):
        refused = requests.get(plain.url + "/v1/models", headers={header: "admin"})
        assert refused.status_code == 401
    answer = plain.post("/v1/chat/completions", {"model": "gpt", "messages": [{"role": "user", "content": "x"}]}, headers={"Remote-User": "admin"})
    assert "user" not in plain.line(answer.headers["x-litellm-call-id"])


def test_an_own_base_never_gets_another_vendors_key(start, upstream):
    upstream.reset()
    gateway = start(one(upstream) | {"model_list": [
        deployment("own", "openai/script:fixed,text=own", upstream.base + "/v1", key=None),
        deployment("claude", "anthropic/script:fixed,text=claude", upstream.base, key=None),
        deployment("router", "openrouter/script:fixed,text=router", upstream.base + "/v1", key=None)]},
        env={"OPENAI_API_KEY": "sk-secret-of-openai", "ANTHROPIC_API_KEY": "sk-secret-of-anthropic", "OPENROUTER_API_KEY": "sk-secret-of-router"})
    for model in ("own", "claude", "router"):
        assert gateway.chat(model).status_code == 200, model
    received = [r for r in upstream.received() if "text=" in r["body"]]
    assert len(received) == 3
    for request in received:
        assert "secret" not in kit.json.dumps(request)
        assert not {"authorization", "x-api-key"} & {name.lower() for name, _ in headers_of(request)}


def headers_of(request):
    headers = request["headers"]
    return headers.items() if isinstance(headers, dict) else [tuple(h) if isinstance(h, list) else tuple(h.split(": ", 1)) for h in headers]


def test_the_gateways_key_stays_here(plain, upstream):
    for answer in (plain.chat("gpt"), plain.messages("claude"), plain.chat("claude"), plain.messages("gpt")):
        assert answer.status_code == 200
    for request in upstream.received():
        assert KEY not in kit.json.dumps(request)
        assert request.get("problems", []) == []


def test_another_key_header(start, upstream):
    gateway = start(one(upstream, general_settings={"master_key": KEY, "litellm_key_header_name": "X-Team-Key"}))
    assert requests.get(gateway.url + "/v1/models", headers={"X-Team-Key": f"Bearer {KEY}"}).status_code == 200
    assert requests.get(gateway.url + "/v1/models", headers={"X-Team-Key": "wrong", "Authorization": f"Bearer {KEY}"}).status_code == 401


def test_metrics_from_afar_need_the_key(plain):
    assert requests.get(plain.url + "/metrics").status_code == 200
    assert requests.get(plain.url + "/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 401
    assert requests.get(plain.url + "/metrics", headers={"X-Forwarded-For": "192.0.2.1", "x-api-key": KEY}).status_code == 200


def test_wrong_key_in_both_dialects(plain):
    chat = requests.post(plain.url + "/v1/chat/completions", json={}, headers={"Authorization": "Bearer wrong"})
    messages = requests.post(plain.url + "/v1/messages", json={}, headers={"Authorization": "Bearer wrong"})
    assert chat.status_code == messages.status_code == 401
    assert chat.json()["error"]["type"] == "auth_error" and chat.json()["error"]["code"] == "401" and messages.json()["error"]["type"] == "authentication_error"
    assert "wrong" not in chat.text + messages.text
