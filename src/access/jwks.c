/* SPDX-License-Identifier: Apache-2.0 */
/* Issuers' keys: fetched, kept, fetched anew. */
#include "access/jwks.h"

#include "base/digest.h"
#include "base/log.h"
#include "upstream/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND_US	INT64_C(1000000)
#define FETCH_MS	10000
#define AGAIN_US	(10 * SECOND_US)	/* after a fetch, whatever came of it */
#define STALE_US	(3600 * SECOND_US)
#define ANSWER_MOST	262144
#define VERIFIED	1024
#define VERIFIED_S	300
#define CLAIMS_MOST	4096			/* of a token that is remembered */

struct issuer {
	struct jwks	*of;
	struct issuer	*next;
	struct jwk_set	*keys;			/* NULL: none came yet */
	int64_t		 tried_us, came_us;	/* 0: never */
	struct fetch	*fetch;			/* NULL: none is under way */
	size_t		 url_len;
	char		 url[];
};

struct verified {				/* a token */
	unsigned char	 digest[DIGEST_BYTES];
	int64_t		 until_s;		/* 0: none */
	unsigned	 keys;			/* the generation that verified it */
	bool		 settled;
	struct buf	 claims;
};

struct jwks {
	struct loop	*loop;
	struct upstream	*upstream;
	struct issuer	*issuers;
	struct waiter	*waiting;
	unsigned	 generation;		/* of all keys */
	struct verified	 verified[VERIFIED];
};

/* fetching */

static bool
is_fetching(const struct jwks *j)
{
	for (const struct issuer *i = j->issuers; i != NULL; i = i->next)
		if (i->fetch != NULL)
			return (true);
	return (false);
}

static void
answered(void *self, const struct fetched *got)
{
	struct issuer *i = self;
	struct jwks *j = i->of;
	struct jwk_set *keys = got->why == NULL && got->status == 200 ? jwk_set_read(got->body) : NULL;

	i->fetch = NULL;
	if (keys != NULL) {
		jwk_set_free(i->keys);
		i->keys = keys;
		i->came_us = loop_now_us(j->loop);
		j->generation++;
	} else
		note(NOTE_WARN, "", "no keys from %.*s: %s", (int)i->url_len, i->url, got->why != NULL ? got->why :
		    got->status != 200 ? "it did not answer 200" : "its answer is no key set");
	if (!is_fetching(j))
		waiters_tell(&j->waiting);
}

static void
fetch(struct issuer *i, const struct jwks_source *s)
{
	static const struct text headers[] = { TEXT("Accept: application/json") };
	const struct call_plan plan = { .url = s->url, .host = s->host, .port = s->port, .proxy = s->proxy, .method = TEXT("GET"), .headers = headers,
		.n_headers = nitems(headers), .body = TEXT(""), .verify = s->verify, .total_ms = FETCH_MS };
	struct jwks *j = i->of;
	int64_t now = loop_now_us(j->loop);

	if (i->fetch != NULL || (i->tried_us > 0 && now < i->tried_us + AGAIN_US))
		return;
	i->tried_us = now;
	i->fetch = fetch_begin(j->loop, j->upstream, &plan, ANSWER_MOST, answered, i);
}

/* issuers */

static struct issuer *
issuer_of(struct jwks *j, const struct jwks_source *s)
{
	struct issuer *i = j->issuers;

	while (i != NULL && !text_eq((struct text){ i->url, i->url_len }, s->url))
		i = i->next;
	if (i != NULL)
		return (i);
	i = must_zalloc(sizeof(*i) + s->url.len);
	i->of = j;
	i->url_len = s->url.len;
	memcpy(i->url, s->url.at, s->url.len);
	i->next = j->issuers;
	j->issuers = i;
	return (i);
}

static bool
counts(const struct issuer *i, int64_t now, int64_t ttl_ms)
{
	return (i->keys != NULL && now < i->came_us + ttl_ms * 1000 + STALE_US);
}

/* verified tokens */

static struct verified *
slot_of(struct jwks *j, const unsigned char digest[DIGEST_BYTES])
{
	return (&j->verified[(digest[0] | digest[1] << 8) % VERIFIED]);
}

static bool
remembered(struct text *claims, struct jwks *j, struct arena *arena, const unsigned char digest[DIGEST_BYTES], int64_t now_s)
{
	const struct verified *v = slot_of(j, digest);

	if (v->until_s <= now_s || v->keys != j->generation || memcmp(v->digest, digest, DIGEST_BYTES) != 0)
		return (false);
	*claims = arena_copy(arena, buf_as_text(&v->claims));
	return (true);
}

static void
remember(struct jwks *j, const unsigned char digest[DIGEST_BYTES], struct text claims, int64_t until_s)
{
	struct verified *v = slot_of(j, digest);

	if (claims.len > CLAIMS_MOST)
		return;
	memcpy(v->digest, digest, DIGEST_BYTES);
	v->until_s = until_s;
	v->keys = j->generation;
	v->settled = false;
	v->claims.len = 0;
	buf_text(&v->claims, claims);
}

