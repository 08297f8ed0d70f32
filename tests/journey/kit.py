# SPDX-License-Identifier: Apache-2.0
"""The real parts of the journeys: web servers, the gateway, the scripted upstream; started on free ports in a folder of their own."""
import contextlib
import ctypes
import fcntl
import glob
import http.client
import itertools
import json
import os
import pathlib
import shutil
import re
import signal
import socket
import subprocess
import tempfile
import time

import requests

requests.packages.urllib3.disable_warnings()  # the kit asks its own upstream without looking at its certificate
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphaned workers become ours to wait for
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores both, and so would every server started from it
signal.signal(signal.SIGQUIT, signal.SIG_DFL)

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", SOURCE / "build")).resolve()
SANITIZED = b"__asan_init" in (BUILD / "sluice").read_bytes()
KEY = "sk-journey-4f6e2a9c1b7d8e30"
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
USER = "www-data" if os.getuid() == 0 else None


def as_user():
    return ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "--"] if USER else []


def folder():
    """A folder any user may enter, owned by who runs the servers; short, because socket paths end at 107 bytes."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="sl"))
    path.chmod(0o755)
    for name in ("run", "htdocs"):
        (path / name).mkdir()
    give(path)
    return path


def give(path):
    if USER:
        shutil.chown(path, USER, USER)
        for inner in path.rglob("*"):
            shutil.chown(inner, USER, USER)


PORTS = range(10000, max(20000, int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])))


def free_port():
    """One that nobody has, and that nobody is given while its server is away or not there yet: below those that the kernel gives to clients, and
    counted by a file that all runs on this machine share."""
    with open("/tmp/sluice-journey-port", "a+") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        f.seek(0)
        last = int(f.read() or 0)
        for n in range(last + 1, last + len(PORTS)):
            port = PORTS[n % len(PORTS)]
            with socket.socket() as s, contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port))
                f.truncate(0)
                f.write(str(n))
                return port
    raise AssertionError("no port is free")


_numbers = itertools.count(1)


def unique():
    """A number that makes a script's name one of its own."""
    return next(_numbers)


