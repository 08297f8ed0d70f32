# SPDX-License-Identifier: Apache-2.0
"""The spool of a whole gateway on a disk that fails: no call is lost, none counted twice, and while rows are not safe no new one is let in."""
import sqlite3
import subprocess
import time

import kit

# fdatasync of the spool's files fails with the number that a file says.
FAULTS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fdatasync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync"), n = 0;
	char link[64], path[512];
	ssize_t len;
	FILE *f;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	if (strstr(path, ".spool/") != NULL && (f = fopen(getenv("FAULT_FSYNC"), "re")) != NULL) {
		if (fscanf(f, "%d", &n) != 1)
			n = 0;
		fclose(f);
	}
	if (n > 0) {
		errno = n;
		return (-1);
	}
	return (real(fd));
}
"""


def test_a_failed_fsync_loses_and_repeats_nothing(start, upstream):
    where = kit.folder()
    (where / "faults.c").write_text(FAULTS)
    (where / "fsync").write_text("0")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", where / "faults.so", where / "faults.c", "-ldl"], check=True)
    kit.give(where)
    gateway = start({"model_list": [kit.deployment("m", "openai/script:fixed", upstream.base + "/v1", input_cost_per_token=0.00001,
                                                   output_cost_per_token=0.00001)]},
                    env={"LD_PRELOAD": where / "faults.so", "FAULT_FSYNC": where / "fsync",
                         "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}, form="lighttpd")
    made = []

    def call():
        r = gateway.chat("m")
        if r.status_code == 200:
            made.append(r.headers["x-request-id"])
        return r.status_code

    assert [call() for _ in range(5)] == [200] * 5
    (where / "fsync").write_text("5")
    kit.until(lambda: call() == 503, what="the refusal")
    assert call() == 503
    (where / "fsync").write_text("0")
    kit.until(lambda: call() == 200, what="calls to go on")
    assert [call() for _ in range(5)] == [200] * 5

    def rows():
        db = sqlite3.connect(f"file:{gateway.run}/sluice.db?mode=ro", uri=True)
        try:
            return (sorted(r[0] for r in db.execute("SELECT id FROM sluice_request WHERE status = 200")),
                    db.execute("SELECT sum(cost) FROM sluice_request").fetchone()[0],
                    db.execute("SELECT sum(cost) FROM sluice_day WHERE kind = ''").fetchone()[0])
        finally:
            db.close()

    kit.until(lambda: len(rows()[0]) >= len(made), what="the rows")
    time.sleep(0.3)
    ids, cost, days = rows()
    assert ids == sorted(made) and cost == days > 0
    assert "can not be made safe" in gateway.error_log()
