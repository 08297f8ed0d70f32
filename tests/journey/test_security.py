# SPDX-License-Identifier: Apache-2.0
"""Who is let in at all, what a caller can not choose, what nobody finds afterwards, and what the metrics tell of whom."""
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

import pytest
import requests

import kit
from managing import Caller, config, digest

PRICED = {"input_cost_per_token": "0.001", "output_cost_per_token": "0.002"}


def gate_config(upstream):
    settings = config()
    settings["model_list"] += [kit.deployment("gpt", "openai/script:fixed", upstream.base + "/v1", **PRICED)]
    settings["general_settings"] |= {
        "allowed_ips": ["10.0.0.0/8", "192.0.2.7"], "use_x_forwarded_for": True, "public_routes": ["/v1/completions"],
        "admin_only_routes": ["/model_group/info", "/key/list"],
        "allowed_routes": ["llm_api_routes", "management_routes", "info_routes", "spend_tracking_routes"]}
    settings["litellm_settings"] = settings.get("litellm_settings", {}) | {"blocked_user_list": ["mallory"]}
    return settings


@pytest.fixture(scope="module")
def gated(upstream):
    gateway = kit.Gateway(gate_config(upstream))
    yield gateway
    gateway.stop()


def chat(gateway, key=kit.KEY, path="/v1/chat/completions", headers=None, **more):
    body = {"model": "hello", "messages": [{"role": "user", "content": "hi"}], "prompt": "hi", "max_tokens": 5} | more
    return requests.post(gateway.url + path, json=body, headers=({"Authorization": f"Bearer {key}"} if key else {}) | (headers or {}), timeout=30)


def holders(folder, secret):
    """Which files hold it; of holes, which the board has many of, nothing is read."""
    def data(f):
        end, at = f.stat().st_size, 0
        with open(f, "rb") as file:
            while at < end:
                try:
                    at = os.lseek(file.fileno(), at, os.SEEK_DATA)
                except OSError:
                    return
                until = os.lseek(file.fileno(), at, os.SEEK_HOLE)
                yield os.pread(file.fileno(), until - at, at)
                at = until
    files = [f for f in folder.rglob("*") if f.is_file()]
    assert len(files) > 4                                                      # board, running exchanges, spool, database, logs …
    return [f.name for f in files if any(secret.encode() in part for part in data(f))]


def near(address="10.1.2.3"):
    return {"X-Forwarded-For": address}


def test_only_listed_addresses_are_let_in(gated):
    assert chat(gated, headers=near()).status_code == 200
    assert chat(gated, headers=near("192.0.2.7")).status_code == 200
    assert chat(gated, headers=near("10.9.9.9, 127.0.0.1")).status_code == 200
    for forged in (None, near("192.0.2.8"), near("10.1.2.3, 192.0.2.8"), near("10.1.2.3, nonsense"), {"Forwarded": "for=10.1.2.3"}):
        answer = chat(gated, headers=forged)
        assert answer.status_code == 403, forged
        assert answer.json()["error"]["message"].startswith("Access forbidden: IP address ")
    answer = chat(gated, path="/v1/messages", headers=near("192.0.2.8") | {"anthropic-version": "2023-06-01"})
    assert answer.status_code == 403 and answer.json()["type"] == "error" and "192.0.2.8" in answer.json()["error"]["message"]
    assert requests.get(gated.url + "/health/readiness", timeout=30).status_code == 200         # probes come from anywhere
    assert requests.get(gated.url + "/metrics", timeout=30).status_code == 403
    assert requests.get(gated.url + "/nowhere", timeout=30).status_code == 403


def test_routes_are_closed_open_or_admins(gated):
    assert requests.get(gated.url + "/audit", headers=gated.headers(**near()), timeout=30).json()["error"]["message"].startswith(
        "Access forbidden: Route /audit not allowed")
    # nobody needs a key for a public route: the call is counted and has its row all the same
    for key in (None, "sk-nobody-knows-this"):
        answer = chat(gated, key, "/v1/completions", near())
        assert answer.status_code == 200
    assert chat(gated, None, "/v1/chat/completions", near()).status_code == 401
    admin = Caller(gated)
    admin.session.headers.update(near())
    rows = kit.until(lambda: admin.get("/spend/logs", request_id=answer.headers["x-litellm-call-id"]), what="its row")
    assert len(rows) == 1 and rows[0]["model_group"] == "hello" and rows[0]["user"] == ""
    key = admin.post("/key/generate")["key"]
    answer = requests.get(gated.url + "/model_group/info", headers=near() | {"Authorization": f"Bearer {key}"}, timeout=30)
    assert answer.status_code == 403
    assert answer.json()["error"]["message"].startswith("user not allowed to access this route. Route=/model_group/info is an admin only route")
    assert requests.get(gated.url + "/key/list", headers=near() | {"Authorization": f"Bearer {key}"}, timeout=30).status_code == 403
    assert requests.get(gated.url + "/model_group/info", headers=gated.headers(**near()), timeout=30).status_code == 200


