/* SPDX-License-Identifier: Apache-2.0 */
/* Issuers asked whose a token is. */
#include "access/userinfo.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND_US	INT64_C(1000000)
#define ASK_US		(10 * SECOND_US)
#define KNOWN_US	(5 * SECOND_US)		/* an answer, good or bad, for those who come meanwhile */
#define ANSWER_MOST	65536
#define SLOTS		256
#define AT_ONCE_MOST	32

struct asked {
	struct userinfo	*of;
	unsigned char	 digest[DIGEST_BYTES];	/* of the token */
	struct call	*call;			/* NULL: it has ended */
	struct call_plan plan;
	struct text	 headers[2];
	struct timer	 clock;
	struct jwks_wait *waiting;
	struct buf	 words, answer;		/* of the request; of the issuer */
	int		 status;
	int64_t		 ended_us;
	bool		 good, away;
};

struct userinfo {
	struct loop	*loop;
	struct upstream	*upstream;
	struct asked	*slots[SLOTS];
	unsigned	 asking;
};

/* waiting */

static void
wait_begin(struct asked *a, struct jwks_wait *w)
{
	w->next = a->waiting;
	w->link = &a->waiting;
	if (w->next != NULL)
		w->next->link = &w->next;
	a->waiting = w;
}

/* Who is told may go on to anything, asking for the same again, too. */
static void
tell_all(struct asked *a)
{
	struct jwks_wait *all = a->waiting, *w;

	a->waiting = NULL;
	if (all != NULL)
		all->link = &all;
	while ((w = all) != NULL) {
		jwks_forget(w);
		w->ready(w);
	}
}

/* asking */

static void
over(struct asked *a, bool good, const char *why)
{
	a->call = NULL;
	a->of->asking--;
	timer_stop(a->of->loop, &a->clock);
	a->ended_us = loop_now_us(a->of->loop);
	a->good = good;
	a->away = why != NULL;
	buf_free(&a->words);
	if (why != NULL)
		note(NOTE_WARN, "", "userinfo does not answer: %s", why);
	tell_all(a);
}

static void
head_came(void *self, const struct call_head *head)
{
	((struct asked *)self)->status = head->status;
}

static void
body_came(void *self, const char *bytes, size_t n)
{
	struct asked *a = self;

	if (a->answer.len + n <= ANSWER_MOST + 1)
		buf_add(&a->answer, bytes, n);
}

static void
call_ended(void *self, enum call_end end, const char *why)
{
	struct asked *a = self;
	enum json_type type = JSON_NONE;
	struct json_fault fault;
	bool object = a->answer.len <= ANSWER_MOST && json_scan(buf_as_text(&a->answer), &type, NULL, 0, &(size_t){ 0 }, &fault) && type == JSON_OBJECT;

	if (end != CALL_DONE || a->status >= 500)
		over(a, false, end != CALL_DONE ? why : "it failed");
	else
		over(a, a->status == 200 && object, NULL);
}

static void
clock_due(struct timer *t)
{
	struct asked *a = (struct asked *)((char *)t - offsetof(struct asked, clock));

	call_cancel(a->call);
	over(a, false, "it did not answer in time");
}

static void
ask(struct asked *a, const struct jwks_source *s, struct text token)
{
	size_t header = sizeof("Authorization: Bearer ") - 1 + token.len;
	const char *at;

	a->words.len = a->answer.len = 0;
	buf_lit(&a->words, "Authorization: Bearer ");
	buf_text(&a->words, token);
	buf_text(&a->words, s->url);
	buf_text(&a->words, s->host);
	buf_text(&a->words, s->proxy);
	at = a->words.at;
	a->headers[0] = TEXT("Accept: application/json");
	a->headers[1] = (struct text){ at, header };
	a->plan = (struct call_plan){ .url = { at + header, s->url.len }, .host = { at + header + s->url.len, s->host.len }, .port = s->port,
		.proxy = { at + header + s->url.len + s->host.len, s->proxy.len }, .method = TEXT("GET"), .headers = a->headers, .n_headers = 2, .body = TEXT(""),
		.verify = s->verify, .total_ms = ASK_US / 1000 };
	a->status = 0;
	a->clock.due = clock_due;
	a->of->asking++;
	timer_set(a->of->loop, &a->clock, loop_now_us(a->of->loop) + ASK_US);
	a->call = upstream_call(a->of->upstream, &a->plan, &(struct call_hearer){ head_came, body_came, call_ended, a });
}

static void
asked_free(struct asked *a)
{
	timer_stop(a->of->loop, &a->clock);
	buf_free(&a->words);
	buf_free(&a->answer);
	free(a);
}

/* The slot of a token: its own, or free for it; NULL: another one's is being asked for there. */
static struct asked *
slot_for(struct userinfo *u, const unsigned char digest[DIGEST_BYTES])
{
	struct asked **slot = &u->slots[digest[0] % SLOTS], *a = *slot;

	if (a != NULL && memcmp(a->digest, digest, DIGEST_BYTES) == 0)
		return (a);
	if (a != NULL && a->call != NULL)
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
	if (w->link != NULL)
		return (JWKS_WAIT);
	if (!is_bearer(token))
		return (JWKS_BAD);
	sha256(digest, token);
	if ((a = slot_for(u, digest)) == NULL)
		return (JWKS_AWAY);
	if (a->call == NULL && (a->ended_us == 0 || loop_now_us(u->loop) > a->ended_us + KNOWN_US)) {
		if (u->asking >= AT_ONCE_MOST)
			return (JWKS_AWAY);
		ask(a, &rules->userinfo, token);
	}
	if (a->call != NULL) {
		wait_begin(a, w);
		return (JWKS_WAIT);
	}
	if (a->good)
		*claims = arena_copy(arena, buf_as_text(&a->answer));
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
	for (size_t i = 0; u != NULL && i < SLOTS; i++) {
		if (u->slots[i] != NULL && u->slots[i]->call != NULL)
			call_cancel(u->slots[i]->call);
		if (u->slots[i] != NULL)
			asked_free(u->slots[i]);
	}
	free(u);
}
