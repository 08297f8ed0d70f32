/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP call to a deployment: where, with which headers, body and patience. */
#include "exchange/exchange.h"

#include "access/access.h"

#define HEADERS_MOST	48

/* The first of these limits that is given (litellm-config: a stream's own, the deployment's, the router's). */
static int64_t
limit_ms(const struct exchange *x)
{
	const struct settings *s = &x->config->settings;
	const struct deployment *d = x->deployment;
	int64_t stream[] = { d->stream_timeout_ms, s->stream_timeout_ms }, whole[] = { d->timeout_ms, s->timeout_ms };

	for (size_t i = 0; x->glance.stream && i < nitems(stream); i++)
		if (stream[i] > 0)
			return (stream[i]);
	for (size_t i = 0; i < nitems(whole); i++)
		if (whole[i] > 0)
			return (whole[i]);
	return (0);
}

/* A caller may ask for less patience than configured, in seconds. */
static int64_t
asked_ms(const struct exchange *x, const char *header)
{
	double seconds;

	if (x->request == NULL || !text_to_double(request_header(x->request, header), &seconds))
		return (0);
	return (seconds > 0.001 && seconds < 86400 ? (int64_t)(seconds * 1000) : 0);
}

void
request_limits(const struct exchange *x, struct call_plan *p)
{
	const struct settings *s = &x->config->settings;
	int64_t own = x->glance.stream ? asked_ms(x, "x-litellm-stream-timeout") : 0;

	if (own == 0)
		own = asked_ms(x, "x-litellm-timeout");
	if (own == 0)
		own = limit_ms(x);
	p->connect_ms = s->connect_timeout_ms;
	p->first_byte_ms = own > 0 ? own : s->first_byte_timeout_ms;
	p->idle_ms = own > 0 ? own : s->idle_timeout_ms;
	p->total_ms = own > 0 && !x->glance.stream ? own : s->total_timeout_ms;
}

/* The ask in our own words, read once, when a dialect must be crossed. */
static struct error *
need_ask(struct exchange *x)
{
	struct ask *a;

	if (x->ask != NULL)
		return (NULL);
	a = arena_new_of(x->arena, struct ask);
	TRY(x->front->read_ask(a, x->arena, &x->glance));
	if (x->glance.afford > 0 && (a->max_tokens < 0 || a->max_tokens > x->glance.afford))
		a->max_tokens = x->glance.afford;
	x->ask = a;
	return (NULL);
}

/* A translated request whose tokens are counted: what only an answer needs is cut from it, as from a client's own. */
static struct error *
write_count(struct exchange *x, struct call_plan *p, struct text model, bool drop)
{
	struct glance *g = arena_new_of(x->arena, struct glance);
	struct edits edits = { 0 };

	g->counting = true;
	TRY(front_messages.glance(g, x->arena, buf_as_text(&x->body)));
	TRY(x->provider->relay_request(&edits, x->arena, g, x->deployment, model, drop));
	p->edits = edits.list;
	p->n_edits = edits.n;
	return (NULL);
}

static struct error *
write_body(struct exchange *x, struct call_plan *p)
{
	const struct deployment *d = x->deployment;
	struct text model = route_model(&x->plan, d);
	bool drop = d->drop_params || x->config->settings.drop_params;
	struct edits edits = { 0 };

	if (x->surface->want == WANT_STORED) {
		p->method = x->method;
		return (NULL);
	}
	if (x->front->wire == x->wire) {
		TRY(x->provider->relay_request(&edits, x->arena, &x->glance, d, model, drop));
		p->body = x->glance.body;
		p->edits = edits.list;
		p->n_edits = edits.n;
		return (NULL);
	}
	TRY(need_ask(x));
	x->body.len = 0;
	TRY(x->provider->write_request(&x->body, x->arena, x->ask, d, model, drop));
	p->body = buf_as_text(&x->body);
	x->told.ask = x->ask;
	x->told.old_functions = x->ask->old_functions;
	return (x->glance.counting ? write_count(x, p, model, drop) : NULL);
}

/* Is the variable one of these?  A name that ends in '_' stands for all that begin so. */
static bool
is_among(struct text name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct text one = text_of(list[i]);

		if (text_ends(one, TEXT("_")) ? text_starts(name, one) : text_eq(name, one))
			return (true);
	}
	return (false);
}

/* Of the client's own x-* headers those LiteLLM forwards; never one that carries a key or speaks to us or to a proxy. */
static bool
is_forwarded(struct text name)
{
	static const char *const kept_back[] = {
		"HTTP_X_STAINLESS_", "HTTP_X_LITELLM_", "HTTP_X_API_KEY", "HTTP_X_GOOG_", "HTTP_X_FORWARDED", "HTTP_X_FORWARDED_", "HTTP_X_REAL_IP",
		"HTTP_X_REMOTE_", "HTTP_X_AMZ_",
	};

	return (text_starts(name, TEXT("HTTP_X_")) && !is_among(name, kept_back, nitems(kept_back)));
}

