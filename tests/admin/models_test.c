/* SPDX-License-Identifier: Apache-2.0 */
/* Models and credentials of the store: sealed, checked as the file is, in force at once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "desk.h"

#include "admin/overlay.h"
#include "base/vault.h"

#include <stdio.h>

#define NEW	"{\"model_name\":\"gpt\",\"litellm_params\":{\"model\":\"openai/gpt-4o\",\"api_key\":\"sk-very-secret-0001\",\"rpm\":7," \
		    "\"extra_headers\":{\"x-team\":\"also-secret-0002\"},\"input_cost_per_token\":0.000001}," \
		    "\"model_info\":{\"id\":\"m1\",\"mode\":\"chat\",\"note\":\"h\\u00e4\"}}"

/* The whole file as bytes: nothing of it may be in the clear. */
static bool
file_has(struct desk *d, const char *needle)
{
	struct buf b = { 0 };
	const char *why, *ends[] = { "", "-wal" };
	bool has = false;

	for (size_t i = 0; i < nitems(ends); i++) {
		char path[160];

		snprintf(path, sizeof(path), "%s%s", d->url, ends[i]);
		b.len = 0;
		if (file_slurp(&b, path, 64 << 20, &why))
			has = has || memmem(b.at, b.len, needle, strlen(needle)) != NULL;
	}
	buf_free(&b);
	return (has);
}

static const struct deployment *
deployment(struct desk *d, const char *id)
{
	return (config_deployment(d->config, text_of(id)));
}

static void
a_model_is_in_force(void **state)
{
	struct desk *d = *state;
	struct capture captured;

	desk_calls(d, "POST /model/new", NEW, 200);
	desk_expect(d, "model_id", "\"m1\"");
	desk_expect(d, "model_name", "\"gpt\"");
	desk_expect(d, "model_info.id", "\"m1\"");
	desk_expect(d, "model_info.db_model", "true");
	desk_expect(d, "litellm_params.model", "\"openai/gpt-4o\"");
	desk_expect(d, "litellm_params.rpm", "7");
	desk_expect(d, "litellm_params.api_key", "");
	desk_expect(d, "created_by", "\"default_user_id\"");
	assert_false(text_has(d->out, TEXT("secret")));
	assert_false(file_has(d, "very-secret") || file_has(d, "also-secret"));
	assert_non_null(d->changed);
	assert_true(text_is(d->changed->entity, OVERLAY_ENTITY));
	assert_non_null(deployment(d, "m1"));
	assert_true(deployment(d, "m1")->stored);
	assert_true(text_is(deployment(d, "m1")->key, "sk-very-secret-0001"));
	assert_true(text_is(deployment(d, "m1")->headers[0], "x-team: also-secret-0002"));
	assert_int_equal(deployment(d, "m1")->rpm, 7);
	assert_int_equal(deployment(d, "m1")->input_price, 1000000);
	assert_non_null(config_group(d->config, TEXT("gpt"), &captured));
	assert_non_null(config_group(d->config, TEXT("yaml-model"), &captured));
	desk_calls(d, "POST /model/new", NEW, 400);
}

