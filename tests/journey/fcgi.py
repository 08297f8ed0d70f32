# SPDX-License-Identifier: Apache-2.0
"""A web server of a few lines: raw FastCGI to a worker, so that a test decides about every record, and upstreams of a few lines too."""
import asyncio
import json
import os
import shutil
import signal
import struct
import threading

import kit
from kit import KEY

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT = 1, 2, 3, 4, 5, 6
KEEP = 1


def record(kind, content=b"", number=1, padding=0):
    return struct.pack(">BBHHBB", 1, kind, number, len(content), padding, 0) + content + bytes(padding)


def pairs(params):
    out = b""
    for name, value in params.items():
        for text in (name, value):
            out += bytes([len(text)]) if len(text) < 128 else struct.pack(">I", len(text) | 0x80000000)
        out += name + value
    return out


def head(path, length, method="POST", headers=None, flags=0, key=KEY, number=1, **params):
    """The records up to the end of the params."""
    p = {"REQUEST_METHOD": method, "REQUEST_URI": path, "CONTENT_LENGTH": str(length), "REMOTE_ADDR": "127.0.0.1", "SERVER_ADDR": "127.0.0.1",
         "HTTP_AUTHORIZATION": "Bearer " + key} | params
    p |= {"HTTP_" + n.upper().replace("-", "_"): v for n, v in (headers or {}).items()}
    return (record(BEGIN, struct.pack(">HB5x", 1, flags), number) +
            record(PARAMS, pairs({n.encode(): v.encode() for n, v in p.items() if v is not None}), number) + record(PARAMS, b"", number))


def stdin(body, size=65528, number=1):
    return b"".join(record(STDIN, body[at:at + size], number) for at in range(0, len(body), size)) + record(STDIN, b"", number)


def post(path, body, **more):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return head(path, len(body), **more) + stdin(body)


def chat(model, content="hello", **more):
    return {"model": model, "messages": [{"role": "user", "content": content}]} | more


def messages(model, content="hello", **more):
    return chat(model, content, **more) | {"max_tokens": 100}


VERSION = {"anthropic-version": "2023-06-01"}


def asked(surface, model, headers=None, flags=0, **more):
    """The records of a whole request of that dialect."""
    if surface == "chat":
        return post("/v1/chat/completions", chat(model, **more), headers=headers, flags=flags)
    return post("/v1/messages", messages(model, **more), headers=VERSION | (headers or {}), flags=flags)


class Answer:
    """What came back for one request."""

    def __init__(self):
        self.raw, self.ended, self.status_of_end = b"", False, None

    @property
    def whole(self):
        return self.ended and self.status_of_end == 0

    def split(self):
        head, _, body = self.raw.partition(b"\r\n\r\n")
        return head.decode(), body

    @property
    def headers(self):
        return {n.lower(): v for n, _, v in (line.partition(": ") for line in self.split()[0].split("\r\n"))}

    @property
    def status(self):
        return int(self.headers["status"].split()[0])

    @property
    def text(self):
        return self.split()[1].decode()

    def json(self):
        return json.loads(self.text)


