#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The benchmark: what sluice costs behind lighttpd, beside its floors, in one run and one table.

Ways ("arms") to one scripted upstream that answers at once:
  proxy   lighttpd's own reverse proxy
  relay   lighttpd and the bare relay, the least a FastCGI worker can do
  sluice  lighttpd and one sluice worker
  nginx   nginx's reverse proxy (with --nginx)
  before  lighttpd and a worker of another build (with --before BUILD): one from before there was a ledger shows what booking costs, because
          nobody's calls go unbooked any more
Rounds are interleaved (proxy relay sluice, relay sluice proxy, ...), figures are medians over rounds.  CPU is user and system time of
web server and worker.  Timings are reported and never judged; an error, a refused request or a lost event makes the exit status 1.

lighttpd writes bodies over 64 KB to files in TMPDIR: on a disk's file system that costs a third of such a request.

    make -C BUILD sluice tests/kit/load tests/kit/relay tests/kit/scripted
    [TMPDIR=/dev/shm] tests/bench/run.py --build BUILD [--quick] [--rows NAME,...] [--arms NAME,...] [--set NAME=VALUE] [--json FILE]
"""
import argparse
import ctypes
import hashlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
KEY = "sk-bench-0123456789abcdef"
PR_SET_CHILD_SUBREAPER = 36
APACHE_MODULES = "/usr/lib/apache2/modules"


# processes

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def raise_fd_limit():
    import resource
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def children_of():
    """pid -> pids of its children, zombies left out."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = pathlib.Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if fields[0] != "Z":
                found.setdefault(int(fields[1]), []).append(int(entry))
    return found


def family(pid):
    tree, todo, all_ = children_of(), [pid], []
    while todo:
        one = todo.pop()
        all_.append(one)
        todo += tree.get(one, [])
    return all_


def cpu_us(pids):
    """User and system time of processes with all their threads, from the processes' own clocks: /proc/PID/stat counts in ticks of 10 ms."""
    total = 0
    for pid in pids:
        try:
            total += time.clock_gettime_ns((~pid << 3) | 2)      # clock_getcpuclockid(3)
        except OSError:
            pass
    return total / 1000


def dirty_kb(pid):
    for line in pathlib.Path("/proc", str(pid), "smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1])
    return 0


class Process:
    def __init__(self, argv, log, **env):
        self.log = pathlib.Path(log)
        self.out = open(log, "ab")
        self.p = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=self.out, stderr=subprocess.STDOUT,
                                  env=ENV | env, start_new_session=True)

    @property
    def pid(self):
        return self.p.pid

    def fail(self, why):
        raise RuntimeError(f"{self.p.args[0]}: {why}\n" + self.log.read_text(errors="replace")[-2000:])

    def wait_for(self, ready, seconds=10, what="ready"):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.p.poll() is not None:
                self.fail(f"exit {self.p.returncode}")
            try:
                got = ready()
                if got:
                    return got
            except OSError:
                pass
            time.sleep(0.005)
        self.fail(f"not {what} in {seconds} s")

    def said(self, word):
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith(word):
                return line
        return None

    def stop(self):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
            try:
                self.p.wait(3)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.p.pid, signal.SIGKILL)    # its session: what it left behind
        except ProcessLookupError:
            pass
        self.p.wait()
        self.out.close()


def connects(port):
    def probe():
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return probe


def ask(port, path, body=None, headers=None, timeout=10):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers=headers or {})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout) as answer:
        return answer.status, answer.read()


# arms

LIGHTTPD = """
server.modules = ( {modules} )
server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{dir}"
server.errorlog = "{dir}/error.log"
server.upload-dirs = ( "{dir}" )
server.max-fds = {fds}
server.max-connections = {connections}
server.listen-backlog = 4096
server.max-keep-alive-requests = 100000000
server.max-keep-alive-idle = 120
server.max-request-size = 65536
server.max-read-idle = 600
server.max-write-idle = 900
server.stream-response-body = 2
"""
FASTCGI = 'fastcgi.server = ( "/" => (( "socket" => "{socket}", "check-local" => "disable", "disable-time" => 0, "tcp-fin-propagate" => "enable" )) )\n'
FASTCGI_SPAWNED = ('fastcgi.server = ( "/" => (( "bin-path" => "{bin}", "socket" => "{socket}", "max-procs" => 1, "check-local" => "disable",'
                   ' "bin-environment" => ( {environment} ) )) )\n')