static void
a_model_is_changed(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /model/new", NEW, 200);
	desk_calls(d, "PATCH /model/m1/update", "{\"litellm_params\":{\"rpm\":9,\"input_cost_per_token\":null},\"model_info\":{\"note\":null,\"tier\":\"paid\"}}", 200);
	desk_expect(d, "litellm_params.rpm", "9");
	desk_expect(d, "model_info.tier", "\"paid\"");
	desk_expect(d, "model_info.note", "");
	assert_true(text_is(deployment(d, "m1")->key, "sk-very-secret-0001"));
	desk_calls(d, "POST /model/update", "{\"model_name\":\"other\",\"litellm_params\":{\"model\":\"openai/gpt-4.1\",\"api_key\":\"sk-new-0003\"},\"model_info\":{\"id\":\"m1\"}}", 200);
	assert_true(text_is(deployment(d, "m1")->group, "other"));
	assert_true(text_is(deployment(d, "m1")->key, "sk-new-0003"));
	desk_calls(d, "POST /model/update", "{\"id\":\"m1\",\"litellm_params\":{\"rpm\":11}}", 200);
	assert_int_equal(deployment(d, "m1")->rpm, 11);
	desk_calls(d, "POST /model/block", "{\"model_id\":\"m1\"}", 200);
	desk_expect(d, "blocked", "true");
	assert_true(deployment(d, "m1")->blocked);
	assert_null(config_group(d->config, TEXT("other"), &(struct capture){ 0 }));
	desk_calls(d, "POST /model/unblock", "{\"model_id\":\"m1\"}", 200);
	assert_non_null(config_group(d->config, TEXT("other"), &(struct capture){ 0 }));
	desk_calls(d, "POST /model/delete", "{\"id\":\"m1\"}", 200);
	desk_expect(d, "message", "\"Model: m1 deleted successfully\"");
	assert_null(deployment(d, "m1"));
	desk_calls(d, "POST /model/delete", "{\"id\":\"m1\"}", 400);
	assert_true(text_has(d->out, TEXT("Model with id=m1 not found in db")));
	desk_calls(d, "PATCH /model/m1/update", "{}", 404);
	assert_true(text_has(d->out, TEXT("not found on litellm proxy")));
}

/* A client that changes one thing sends all it was shown along: masks, an address without its query, nothing of what was left out. */
static void
what_was_shown_comes_back(void **state)
{
	struct desk *d = *state;
	const char *body;

	desk_calls(d, "POST /model/new", "{\"model_name\":\"gpt\",\"litellm_params\":{\"model\":\"openai/gpt-4o\",\"api_key\":\"sk-very-secret-0001\",\"rpm\":7,"
	    "\"api_base\":\"https://u.example/v1?sig=secret-0003\",\"extra_headers\":{\"x-team\":\"also-secret-0002\",\"Authorization\":\"secret-0004\"}},"
	    "\"model_info\":{\"id\":\"m1\"}}", 200);
	assert_false(text_has(d->out, TEXT("secret")));
	desk_expect(d, "litellm_params.extra_headers.x-team", "\"***\"");
	body = arena_print(d->arena, "{\"model_info\":{\"id\":\"m1\"},\"model_name\":\"other\",\"litellm_params\":" TEXT_FMT "}", TEXT_ARG(desk_at(d, "litellm_params"))).at;
	desk_calls(d, "POST /model/update", body, 200);
	desk_calls(d, "PATCH /model/m1/update", body, 200);
	assert_true(text_is(deployment(d, "m1")->group, "other"));
	assert_true(text_is(deployment(d, "m1")->key, "sk-very-secret-0001"));
	assert_true(text_has(deployment(d, "m1")->url, TEXT("sig=secret-0003")));
	assert_int_equal(deployment(d, "m1")->n_headers, 2);
	assert_true(text_is(deployment(d, "m1")->headers[0], "x-team: also-secret-0002"));
	/* changed beside a mask */
	desk_calls(d, "PATCH /model/m1/update", "{\"litellm_params\":{\"api_key\":\"***\",\"extra_headers\":{ \"x-more\" : \"more\", \"x-team\":\"********\"}}}", 200);
	assert_true(text_is(deployment(d, "m1")->key, "sk-very-secret-0001"));
	assert_true(text_is(deployment(d, "m1")->headers[0], "x-more: more"));
	assert_true(text_is(deployment(d, "m1")->headers[1], "x-team: also-secret-0002"));
	/* of nothing */
	desk_calls(d, "PATCH /model/m1/update", "{\"litellm_params\":{\"extra_headers\":{\"x-new\":\"***\"}}}", 400);
	assert_true(text_has(d->out, TEXT("is a mask")));
	desk_calls(d, "POST /model/new", "{\"model_name\":\"n\",\"litellm_params\":{\"model\":\"openai/x\",\"api_key\":\"***\"}}", 400);
	desk_calls(d, "POST /credentials", "{\"credential_name\":\"c\",\"credential_values\":{\"api_key\":\"********\"}}", 400);
	assert_true(text_is(deployment(d, "m1")->headers[1], "x-team: also-secret-0002"));
}