def test_end_users_that_are_shut_out(gated):
    answer = chat(gated, headers=near(), user="mallory")
    assert answer.status_code == 400 and "User blocked from making LLM API Calls" in answer.json()["error"]["message"]
    assert chat(gated, headers=near() | {"x-litellm-end-user-id": "mallory"}).status_code == 400
    assert chat(gated, headers=near(), user="alice").status_code == 200


CHOICES = [{"api_base": "http://127.0.0.1:1/"}, {"base_url": "http://127.0.0.1:1/"}, {"API_BASE": "x"}, {"custom_llm_provider": "azure"},
           {"models": ["anthropic/claude-opus"]}, {"MODELS": ["x"]}, {"model_list": []}, {"litellm_credential_name": "x"}, {"vertex_project": "x"},
           {"extra_headers": {"host": "x"}}]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: next(iter(c)))
def test_nobody_chooses_an_upstream(gated, upstream, choice):
    upstream.reset()
    for path in ("/v1/chat/completions", "/v1/messages"):
        answer = chat(gated, path=path, headers=near(), model="gpt", **choice)
        assert answer.status_code == 400, answer.text
    assert upstream.received() == []


def test_openrouters_route_does_not_reach_it(gated, upstream):
    assert chat(gated, headers=near(), model="gpt", route="fallback").status_code == 200
    assert "route" not in upstream.last()["body"]


def test_headers_and_paths_choose_no_host(plain, upstream):
    """Absolute addresses, dots and another Host lead nowhere else."""
    upstream.reset()
    for headers in ({"x-litellm-api-base": "http://127.0.0.1:1"}, {"x-api-base": "http://127.0.0.1:1"}, {"Host": "169.254.169.254"},
                    {"X-Forwarded-Host": "169.254.169.254"}, {"x-litellm-model-api-base": "http://127.0.0.1:1"}):
        answer = chat(plain, model="gpt", headers=headers)
        assert answer.status_code == 200, headers
    for path in ("/bria/../../secret", "/bria/%2e%2e/%2e%2e/secret", "/bria//169.254.169.254/x", "/bria/http://169.254.169.254/x", "/bria/..%2f..%2fsecret",
                 "/bria/@169.254.169.254/", "/bria/\\\\169.254.169.254\\x"):
        s = requests.Session()
        req = requests.Request("GET", plain.url, headers=plain.headers()).prepare()
        req.url = plain.url + path
        s.send(req, timeout=30)
    assert all(r["path"].startswith(("/v1/", "/files/bria")) for r in upstream.received()), [r["path"] for r in upstream.received()]
    assert not any("/../" in r["path"] or r["path"].endswith("/..") for r in upstream.received())


def test_what_passes_names_no_models_that_a_key_may_not_call(start, upstream):
    """OpenRouter's own fallbacks, in a body that no dialect of ours looks at."""
    settings = config()
    settings["general_settings"]["pass_through_endpoints"] = [{"path": "/router", "target": upstream.base + "/files/router", "include_subpath": True}]
    gateway = start(settings)
    key = Caller(gateway).post("/key/generate", models=["cheap"])["key"]
    upstream.reset()

    def send(**more):
        return requests.post(gateway.url + "/router/v1/chat", json={"model": "cheap"} | more, headers={"Authorization": f"Bearer {key}"}, timeout=30).status_code
    assert send(models=["cheap", "dear"]) == 401
    assert send(models=["cheap"] * 40) == 400
    assert upstream.received() == []
    assert send(models=["cheap"]) not in (400, 401)
    assert len(upstream.received()) == 1


# who may loosen what

