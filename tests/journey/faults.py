# SPDX-License-Identifier: Apache-2.0
"""What disks, clocks and databases do to a gateway: a preloaded library whose faults are switched on and off, a disk of a few megabytes, a line that is cut."""
import contextlib
import errno
import os
import shutil
import socket
import subprocess
import threading

import kit

# Each fault is a file of its name with a number in it, read at every call: `clock` is how many seconds the wall clock is ahead; `fsync` and `full` are the errno of
# making safe, and of writing and setting room aside, on files whose path has $FAULTS_DISK in it.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long fault(const char *name)
{
	char path[512], text[32] = "";
	const char *dir = getenv("FAULTS");
	int fd;

	if (dir == NULL)
		return (0);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return (0);
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return (atol(text));
}

static int is_on_disk(int fd)
{
	char link[64], path[512];
	const char *disk = getenv("FAULTS_DISK");
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	return (disk != NULL && strstr(path, disk) != NULL);
}

static int fails(const char *name, int fd)
{
	long n;

	if ((n = fault(name)) == 0 || !is_on_disk(fd))
		return (0);
	errno = (int)n;
	return (1);
}

#define REAL(type, name, ...)	((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

/* What was not safe before is gone when that fails, as pages are that a disk did not take. */
int fdatasync(int fd)
{
	static struct { ino_t file; off_t safe; } known[64];
	struct stat st;
	int rc;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return (REAL(int, "fdatasync", int)(fd));
	if (fails("fsync", fd)) {
		if (known[st.st_ino % 64].file == st.st_ino && ftruncate(fd, known[st.st_ino % 64].safe) != 0)
			abort();
		errno = (int)fault("fsync");
		return (-1);
	}
	if ((rc = REAL(int, "fdatasync", int)(fd)) == 0) {
		known[st.st_ino % 64].file = st.st_ino;
		known[st.st_ino % 64].safe = st.st_size;
	}
	return (rc);
}

int fallocate(int fd, int mode, off_t from, off_t n) { return (fails("full", fd) ? -1 : REAL(int, "fallocate", int, int, off_t, off_t)(fd, mode, from, n)); }
int fallocate64(int fd, int mode, off64_t from, off64_t n) { return (fallocate(fd, mode, from, n)); }
ssize_t write(int fd, const void *at, size_t n) { return (fails("full", fd) ? -1 : REAL(ssize_t, "write", int, const void *, size_t)(fd, at, n)); }
ssize_t pwrite64(int fd, const void *at, size_t n, off64_t to) { return (fails("full", fd) ? -1 : REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, at, n, to)); }
ssize_t pwrite(int fd, const void *at, size_t n, off_t to) { return (pwrite64(fd, at, n, to)); }

int fstatvfs(int fd, struct statvfs *v)
{
	int rc = REAL(int, "fstatvfs", int, struct statvfs *)(fd, v);

	if (rc == 0 && fails("full", fd))
		v->f_bavail = 0;
	return (rc);
}

int fstatvfs64(int fd, struct statvfs64 *v)
{
	int rc = REAL(int, "fstatvfs64", int, struct statvfs64 *)(fd, v);

	if (rc == 0 && fails("full", fd))
		v->f_bavail = 0;
	return (rc);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	int rc;

	if (real == NULL)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	rc = real(id, t);
	if (rc == 0 && id == CLOCK_REALTIME)
		t->tv_sec += fault("clock");
	return (rc);
}

time_t time(time_t *to)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (to != NULL)
		*to = t.tv_sec;
	return (t.tv_sec);
}

int gettimeofday(struct timeval *to, void *zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	to->tv_sec = t.tv_sec;
	to->tv_usec = t.tv_nsec / 1000;
	return (0);
}
"""


class Faults:
    """For the processes that are started with `env`; set(clock=3600) holds from then on."""

    def __init__(self, disk=".spool/"):
        self.where = kit.folder()
        (self.where / "faults.c").write_text(SHIM)
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", self.where / "faults.so", self.where / "faults.c", "-ldl"], check=True)
        self.env = {"LD_PRELOAD": self.where / "faults.so", "FAULTS": self.where, "FAULTS_DISK": disk,
                    "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
        kit.give(self.where)

    def set(self, **faults):
        for name, number in faults.items():
            new = self.where / (name + ".new")
            new.write_text(str(number))
            new.rename(self.where / name)               # never half written


class Disk:
    """A folder on a file system of so many KB, in memory; where nothing can be mounted the faults say that it is full."""

    def __init__(self, faults, kb):
        self.faults, self.where = faults, kit.folder() / "small"
        self.where.mkdir()
        self.ballast = self.where / "ballast"
        self.mounted = os.getuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kb}k", "tmpfs", self.where], capture_output=True).returncode == 0
        self.where.chmod(0o755)
        kit.give(self.where)

    def fill(self):
        """To the last page."""
        if not self.mounted:
            self.faults.set(full=errno.ENOSPC)
            return
        with open(self.ballast, "ab", buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(b"x" * 4096)

    def free(self):
        self.ballast.unlink(missing_ok=True)
        self.faults.set(full=0)

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.where], check=True)
        shutil.rmtree(self.where.parent)


class Line:
    """A line to a server, which passes bytes; `cut_copy(n)` has it stand still once n bytes of a COPY have gone by, until free(); `port_of_copy` is
    where that one comes from."""

    def __init__(self, port):
        self.port, self.after, self.gone, self.times, self.port_of_copy = port, None, 0, 0, 0
        self.stands, self.freed = threading.Event(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.own_port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def cut_copy(self, after):
        self.freed.clear()
        self.stands.clear()
        self.gone, self.times = 0, self.times + 1
        self.after = after

    def free(self):
        self.after = None
        self.freed.set()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.port), 10)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            for source, to, watched in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.pass_on, args=(source, to, watched), daemon=True).start()

    def pass_on(self, source, to, watched):
        copies = 0                                      # since the COPY of which time
        try:
            while data := source.recv(65536):
                if watched and b"COPY sluice_stage1_request" in data:
                    copies = self.times
                elif watched and copies == self.times and self.after is not None:
                    room = self.after - self.gone
                    if len(data) > room:
                        to.sendall(data[:room])
                        self.after, self.port_of_copy = None, to.getsockname()[1]
                        self.stands.set()
                        self.freed.wait()
                        data = data[room:]
                    else:
                        self.gone += len(data)
                to.sendall(data)
        except OSError:
            pass
        for end in (source, to):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.free()
        self.listener.close()