/* Another worker has changed it, and this one does not know yet: it is the stored row that what comes back is compared with. */
static void
a_value_is_set_back_by_a_worker_that_is_behind(void **state)
{
	struct desk *d = *state;
	struct config *behind;

	desk_calls(d, "POST /model/new", NEW, 200);
	behind = config_hold(d->config);
	desk_calls(d, "PATCH /model/m1/update", "{\"litellm_params\":{\"rpm\":9}}", 200);
	config_release(d->config);
	d->config = behind;
	assert_int_equal(deployment(d, "m1")->rpm, 7);
	desk_calls(d, "PATCH /model/m1/update", "{\"litellm_params\":{\"rpm\":7}}", 200);
	desk_expect(d, "litellm_params.rpm", "7");
	assert_int_equal(deployment(d, "m1")->rpm, 7);
	desk_calls(d, "GET /audit?object_id=m1", NULL, 200);
	assert_int_equal(text_count(d->out, TEXT("\"rpm\":9")), 2);		/* what the one made of it, what the other found */
}

/* The kept key of a team's model goes nowhere else for a mask. */
static void
a_mask_takes_no_key_along(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /team/new", "{\"team_id\":\"t\",\"members_with_roles\":[{\"role\":\"admin\",\"user_id\":\"lead\"}]}", 200);
	desk_calls(d, "POST /model/new", "{\"model_name\":\"m\",\"litellm_params\":{\"model\":\"openai/x\",\"api_key\":\"sk-of-the-operator\"},"
	    "\"model_info\":{\"id\":\"own\",\"team_id\":\"t\"}}", 200);
	d->caller = (struct caller){ .kind = CALLER_KEY, .role = USER_INTERNAL, .digest = TEXT("k"), .user_id = TEXT("lead") };
	desk_calls(d, "PATCH /model/own/update", "{\"litellm_params\":{\"api_key\":\"***\",\"api_base\":\"https://elsewhere.example/v1\"}}", 400);
	assert_false(text_has(deployment(d, "own")->url, TEXT("elsewhere")));
}

static void
what_can_not_be_served_is_refused(void **state)
{
	static const char *const wrong[] = { "{}", "{\"model_name\":\"m\"}", "{\"model_name\":\"m\",\"litellm_params\":{}}", "{\"model_name\":\"m\",\"litellm_params\":[]}",
		"{\"model_name\":\"m\",\"litellm_params\":{\"model\":\"nosuchvendor/x\",\"api_key\":\"k\"}}",
		"{\"model_name\":\"m\",\"litellm_params\":{\"model\":\"openai/x\",\"api_base\":\"ftp://x\",\"api_key\":\"k\"}}",
		"{\"model_name\":\"m\",\"litellm_params\":{\"model\":\"openai/x\",\"api_key\":\"k\",\"litellm_credential_name\":\"none\"}}",
		"{\"model_name\":\"m\\n\",\"litellm_params\":{\"model\":\"openai/x\",\"api_key\":\"k\"}}", "{\"model_name\":\"m\",\"litellm_params\":{\"model\":7}}",
		"{\"model_name\":\"m\",\"litellm_params\":{\"model\":\"openai/x\",\"rpm\":-1}}", "{\"model_name\":\"\",\"litellm_params\":{\"model\":\"openai/x\"}}",
		"{\"model_name\":\"m\",\"litellm_params\":{\"model\":\"openai/x\",\"api_key\":\"k\"},\"model_info\":{\"id\":\"a\\u0000b\"}}",
		"{\"model_name\":\"m\",\"litellm_params\":{\"model\":\"openai/x\",\"api_key\":\"k\"},\"model_info\":7}" };
	struct desk *d = *state;

	for (size_t i = 0; i < nitems(wrong); i++) {
		if (desk_call(d, "POST /model/new", wrong[i]) != 400 && d->status != 422)
			fail_msg("%s gives %d: " TEXT_FMT, wrong[i], d->status, TEXT_ARG(d->out));
		assert_int_equal(d->config->n_deployments, 1);
	}
	desk_sql(d, "CREATE TABLE t (x INTEGER CHECK (x = 0)); INSERT INTO t SELECT count(*) FROM sluice_thing");
	desk_calls(d, "POST /model/new", wrong[4], 400);
	assert_true(text_has(d->out, TEXT("nosuchvendor")));
	desk_calls(d, "POST /model/delete", "{\"id\":\"x' OR '1'='1\"}", 400);
	d->caller = (struct caller){ .kind = CALLER_KEY, .role = USER_INTERNAL, .digest = TEXT("k"), .user_id = TEXT("ann") };
	desk_calls(d, "POST /model/new", NEW, 403);
	desk_calls(d, "GET /credentials", NULL, 403);
}

