/* SPDX-License-Identifier: Apache-2.0 */
/* From a plan to an easy handle: what never changes is set once, what changes only when it differs from the handle's last call. */
#include "upstream/upstream_priv.h"

#include <stdlib.h>

#define STREAM_BUFFER	4096L		/* many streams are open at once, and their events are small */
#define WHOLE_BUFFER	16384L
#define SMALL_UPLOAD	16384L		/* libcurl's least */
#define METHOD_MOST	16
#define BIG_UPLOAD	(96 * 1024L)	/* more is given back to the kernel by each free(), and its pages fault anew in each call */

static char no_expect[] = "Expect:";	/* libcurl would wait a second for "100 Continue" before a large body */
static char no_accept[] = "Accept:", no_type[] = "Content-Type:";	/* nor has it a say on these in a request that passes as it is */
static char json_type[] = "Content-Type: application/json";
static char events_accepted[] = "Accept: text/event-stream";
static char user_agent[] = "User-Agent: sluice/" SLUICE_VERSION;

static size_t
body_wanted(char *bytes, size_t one, size_t n, void *self)
{
	struct call *c = call_checked(self);

	(void)one;
	return (call_hears_body(c, bytes, n));
}

static size_t
line_wanted(char *bytes, size_t one, size_t n, void *self)
{
	struct call *c = call_checked(self);

	(void)one;
	return (call_hears_line(c, (struct text){ bytes, n }) ? n : 0);
}

static int
connected(void *self, char *their_ip, char *our_ip, int their_port, int our_port)
{
	struct call *c = call_checked(self);

	return (call_may_reach(c, their_ip) && call_hears_connected(c) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT);
}

/* libcurl asks before it looks a name up: it never may, because its thread would be waited for when the call is cancelled. */
static int
look_up_wanted(void *resolver, void *unused, void *self)
{
	return (call_checked(self)->literal ? 0 : 1);
}

#define SET(option, value)	libcurl.easy_setopt(easy, CURLOPT_##option, (value))

static const char *
said(const char *text)
{
	return (text != NULL && text[0] != '\0' ? text : NULL);
}

/* Debian's libcurl has both a bundle and a folder built in, and reads the whole bundle for every connection then: exactly one of them. */
static void
set_trust(CURL *easy, const char *file)
{
	SET(CAINFO, file);
	SET(CAPATH, file != NULL ? NULL : "/etc/ssl/certs");
}

static void
set_proxy_trust(CURL *easy, const char *file)
{
	SET(PROXY_CAINFO, file);
	SET(PROXY_CAPATH, file != NULL ? NULL : "/etc/ssl/certs");
}

CURL *
request_handle(struct call *c)
{
	struct upstream *up = c->up;
	CURL *easy;

	upstream_prepare(up);
	if ((easy = libcurl.easy_init()) == NULL)
		abort();
	SET(PRIVATE, c);
	SET(WRITEFUNCTION, body_wanted);
	SET(WRITEDATA, c);
	SET(HEADERFUNCTION, line_wanted);
	SET(HEADERDATA, c);
	SET(SUPPRESS_CONNECT_HEADERS, 1L);
	SET(READFUNCTION, request_read);
	SET(READDATA, c);
	SET(SEEKFUNCTION, request_rewind);
	SET(SEEKDATA, c);
	SET(PREREQFUNCTION, connected);
	SET(PREREQDATA, c);
	SET(OPENSOCKETFUNCTION, sock_open);
	SET(OPENSOCKETDATA, c);
	SET(CLOSESOCKETFUNCTION, sock_close);
	SET(CLOSESOCKETDATA, up);	/* a connection outlives the call that opened it */
	SET(RESOLVER_START_FUNCTION, look_up_wanted);
	SET(RESOLVER_START_DATA, c);
	SET(DNS_CACHE_TIMEOUT, -1L);
	SET(SHARE, up->share);
	SET(PROTOCOLS_STR, "http,https");
	SET(HTTP_VERSION, up->settings.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
	SET(HTTP09_ALLOWED, 0L);
	SET(FOLLOWLOCATION, 0L);
	SET(NETRC, (long)CURL_NETRC_IGNORED);
	SET(NOSIGNAL, 1L);
	SET(QUICK_EXIT, 1L);
	SET(NOPROGRESS, 1L);
	SET(TCP_NODELAY, 1L);
	SET(TCP_KEEPALIVE, 1L);
	SET(MAXAGE_CONN, 90L);
	SET(UPLOAD_BUFFERSIZE, SMALL_UPLOAD);
	SET(BUFFERSIZE, WHOLE_BUFFER);
	SET(PROXY, "");			/* or libcurl asks the environment */
	SET(NOPROXY, "*");
	set_trust(easy, said(up->ca_file.at));
	set_proxy_trust(easy, said(up->ca_file.at));
	c->verify = true;
	return (easy);
}

/* No byte that could end a line or the text. */
static bool
plain(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] < ' ' || t.at[i] == 0x7f)
			return (false);
	return (true);
}

