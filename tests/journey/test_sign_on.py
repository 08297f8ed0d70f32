# SPDX-License-Identifier: Apache-2.0
"""People whom the web server knows by a password or by a certificate, at lighttpd and at httpd: what stands in doc/keys.md."""
import base64
import hashlib
import os

import pytest
import requests

import kit
from managing import HELLO, config
from test_networks import make_ca, make_leaf

SECRET = "a-secret-of-the-web-server"
PASSWORD = "secret of anna"
USERS = {"lighttpd": f"anna:{PASSWORD}\n", "proxy_fcgi": "anna:{SHA}" + base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode() + "\n"}
LIGHTTPD = '( "mod_setenv", "mod_accesslog", "mod_fastcgi" )'
MODULES = "/usr/lib/apache2/modules/mod_"

PASSWORDS = {
    "lighttpd": ("lighttpd/sluice.conf", '( "mod_auth", "mod_authn_file", "mod_setenv", "mod_accesslog", "mod_fastcgi" )', """
setenv.set-environment = ( "SLUICE_SECRET" => "{secret}" )
auth.backend = "plain"
auth.backend.plain.userfile = "{where}/users"
auth.require = ( "/" => ( "method" => "basic", "realm" => "sluice", "require" => "valid-user" ) )
"""),
    "proxy_fcgi": ("apache/sluice-proxy-fcgi.conf", None, """
LoadModule auth_basic_module {modules}auth_basic.so
LoadModule authn_file_module {modules}authn_file.so
LoadModule authz_user_module {modules}authz_user.so
<Location "/">
	SetEnv SLUICE_SECRET {secret}
	AuthType Basic
	AuthName sluice
	AuthUserFile {where}/users
	Require valid-user
</Location>
"""),
}
CERTIFICATES = {
    "lighttpd": ("lighttpd/sluice.conf", '( "mod_openssl", "mod_setenv", "mod_accesslog", "mod_fastcgi" )', """
setenv.set-environment = ( "SLUICE_SECRET" => "{secret}" )
ssl.engine = "enable"
ssl.pemfile = "{where}/good.pem"
ssl.privkey = "{where}/good.key"
ssl.verifyclient.ca-file = "{where}/corp.pem"
ssl.verifyclient.activate = "enable"
ssl.verifyclient.enforce = "disable"
"""),
    "proxy_fcgi": ("apache/sluice-proxy-fcgi.conf", None, """
LoadModule ssl_module {modules}ssl.so
SSLEngine on
SSLCertificateFile {where}/good.pem
SSLCertificateKeyFile {where}/good.key
SSLCACertificateFile {where}/corp.pem
SSLVerifyClient optional
<Location "/">
	SetEnv SLUICE_SECRET {secret}
	SSLOptions +StdEnvVars
</Location>
"""),
}


@pytest.fixture(scope="module")
def made():
    """Certificates, and a file of passwords that both servers read."""
    where = kit.folder()
    make_ca(where, "corp")
    make_leaf(where, "corp", "good", "DNS:localhost,IP:127.0.0.1")
    make_leaf(where, "corp", "anna", "DNS:anna.test")
    make_ca(where, "other")
    make_leaf(where, "other", "eve", "DNS:eve.test")
    yield where
    kit.shutil.rmtree(where)


def signed_on(start, made, form, lines, users, people):
    """The shipped file with a site's own lines, in front of a gateway that believes it."""
    name, modules, more = lines
    gateway = start(config() | {"sluice": {"people": {"secret": SECRET, "peers": [kit.USER or os.getuid()]} | people}}, form=form)
    (gateway.where / "users").write_text(users)
    for path in made.glob("*.[pk]e[my]"):
        (gateway.where / path.name).write_bytes(path.read_bytes())
    kit.give(gateway.where)
    path = gateway.where / name
    text, more = path.read_text(), more.format(secret=SECRET, where=gateway.where, modules=MODULES)
    if modules:
        text = text.replace(LIGHTTPD, modules) + more
    else:
        text = text.replace("</VirtualHost>", "\n".join(x for x in more.splitlines() if not x.startswith("LoadModule")) + "\n</VirtualHost>")
        text = "\n".join(x for x in more.splitlines() if x.startswith("LoadModule")) + "\n" + text
    path.write_text(text)
    gateway.web.stop()
    gateway.parts.remove(gateway.web)
    getattr(gateway, "lighttpd" if modules else "httpd")(path.name)
    scheme = "https" if "ssl" in more else "http"
    gateway.url = f"{scheme}://127.0.0.1:{gateway.port}"
    gateway.web.ready(lambda: requests.get(gateway.url + "/health/readiness", timeout=5, verify=False).status_code < 500)
    return gateway


def told(gateway, method="GET", path="/key/list", **more):
    return requests.request(method, gateway.url + path, timeout=30, verify=False, allow_redirects=False, **more)


@pytest.mark.parametrize("form", PASSWORDS)
def test_by_a_password(start, made, form):
    gateway = signed_on(start, made, form, PASSWORDS[form], USERS[form], {"rules": [{"user": "anna", "role": "proxy_admin"}]})
    own = {"Origin": gateway.url}
    anna = {"auth": ("anna", PASSWORD)}
    assert told(gateway).status_code == 401 and told(gateway, auth=("anna", "wrong")).status_code == 401
    assert told(gateway, **anna).status_code == 200
    assert told(gateway, "POST", "/key/generate", json={}, headers={"Origin": "https://evil.example"}, **anna).status_code == 403
    answer = told(gateway, "POST", "/key/generate", json={"key_alias": "by-anna"}, headers=own, **anna)
    assert answer.status_code == 200 and answer.json()["created_by"] == "anna", answer.text
    assert told(gateway, "POST", "/v1/chat/completions", json=HELLO, headers=own, **anna).status_code == 200


@pytest.mark.parametrize("form", CERTIFICATES)
def test_by_a_certificate(start, made, form):
    gateway = signed_on(start, made, form, CERTIFICATES[form], "", {"user": "SSL_CLIENT_S_DN_CN", "rules": [{"user": "anna", "role": "internal_user_viewer"}]})

    def cert(name):
        return {"cert": (str(made / f"{name}.pem"), str(made / f"{name}.key"))}
    assert told(gateway).status_code == 401                                                            # none is shown
    assert told(gateway, path="/sign-in", **cert("anna")).json()["user_id"] == "anna"
    assert told(gateway, "POST", "/v1/chat/completions", json=HELLO, headers={"Origin": gateway.url}, **cert("anna")).status_code == 403
    assert told(gateway, headers={"Authorization": f"Bearer {kit.KEY}"}).status_code == 200            # a key does without
    try:
        assert told(gateway, **cert("eve")).status_code == 401                                         # of another authority
    except requests.exceptions.SSLError:
        pass                                                                                           # refused before it could ask
