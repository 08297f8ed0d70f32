# SPDX-License-Identifier: Apache-2.0
"""The management API behind every web server: bodies of PATCH, PUT and DELETE, large bodies and large answers, odd paths."""
import json
import urllib.parse

import kit
import pytest
from managing import Caller, config

FORMS = kit.FORMS + kit.MORE_FORMS
NOTE = "x" * 60000


@pytest.mark.parametrize("form", FORMS)
def test_all_methods_and_sizes(start, form):
    admin = Caller(start(config(), form=form))
    # a body by each method
    org = admin.post("/organization/new", organization_alias="acme", max_budget=3)["organization_id"]
    team = admin.post("/team/new", team_alias="t", organization_id=org)["team_id"]
    assert admin.ask("PATCH", f"/team/{team}", json={"tpm_limit": 5, "metadata": {"note": NOTE}})["tpm_limit"] == 5
    assert admin.get("/team/info", team_id=team)["team_info"]["metadata"]["note"] == NOTE
    assert admin.ask("PATCH", "/organization/update", json={"organization_id": org, "organization_alias": "new"})["organization_alias"] == "new"
    group = admin.post("/v1/access_group", 201, access_group_name="g", access_model_names=["hello"])["access_group_id"]
    assert admin.ask("PUT", f"/v1/access_group/{group}", json={"access_group_name": "h"})["access_group_name"] == "h"
    # in chunks, where nobody says its length; from a client that waits to be told to go on
    pieces = (piece.encode() for piece in ('{"key_alias": "', "in chunks", '"}'))
    key = admin.ask("POST", "/key/generate", data=pieces, headers={"Content-Type": "application/json"})
    assert key["key_alias"] == "in chunks"
    assert admin.ask("POST", "/key/update", data=json.dumps({"key": key["key"], "metadata": {"note": NOTE}}), headers={"Expect": "100-continue"})["metadata"]["note"] == NOTE
    # names that a path has to wrap up
    admin.post("/credentials", credential_name="vendor's 100% é", credential_values={"api_key": "sk-of-the-vendor"}, credential_info={})
    path = "/credentials/" + urllib.parse.quote("vendor's 100% é", safe="")
    admin.ask("PATCH", path, json={"credential_name": "vendor's 100% é", "credential_values": {"api_key": "sk-another"}, "credential_info": {"a": 1}})
    admin.ask("DELETE", path)
    # an answer of more than a megabyte, and the same in a page
    for i in range(18):
        admin.post("/key/generate", key_alias=f"large-{i}", metadata={"note": NOTE})
    assert len(admin.get("/key/list", return_full_object="true", size=100)["keys"]) == 19
    assert len(admin.session.get(admin.gateway.url + "/key/list?return_full_object=true&size=100").content) > 1_100_000
    head = admin.session.head(admin.gateway.url + "/key/list?return_full_object=true&size=100")
    assert head.status_code == 200 and head.content == b""
    # a body by DELETE, and what it did
    assert admin.ask("DELETE", "/organization/delete", 422, data=b"")["error"]["message"]
    admin.ask("POST", "/team/delete", json={"team_ids": [team]})
    assert admin.ask("DELETE", "/organization/delete", json={"organization_ids": [org]})[0]["organization_id"] == org
    admin.get("/organization/info", 404, organization_id=org)
    # too large
    refused = admin.session.post(admin.gateway.url + "/key/generate", data=b'{"metadata":{"x":"' + b"y" * (5 << 20) + b'"}}', timeout=30)
    assert refused.status_code == 413 and refused.json()["error"]["code"] == "413"
    admin.ask("OPTIONS", "/key/generate", 405)