/* Remember a text with a zero byte behind it, in no more bytes than it takes; false: it is what it was. */
static bool
differs(char **kept, struct text now)
{
	if (text_eq(text_of(*kept), now))
		return (false);
	free(*kept);
	*kept = must_alloc(now.len + 1);
	if (now.len > 0)
		memcpy(*kept, now.at, now.len);
	(*kept)[now.len] = '\0';
	return (true);
}

/* libcurl shares no connection and no session between different files of certificates. */
static void
set_certificates(struct call *c, const struct call_plan *plan)
{
	CURL *easy = c->easy;

	if (differs(&c->ca_file, plan->ca_file))
		set_trust(easy, said(plan->ca_file.len > 0 ? c->ca_file : c->up->ca_file.at));
	if (differs(&c->cert, plan->cert))
		SET(SSLCERT, said(c->cert));
	if (differs(&c->cert_key, plan->cert_key))
		SET(SSLKEY, said(c->cert_key));
	if (differs(&c->cert_password, plan->cert_password))
		SET(KEYPASSWD, said(c->cert_password));
}

static void
set_target(struct call *c, const struct call_plan *plan)
{
	CURL *easy = c->easy;

	if (differs(&c->url, plan->url))
		SET(URL, c->url);
	if (differs(&c->proxy, plan->proxy)) {
		SET(PROXY, c->proxy);
		SET(NOPROXY, plan->proxy.len > 0 ? "" : "*");
	}
	if (plan->verify != c->verify) {
		SET(SSL_VERIFYPEER, plan->verify ? 1L : 0L);
		SET(SSL_VERIFYHOST, plan->verify ? 2L : 0L);
		SET(PROXY_SSL_VERIFYPEER, plan->verify ? 1L : 0L);
		SET(PROXY_SSL_VERIFYHOST, plan->verify ? 2L : 0L);
		c->verify = plan->verify;
	}
	if (plan->stream != c->small_buffer) {
		SET(BUFFERSIZE, plan->stream ? STREAM_BUFFER : WHOLE_BUFFER);
		c->small_buffer = plan->stream;
	}
}

static bool
has_header(const struct call_plan *plan, struct text name)
{
	struct text field, value;

	for (size_t i = 0; i < plan->n_headers; i++) {
		text_cut(plan->headers[i], ':', &field, &value);
		if (text_eq_nocase(field, name))
			return (true);
	}
	return (false);
}

bool
request_is_head(const struct call_plan *plan)
{
	return (text_is(plan->method, "HEAD"));
}

bool
request_has_body(const struct call_plan *plan)
{
	static const struct text always[] = { TEXT(""), TEXT("POST"), TEXT("PUT"), TEXT("PATCH") };

	for (size_t i = 0; i < nitems(always); i++)
		if (text_eq(plan->method, always[i]))
			return (true);
	return (!request_is_head(plan) && (plan->body.len > 0 || plan->n_edits > 0));
}

#define FURTHER_MOST	4

