/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP call of a request that passes as it is: where it goes, and which headers go along. */
#include "exchange/exchange.h"

#include "access/access.h"

#define LINES_MOST	96
#define LINE_MOST	16384
#define DECODINGS	3		/* so often a path may be encoded before it means something to a server behind */

/* the address */

/* Nothing that could lead out of the base: no "." or ".." (with Java's parameters neither), no empty segment but a last one. */
static bool
segments_fine(struct text path)
{
	struct text segment;
	size_t from = 1;

	for (size_t i = 1; i <= path.len; i++) {
		if (i < path.len && path.at[i] != '/' && path.at[i] != '\\')
			continue;
		segment = text_sub(path, from, i);
		if ((segment.len == 0 && i < path.len) || text_is(segment, ".") || text_is(segment, "..") || text_starts(segment, TEXT("..;")))
			return (false);
		from = i + 1;
	}
	return (true);
}

static bool
holds_control(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] < ' ' || t.at[i] == 0x7f)
			return (true);
	return (false);
}

/* What stands in a request line as it is: printable ASCII, without a fragment. */
static bool
is_written_well(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] <= ' ' || t.at[i] > '~' || t.at[i] == '#' || t.at[i] == '\\')
			return (false);
	return (true);
}

/* Servers differ in how often they decode: no reading of it may be an escape. */
static bool
path_fine(struct arena *arena, struct text path)
{
	if (!is_written_well(path))
		return (false);
	for (unsigned i = 0; i <= DECODINGS; i++) {
		struct text next = arena_percent_decode(arena, path);

		if (!segments_fine(path) || holds_control(path))
			return (false);
		if (next.len == path.len)
			break;
		path = next;
	}
	return (true);
}

/* Clients put "/v1" into the path, operators put it into the base of a vendor. */
static struct text
without_v1(const struct conduit *c, struct text rest)
{
	struct text v1 = TEXT("/v1");

	if (c->to->vendor == NULL || !text_ends(c->base, v1) || !text_starts(rest, v1) || (rest.len > v1.len && rest.at[v1.len] != '/'))
		return (rest);
	return (text_sub(rest, v1.len, rest.len));
}

static struct error *
make_url(struct exchange *x, struct call_plan *p)
{
	const struct conduit *c = x->conduit;
	struct text rest = without_v1(c, x->rest), query = x->request->query, base = c->base;

	if (!path_fine(x->arena, x->rest) || !is_written_well(query))
		return (error_new(x->arena, E_BAD_REQUEST, "This path or query is not passed on: it holds dot segments, empty segments, or characters "
		    "that must be percent-encoded."));
	if (text_ends(base, TEXT("/")) && rest.len > 0)
		base.len--;
	p->url = arena_print(x->arena, TEXT_FMT TEXT_FMT "%s" TEXT_FMT "%s" TEXT_FMT, TEXT_ARG(base), TEXT_ARG(rest),
	    query.len + c->query.len > 0 ? "?" : "", TEXT_ARG(c->query), query.len > 0 && c->query.len > 0 ? "&" : "", TEXT_ARG(query));
	return (NULL);
}

/* the headers */

struct lines {
	struct text	*list;
	size_t		 n;
};

/* What is said first stays: ours, what is meant for the upstream, the rest. */
static void
add(struct lines *l, struct text line)
{
	struct text name, other, rest;

	text_cut(line, ':', &name, &rest);
	for (size_t i = 0; i < l->n; i++) {
		text_cut(l->list[i], ':', &other, &rest);
		if (text_eq_nocase(name, other))
			return;
	}
	if (l->n < LINES_MOST)
		l->list[l->n++] = line;
}

/* A CGI variable as a header line: X_NAME becomes x-name. */
static void
add_variable(struct exchange *x, struct lines *l, struct text name, struct text value)
{
	char header[128];

	if (value.len == 0 || value.len > LINE_MOST || holds_control(value) || name.len == 0 || name.len > sizeof(header))
		return;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];

		if ((c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_')
			return;
		header[i] = c == '_' ? '-' : c >= 'A' ? (char)(c | 0x20) : c;
	}
	add(l, arena_print(x->arena, TEXT_FMT ": " TEXT_FMT, (int)name.len, header, TEXT_ARG(value)));
}