def test_a_member_keeps_what_bounds_its_key(start):
    gateway = start(config())
    admin = Caller(gateway)
    team = admin.post("/team/new", team_alias="t", members_with_roles=[{"role": "user", "user_id": "mem"}, {"role": "admin", "user_id": "boss"}],
                      team_member_permissions=["/key/update", "/key/info"])["team_id"]
    other = admin.post("/team/new", members_with_roles=[{"role": "user", "user_id": "mem"}], team_member_permissions=["/key/update", "/key/generate"])["team_id"]
    key = admin.post("/key/generate", user_id="mem", team_id=team, rpm_limit=5, tags=["a"], max_budget=3, budget_duration="30d",
                     metadata={"model_rpm_limit": {"hello": 2}})["key"]
    me, boss = Caller(gateway, key), Caller(gateway, admin.post("/key/generate", user_id="boss", team_id=team)["key"])
    for looser in ({"team_id": ""}, {"team_id": other}, {"rpm_limit": 6}, {"rpm_limit": None}, {"tags": []}, {"max_budget": 4}, {"max_budget": None},
                   {"budget_duration": "1d"}, {"model_rpm_limit": {"hello": 50}}, {"metadata": {}}, {"may_assert_user": True}):
        before = admin.get("/key/info", key=key)["info"]
        answer = me.session.post(f"{gateway.url}/key/update", json={"key": key} | looser, timeout=30)
        after = admin.get("/key/info", key=key)["info"]
        name = next(iter(looser))
        assert after.get(name, after["metadata"].get(name)) == before.get(name, before["metadata"].get(name)), looser
        assert answer.status_code == 403 or looser[name] in (None, "", {}), looser           # which leave it as it is
    me.post("/key/update", key=key, rpm_limit=4, key_alias="mine", max_budget=2)
    boss.post("/key/update", key=key, rpm_limit=7)
    assert admin.get("/key/info", key=key)["info"]["team_id"] == team


def test_a_secret_that_does_not_open_is_never_sent(start, upstream):
    settings = config()
    gateway = start(settings, env={"LITELLM_SALT_KEY": "sk-salt-of-this-test"})
    admin = Caller(gateway)
    made = {"model": "openai/script:fixed", "api_base": upstream.base + "/v1", "api_key": "sk-upstream-secret-of-a-row"}
    admin.post("/model/new", model_name="sealed", litellm_params=made)
    assert chat(gateway, model="sealed").status_code == 200
    with sqlite3.connect(gateway.run / "sluice.db", timeout=30) as db:
        (name, doc), = db.execute("SELECT id, doc FROM sluice_thing WHERE kind = 'model'").fetchall()
        params = json.loads(doc)["litellm_params"]
        assert "secret" not in params["api_key"]
        broken = params["api_key"][:-6] + ("AAAAAA" if not params["api_key"].endswith("AAAAAA") else "BBBBBB")
        db.execute("UPDATE sluice_thing SET doc = ? WHERE id = ?", (doc.replace(params["api_key"], broken), name))
    admin.post("/model/new", model_name="another", litellm_params=made)        # makes all of them be read again
    upstream.reset()
    kit.until(lambda: chat(gateway, model="sealed").status_code == 400, what="the row to be left out")
    assert upstream.received() == []
    kit.until(lambda: "its api_key does not open with this LITELLM_SALT_KEY" in gateway.error_log(), what="a word on it")
    assert broken not in gateway.error_log() and chat(gateway, model="another").status_code == 200


def test_addresses_of_the_store(start):
    settings = config()
    settings["general_settings"]["use_x_forwarded_for"] = True
    admin = Caller(start(settings, workers=2))
    assert admin.get("/get/allowed_ips") == {"data": None}
    assert "neither an address" in admin.refused("/add/allowed_ip", 400, ip="10.0.0")["message"]
    admin.session.headers["X-Forwarded-For"] = "10.0.0.9"
    assert admin.post("/add/allowed_ip", ip="10.0.0.0/8") == {"message": "IP 10.0.0.0/8 address added successfully", "status": "success"}
    assert admin.get("/get/allowed_ips") == {"data": ["10.0.0.0/8"]}
    for _ in range(12):                                                    # both workers
        assert chat(admin.gateway).status_code == 403
        assert chat(admin.gateway, headers=near()).status_code == 200
    assert "already exists" in admin.refused("/add/allowed_ip", 400, ip="10.0.0.0/8")["message"]
    admin.post("/add/allowed_ip", ip="127.0.0.1")
    assert chat(admin.gateway).status_code == 200
    assert admin.post("/delete/allowed_ip", ip="127.0.0.1")["status"] == "success"
    assert "the last one" in admin.refused("/delete/allowed_ip", 400, ip="10.0.0.0/8")["message"]
    admin.refused("/delete/allowed_ip", 404, ip="192.0.2.1")
    key = admin.post("/key/generate")["key"]
    assert requests.post(admin.gateway.url + "/add/allowed_ip", json={"ip": "0.0.0.0/0"}, headers=near() | {"x-api-key": key}, timeout=30).status_code in (401, 403)
    admin.post("/config/field/delete", field_name="allowed_ips", config_type="general_settings")
    assert chat(admin.gateway).status_code == 200