/* Header lines beside the plan's: ours, or words that keep libcurl from adding its own. */
static size_t
further_lines(char **lines, const struct call_plan *plan)
{
	bool type = !request_has_body(plan) || has_header(plan, TEXT("content-type"));
	size_t n = 0;

	lines[n++] = no_expect;
	if (!type)
		lines[n++] = plan->as_is ? no_type : json_type;
	if ((plan->stream || plan->as_is) && !has_header(plan, TEXT("accept")))
		lines[n++] = plan->as_is ? no_accept : events_accepted;
	if (!plan->as_is && !has_header(plan, TEXT("user-agent")))
		lines[n++] = user_agent;
	return (n);
}

/* One block holds all that is needed until the head comes: the list of headers, their bytes, and the body if it is small and edited. */
static char *
make_sending(struct call *c, const struct call_plan *plan, size_t body)
{
	char *further[FURTHER_MOST];
	size_t n_further = further_lines(further, plan), most = plan->n_headers + n_further, n = 0, bytes = 0;
	struct curl_slist *list;
	char *at;

	for (size_t i = 0; i < plan->n_headers; i++)
		bytes += plan->headers[i].len + 1;
	c->sending = must_alloc(sizeof(*c->sending) + most * sizeof(struct curl_slist) + bytes + body);
	c->sending->error[0] = '\0';
	c->sending->own_body = NULL;
	list = c->sending->headers;
	at = (char *)(list + most);
	for (size_t i = 0; i < plan->n_headers; i++) {
		list[n++].data = at;
		memcpy(at, plan->headers[i].at, plan->headers[i].len);
		at += plan->headers[i].len;
		*at++ = '\0';
	}
	for (size_t i = 0; i < n_further; i++)
		list[n++].data = further[i];
	for (size_t i = 0; i < n; i++)
		list[i].next = i + 1 < n ? &list[i + 1] : NULL;
	return (at);
}

static void
set_body(struct call *c, const char *bytes)
{
	CURL *easy = c->easy;
	bool big = bytes == NULL;

	SET(POSTFIELDSIZE_LARGE, (curl_off_t)c->body_len);
	SET(POSTFIELDS, bytes);		/* NULL: request_read() is asked */
	if (big != c->big_upload) {
		SET(UPLOAD_BUFFERSIZE, big ? BIG_UPLOAD : SMALL_UPLOAD);
		c->big_upload = big;
	}
}

/* What libcurl sends by itself, and under which name if that is not the method's own. */
static void
set_method(struct call *c, const struct call_plan *plan)
{
	static const char *const names[] = { [VERB_GET] = "GET", [VERB_POST] = "POST", [VERB_HEAD] = "HEAD" };
	enum verb verb = request_is_head(plan) ? VERB_HEAD : request_has_body(plan) ? VERB_POST : VERB_GET;
	bool rename = plan->method.len > 0 && !text_is(plan->method, names[verb]);
	char name[METHOD_MOST + 1] = "";
	CURL *easy = c->easy;

	if (c->verb == VERB_HEAD && verb != VERB_HEAD)
		SET(NOBODY, 0L);
	if (c->verb == VERB_POST && verb == VERB_GET)
		SET(HTTPGET, 1L);
	if (verb == VERB_HEAD)
		SET(NOBODY, 1L);
	c->verb = verb;
	if (rename)
		memcpy(name, plan->method.at, plan->method.len);
	if (rename || c->renamed)
		SET(CUSTOMREQUEST, rename ? name : NULL);
	c->renamed = rename;
}

static void
set_request(struct call *c, const struct call_plan *plan)
{
	CURL *easy = c->easy;
	bool small, whole;
	char *room;
	struct walker walker = { .body = plan->body, .edits = plan->edits, .n_edits = plan->n_edits };

	c->body_len = request_has_body(plan) ? walker_length(&walker) : 0;
	small = c->body_len <= SMALL_BODY;
	whole = plan->n_edits == 0;
	room = make_sending(c, plan, small && !whole ? c->body_len : 0);
	c->sending->walker = walker;
	SET(HTTPHEADER, &c->sending->headers[0]);
	SET(ERRORBUFFER, c->sending->error);
	set_method(c, plan);
	if (c->verb != VERB_POST)
		return;
	if (!small)
		set_body(c, NULL);
	else if (whole)
		set_body(c, plan->body.len > 0 ? plan->body.at : "");
	else {
		walker_read(&walker, room, c->body_len);
		set_body(c, room);
	}
}

