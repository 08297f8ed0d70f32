# SPDX-License-Identifier: Apache-2.0
"""Corporate networks: TLS with a private CA, forward proxies, NO_PROXY."""
import json
import subprocess

import pytest
import requests

import kit
from kit import deployment


def make_ca(where, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-days", "30",
                    "-keyout", where / f"{name}.key", "-out", where / f"{name}.pem", "-addext", "basicConstraints=critical,CA:TRUE",
                    "-addext", "keyUsage=critical,keyCertSign"], check=True, capture_output=True)


def make_leaf(where, ca, name, subject):
    (where / "ext").write_text(f"subjectAltName={subject}\n")
    subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                    "-keyout", where / f"{name}.key", "-out", where / f"{name}.csr"], check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-req", "-in", where / f"{name}.csr", "-CA", where / f"{ca}.pem", "-CAkey", where / f"{ca}.key", "-CAcreateserial",
                    "-days", "30", "-extfile", where / "ext", "-out", where / f"{name}.pem"], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates():
    where = kit.folder()
    for ca in ("corp", "other"):
        make_ca(where, ca)
    make_leaf(where, "corp", "good", "DNS:localhost,IP:127.0.0.1")
    make_leaf(where, "corp", "elsewhere", "DNS:elsewhere.test")
    for name in ("anna", "bert"):
        make_leaf(where, "corp", name, f"DNS:{name}.test")
    for path in where.iterdir():
        path.chmod(0o644)
    yield where
    kit.shutil.rmtree(where)


@pytest.fixture(scope="module")
def secure(certificates, shared_folder):
    server = kit.Upstream(shared_folder, "--tls", certificates / "good.pem", certificates / "good.key", scheme="https")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def elsewhere(certificates, shared_folder):
    server = kit.Upstream(shared_folder, "--tls", certificates / "elsewhere.pem", certificates / "elsewhere.key", scheme="https")
    yield server
    server.stop()


def config(base, **settings):
    return {"model_list": [deployment("gpt", "openai/script:fixed", base + "/v1"), deployment("claude", "anthropic/script:fixed", base)],
            "router_settings": {"num_retries": 0}} | settings


def test_a_private_ca(start, secure, certificates):
    for options in ({"env": {"SSL_CERT_FILE": certificates / "corp.pem"}}, {}):
        settings = {} if options else {"litellm_settings": {"ssl_verify": str(certificates / "corp.pem")}}
        gateway = start(config(secure.base, **settings), **options)
        for stream in (False, True):
            assert gateway.chat("gpt", stream=stream).status_code == 200
            assert gateway.messages("gpt", stream=stream).status_code == 200
            assert gateway.chat("claude", stream=stream).status_code == 200
    assert secure.stats()["accepted"] < 12


@pytest.mark.parametrize("ca", ["other", None])
def test_an_unknown_ca_is_refused(start, secure, certificates, ca):
    gateway = start(config(secure.base), env={"SSL_CERT_FILE": certificates / "other.pem"} if ca else {})
    before = len(secure.received())
    answer = gateway.chat("gpt")
    assert answer.status_code == 502 and "certificate" in answer.json()["error"]["message"]
    assert len(secure.received()) == before
    assert "certificate" in gateway.error_log()


def test_a_wrong_name_is_refused(start, elsewhere, certificates):
    gateway = start(config(elsewhere.base), env={"SSL_CERT_FILE": certificates / "corp.pem"})
    assert gateway.chat("gpt").status_code == 502 and elsewhere.received() == []


def test_verification_switched_off(start, elsewhere):
    gateway = start(config(elsewhere.base, litellm_settings={"ssl_verify": False}))
    assert gateway.chat("gpt").status_code == 200


def test_client_certificates(start, certificates, shared_folder):
    """Two deployments of one server, each known by its own certificate; a third has none and is turned away."""
    server = kit.Upstream(shared_folder, "--tls", certificates / "good.pem", certificates / "good.key", "--client-ca", certificates / "corp.pem", scheme="https")
    server.cert = (certificates / "good.pem", certificates / "good.key")
    mine = {name: {"client_cert": str(certificates / f"{name}.pem"), "client_key": str(certificates / f"{name}.key")} for name in ("anna", "bert")}
    mine["nobody"] = {}
    gateway = start({"model_list": [deployment(name, f"openai/script:fixed,text={name}", server.base + "/v1", ssl_verify=str(certificates / "corp.pem"), **more)
                                    for name, more in mine.items()], "router_settings": {"num_retries": 0}})
    for _ in range(3):
        for name in ("anna", "bert"):
            assert gateway.chat(name, stream=True).status_code == 200 and gateway.messages(name).status_code == 200
        refused = gateway.chat("nobody")
        assert refused.status_code == 502 and refused.json()["error"]["message"]
    seen = {(json.loads(e["body"])["model"], e["client"]) for e in server.received()}
    assert seen == {("script:fixed,text=anna", "anna"), ("script:fixed,text=bert", "bert")}
    server.stop()


