# SPDX-License-Identifier: Apache-2.0
"""Operating it: new configurations, graceful ends, killed workers, levelled load, logs that are moved away."""
import json
import os
import signal
import threading

import pytest
import requests

import kit
from kit import deployment, sse, until
from test_web_servers import hold


def config(upstream, **more):
    base = upstream.base + "/v1"
    return {"model_list": [deployment("gpt", "openai/script:fixed", base), deployment("held", "openai/script:silent,after=3", base),
                           deployment("openai/*", "openai/*", base)],
            "router_settings": {"num_retries": 0}} | more


class Held:
    """A stream that has begun and waits until the upstream is told to end, or for ever."""

    def __init__(self, gateway, model="held"):
        body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "x"}]}
        self.answer = requests.post(gateway.url + "/v1/chat/completions", json=body, headers=gateway.headers(), stream=True, timeout=60)
        assert self.answer.status_code == 200
        self.lines = self.answer.iter_lines(chunk_size=1)
        while b"Hello" not in next(self.lines):
            pass

    def rest(self):
        try:
            return b"\n".join(self.lines).decode()
        except requests.exceptions.ChunkedEncodingError:
            return "broken off"

    def leave(self):
        self.answer.close()


SLOW = "openai/script:slow,first=1,gap=75,chunks=20,text=Hello there"


def slow_stream(gateway):
    """Events for one and a half seconds; the thread's result is the list of chunks and whether it ended well."""
    result = []
    begun = threading.Event()

    def read():
        body = {"model": SLOW, "stream": True, "messages": [{"role": "user", "content": "x"}]}
        answer = requests.post(gateway.url + "/v1/chat/completions", json=body, headers=gateway.headers(), stream=True, timeout=60)
        begun.set()
        try:
            result.append(sse(answer))
        except Exception as e:          # told to the test, which decides
            result.append(([], e))
    thread = threading.Thread(target=read)
    thread.start()
    assert begun.wait(30)
    return thread, result


def test_a_new_configuration_while_a_stream_finishes(start, upstream):
    gateway = start(config(upstream), workers=2)
    thread, result = slow_stream(gateway)
    gateway.write(config(upstream) | {"model_list": [deployment("new", "openai/script:fixed", upstream.base + "/v1")]})
    gateway.pool.p.send_signal(signal.SIGHUP)
    until(lambda: all(gateway.chat("new").status_code == 200 for _ in range(10)))
    until(lambda: all(gateway.chat("gpt").status_code == 400 for _ in range(10)))
    thread.join(60)
    assert result[0][1] is True and len(result[0][0]) > 10


def test_a_broken_configuration_is_refused(start, upstream):
    gateway = start(config(upstream), workers=2)
    workers = gateway.worker_pids()
    for broken in ("model_list: [", "model_list: []\n", json.dumps(config(upstream, sluice={"wrokers": 2}))):
        before = len(gateway.error_log())
        gateway.config_path.write_text(broken)
        gateway.pool.p.send_signal(signal.SIGHUP)
        until(lambda: "error" in gateway.error_log()[before:])
        assert gateway.chat("gpt").status_code == 200 and gateway.worker_pids() == workers


@pytest.mark.parametrize("form", ["lighttpd", "proxy_fcgi"])
def test_sigterm_lets_a_stream_finish(start, upstream, form):
    gateway = start(config(upstream), form=form)
    thread, result = slow_stream(gateway)
    gateway.pool.p.send_signal(signal.SIGTERM)
    thread.join(60)
    assert result[0][1] is True and len(result[0][0]) > 10
    until(lambda: gateway.pool.p.poll() is not None)
    assert gateway.pool.p.returncode == 0


def test_idle_workers_end_at_once(start, upstream):
    gateway = start(config(upstream), workers=4)
    assert gateway.chat("gpt").status_code == 200
    gateway.pool.stop()
    assert gateway.pool.p.returncode == 0