def until(probe, seconds=45, what="it"):
    """What probe() returns once it is true; OSError counts as not yet.  What was waited for may be a function, which is asked at the end."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = fault = probe()
        except OSError as e:
            found, fault = None, e
        if found:
            return found
        assert time.monotonic() < end, f"waited in vain for {what() if callable(what) else what}: {fault!r}"
        time.sleep(0.01)


def halt(pid):
    """SIGSTOP; until a process has stopped it may do a little more.  One that ends meanwhile is as good."""
    def state():
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return "Z"

    os.kill(pid, signal.SIGSTOP)
    until(lambda: state() in "TZ", what="a process to stop")


class Server:
    """A process in a session of its own, ended by pid, its orphans with it."""

    def __init__(self, argv, log, **env):
        self.log = pathlib.Path(log)
        self.p = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=open(log, "ab"), stderr=subprocess.STDOUT,
                                  env=ENV | {k: str(v) for k, v in env.items()}, start_new_session=True)

    def said(self):
        return self.log.read_text(errors="replace")

    def ready(self, probe, seconds=60):
        def alive_and():
            assert self.p.poll() is None, f"exit {self.p.returncode}: {self.said()[-3000:]}"
            return probe()
        return until(alive_and, seconds, lambda: f"{self.p.args}: {self.said()[-3000:]}")

    def stop(self, sig=signal.SIGTERM, seconds=60):
        end = time.monotonic() + seconds
        if self.p.poll() is None:
            self.p.send_signal(sig)
        while self.bury():
            if time.monotonic() > end:
                os.killpg(self.p.pid, signal.SIGKILL)
                raise AssertionError(f"{self.p.args} did not stop in time: {self.said()[-2000:]}")
            time.sleep(0.01)
        return self.p.returncode

    def bury(self):
        """Whoever has ended, orphans too: httpd waits seconds for a CGI process that nobody buries.  False: none is left."""
        try:
            while True:
                pid, status = os.waitpid(-self.p.pid, os.WNOHANG)
                if pid == self.p.pid:
                    self.p.returncode = os.waitstatus_to_exitcode(status)
                elif not pid:
                    return True
        except ChildProcessError:
            return False


class Upstream(Server):
    """The scripted upstream of tests/kit."""

    def __init__(self, where, *options, scheme="http", host="127.0.0.1"):
        port = free_port()
        super().__init__([BUILD / "tests/kit/scripted", "--port", port, *options], where / f"upstream-{port}.log",
                         ASAN_OPTIONS="detect_leaks=0")
        self.port, self.host = port, host
        self.base = f"{scheme}://{host}:{port}"
        self.verify = False if scheme == "https" else True
        self.cert = None                # where a client needs one
        self.ready(lambda: socket.create_connection(("127.0.0.1", port), 1).close() or True)

    def received(self, model=None):
        """What arrived, oldest first; only what named that model, with or without the vendor in front."""
        entries = requests.get(f"{self.base}/_/log", verify=self.verify, cert=self.cert).json()
        script = "" if model is None else model[max(model.find("script:"), 0):] + '"'
        return [e for e in entries if script in e["body"]]

    def last(self, model=None):
        return self.received(model)[-1]

    def wait_state(self, model, state):
        """Once the last request that named the model is "playing", "complete", "aborted" (the client left) or "struck"."""
        return until(lambda: next((e for e in self.received(model)[-1:] if e["state"] == state), None), what=f"{model} to be {state}")

    def wait_still(self, model):
        """How many events were sent once no more are, while the request goes on: its client reads no more."""
        seen = []

        def is_still():
            seen.append(self.last(model)["events"])
            return len(seen) > 20 and len(set(seen[-20:])) == 1
        until(is_still, what=f"{model} to stand still")
        assert self.last(model)["state"] == "playing"
        return seen[-1]

    def post(self, path, body):
        """Asked directly, past the gateway."""
        return requests.post(self.base + path, json=body, headers={"Authorization": "Bearer k", "x-api-key": "k"}, verify=self.verify, timeout=60)

    def stats(self):
        return requests.get(f"{self.base}/_/stats", verify=self.verify, cert=self.cert).json()

    def reset(self):
        requests.post(f"{self.base}/_/reset", verify=self.verify, cert=self.cert)


def deployment(name, model, base, key="upstream-key", **more):
    """One entry of model_list."""
    params = {"model": model, "api_base": base}
    if key is not None:
        params["api_key"] = key
    info = more.pop("model_info", None)
    return {"model_name": name, "litellm_params": params | more} | ({"model_info": info} if info else {})


FORMS = ["lighttpd", "spawned", "proxy_fcgi", "fcgid"]
# What is marked more_forms runs behind these, too; sanitized CGI processes start too slowly for that, and have test_cgi.py.
MORE_FORMS = ["nginx"] + ([] if SANITIZED else ["cgi_lighttpd", "cgi_httpd"])
HTTPD = ["proxy_fcgi", "fcgid", "cgi_httpd", "cgi_prefork"]


class Gateway:
    """sluice behind one of the shipped configurations, exactly as it is shipped."""

    def __init__(self, config, form="lighttpd", workers=1, env=None, where=None):
        self.form, self.config, self.where = form, config, where or folder()
        self.run = self.where / "run"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config_path = self.where / "config.yaml"
        self.socket = self.run / "w.sock"
        self.workers = workers
        self.env = {"LITELLM_MASTER_KEY": KEY, "SLUICE_RUN_DIR": self.run, "SLUICE_STATE_DIR": self.run,
                    "ASAN_OPTIONS": f"log_path={self.run}/san:detect_leaks=1", "UBSAN_OPTIONS": f"log_path={self.run}/san:print_stacktrace=1"}
        self.env |= env or {}
        self.parts = []
        self.expected = []              # words of trouble that a test makes itself
        self.bin = self.where / "bin"
        self.bin.mkdir()
        shutil.copy(BUILD / "sluice", self.bin / "sluice")
        for name in ("lighttpd", "apache", "nginx"):            # exactly as they are shipped, where any user can read them
            shutil.copytree(SOURCE / name, self.where / name)
        self.write(config)
        give(self.where)
        try:
            getattr(self, "start_" + form)()
            self.web.ready(lambda: requests.get(self.url + "/health/readiness", timeout=5).status_code == 200)
        except BaseException:
            print(self.error_log()[-5000:])
            self.kill()
            raise

    def write(self, config):
        text = config if isinstance(config, str) else json.dumps(config, indent=1)  # JSON is YAML
        self.config_path.write_text(text)

    def start_pool(self):
        self.pool = Server([*as_user(), self.bin / "sluice", "serve", "--config", self.config_path, "--listen", self.socket,
                            "--workers", self.workers], self.run / "gateway.log", **self.env)
        self.parts.append(self.pool)
        self.pool.ready(lambda: self.socket.exists())

    def start_web(self, argv, **env):
        self.web = Server([*as_user(), *argv], self.run / "web.log", **(self.env | env))
        self.parts.append(self.web)

    def lighttpd(self, name, **env):
        self.start_web(["lighttpd", "-D", "-f", self.where / "lighttpd" / name], SLUICE_PORT=self.port, SLUICE_SOCKET=self.socket,
                       SLUICE_WEB_LOGS=self.run, SLUICE_DOCROOT=self.where / "htdocs", SLUICE_SPOOL=self.run, **env)

    def httpd(self, name, *options):
        defines = {"SLUICE_RUN": self.run, "SLUICE_SITE": self.where / "apache" / name, "SLUICE_LISTEN": f"127.0.0.1:{self.port}",
                   "SLUICE_SOCKET": self.socket, "SLUICE_BIN": self.bin / "sluice", "SLUICE_BIN_DIR": self.bin, "SLUICE_CONFIG": self.config_path}
        argv = ["apache2", "-DFOREGROUND"]
        for key, value in defines.items():
            argv += ["-C", f"Define {key} {value}"]
        self.start_web([*argv, *options, "-f", self.where / "apache" / "standalone.conf"])

    def start_lighttpd(self):
        self.start_pool()
        self.lighttpd("sluice.conf")

    def start_spawned(self):
        self.lighttpd("sluice-spawned.conf", SLUICE_BIN=self.bin / "sluice", SLUICE_WORKERS=self.workers, SLUICE_CONFIG=self.config_path)

    def start_proxy_fcgi(self):
        self.start_pool()
        self.httpd("sluice-proxy-fcgi.conf")

    def start_oidc(self):
        """With sign-in by mod_auth_openidc at the provider that the environment names."""
        self.start_pool()
        secrets = self.where / "web-secrets.conf"
        secrets.write_text("".join(f'Define {name} "{value}"\n' for name, value in {
            "SLUICE_SECRET": self.env["SLUICE_TEST_SECRET"], "SLUICE_OIDC_PROVIDER": self.env["SLUICE_TEST_OIDC"], "SLUICE_OIDC_CLIENT": "gw",
            "SLUICE_OIDC_SECRET": "gw-secret", "SLUICE_OIDC_CRYPTO": "some text for tests", "SLUICE_OIDC_HOME": f"http://localhost:{self.port}"}.items()))
        self.httpd("sluice-oidc.conf", "-C", "Define SLUICE_OIDC", "-C", f"Define SLUICE_WEB_SECRETS {secrets}")

    def start_fcgid(self):
        """Variables go into a file, as a site would do it: httpd writes its command line into its log."""
        variables = self.where / "variables.conf"
        variables.write_text("".join(f'FcgidInitialEnv {key} "{value}"\n' for key, value in self.env.items()))
        self.httpd("sluice-fcgid.conf", "-C", "Define SLUICE_FCGID 1", "-c", f"Include {variables}")

    def start_nginx(self):
        """nginx knows no variables: what a site changes are two files that it includes."""
        self.start_pool()
        files = self.where / "nginx"
        (files / "sluice-site.conf").write_text(f"listen 127.0.0.1:{self.port} backlog=4096;\nserver_name sluice;\naccess_log {self.run}/access.log sluice;\n")
        (files / "sluice-upstream.conf").write_text(f"server unix:{self.socket} max_fails=0;\n")
        self.start_web(["nginx", "-p", self.run, "-e", "error.log", "-c", files / "standalone.conf", "-g", "daemon off;"])

    def start_cgi_lighttpd(self):
        variables = self.where / "environment"
        variables.write_text("".join(f"{key}={value}\n" for key, value in self.env.items()))
        self.lighttpd("sluice-cgi.conf", SLUICE_BIN=self.bin / "sluice", SLUICE_CONFIG=self.config_path, SLUICE_ENVIRONMENT=variables)

    def start_cgi_httpd(self, *options):
        variables = self.where / "setenv.conf"
        variables.write_text("".join(f'SetEnv {key} "{value}"\n' for key, value in self.env.items()))
        self.httpd("sluice-cgi.conf", "-C", "Define SLUICE_CGI 1", "-C", f"Define SLUICE_SETENV {variables}", *options)

    def start_cgi_prefork(self):
        self.start_cgi_httpd("-C", "Define SLUICE_PREFORK 1")

    # what it wrote

    def lines(self):
        """The exchange lines so far."""
        path = self.run / "sluice.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def line(self, call_id):
        return until(lambda: next((x for x in self.lines() if x["id"] == call_id), None), what=f"the line of {call_id}")

    def error_log(self):
        return "".join(p.read_text(errors="replace") for p in self.run.glob("*.log") if p.name not in ("sluice.log", "access.log"))

    def access_log(self):
        path = self.run / "access.log"
        return path.read_text() if path.exists() else ""

    def logged(self, word):
        """Once the access log has it: lighttpd keeps lines back for some seconds."""
        return until(lambda: word in self.access_log(), what=f"{word} in the access log")

    # its processes and counts

    def worker_pids(self):
        """The processes that run our copy of the binary, without the supervisor and its housekeeper."""
        return self.pids_of("sluice-keeper", False)

    def worker_pid(self):
        """Of the only worker, once it is the only one: a CGI process ends after its client has the answer."""
        pid, = until(lambda: found if len(found := self.worker_pids()) == 1 else None, 60, "the others to end")
        return pid

    def keeper_pids(self):
        """Its housekeeper, where that is a process."""
        return self.pids_of("sluice-keeper", True)

    def pids_of(self, name, wanted):
        found = []
        for link in glob.glob("/proc/[0-9]*/exe"):
            try:
                if os.readlink(link) == str(self.bin / "sluice") and (pathlib.Path(link).with_name("comm").read_text() == name + "\n") == wanted:
                    found.append(int(link.split("/")[2]))
            except OSError:
                pass
        return sorted(set(found) - ({self.pool.p.pid} if hasattr(self, "pool") else set()))

    def metrics(self):
        """{(name, ((label, value), …)): number}"""
        found = {}
        for line in self.get("/metrics").text.splitlines():
            m = re.match(r"([a-z_]+)(?:\{(.*)\})? (\S+)$", line)
            if m:
                found[m[1], tuple(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', m[2] or ""))] = float(m[3])
        return found

    def metric(self, name, **labels):
        """The sum of a metric's series that have these labels."""
        return sum(v for (n, ls), v in self.metrics().items() if n == name and labels.items() <= dict(ls).items())

    # asking it

    def headers(self, **more):
        return {"Authorization": f"Bearer {KEY}"} | more

    def post(self, path, body, headers=None, **options):
        kind = {"data": body} if isinstance(body, (bytes, str)) else {"json": body}
        return requests.post(self.url + path, headers=self.headers(**{"Content-Type": "application/json"}) | (headers or {}), timeout=60, **kind, **options)

    def get(self, path, headers=None, **options):
        return requests.get(self.url + path, headers=self.headers() | (headers or {}), timeout=60, **options)

    def chat(self, model, content="hello", **more):
        return self.post("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": content}]} | more)

    def messages(self, model, content="hello", **more):
        return self.post("/v1/messages", {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": content}]} | more,
                         headers={"anthropic-version": "2023-06-01"})

    # ending it

    def kill(self):
        for part in reversed(self.parts):
            try:
                os.killpg(part.p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def lose_board(self):
        """All processes of the pool are killed, what they knew together is removed, and others begin."""
        for pid in [self.pool.p.pid] + self.worker_pids() + self.keeper_pids():
            os.kill(pid, signal.SIGKILL)
        until(lambda: not self.pool.bury(), what="all processes to be gone")
        self.parts.remove(self.pool)
        for path in [*self.run.glob("*.board"), *self.run.glob("*.running"), self.socket]:
            path.unlink()
        self.start_pool()
        self.parts.insert(0, self.parts.pop())

    def stop(self):
        """Ends the parts in order; a crash, a leak or an undefined behaviour of any worker fails the test."""
        try:
            for part in reversed(self.parts):
                part.stop()
        except BaseException:
            self.kill()
            raise
        reports = "".join(pathlib.Path(p).read_text(errors="replace") for p in glob.glob(f"{self.run}/san.*"))
        assert not reports, reports[:6000]
        for word in ("child signaled", "child exited: 1", "ended by signal", "runtime error"):
            if word in self.expected:
                continue
            assert word not in self.error_log(), self.error_log()[-3000:]
        shutil.rmtree(self.where, ignore_errors=True)


class Held:
    """A request whose answer is read, and left, when the test says so; the surface may be a path of its own.

    lighttpd may miss that a client leaves whose request was there at once (operations.md): the body waits for the 100 here."""

    def __init__(self, gateway, surface, model, receive_buffer=0, **more):
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(60)
        sock.connect(("127.0.0.1", gateway.port))
        body = json.dumps({"model": model, "stream": True, "max_tokens": 100, "messages": [{"role": "user", "content": "x"}]} | more).encode()
        self.connection = http.client.HTTPConnection("127.0.0.1", gateway.port)
        self.connection.sock = sock
        path = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}.get(surface, surface)
        self.connection.request("POST", path, headers=gateway.headers(
            **{"Content-Type": "application/json", "Content-Length": str(len(body)), "Expect": "100-continue"}))
        continued = b""
        while not continued.endswith(b"\r\n\r\n"):
            continued += sock.recv(1)
        assert b" 100 " in continued, continued
        sock.sendall(body)
        self.answer, self.got = None, b""

    def read(self):
        self.answer = self.answer or self.connection.getresponse()
        more = self.answer.read1(65536)
        assert more, self.got[-2000:]
        self.got += more

    def until(self, word, times=1, seconds=60):
        """Heartbeats may come for ever: they are no reason to wait on."""
        end = time.monotonic() + seconds
        while self.got.count(word) < times:
            assert time.monotonic() < end, f"waited in vain for {word}: {self.got[-2000:]}"
            self.read()

    def count_until(self, end, word):
        """How often the word comes up to the end; what was counted is forgotten."""
        heard = 0
        while end not in self.got:
            heard += self.got.count(word)
            self.got = self.got[1 - len(word):]
            self.read()
        return heard + self.got.count(word)

    def leave(self):
        if self.answer:
            self.answer.close()
        self.connection.close()


def events(response):
    """The events of a stream as (name, data) pairs; data is text.  Our streams end lines in LF whatever the upstream does."""
    found, text = [], response.content.decode("utf-8")
    assert "\r" not in text and (text == "" or text.endswith("\n\n")), text[-500:]
    for block in text.split("\n\n"):
        fields = [line.partition(":")[::2] for line in block.split("\n") if line and line[0] != ":"]
        data = [value.removeprefix(" ") for name, value in fields if name == "data"]
        if data:
            found.append((next((value.strip() for name, value in fields if name == "event"), ""), "\n".join(data)))
    return found


def sse(response):
    """The JSON of a chat stream's events, and whether it ended in [DONE]."""
    found = [data for _, data in events(response)]
    done = bool(found) and found[-1] == "[DONE]"
    return [json.loads(data) for data in found if data != "[DONE]"], done
