# SPDX-License-Identifier: Apache-2.0
"""Calls made = rows = sum of spend, and no budget is passed, on two hosts with one database, whatever happens to them.

SLUICE_PROOF=60 makes the troubles that long (seconds), and the budgets fit."""
import copy
import itertools
import json
import os
import random
import signal
import threading
import time

import databases
import faults
import kit
import pytest
import requests

TROUBLE = float(os.environ.get("SLUICE_PROOF", "3"))
TOKENS = 5                              # of the scripted upstream's answer
COST = TOKENS * 100_000                 # nano-dollars of a call
CLIENTS = 32                            # of each host
MANY = 1_000_000                        # calls that a budget never ends


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    server = kit.Upstream(tmp_path_factory.mktemp("vendor"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def database(postgres):
    name = postgres.new()
    yield name
    postgres.release(name)


@pytest.fixture(scope="module")
def line(postgres):
    """What the second host has to the database."""
    line = faults.Line(postgres.port)
    yield line
    line.close()


@pytest.fixture(scope="module")
def counters():
    server = databases.Memcached()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def clocks():
    """Of each host."""
    return [faults.Faults() for _ in range(2)]


@pytest.fixture(scope="module")
def hosts(postgres, database, vendor, line, counters, clocks):
    """Two pools with boards, spools and housekeepers of their own."""
    price = {"input_cost_per_token": 0, "output_cost_per_token": 0.0001}
    config = {"model_list": [kit.deployment("gpt", "openai/script:fixed", vendor.base + "/v1", **price),
                             kit.deployment("slow", "openai/script:fixed,chunks=2000,gap=20", vendor.base + "/v1", **price),
                             kit.deployment("slowest", "openai/script:fixed,chunks=100,gap=1000", vendor.base + "/v1", **price)],
              "litellm_settings": {"num_retries": 0}, "sluice": {"memcached": counters.address}}
    running = []
    for clock, port in zip(clocks, (postgres.port, line.own_port)):
        config["general_settings"] = {"master_key": kit.KEY, "database_url": f"postgresql://postgres@127.0.0.1:{port}/{database}"}
        running.append(kit.Gateway(config, workers=2, env=clock.env))
    yield running
    for host in running:
        host.stop()


@pytest.fixture
def ask(postgres, database):
    return lambda sql, *values: postgres.ask(sql, *values, database=database)


class Key:
    """A key with a budget for so many calls, and a limit that hosts share; also a caller of kit.Held()."""

    def __init__(self, host, calls):
        r = host.post("/key/generate", {"max_budget": calls * COST / 1e9, "rpm_limit": 10_000_000})
        assert r.status_code == 200, r.text
        self.key, self.digest, self.calls, self.port = r.json()["key"], r.json()["token"], calls, host.port

    def at(self, host):
        there = copy.copy(self)
        there.port = host.port
        return there

    def headers(self, **more):
        return {"Authorization": f"Bearer {self.key}"} | more


class Load:
    """Clients that call until they are told that the budget is spent; what they were answered."""
    all = []

    def __init__(self, hosts, vendor, key, clients=CLIENTS, leavers=False):
        vendor.reset()
        self.key, self.good, self.good_of, self.ids, self.told, self.lock = key, 0, {}, [], {}, threading.Lock()
        self.stop, self.leavers, self.left = False, leavers, 0
        self.all.append(self)
        self.run(hosts, clients)

    def run(self, hosts, clients=CLIENTS):
        self.threads = [threading.Thread(target=self.client, args=(host,), daemon=True) for host in hosts for _ in range(clients)]
        for t in self.threads:
            t.start()

    def client(self, host):
        body = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}], "max_tokens": TOKENS}
        session = requests.Session()
        for turn in itertools.count():
            if self.stop:
                return
            if self.leavers and turn % 10 == 9:
                self.leave(host)
                continue
            try:
                r = session.post(host.url + "/v1/chat/completions", json=body, headers=self.key.headers(), timeout=60)
            except requests.RequestException:       # its worker was killed
                session = requests.Session()
                continue
            with self.lock:
                self.told[r.status_code] = self.told.get(r.status_code, 0) + 1
                if r.status_code == 200:
                    self.good += 1
                    self.good_of[host] = self.good_of.get(host, 0) + 1
                    self.ids.append(r.headers["x-request-id"])
            if r.status_code == 429 and "has spent" in r.text:
                return
            if r.status_code != 200:
                time.sleep(0.02)

    def leave(self, host):
        """A stream, in the middle."""
        call = kit.Held(self.key.at(host), "chat", "slow", max_tokens=100)
        call.until(b'"content"', 3)
        call.leave()
        with self.lock:
            self.left += 1

    def more(self, n=30):
        """Once so many more calls were made."""
        until = self.good + n
        kit.until(lambda: self.good >= until, 60, "more calls")

    def more_of(self, host, n=CLIENTS + 5):
        """Once so many more were made there: more than can have been under way."""
        until = self.good_of.get(host, 0) + n
        kit.until(lambda: self.good_of.get(host, 0) >= until, 60, "more calls of this host")

    def end(self):
        self.stop = True
        self.wait()

    def wait(self, seconds=120):
        end = time.monotonic() + seconds
        for t in self.threads:
            t.join(max(0.0, end - time.monotonic()))
        assert not any(t.is_alive() for t in self.threads), self.told


