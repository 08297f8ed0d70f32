# SPDX-License-Identifier: Apache-2.0
"""Rows and answers of the management API, held against the types that LiteLLM itself declares for them; for litellm_client.py, which has it imported."""
import datetime
import json
import time

import requests
from pydantic import TypeAdapter, ValidationError

import litellm.proxy._types as types
from litellm.types.proxy.management_endpoints.common_daily_activity import SpendAnalyticsPaginatedResponse


class Shapes:
    def __init__(self, base, master):
        self.base, self.session, self.found = base, requests.Session(), {}
        self.session.headers["Authorization"] = "Bearer " + master

    def ask(self, method, path, **more):
        answer = self.session.request(method, self.base + path, timeout=30, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def is_a(self, name, declared, value):
        """What is wrong with it, and which of the declared members it lacks; a validator may write into what it is given."""
        try:
            TypeAdapter(declared).validate_python(json.loads(json.dumps(value)))
            wrong = ""
        except ValidationError as e:
            wrong = str(e)
        fields = getattr(declared, "model_fields", None) or declared.__annotations__
        self.found[name] = {"wrong": wrong, "lacks": sorted(set(fields) - set(value))}


def shapes(base, master):
    s = Shapes(base, master)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    span = {"start_date": str(today - datetime.timedelta(days=1)), "end_date": str(today + datetime.timedelta(days=1))}
    budget = {"max_budget": 5, "budget_duration": "1d"}
    team = s.ask("POST", "/team/new", json=budget | {"team_alias": "shaped", "members_with_roles": [{"role": "admin", "user_id": "shaper"}], "team_member_budget": 1})
    s.is_a("team/new", types.LiteLLM_TeamTable, team)
    key = s.ask("POST", "/key/generate", json=budget | {
        "team_id": team["team_id"], "user_id": "shaper", "duration": "1h", "model_max_budget": {"hello": {"budget_limit": 1, "time_period": "1d"}},
        "budget_limits": [{"budget_duration": "1h", "max_budget": 1}], "tags": ["t"]})
    s.is_a("key/generate", types.GenerateKeyResponse, key)
    s.is_a("key/info", types.LiteLLM_VerificationToken, s.ask("GET", "/key/info", params={"key": key["key"]})["info"] | {"token": key["token"]})
    listed = s.ask("GET", "/key/list", params={"return_full_object": "true"})
    s.is_a("key/list", types.KeyListResponseObject, listed)
    s.is_a("key/list row", types.LiteLLM_VerificationToken, listed["keys"][0])
    told = s.ask("GET", "/team/info", params={"team_id": team["team_id"]})
    s.is_a("team/info", types.TeamInfoResponseObject, told)
    s.is_a("team/info row", types.LiteLLM_TeamTable, told["team_info"])
    s.is_a("team/info member", types.TeamInfoMembership, told["team_memberships"][0])
    s.is_a("team/list row", types.TeamListResponseObject, s.ask("GET", "/team/list")[0])
    user = s.ask("POST", "/user/new", json=budget | {"user_id": "shaped", "user_email": "shaped@example.org"})
    s.is_a("user/new", types.NewUserResponse, user)
    told = s.ask("GET", "/user/info", params={"user_id": "shaped"})
    s.is_a("user/info", types.UserInfoResponse, told)
    s.is_a("user/info row", types.LiteLLM_UserTable, told["user_info"])
    s.is_a("v2/user/info", types.UserInfoV2Response, s.ask("GET", "/v2/user/info", params={"user_id": "shaped"}))
    s.is_a("user/list row", types.LiteLLM_UserTableWithKeyCount, s.ask("GET", "/user/list")["users"][0])
    org = s.ask("POST", "/organization/new", json=budget | {"organization_alias": "shaped"})
    s.is_a("organization/new", types.NewOrganizationResponse, org)
    s.is_a("organization/info", types.LiteLLM_OrganizationTableWithMembers, s.ask("GET", "/organization/info", params={"organization_id": org["organization_id"]}))
    s.ask("POST", "/budget/new", json=budget | {"budget_id": "shaped"})
    s.is_a("budget/info", types.LiteLLM_BudgetTable, s.ask("POST", "/budget/info", json={"budgets": ["shaped"]})[0])
    s.ask("POST", "/customer/new", json=budget | {"user_id": "shaped"})
    s.is_a("customer/info", types.LiteLLM_EndUserTable, s.ask("GET", "/customer/info", params={"end_user_id": "shaped"}))
    call = requests.post(base + "/v1/chat/completions", headers={"Authorization": "Bearer " + key["key"]}, timeout=30,
                         json={"model": "hello", "messages": [{"role": "user", "content": "x"}]})
    rows = []
    for _ in range(200):
        rows = rows or s.ask("GET", "/spend/logs", params={"request_id": call.headers["x-litellm-call-id"]}) or time.sleep(0.05)
    s.is_a("spend/logs row", types.LiteLLM_SpendLogs, {k: json.dumps(v) if k in ("metadata", "request_tags") else v for k, v in rows[0].items()})  # declared as they are inserted
    s.is_a("cost/estimate", types.CostEstimateResponse, s.ask("POST", "/cost/estimate", json={"model": "hello", "input_tokens": 1, "output_tokens": 1}))
    s.is_a("user/daily/activity", SpendAnalyticsPaginatedResponse, s.ask("GET", "/user/daily/activity", params=span))
    return s.found