static void
a_bad_row_leaves_the_rest(void **state)
{
	struct desk *d = *state;
	struct config *c;
	enum store_end end;

	desk_calls(d, "POST /model/new", NEW, 200);
	desk_sql(d, "INSERT INTO sluice_thing (kind, id, created_at, updated_at, doc) VALUES ('model', 'bad', 1, 1, '{\"model_name\":\"b\",\"litellm_params\":"
	    "{\"model\":\"nosuchvendor/x\"}}'), ('model', 'worse', 1, 1, 'not json'), ('model', 'zz', 1, 1, '{\"model_name\":\"b\",\"litellm_params\":7}');");
	c = overlay_load("desk.yaml", d->config->given, d->pool, 1000, NULL, &end);
	assert_int_equal(end, STORE_FINE);
	assert_int_equal(c->n_errors, 0);
	assert_int_equal(c->n_deployments, 2);
	assert_non_null(config_deployment(c, TEXT("m1")));
	assert_true(c->n_warnings >= 3);
	config_release(c);
}

static void
the_last_is_kept_while_the_store_is_away(void **state)
{
	struct desk *d = *state;
	struct store_pool *away = store_pool_new(TEXT("/nowhere/at/all/sluice.db"), 1, NULL);
	struct config *c;
	enum store_end end;

	desk_calls(d, "POST /model/new", NEW, 200);
	c = overlay_load("desk.yaml", d->config->given, away, 0, d->config, &end);
	assert_int_equal(end, STORE_AWAY);
	assert_non_null(config_deployment(c, TEXT("m1")));
	config_release(c);
	store_pool_free(away);
}

