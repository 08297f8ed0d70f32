# SPDX-License-Identifier: Apache-2.0
"""What must hold although the database is away, a file is another version's, or a name leads somewhere else."""
import concurrent.futures
import json
import socket

import pytest
import requests

import kit
from managing import Caller, config

SECRET = "sk-secret-of-a-stored-model"


def again(gateway, between=lambda: None):
    """The pool ends, and starts anew."""
    gateway.pool.stop()
    gateway.parts.remove(gateway.pool)
    between()
    gateway.start_pool()
    gateway.web.ready(lambda: requests.get(gateway.url + "/health/readiness", timeout=5).status_code == 200)


def test_what_is_closed_stays_closed(postgres, fresh_database, start, upstream):
    """A restart while the database is away: with the models and settings that it had last, and not at all with those that nobody can read."""
    settings = config()
    settings["general_settings"]["database_url"] = postgres.url(fresh_database)
    gateway = start(settings, workers=2)
    gateway.expected += ["database", "store", "PostgreSQL", "connection"]
    admin, kept = Caller(gateway), gateway.run / "sluice.kept"
    admin.post("/model/new", model_name="stored", litellm_params={"model": "openai/script:fixed", "api_base": upstream.base + "/v1", "api_key": SECRET})
    kit.until(lambda: '"stored"' in kept.read_text(), what="the copy of the model")
    assert kept.stat().st_mode & 0o777 == 0o600 and SECRET not in kept.read_text()

    def chat(model="stored"):
        answer = gateway.chat(model)
        return answer.status_code, answer.text
    postgres.halt()
    try:
        again(gateway)
        assert {chat()[0] for _ in range(8)} == {200}
        assert upstream.last("script:fixed")["headers"]["authorization"] == "Bearer " + SECRET
    finally:
        postgres.run()
    kit.until(lambda: admin.session.post(gateway.url + "/config/update", json={"general_settings": {"allowed_ips": ["192.0.2.1"]}}).status_code in (200, 403),
              what="the door to be closed")
    kit.until(lambda: "192.0.2.1" in kept.read_text(), what="the copy of the setting")
    postgres.halt()
    try:
        again(gateway)
        for _ in range(8):
            status, text = chat()
            assert status == 403 and "not allowed" in text, text
        for damage in (lambda: kept.write_text(kept.read_text()[:-9]),
                       lambda: kept.unlink() or gateway.write(settings | {"sluice": {"database_must_be_read": True}})):
            again(gateway, damage)
            for _ in range(8):
                status, text = chat()
                assert status == 503 and json.loads(text)["error"]["type"] == "no_db_connection" and "nobody is let in" in text, text
    finally:
        postgres.run()
    kit.until(lambda: {chat()[0] for _ in range(8)} == {403}, 30, "the settings to be read")


def test_a_spool_of_another_version(start):
    """Its head is kept aside, its rows are shipped, calls go on; a segment that nobody can read is kept, too."""
    gateway = start(config())
    ids = [gateway.chat("hello").headers["x-request-id"]]
    spool = gateway.run / "sluice.spool"

    def another():
        with open(spool / "head", "r+b") as f:
            f.write(b"splHead9")
        (spool / "0000000000000001.seg").write_bytes(b"spolSeg9" + bytes(100))
    again(gateway, another)
    ids += [gateway.chat("hello").headers["x-request-id"] for _ in range(5)]
    for call_id in ids:
        kit.until(lambda: gateway.get("/spend/logs?request_id=" + call_id).json(), what="the row of " + call_id)
    kit.until(lambda: gateway.metric("sluice_spool_aside_files") == 2, what="both files to be kept aside")
    assert sorted(p.name[:4] for p in (spool / "aside").iterdir()) == ["0000", "head"]
    assert gateway.error_log().count("of a version that this one does not know") == 2


@pytest.fixture
def listener():
    """Whoever connects to it is heard, and not answered."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(30)
    yield server
    server.close()


def test_a_teams_model_stays_out_of_our_network(start, listener):
    """A name that leads inside: no connection is even tried, unless the operator lists it."""
    gateway = start(config(num_retries=0))
    admin, base = Caller(gateway), f"https://localhost:{listener.getsockname()[1]}/v1"
    admin.post("/team/new", team_id="t1", members_with_roles=[{"role": "admin", "user_id": "lead"}])
    lead = Caller(gateway, admin.post("/key/generate", user_id="lead")["key"])
    key = admin.post("/key/generate", team_id="t1")["key"]
    params = {"model": "openai/gpt", "api_key": "sk-of-the-team", "api_base": base}
    lead.post("/model/new", model_name="own", litellm_params=params, model_info={"team_id": "t1"})

    def call():
        return gateway.post("/v1/chat/completions", {"model": "own", "messages": [{"role": "user", "content": "x"}]}, headers={"Authorization": "Bearer " + key})
    assert call().status_code >= 500
    kit.until(lambda: "its name stands for an internal address" in json.dumps(gateway.lines()) + gateway.error_log(), what="a line that tells why")
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()
    listener.settimeout(30)
    again(gateway, lambda: gateway.write(config(num_retries=0) | {"sluice": {"team_model_hosts": ["localhost"]}}))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(call)
        listener.accept()[0].close()
        assert answer.result(60).status_code >= 500