static struct verified *
verified_of(struct jwks *j, struct text token)
{
	unsigned char digest[DIGEST_BYTES];
	struct verified *v;

	sha256(digest, token);
	v = slot_of(j, digest);
	return (memcmp(v->digest, digest, DIGEST_BYTES) == 0 ? v : NULL);
}

bool
jwks_recall(struct text *claims, struct jwks *j, struct arena *arena, struct text token, int64_t now_s)
{
	unsigned char digest[DIGEST_BYTES];

	sha256(digest, token);
	return (remembered(claims, j, arena, digest, now_s));
}

void
jwks_remember(struct jwks *j, struct text token, struct text claims, int64_t until_s)
{
	unsigned char digest[DIGEST_BYTES];

	sha256(digest, token);
	remember(j, digest, claims, until_s);
}

bool
jwks_is_settled(struct jwks *j, struct text token)
{
	const struct verified *v = verified_of(j, token);

	return (v != NULL && v->settled);
}

void
jwks_settle(struct jwks *j, struct text token)
{
	struct verified *v = verified_of(j, token);

	if (v != NULL)
		v->settled = true;
}

/* checking */

struct checking {
	struct jwks	*j;
	const struct jwt_rules *rules;
	struct jwt	 token;
	bool		 some, named, good;	/* there are keys; there is that key; it signed the token */
};

static void
look_at_keys(struct checking *c)
{
	int64_t now = loop_now_us(c->j->loop);

	for (size_t i = 0; i < c->rules->n_sources; i++) {
		struct issuer *issuer = issuer_of(c->j, &c->rules->sources[i]);

		if (!counts(issuer, now, c->rules->ttl_ms))
			continue;
		c->some = true;
		c->named = c->named || jwk_set_has(issuer->keys, c->token.kid);
		c->good = c->good || jwt_verify(&c->token, issuer->keys);
	}
}

/* Those that lack, or are old; all of them for a key that nobody has. */
static void
fetch_what_lacks(struct checking *c)
{
	int64_t now = loop_now_us(c->j->loop);

	for (size_t i = 0; i < c->rules->n_sources; i++) {
		struct issuer *issuer = issuer_of(c->j, &c->rules->sources[i]);

		if (!c->named || issuer->keys == NULL || now >= issuer->came_us + c->rules->ttl_ms * 1000)
			fetch(issuer, &c->rules->sources[i]);
	}
}

static enum jwks_end
judge(struct text *claims, const char **why, struct checking *c, struct arena *arena, const unsigned char digest[DIGEST_BYTES], int64_t now_s)
{
	struct json_fault fault;
	const struct json *o = json_parse(arena, c->token.claims, &fault);
	int64_t until;

	if (!c->good) {
		*why = "is not signed by a key of an issuer that is trusted here";
		return (c->some ? JWKS_BAD : JWKS_AWAY);
	}
	*why = jwt_fault(o, &(struct jwt_wanted){ c->rules->audience, c->rules->issuer, now_s });
	if (*why != NULL)
		return (JWKS_BAD);
	*claims = c->token.claims;
	until = jwt_expires_s(o);
	remember(c->j, digest, *claims, until < now_s + VERIFIED_S ? until : now_s + VERIFIED_S);
	return (JWKS_GOOD);
}

enum jwks_end
jwks_check(struct text *claims, const char **why, struct jwks *j, struct arena *arena, const struct jwt_rules *rules, struct text token, int64_t now_s,
    struct jwks_wait *w)
{
	struct checking c = { .j = j, .rules = rules };
	unsigned char digest[DIGEST_BYTES];

	sha256(digest, token);
	if (remembered(claims, j, arena, digest, now_s))
		return (JWKS_GOOD);
	if (w->on.link != NULL)			/* asked again for another reason, e.g. because the body has come */
		return (JWKS_WAIT);
	if (!jwt_read(&c.token, arena, token)) {
		*why = "is malformed";
		return (JWKS_BAD);
	}
	look_at_keys(&c);
	fetch_what_lacks(&c);
	if (!c.good && !c.named && !w->waited && is_fetching(j)) {
		w->waited = true;
		waiter_begin(&w->on, &j->waiting);
		return (JWKS_WAIT);
	}
	return (judge(claims, why, &c, arena, digest, now_s));
}

struct jwks *
jwks_new(struct loop *loop, struct upstream *upstream)
{
	struct jwks *j = must_zalloc(sizeof(*j));

	j->loop = loop;
	j->upstream = upstream;
	return (j);
}

void
jwks_free(struct jwks *j)
{
	struct issuer *i;

	if (j == NULL)
		return;
	while ((i = j->issuers) != NULL) {
		j->issuers = i->next;
		fetch_cancel(i->fetch);
		jwk_set_free(i->keys);
		free(i);
	}
	for (size_t k = 0; k < VERIFIED; k++)
		buf_free(&j->verified[k].claims);
	free(j);
}