# what is left behind

@pytest.fixture
def alone():
    """alone(config) starts `sluice serve` by itself, where a dump may be written."""
    folders, running = [], []

    def begin(settings, before=lambda run: None, **env):
        where = pathlib.Path(tempfile.mkdtemp(prefix="sl"))
        folders.append(where)
        run = where / "run"
        run.mkdir(mode=0o700)
        (where / "config.yaml").write_text(json.dumps(settings))
        before(run)
        p = subprocess.Popen([kit.BUILD / "sluice", "serve", "--config", where / "config.yaml", "--listen", run / "w.sock", "--workers", "1"], cwd=run,
                             env=os.environ | {"SLUICE_RUN_DIR": str(run), "SLUICE_STATE_DIR": str(run), "LITELLM_MASTER_KEY": kit.KEY} | env,
                             stdout=subprocess.DEVNULL, stderr=open(run / "err.log", "wb"),
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))
        running.append(p)
        return p, run
    yield begin
    for p in running:
        p.terminate()
        p.wait(20)
    for where in folders:
        shutil.rmtree(where, ignore_errors=True)


def children(p):
    return [int(pid) for pid in open(f"/proc/{p.pid}/task/{p.pid}/children").read().split()]


def is_worker(pid):
    return open(f"/proc/{pid}/comm").read() == "sluice\n"


def test_a_worker_that_aborts_leaves_no_secret(alone):
    p, run = alone(config())
    kit.until(lambda: (run / "w.sock").exists(), what="its socket")
    worker = kit.until(lambda: next(filter(is_worker, children(p)), None), what="a worker")
    kit.until(lambda: "sluice.board" in " ".join(os.listdir(run)), what="it to be at work")
    time.sleep(0.3)
    os.kill(worker, signal.SIGABRT)
    kit.until(lambda: worker not in children(p), what="its end")
    assert [f for f in os.listdir(run) if f.startswith("core")] == []
    assert holders(run, kit.KEY) == [] and holders(run, "sluice") != []


if not kit.SANITIZED:                       # LeakSanitizer is a debugger of its own process
    def test_nobody_of_the_same_user_looks_into_a_worker(gated):
        for pid in gated.worker_pids() + gated.keeper_pids():
            looked = subprocess.run([*kit.as_user(), "cat", f"/proc/{pid}/environ"], capture_output=True)
            assert looked.returncode != 0 and kit.KEY.encode() not in looked.stdout and b"ermission denied" in looked.stderr, looked


@pytest.mark.parametrize("spoil, word", [
    (lambda run: run.chmod(0o777), "can be changed by every user"),
    (lambda run: [(run / "sluice.db").touch(), (run / "sluice.db").chmod(0o644)], "can be read or changed by every user"),
])
def test_what_everybody_may_write_stops_the_start(alone, spoil, word):
    p, run = alone(config(), before=spoil)
    kit.until(lambda: word in (run / "err.log").read_text(), what="a word on it")


# what the metrics tell

