/* SPDX-License-Identifier: Apache-2.0 */
/* Issuers asked whose a token is. */
#include "access/userinfo.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "upstream/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND_US	INT64_C(1000000)
#define ASK_MS		10000
#define KNOWN_US	(5 * SECOND_US)		/* an answer, good or bad, for those who come meanwhile */
#define ANSWER_MOST	65536
#define SLOTS		256
#define AT_ONCE_MOST	32

struct asked {
	struct userinfo	*of;
	unsigned char	 digest[DIGEST_BYTES];	/* of the token */
	struct fetch	*fetch;			/* NULL: it has ended */
	struct waiter	*waiting;
	struct buf	 claims;		/* of one that is good */
	int64_t		 ended_us;		/* 0: never */
	bool		 introspects, good, away;
};

struct userinfo {
	struct loop	*loop;
	struct upstream	*upstream;
	struct asked	*slots[SLOTS];
	unsigned	 asking;
};

/* asking */

static bool
is_object(struct text answer)
{
	enum json_type type = JSON_NONE;
	struct json_fault fault;

	return (json_scan(answer, &type, NULL, 0, &(size_t){ 0 }, &fault) && type == JSON_OBJECT);
}

/* An introspection tells of tokens that are good no more, too: it always says which they are (RFC 7662 2.2). */
static bool
is_active(const struct asked *a, struct text answer)
{
	struct json_item active;

	return (json_find(answer, "active", &active) ? text_is(active.raw, "true") : !a->introspects);
}

static void
answered(void *self, const struct fetched *got)
{
	struct asked *a = self;
	const char *why = got->why != NULL ? got->why : got->status >= 500 ? "it failed" : NULL;

	a->fetch = NULL;
	a->of->asking--;
	a->ended_us = loop_now_us(a->of->loop);
	a->away = why != NULL && !got->too_long;
	a->good = why == NULL && got->status == 200 && is_object(got->body) && is_active(a, got->body);
	if (a->good)
		buf_text(&a->claims, got->body);
	if (a->away)
		note(NOTE_WARN, "", "userinfo does not answer: %s", why);
	waiters_tell(&a->waiting);
}

/* token=…, of a form: what is no letter and no digit is coded. */
static void
put_form(struct buf *b, struct text token)
{
	buf_lit(b, "token=");
	for (size_t i = 0; i < token.len; i++) {
		char c = token.at[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_')
			buf_byte(b, c);
		else
			buf_print(b, "%%%02X", (unsigned char)c);
	}
}

/* RFC 7662: by who we are; else by the token itself. */
static void
ask(struct asked *a, const struct jwks_source *s, struct text introspect, struct text token)
{
	struct text headers[] = { TEXT("Accept: application/json"), { NULL, 0 }, TEXT("Content-Type: application/x-www-form-urlencoded") };
	struct call_plan plan = { .url = s->url, .host = s->host, .port = s->port, .proxy = s->proxy, .method = TEXT("GET"), .headers = headers,
		.n_headers = 2, .body = TEXT(""), .verify = s->verify, .total_ms = ASK_MS };
	struct buf said = { 0 };

	a->introspects = introspect.len > 0;
	if (a->introspects) {
		put_form(&said, token);
		headers[1] = introspect;
		plan.n_headers = nitems(headers);
		plan.method = TEXT("POST");
		plan.body = buf_as_text(&said);
	} else {
		buf_lit(&said, "Authorization: Bearer ");
		buf_text(&said, token);
		headers[1] = buf_as_text(&said);
	}
	a->claims.len = 0;
	a->of->asking++;
	a->fetch = fetch_begin(a->of->loop, a->of->upstream, &plan, ANSWER_MOST, answered, a);
	buf_free(&said);
}

static void
asked_free(struct asked *a)
{
	fetch_cancel(a->fetch);
	buf_free(&a->claims);
	free(a);
}

/* The slot of a token: its own, or free for it; NULL: another one's is being asked for there. */
static struct asked *
slot_for(struct userinfo *u, const unsigned char digest[DIGEST_BYTES])
{
	struct asked **slot = &u->slots[digest[0] % SLOTS], *a = *slot;

	if (a != NULL && memcmp(a->digest, digest, DIGEST_BYTES) == 0)
		return (a);
	if (a != NULL && a->fetch != NULL)
		return (NULL);
	if (a != NULL)
		asked_free(a);
	a = *slot = must_zalloc(sizeof(*a));
	a->of = u;
	memcpy(a->digest, digest, DIGEST_BYTES);
	return (a);
}

/* RFC 6750 2.1: what else could not be sent, or would be a header of its own. */
static bool
is_bearer(struct text token)
{
	for (size_t i = 0; i < token.len; i++)
		if (token.at[i] <= ' ' || token.at[i] >= 0x7f)
			return (false);
	return (token.len >= 8 && token.len <= JWT_MOST);
}

enum jwks_end
userinfo_check(struct text *claims, const char **why, struct userinfo *u, struct arena *arena, const struct jwt_rules *rules, struct text token,
    struct jwks_wait *w)
{
	unsigned char digest[DIGEST_BYTES];
	struct asked *a;

	*why = "is not known to its issuer";
	if (w->on.link != NULL)
		return (JWKS_WAIT);
	if (!is_bearer(token))
		return (JWKS_BAD);
	sha256(digest, token);
	if ((a = slot_for(u, digest)) == NULL)
		return (JWKS_AWAY);
	if (a->fetch == NULL && (a->ended_us == 0 || loop_now_us(u->loop) > a->ended_us + KNOWN_US)) {
		if (u->asking >= AT_ONCE_MOST)
			return (JWKS_AWAY);
		ask(a, &rules->userinfo, rules->introspect, token);
	}
	if (a->fetch != NULL) {
		waiter_begin(&w->on, &a->waiting);
		return (JWKS_WAIT);
	}
	if (a->good)
		*claims = arena_copy(arena, buf_as_text(&a->claims));
	return (a->good ? JWKS_GOOD : a->away ? JWKS_AWAY : JWKS_BAD);
}

struct userinfo *
userinfo_new(struct loop *loop, struct upstream *upstream)
{
	struct userinfo *u = must_zalloc(sizeof(*u));

	u->loop = loop;
	u->upstream = upstream;
	return (u);
}

void
userinfo_free(struct userinfo *u)
{
	for (size_t i = 0; u != NULL && i < SLOTS; i++)
		if (u->slots[i] != NULL)
			asked_free(u->slots[i]);
	free(u);
}
