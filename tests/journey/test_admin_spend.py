# SPDX-License-Identifier: Apache-2.0
"""Reports of spending through the web server: on SQLite and on PostgreSQL, for administrators and for everybody else."""
import sqlite3
import uuid

import pytest

import kit
from managing import Caller, config, digest

DAY = "20261124"
FROM_TO = {"start_date": "2026-11-24", "end_date": "2026-11-26"}


class Store:
    """Either database, for rows that a test puts there itself."""

    def __init__(self, gateway, postgres=None, name=None):
        self.gateway, self.postgres, self.name = gateway, postgres, name

    def do(self, sql, *values):
        if self.postgres:
            return self.postgres.ask(sql.replace("?", "%s"), *values, database=self.name)
        with sqlite3.connect(f"{self.gateway.run}/sluice.db", timeout=10) as db:
            return db.execute(sql, values).fetchall()

    def day(self, kind="", entity="", key="", user="", team="", model="gpt-4o", requests=1, failures=0, prompt=10, completion=5, cost=0, day=DAY):
        values = (int(day), kind, entity, key, user, team, "", "", "gpt", model, "d1", "openai", "acompletion", requests, failures, prompt, completion, 0, 0, 0, cost)
        self.do(f"INSERT INTO sluice_day VALUES ({', '.join('?' * len(values))})", *values)

    def request(self, ms, key="", user="", team="", status=200, cost=0, doc="{}"):
        id = str(uuid.UUID(int=(ms << 80) | (0x7 << 76) | (0x8 << 60) | uuid.uuid4().int & (1 << 60) - 1))
        values = (id, ms, None, ms + 1500, "acompletion", "complete", status, 0, key, user, team, "", "", "", "gpt", "gpt-4o", "d1", "openai", "", 10, 5, 0, 0, 0,
                  cost, 0, "h", '["prod"]', doc)
        self.do(f"INSERT INTO sluice_request VALUES ({', '.join('?' * len(values))})", *values)
        return id


@pytest.fixture(params=["sqlite", "postgres"])
def books(request):
    """(an administrator, a virtual key of ann's, the store) with some days in it."""
    settings, args = config(), ()
    if request.param == "postgres":
        server, name = request.getfixturevalue("postgres"), request.getfixturevalue("fresh_database")
        settings["general_settings"]["database_url"] = server.url(name)
        args = (server, name)
    gateway = request.getfixturevalue("start")(settings)
    admin, store = Caller(gateway), Store(gateway, *args)
    admin.post("/user/new", user_id="ann", user_role="internal_user", auto_create_key=False)
    admin.post("/team/new", team_id="red", team_alias="Red")
    key = admin.post("/key/generate", user_id="ann", key_alias="ann's")["key"]
    store.day(key=digest(key), user="ann", team="red", requests=10, failures=1, prompt=1000, completion=100, cost=1500000000)
    store.day(key="k2", user="bob", team="blue", requests=2, cost=250000000)
    store.day(key="k2", user="bob", team="blue", requests=1, cost=1, day="20261126")
    store.day("tag", "50%_'", key="k2", user="bob", requests=2, cost=250000000)
    return admin, Caller(gateway, key), store


def test_days_and_rows(books):
    admin, ann, store = books
    report = admin.get("/user/daily/activity", **FROM_TO)
    assert [day["date"] for day in report["results"]] == ["2026-11-26", "2026-11-24"]
    assert report["metadata"]["total_spend"] == 1.750000001 and report["metadata"]["total_failed_requests"] == 1
    assert report["results"][1]["breakdown"]["entities"]["ann"]["metrics"]["spend"] == 1.5
    assert ann.get("/user/daily/activity", **FROM_TO)["metadata"]["total_spend"] == 1.5
    assert ann.get("/user/daily/activity", user_id="bob", **FROM_TO)["metadata"]["total_spend"] == 0
    ann.get("/tag/daily/activity", 403, **FROM_TO)
    assert admin.get("/tag/daily/activity", tags="50%_'", **FROM_TO)["metadata"]["total_spend"] == 0.25
    assert admin.get("/tag/daily/activity", tags="%", **FROM_TO)["metadata"]["total_spend"] == 0
    assert admin.get("/spend/tags", **FROM_TO) == [{"individual_request_tag": "50%_'", "log_count": 2, "total_spend": 0.25}]
    assert admin.get("/global/spend/keys", limit=1, **FROM_TO)[0]["key_alias"] == "ann's"
    assert admin.get("/global/spend/report", group_by="team", **FROM_TO)[0]["teams"][0]["team_name"] in ("Red", "blue")
    assert admin.get("/global/activity", **FROM_TO)["sum_api_requests"] == 13
    admin.get("/user/daily/activity", 400)
    admin.get("/user/daily/activity", 400, start_date="2026-11-31", end_date="2026-12-01")
    admin.get("/user/daily/activity", 422, page="1; DROP TABLE sluice_day", **FROM_TO)


