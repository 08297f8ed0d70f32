# SPDX-License-Identifier: Apache-2.0
"""An issuer of tokens: RS256 by openssl, its keys by HTTP, and userinfo for tokens that say nothing themselves."""
import base64
import http.server
import json
import subprocess
import threading
import time
import urllib.parse

import kit


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    def __init__(self, where):
        self.key, self.people, self.asked = where / "issuer.pem", {}, []
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, capture_output=True)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True, capture_output=True, text=True).stdout
        n = bytes.fromhex(modulus.strip().split("=")[1])
        keys = {"keys": [{"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": b64(n), "e": "AQAB"}]}
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
                body = keys if self.path == "/jwks" else issuer.people.get(bearer)
                self.send_response(200 if body else 401)
                self.end_headers()
                self.wfile.write(json.dumps(body or {}).encode())

            def do_POST(self):
                """Introspection (RFC 7662), for who has signed in as id:secret."""
                issuer.asked.append(self.path)
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                known = self.headers.get("Authorization") == "Basic " + base64.b64encode(b"id:secret").decode() and self.headers["Content-Type"] == "application/x-www-form-urlencoded"
                self.send_response(200 if known else 401)
                self.end_headers()
                self.wfile.write(json.dumps(issuer.people.get(form["token"][0], {"active": False}) if known else {}).encode())

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", kit.free_port()), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def environment(self):
        return {"JWT_PUBLIC_KEY_URL": self.url + "/jwks", "JWT_AUDIENCE": "gw"}

    def token(self, **claims):
        head = {"alg": "RS256", "kid": "k1"}
        body = {"aud": "gw", "exp": int(time.time()) + 300} | claims
        signed = ".".join(b64(json.dumps(part).encode()) for part in (head, body))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(), check=True, capture_output=True).stdout
        return f"{signed}.{b64(signature)}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
