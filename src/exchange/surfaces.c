/* SPDX-License-Identifier: Apache-2.0 */
/* The paths the gateway answers, as one table. */
#include "exchange/exchange.h"

#define RESPONSES(under) \
	{ under "/responses",			"GET",	  &front_responses, COUNT_REQUESTS_OTHER, false, local_upgrade, WANT_ANSWER }, \
	{ under "/responses",			"POST",	  &front_responses, COUNT_REQUESTS_RESPONSES, false, NULL, WANT_ANSWER }, \
	{ under "/responses/input_tokens",	"POST",	  &front_responses, COUNT_REQUESTS_OTHER, false, NULL, WANT_COUNT }, \
	{ under "/responses/compact",		"POST",	  &front_responses, COUNT_REQUESTS_OTHER, false, NULL, WANT_COMPACT }, \
	{ under "/responses/{id}",		"GET, DELETE", &front_responses, COUNT_REQUESTS_OTHER, false, NULL, WANT_STORED }, \
	{ under "/responses/{id}/cancel",	"POST",	  &front_responses, COUNT_REQUESTS_OTHER, false, NULL, WANT_STORED }, \
	{ under "/responses/{id}/input_items",	"GET",	  &front_responses, COUNT_REQUESTS_OTHER, false, NULL, WANT_STORED },

