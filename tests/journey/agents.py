# SPDX-License-Identifier: Apache-2.0
"""The command line agents as their users run them, each time in a new home; and what they send on their way to the gateway."""
import glob
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.parse

from kit import ENV, KEY, SOURCE

PACKAGES = SOURCE / ".agents" / "node_modules"
WORD = "zebra-41"                       # is in the file, and nowhere else
NOWHERE = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost"}


def program(pattern):
    found = glob.glob(str(PACKAGES / pattern))
    assert found, f"{pattern} is not in {PACKAGES}: test.sh installs it"
    return found[0]


def script(name, **options):
    """A scripted upstream's model, its options spelt so that they pass through any file."""
    return ",".join([f"script:{name}"] + [f"{key}={urllib.parse.quote(str(value), safe='')}" for key, value in options.items()])


def reached(upstream, text):
    """What arrived for the models whose script says that text."""
    return [r for r in upstream.received() if f"text={text}," in r["body"] or f'text={text}"' in r["body"]]


class Home:
    """A home folder, and a work folder with note.txt in it."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="ag"))
        self.work = self.path / "work"
        self.work.mkdir()
        (self.work / "note.txt").write_text(f"The word is {WORD}.\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def note(self):
        return (self.work / "note.txt").read_text()

    def run(self, argv, **env):
        env = ENV | NOWHERE | {"HOME": str(self.path)} | env
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=self.work, env=env, timeout=200)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def claude(self, url, model, prompt="Read note.txt", **env):
        """What Claude Code prints, event by event; the last one is its result."""
        argv = [program("@anthropic-ai/claude-code-linux-*/claude"), "-p", prompt, "--model", model, "--allowedTools", "Bash",
                "--output-format", "stream-json", "--verbose", "--include-partial-messages"]
        env = env or {"ANTHROPIC_AUTH_TOKEN": KEY}
        return self.run(argv, ANTHROPIC_BASE_URL=url, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1", **env)

    def codex(self, url, model, prompt="Edit note.txt", built_in=False):
        """What Codex prints, item by item.  Its built in provider tries a WebSocket first, a configured one does not."""
        provider = f'{{name="m",base_url="{url}/v1",env_key="OPENAI_API_KEY",wire_api="responses"}}'
        how = [f'openai_base_url="{url}/v1"'] if built_in else ["model_provider=m", f"model_providers.m={provider}"]
        argv = [program("@openai/codex-linux-*/vendor/*/bin/codex"), "exec", "--skip-git-repo-check", "--json", "-s", "danger-full-access", "-m", model]
        return self.run([*argv, *(part for one in how for part in ("-c", one)), prompt], CODEX_HOME=str(self.path), OPENAI_API_KEY=KEY, CODEX_API_KEY=KEY)


class Wire:
    """A tap between a client and the gateway: passes bytes, and keeps the requests."""

    def __init__(self, port):
        self.port, self.streams = port, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            gateway = socket.create_connection(("127.0.0.1", self.port))
            kept = bytearray()
            self.streams.append(kept)
            threading.Thread(target=self.pass_on, args=(client, gateway, kept), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(gateway, client, bytearray()), daemon=True).start()

    def pass_on(self, source, to, kept):
        try:
            while data := source.recv(65536):
                kept += data
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def requests(self):
        """(request line, headers in lower case, body) of each, in order."""
        found = []
        for stream in self.streams:
            rest = bytes(stream)
            while rest:
                head, _, rest = rest.partition(b"\r\n\r\n")
                line, *lines = head.decode().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
                length = int(headers.get("content-length", 0))
                found.append((line, headers, rest[:length]))
                rest = rest[length:]
        return found

    def close(self):
        self.listener.close()
