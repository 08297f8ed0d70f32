# SPDX-License-Identifier: Apache-2.0
"""LiteLLM's own parts: its tables taken over and handed back, its proxy client."""
import json
import os
import pathlib
import sqlite3
import subprocess

import psycopg
import pytest
import requests

import kit
from databases import BIN, sluice
from managing import digest

PYTHON = kit.SOURCE / ".litellm" / "bin" / "python"
SALT = "sk-salt-of-litellm"
OLD = "sk-old-key-of-litellm-1234"
ROTATED = "sk-rotated-key-of-litellm-1"


# Members of LiteLLM's types that no row of ours has: what it came to count or remember lately, and names under which its own code hands a row on.
LACKING = {
    "tpd_limit", "default_estimated_output_tokens", "default_estimated_output_tokens_per_model", "denied_passthrough_routes", "enable_prompt_caching", "end_user_budget_id",
    "key_rotation_at", "last_active", "last_rotation_at", "rotation_count", "settings_updated_at", "soft_budget_cooldown", "total_spend", "org_id", "password",
    "password_reset_required", "last_breach_check_at", "model_max_budget_usage", "access_group_models", "access_group_details", "access_group_agent_ids",
    "access_group_mcp_server_ids", "caller_edit_access", "organization_models", "team_member_budget_table"}
OF_ONE = {
    "user/info row": {"organization_id", "team_id"}, "user/list row": {"organization_id", "team_id"}, "budget/info": {"temp_budget_expiry", "temp_budget_increase"},
    "customer/info": {"models"}, "spend/logs row": {"created_at", "updated_at"}, "key/list row": {"litellm_budget_table"}}
MORE = {"cost/estimate", "user/new"}          # the one without caches; the other is said to be a key's answer, too: /key/info has that