static void
credentials(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /credentials", "{\"credential_name\":\"c/1\",\"credential_info\":{\"for\":\"x\"},\"credential_values\":{\"api_key\":\"sk-hidden-0004\","
	    "\"api_base\":\"https://example.com/v1\"}}", 200);
	desk_expect(d, "success", "true");
	assert_false(file_has(d, "hidden"));
	desk_calls(d, "POST /credentials", "{\"credential_name\":\"c/1\",\"credential_values\":{}}", 400);
	desk_calls(d, "POST /model/new", "{\"model_name\":\"gpt\",\"litellm_params\":{\"model\":\"openai/x\",\"litellm_credential_name\":\"c/1\"},\"model_info\":{\"id\":\"m\"}}",
	    200);
	assert_true(text_is(deployment(d, "m")->key, "sk-hidden-0004"));
	assert_true(text_is(deployment(d, "m")->host, "example.com"));
	desk_calls(d, "PATCH /credentials/c%2F1", "{\"credential_values\":{\"api_key\":\"sk-hidden-0005\"}}", 200);
	desk_calls(d, "PATCH /credentials/c%2F1", "{\"credential_values\":{\"api_key\":\"********\",\"api_base\":\"********\"},\"credential_info\":{\"for\":\"x\"}}", 200);
	assert_true(text_is(deployment(d, "m")->key, "sk-hidden-0005"));
	assert_true(text_is(deployment(d, "m")->host, "example.com"));
	desk_calls(d, "GET /credentials", NULL, 200);
	desk_expect(d, "credentials.0.credential_name", "\"c/1\"");
	desk_expect(d, "credentials.0.credential_info.for", "\"x\"");
	desk_expect(d, "credentials.0.display_name", "null");
	desk_calls(d, "PATCH /credentials/c%2F1", "{\"display_name\":\"The One\",\"credential_info\":{},\"credential_values\":{\"extra\":\"e\"}}", 200);
	desk_calls(d, "PATCH /credentials/c%2F1", "{\"credential_info\":{\"more\":1},\"credential_values_to_delete\":[\"extra\"]}", 200);
	desk_calls(d, "GET /credentials", NULL, 200);
	desk_expect(d, "credentials.0.display_name", "\"The One\"");
	desk_expect(d, "credentials.0.credential_info", "{\"for\":\"x\",\"more\":1}");
	desk_expect(d, "credentials.0.credential_values.extra", "");
	desk_expect(d, "credentials.0.credential_values.api_key", "\"********\"");
	desk_calls(d, "GET /credentials/by_name/c%2F1", NULL, 200);
	desk_calls(d, "GET /credentials/by_model/m", NULL, 200);
	desk_calls(d, "GET /credentials/by_name/none", NULL, 404);
	desk_calls(d, "DELETE /credentials/none", NULL, 404);
	desk_calls(d, "POST /credentials", "{\"credential_name\":\"x\"}", 400);
	desk_calls(d, "POST /credentials", "{\"credential_name\":\"x\",\"credential_values\":[1]}", 422);
	desk_calls(d, "DELETE /credentials/c%2F1", NULL, 200);
	assert_null(deployment(d, "m"));	/* it lacks what it calls itself with */
	d->now_ms += 5000;
	desk_calls(d, "GET /audit?page_size=100", NULL, 200);
	assert_false(text_has(d->out, TEXT("hidden")));
}

static void
fallbacks(void **state)
{
	struct desk *d = *state;
	const struct group *g;
	struct capture captured;

	desk_calls(d, "POST /model/new", NEW, 200);
	desk_calls(d, "POST /fallback", "{\"model\":\"gpt\",\"fallback_models\":[\"yaml-model\"]}", 200);
	desk_expect(d, "fallback_type", "\"general\"");
	g = config_group(d->config, TEXT("gpt"), &captured);
	assert_int_equal(g->n_fallbacks, 1);
	assert_true(text_is(g->fallbacks[0], "yaml-model"));
	desk_calls(d, "POST /fallback", "{\"model\":\"gpt\",\"fallback_models\":[\"yaml-model\"],\"fallback_type\":\"context_window\"}", 200);
	g = config_group(d->config, TEXT("gpt"), &captured);
	assert_int_equal(g->n_context_fallbacks, 1);
	assert_int_equal(g->n_fallbacks, 1);
	desk_calls(d, "GET /fallback/gpt?fallback_type=context_window", NULL, 200);
	desk_expect(d, "fallback_models", "[\"yaml-model\"]");
	desk_calls(d, "GET /fallback/gpt?fallback_type=content_policy", NULL, 404);
	desk_calls(d, "GET /fallback/none", NULL, 404);
	desk_calls(d, "POST /fallback", "{\"model\":\"gpt\",\"fallback_models\":[\"none\"]}", 404);
	desk_calls(d, "POST /fallback", "{\"model\":\"gpt\",\"fallback_models\":[\"gpt\"]}", 400);
	desk_calls(d, "POST /fallback", "{\"model\":\"gpt\",\"fallback_models\":[]}", 422);
	desk_calls(d, "POST /fallback", "{\"model\":\"gpt\",\"fallback_models\":[\"yaml-model\"],\"fallback_type\":\"odd\"}", 400);
	desk_calls(d, "DELETE /fallback/gpt", NULL, 200);
	g = config_group(d->config, TEXT("gpt"), &captured);
	assert_int_equal(g->n_fallbacks, 0);
	desk_calls(d, "DELETE /fallback/gpt", NULL, 404);
}