@pytest.fixture(autouse=True)
def no_load_goes_on():
    yield
    while Load.all:
        Load.all.pop().end()


ACCOUNT = "sluice_account_period p JOIN sluice_account a ON a.id = p.account WHERE a.scope = 'key' AND a.entity = %s"


def prove(ask, vendor, load, rest=0):
    """Everything that was made is in the ledger once, and in every sum, and no more than a rest is held of a budget that is spent."""
    kit.until(lambda: ask(f"SELECT sum(held) FROM {ACCOUNT}", load.key.digest)[0][0] <= rest, 30, "nothing to be held")
    return prove_booked(ask, vendor, load)


def prove_booked(ask, vendor, load):
    key = load.key
    seen = len(vendor.received("script:fixed"))
    rows, cost = ask("SELECT count(*) FILTER (WHERE status = 200 OR ended = 'swept'), sum(cost) FROM sluice_request WHERE key_digest = %s", key.digest)[0]
    assert load.good <= seen <= rows, (load.good, seen, rows)
    assert load.good <= key.calls and cost <= key.calls * COST, (load.good, cost)
    assert ask("SELECT count(*) FROM sluice_request WHERE id = ANY(%s::uuid[])", load.ids)[0][0] == load.good
    assert ask("SELECT sum(cost) FROM sluice_day WHERE kind = '' AND key_digest = %s", key.digest)[0][0] == cost
    assert ask(f"SELECT sum(spent) FROM {ACCOUNT}", key.digest)[0][0] == cost
    return seen, rows, int(cost)


def agrees(ask, vendor, load):
    """Where no process was killed: calls that were answered = calls that were made = rows = money."""
    kit.until(lambda: ask("SELECT count(*) FROM sluice_request WHERE key_digest = %s AND status = 200", load.key.digest)[0][0] >= load.good, 30, "the rows")
    assert prove_booked(ask, vendor, load) == (load.good, load.good, load.good * COST)


def test_exactly_as_many_as_the_budget_pays(hosts, ask, vendor):
    calls = 300 if TROUBLE < 10 else 1000
    load = Load(hosts, vendor, Key(hosts[0], calls))
    load.wait()
    assert load.good == calls, load.told
    assert prove(ask, vendor, load) == (calls, calls, calls * COST)


def test_never_more_when_processes_are_killed(hosts, ask, vendor):
    load = Load(hosts, vendor, Key(hosts[0], int(TROUBLE * 300)))
    end, kills = time.monotonic() + TROUBLE, 0
    for host in hosts:
        host.expected = ["ended by signal", "child signaled"]
    while time.monotonic() < end and any(t.is_alive() for t in load.threads):
        host = random.choice(hosts)
        pids = host.worker_pids() + host.keeper_pids()
        if pids:
            os.kill(random.choice(pids), signal.SIGKILL)
            kills += 1
        time.sleep(0.05)
    load.wait()
    print(kills, "kills:", load.told, prove(ask, vendor, load))


def test_all_processes_of_a_host_die_at_once(hosts, ask, vendor):
    """Nobody is left who knows what was under way: the next ones find it on the board, also streams that were in the middle."""
    host, key, held = hosts[0], Key(hosts[0], 1500), 6
    host.expected = ["ended by signal", "child signaled"]
    streams = [kit.Held(key.at(host), "chat", "slowest") for _ in range(held)]
    for stream in streams:
        stream.until(b'"content"')
    pids = kit.until(lambda: (lambda workers, keeper: workers + keeper if len(workers) == 2 and keeper else None)(host.worker_pids(), host.keeper_pids()),
                     what="all processes to be there")
    load = Load(hosts, vendor, key)
    kit.until(lambda: load.good > 20, 60, "some calls")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    load.wait()
    mine = "FROM sluice_request WHERE key_digest = %s AND model_group = 'slowest'"
    kit.until(lambda: ask(f"SELECT count(*) {mine}", load.key.digest)[0][0] == held, 30, "the rows of the streams")
    load.run(hosts, 1)              # what they held and did not cost
    load.wait()
    print(load.told, prove(ask, vendor, load, COST - 1))        # a host may keep for a while what pays no call
    assert ask(f"SELECT DISTINCT ended, estimated {mine}", load.key.digest) == [("swept", 1)]
    for stream in streams:
        stream.leave()


def test_a_host_loses_its_board(hosts, ask, vendor):
    """As by a reboot, or in a new container: what it had leased is known to be its own, and is spent by the next calls."""
    host, calls, clients = hosts[0], 60, 4
    load = Load([host], vendor, Key(host, calls), clients)
    load.more(20)
    load.end()
    kit.until(lambda: ask("SELECT count(*) FROM sluice_request WHERE key_digest = %s", load.key.digest)[0][0] == load.good, 30, "the rows")
    assert ask(f"SELECT sum(held) FROM {ACCOUNT}", load.key.digest)[0][0] > 0
    host.lose_board()
    load.stop = False
    load.run([host], clients)
    load.wait()
    assert load.told == {200: calls, 429: clients}, load.told        # each until it was told that all is spent
    assert prove(ask, vendor, load) == (calls, calls, calls * COST)