def test_pages_of_rows(books):
    admin, ann, store = books
    key = digest(ann.session.headers["x-api-key"])
    ids = [store.request(1795500000000 + i * 1000, key if i % 2 else "k2", "ann" if i % 2 else "bob", cost=i) for i in range(25)]
    whole = {"start_date": "2026-11-24 00:00:00", "end_date": "2026-11-26 00:00:00"}
    page = admin.get("/spend/logs/v2", page=3, page_size=10, **whole)
    assert page["total"] == 25 and page["total_pages"] == 3 and [row["request_id"] for row in page["data"]] == ids[4::-1]
    dear = admin.get("/spend/logs/v2", sort_by="spend", page_size=1, **whole)["data"][0]
    assert dear["request_id"] == ids[24] and dear["spend"] == 0.000000024 and dear["request_tags"] == ["prod"] and dear["status"] == "success"
    on, walked = ids[-1], [ids[-1]]
    while rows := admin.get("/spend/logs/v2", after=on, page_size=7, **whole)["data"]:
        walked += [row["request_id"] for row in rows]
        on = walked[-1]
    assert walked == ids[::-1]
    assert admin.get("/spend/logs", request_id=ids[3])[0]["request_id"] == ids[3]
    assert {row["user"] for row in ann.get("/spend/logs/v2", page_size=100, **whole)["data"]} == {"ann"}
    ann.get(f"/spend/logs/ui/{ids[0]}", 404)
    admin.get("/spend/logs/v2", 400)
    admin.get("/spend/logs/v2", 422, page_size=100000, **whole)
    assert admin.get("/spend/logs/v2", api_key="' OR '1'='1", **whole)["total"] == 0


def test_a_reset_is_the_master_keys(books):
    admin, ann, store = books
    ann.refused("/global/spend/reset", 403)
    root = Caller(admin.gateway, admin.post("/user/new", user_role="proxy_admin")["key"])
    root.refused("/global/spend/reset", 403)
    key = admin.post("/key/generate", spend=3, max_budget=5)["key"]
    assert admin.get("/key/info", key=key)["info"]["spend"] == 3
    assert admin.post("/global/spend/reset")["status"] == "success"
    assert admin.get("/key/info", key=key)["info"]["spend"] == 0
    refused = admin.get("/audit", action="reset", page_size=100)
    assert [row["status"] for row in refused["audit_logs"]] == [200, 403, 403]


def test_other_nouns_as_terraform_handles_them(books):
    admin = books[0]
    admin.post("/budget/new", budget_id="gold", max_budget=10, budget_duration="30d")
    assert admin.post("/budget/info", budgets=["gold"])[0]["max_budget"] == 10
    org = admin.post("/organization/new", organization_alias="Org", budget_id="gold", models=["hello"])["organization_id"]
    assert admin.get("/organization/info", organization_id=org)["litellm_budget_table"]["max_budget"] == 10
    assert admin.ask("PATCH", "/organization/update", json={"organization_id": org, "organization_alias": "New"})["organization_alias"] == "New"
    admin.post("/customer/new", user_id="acme", max_budget=1)
    assert admin.get("/end_user/info", end_user_id="acme")["litellm_budget_table"]["max_budget"] == 1
    admin.post("/tag/new", name="prod", budget_id="gold")
    admin.refused("/budget/delete", 400, id="gold")
    group = admin.ask("POST", "/v1/access_group", 201, json={"access_group_name": "g", "access_model_names": ["hello"], "assigned_team_ids": ["red"]})
    assert admin.get("/team/info", team_id="red")["team_info"]["access_group_ids"] == [group["access_group_id"]]
    answer = admin.session.delete(f"{admin.gateway.url}/v1/access_group/{group['access_group_id']}", timeout=30)
    assert answer.status_code == 204 and answer.content == b""
    assert admin.ask("DELETE", "/organization/delete", json={"organization_ids": [org]})[0]["organization_id"] == org
    admin.get("/organization/info", 404, organization_id=org)