def test_a_key_that_belongs_to_another(certificates):
    config = {"model_list": [deployment("a", "openai/a", "https://engine.test/v1", client_cert=str(certificates / "anna.pem"),
                                        client_key=str(certificates / "bert.key"))]}
    (certificates / "wrong.yaml").write_text(json.dumps(config))
    checked = subprocess.run([kit.BUILD / "sluice", "check", certificates / "wrong.yaml"], capture_output=True, text=True, timeout=60, env=kit.ENV)
    assert checked.returncode == 1 and "does not belong to the certificate" in checked.stdout and "PRIVATE" not in checked.stdout


TINYPROXY = """Port {port}
Listen 127.0.0.1
Timeout 60
LogFile "{log}"
LogLevel Info
Allow 127.0.0.1
BasicAuth corp secret
ConnectPort {connect}
"""


@pytest.fixture
def proxy(secure):
    where = kit.folder()
    port = kit.free_port()
    (where / "t.conf").write_text(TINYPROXY.format(port=port, log=where / "run" / "proxy.log", connect=secure.port))
    kit.give(where)
    server = kit.Server([*kit.as_user(), "tinyproxy", "-d", "-c", where / "t.conf"], where / "out")
    server.ready(lambda: kit.socket.create_connection(("127.0.0.1", port), 1).close() or True)
    server.port = port
    server.connects = lambda: (where / "run" / "proxy.log").read_text().count("CONNECT localhost")
    yield server
    server.stop()
    kit.shutil.rmtree(where)


def test_through_a_forward_proxy(start, secure, proxy, certificates):
    base = f"https://localhost:{secure.port}"
    gateway = start(config(base), env={"HTTPS_PROXY": f"http://corp:secret@127.0.0.1:{proxy.port}", "SSL_CERT_FILE": certificates / "corp.pem"})
    for stream in (False, True):
        assert gateway.chat("gpt", stream=stream).status_code == 200
    assert proxy.connects() > 0
    everything = "".join(p.read_text(errors="replace") for p in gateway.run.glob("*.log"))
    assert "corp:secret" not in everything


def test_what_passes_through_a_forward_proxy(start, secure, proxy, certificates):
    """As it is, by libcurl too."""
    base = f"https://localhost:{secure.port}"
    gateway = start(config(base), env={"HTTPS_PROXY": f"http://corp:secret@127.0.0.1:{proxy.port}", "SSL_CERT_FILE": certificates / "corp.pem",
                                       "OPENAI_BASE_URL": base + "/v1", "OPENAI_API_KEY": "ok"})
    blob, url = bytes(range(256)) * 1000, gateway.url + "/openai/v1/files/a?x=1"
    for method, body in (("PUT", blob), ("HEAD", b""), ("PATCH", b"\0"), ("GET", b""), ("DELETE", blob), ("DELETE", b""), ("HEAD", b""), ("POST", blob)):
        answer = requests.request(method, url, data=body, headers=gateway.headers(), timeout=60)
        assert answer.status_code == 200 and answer.content == body, method
        assert (answer.headers["x-kit-method"], answer.headers["x-kit-path"]) == (method, "/v1/files/a?x=1")
    ask = {"model": "script:fixed", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    assert gateway.post("/openai/v1/chat/completions", ask).content == secure.post("/v1/chat/completions", ask).content
    assert proxy.connects() > 0 and not any(e["problems"] for e in secure.received())


def test_the_proxy_of_the_configuration(start, secure, proxy, certificates):
    base = f"https://localhost:{secure.port}"
    gateway = start(config(base, environment_variables={"HTTPS_PROXY": f"http://corp:secret@127.0.0.1:{proxy.port}",
                                                        "SSL_CERT_FILE": str(certificates / "corp.pem")}))
    assert gateway.chat("gpt").status_code == 200 and proxy.connects() > 0


def test_no_proxy(start, secure, proxy, certificates):
    base = f"https://localhost:{secure.port}"
    gateway = start(config(base), env={"HTTPS_PROXY": f"http://corp:secret@127.0.0.1:{proxy.port}", "NO_PROXY": "example.test,localhost",
                                       "SSL_CERT_FILE": certificates / "corp.pem"})
    assert gateway.chat("gpt").status_code == 200 and proxy.connects() == 0


def test_a_proxy_that_wants_another_password(start, secure, proxy, certificates):
    base = f"https://localhost:{secure.port}"
    gateway = start(config(base), env={"HTTPS_PROXY": f"http://corp:wrong@127.0.0.1:{proxy.port}", "SSL_CERT_FILE": certificates / "corp.pem"})
    answer = gateway.chat("gpt")
    assert answer.status_code == 502 and "proxy" in answer.json()["error"]["message"] and "wrong" not in answer.text