static void
endpoints(void **state)
{
	static const char *const wrong[] = { "{}", "{\"path\":\"/x\"}", "{\"path\":\"/x/../y\",\"target\":\"https://e.com\"}", "{\"path\":\"/x\",\"target\":\"ftp://e.com\"}",
		"{\"path\":\"/x\",\"target\":\"my.module.function\"}", "{\"path\":\"/x\",\"target\":\"https://e.com\",\"methods\":[\"STEAL\"]}",
		"{\"path\":\"/x\",\"target\":\"https://e.com\",\"headers\":{\"a b\":\"c-hidden\"}}", "{\"path\":7,\"target\":\"https://e.com\"}" };
	struct text rest, allow, id;
	struct desk *d = *state;
	char line[200];

	desk_calls(d, "POST /config/pass_through_endpoint", "{\"path\":\"/bria\",\"target\":\"https://user:pw-hidden@e.com/v1?key=q-hidden\",\"headers\":"
	    "{\"x-token\":\"t-hidden\"},\"include_subpath\":true,\"methods\":[\"POST\"]}", 200);
	desk_expect(d, "endpoints.0.path", "\"/bria\"");
	desk_expect(d, "endpoints.0.target", "\"https://e.com/v1\"");
	desk_expect(d, "endpoints.0.headers", "{\"x-token\":\"********\"}");
	desk_expect(d, "endpoints.0.methods", "[\"POST\"]");
	desk_expect(d, "endpoints.0.is_from_config", "false");
	assert_false(text_has(d->out, TEXT("hidden")) || file_has(d, "t-hidden") || file_has(d, "q-hidden"));
	id = arena_copy(d->arena, json_unescape(d->arena, json_inside(desk_at(d, "endpoints.0.id"))));
	assert_non_null(config_conduit(d->config, TEXT("/bria/a"), TEXT("POST"), &rest, &allow));
	assert_true(text_is(config_conduit(d->config, TEXT("/bria/a"), TEXT("POST"), &rest, &allow)->to->headers[0], "x-token: t-hidden"));
	desk_calls(d, "POST /config/pass_through_endpoint", "{\"path\":\"/bria/\",\"target\":\"https://other.com\"}", 400);
	snprintf(line, sizeof(line), "POST /config/pass_through_endpoint/%s", id.at);
	desk_calls(d, line, "{\"target\":\"https://e.com/v1\",\"headers\":{\"x-token\":\"********\",\"x-more\":\"m\"}}", 200);	/* as it was shown */
	assert_true(text_is(config_conduit(d->config, TEXT("/bria/a"), TEXT("POST"), &rest, &allow)->to->headers[0], "x-token: t-hidden"));
	assert_true(text_has(config_conduit(d->config, TEXT("/bria/a"), TEXT("POST"), &rest, &allow)->query, TEXT("q-hidden")));
	desk_calls(d, line, "{\"headers\":{\"x-none\":\"********\"}}", 400);
	desk_calls(d, line, "{\"target\":\"https://other.com/v2\",\"auth\":true}", 200);
	desk_expect(d, "endpoints.0.target", "\"https://other.com/v2\"");
	assert_true(text_is(config_conduit(d->config, TEXT("/bria/a"), TEXT("POST"), &rest, &allow)->to->headers[0], "x-token: t-hidden"));
	for (size_t i = 0; i < nitems(wrong); i++)
		if (desk_call(d, "POST /config/pass_through_endpoint", wrong[i]) != 400 && d->status != 422)
			fail_msg("%s gives %d: " TEXT_FMT, wrong[i], d->status, TEXT_ARG(d->out));
	desk_calls(d, "GET /config/pass_through_endpoint", NULL, 200);
	desk_expect(d, "endpoints.1", "");
	desk_calls(d, "GET /config/pass_through_endpoint?endpoint_id=none", NULL, 404);
	desk_calls(d, "GET /config/pass_through_endpoint/team/none", NULL, 404);
	desk_calls(d, "POST /team/new", "{\"team_id\":\"t1\",\"allowed_passthrough_routes\":[\"/bria\"]}", 200);
	desk_calls(d, "GET /config/pass_through_endpoint/team/t1", NULL, 200);
	desk_expect(d, "endpoints.0.path", "\"/bria\"");
	desk_calls(d, "POST /team/update", "{\"team_id\":\"t1\",\"allowed_passthrough_routes\":[]}", 200);
	desk_calls(d, "GET /config/pass_through_endpoint/team/t1", NULL, 200);
	desk_expect(d, "endpoints", "[]");
	desk_calls(d, "DELETE /config/pass_through_endpoint?endpoint_id=none", NULL, 404);
	snprintf(line, sizeof(line), "DELETE /config/pass_through_endpoint?endpoint_id=%s", id.at);
	desk_calls(d, line, NULL, 200);
	assert_null(config_conduit(d->config, TEXT("/bria/a"), TEXT("POST"), &rest, &allow));
	d->now_ms += 5000;
	desk_calls(d, "GET /audit?page_size=100", NULL, 200);
	assert_false(text_has(d->out, TEXT("-hidden")));
	desk_calls(d, "GET /cache/ping", NULL, 503);
}