PROXY = 'proxy.server = ( "" => (( "host" => "127.0.0.1", "port" => {upstream} )) )\n'
NGINX = """
daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/error.log; worker_rlimit_nofile {fds};
events {{ worker_connections {fds}; }}
http {{
  access_log off; keepalive_requests 100000000; client_max_body_size 64m; client_body_buffer_size 1m;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  upstream vendor {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://vendor; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }}
}}
"""
APACHE = """
ServerRoot {dir}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {dir}/httpd.pid
DefaultRuntimeDir {dir}
Mutex file:{dir} default
ErrorLog {dir}/error.log
DocumentRoot {dir}
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule env_module {modules}/mod_env.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule fcgid_module {modules}/mod_fcgid.so
FcgidIPCDir {dir}
FcgidProcessTableFile {dir}/fcgid_shm
FcgidInitialEnv SLUICE_CONFIG {dir}/config.yaml
FcgidInitialEnv SLUICE_SEAT narrow
FcgidOutputBufferSize 0
ScriptAlias /v1 {dir}/sluice
<Directory {dir}>
  SetHandler fcgid-script
  Options +ExecCGI
  CGIPassAuth On
  Require all granted
</Directory>
"""


class Arm:
    """A way to the upstream: processes, a port, and which of the processes is the worker."""

    def __init__(self, bench, name, folder=None):
        self.bench, self.name, self.port, self.processes, self.worker = bench, name, free_port(), [], None
        self.dir = bench.dir / (folder or name)
        self.dir.mkdir(parents=True)

    def lighttpd(self, modules, rest):
        fds = self.bench.fds
        (self.dir / "lighttpd.conf").write_text(LIGHTTPD.format(modules=modules, port=self.port, dir=self.dir, fds=fds,
                                                                connections=fds // 2 - 100) + rest)
        server = Process(["lighttpd", "-D", "-f", self.dir / "lighttpd.conf"], self.dir / "lighttpd.out")
        self.processes.append(server)
        server.wait_for(connects(self.port))

    def pids(self):
        return [pid for p in self.processes for pid in family(p.pid)]

    def worker_pid(self):
        return family(self.worker.pid)[-1]           # of sluice the one worker of its pool, of the relay itself

    def stop(self):
        for p in reversed(self.processes):
            p.stop()


class ProxyArm(Arm):
    def start(self):
        self.lighttpd('"mod_proxy"', PROXY.format(upstream=self.bench.upstream_port))


class RelayArm(Arm):
    def start(self):
        path = self.dir / "r.sock"
        self.worker = Process([self.bench.kit / "relay", path, self.bench.upstream_port], self.dir / "relay.out")
        self.processes.append(self.worker)
        self.worker.wait_for(path.exists)
        self.lighttpd('"mod_fastcgi"', FASTCGI.format(socket=path))


class SluiceArm(Arm):
    def build(self):
        return self.bench.build

    def start(self):
        path = self.dir / "s.sock"
        self.bench.write_sluice_config(self.dir)
        self.worker = Process([self.build() / "sluice", "serve", "--config", self.dir / "config.yaml", "--workers", "1", "--listen", path],
                              self.dir / "sluice.out")
        self.processes.append(self.worker)
        self.worker.wait_for(path.exists)
        self.lighttpd('"mod_fastcgi"', FASTCGI.format(socket=path))
        self.worker.wait_for(lambda: self.bench.probe(self) == 200, what="answering")


class BeforeArm(SluiceArm):
    def build(self):
        return pathlib.Path(self.bench.args.before).resolve()


class NginxArm(Arm):
    def start(self):
        (self.dir / "nginx.conf").write_text(NGINX.format(dir=self.dir, port=self.port, upstream=self.bench.upstream_port, fds=self.bench.fds))
        server = Process(["nginx", "-p", self.dir, "-c", self.dir / "nginx.conf", "-e", self.dir / "start.log"], self.dir / "nginx.out")
        self.processes.append(server)
        server.wait_for(connects(self.port))


ARMS = {"proxy": ProxyArm, "relay": RelayArm, "sluice": SluiceArm, "nginx": NginxArm, "before": BeforeArm}


# rows

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
ALL = ("proxy", "relay", "sluice", "nginx", "before")


class Row:
    """A load and the figures taken from it.  `model` is the script the upstream plays; sluice serves a group of the same name, whose
    deployment is `vendor`/script.  Rows `beside` one another are measured in the same rounds; the first of them is what the others are compared with."""

    def __init__(self, name, model, *, body=300, stream=False, path=CHAT, connections=64, chunks=None, streams=None, spread=0, vendor="openai",
                 arms=ALL, figures=("cpu",), goal="", tls=False, beside=None, over=None, key=None):
        self.name, self.model, self.body, self.stream, self.path, self.connections = name, model, body, stream, path, connections
        self.chunks, self.streams, self.spread, self.vendor, self.arms = chunks, streams, spread, vendor, arms
        self.figures, self.goal, self.tls, self.key = figures, goal, tls, key
        self.beside, self.over = beside, over         # measured in turn with those of the same word; compared with that row, else with the first of them

    def group(self):
        """The model the client asks for.  Where sluice translates, or speaks TLS, the name says so; the floors get the bare script."""
        return f"{self.vendor}.{'tls' if self.tls else 'http'}.{self.model}"

    def request(self):
        ask = {"model": self.group(), "stream": self.stream}
        says = "input" if self.path == RESPONSES else "messages"
        if self.path == MESSAGES:
            ask["max_tokens"] = 1000
        if self.beside and self.body > 1000:
            ask["tools"] = [tool(self.path, n) for n in range(4)]
            ask[says] = history(self.body - len(json.dumps(ask, separators=(",", ":"))))
        else:
            ask[says] = [{"role": "user", "content": ""}]
            ask[says][0]["content"] = prose(self.body - len(json.dumps(ask, separators=(",", ":"))))
        return json.dumps(ask, separators=(",", ":")).encode()


def prose(room):
    return ("Please tell me about event loops. " * (room // 34 + 1))[:max(room, 1)]


def history(room):
    """An agent's: turns of half a kilobyte, as much of them as there is room for."""
    each = 512
    return [{"role": ("user", "assistant")[n % 2], "content": prose(each - 37)} for n in range(room // each // 2 * 2 + 1)]


def tool(path, n):
    about = {"name": f"tool_{n}", "description": "Looks something up."}
    schema = {"type": "object", "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}}, "required": ["query"]}
    if path == MESSAGES:
        return about | {"input_schema": schema}
    function = about | {"parameters": schema}
    return {"type": "function"} | function if path == RESPONSES else {"type": "function", "function": function}


SMALL = "script:fixed,bytes=130"


def dialects():
    """What a dialect costs beside Chat to Chat: passed on as it is, and translated for an upstream that has only Chat."""
    found = []
    for size, name, goal in ((300, "small", ""), (8192, "8 KB", "<= 1.5 chat"), (81920, "80 KB", "linear in size")):
        for way, path, vendor, want in (("Chat", CHAT, "openai", ""), ("Messages spliced", MESSAGES, "anthropic", "as chat"),
                                        ("Responses spliced", RESPONSES, "openai", "as chat"), ("Messages translated to Chat", MESSAGES, "openai", goal),
                                        ("Responses translated to Chat", RESPONSES, "deepseek", goal)):
            found.append(Row(f"agent's {name}, {way}", SMALL, body=size, path=path, vendor=vendor, arms=("sluice",), goal=want, beside=f"agent's {name}"))
    return found


def keyed():
    """What it costs to know the caller: a key, its limits and budgets and those of all who stand behind it, and a row in the ledger for each call.  The floors
    know nobody; the master key has a row, too, but no limits."""
    found = []
    for name, key, goal in (("master key", None, ""), ("virtual key", "plain", ""),
                            ("virtual key with limits and budgets of key, user, member, team and organization", "full", "<= 1.15 master key, <= 1.25 proxy")):
        arms = ("proxy", "sluice", "before") if key is None else ("proxy", "sluice")       # an older build does not know the keys
        found.append(Row(f"small, {name}", SMALL, arms=arms, vendor="priced", goal=goal, beside="keys", key=key))
    return [*found, Row("small, virtual key whose team stores prompts", SMALL, arms=("sluice",), vendor="priced", beside="keys", over="small, virtual key",
                        key="told")]


def rows(quick):
    streams, events, gap = (50, 20, 20) if quick else (200, 60, 50)
    many = 400 if quick else 5000
    burst = 20 if quick else 100
    paced = f"script:fixed,chunks={events},size=20,each=1,stamp=1,gap={gap}"
    each = "script:fixed,chunks=500,size=20,each=1"
    both = ("proxy", "sluice", "nginx")
    return [
        Row("small, 64 connections", SMALL, figures=("cpu", "rps", "p50", "p99"), goal="<= 1.15 proxy"),
        Row("small, 1 connection", SMALL, connections=1, figures=("p50", "p99", "cpu"), goal="p50 <= proxy + 60 us"),
        Row("8 KB body, 64 connections", SMALL, body=8192, figures=("cpu", "p50")),
        Row("256 KB body, 16 connections", SMALL, body=262144, connections=16, figures=("cpu", "p50"), goal="<= 1.3 proxy"),
        Row(f"{streams} streams, {1000 // gap} events a second each", paced, stream=True, connections=streams, streams=streams, chunks=events, spread=0.2 if quick else 1,
            figures=("cpu/chunk", "first", "delay", "delay99"), goal="<= 1.25 relay, < 1.7 proxy"),
        Row("64 streams, as fast as they go", each, stream=True, streams=burst, chunks=500, figures=("cpu/chunk",)),
        Row(f"{many} streams of 64 events", f"script:fixed,chunks=64,size=20,each=1,gap={20 if quick else 200}", stream=True, connections=many, streams=many, chunks=64,
            spread=0.2 if quick else 4, figures=("cpu/chunk", "lost"), goal="none lost"),
        Row("small, Messages to Anthropic", SMALL, path=MESSAGES, vendor="anthropic", arms=both, figures=("cpu", "p50")),
        Row("small, Chat to Anthropic", SMALL, vendor="anthropic", arms=both, figures=("cpu", "p50")),
        Row(f"{streams} paced streams, Chat to Anthropic", paced, stream=True, connections=streams, streams=streams, chunks=events, spread=0.2 if quick else 1,
            vendor="anthropic", arms=both, figures=("cpu/chunk", "delay")),
        Row("small, HTTPS upstream", SMALL, tls=True, arms=("sluice",), figures=("cpu", "p50")),
        Row(f"{streams} paced streams, HTTPS upstream", paced, stream=True, connections=streams, streams=streams, chunks=events, spread=0.2 if quick else 1, tls=True,
            arms=("sluice",), figures=("cpu/chunk", "delay")),
        *dialects(),
        *keyed(),
    ]


FIGURES = {                                          # name: (what it is called, how it comes from a run)
    "cpu": ("CPU us/request", lambda r: r["cpu_us"] / max(r["requests"], 1)),
    "cpu/chunk": ("CPU us/chunk", lambda r: r["cpu_us"] / max(r["chunks"], 1)),
    "rps": ("requests/s", lambda r: r["requests"] / r["seconds"]),
    "p50": ("p50 us", lambda r: r["total_p50_us"]),
    "p99": ("p99 us", lambda r: r["total_p99_us"]),
    "first": ("first chunk p50 us", lambda r: r["first_p50_us"]),
    "delay": ("chunk delay p50 us", lambda r: r["delay_p50_us"]),
    "delay99": ("chunk delay p99 us", lambda r: r["delay_p99_us"]),
    "lost": ("streams that lost events", lambda r: r["lost_streams"] + r["errors"]),
}


class Bench:
    def __init__(self, args):
        self.args = args
        self.begin = time.monotonic()
        self.build = pathlib.Path(args.build).resolve()
        self.kit = self.build / "tests" / "kit"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="slb"))
        self.fds = min(raise_fd_limit(), 65536)
        self.rows = rows(args.quick)
        if args.rows:
            self.rows = [r for r in self.rows if any(want in r.name for want in args.rows.split(","))]
        many = 400 if args.quick else 5000
        self.open_row = Row("open", "script:silent,after=2", stream=True, connections=many, streams=many)
        self.arms, self.upstreams, self.absent, self.failures, self.keys = {}, [], {}, [], {}
        self.results = []                            # (row, figure, {arm: value})
        self.first_beside = {}                       # row: what it is compared with

    # what stands behind

    def start_upstream(self, *options):
        p = Process([self.kit / "scripted", "--bench", *options], self.dir / f"scripted{len(self.upstreams)}.out")
        self.upstreams.append(p)
        return int(p.wait_for(lambda: p.said("listening")).split()[1])

    def make_certificate(self):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True, "env": ENV}
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-keyout", self.dir / "key.pem", "-out", self.dir / "cert.pem", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], **quiet)

    def write_sluice_config(self, folder):
        models, seen = [], set()
        for row in [*self.rows, self.open_row]:
            if row.group() in seen:
                continue
            seen.add(row.group())
            base = f"https://127.0.0.1:{self.tls_port}" if row.tls else f"http://127.0.0.1:{self.upstream_port}"
            price = {"input_cost_per_token": 0.000001, "output_cost_per_token": 0.000002} if row.vendor == "priced" else {}
            vendor = "openai" if row.vendor == "priced" else row.vendor
            models.append({"model_name": row.group(), "litellm_params": price | {"model": f"{vendor}/{row.model}", "api_key": "sk-upstream",
                                                                          "api_base": base + ("" if row.vendor == "anthropic" else "/v1")}})
        models.append({"model_name": "probe", "litellm_params": {"model": f"openai/{SMALL}", "api_key": "sk-upstream",
                                                                  "api_base": f"http://127.0.0.1:{self.upstream_port}/v1"}})
        config = {"model_list": models, "general_settings": {"master_key": KEY}, "litellm_settings": {"ssl_verify": str(self.dir / "cert.pem")},
                  "sluice": {"instance": f"bench{os.getpid()}", "run_dir": str(folder), "state_dir": str(folder)} |
                  dict(one.split("=", 1) for one in self.args.set)}
        (folder / "config.yaml").write_text(json.dumps(config, indent=1))    # JSON is YAML

    def probe(self, arm):
        body = json.dumps({"model": "probe", "messages": [{"role": "user", "content": "hello"}]}).encode()
        try:
            return ask(arm.port, CHAT, body, {"Authorization": "Bearer " + KEY, "Content-Type": "application/json"}, 3)[0]
        except urllib.error.HTTPError as e:
            return e.code

    def start(self):
        self.upstream_port = self.start_upstream("--script", SMALL.removeprefix("script:"))
        self.make_certificate()
        self.tls_port = self.start_upstream("--tls", self.dir / "cert.pem", self.dir / "key.pem")
        for name in self.args.arms.split(","):
            arm = ARMS[name](self, name)
            try:
                arm.start()
                self.arms[name] = arm
            except (RuntimeError, OSError) as e:
                arm.stop()
                self.absent[name] = str(e)

    def stop(self):
        for arm in self.arms.values():
            arm.stop()
        for p in self.upstreams:
            p.stop()
        if self.args.keep:
            print(f"logs are in {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    # keys

    def manage(self, path, **body):
        """A call of the management API; what it answers."""
        said = ask(self.arms["sluice"].port, path, json.dumps(body).encode(), {"Authorization": "Bearer " + KEY, "Content-Type": "application/json"})[1]
        return json.loads(said)

    def make_keys(self):
        """One with nothing, and one with every kind of limit on every level, none of which is ever reached."""
        rates = {"rpm_limit": 10**9, "tpm_limit": 10**11, "max_parallel_requests": 10**4}
        budget = {"max_budget": 10**6, "budget_duration": "30d"}
        organization = self.manage("/organization/new", organization_alias="bench", **budget)["organization_id"]
        self.manage("/user/new", user_id="bench", auto_create_key=False, **budget, rpm_limit=10**9)
        team = self.manage("/team/new", team_alias="bench", organization_id=organization, **budget, rpm_limit=10**9, tpm_limit=10**11)["team_id"]
        self.manage("/team/member_add", team_id=team, member={"role": "user", "user_id": "bench"}, max_budget_in_team=10**6)
        tells = self.manage("/team/new", team_alias="tells", store_prompts=True)["team_id"]
        self.keys["told"] = self.manage("/key/generate", team_id=tells)["key"]
        self.keys["plain"] = self.manage("/key/generate")["key"]
        self.keys["full"] = self.manage("/key/generate", team_id=team, user_id="bench", **budget, **rates)["key"]

    def fill_keys(self, n, have):
        """So many keys in the store, by its own table: what is looked at is the look-up, not the making."""
        now = int(time.time() * 1000)
        db = sqlite3.connect(self.arms["sluice"].dir / "sluice.db", timeout=60)
        with db:
            db.executemany("INSERT INTO sluice_key (digest, created_at, updated_at, doc) VALUES (?, ?, ?, '{}')",
                           ((hashlib.sha256(f"sk-bench-{i}".encode()).hexdigest(), now, now) for i in range(have, n)))
        db.close()

    def measure_keys(self):
        """The same load by keys of a store that has 10, 10,000, 1,000,000 of them; as a share of what the master key takes beside it."""
        row, have = Row("", SMALL, vendor="priced", key="one"), 0
        plain = Row("", SMALL, vendor="priced")
        for n in (10, 10000) if self.args.quick else (10, 10000, 1000000):
            self.fill_keys(n, have)
            have = n
            ratios = []
            for round_ in range(max(self.args.rounds, 1)):
                self.keys["one"] = f"sk-bench-{n * (round_ + 1) // (self.args.rounds + 1)}"
                self.load(self.arms["sluice"], row, 0.05)
                used = [FIGURES["cpu"][1](self.load(self.arms["sluice"], r, self.args.seconds)) for r in (row, plain)]
                ratios.append(used[0] / used[1])
            self.results.append((f"small, a key of {n:,}", "of the master key", {"sluice": statistics.median(ratios)}, "flat"))

    def measure_money(self):
        """Leases: trips to the store for 1,000 calls.  Revocation: from its commit until two hosts on one PostgreSQL know of it."""
        done = subprocess.run([str(self.build / "tests" / "bench" / "money_bench"), "20" if self.args.quick else "500"], capture_output=True, text=True, env=ENV, check=False)
        if done.returncode != 0:
            self.failures.append(f"money_bench: {done.stderr}")
            return
        found = json.loads(done.stdout)
        for name, figure, goal, key in (("lease trips, a budget for 1,000 calls", "for 1,000 calls", "", "trips_small"),
                                        ("lease trips, 100 calls a second", "for 1,000 calls", "", "trips_100_a_second"),
                                        ("lease trips, as fast as they go", "for 1,000 calls", "", "trips_plenty"),
                                        ("revocation over two hosts, median", "ms", "<= 100", "median_ms"), ("revocation over two hosts, p99", "ms", "", "p99_ms"),
                                        ("revocation over two hosts, worst", "ms", "", "worst_ms")):
            if key in found:
                self.results.append((name, figure, {"sluice": found[key]}, goal))

    # measuring

    def load(self, arm, row, seconds):
        body = self.dir / "body"
        body.write_bytes(row.request())
        argv = [self.kit / "load", "--port", arm.port, "--path", row.path, "--body", body, "--connections", row.connections,
                "--header", f"Authorization: Bearer {self.keys.get(row.key, KEY)}", "--grace", 60]
        if row.path == MESSAGES:
            argv += ["--header", "anthropic-version: 2023-06-01"]
        argv += ["--requests", row.streams, "--chunks", row.chunks, "--spread", row.spread] if row.stream else ["--seconds", seconds]
        pids = arm.pids()
        before = cpu_us(pids)
        done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, env=ENV, check=False)
        spent = cpu_us(pids) - before
        if not done.stdout:
            raise RuntimeError(f"load: exit {done.returncode}: {done.stderr}")
        result = json.loads(done.stdout)
        result["cpu_us"] = spent
        result["chunks"] = result["requests"] * (row.chunks or 0)
        return result

    def measure(self, rows):
        """Rows that are beside one another, or one: each arm of each in turn, and each round begins with another."""
        turns = [(row, name) for row in rows for name in self.arms if name in row.arms]
        runs = {turn: [] for turn in turns}
        for row, name in turns if not rows[0].stream else []:
            self.load(self.arms[name], row, 0.05 if self.args.quick else 0.3)     # connections, caches
        rounds = 1 if "lost" in rows[0].figures else self.args.rounds
        for n in range(rounds):
            for row, name in turns[n % len(turns):] + turns[:n % len(turns)] if turns else []:
                result = self.load(self.arms[name], row, self.args.seconds)
                if result["errors"] or result["refused"] or result["lost_streams"]:
                    self.failures.append(f"{row.name}, {name}: {result['errors']} errors ({result['why']}), {result['refused']} refused "
                                         f"(status {result['last_status']}), {result['lost_streams']} streams lost events")
                if result["requests"] > result["refused"]:
                    runs[row, name].append(result)
        for row in rows:
            for figure in row.figures:
                values = {name: statistics.median(FIGURES[figure][1](r) for r in runs[row, name]) for name in self.arms if runs.get((row, name))}
                self.results.append((row.name, FIGURES[figure][0], values, row.goal if figure == row.figures[0] else ""))
                if row.beside:
                    self.first_beside[row.name] = row.over or rows[0].name

    # memory and start

    def playing(self):
        return json.loads(ask(self.upstream_port, "/_/stats")[1])["playing"]

    def measure_memory(self):
        """Fresh workers: a heap that grew under load would hide what a stream takes."""
        row, many = self.open_row, self.open_row.streams
        idle, each = {}, {}
        for name in ("relay", "sluice"):
            if name not in self.arms:
                continue
            arm = ARMS[name](self, name, name + "-memory")
            try:
                arm.start()
                self.probe(arm)
                worker = arm.worker_pid()
                idle[name] = dirty_kb(worker)
                (self.dir / "body").write_bytes(row.request())
                before = self.playing()              # streams whose worker did not hear the end of them
                load = Process([self.kit / "load", "--port", arm.port, "--body", self.dir / "body", "--connections", many, "--requests", many,
                                "--header", f"Authorization: Bearer {KEY}"], self.dir / "open.out")
                arm.processes.append(load)
                load.wait_for(lambda: self.playing() >= before + many, 60, f"{many} streams open")
                each[name] = (dirty_kb(worker) - idle[name]) / many
            except RuntimeError as e:
                self.failures.append(f"{many} open streams, {name}: {e}")
            arm.stop()
        self.results.append(("idle worker of `serve`, answered one request", "Private_Dirty KB", idle, "<= 4096"))
        self.results.append((f"{many} open streams", "Private_Dirty KB/stream", each, "<= 20"))

    def measure_fcgid(self):
        """A worker of mod_fcgid that has answered and waits."""
        arm = Arm(self, "fcgid")
        folder = arm.dir
        self.dir.chmod(0o755)
        self.write_sluice_config(folder)
        shutil.copy(self.build / "sluice", folder / "sluice")
        os.sync()                                    # pages of a file that is not yet written count as the worker's own
        user = ""
        if os.getuid() == 0:
            shutil.chown(folder, "www-data", "www-data")
            shutil.chown(folder / "config.yaml", "www-data", "www-data")
            user = "User www-data\nGroup www-data"
        (folder / "httpd.conf").write_text(APACHE.format(dir=folder, port=arm.port, modules=APACHE_MODULES, user=user))
        arm.processes = [Process(["apache2", "-DFOREGROUND", "-f", folder / "httpd.conf"], folder / "httpd.out")]
        found = {}
        try:
            arm.processes[0].wait_for(lambda: self.probe(arm) == 200, what="answering")
            workers = [p for p in arm.pids() if os.readlink(f"/proc/{p}/exe").endswith("/sluice")]
            found["sluice"] = max(dirty_kb(p) for p in workers)
        except (RuntimeError, OSError, ValueError) as e:
            self.failures.append(f"idle worker under mod_fcgid: {e}")
        arm.stop()
        self.results.append(("idle worker under mod_fcgid", "Private_Dirty KB", found, "<= 2048"))

    def measure_start(self):
        """lighttpd and its worker from nothing to the first answer."""
        took, dirty = {}, {}
        commands = {"relay": (f"{self.kit}/relay - {self.upstream_port}", {})}
        if "sluice" in self.arms:
            commands["sluice"] = (str(self.build / "sluice"), {"SLUICE_CONFIG": str(self.dir / "start" / "config.yaml")})
        folder = self.dir / "start"
        folder.mkdir()
        self.write_sluice_config(folder)
        for name, (command, environment) in commands.items():
            times = []
            for n in range(1 if self.args.quick else 7):
                arm = Arm(self, name, f"start/{name}{n}")
                begin = time.monotonic()
                try:
                    arm.lighttpd('"mod_fastcgi"', FASTCGI_SPAWNED.format(bin=command, socket=arm.dir / "w.sock", environment=", ".join(
                        f'"{k}" => "{v}"' for k, v in environment.items())))
                    arm.processes[0].wait_for(lambda: self.probe(arm) == 200, what="answering")
                    times.append((time.monotonic() - begin) * 1000)
                    dirty[name] = dirty_kb(arm.pids()[-1])
                except RuntimeError as e:
                    self.failures.append(f"start to first answer, {name}: {e}")
                arm.stop()
            if times:
                took[name] = statistics.median(times)
        self.results.append(("start of lighttpd and worker to first answer", "ms", took, "<= 50"))
        self.results.append(("idle worker spawned by lighttpd, answered one request", "Private_Dirty KB", dirty, "<= 4096"))

    def tell(self, what):
        print(f"{time.monotonic() - self.begin:6.1f} s  {what}", file=sys.stderr, flush=True)

    def run(self):
        if "sluice" in self.arms:
            self.make_keys()
        for beside, rows in itertools.groupby(self.rows, key=lambda row: row.beside or row.name):
            self.tell(beside)
            self.measure(list(rows))
        if not self.args.rows or "memory" in self.args.rows:
            self.tell("memory")
            self.measure_memory()
            if "sluice" in self.arms and os.path.exists(f"{APACHE_MODULES}/mod_fcgid.so"):
                self.measure_fcgid()
        if "sluice" in self.arms and (not self.args.rows or "keys" in self.args.rows):
            self.tell("keys")
            self.measure_keys()
        if not self.args.rows or "money" in self.args.rows:
            self.tell("money")
            self.measure_money()
        if not self.args.rows or "start" in self.args.rows:
            self.tell("start")
            self.measure_start()

    # telling

    def of_first(self, row, figure, values, arm="sluice"):
        first = next((v for r, f, v, _ in self.results if r == self.first_beside.get(row) and f == figure), values if arm != "sluice" else {})
        return f"{values['sluice'] / first[arm]:.2f}" if "sluice" in values and first.get(arm) else ""

    def table(self):
        names = list(self.arms)
        before = ["of before"] if "before" in names else []
        head = ["row", "figure", *names, "of proxy", "of relay", "of another row", *before, "goal"]
        lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        for row, figure, values, goal in self.results:
            cells = [f"{values[n]:.4g}" if n in values else "" for n in names]
            ratio = [f"{values['sluice'] / values[f]:.2f}" if values.get(f) and "sluice" in values else "" for f in ("proxy", "relay")]
            if "sluice" not in values and values.get("proxy") and "relay" in values:
                ratio[0] = f"relay {values['relay'] / values['proxy']:.2f}"
            lines.append("| " + " | ".join([row, figure, *cells, *ratio, self.of_first(row, figure, values), *(self.of_first(row, figure, values, "before") for _ in before), goal]) + " |")
        return "\n".join(lines)

    def as_json(self):
        return {"rows": [{"row": r, "figure": f, "values": v, "goal": g} for r, f, v, g in self.results], "absent": self.absent,
                "failures": self.failures, "rounds": self.args.rounds, "seconds": self.args.seconds}


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="the build folder")
    parser.add_argument("--quick", action="store_true", help="one short round of each: does it work")
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--seconds", type=float, help="of a measurement; default 2")
    parser.add_argument("--rows", help="only rows whose name has one of these words, and memory, keys, money, start")
    parser.add_argument("--arms", default="proxy,relay,sluice")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of sluice's, such as answer_headers=standard")
    parser.add_argument("--nginx", action="store_true", help="nginx's proxy too")
    parser.add_argument("--before", metavar="BUILD", help="an older build beside it")
    parser.add_argument("--json", metavar="FILE", help="the figures, too; - is stdout instead of the table")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    args = parser.parse_args()
    args.rounds = args.rounds or (1 if args.quick else 5)
    args.seconds = args.seconds or (0.2 if args.quick else 2)
    if args.nginx:
        args.arms += ",nginx"
    if args.before:
        args.arms += ",before"
    bench = Bench(args)
    try:
        bench.start()
        bench.run()
    finally:
        bench.tell("stop")
        bench.stop()
        bench.tell("over")
    if args.json == "-":
        print(json.dumps(bench.as_json(), indent=1))
    else:
        print(bench.table())
    if args.json and args.json != "-":
        pathlib.Path(args.json).write_text(json.dumps(bench.as_json(), indent=1) + "\n")
    for name, why in bench.absent.items():
        print(f"\n{name} did not start: {why}", file=sys.stderr)
    for failure in bench.failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    return 1 if bench.failures or bench.absent else 0


if __name__ == "__main__":
    sys.exit(main())
