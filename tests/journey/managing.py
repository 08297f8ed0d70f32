# SPDX-License-Identifier: Apache-2.0
"""Calling the management API as its clients do."""
import hashlib

import requests

import databases
import kit


HELLO = {"model": "hello", "messages": [{"role": "user", "content": "hi"}]}


def config(**litellm):
    return {"model_list": [kit.deployment("hello", "openai/hello", "http://127.0.0.1:9/v1", mock_response="Hello", input_cost_per_token=0, output_cost_per_token=0)],
            "litellm_settings": litellm, "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}}


def digest(key):
    return hashlib.sha256(key.encode()).hexdigest()


def caught_up(url, *hosts):
    """Once those hosts have heard of every change so far: nothing that their workers know is dropped for it any more."""
    for host in hosts:
        own = Caller(host.gateway, host.post("/key/generate")["key"])
        own.post("/v1/chat/completions", **HELLO)
        databases.sluice("key", "block", own.session.headers["x-api-key"], "-d", url)          # behind the backs of all hosts
        kit.until(lambda: own.status() == 401, what="a change to come round")


class Caller:
    """Whoever holds a key; the BerriAI Terraform provider sends it as x-api-key only."""

    def __init__(self, gateway, key=kit.KEY):
        self.gateway, self.session = gateway, requests.Session()
        self.session.headers["x-api-key"] = key

    def ask(self, method, path, status=200, **options):
        answer = self.session.request(method, self.gateway.url + path, timeout=30, **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def get(self, path, status=200, /, **query):
        return self.ask("GET", path, status, params=query)

    def post(self, path, status=200, /, **body):
        return self.ask("POST", path, status, json=body)

    def status(self, **more):
        """Of a chat completion."""
        return self.session.post(self.gateway.url + "/v1/chat/completions", json=HELLO | more, timeout=30).status_code

    def refused(self, path, status, /, **body):
        """The error of a POST, in LiteLLM's envelope."""
        error = self.post(path, status, **body)["error"]
        assert set(error) == {"message", "type", "param", "code"} and error["code"] == str(status)
        return error