def litellm(script, *argv):
    """A script in the interpreter that has LiteLLM; nothing leaves this machine."""
    done = subprocess.run([PYTHON, pathlib.Path(__file__).parent / script, *argv], capture_output=True, text=True, timeout=200,
                          env=os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def sealed():
    """LiteLLM's migrations, and texts that its own functions sealed, in both forms."""
    return litellm("litellm_rows.py", SALT, "sk-vendor-secret", "openai/gpt-4o", "https://vendor.example/v1")


ROWS = """
INSERT INTO "LiteLLM_BudgetTable" (budget_id, max_budget, budget_duration, rpm_limit, created_by, updated_by) VALUES ('tier', 5, '30d', 7, 'x', 'x'),
    ('org-tier', 1000, NULL, NULL, 'x', 'x'), ('member-tier', 2.5, '7d', NULL, 'x', 'x');
INSERT INTO "LiteLLM_OrganizationTable" (organization_id, organization_alias, budget_id, models, spend, created_by, updated_by)
    VALUES ('org', 'The Org', 'org-tier', '{}', 17.25, 'x', 'x');
INSERT INTO "LiteLLM_ModelTable" (id, aliases, created_by, updated_by) VALUES (1, '{"small": "gpt"}', 'x', 'x');
INSERT INTO "LiteLLM_UserTable" (user_id, user_email, user_role, teams, models, spend, max_budget) VALUES ('ada', 'ada@example.org', 'internal_user', '{team}', '{}', 3, 10),
    ('boss', NULL, 'proxy_admin', '{}', '{}', 0, NULL);
INSERT INTO "LiteLLM_TeamTable" (team_id, team_alias, organization_id, members_with_roles, models, max_budget, spend, budget_duration, model_id, metadata)
    VALUES ('team', 'The Team', 'org', '[{"role": "admin", "user_id": "ada"}]', '{gpt}', 100, 12.5, '30d', 1, '{"tags": ["t"]}');
INSERT INTO "LiteLLM_TeamMembership" (user_id, team_id, spend, budget_id) VALUES ('ada', 'team', 1.5, 'member-tier');
INSERT INTO "LiteLLM_OrganizationMembership" (user_id, organization_id, user_role) VALUES ('ada', 'org', 'org_admin');
INSERT INTO "LiteLLM_EndUserTable" (user_id, alias, spend, budget_id, blocked) VALUES ('customer''; --%', 'C', 0.5, 'tier', false);
INSERT INTO "LiteLLM_AgentsTable" (agent_id, agent_name, litellm_params, agent_card_params, spend, created_by, updated_by)
    VALUES ('agent', 'An Agent', '{"max_iterations": 5, "api_key": "sk-of-the-agent"}', '{"name": "a"}', 2.5, 'x', 'x');
INSERT INTO "LiteLLM_TagTable" (tag_name, description, models, spend, budget_id) VALUES ('tag', 'a tag', '{}', 4, 'tier');
INSERT INTO "LiteLLM_ObjectPermissionTable" (object_permission_id, mcp_servers, vector_stores) VALUES ('perm', '{}', '{store-1}');
UPDATE "LiteLLM_TeamTable" SET object_permission_id = 'perm';
INSERT INTO "LiteLLM_Config" (param_name, param_value) VALUES
    ('general_settings', '{"completion_model": "gpt", "master_key": "sk-other", "pass_through_endpoints": [{"id": "e-1", "path": "/theirs", "target": "http://127.0.0.1:9/x",
        "headers": {"x-token": "sk-of-the-endpoint"}}]}'),
    ('litellm_settings', '{"max_fallbacks": 3, "success_callback": ["langfuse"], "num_retries": 7}'),
    ('router_settings', '{"retry_after": 1, "routing_strategy": "usage-based-routing-v2", "fallbacks": [{"stored": ["gpt"]}]}');
"""


def seed(url, sealed):
    """A database of LiteLLM, by its own migrations, with a little of everything."""
    folder = pathlib.Path(sealed["migrations"])
    sql = "".join(f"{(d / 'migration.sql').read_text()}\n;\n" for d in sorted(folder.iterdir()) if (d / "migration.sql").exists())
    done = subprocess.run([BIN + "/psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", url], input=sql, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(url) as db:
        db.execute(ROWS)
        db.execute('INSERT INTO "LiteLLM_Config" (param_name, param_value) VALUES (\'environment_variables\', %s)',
                   (json.dumps({"UP_KEY": sealed["gcm"][0], "PLAIN": "p", "DATABASE_URL": sealed["old"][0]}),))
        db.execute('UPDATE "LiteLLM_TeamTable" SET metadata = %s', (json.dumps({"tags": ["t"], "logging": [
            {"callback_name": "langfuse", "callback_type": "success", "callback_vars": {"langfuse_secret_key": "litellm_enc::" + sealed["gcm"][0]}}]}),))
        db.execute('INSERT INTO "LiteLLM_VerificationToken" (token, key_name, key_alias, team_id, user_id, models, max_budget, spend, budget_duration, metadata, rpm_limit,'
                   " agent_id) VALUES (%s, 'sk-...1234', 'old key', 'team', 'ada', '{gpt}', 20, 7.123456789, '30d', '{\"tags\": [\"k\"]}', 60, 'agent')", (digest(OLD),))
        db.execute('INSERT INTO "LiteLLM_DeprecatedVerificationToken" (id, token, active_token_id, revoke_at) VALUES (%s, %s, %s, now() + interval \'1 day\')',
                   ("d", digest(ROTATED), digest(OLD)))
        db.execute('INSERT INTO "LiteLLM_CredentialsTable" (credential_id, credential_name, credential_values, created_by, updated_by) VALUES (%s, %s, %s, %s, %s)',
                   ("c", "vendor", json.dumps({"api_key": sealed["gcm"][0]}), "x", "x"))
        db.execute('INSERT INTO "LiteLLM_ProxyModelTable" (model_id, model_name, litellm_params, model_info, created_by, updated_by) VALUES (%s, %s, %s, %s, %s, %s)',
                   ("m-1", "stored", json.dumps({"model": sealed["old"][1], "api_key": sealed["old"][0], "api_base": sealed["gcm"][2]}), '{"id": "m-1"}', "x", "x"))
        db.execute('INSERT INTO "LiteLLM_ProxyModelTable" (model_id, model_name, litellm_params, model_info, created_by, updated_by) VALUES (%s, %s, %s, %s, %s, %s)',
                   ("m-2", "model_name_team_4711", json.dumps({"model": sealed["old"][1], "api_key": sealed["old"][0], "api_base": sealed["gcm"][2]}),
                    '{"id": "m-2", "team_id": "team", "team_public_model_name": "ours"}', "x", "x"))
        db.execute('INSERT INTO "LiteLLM_JWTKeyMapping" (id, jwt_claim_name, jwt_claim_value, token, updated_at) VALUES (%s, %s, %s, %s, now())',
                   ("map-1", "client_id", "robot", digest(OLD)))
        db.execute('INSERT INTO "LiteLLM_JWTKeyMapping" (id, jwt_issuer, jwt_claim_name, jwt_claim_value, token, updated_at) VALUES (%s, %s, %s, %s, %s, now())',
                   ("map-2", "https://one.example", "client_id", "other", digest(OLD)))


@pytest.fixture
def theirs(postgres, sealed):
    name = f"litellm_{kit.unique()}"
    postgres.ask(f"CREATE DATABASE {name}")
    seed(postgres.url(name), sealed)
    return postgres.url(name)


def bring(theirs, gateway, check=True):
    return sluice("import", "litellm", "--from", theirs, "--config", gateway.config_path, check=check, **gateway.env)


def test_its_tables_are_taken_over_and_handed_back(theirs, start, sealed):
    gateway = start({"model_list": [kit.deployment("gpt", "openai/gpt-4o", "http://127.0.0.1:9/v1", mock_response="hello")],
                     "litellm_settings": {"num_retries": 1}, "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}}, env={"LITELLM_SALT_KEY": SALT})
    first = bring(theirs, gateway)
    assert first.returncode == 0 and "1 brought" in next(x for x in first.stdout.splitlines() if x.startswith("keys")), first.stdout + first.stderr

    def get(path):
        answer = gateway.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    key = get(f"/key/info?key={OLD}")["info"]
    assert (key["key_alias"], key["team_id"], key["user_id"], key["max_budget"], key["rpm_limit"]) == ("old key", "team", "ada", 20, 60)
    assert key["spend"] == 7.123456789 and key["metadata"]["tags"] == ["k"] and key["models"] == ["gpt"]
    agent = get("/v1/agents/agent")
    assert (key["agent_id"], agent["agent_name"], agent["litellm_params"], agent["spend"]) == ("agent", "An Agent", {"max_iterations": 5}, 2.5)
    team = get("/team/info?team_id=team")
    assert team["team_info"]["spend"] == 12.5 and team["team_info"]["max_budget"] == 100 and team["team_info"]["team_alias"] == "The Team"
    member = team["team_memberships"][0]
    assert member["user_id"] == "ada" and member["spend"] == 1.5
    assert get("/user/info?user_id=ada")["user_info"]["user_email"] == "ada@example.org"
    org = get("/organization/info?organization_id=org")
    assert org["spend"] == 17.25 and org["litellm_budget_table"]["max_budget"] == 1000 and org["members"][0]["user_role"] == "org_admin"
    assert get("/customer/info?end_user_id=customer'%3B --%25")["spend"] == 0.5
    for used in (OLD, ROTATED):
        answer = gateway.post("/v1/chat/completions", {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}, headers={"Authorization": f"Bearer {used}"})
        assert answer.status_code == 200, answer.text
    stored = kit.until(lambda: next((m for m in get("/model/info")["data"] if m["model_name"] == "stored"), None), what="the model of the store")
    assert stored["model_info"]["db_model"] is True and stored["litellm_params"]["model"] == "openai/gpt-4o" and "sk-vendor-secret" not in json.dumps(stored)

    own = next(m for m in get("/model/info")["data"] if m["model_info"]["id"] == "m-2")
    assert own["model_info"]["team_public_model_name"] == "ours" and own["model_name"].startswith("model_name_team_")
    assert "ours" in {m["id"] for m in get("/v1/models?team_id=team")["data"]}
    assert get("/jwt/key/mapping/info?id=map-1")["jwt_claim_value"] == "robot"

    # its settings: what can be in force is, and the rest is told
    told = dict(line.removeprefix("sluice: settings ").removeprefix("sluice: variables ").split(": ", 1) for line in first.stderr.splitlines()
                if line.startswith(("sluice: settings", "sluice: variables")))
    assert set(told) == {"general_settings/master_key", "litellm_settings/success_callback", "litellm_settings/num_retries", "router_settings/routing_strategy",
                         "environment_variables/DATABASE_URL"}, first.stderr
    assert "the file counts" in told["litellm_settings/num_retries"] and "not in force" in told["litellm_settings/success_callback"]
    assert next(x for x in first.stdout.splitlines() if x.startswith("settings")).split()[1::2][:3] == ["8", "4", "0"], first.stdout
    assert "sluice: claims of tokens map-2: it is of one issuer" in first.stderr and "sk-vendor-secret" not in first.stderr + first.stdout
    now = kit.until(lambda: (said := get("/config/yaml"))["general_settings"].get("completion_model") and said, what="the settings")
    assert (now["general_settings"]["completion_model"], now["litellm_settings"]["max_fallbacks"], now["router_settings"]["retry_after"]) == ("gpt", 3, 1)
    assert now["router_settings"]["fallbacks"] == [{"stored": ["gpt"]}] and now["litellm_settings"]["num_retries"] == 1
    assert now["environment_variables"] == {"PLAIN": "***", "UP_KEY": "***"}
    endpoint, = (e for e in get("/config/pass_through_endpoint")["endpoints"] if e["path"] == "/theirs")
    assert endpoint["id"] == "e-1" and endpoint["headers"] == {"x-token": "********"}
    assert team["team_info"]["object_permission"]["vector_stores"] == ["store-1"]
    assert team["team_info"]["metadata"]["logging"][0]["callback_vars"] == {"langfuse_secret_key": "***REDACTED***"}
    with sqlite3.connect(f"file:{gateway.run}/sluice.db?mode=ro", uri=True) as ours:
        kept, = ours.execute("SELECT doc FROM sluice_team WHERE team_id = 'team'").fetchone()
        assert sealed["gcm"][0] in kept                           # as it was sealed there

    again = bring(theirs, gateway)                                # nothing changed: nothing is brought
    assert all("0 brought" in line for line in again.stdout.splitlines()), again.stdout
    with psycopg.connect(theirs) as db:
        db.execute("""UPDATE "LiteLLM_Config" SET param_value = param_value || '{"max_fallbacks": 4}' WHERE param_name = 'litellm_settings'""")
    assert "settings                      8 there        1 brought        0 failed, 4 left" in bring(theirs, gateway).stdout
    kit.until(lambda: get("/config/yaml")["litellm_settings"]["max_fallbacks"] == 4, what="the changed setting")
    with psycopg.connect(theirs) as db:
        db.execute('UPDATE "LiteLLM_VerificationToken" SET spend = spend + 1, key_alias = \'renamed\'')
    third = bring(theirs, gateway)
    assert sum("1 brought" in line for line in third.stdout.splitlines()) == 1, third.stdout
    kit.until(lambda: get(f"/key/info?key={OLD}")["info"]["key_alias"] == "renamed", what="the new alias")
    assert get(f"/key/info?key={OLD}")["info"]["spend"] >= 8.123456789

    # what was made here, with what it points at, and what was spent here
    def post(path, **body):
        answer = gateway.post(path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()
    post("/budget/new", budget_id="our-tier", max_budget=3)
    post("/organization/new", organization_id="our-org", organization_alias="Ours")
    post("/team/new", team_id="our-team", organization_id="our-org")
    post("/project/new", project_id="our-project", team_id="our-team", project_alias="Ours too", max_budget=4, model_rpm_limit={"gpt": 8})
    made = post("/key/generate", key_alias="made here", models=["gpt"], team_id="our-team", budget_id="our-tier", project_id="our-project", spend=0.25)
    post("/key/update", key=OLD, spend=11.5)
    post("/customer/new", user_id="our-buyer", alias="Buyer", budget_id="our-tier", spend=0.125)
    post("/tag/new", name="our-tag", description="ours")
    post("/credentials", credential_name="our-credential", credential_values={"api_key": "sk-our-first-secret"}, credential_info={"note": "x"})
    post("/model/new", model_name="our model", model_info={"id": "our-model", "mode": "chat"},
         litellm_params={"model": "openai/gpt-4.1", "api_key": "sk-our-second-secret", "rpm": 5, "extra_headers": {"x-far": "sk-our-third-secret"}})
    done = sluice("export", "litellm", "--to", theirs, "--config", gateway.config_path, check=False, **gateway.env)
    assert done.returncode == 0, done.stdout + done.stderr
    with psycopg.connect(theirs) as db:
        back = {row[0]: row[1:] for row in db.execute('SELECT token, key_alias, budget_id, spend FROM "LiteLLM_VerificationToken"').fetchall()}
        assert back[made["token"]] == ("made here", "our-tier", 0.25) and back[digest(OLD)][:2] == ("renamed", None)
        assert 11.5 <= back[digest(OLD)][2] < 11.6               # with the two calls, if their rows came late
        assert db.execute('SELECT team_id FROM "LiteLLM_TeamTable" WHERE organization_id = \'our-org\'').fetchall() == [("our-team",)]
        assert db.execute('SELECT alias, spend, budget_id FROM "LiteLLM_EndUserTable" ORDER BY spend DESC').fetchall() == [("C", 0.5, "tier"), ("Buyer", 0.125, "our-tier")]
        alias, team, rpm, tier = db.execute('SELECT project_alias, team_id, model_rpm_limit, max_budget FROM "LiteLLM_ProjectTable" JOIN "LiteLLM_BudgetTable" USING (budget_id)').fetchone()
        assert (alias, team, rpm, tier) == ("Ours too", "our-team", {"gpt": 8}, 4)
        assert db.execute('SELECT token FROM "LiteLLM_VerificationToken" WHERE project_id = \'our-project\'').fetchall() == [(made["token"],)]
        assert ("our-tag", "ours") in db.execute('SELECT tag_name, description FROM "LiteLLM_TagTable"').fetchall()
        values, note = db.execute('SELECT credential_values, credential_info FROM "LiteLLM_CredentialsTable" WHERE credential_name = \'our-credential\'').fetchone()
        name, params, about = db.execute('SELECT model_name, litellm_params, model_info FROM "LiteLLM_ProxyModelTable" WHERE model_id = \'our-model\'').fetchone()
        assert (name, note, about["id"], about["mode"], params["rpm"]) == ("our model", {"note": "x"}, "our-model", "chat", 5)
        assert params["extra_headers"] == {"x-far": "sk-our-third-secret"} and set(params) == {"model", "api_key", "rpm", "extra_headers"}      # as LiteLLM itself keeps it
        opened = litellm("litellm_rows.py", SALT, "--open", values["api_key"], params["api_key"], params["model"])
        assert opened == ["sk-our-first-secret", "sk-our-second-secret", "openai/gpt-4.1"]
        db.execute('UPDATE "LiteLLM_VerificationToken" SET spend = spend + 2 WHERE token = %s', (digest(OLD),))
    bring(theirs, gateway)                                        # what was handed back is not brought again; what was spent there since is
    assert get(f"/key/info?key={OLD}")["info"]["spend"] - back[digest(OLD)][2] == pytest.approx(2, abs=0.01)
    assert get(f"/key/info?key={made['token']}")["info"]["spend"] == 0.25 and get("/organization/info?organization_id=org")["spend"] < 17.3


def test_both_in_one_database(theirs, start, sealed):
    """The first that comes to mind: our tables beside LiteLLM's own, in and out again."""
    sluice("db", "migrate", "--database", theirs)
    gateway = start({"model_list": [kit.deployment("gpt", "openai/gpt-4o", "http://127.0.0.1:9/v1", mock_response="hello", input_cost_per_token=0, output_cost_per_token=0)],
                     "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY", "database_url": theirs}}, env={"LITELLM_SALT_KEY": SALT})
    assert "1 brought" in next(x for x in bring(theirs, gateway).stdout.splitlines() if x.startswith("keys"))
    chat = {"model": "gpt", "messages": [{"role": "user", "content": "x"}]}
    assert gateway.post("/v1/chat/completions", chat, headers={"Authorization": f"Bearer {OLD}"}).status_code == 200
    made = gateway.post("/key/generate", {"key_alias": "made here", "max_budget": 3, "spend": 1.25}).json()
    sluice("export", "litellm", "--to", theirs, "--config", gateway.config_path, **gateway.env)
    with psycopg.connect(theirs) as db:
        assert db.execute('SELECT spend, max_budget FROM "LiteLLM_VerificationToken" WHERE token = %s', (made["token"],)).fetchall() == [(1.25, 3)]
        assert db.execute('SELECT spend FROM "LiteLLM_VerificationToken" WHERE token = %s', (digest(OLD),)).fetchall() == [(7.123456789,)]
    bring(theirs, gateway)                                                                               # what was handed over is not spent twice
    info = gateway.get(f"/key/info?key={made['token']}").json()["info"]
    assert (info["spend"], info["max_budget"], info["key_alias"]) == (1.25, 3, "made here")


def test_an_import_that_is_cut_in_the_middle(theirs, start, postgres):
    """By the end of its process: what came is whole, and the next one brings the rest; by the end of its connection to what it reads: it asks again."""
    gateway = start({"model_list": [kit.deployment("gpt", "openai/gpt-4o", "http://127.0.0.1:9/v1", mock_response="hello")],
                     "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}}, env={"LITELLM_SALT_KEY": SALT})
    n = 2000
    with psycopg.connect(theirs) as db:
        db.execute("""INSERT INTO "LiteLLM_VerificationToken" (token, key_name, key_alias, team_id, user_id, models, max_budget, spend)
            SELECT lpad(to_hex(i), 64, '0'), 'sk-...' || i, 'bulk ' || i, 'team', 'ada', '{gpt}', i, 1 FROM generate_series(1, %s) i""", (n,))

    def bulk():
        with sqlite3.connect(f"file:{gateway.run}/sluice.db?mode=ro", uri=True) as ours:
            return ours.execute("SELECT count(*) FROM sluice_key WHERE alias LIKE 'bulk %'").fetchone()[0]

    def begin():
        return subprocess.Popen([kit.BUILD / "sluice", "import", "litellm", "--from", theirs, "--config", gateway.config_path], cwd="/", stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, env=kit.ENV | {k: str(v) for k, v in gateway.env.items()})

    running = begin()
    kit.until(bulk, what="the first keys")
    running.kill()
    running.communicate()
    assert 0 < bulk() < n, "it was too quick to be cut"
    waits = f"FROM pg_stat_activity WHERE datname = '{theirs.rpartition('/')[2]}' AND wait_event_type = 'Lock'"
    with psycopg.connect(theirs) as db:
        db.execute('LOCK TABLE "LiteLLM_VerificationToken"')
        running = begin()
        kit.until(lambda: postgres.ask(f"SELECT pg_terminate_backend(pid) {waits}"), what="it to read keys")
    said = running.communicate(timeout=60)[0]
    assert running.returncode == 0 and "0 failed" in said and bulk() == n, said
    again = bring(theirs, gateway)
    assert all("0 brought" in line for line in again.stdout.splitlines()), again.stdout
    info = gateway.get("/key/info?key=" + f"{n:x}".rjust(64, "0")).json()["info"]
    assert (info["max_budget"], info["spend"], info["team_id"]) == (n, 1, "team")


def test_another_salt_key_opens_nothing_and_says_so(theirs, start):
    gateway = start({"model_list": [kit.deployment("gpt", "openai/gpt-4o", "http://127.0.0.1:9/v1", mock_response="hello")],
                     "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}}, env={"LITELLM_SALT_KEY": "sk-another-salt"})
    done = bring(theirs, gateway, check=False)
    assert done.returncode == 1 and "LITELLM_SALT_KEY" in done.stderr
    assert gateway.get(f"/key/info?key={OLD}").status_code == 200          # all else came


def test_a_database_that_is_none(start, postgres, fresh_database):
    gateway = start({"model_list": [kit.deployment("gpt", "openai/gpt-4o", "http://127.0.0.1:9/v1", mock_response="hello")],
                     "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}})
    done = bring(postgres.url(fresh_database), gateway, check=False)
    assert done.returncode == 1 and "no tables of LiteLLM" in done.stderr
    done = bring(f"postgresql://nobody:secret-word@127.0.0.1:{kit.free_port()}/x", gateway, check=False)
    assert done.returncode == 1 and "secret-word" not in done.stderr


def test_its_proxy_client(start):
    gateway = start({"model_list": [kit.deployment(name, f"openai/{name}", "http://127.0.0.1:9/v1", mock_response=f"I am {name}",
                                                   input_cost_per_token=0, output_cost_per_token=0) for name in ("hello", "gpt")],
                     "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}})
    said = litellm("litellm_client.py", gateway.url, kit.KEY)
    wrong = {name: answer["error"] for name, answer in said.items() if isinstance(answer, dict) and set(answer) == {"error"}}
    assert set(wrong) == {"chat_refused", "key_gone", "chat_after", "user_gone"}, wrong
    assert "Unauthorized" in wrong["chat_refused"] and "Unauthorized" in wrong["chat_after"]
    assert said["key_info"]["info"]["key_alias"] == "client-key" and said["key_list"]["total_count"] >= 1
    assert said["model_get"]["model_info"]["id"] == "made-1" and {"hello", "gpt"} <= {m["id"] for m in said["models"]}
    assert said["user_flat"]["user_id"] == "client-user" and said["teams_available"] == []
    assert said["credential_after"]["credential_info"] == {"description": "of the client"} and said["credential_after"]["display_name"] == "The Client's"
    assert "cli-key" in said["$ keys list --return-full-object"] and "from-cli" in said["$ models list --format json"] and "cli@example.org" in said["$ users list"]
    assert "cli-credential" in said["$ credentials list"] and "client-team" in said["$ teams list"]
    assert said["chat"]["choices"][0]["message"]["content"] == "I am hello"
    assert "sk-secret-of-the-vendor" not in json.dumps([said["credentials"], said["credential_get"]])
    assert {name: shape["wrong"] for name, shape in said["shapes"].items() if shape["wrong"]} == {}
    lacks = {name: left for name, shape in said["shapes"].items() if (left := set(shape["lacks"]) - LACKING - OF_ONE.get(name, set())) and name not in MORE}
    assert lacks == {}