/* A method is a word of capitals; CONNECT and TRACE are not asked of upstreams. */
static bool
method_fine(struct text method)
{
	for (size_t i = 0; i < method.len; i++)
		if ((method.at[i] < 'A' || method.at[i] > 'Z') && method.at[i] != '-')
			return (false);
	return (method.len <= METHOD_MOST && !text_is(method, "CONNECT") && !text_is(method, "TRACE"));
}

bool
request_is_plain(struct call *c, const struct call_plan *plan)
{
	if (!method_fine(plan->method)) {
		call_fail_later(c, CALL_UNREACHABLE, "the request's method can not be asked of an upstream");
		return (false);
	}
	if (!plain(plan->url) || !plain(plan->proxy)) {
		call_fail_later(c, CALL_UNREACHABLE, "the upstream's address holds a control character");
		return (false);
	}
	for (size_t i = 0; i < plan->n_headers; i++)
		if (!plain(plan->headers[i])) {
			call_fail_later(c, CALL_UNREACHABLE, "a request header holds a control character");
			return (false);
		}
	return (true);
}

bool
request_prepare(struct call *c, const struct call_plan *plan)
{
	if (c->easy == NULL)
		c->easy = request_handle(c);
	c->tls = text_eq_nocase(text_sub(plan->url, 0, 6), TEXT("https:"));
	c->public_only = plan->public_only;
	set_target(c, plan);
	set_certificates(c, plan);
	set_request(c, plan);
	return (true);
}

void
request_set_connect_limit(struct call *c, uint32_t ms)
{
	CURL *easy = c->easy;

	if (c->connect_limit != ms)
		SET(CONNECTTIMEOUT_MS, (long)ms);
	c->connect_limit = ms;
}

size_t
request_read(char *to, size_t one, size_t room, void *self)
{
	struct call *c = call_checked(self);

	if ((c->todo & TODO_CANCEL) || c->sending == NULL)
		return (CURL_READFUNC_ABORT);
	c->mark_us = loop_now_us(c->up->loop);
	return (walker_read(&c->sending->walker, to, one * room));
}

/* A kept connection died before it answered, so libcurl sends again on another. */
int
request_rewind(void *self, curl_off_t offset, int origin)
{
	struct call *c = call_checked(self);

	if (offset != 0 || origin != SEEK_SET || (c->todo & TODO_CANCEL) || c->sending == NULL)
		return (CURL_SEEKFUNC_FAIL);
	walker_rewind(&c->sending->walker);
	return (CURL_SEEKFUNC_OK);
}

/* The caller takes the body away although some of it is not sent: an upstream may answer before it has read everything. */
void
request_keep_rest(struct call *c)
{
	struct sending *s = c->sending;
	size_t rest;

	if (s == NULL || !c->big_upload || s->own_body != NULL)
		return;		/* libcurl has a copy of a small one */
	s->own_body = must_alloc(c->body_len + 1);
	rest = walker_read(&s->walker, s->own_body, c->body_len);
	s->walker = (struct walker){ .body = { s->own_body, rest } };
}

static bool
all_sent(struct call *c)
{
	curl_off_t sent;

	return (libcurl.easy_getinfo(c->easy, CURLINFO_SIZE_UPLOAD_T, &sent) == CURLE_OK && (size_t)sent >= c->body_len);
}

void
request_sent(struct call *c)
{
	CURL *easy = c->easy;

	if (c->sending == NULL || (c->multi != NULL && !all_sent(c)))
		return;
	SET(HTTPHEADER, NULL);
	SET(ERRORBUFFER, NULL);
	if (c->verb == VERB_POST)
		SET(POSTFIELDS, NULL);
	if (c->big_upload || c->tls)
		SET(UPLOAD_BUFFERSIZE, SMALL_UPLOAD);	/* frees the present one */
	c->big_upload = false;
	free(c->sending->own_body);
	free(c->sending);
	c->sending = NULL;
}