static const struct surface surfaces[] = {
	{ "/v1/chat/completions",	"POST",	&front_chat,	 COUNT_REQUESTS_CHAT,	  false, NULL, false },
	{ "/v1/completions",		"POST",	&front_completions, COUNT_REQUESTS_COMPLETIONS, false, NULL, WANT_ANSWER },
	{ "/v1/embeddings",		"POST",	&front_embeddings, COUNT_REQUESTS_EMBEDDINGS, false, NULL, WANT_ANSWER },
	{ "/v1/engines/{model}/chat/completions", "POST", &front_chat, COUNT_REQUESTS_CHAT, false, NULL, WANT_ANSWER },
	{ "/v1/engines/{model}/completions", "POST", &front_completions, COUNT_REQUESTS_COMPLETIONS, false, NULL, WANT_ANSWER },
	{ "/v1/engines/{model}/embeddings", "POST", &front_embeddings, COUNT_REQUESTS_EMBEDDINGS, false, NULL, WANT_ANSWER },
	{ "/cursor/chat/completions",	"POST",	&front_chat,	 COUNT_REQUESTS_CHAT,	  false, NULL, WANT_ANSWER },
	{ "/cursor/models",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_models, WANT_ANSWER },
	{ "/v1/messages",		"POST",	&front_messages, COUNT_REQUESTS_MESSAGES, false, NULL, false },
	{ "/v1/messages/count_tokens",	"POST",	&front_messages, COUNT_REQUESTS_OTHER,	  false, NULL, WANT_COUNT },
	RESPONSES("/v1")
	RESPONSES("/openai/v1")
	RESPONSES("/openai")
	{ "/openai/v1/chat/completions", "POST", &front_chat,	 COUNT_REQUESTS_CHAT,	  false, NULL, WANT_ANSWER },
	{ "/openai/v1/completions",	"POST",	&front_completions, COUNT_REQUESTS_COMPLETIONS, false, NULL, WANT_ANSWER },
	{ "/openai/v1/embeddings",	"POST",	&front_embeddings, COUNT_REQUESTS_EMBEDDINGS, false, NULL, WANT_ANSWER },
	{ "/openai/v1/models",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_models, WANT_ANSWER },
	{ "/openai/v1/models/*",	"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_model, WANT_ANSWER },
	{ "/openai/models",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_models, WANT_ANSWER },
	{ "/openai/models/*",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_model, WANT_ANSWER },
	{ "/openai/deployments/{model}/chat/completions", "POST", &front_chat, COUNT_REQUESTS_CHAT, false, NULL, WANT_ANSWER },
	{ "/openai/deployments/{model}/completions", "POST", &front_completions, COUNT_REQUESTS_COMPLETIONS, false, NULL, WANT_ANSWER },
	{ "/openai/deployments/{model}/embeddings", "POST", &front_embeddings, COUNT_REQUESTS_EMBEDDINGS, false, NULL, WANT_ANSWER },
	{ "/v1/models",			"GET",	NULL,		 COUNT_REQUESTS_OTHER,	  false, local_models, false },
	{ "/v1/models/*",		"GET",	NULL,		 COUNT_REQUESTS_OTHER,	  false, local_model, false },
	{ "/v1/model/info",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_model_info, WANT_ANSWER },
	{ "/v2/model/info",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_model_pages, WANT_ANSWER },
	{ "/model_group/info",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_model_groups, WANT_ANSWER },
	{ "/utils/token_counter",	"POST",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_token_counter, WANT_COUNT },
	{ "/spend/calculate",		"POST",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_spend_calculate, WANT_ANSWER },
	{ "/cost/estimate",		"POST",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_cost_estimate, WANT_ANSWER },
	{ "/utils/transform_request",	"POST",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_transform, WANT_ANSWER },
	{ "/utils/supported_openai_params", "GET", &front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_params, WANT_ANSWER },
	{ "/routes",			"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_routes, WANT_ANSWER },
	{ "/",				"GET",	NULL,		 COUNT_REQUESTS_OTHER,	  true,	 local_root, false },
	{ "/sign-in",			"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_sign_in, WANT_ANSWER },
	{ "/health",			"GET",	NULL,		 COUNT_REQUESTS_OTHER,	  false, local_health, false },
	{ "/health/liveliness",		"GET, OPTIONS",	NULL,		 COUNT_REQUESTS_OTHER,	  true,	 local_alive, false },
	{ "/health/liveness",		"GET, OPTIONS",	NULL,		 COUNT_REQUESTS_OTHER,	  true,	 local_alive, false },
	{ "/health/readiness",		"GET, OPTIONS",	NULL,		 COUNT_REQUESTS_OTHER,	  true,	 local_ready, false },
	{ "/health/readiness/details",	"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_ready_details, WANT_ANSWER },
	{ "/health/latest",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_health_latest, WANT_ANSWER },
	{ "/health/backlog",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_backlog, WANT_ANSWER },
	{ "/metrics",			"GET",	NULL,		 COUNT_REQUESTS_OTHER,	  true,	 local_metrics, false },
	{ "/test",			"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  true,	 local_test, WANT_ANSWER },
	{ "/public/litellm_model_cost_map", "GET", &front_chat,	 COUNT_REQUESTS_OTHER,	  true,	 local_cost_map, WANT_ANSWER },
	{ "/public/providers",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  true,	 local_providers, WANT_ANSWER },
	{ "/public/model_hub",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  true,	 local_nothing_public, WANT_ANSWER },
	{ "/public/agent_hub",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  true,	 local_nothing_public, WANT_ANSWER },
	{ "/public/mcp_hub",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  true,	 local_nothing_public, WANT_ANSWER },
	{ "/public/skill_hub",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  true,	 local_nothing_public, WANT_ANSWER },
	{ "/.well-known/litellm-ui-config", "GET", &front_chat,	 COUNT_REQUESTS_OTHER,	  true,	 local_ui_config, WANT_ANSWER },
	{ "/litellm/.well-known/litellm-ui-config", "GET", &front_chat, COUNT_REQUESTS_OTHER, true, local_ui_config, WANT_ANSWER },

	/* surfaces of later versions: they exist, and say so in the caller's dialect */
	{ "/v1/messages/batches",	NULL,	&front_messages, COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/messages/batches/*",	NULL,	&front_messages, COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/moderations",		"POST",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/rerank",			"POST",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v2/rerank",			"POST",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/audio/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/images/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/batches",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/batches/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/files",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/files/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/fine_tuning/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/assistants",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/assistants/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/threads",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/threads/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/vector_stores",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/vector_stores/*",	NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/realtime",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/utils/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/key/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/user/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/team/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/organization/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/customer/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/end_user/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/budget/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/tag/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/credentials",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/model/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/model/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/model_group/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/spend/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/global/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/cache/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/config/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
};

/* Azure's paths among them, by how their rows begin. */
static const struct {
	const char	*begins;
	enum azure_path	 azure;
} azure_paths[] = {
	{ "/openai/*", PATH_PLAIN }, { "/openai/deployments/", PATH_AZURE_DATED }, { "/openai/v1/", PATH_AZURE }, { "/openai/", PATH_AZURE_IF_DATED },
};

enum azure_path
surface_azure(const struct surface *s)
{
	for (size_t i = 0; s != NULL && i < nitems(azure_paths); i++)
		if (text_starts(text_of(s->path), text_of(azure_paths[i].begins)))
			return (azure_paths[i].azure);
	return (PATH_PLAIN);
}

/* Takes "{model}" or "{id}" off the front of a row, and what stands there off the front of a path: a segment.  A model's name may have slashes: Azure's
 * SDKs do not encode them. */
static bool
takes_segment(struct text *row, struct text *path, struct found *f)
{
	struct text name;
	size_t n = 0;

	text_cut(*row, '}', &name, row);
	if (text_is(name, "{model") && text_ends(*path, *row) && !text_starts(*path, TEXT("/")))
		n = path->len - row->len;
	while (n < path->len && path->at[n] != '/')
		n++;
	*(text_is(name, "{id") ? &f->id : &f->model) = text_sub(*path, 0, n);
	*path = text_sub(*path, n, path->len);
	return (n > 0);
}

/* Does the row's path match: {…} takes a segment, `*` at its end the (non-empty) rest. */
static bool
matches(struct text row, struct text path, struct found *f)
{
	while (row.len > 0) {
		if (row.at[0] == '{') {
			if (!takes_segment(&row, &path, f))
				return (false);
		} else if (row.at[0] == '*') {
			f->rest = path;
			return (path.len > 0);
		} else if (path.len == 0 || path.at[0] != row.at[0])
			return (false);
		else {
			row = text_sub(row, 1, row.len);
			path = text_sub(path, 1, path.len);
		}
	}
	return (path.len == 0);
}

static bool
next_method(struct text *one, struct text *rest)
{
	bool more = rest->len > 0;

	text_cut(*rest, ',', one, rest);
	*one = text_trim(*one);
	return (more);
}

static bool
takes(const char *methods, struct text method)
{
	struct text one, rest = text_of(methods);

	while (next_method(&one, &rest))
		if (text_eq(one, method) || (text_is(one, "GET") && text_is(method, "HEAD")))
			return (true);
	return (methods == NULL);
}

/* A trailing slash and repeated slashes mean nothing: "//v1/models/" is "/v1/models". */
static struct text
tidy(struct text path)
{
	while (path.len > 1 && path.at[1] == '/' && path.at[0] == '/')
		path = text_sub(path, 1, path.len);
	if (path.len > 1 && path.at[path.len - 1] == '/')
		path.len--;
	return (path);
}

/* Does a query say an api-version? */
static bool
is_dated(struct text query)
{
	struct text one, name, value;

	for (bool more = true; more;) {
		more = text_cut(query, '&', &one, &query);
		if (text_cut(one, '=', &name, &value) && text_is(name, "api-version") && value.len > 0)
			return (true);
	}
	return (false);
}

bool
surface_find(struct found *f, struct text path, struct text query, struct text method)
{
	bool dated = is_dated(query);

	*f = (struct found){ .rest = TEXT(""), .model = TEXT(""), .id = TEXT("") };
	path = tidy(path);
	for (size_t i = 0; i < nitems(surfaces); i++) {
		struct text row = text_of(surfaces[i].path);
		struct found this = { .surface = &surfaces[i], .rest = TEXT(""), .model = TEXT(""), .id = TEXT("") };

		if (f->path_known && surfaces[i].answer == local_later && text_ends(row, TEXT("*")))
			continue;		/* a served path refuses the method itself */
		if (!matches(row, path, &this) &&
		    !(text_starts(row, TEXT("/v1/")) && matches(text_sub(row, 3, row.len), path, &this)))
			continue;
		if (!dated && surface_azure(&surfaces[i]) == PATH_AZURE_IF_DATED)
			continue;
		if (takes(surfaces[i].methods, method)) {
			*f = this;
			f->undated = !dated && surface_azure(&surfaces[i]) == PATH_AZURE_DATED;
			return (true);
		}
		f->path_known = true;
		f->allow = surfaces[i].methods;
	}
	return (false);
}

static bool
is_served(const struct surface *s)
{
	return (s->answer != local_later && s->answer != local_upgrade);
}

static void
put_methods(struct json_out *o, const char *methods)
{
	struct text one, rest = text_of(methods);

	json_name(o, "methods");
	if (methods == NULL) {
		json_null(o);
		return;
	}
	json_open(o, '[');
	while (next_method(&one, &rest)) {
		json_string(o, one);
		if (text_is(one, "GET"))
			json_string(o, TEXT("HEAD"));
	}
	json_close(o, ']');
}

/* "/v1/models/{rest}" is called models_rest. */
static struct text
name_of(struct text path, char *name, size_t room)
{
	size_t n = 0;

	if (text_starts(path, TEXT("/v1/")))
		path = text_sub(path, 3, path.len);
	for (size_t i = 1; i < path.len && n < room; i++)
		if (path.at[i] != '{' && path.at[i] != '}')
			name[n++] = path.at[i] == '/' ? '_' : path.at[i];
	return (n > 0 ? (struct text){ name, n } : TEXT("root"));
}

static void
put_route(struct json_out *o, struct text path, const char *methods)
{
	char name[128];

	json_open(o, '{');
	json_name(o, "path");
	json_string(o, path);
	put_methods(o, methods);
	json_name(o, "name");
	json_string(o, name_of(path, name, sizeof(name)));
	json_name(o, "endpoint");
	json_string(o, name_of(path, name, sizeof(name)));
	json_close(o, '}');
}

/* A segment that is taken is an {id}. */
static void
put_admin_route(struct json_out *o, const struct admin_row *row)
{
	struct text path, rest = text_of(row->path);
	struct buf whole = { 0 };
	bool more;

	do {
		more = text_cut(rest, '{', &path, &rest);
		buf_text(&whole, path);
		if (more)
			buf_lit(&whole, "{id");
	} while (more);
	put_route(o, buf_as_text(&whole), row->method);
	buf_free(&whole);
}

void
surfaces_print(struct buf *out)
{
	struct json_out o = { .to = out };

	json_open(&o, '{');
	json_name(&o, "routes");
	json_open(&o, '[');
	for (size_t i = 0; i < nitems(surfaces); i++) {
		struct text path = text_of(surfaces[i].path);
		struct buf whole = { 0 };

		if (!is_served(&surfaces[i]))
			continue;
		buf_text(&whole, path);
		if (text_ends(path, TEXT("*"))) {
			whole.len--;
			buf_lit(&whole, "{rest}");
		}
		path = buf_as_text(&whole);
		put_route(&o, path, surfaces[i].methods);
		if (text_starts(path, TEXT("/v1/")))
			put_route(&o, text_sub(path, 3, path.len), surfaces[i].methods);
		buf_free(&whole);
	}
	for (const struct admin_row *row = admin_rows; row->method != NULL; row++)
		if (!admin_is_absent(row))
			put_admin_route(&o, row);
	json_close(&o, ']');
	json_close(&o, '}');
}

/* By the version header, never by the key header: an Anthropic SDK sends Authorization too. */
bool
is_anthropic_client(const struct request *req)
{
	return (request_header(req, "anthropic-version").len > 0);
}