class Client:
    """A connection of the web server."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, path, limit=2 ** 16):
        return cls(*await asyncio.open_unix_connection(str(path), limit=limit))

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def next(self):
        """(type, id, content) of the next record."""
        top = await self.reader.readexactly(8)
        _, kind, number, length, padding, _ = struct.unpack(">BBHHBB", top)
        return kind, number, (await self.reader.readexactly(length + padding))[:length]

    async def read(self, answer, number=1, enough=lambda a: False):
        """Until the end of the request, of the connection, or enough(answer)."""
        while not answer.ended and not enough(answer):
            kind, who, content = await self.next()
            if who != number:
                continue
            if kind == STDOUT:
                answer.raw += content
            elif kind == END:
                answer.ended, answer.status_of_end = True, content[4]
        return answer

    def close(self):
        self.writer.close()

    def abort(self):
        self.writer.transport.abort()


class Pool:
    """`sluice serve` on a socket of its own, with no web server in front."""

    def __init__(self, config, workers=1, env=None):
        self.where = kit.folder()
        self.run = self.where / "run"
        self.socket = self.run / "w.sock"
        self.config_path = self.where / "config.yaml"
        self.binary = self.where / "sluice"
        shutil.copy(kit.BUILD / "sluice", self.binary)
        self.write(config)
        kit.give(self.where)
        self.expected = []
        self.server = kit.Server([*kit.as_user(), self.binary, "serve", "--config", self.config_path, "--listen", self.socket, "--workers", workers],
                                 self.run / "gateway.log", **({
                                     "LITELLM_MASTER_KEY": KEY, "SLUICE_RUN_DIR": self.run, "SLUICE_STATE_DIR": self.run,
                                     "ASAN_OPTIONS": f"log_path={self.run}/san:detect_leaks=1",
                                     "UBSAN_OPTIONS": f"log_path={self.run}/san:print_stacktrace=1"} | (env or {})))
        self.server.ready(lambda: self.socket.exists() and self.get("/health/readiness").status == 200)

    def write(self, config):
        self.config_path.write_text(config if isinstance(config, str) else json.dumps(config, indent=1))

    def ask(self, data, seconds=30):
        """One request on a connection of its own."""
        async def go():
            client = await Client.to(self.socket)
            try:
                await client.send(data)
                return await client.read(Answer())
            finally:
                client.close()
        return asyncio.run(asyncio.wait_for(go(), seconds))

    def get(self, path):
        return self.ask(head(path, 0, method="GET") + stdin(b""))

    def metric(self, name, *words):
        """The sum of the metric's series whose labels hold these words."""
        found = [line for line in self.get("/metrics").text.splitlines() if line.startswith(name) and line[len(name)] in " {"]
        return sum(float(line.rsplit(" ", 1)[1]) for line in found if all(w in line for w in words))

    def lines(self):
        path = self.run / "sluice.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def line(self, call_id):
        return kit.until(lambda: next((x for x in self.lines() if x["id"] == call_id), None), what=f"the line of {call_id}")

    def workers(self):
        """The pids of the workers."""
        me = self.server.p.pid
        return [int(p) for p in open(f"/proc/{me}/task/{me}/children").read().split()]

    def reports(self):
        return "".join(p.read_text(errors="replace") for p in self.run.glob("san.*"))

    def stop(self):
        try:
            self.server.stop()
        except BaseException:
            try:
                os.killpg(self.server.p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            raise
        assert not self.reports(), self.reports()[:6000]
        for word in ("ended by signal", "runtime error", "exited with code"):
            assert word in self.expected or word not in self.server.said(), self.server.said()[-3000:]
        shutil.rmtree(self.where, ignore_errors=True)


class RawUpstream:
    """An upstream that is a coroutine: play(request's bytes, reader, writer)."""

    def __init__(self, play):
        self.loop = asyncio.new_event_loop()
        self.asked = 0
        self.gone = threading.Event()           # a connection broke under a play
        started = threading.Event()

        async def serve(reader, writer):
            try:
                while True:
                    top = await reader.readuntil(b"\r\n\r\n")
                    length = next(int(line[15:]) for line in top.split(b"\r\n") if line.lower().startswith(b"content-length:"))
                    body = await reader.readexactly(length)
                    self.asked += 1
                    await play(top + body, reader, writer)
                    await writer.drain()
            except (ConnectionError, asyncio.IncompleteReadError):
                self.gone.set()
            finally:
                writer.close()

        async def main():
            self.server = await asyncio.start_server(serve, "127.0.0.1", 0)
            self.port = self.server.sockets[0].getsockname()[1]
            started.set()
        self.loop.create_task(main())
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        started.wait()
        self.base = f"http://127.0.0.1:{self.port}"

    def stop(self):
        async def end():
            self.server.close()
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def delta(text, **more):
    """A chunk of a chat stream."""
    return b"data: " + json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                                   "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} | more).encode() + b"\n\n"


FINISH = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",' \
    b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
