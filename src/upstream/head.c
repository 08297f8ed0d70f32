/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an answer, line by line: keeps the status and the few headers somebody asks for, and bounds the rest. */
#include "upstream/upstream_priv.h"

#include <time.h>

#define RETRY_AFTER_MAX	(INT64_C(86400) * 1000)

typedef void line_f(struct head *, struct text name, struct text value);

static void
insert(struct buf *b, size_t at, struct text t)
{
	buf_reserve(b, t.len);
	memmove(b->at + at + t.len, b->at + at, b->len - at);
	memcpy(b->at + at, t.at, t.len);
	b->len += t.len;
}

static void
take_type(struct head *h, struct text name, struct text value)
{
	struct text type, parameters;

	text_cut(value, ';', &type, &parameters);
	type = text_trim(type);
	if (h->type_len > 0 || type.len == 0 || type.len > 128)
		return;
	insert(&h->kept, 0, type);
	h->type_len = (uint16_t)type.len;
	for (size_t i = 0; i < type.len; i++)
		if (h->kept.at[i] >= 'A' && h->kept.at[i] <= 'Z')
			h->kept.at[i] |= 0x20;
}

static void
take_id(struct head *h, struct text name, struct text value)
{
	if (h->id_len > 0 || value.len == 0 || value.len > 256)
		return;
	insert(&h->kept, h->type_len, value);
	h->id_len = (uint16_t)value.len;
}

static void
take_passable(struct head *h, struct text name, struct text value)
{
	if (h->kept.len + name.len + value.len + 4 > PASSABLE_MAX)
		return;
	buf_text(&h->kept, name);
	buf_lit(&h->kept, ": ");
	buf_text(&h->kept, value);
	buf_lit(&h->kept, "\r\n");
}

static int64_t
bounded(double ms)
{
	if (!(ms > 0))
		return (0);
	return (ms < (double)RETRY_AFTER_MAX ? (int64_t)ms : RETRY_AFTER_MAX);
}

static void
take_retry_ms(struct head *h, struct text name, struct text value)
{
	double ms;

	if (!text_to_double(value, &ms))
		return;
	h->retry_after_ms = bounded(ms);
	h->retry_exact = true;
}

/* RFC 9110 5.6.7: the form that is sent, and the two of old.  -1: none of them. */
static time_t
date_of(const char *text)
{
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y" };

	for (size_t i = 0; i < nitems(forms); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, forms[i], &tm);

		if (end != NULL && *end == '\0')
			return (timegm(&tm));
	}
	return (-1);
}

/* RFC 9110 10.2.3: seconds, or a date. */
static void
take_retry(struct head *h, struct text name, struct text value)
{
	double seconds;
	char date[64];
	time_t at;

	if (h->retry_exact)
		return;
	if (text_to_double(value, &seconds)) {
		h->retry_after_ms = bounded(seconds * 1000);
		return;
	}
	if (value.len >= sizeof(date))
		return;
	memcpy(date, value.at, value.len);
	date[value.len] = '\0';
	at = date_of(date);
	if (at != -1)
		h->retry_after_ms = bounded(((double)at - (double)time(NULL)) * 1000);
}

static const struct wish {
	struct text	 name;
	bool		 prefix;
	line_f		*take;
} wishes[] = {
	{ TEXT("content-type"),		false,	take_type },
	{ TEXT("x-request-id"),		false,	take_id },
	{ TEXT("request-id"),		false,	take_id },
	{ TEXT("apim-request-id"),	false,	take_id },
	{ TEXT("x-amzn-requestid"),	false,	take_id },
	{ TEXT("retry-after-ms"),	false,	take_retry_ms },
	{ TEXT("retry-after"),		false,	take_retry },
	{ TEXT("x-ratelimit-"),		true,	take_passable },
	{ TEXT("anthropic-ratelimit-"),	true,	take_passable },
	{ TEXT("openai-"),		true,	take_passable },
};

static bool
plain(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] < ' ' && t.at[i] != '\t')
			return (false);
	return (true);
}

/* RFC 9110 5.1: what a name may be made of; others could mean something to whoever they are passed on to. */
static bool
token(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] <= ' ' || t.at[i] > '~' || strchr("\"(),/:;<=>?@[\\]{}", t.at[i]) != NULL)
			return (false);
	return (t.len > 0);
}

/* all lines, for a request that passes as it is */

static bool
is_among(struct text name, const struct text *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text_eq_nocase(name, names[i]))
			return (true);
	return (false);
}

/* A line that is for whoever asked on this connection only (RFC 9110 7.6.1), and what it tells us about the others. */
static bool
is_hop(struct head *h, struct text name, struct text value)
{
	static const struct text hops[] = {
		TEXT("connection"), TEXT("keep-alive"), TEXT("proxy-authenticate"), TEXT("proxy-authentication-info"), TEXT("proxy-authorization"),
		TEXT("proxy-connection"), TEXT("te"), TEXT("trailer"), TEXT("transfer-encoding"), TEXT("upgrade"),
	};

	if (text_eq_nocase(name, TEXT("connection"))) {
		buf_text(&h->hops, value);
		buf_byte(&h->hops, ',');
	}
	h->coded |= text_eq_nocase(name, TEXT("transfer-encoding"));
	return (is_among(name, hops, nitems(hops)));
}

