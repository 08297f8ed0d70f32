# SPDX-License-Identifier: Apache-2.0
"""Runs in the interpreter that has LiteLLM: its own proxy client against a gateway, all in one process because its import takes seconds.

litellm_client.py BASE_URL KEY: prints a JSON object, a member for each call: what it returned, or {"error": …}."""
import json
import sys

from click.testing import CliRunner
from litellm.proxy.client import Client
from litellm.proxy.client.cli import cli
from litellm.proxy.client.health import HealthManagementClient
from litellm.proxy.client.users import UsersManagementClient

from litellm_shapes import shapes

base, master = sys.argv[1:]
said = {}


def call(name, function, *args, **named):
    try:
        said[name] = function(*args, **named)
    except Exception as e:                                # what a script of a user would see
        said[name] = {"error": f"{type(e).__name__}: {e}"}
    return said[name]


c = Client(base, master)
users = UsersManagementClient(base, master)
team = call("team", c.http.request, "POST", "/team/new", json={"team_alias": "client-team", "max_budget": 5})
user = call("user", users.create_user, {"user_id": "client-user", "user_email": "client@example.org", "auto_create_key": False})
call("users", users.list_users)
call("user_info", users.get_user, "client-user")
made = call("key", c.keys.generate, models=["hello"], duration="1h", key_alias="client-key", team_id=team.get("team_id"), user_id="client-user")
key = made.get("key", "sk-none")
call("key_info", c.keys.info, key)
call("key_update", c.keys.update, key, models=["hello", "gpt"])
call("key_list", c.keys.list, return_full_object=True)
call("teams", c.teams.list)
call("teams_v2", c.teams.list_v2)
call("teams_available", c.teams.get_available)
call("user_flat", users.get_user_v2, "client-user")
call("readiness", HealthManagementClient(base, master).get_readiness)
call("models", c.models.list)
call("model_new", c.models.new, "made", {"model": "openai/hello", "mock_response": "made by the client"}, {"id": "made-1"})
call("model_get", c.models.get, model_id="made-1")
call("model_update", c.models.update, "made-1", {"model": "openai/hello", "mock_response": "changed by the client"})
call("model_info", c.models.info)
call("model_groups", c.model_groups.info)
call("credential_new", c.credentials.create, "client-credential", {"description": "of the client"}, {"api_key": "sk-secret-of-the-vendor"})
call("credentials", c.credentials.list)
call("credential_get", c.credentials.get, "client-credential")
call("credential_renamed", c.credentials.update_display_name, "client-credential", "The Client's")
call("credential_after", c.credentials.get, "client-credential")
call("credential_delete", c.credentials.delete, "client-credential")
chat = Client(base, key)
call("chat", chat.chat.completions, "hello", [{"role": "user", "content": "hi"}])
call("chat_refused", chat.chat.completions, "made", [{"role": "user", "content": "hi"}])
call("model_delete", c.models.delete, "made-1")
call("key_delete", c.keys.delete, keys=[key])
call("key_gone", c.keys.info, key)
call("chat_after", chat.chat.completions, "hello", [{"role": "user", "content": "hi"}])
call("user_delete", users.delete_user, ["client-user"])
call("user_gone", users.get_user, "client-user")


def command(*words):
    """The litellm-proxy command, which is the same client."""
    done = CliRunner().invoke(cli, ["--base-url", base, "--api-key", master, *words])
    said["$ " + " ".join(words)] = done.output if done.exit_code == 0 else {"error": f"{done.exit_code}: {done.output} {done.exception!r}"}


command("version")
command("models", "add", "from-cli", "--param", "model=openai/hello", "--param", "mock_response=hi", "--info", "id=cli-1")
command("models", "list", "--format", "json")
command("models", "info")
command("models", "update", "cli-1", "--param", "mock_response=other")
command("models", "delete", "cli-1")
command("keys", "generate", "--models", "hello", "--key-alias", "cli-key")
command("keys", "list", "--return-full-object")
command("keys", "delete", "--key-aliases", "cli-key")
command("users", "create", "--email", "cli@example.org")
command("users", "list")
command("teams", "list")
command("credentials", "create", "cli-credential", "--info", "{}", "--values", '{"api_key": "sk-x"}')
command("credentials", "list")
command("credentials", "delete", "cli-credential")
command("http", "request", "GET", "/budget/list")
said["shapes"] = shapes(base, master)
print(json.dumps(said, default=str))