static void
marks_of_models(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /model/new", NEW, 200);
	desk_calls(d, "POST /access_group/new", "{\"access_group\":\"beta\",\"model_names\":[\"gpt\"]}", 200);
	desk_expect(d, "model_names", "[\"gpt\"]");
	desk_expect(d, "models_updated", "1");
	assert_true(text_has(deployment(d, "m1")->model_info, TEXT("\"access_groups\":[\"beta\"]")));
	desk_calls(d, "POST /access_group/new", "{\"access_group\":\"beta\",\"model_names\":[\"gpt\"]}", 409);
	desk_calls(d, "POST /access_group/new", "{\"access_group\":\"b2\",\"model_names\":[\"yaml-model\"]}", 400);
	desk_calls(d, "POST /access_group/new", "{\"access_group\":\"b2\",\"model_names\":[\"none\"]}", 400);
	desk_calls(d, "POST /access_group/new", "{\"access_group\":\"b2\"}", 400);
	desk_calls(d, "GET /access_group/list", NULL, 200);
	desk_expect(d, "access_groups.0.access_group", "\"beta\"");
	desk_calls(d, "GET /access_group/beta/info", NULL, 200);
	desk_calls(d, "GET /access_group/none/info", NULL, 404);
	desk_calls(d, "PUT /access_group/beta/update", "{\"model_names\":[\"gpt\"]}", 200);
	desk_calls(d, "DELETE /access_group/beta/delete", NULL, 200);
	desk_calls(d, "GET /access_group/list", NULL, 200);
	desk_expect(d, "access_groups", "[]");
}