static void
keep_line(struct head *h, struct text name, struct text value)
{
	if (is_hop(h, name, value))
		return;
	if (text_eq_nocase(name, TEXT("content-length"))) {
		if (!text_to_i64(value, &h->length) || h->length < 0)
			h->length = -1;
		return;
	}
	buf_text(&h->lines, name);
	buf_lit(&h->lines, ": ");
	buf_text(&h->lines, value);
	buf_lit(&h->lines, "\r\n");
}

static bool
is_named(const struct head *h, struct text name)
{
	struct text rest = buf_as_text(&h->hops), one;

	while (rest.len > 0) {
		text_cut(rest, ',', &one, &rest);
		if (text_eq_nocase(text_trim(one), name))
			return (true);
	}
	return (false);
}

/* The lines that Connection names go, wherever they stood. */
static void
drop_named(struct head *h)
{
	struct text rest = buf_as_text(&h->lines), line, name, value;
	size_t kept = 0;

	while (h->hops.len > 0 && rest.len > 0) {
		size_t n = (size_t)((const char *)memchr(rest.at, '\n', rest.len) - rest.at) + 1;

		line = text_sub(rest, 0, n);
		rest = text_sub(rest, n, rest.len);
		text_cut(line, ':', &name, &value);
		if (is_named(h, name))
			continue;
		memmove(h->lines.at + kept, line.at, line.len);
		kept += line.len;
	}
	if (h->hops.len > 0)
		h->lines.len = kept;
	buf_free(&h->hops);
}

/* one line */

static const struct wish *
wish_for(struct text name)
{
	for (size_t i = 0; i < nitems(wishes); i++) {
		const struct wish *w = &wishes[i];

		if (text_eq_nocase(w->prefix ? text_sub(name, 0, w->name.len) : name, w->name))
			return (w);
	}
	return (NULL);
}

static void
take_field(struct head *h, struct text line)
{
	const struct wish *w;
	struct text name, value;

	if (!text_cut(line, ':', &name, &value))
		return;
	value = text_trim(value);
	w = wish_for(name);
	if ((w == NULL && !h->keep_lines) || !token(name) || !plain(value))
		return;
	if (h->keep_lines)
		keep_line(h, name, value);
	if (w != NULL)
		w->take(h, name, value);
}

/* "HTTP/1.1 200 OK": a new head begins; what an interim one (1xx) said is void. */
static void
begin(struct head *h, struct text line)
{
	struct text version, rest;
	int64_t status;

	h->kept.len = 0;
	h->type_len = h->id_len = 0;
	h->retry_after_ms = 0;
	h->retry_exact = h->coded = false;
	h->lines.len = h->hops.len = 0;
	h->length = -1;
	h->status = 0;
	if (text_cut(line, ' ', &version, &rest) && text_to_i64(text_sub(text_trim(rest), 0, 3), &status) && status >= 100 && status <= 999)
		h->status = (uint16_t)status;
}

enum head_says
head_line(struct head *h, struct text line, const char **why)
{
	if (h->over)
		return (HEAD_MORE);	/* trailers */
	h->seen += (uint32_t)line.len;
	if (h->seen > HEAD_MAX) {
		*why = "the answer's header is too long";
		return (HEAD_BAD);
	}
	line = text_trim(line);
	if (line.len > 0) {
		if (text_eq_nocase(text_sub(line, 0, 5), TEXT("HTTP/")))
			begin(h, line);
		else
			take_field(h, line);
		return (HEAD_MORE);
	}
	if (h->status == 101 || h->status == 0) {
		*why = h->status == 101 ? "the upstream switched protocols" : "the answer has no status";
		return (HEAD_BAD);
	}
	if (h->status < 200)
		return (HEAD_MORE);
	h->over = true;
	if (h->keep_lines)
		drop_named(h);
	if (h->kept.len > 0) {		/* it stays as long as the stream: not a byte too many */
		h->kept.at = must_realloc(h->kept.at, h->kept.len);
		h->kept.cap = h->kept.len;
	}
	return (HEAD_OVER);
}

void
head_told(const struct head *h, struct call_head *out)
{
	struct text kept = buf_as_text(&h->kept);

	out->status = h->status;
	out->retry_after_ms = h->retry_after_ms;
	out->content_type = text_sub(kept, 0, h->type_len);
	out->request_id = text_sub(kept, h->type_len, (size_t)h->type_len + h->id_len);
	out->passable = text_sub(kept, (size_t)h->type_len + h->id_len, kept.len);
	out->lines = buf_as_text(&h->lines);
	out->length = h->keep_lines && !h->coded ? h->length : -1;
}

void
head_free(struct head *h)
{
	buf_free(&h->kept);
	buf_free(&h->lines);
	buf_free(&h->hops);
	memset(h, 0, sizeof(*h));
}
