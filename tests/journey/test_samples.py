# SPDX-License-Identifier: Apache-2.0
"""The configurations customers start from, and the two commands of the README."""
import json
import re
import signal
import subprocess

import pytest
import requests

import kit
from kit import KEY, SOURCE, until

SAMPLES = SOURCE / "tests" / "config" / "samples"


def sample(name, **ports):
    """The file with its upstreams' ports moved to free ones, otherwise unchanged."""
    text = (SAMPLES / name).read_text()
    for old, new in ports.items():
        text = text.replace(f":{old[1:]}/", f":{new}/")
    return text


def engine(where, **options):
    return kit.Upstream(where, *sum(([f"--{k}", v] for k, v in options.items()), []))


@pytest.fixture
def engines(shared_folder):
    running = []

    def begin(**options):
        running.append(engine(shared_folder, **options))
        return running[-1]
    yield begin
    for server in running:
        server.stop()


def test_gemma_qwen(start, engines):
    gemma, qwen = engines(), engines()
    gateway = start(sample("gemma-qwen.yaml", p9100=gemma.port, p9101=qwen.port))
    answer = gateway.chat("gemma", content="안녕하세요")
    assert answer.status_code == 200 and answer.json()["model"] == "gemma"
    body = json.loads(gemma.received()[-1]["body"])
    assert body == {"model": "gemma-3-27b-it", "messages": [{"role": "user", "content": "안녕하세요"}]}
    assert qwen.received() == []
    assert gateway.messages("qwen").status_code == 200 and '"qwen3-32b"' in qwen.received()[-1]["body"]
    assert "error" not in gateway.error_log() and "warning" not in gateway.error_log()


def test_two_gemmas_fall_back_to_qwen(start, engines):
    qwen = engines()
    dead = [kit.free_port(), kit.free_port()]
    gateway = start(sample("two-gemma-fallback-qwen.yaml", p9100=dead[0], p9102=dead[1], p9101=qwen.port))
    answer = gateway.chat("gemma")
    assert answer.status_code == 200 and answer.json()["model"] == "gemma"
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1" and answer.headers["x-litellm-model-group"] == "qwen"
    line = gateway.line(answer.headers["x-litellm-call-id"])
    assert {a["error"] for a in line["attempts"][:-1]} == {"UPSTREAM_UNREACHABLE"} and line["attempts"][-1]["status"] == 200
    assert "error:" not in gateway.error_log()


def test_two_gemmas_share(start, engines):
    gemmas, qwen = [engines(), engines()], engines()
    gateway = start(sample("two-gemma-fallback-qwen.yaml", p9100=gemmas[0].port, p9102=gemmas[1].port, p9101=qwen.port))
    for _ in range(40):
        assert gateway.chat("gemma").status_code == 200
    assert all(len(g.received()) > 0 for g in gemmas) and qwen.received() == []


def test_two_vllms_without_a_key(start, engines):
    first, second = engines(), engines()
    gateway = start(sample("two-vllm-openai-prefix.yaml", p8001=first.port, p8002=second.port),
                    env={"OPENAI_API_KEY": "sk-secret-of-openai", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    for _ in range(20):
        assert gateway.chat("qwen-chat").status_code == 200
    received = first.received() + second.received()
    assert len(received) == 20 and "secret" not in str(received)


def run_sh(where, *arguments, **env):
    port = kit.free_port()
    server = kit.Server([SOURCE / "run.sh", *arguments, "--port", port], where / "run.log", SLUICE_STATE=where / "state",
                        HOME=where, SLUICE_SKIP_INSTALL="1", SLUICE_BUILD=kit.BUILD, **env)
    server.ready(lambda: "Ctrl-C ends it" in server.said(), 120)
    return server, port


def test_run_sh_alone(tmp_path):
    server, port = run_sh(tmp_path)
    try:
        chat, generate = re.findall(r"curl .*?\}'", server.said(), re.S)
        said = subprocess.run(["sh", "-c", chat + " -sS"], capture_output=True, text=True, timeout=30)
        assert "This is sluice" in said.stdout, said
        made = json.loads(subprocess.run(["sh", "-c", generate + " -sS"], capture_output=True, text=True, timeout=30).stdout)
        assert made["key_alias"] == "ada" and made["max_budget"] == 1
        said = subprocess.run(["sh", "-c", re.sub(r"Bearer [^\"]*", "Bearer " + made["key"], chat) + " -sS"], capture_output=True, text=True, timeout=30)
        assert "This is sluice" in said.stdout, said
        commands = "\n".join(line for line in server.said().splitlines() if line.startswith(("  export ", '  "')))
        said = subprocess.run(["sh", "-ec", commands], capture_output=True, text=True, timeout=30)
        assert said.returncode == 0 and made["token"] in said.stdout and "why REQUEST" in said.stdout, said
    finally:
        server.stop(signal.SIGINT)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/", timeout=2)
    left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True).stdout
    assert left == ""


def test_run_sh_with_a_configuration(tmp_path, engines, postgres):
    """A database that has no tables of ours yet is told of."""
    gemma, qwen = engines(), engines()
    tmp_path = tmp_path / "a-folder-whose-name-is-longer-than-a-socket-may-have-for-its-path" / "and-then-one-more-of-them"
    tmp_path.mkdir(parents=True)
    (tmp_path / "config.yaml").write_text(sample("gemma-qwen.yaml", p9100=gemma.port, p9101=qwen.port))
    server, port = run_sh(tmp_path, "--config", tmp_path / "config.yaml", LITELLM_MASTER_KEY=KEY, DATABASE_URL=postgres.url(postgres.new("template0")))
    try:
        assert KEY not in server.said()
        kit.until(lambda: "db migrate --config" in server.said(), what="the hint")
        body = {"model": "gemma", "messages": [{"role": "user", "content": "안녕하세요"}]}
        answer = requests.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status_code == 200
    finally:
        server.stop(signal.SIGTERM)


def test_run_sh_on_a_port_in_use(tmp_path, engines):
    other = engines()
    done = subprocess.run([SOURCE / "run.sh", "--port", str(other.port)], capture_output=True, text=True, timeout=120,
                          env=kit.ENV | {"SLUICE_STATE": str(tmp_path), "HOME": str(tmp_path), "SLUICE_BUILD": str(kit.BUILD)})
    assert done.returncode == 1 and done.stdout.count("Ctrl-C ends it") == 0
    assert subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True).stdout == b""
    assert f"port {other.port} is in use" in done.stderr
