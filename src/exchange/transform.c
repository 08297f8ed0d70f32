/* SPDX-License-Identifier: Apache-2.0 */
/* POST /utils/transform_request: what a request would become for the upstream that it would go to; nobody is asked. */
#include "exchange/exchange.h"

static const struct {
	const char	*call_type;
	const struct front *front;
} call_types[] = {
	{ "completion", &front_chat }, { "acompletion", &front_chat }, { "text_completion", &front_completions }, { "atext_completion", &front_completions },
	{ "embedding", &front_embeddings }, { "aembedding", &front_embeddings }, { "anthropic_messages", &front_messages },
	{ "responses", &front_responses }, { "aresponses", &front_responses },
};

static enum step_result
refuse(struct exchange *x, const char *param, const char *why)
{
	x->error = error_param(error_new(x->arena, E_BAD_REQUEST, "%s: %s", param, why), param);
	return (STEP_ERROR);
}

static const struct front *
front_of(struct text call_type)
{
	for (size_t i = 0; i < nitems(call_types); i++)
		if (text_is(call_type, call_types[i].call_type))
			return (call_types[i].front);
	return (NULL);
}

/* The request it is about goes the way of its kind, as far as to the upstream. */
enum step_result
local_transform(struct exchange *x)
{
	struct text body = x->request->body;
	struct json_item type, request;
	struct json_fault fault;
	enum json_type whole;
	size_t n;

	if (!json_scan(body, &whole, NULL, 0, &n, &fault) || whole != JSON_OBJECT)
		return (refuse(x, "body", "it is not a JSON object"));
	if (!json_find(body, "call_type", &type) || type.type != JSON_STRING)
		return (refuse(x, "call_type", "Field required"));
	if (!json_find(body, "request_body", &request) || request.type != JSON_OBJECT)
		return (refuse(x, "request_body", "Field required, an object"));
	x->front = front_of(json_unescape(x->arena, json_inside(type.raw)));
	if (x->front == NULL) {
		x->front = &front_chat;
		return (refuse(x, "call_type", "completion, text_completion, embedding, anthropic_messages or responses"));
	}
	if ((x->error = x->front->glance(&x->glance, x->arena, arena_copy(x->arena, request.raw))) != NULL)
		return (STEP_ERROR);
	x->glance.stream = false;
	x->shows = true;
	x->tier = -1;
	x->model = arena_copy(x->arena, x->glance.model);
	return (STEP_GO);
}

/* Where keys may stand. */
static bool
is_plain(struct text name)
{
	static const char *const plain[] = { "content-type", "accept", "user-agent", "anthropic-version", "anthropic-beta" };

	for (size_t i = 0; i < nitems(plain); i++)
		if (text_eq_nocase(name, text_of(plain[i])))
			return (true);
	return (false);
}

static void
put_headers(struct json_out *o, struct arena *arena, const struct call_plan *p)
{
	struct text name, value;

	json_name(o, "raw_request_headers");
	json_open(o, '{');
	for (size_t i = 0; i < p->n_headers; i++) {
		text_cut(p->headers[i], ':', &name, &value);
		json_name_quoted(o, json_escape(arena, name));
		json_string(o, is_plain(name) ? text_trim(value) : TEXT("***"));
	}
	json_close(o, '}');
}

/* Its address, without what may be a secret: a user, and a query. */
static struct text
address(const struct exchange *x, const struct call_plan *p)
{
	const char *query = memchr(p->url.at, '?', p->url.len);
	struct text url = query != NULL ? text_sub(p->url, 0, (size_t)(query - p->url.at)) : p->url;

	return (memchr(url.at, '@', url.len) != NULL ? x->deployment->api_base : url);
}

enum step_result
transform_tell(struct exchange *x)
{
	struct call_plan *p = arena_new_of(x->arena, struct call_plan);
	struct buf body = { 0 }, sent = { 0 };
	struct json_out o = { .to = &body };

	x->provider = provider_of(x->wire);
	if ((x->error = request_plan(x, p)) != NULL)
		return (STEP_ERROR);
	json_apply(&sent, p->body, p->edits, p->n_edits);
	json_open(&o, '{');
	json_name(&o, "raw_request_api_base");
	json_string(&o, address(x, p));
	json_name(&o, "raw_request_body");
	json_raw(&o, buf_as_text(&sent));
	put_headers(&o, x->arena, p);
	json_name(&o, "error");
	json_null(&o);
	json_close(&o, '}');
	answer_whole(x, 200, "application/json", buf_as_text(&body));
	buf_free(&body);
	buf_free(&sent);
	return (STEP_DONE);
}
