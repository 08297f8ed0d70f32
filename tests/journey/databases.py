# SPDX-License-Identifier: Apache-2.0
"""The real parts behind the gateway: PostgreSQL, PgBouncer, memcached; each on a free port, ended by pid."""
import contextlib
import glob
import itertools
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import kit
import psycopg

BIN = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
TEMPLATE = "sluice_template"
_names = itertools.count(1)


def as_postgres():
    """PostgreSQL and PgBouncer refuse to run as root."""
    return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", "--"] if os.getuid() == 0 else []


def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="sl"))
    path.chmod(0o755)
    if os.getuid() == 0:
        shutil.chown(path, "postgres", "postgres")
    return path


def sluice(*argv, check=True, **env):
    """One command of the gateway's program."""
    done = subprocess.run([kit.BUILD / "sluice", *map(str, argv)], capture_output=True, text=True, timeout=60, cwd="/", env=kit.ENV | env)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


class Postgres(kit.Server):
    """A cluster of its own.  `crash()` and `pause()` are what happens to the best."""

    def __init__(self):
        self.where = folder()
        self.port = kit.free_port()
        self.released = []
        self.data = self.where / "data"
        subprocess.run([*as_postgres(), BIN + "/initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                        "--no-sync", "--no-instructions", "--wal-segsize=1"], check=True, capture_output=True, cwd=self.where)
        with open(self.data / "postgresql.auto.conf", "a") as f:
            f.write(f"listen_addresses='127.0.0.1'\nport={self.port}\nunix_socket_directories=''\nfsync=off\nfull_page_writes=off\n"
                    "shared_buffers=32MB\nautovacuum=off\nmax_connections=60\n")
        self.run()

    def run(self):
        super().__init__([*as_postgres(), BIN + "/postgres", "-D", self.data], self.where / "log", PGDATA=self.data)
        self.ready(lambda: self.ask("SELECT 1"))

    def url(self, database="postgres"):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def connect(self, database="postgres", **more):
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=10, **more)

    def ask(self, sql, *values, database="postgres"):
        """All rows of a statement; [] where it has none."""
        try:
            with self.connect(database) as c:
                rows = c.execute(sql, values or None)
                return rows.fetchall() if rows.description else []
        except psycopg.OperationalError as e:
            raise ConnectionError(str(e)) from e

    def new(self, template=TEMPLATE):
        """A database, with our schema unless another template is named; its name."""
        if template == TEMPLATE and not self.ask("SELECT 1 FROM pg_database WHERE datname = %s", TEMPLATE):
            self.ask(f"CREATE DATABASE {TEMPLATE}")
            sluice("db", "migrate", "--database", self.url(TEMPLATE))
        while self.released:
            self.ask(f"DROP DATABASE IF EXISTS {self.released.pop()} WITH (FORCE)")
        name = f"t{next(_names)}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def release(self, name):
        """To be dropped before the next is made: whoever uses it may end behind the fixture."""
        self.released.append(name)

    def cut(self, database):
        """Ends all connections of a database."""
        self.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", database)

    def connections(self, database):
        return self.ask("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", database)[0][0]

    def halt(self):
        """Stops it well; run() starts it again."""
        super().stop(signal.SIGINT)

    def crash(self):
        super().stop(signal.SIGQUIT)

    def kill(self):
        """All its processes at once; run() starts it again."""
        self.pause()
        self.signal(signal.SIGKILL)
        self.p.wait()

    def pids(self):
        """The server and its children, which go on when it is stopped."""
        out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.p.pid)], capture_output=True, text=True).stdout
        return [self.p.pid, *map(int, out.split())]

    def signal(self, sig):
        """To all of them; one may just have ended."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sig)

    def pause(self):
        kit.halt(self.p.pid)                            # so that none is begun meanwhile
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):   # it just ended
                kit.halt(pid)

    def resume(self):
        self.signal(signal.SIGCONT)

    def stop(self):
        if self.p.poll() is None:
            self.resume()
            super().stop(signal.SIGINT)
        shutil.rmtree(self.where, ignore_errors=True)


class PgBouncer(kit.Server):
    """In transaction mode, as hosting companies run it."""

    def __init__(self, postgres):
        self.where = folder()
        self.port = kit.free_port()
        (self.where / "users.txt").write_text('"postgres" ""\n')
        (self.where / "b.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={postgres.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\n"
            f"unix_socket_dir =\nauth_type = trust\nauth_file = {self.where}/users.txt\npool_mode = transaction\ndefault_pool_size = 5\n"
            "max_client_conn = 200\nserver_login_retry = 1\nadmin_users = postgres\nlogfile =\npidfile =\n")
        super().__init__([*as_postgres(), "pgbouncer", self.where / "b.ini"], self.where / "log")
        self.ready(lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() or True)

    def url(self, database):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def admin(self, command):
        """PAUSE, RESUME, RECONNECT, SHOW POOLS …"""
        with psycopg.connect(self.url("pgbouncer"), autocommit=True, cursor_factory=psycopg.ClientCursor) as c:
            rows = c.execute(command)
            return rows.fetchall() if rows.description else []

    def stop(self):
        super().stop(signal.SIGTERM)
        shutil.rmtree(self.where, ignore_errors=True)


class Memcached(kit.Server):
    """`pause()`: it takes connections and never answers; `kill()`: it refuses them, until run()."""

    def __init__(self):
        self.where = folder()
        self.port = kit.free_port()
        self.run()

    def run(self):
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        super().__init__(["memcached", *user, "-l", "127.0.0.1", "-p", self.port, "-U", "0", "-m", "16", "-t", "1"], self.where / "log")
        self.ready(lambda: self.say("version"))

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def say(self, command):
        """The first answer to a line."""
        with socket.create_connection(("127.0.0.1", self.port), 2) as s:
            s.sendall(command.encode() + b"\r\n")
            return s.recv(65536).decode()

    def flush(self):
        assert self.say("flush_all") == "OK\r\n"

    def pause(self):
        kit.halt(self.p.pid)

    def resume(self):
        self.p.send_signal(signal.SIGCONT)

    def kill(self):
        super().stop(signal.SIGKILL)

    def stop(self):
        if self.p.poll() is None:
            self.kill()
        shutil.rmtree(self.where, ignore_errors=True)