def test_a_killed_worker_takes_only_its_own_streams(start, upstream):
    gateway = start(config(upstream), workers=2)
    upstream.reset()
    streams = [Held(gateway) for _ in range(40)]
    workers = gateway.worker_pids()
    assert gateway.metric("litellm_in_flight_requests") >= 40
    gateway.expected = ["ended by signal"]
    os.kill(workers[0], signal.SIGKILL)
    until(lambda: len(gateway.worker_pids()) == 2 and workers[0] not in gateway.worker_pids())
    states = [r["state"] for r in upstream.received("script:silent,after=3")]
    lost = states.count("aborted")
    assert 5 < lost < 35 and states.count("playing") == 40 - lost
    assert gateway.metric("sluice_deployment_in_flight") == 40 - lost
    for _ in range(20):
        assert gateway.chat("gpt").status_code == 200
    for stream in streams:
        stream.leave()
    until(lambda: gateway.metric("litellm_in_flight_requests") == 1)      # the one that asks


def test_kills_at_random_leave_no_count_behind(start, upstream):
    gateway = start(config(upstream), workers=3)
    stop = threading.Event()
    gateway.expected = ["ended by signal"]

    def client(n):
        while not stop.is_set():
            try:
                gateway.chat(f"openai/script:slow,first={n},gap=1,chunks=3", stream=n % 2 == 0)
            except requests.RequestException:
                pass
    clients = [threading.Thread(target=client, args=(n,)) for n in range(8)]
    for thread in clients:
        thread.start()
    for _ in range(6):
        before = gateway.worker_pids()
        os.kill(before[len(before) // 2], signal.SIGKILL)
        until(lambda: len(gateway.worker_pids()) == 3 and before[len(before) // 2] not in gateway.worker_pids())
    stop.set()
    for thread in clients:
        thread.join(30)
    until(lambda: gateway.metric("litellm_in_flight_requests") == 1)
    assert gateway.chat("gpt").status_code == 200


def test_load_is_level(start, upstream):
    """Held streams over 4 workers: who has a tenth (or 8) more than the least one takes no more, but what was on its way already."""
    n, on_their_way = 800 if kit.SANITIZED else 2000, 16
    gateway = start(config(upstream, sluice={"heartbeat": "1s"}), workers=4)

    def counts():
        return [value for (name, _), value in gateway.metrics().items() if name == "sluice_worker_open_exchanges"]
    until(lambda: len(counts()) == 4)
    streams = hold(gateway, "held", n, on_their_way)
    held = counts()
    assert len(held) == 4 and sum(held) >= n
    assert max(held) - min(held) <= max(8, min(held) // 10) + on_their_way + 1, held
    for s in streams:
        s.close()
    until(lambda: gateway.metric("litellm_in_flight_requests") == 1)


def test_a_log_that_was_moved_away(start, upstream):
    gateway = start(config(upstream))
    first = gateway.chat("gpt").headers["x-litellm-call-id"]
    gateway.line(first)
    (gateway.run / "sluice.log").rename(gateway.run / "sluice.log.1")
    seen = until(lambda: gateway.chat("gpt").headers["x-litellm-call-id"] if (gateway.run / "sluice.log").exists() else not gateway.chat("gpt"))
    gateway.line(seen)
    assert first not in (gateway.run / "sluice.log").read_text()


def test_metrics_sum_over_workers(start, upstream):
    gateway = start(config(upstream), workers=3)
    for _ in range(30):
        assert gateway.chat("gpt").status_code == 200
    total = sum(value for (name, labels), value in gateway.metrics().items()
                if name == "litellm_deployment_success_responses_total" and ("requested_model", "gpt") in labels)
    assert total == 30


@pytest.mark.parametrize("form", kit.FORMS + ["nginx", "cgi_lighttpd"])
def test_an_end_under_every_web_server(start, upstream, form):
    """stop() of the kit asserts that nothing crashed, leaked or hung; a stream is open meanwhile."""
    gateway = start(config(upstream, sluice={"drain": "1s", "heartbeat": "100ms"}), form=form)
    stream = Held(gateway)
    gateway.chat("gpt")
    stream.leave()