def samples(gateway, **headers):
    text = requests.get(gateway.url + "/metrics", headers=headers, timeout=30).text
    return text, [(m[1], dict(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', m[2] or "")), float(m[3]))
                  for m in (re.match(r"([a-z_]+)(?:\{(.*)\})? (\S+)$", line) for line in text.splitlines()) if m]


def value(found, name, **labels):
    hits = [v for n, ls, v in found if n == name and labels.items() <= ls.items()]
    assert len(hits) == 1, (name, labels, hits)
    return hits[0]


def test_metrics_tell_of_keys_teams_and_budgets(start, upstream):
    settings = config()
    settings["model_list"] += [kit.deployment("priced", "openai/script:fixed", upstream.base + "/v1", **PRICED),
                               kit.deployment("narrow", "openai/script:fixed,headers", upstream.base + "/v1", rpm=1)]
    gateway = start(settings, workers=2)
    admin = Caller(gateway)
    team = admin.post("/team/new", team_alias="red", max_budget=50, budget_duration="30d")["team_id"]
    key = admin.post("/key/generate", key_alias="ann's", team_id=team, user_id="ann", max_budget=9, budget_duration="1d", model_rpm_limit={"priced": 5})["key"]
    for calls in range(3):
        answer = chat(gateway, key, model="priced", user="somebody")
        assert answer.status_code == 200
        if calls == 0:          # the budget is for ever from here on: what was spent goes with it, and the day's own sum grows no more
            kit.until(lambda: admin.get("/key/info", key=digest(key))["info"]["spend"] > 0, what="its first row")
            admin.post("/key/update", key=digest(key), budget_duration=None)
    usage = answer.json()["usage"]
    cost = 3 * (usage["prompt_tokens"] * 0.001 + usage["completion_tokens"] * 0.002)
    assert chat(gateway, key, model="none").status_code == 400
    assert chat(gateway, "sk-" + "x" * 20, model="priced").status_code == 401
    who = {"hashed_api_key": digest(key), "api_key_alias": "ann's"}
    kit.until(lambda: [chat(gateway, model="narrow").status_code, chat(gateway, model="narrow").status_code] == [200, 429], what="a full deployment")
    kit.until(lambda: abs(admin.get("/key/info", key=digest(key))["info"]["spend"] - cost) < 1e-9, what="its rows")
    admin.post("/key/update", key=digest(key), metadata={"told": "still"})       # which takes it off the board; it does not call again
    text, found = samples(gateway)
    of_call = who | {"team": team, "team_alias": "red", "user": "ann", "requested_model": "priced"}
    assert abs(value(found, "litellm_spend_metric_total", **of_call) - cost) < 1e-9
    assert value(found, "litellm_requests_metric_total", **of_call) == 3
    assert value(found, "litellm_total_tokens_metric_total", **of_call) == 3 * usage["total_tokens"]
    assert value(found, "litellm_proxy_total_requests_metric_total", status_code="200", route="/v1/chat/completions", **of_call) == 3
    assert value(found, "litellm_proxy_failed_requests_metric_total", exception_status="400", requested_model="other", **who) == 1
    assert value(found, "litellm_proxy_failed_requests_metric_total", exception_status="401", exception_class="AuthenticationError") == 1
    assert value(found, "litellm_remaining_api_key_requests_for_model", model="priced", **who) == 2
    of_team = {"team": team, "team_alias": "red", "requested_model": "priced"}
    for family in ("litellm_deployment_latency_per_output_token", "litellm_request_total_latency_metric", "litellm_llm_api_latency_metric"):
        assert value(found, family + "_count", model_group="priced", **of_team) == 3
    assert value(found, "litellm_deployment_success_responses_total", **who, **of_team) == 3
    assert value(found, "litellm_remaining_requests_metric", model_group="narrow") == 99
    assert value(found, "sluice_deployment_passed_over_total", requested_model="narrow", reason="rates") >= 1

    # from afar: whoever has a key that counts
    def afar(key):
        return requests.get(gateway.url + "/metrics", headers={"X-Forwarded-For": "192.0.2.1", "x-api-key": key}, timeout=20).status_code
    narrow = admin.post("/key/generate", allowed_routes=["llm_api_routes"])["key"]
    blocked = admin.post("/key/generate")["key"]
    assert [afar(k) for k in (kit.KEY, key, blocked, "", "sk-" + "x" * 20, narrow)] == [200, 200, 200, 401, 401, 403]
    admin.post("/key/block", key=blocked)
    assert afar(blocked) == 401

    def told():
        now = {(n, ls.get("team", ls.get("hashed_api_key"))): v for n, ls, v in samples(gateway)[1] if "budget" in n}
        left = now.get(("litellm_remaining_api_key_budget_metric", digest(key)), 0), now.get(("litellm_remaining_team_budget_metric", team), 0)
        return abs(left[0] - (9 - cost)) < 1e-9 and abs(left[1] - (50 - cost)) < 1e-9 and now
    budgets = kit.until(told, what="what is left of the budgets")            # read every ten seconds
    assert budgets["litellm_api_key_max_budget_metric", digest(key)] == 9 and budgets["litellm_team_max_budget_metric", team] == 50
    assert 0 < budgets["litellm_team_budget_remaining_hours_metric", team] <= 31 * 24
    assert key not in text and kit.KEY not in text and "somebody" not in text
    for secret in (key, kit.KEY, "upstream-key"):
        assert holders(gateway.run, secret) == [], secret
    assert holders(gateway.run, digest(key)) != []
