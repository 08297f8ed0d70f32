/* SPDX-License-Identifier: Apache-2.0 */
/* Base URLs: taken apart, compared, and made into the URL of a call. */
#include "config/config_priv.h"

#include <arpa/inet.h>

#define URL_BYTES_MOST	2048

static bool
is_address(struct text host)
{
	unsigned char room[16];
	char s[64];

	if (host.len >= sizeof(s))
		return (false);
	memcpy(s, host.at, host.len);
	s[host.len] = '\0';
	return (inet_pton(AF_INET, s, room) == 1 || inet_pton(AF_INET6, s, room) == 1);
}

static bool
host_fine(struct text host, bool bracketed)
{
	if (host.len == 0 || host.len > 253)
		return (false);
	if (bracketed)
		return (is_address(host));
	for (size_t i = 0; i < host.len; i++) {
		char c = host.at[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
			return (false);
	}
	return (true);
}

static const char *
parse_authority(struct url *u, struct text t)
{
	int64_t port = text_is(u->scheme, "https") ? 443 : 80;
	struct text digits = TEXT("");
	bool bracketed;

	for (size_t i = t.len; i > 0; i--)
		if (t.at[i - 1] == '@') {
			u->userinfo = text_sub(t, 0, i - 1);
			t = text_sub(t, i, t.len);
			break;
		}
	bracketed = t.len > 0 && t.at[0] == '[';
	if (bracketed) {
		if (!text_cut(text_sub(t, 1, t.len), ']', &u->host, &digits))
			return ("has no closing bracket in its host");
		if (digits.len > 0 && digits.at[0] != ':')
			return ("has something behind its host");
		digits = text_sub(digits, 1, digits.len);
	} else
		text_cut(t, ':', &u->host, &digits);
	if (digits.len > 0 && (!text_to_i64(digits, &port) || port < 1 || port > 65535))
		return ("has a port that is none");
	if (!host_fine(u->host, bracketed))
		return ("has no proper host");
	u->port = (unsigned)port;
	u->literal = is_address(u->host);
	return (NULL);
}

const char *
url_parse(struct url *u, struct text t)
{
	struct text rest;
	size_t end = 0;

	*u = (struct url){ .query = TEXT("") };
	t = text_trim(t);
	if (t.len > URL_BYTES_MOST)
		return ("is too long");
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] <= 0x20 || (unsigned char)t.at[i] >= 0x7f || strchr("\\\"<>^`{|}", t.at[i]) != NULL)
			return ("has a blank, or a character that must be percent-encoded");
	if (t.len > 8 && text_eq_nocase(text_sub(t, 0, 8), TEXT("https://")))
		u->scheme = TEXT("https");
	else if (t.len > 7 && text_eq_nocase(text_sub(t, 0, 7), TEXT("http://")))
		u->scheme = TEXT("http");
	else
		return ("must begin with http:// or https://");
	rest = text_sub(t, u->scheme.len + 3, t.len);
	if (memchr(rest.at, '#', rest.len) != NULL)
		return ("has a fragment (#)");
	text_cut(rest, '?', &rest, &u->query);
	while (end < rest.len && rest.at[end] != '/')
		end++;
	u->path = text_sub(rest, end, rest.len);
	while (u->path.len > 0 && u->path.at[u->path.len - 1] == '/')
		u->path.len--;
	return (parse_authority(u, text_sub(rest, 0, end)));
}

bool
url_same_server(const struct url *a, const struct url *b)
{
	return (text_eq(a->scheme, b->scheme) && text_eq_nocase(a->host, b->host) && a->port == b->port);
}

static void
add_server(struct buf *b, const struct url *u, bool userinfo)
{
	bool six = memchr(u->host.at, ':', u->host.len) != NULL;

	buf_print(b, TEXT_FMT "://", TEXT_ARG(u->scheme));
	if (userinfo && u->userinfo.len > 0)
		buf_print(b, TEXT_FMT "@", TEXT_ARG(u->userinfo));
	buf_print(b, six ? "[" TEXT_FMT "]" : TEXT_FMT, TEXT_ARG(u->host));
	if (u->port != (text_is(u->scheme, "https") ? 443u : 80u))
		buf_print(b, ":%u", u->port);
}

/* What is still missing behind a base: people give …/v1 and …/v1/chat/completions too. */
static struct text
missing(struct text base_path, struct text path)
{
	struct text v1 = TEXT("/v1");

	if (text_ends(base_path, path))
		return (TEXT(""));
	if (text_starts(path, TEXT("/v1/")) && text_ends(base_path, v1))
		return (text_sub(path, v1.len, path.len));
	return (path);
}

static struct text
keep(struct load *l, struct buf *b)
{
	struct text t = arena_copy(l->arena, buf_as_text(b));

	b->len = 0;
	return (t);
}

/* The path before the surfaces of a server: that of its chat calls without its last two segments, else the base's own. */
static struct text
root_path(struct arena *scratch, struct text base_path, struct text path)
{
	static const struct text surface = { "/chat/completions", 17 };
	struct text rest = missing(base_path, path), whole = arena_print(scratch, TEXT_FMT TEXT_FMT, TEXT_ARG(base_path), TEXT_ARG(rest));

	while (whole.len > 0 && whole.at[whole.len - 1] == '/')
		whole.len--;
	return (text_ends(whole, surface) ? text_sub(whole, 0, whole.len - surface.len) : base_path);
}

void
url_build(struct load *l, struct deployment *d, const struct url *base, const char *path)
{
	struct buf b = { 0 };
	char *host;

	add_server(&b, base, false);
	buf_text(&b, base->path);
	d->api_base = keep(l, &b);
	add_server(&b, base, true);
	buf_text(&b, base->path);
	buf_text(&b, missing(base->path, text_of(path)));
	if (base->query.len > 0)
		buf_print(&b, "?" TEXT_FMT, TEXT_ARG(base->query));
	d->url = keep(l, &b);
	add_server(&b, base, true);
	buf_text(&b, root_path(l->scratch, base->path, text_of(path)));
	d->root = keep(l, &b);
	d->query = arena_copy(l->arena, base->query);
	buf_free(&b);
	d->port = base->port;
	d->host = TEXT("");
	if (base->literal)
		return;
	host = arena_bytes(l->arena, base->host.len + 1);
	for (size_t i = 0; i < base->host.len; i++)
		host[i] = base->host.at[i] >= 'A' && base->host.at[i] <= 'Z' ? (char)(base->host.at[i] | 0x20) : base->host.at[i];
	host[base->host.len] = '\0';
	d->host = (struct text){ host, base->host.len };
}
