# SPDX-License-Identifier: Apache-2.0
"""A whole gateway on disks that fail, or are full: no call is lost, none counted twice, and while rows are not safe no new one is let in."""
import concurrent.futures
import errno
import os
import signal
import sqlite3
import time

import faults
import kit
import pytest

PRICE = {"input_cost_per_token": 0.00001, "output_cost_per_token": 0.00001}


class Booked:
    """A gateway over a SQLite file, and the calls that it said were made."""

    def __init__(self, start, upstream, fault, state=None, database=None, **own):
        base = upstream.base + "/v1"
        config = {"model_list": [kit.deployment("m", "openai/script:fixed", base, **PRICE),
                                 kit.deployment("slow", "openai/script:fixed,chunks=30,gap=20", base, **PRICE)],
                  "litellm_settings": {"num_retries": 0},
                  "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}}
        where = kit.folder()
        self.path = (database or where / "run") / "sluice.db"
        config["sluice"] = own | {"database": str(self.path), "log": str(where / "run" / "sluice.log")}
        self.gateway = start(config, where=where, env=fault.env | ({"SLUICE_STATE_DIR": state} if state else {}))
        self.made = []

    def call(self, **more):
        r = self.gateway.chat("m", **more)
        if r.status_code == 200:
            self.made.append(r.headers["x-request-id"])
        return r.status_code

    def refusals(self):
        """In both dialects, as a gateway that is busy."""
        r = self.gateway.chat("m")
        assert r.status_code == 503 and r.json()["error"]["type"] == "server_error" and "no room to book" in r.json()["error"]["message"], r.text
        r = self.gateway.messages("m")
        assert r.status_code == 503 and r.json()["error"]["type"] == "overloaded_error", r.text

    def ask(self, sql):
        db = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def agrees(self):
        """Calls made are rows, and what they cost is what the day says."""
        def ids():
            return [i for (i,) in self.ask("SELECT id FROM sluice_request WHERE status = 200")]
        kit.until(lambda: len(ids()) >= len(self.made), 30, "the rows")
        time.sleep(0.3)                                 # whatever comes twice has come by now
        assert sorted(ids()) == sorted(self.made)
        (cost, n), = self.ask("SELECT sum(cost), count(*) FROM sluice_request")
        assert self.ask("SELECT sum(cost), sum(requests) FROM sluice_day WHERE kind = ''") == [(cost, n)] and cost > 0


@pytest.mark.parametrize("fault,code", [("fsync", errno.EIO), ("full", errno.ENOSPC)])
def test_a_disk_that_fails_loses_and_repeats_nothing(start, upstream, fault, code):
    disk = faults.Faults()
    booked = Booked(start, upstream, disk)
    assert [booked.call() for _ in range(5)] == [200] * 5
    running = kit.Held(booked.gateway, "chat", "slow")
    running.until(b'"content"')
    booked.made.append(running.answer.headers["x-request-id"])
    keeper, = booked.gateway.keeper_pids()
    kit.halt(keeper)                                    # it ships nothing of what will be lost
    disk.set(**{fault: code})
    kit.until(lambda: booked.call() == 503, what="the refusal")
    os.kill(keeper, signal.SIGCONT)
    booked.refusals()
    running.until(b"[DONE]")
    running.leave()
    booked.refusals()
    disk.set(**{fault: 0})
    kit.until(lambda: booked.call() == 200, what="calls to go on")
    assert [booked.call() for _ in range(5)] == [200] * 5
    booked.agrees()
    assert {"fsync": "can not be made safe", "full": "wait in memory"}[fault] in booked.gateway.error_log()


@pytest.fixture
def small():
    """small(kb): such a disk, and what says that it is full where none can be mounted."""
    made = []

    def begin(kb):
        fault = faults.Faults("/small/")
        made.append(faults.Disk(fault, kb))
        return fault, made[-1]
    yield begin
    for disk in made:
        disk.close()


def test_the_disk_of_the_spool_is_full(small, start, upstream):
    """While the housekeeper stands still the spool grows until there is no room: what runs is booked, nothing new is let in, until it goes on."""
    fault, disk = small(300)
    booked = Booked(start, upstream, fault, state=disk.where, spool_segment="64KB")
    tags = {"metadata": {"tags": ["x" * 250 + str(i) for i in range(12)]}}
    assert booked.call() == 200
    running = kit.Held(booked.gateway, "chat", "slow")
    running.until(b'"content"')
    booked.made.append(running.answer.headers["x-request-id"])
    keeper, = booked.gateway.keeper_pids()
    kit.halt(keeper)
    try:
        disk.fill()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: kit.until(lambda: booked.call(**tags) == 503, 60, "the spool to be full"), range(8)))
        booked.refusals()
        running.until(b"[DONE]")
        running.leave()
    finally:
        os.kill(keeper, signal.SIGCONT)
        disk.free()
    assert not disk.mounted or len(booked.made) > 20       # the two files that were set aside
    kit.until(lambda: booked.call() == 200, what="calls to go on")
    booked.agrees()


def test_the_disk_of_the_database_is_full(small, start, upstream):
    """Administration says 503, rows wait in the spool."""
    fault, disk = small(2300)
    booked = Booked(start, upstream, fault, database=disk.where)
    assert booked.call() == 200
    kit.until(lambda: booked.ask("SELECT count(*) FROM sluice_request")[0][0] == 1, what="the first row")
    disk.fill()
    assert [booked.call() for _ in range(20)] == [200] * 20
    r = booked.gateway.post("/key/generate", {"metadata": {"note": "x" * 20000}})
    assert r.status_code == 503 and r.json()["error"]["type"] == "no_db_connection", r.text
    kit.until(lambda: "rows wait in the spool" in booked.gateway.error_log(), what="a line about it")
    assert booked.ask("SELECT count(*) FROM sluice_request")[0][0] < 21
    disk.free()
    assert booked.call() == 200
    booked.agrees()
    kit.until(lambda: booked.gateway.post("/key/generate", {}).status_code == 200, what="administration to go on")
    assert not list((booked.gateway.run / "sluice.spool").glob("aside/*"))
