# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the journeys."""
import shutil
import zlib

import pytest

import agents
import databases
import kit


@pytest.fixture(scope="session")
def shared_folder():
    path = kit.folder()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def upstream(shared_folder):
    """One scripted upstream for the tests that only look at their own requests."""
    server = kit.Upstream(shared_folder, "--forbid", kit.KEY)
    yield server
    server.stop()


@pytest.fixture
def start():
    """start(config, form=…, …) starts a gateway that the test's end stops and inspects."""
    running = []

    def begin(config, **options):
        running.append(kit.Gateway(config, **options))
        return running[-1]
    yield begin
    for gateway in running:
        gateway.stop()


def everyday(upstream):
    """A configuration that reaches each script of the upstream in both dialects by its name."""
    openai, anthropic = upstream.base + "/v1", upstream.base
    return {
        "model_list": [
            kit.deployment("gpt", "openai/script:fixed", openai, use_in_pass_through=True),
            kit.deployment("claude", "anthropic/script:fixed", anthropic, use_in_pass_through=True),
            kit.deployment("hello", "openai/hello", openai, mock_response="Hello from the mock"),
            kit.deployment("openai/*", "openai/*", openai),
            kit.deployment("anthropic/*", "anthropic/*", anthropic),
            kit.deployment("groq/*", "groq/*", openai),            # has chat completions only
        ],
        "litellm_settings": {"num_retries": 0},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY", "pass_through_endpoints": [
            {"path": "/bria", "target": upstream.base + "/files/bria?tenant=1", "include_subpath": True, "headers": {"api_token": "bria-secret"}},
            {"path": "/open", "target": upstream.base + "/files/open", "auth": False, "forward_headers": True, "methods": ["POST"]},
            {"path": "/away", "target": f"http://127.0.0.1:{kit.free_port()}/x"},
        ]},
    }


def pytest_generate_tests(metafunc):
    """Every test of `gateway` or `eager` runs behind each of kit.FORMS, those marked more_forms behind the others as well."""
    forms = kit.FORMS + (kit.MORE_FORMS if metafunc.definition.get_closest_marker("more_forms") else [])
    for name, scope in (("gateway", "session"), ("eager", "module")):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, forms, indirect=True, scope=scope)


def behind(item):
    """The web server of a test that pytest_generate_tests gave it, or None; and the test's name without it."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    form = params.get("gateway") or params.get("eager")
    return form, form and item.nodeid.replace(form, "", 1)


def pytest_collection_modifyitems(config, items):
    """Sanitized, such a test runs behind one of its web servers, which its name decides: all tests run, and all servers are met."""
    forms = {}
    for item in items if kit.SANITIZED else []:
        form, name = behind(item)
        forms.setdefault(name, []).append(form)
    chosen = {name: found[zlib.crc32(name.encode()) % len(found)] for name, found in forms.items() if name}
    left = {item for item in items if behind(item)[0] != chosen.get(behind(item)[1], behind(item)[0])}
    config.hook.pytest_deselected(items=list(left))
    items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="session")
def gateway(request, upstream):
    """The everyday gateway behind each shipped configuration."""
    running = kit.Gateway(everyday(upstream), form=request.param)
    yield running
    running.stop()


@pytest.fixture
def wire(served):
    """A tap before the gateway that a module calls `served`."""
    tap = agents.Wire(served.port)
    yield tap
    tap.close()


@pytest.fixture(scope="session")
def plain(upstream):
    """The everyday gateway behind lighttpd, for what does not depend on the web server."""
    running = kit.Gateway(everyday(upstream))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server; fresh_database is one of its databases."""
    server = databases.Postgres()
    yield server
    server.stop()


@pytest.fixture
def fresh_database(postgres):
    """The name of a database with our schema and nothing in it: postgres.url(name), postgres.ask(sql, database=name)."""
    name = postgres.new()
    yield name
    postgres.release(name)


@pytest.fixture(scope="session")
def pgbouncer(postgres):
    """PgBouncer in transaction mode before that server: pgbouncer.url(name)."""
    server = databases.PgBouncer(postgres)
    yield server
    server.stop()


@pytest.fixture
def memcached():
    """A memcached of the test's own: memcached.address."""
    server = databases.Memcached()
    yield server
    server.stop()