def test_the_database_goes_away(hosts, ask, vendor, postgres):
    """What is leased is spent, then 503; nothing is lost or counted twice."""
    load = Load(hosts, vendor, Key(hosts[0], int(TROUBLE * 200)))
    kit.until(lambda: load.good > 20, what="some calls")
    postgres.halt()
    time.sleep(TROUBLE / 2)
    postgres.run()
    load.wait()
    assert load.good == load.key.calls, load.told
    prove(ask, vendor, load)


def test_the_database_is_killed_in_the_middle_of_a_copy(hosts, ask, vendor, postgres, line):
    """The process that copies, behind whose end all others start anew; then the whole cluster, with some of the rows in its table."""
    load = Load(hosts, vendor, Key(hosts[0], MANY))
    copying = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY sluice_stage1_request%%' AND client_port = %s"    # the other host may be at it, too
    try:
        line.cut_copy(1)
        assert line.stands.wait(30)
        (pid,), = ask(copying, line.port_of_copy)
        os.kill(pid, signal.SIGKILL)
        line.cut_copy(30_000)
        assert line.stands.wait(30)
        assert ask(copying, line.port_of_copy)
        postgres.kill()
        time.sleep(0.2)
    finally:
        line.free()
        if postgres.p.poll() is not None:
            postgres.run()
    load.more(100)
    load.end()
    agrees(ask, vendor, load)


def test_memcached_stops_and_dies(hosts, ask, vendor, counters):
    """No call notices."""
    load = Load(hosts, vendor, Key(hosts[0], MANY))
    load.more()
    counters.pause()
    try:
        load.more()
    finally:
        counters.resume()
    load.more()
    counters.kill()
    load.more()
    counters.run()
    load.more()
    load.end()
    assert set(load.told) == {200}
    agrees(ask, vendor, load)


def test_clients_that_leave(hosts, ask, vendor):
    """A tenth of all calls, in the middle of a stream: booked for what was produced, once."""
    load = Load(hosts, vendor, Key(hosts[0], MANY), leavers=True)
    kit.until(lambda: load.left >= 32, 60, "some to leave")
    load.end()
    mine = "FROM sluice_request WHERE key_digest = %s"
    kit.until(lambda: ask(f"SELECT count(*) {mine} AND ended = 'left'", load.key.digest)[0][0] >= load.left, 30, "the rows of those who left")
    assert len(vendor.received("script:fixed,chunks=2000,gap=20")) == load.left
    for estimated, completion, cost in ask(f"SELECT estimated, completion, cost {mine} AND ended = 'left'", load.key.digest):
        assert estimated == 1 and 0 < completion < 2000 and cost == completion * 100_000
    seen, rows, cost = prove_booked(ask, vendor, load)
    assert seen == rows == load.good
    assert ask(f"SELECT count(*), sum(cost) {mine}", load.key.digest) == [(load.good + load.left, cost)]


def test_clocks_that_step(hosts, ask, vendor, clocks):
    """Of one host, ahead, back, and to before 2020: its rows are of another day, and no more or less."""
    load = Load(hosts, vendor, Key(hosts[0], MANY))
    for ahead in (3600, -3600, 40 * 86400, -12 * 365 * 86400, 0):
        clocks[0].set(clock=ahead)
        load.more_of(hosts[0])
    load.more()
    load.end()
    assert set(load.told) <= {200, 503}             # no call is lost, but one may be told to come again
    agrees(ask, vendor, load)
    assert ask("SELECT count(*) FROM sluice_request_other WHERE key_digest = %s AND began_at < 1577836800000", load.key.digest)[0][0] > 0


def test_hosts_are_known_and_can_be_forgotten(hosts, postgres, database):
    url = postgres.url(database)
    known = json.loads(databases.sluice("host", "list", "--json", "-d", url).stdout)
    assert len(known) == 2 and not any(h["forgotten"] for h in known)
    files = [path for host in hosts for path in host.run.glob("*.host-*") if path.suffix != ".gone"]
    assert sorted(h["id"] for h in known) == sorted(path.read_text().split()[0] for path in files)
    lives = databases.sluice("host", "forget", known[0]["id"], "-d", url, check=False)
    assert lives.returncode == 1 and "was seen within the last minute" in lives.stderr
    databases.sluice("host", "forget", known[0]["id"], "--force", "-d", url)
    kit.until(lambda: len(json.loads(databases.sluice("host", "list", "-j", "-d", url).stdout)) == 3, what="a new id of the host")
    key = Key(hosts[0], 10)
    for host in hosts:
        r = requests.post(host.url + "/v1/chat/completions", json={"model": "gpt", "messages": [{"role": "user", "content": "x"}], "max_tokens": TOKENS},
                          headers=key.headers(), timeout=60)
        assert r.status_code == 200, r.text
