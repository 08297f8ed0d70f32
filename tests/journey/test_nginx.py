# SPDX-License-Identifier: Apache-2.0
"""nginx as shipped: the site's own files, sign-on, and that nothing is sent twice."""
import http.server
import os
import signal
import subprocess
import threading

import requests

import kit
from conftest import everyday
from kit import KEY, until
from test_web_servers import Stream


def test_the_files_as_they_are_copied(tmp_path):
    """With the defaults of a site, but for the folder of the logs."""
    kit.shutil.copytree(kit.SOURCE / "nginx", tmp_path / "nginx")
    site = tmp_path / "nginx" / "sluice-site.conf"
    site.write_text(site.read_text().replace("/var/log/nginx", str(tmp_path)))
    tested = subprocess.run(["nginx", "-t", "-p", tmp_path, "-e", "error.log", "-c", tmp_path / "nginx" / "standalone.conf"], capture_output=True, text=True,
                            env=kit.ENV, timeout=60)
    assert tested.returncode == 0 and "[warn]" not in tested.stderr.replace('[warn] the "user" directive', ""), tested.stderr


def restarted(gateway, **files):
    """With these files beside the shipped ones; what stood there before stays in front."""
    for name, text in files.items():
        path = gateway.where / "nginx" / f"sluice-{name.replace('_', '-')}.conf"
        path.write_text((path.read_text() if path.exists() else "") + text)
    gateway.web.stop()
    gateway.parts.remove(gateway.web)
    gateway.start_web(gateway.web.p.args[len(kit.as_user()):])
    gateway.web.ready(lambda: requests.get(gateway.url + "/health/readiness", timeout=5).status_code < 500)


def user_of(gateway, headers=None, **options):
    answer = requests.post(gateway.url + "/v1/chat/completions", json={"model": "hello", "messages": [{"role": "user", "content": "x"}]},
                           headers={"x-litellm-api-key": KEY} | (headers or {}), **options)
    return answer, gateway.line(answer.headers["x-litellm-call-id"]).get("user") if answer.status_code == 200 else None


def test_a_user_is_who_signed_on(start, upstream):
    gateway = start(everyday(upstream), form="nginx")
    assert user_of(gateway, auth=("anna", "anything"))[1] is None            # nobody checked it
    (gateway.where / "users").write_text("anna:{PLAIN}secret\n")
    restarted(gateway, site=f'auth_basic sluice;\nauth_basic_user_file {gateway.where}/users;\n', params_user="fastcgi_param REMOTE_USER $remote_user;\n")
    assert user_of(gateway)[0].status_code == 401
    assert user_of(gateway, auth=("anna", "wrong"))[0].status_code == 401
    assert user_of(gateway, auth=("anna", "secret"))[1] == "anna"


class Sso(http.server.BaseHTTPRequestHandler):
    """Knows who has the right cookie."""

    def do_GET(self):
        known = self.headers.get("Cookie") == "session=annas"
        self.send_response(200 if known else 401)
        self.send_header("X-User", "anna" if known else "")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_auth_request(start, upstream):
    """As doc/nginx.md shows it."""
    sso = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sso)
    threading.Thread(target=sso.serve_forever, daemon=True).start()
    page = (kit.SOURCE / "doc" / "nginx.md").read_text()
    site, params = page.split("# sluice-site.conf\n")[1].split("# sluice-params-user.conf\n")
    gateway = start(everyday(upstream), form="nginx")
    restarted(gateway, site=site.replace("127.0.0.1:9091", f"127.0.0.1:{sso.server_port}"), params_user=params.split("\n\n")[0] + "\n")
    assert user_of(gateway)[0].status_code == 401
    assert user_of(gateway, headers={"Cookie": "session=annas"})[1] == "anna"
    assert user_of(gateway, headers={"Cookie": "session=annas", "Remote-User": "admin", "X-User": "admin"})[1] == "anna"
    sso.shutdown()
    sso.server_close()


def test_nothing_is_sent_twice(start, upstream):
    """Not even where nginx has another server to ask."""
    gateway = start(everyday(upstream), form="nginx", workers=2)
    gateway.expected.append("ended by signal")
    restarted(gateway, upstream=f"server unix:{gateway.socket} max_fails=0;\n")
    model = f"openai/script:silent,seed={kit.unique()}"
    statuses = []
    client = threading.Thread(target=lambda: statuses.append(gateway.chat(model).status_code))
    client.start()
    until(lambda: upstream.received(model))
    for pid in gateway.worker_pids():
        os.kill(pid, signal.SIGKILL)
    client.join(60)
    assert statuses == [502] and len(upstream.received(model)) == 1
    until(lambda: gateway.chat("gpt").status_code == 200)


def test_a_reload_lets_streams_finish(start, upstream):
    gateway = start({"model_list": [kit.deployment("slow", "openai/script:slow,first=1,gap=50,chunks=20", upstream.base + "/v1")]}, form="nginx")
    stream = Stream(gateway)
    gateway.web.p.send_signal(signal.SIGHUP)
    stream.join(60)
    assert stream.whole is True
    assert gateway.chat("slow").status_code == 200