/*
 * Of a connection, of a proxy before us, or for us.  Accept-Encoding too: what comes compressed could not be read for its usage, and a client takes
 * plain bytes always.
 */
static bool
is_kept_back(struct text name)
{
	static const struct text names[] = {
		TEXT("ACCEPT_ENCODING"), TEXT("CONNECTION"), TEXT("CONTENT_LENGTH"), TEXT("CONTENT_TYPE"), TEXT("COOKIE"), TEXT("EXPECT"),
		TEXT("FORWARDED"), TEXT("HOST"), TEXT("KEEP_ALIVE"), TEXT("PROXY"), TEXT("TE"), TEXT("TRAILER"), TEXT("TRANSFER_ENCODING"),
		TEXT("UPGRADE"), TEXT("VIA"),
	}, begins[] = {
		TEXT("PROXY_"), TEXT("REMOTE_"), TEXT("X_AMZ_"), TEXT("X_FORWARDED"), TEXT("X_LITELLM_"), TEXT("X_PASS_"), TEXT("X_REAL_IP"), TEXT("X_REMOTE_"),
	};

	for (size_t i = 0; i < nitems(names); i++)
		if (text_eq(name, names[i]))
			return (true);
	for (size_t i = 0; i < nitems(begins); i++)
		if (text_starts(name, begins[i]))
			return (true);
	return (false);
}

/* Has the credential of a client no place beside ours, or is it the gateway's key? */
static bool
is_secret(const struct exchange *x, struct text name, struct text value)
{
	return (access_is_key(&x->config->settings, name, value, x->conduit->open));
}

enum which { MEANT_FOR_IT, THE_REST };

/* x-pass-NAME is meant for the upstream by NAME, and always goes. */
static void
add_theirs(struct exchange *x, struct lines *l, enum which which)
{
	static const struct text meant = { "HTTP_X_PASS_", 12 }, any = { "HTTP_", 5 };
	struct text prefix = which == MEANT_FOR_IT ? meant : any;

	for (size_t i = 0; i < x->request->n_params; i++) {
		struct param p = x->request->params[i];
		struct text name = text_sub(p.name, prefix.len, p.name.len);

		if (!text_starts(p.name, prefix) || is_kept_back(name) || is_secret(x, name, p.value))
			continue;
		if (which == MEANT_FOR_IT || x->conduit->all_headers || text_is(name, "ACCEPT"))
			add_variable(x, l, name, p.value);
	}
}

/* Credentials and whatever the operator wants to be sent.  The vendor's own idea of a content type is for bodies of ours. */
static void
add_ours(struct exchange *x, struct lines *l)
{
	const struct deployment *d = x->conduit->to;
	const struct provider *vendor = d->vendor != NULL ? provider_of(d->wire) : NULL;
	struct text list[LINES_MOST];
	size_t n;

	x->says = (struct client_says){ .anthropic_version = kept_header(x, "anthropic-version"), .anthropic_beta = kept_header(x, "anthropic-beta") };
	n = vendor != NULL ? vendor->headers(list, nitems(list), x->arena, d, &x->says) : 0;
	for (size_t i = 0; i < n; i++)
		if (!text_eq_nocase(text_sub(list[i], 0, 13), TEXT("content-type:")))
			add(l, list[i]);
	for (size_t i = 0; i < d->n_headers; i++)
		add(l, d->headers[i]);
}

static void
make_headers(struct exchange *x, struct call_plan *p)
{
	struct lines l = { arena_alloc(x->arena, LINES_MOST * sizeof(*l.list)), 0 };

	add_ours(x, &l);
	add_variable(x, &l, TEXT("CONTENT_TYPE"), request_param(x->request, "CONTENT_TYPE"));
	add_theirs(x, &l, MEANT_FOR_IT);
	add_theirs(x, &l, THE_REST);
	p->headers = l.list;
	p->n_headers = l.n;
}

struct error *
pass_plan(struct exchange *x, struct call_plan *p)
{
	*p = request_to_server(x);
	p->method = arena_copy(x->arena, x->request->method);
	p->body = x->request->body;
	p->as_is = true;
	TRY(make_url(x, p));
	make_headers(x, p);
	request_limits(x, p);
	return (expiry_force(x, p));
}