/* What clients say of themselves to Anthropic, whatever is configured; its versions and betas are the provider's to write. */
static bool
is_for_anthropic(struct text name)
{
	static const char *const told[] = { "HTTP_USER_AGENT", "HTTP_X_APP", "HTTP_X_CLAUDE_", "HTTP_X_STAINLESS_", "HTTP_ANTHROPIC_" };
	static const char *const written[] = { "HTTP_ANTHROPIC_VERSION", "HTTP_ANTHROPIC_BETA" };

	return (is_among(name, told, nitems(told)) && !is_among(name, written, nitems(written)));
}

static struct text
header_line(struct exchange *x, const struct param *p)
{
	struct text name = text_sub(p->name, 5, p->name.len), line;

	line = arena_print(x->arena, TEXT_FMT ": " TEXT_FMT, TEXT_ARG(name), TEXT_ARG(p->value));
	for (size_t i = 0; i < name.len; i++)
		if (line.at[i] == '_')
			((char *)(uintptr_t)line.at)[i] = '-';
	return (line);
}

static bool
has_header(const struct text *headers, size_t n, struct text line)
{
	struct text name, other, rest;

	text_cut(line, ':', &name, &rest);
	for (size_t i = 0; i < n; i++) {
		text_cut(headers[i], ':', &other, &rest);
		if (text_eq_nocase(text_trim(other), name))
			return (true);
	}
	return (false);
}

static bool
is_one_line(struct text value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.at[i] < ' ' || value.at[i] == 0x7f)
			return (false);
	return (true);
}

/* Further headers of the client's; what is written already stands, and the one that may carry our key stays. */
static size_t
forward_headers(struct exchange *x, struct text *headers, size_t n, bool (*wanted)(struct text name))
{
	for (size_t i = 0; i < x->request->n_params && n < HEADERS_MOST; i++) {
		struct param p = x->request->params[i];
		struct text line;

		if (p.name.len > 128 || !wanted(p.name) || !is_one_line(p.value))
			continue;
		line = header_line(x, &p);
		if (!has_header(&line, 1, x->config->settings.key_header) && !has_header(headers, n, line))
			headers[n++] = line;
	}
	return (n);
}

/* The client's own login at Anthropic goes there in place of ours where the configuration says so: the token of a subscription, or a key. */
static void
bring_login(struct exchange *x, struct client_says *says)
{
	const struct settings *s = &x->config->settings;
	const struct deployment *d = x->deployment;
	struct text token;

	if (x->request == NULL || d->vendor == NULL || strcmp(d->vendor->prefix, "anthropic") != 0)
		return;
	token = access_other_key(s, x->request, "authorization");
	if (config_forwards(x->config, d, x->model) && text_starts(token, TEXT("sk-ant-oat")))
		says->bearer = token;
	else if (s->forward_vendor_keys)
		says->key = access_other_key(s, x->request, "x-api-key");
	x->own_login = says->bearer.len > 0 || says->key.len > 0;
}

/* The deployment as its provider is to see it: a fetched token is its key. */
static const struct deployment *
with_token(struct exchange *x)
{
	struct deployment *d;

	if (x->deployment->credential == NULL)
		return (x->deployment);
	d = arena_new_of(x->arena, struct deployment);
	*d = *x->deployment;
	d->key = x->bearer;
	return (d);
}

/* The connection: where to, through what, and who we are there. */
struct call_plan
request_to_server(const struct exchange *x)
{
	const struct deployment *d = x->deployment;

	return ((struct call_plan){ .host = d->host, .port = d->port, .proxy = d->proxy,
		.verify = d->ca_file.len > 0 || (d->ssl_verify && x->config->settings.ssl_verify), .ca_file = d->ca_file,
		.public_only = config_public_only(x->config, d), .cert = d->cert, .cert_key = d->cert_key, .cert_password = d->cert_password,
		    .stream = x->glance.stream });
}

struct error *
request_plan(struct exchange *x, struct call_plan *p)
{
	const struct deployment *d = x->deployment;
	struct client_says own = x->says, *says = x->front->wire == x->wire ? &own : NULL;
	struct text *headers = arena_alloc(x->arena, HEADERS_MOST * sizeof(*headers));

	*p = request_to_server(x);
	p->headers = headers;
	x->own_login = false;
	if (says != NULL && x->wire == WIRE_ANTHROPIC)
		bring_login(x, says);
	TRY(write_body(x, p));
	p->n_headers = x->provider->headers(headers, HEADERS_MOST, x->arena, with_token(x), says);
	if (says != NULL && x->wire == WIRE_ANTHROPIC && x->request != NULL)
		p->n_headers = forward_headers(x, headers, p->n_headers, is_for_anthropic);
	if (x->request != NULL && config_forwards(x->config, d, x->model))
		p->n_headers = forward_headers(x, headers, p->n_headers, is_forwarded);
	p->url = x->provider->url(x->arena, d, route_model(&x->plan, d), x->surface->want, says);
	request_limits(x, p);
	return (NULL);
}
