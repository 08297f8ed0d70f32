# SPDX-License-Identifier: Apache-2.0
"""Rate limits of keys: by one host's workers, exactly; by two hosts through memcached; and when memcached is stopped, or a worker is killed."""
import concurrent.futures
import os
import signal
import time

import pytest
import requests

import kit
from kit import deployment
from managing import digest

KEYS = {"requests": {"rpm_limit": 20}, "tokens": {"tpm_limit": 10000}, "parallel": {"max_parallel_requests": 2}, "shared": {"rpm_limit": 60},
        "away": {"rpm_limit": 1000}, "none": {}, "zero": {"rpm_limit": 0}, "model": {"model_rpm_limit": {"gpt": 1}}}
SECRETS = {name: f"sk-of-{name}-0123456789" for name in KEYS}


def config(upstream, **own):
    return {"model_list": [deployment("gpt", "openai/script:fixed", upstream.base + "/v1"),
                           deployment("other", "openai/script:fixed", upstream.base + "/v1"),
                           deployment("rated", "openai/script:fixed", upstream.base + "/v1", rpm=40, max_parallel_requests=1000),
                           deployment("slow", "openai/script:fixed,chunks=200,gap=50", upstream.base + "/v1")],
            "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
            "environment_variables": {"LITELLM_RATE_LIMIT_WINDOW_SIZE": "3600"},
            "sluice": {"answer_headers": "litellm", "keys": [{"digest": digest(SECRETS[name])} | limits for name, limits in KEYS.items()]} | own}


@pytest.fixture(scope="module")
def host(upstream):
    gateway = kit.Gateway(config(upstream), workers=2)
    yield gateway
    gateway.stop()


def ask(gateway, name, model="gpt", **more):
    body = {"model": model, "messages": [{"role": "user", "content": "x"}]} | more
    return requests.post(gateway.url + "/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {SECRETS[name]}"}, timeout=60,
                         stream=more.get("stream", False))


def statuses(gateways, name, n, threads=16, model="gpt"):
    """How often which status came, asked by many clients at once of all these gateways in turn."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        answers = list(pool.map(lambda i: ask(gateways[i % len(gateways)], name, model).status_code, range(n)))
    return {status: answers.count(status) for status in set(answers)}


def test_requests_are_counted_by_all_workers_together(host):
    first = ask(host, "requests")
    assert first.status_code == 200
    assert first.headers["x-ratelimit-api_key-limit-requests"] == "20" and first.headers["x-ratelimit-remaining-requests"] == "19"
    assert statuses([host], "requests", 60) == {200: 19, 429: 41}
    refused = ask(host, "requests")
    error = refused.json()["error"]
    assert error["message"].startswith(f"Rate limit exceeded for api_key: {digest(SECRETS['requests'])}. Limit type: requests. Current limit: 20, Remaining: 0.")
    assert refused.headers["x-litellm-call-id"] in error["message"] and SECRETS["requests"] not in refused.text
    assert 0 < int(refused.headers["retry-after"]) <= 7200 and refused.headers["rate_limit_type"] == "requests" and "reset_at" in refused.headers
    assert "x-should-retry" not in refused.headers
    assert ask(host, "none").status_code == 200 and host.chat("gpt").status_code == 200


def test_zero_is_a_limit_and_models_have_their_own(host):
    assert ask(host, "zero").status_code == 429
    assert [ask(host, "model").status_code for _ in range(2)] == [200, 429]
    assert ask(host, "model", "other").status_code == 200


def test_tokens_are_reserved_and_corrected(host):
    refused = 0
    for _ in range(4):
        answer = ask(host, "tokens", max_tokens=9000)       # each reserves nearly all, and uses next to nothing
        refused += answer.status_code != 200
    assert refused == 0
    left = int(ask(host, "tokens", max_tokens=100).headers["x-ratelimit-api_key-remaining-tokens"])
    assert 9000 < left < 10000
    assert ask(host, "tokens", max_tokens=10**9).status_code == 429      # more than is left, now that something is used


def test_calls_at_once_are_exact_and_those_of_the_dead_are_over(upstream, start):
    host = start(config(upstream), workers=2)
    host.expected.append("ended by signal")
    held = [ask(host, "parallel", "slow", stream=True) for _ in range(2)]
    assert [answer.status_code for answer in held] == [200, 200]
    refused = ask(host, "parallel")
    assert refused.status_code == 429 and refused.headers["rate_limit_type"] == "max_parallel_requests" and refused.headers["retry-after"] == "1"
    held[0].close()
    kit.until(lambda: ask(host, "parallel").status_code == 200, what="a call after another left")
    for pid in host.worker_pids():
        os.kill(pid, signal.SIGKILL)
    kit.until(lambda: [ask(host, "parallel").status_code for _ in range(2)] == [200, 200], what="calls after the workers were killed")
    held[1].close()


def test_two_hosts_share_a_limit(upstream, memcached, start):
    hosts = [start(config(upstream, memcached=memcached.address, memcached_wait="10s"), workers=2) for _ in range(2)]     # the machine may be busy
    assert statuses(hosts, "shared", 150) == {200: 60, 429: 90}
    assert statuses(hosts, "none", 100, model="rated") == {200: 40, 429: 60}         # what a deployment has room for is shared as well
    for host in hosts:
        assert host.metric("sluice_memcached_failures_total") == 0


def test_two_hosts_share_calls_at_once(upstream, memcached, start):
    hosts = [start(config(upstream, memcached=memcached.address, memcached_wait="10s")) for _ in range(2)]
    held = [ask(host, "parallel", "slow", stream=True) for host in hosts]
    assert [answer.status_code for answer in held] == [200, 200]
    for host in hosts:
        refused = ask(host, "parallel")
        assert refused.status_code == 429 and refused.headers["rate_limit_type"] == "max_parallel_requests"
        assert refused.headers["x-ratelimit-api_key-remaining-max_parallel_requests"] == "0"
    held[0].close()
    kit.until(lambda: ask(hosts[1], "parallel").status_code == 200, what="a call of one host after a call of the other")
    held[1].close()


def test_a_stopped_memcached_is_no_error_and_no_wait(upstream, memcached, start):
    hosts = [start(config(upstream, memcached=memcached.address, memcached_wait="500ms"), workers=2) for _ in range(2)]
    assert statuses(hosts, "away", 20) == {200: 20}
    memcached.pause()
    try:
        took = []
        for i in range(60):
            began = time.monotonic()
            assert ask(hosts[i % 2], "away").status_code == 200
            took.append(time.monotonic() - began)
        assert sorted(took)[len(took) // 2] < 0.5, took                      # a worker waits for it once
        assert all("memcached does not answer" in host.error_log() for host in hosts)
        assert sum(host.error_log().count("memcached does not answer") for host in hosts) <= 4       # a worker says it once
        assert hosts[0].metric("sluice_memcached_failures_total") > 0
    finally:
        memcached.resume()
    kit.until(lambda: (ask(hosts[0], "away"), "memcached answers again" in hosts[0].error_log())[1], what="memcached to be found again")
    assert ask(hosts[0], "shared").status_code == 200