static void
groups_of_their_own(void **state)
{
	struct desk *d = *state;
	char line[200], body[300];
	struct text id;

	desk_calls(d, "POST /team/new", "{\"team_id\":\"red\"}", 200);
	desk_calls(d, "POST /key/generate", "{\"key_alias\":\"k\"}", 200);
	id = arena_copy(d->arena, json_unescape(d->arena, json_inside(desk_at(d, "token"))));
	snprintf(body, sizeof(body), "{\"access_group_name\":\"G\",\"access_model_names\":[\"gpt\"],\"assigned_team_ids\":[\"red\"],\"assigned_key_ids\":[\"%s\"]}", id.at);
	desk_calls(d, "POST /v1/access_group", body, 201);
	desk_expect(d, "access_group_name", "\"G\"");
	desk_expect(d, "assigned_team_ids", "[\"red\"]");
	id = json_unescape(d->arena, json_inside(desk_at(d, "access_group_id")));
	snprintf(line, sizeof(line), "[\"" TEXT_FMT "\"]", TEXT_ARG(id));
	desk_calls(d, "GET /team/info?team_id=red", NULL, 200);
	desk_expect(d, "team_info.access_group_ids", line);
	desk_calls(d, "GET /key/list?key_alias=k&return_full_object=true", NULL, 200);
	desk_expect(d, "keys.0.access_group_ids", line);
	snprintf(line, sizeof(line), "PUT /v1/access_group/" TEXT_FMT, TEXT_ARG(id));
	desk_calls(d, line, "{\"description\":\"d\",\"assigned_team_ids\":[]}", 200);
	desk_expect(d, "description", "\"d\"");
	desk_expect(d, "access_model_names", "[\"gpt\"]");
	desk_calls(d, "GET /team/info?team_id=red", NULL, 200);
	desk_expect(d, "team_info.access_group_ids", "[]");
	desk_calls(d, line, "{\"assigned_team_ids\":[\"none\"]}", 404);
	desk_calls(d, "GET /v1/access_group", NULL, 200);
	desk_expect(d, "0.description", "\"d\"");
	snprintf(line, sizeof(line), "DELETE /v1/access_group/" TEXT_FMT, TEXT_ARG(id));
	desk_calls(d, line, NULL, 204);
	assert_int_equal(d->out.len, 0);
	desk_calls(d, line, NULL, 404);
	desk_calls(d, "GET /key/list?key_alias=k&return_full_object=true", NULL, 200);
	desk_expect(d, "keys.0.access_group_ids", "[]");
}

static void
their_boxes_are_opened(void **state)
{
	struct desk *d = *state;
	struct arena *arena = d->arena;
	struct text key = vault_seal(arena, d->config->settings.salt_key, TEXT("sk-of-litellm"), VAULT_GCM),
	    model = vault_seal(arena, d->config->settings.salt_key, TEXT("openai/gpt-4o"), VAULT_BOX);
	struct config *c;
	enum store_end end;

	desk_sql(d, arena_print(arena, "INSERT INTO sluice_thing (kind, id, created_at, updated_at, doc) VALUES ('model', 'theirs', 1, 1, '{\"model_name\":\"t\","
	    "\"litellm_params\":{\"model\":\"" TEXT_FMT "\",\"api_key\":\"" TEXT_FMT "\"}}');", TEXT_ARG(model), TEXT_ARG(key)).at);
	c = overlay_load("desk.yaml", d->config->given, d->pool, 1000, NULL, &end);
	assert_non_null(config_deployment(c, TEXT("theirs")));
	assert_true(text_is(config_deployment(c, TEXT("theirs"))->key, "sk-of-litellm"));
	config_release(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_model_is_in_force, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(a_model_is_changed, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(what_was_shown_comes_back, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(a_value_is_set_back_by_a_worker_that_is_behind, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(a_mask_takes_no_key_along, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(what_can_not_be_served_is_refused, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(a_bad_row_leaves_the_rest, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(the_last_is_kept_while_the_store_is_away, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(credentials, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(fallbacks, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(endpoints, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(marks_of_models, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(groups_of_their_own, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(their_boxes_are_opened, desk_setup, desk_teardown),
	};

	return (desk_main(tests, nitems(tests)));
}
