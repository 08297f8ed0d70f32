/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens: one fetch for all who wait, kept and renewed. */
#include "upstream/token.h"

#include "base/clock.h"
#include "base/log.h"
#include "upstream/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND_US	INT64_C(1000000)
#define FETCH_US	(10 * SECOND_US)	/* all of it: file, name, connection, answer */
#define LIFE_UNSAID_S	300			/* expires_in is only recommended (RFC 6749 4.2.2) */
#define LIFE_MOST_S	(30 * 86400)
#define BACK_OFF_MOST_S	60
#define DISTRUST_US	(60 * SECOND_US)
#define ANSWER_MOST	65536
#define TOKEN_MOST	16384
#define ASSERTION_MOST	65536
#define ENTRIES_MOST	256

/* What is known of a credential. */
struct entry {
	struct tokens	*of;
	struct entry	*next;
	char		 id[65];
	struct buf	 token;			/* empty: there is none */
	int64_t		 renew_us, end_us;	/* of the token */
	int64_t		 retry_us;		/* no fetch before */
	int64_t		 dropped_us;		/* when one was refused last; 0: never */
	int64_t		 asked_us;
	unsigned	 failures;		/* in a row */
	char		 why[160];
	struct waiter	*waiting;
	struct renewal	*renewal;		/* NULL: none is under way */
};

struct tokens {
	struct loop	*loop;
	struct upstream	*upstream;
	struct lane	*disk;
	struct entry	*entries;
	unsigned	 n;
};

/* A file of an assertion, read beside the loop. */
struct reading {
	struct errand	 errand;
	struct renewal	*renewal;		/* NULL: given up */
	struct buf	 bytes;
	const char	*why;
	char		 path[];
};

/* A request to a token's endpoint, with copies of all it needs: the configuration may be gone before it ends. */
struct renewal {
	struct arena	*arena;
	struct entry	*entry;
	struct text	 name;
	struct call_plan plan;
	struct text	 headers[3];
	struct reading	*reading;
	int64_t		 until_us;		/* of all of it */
	struct timer	 clock;			/* of the file; the fetch has its own */
	struct fetch	*fetch;
};

/* fetching: the end */

static void
renewal_free(struct renewal *f)
{
	timer_stop(f->entry->of->loop, &f->clock);
	fetch_cancel(f->fetch);
	if (f->reading != NULL)
		f->reading->renewal = NULL;
	f->entry->renewal = NULL;
	arena_free(f->arena);			/* the renewal, too */
}

static void
renewal_failed(struct renewal *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
renewal_failed(struct renewal *f, const char *fmt, ...)
{
	struct entry *e = f->entry;
	int64_t pause_s = e->failures < 6 ? 1 << e->failures : BACK_OFF_MOST_S;
	va_list args;

	va_start(args, fmt);
	vsnprintf(e->why, sizeof(e->why), fmt, args);
	va_end(args);
	note(NOTE_WARN, "", "no token for " TEXT_FMT ": %s", TEXT_ARG(f->name), e->why);
	e->failures++;
	e->retry_us = loop_now_us(e->of->loop) + pause_s * SECOND_US;
	renewal_free(f);
	waiters_tell(&e->waiting);
}

/* fetching: the answer */

static struct text
string_in(struct arena *arena, const struct json *o, const char *name)
{
	return (json_unescape(arena, json_quoted(json_get(o, name))));
}

/* Numbers of the machine's own endpoint are strings. */
static bool
number_in(struct arena *arena, const struct json *o, const char *name, int64_t *n)
{
	const struct json *v = json_get(o, name);

	return (json_is(v, JSON_STRING) ? text_to_i64(string_in(arena, o, name), n) : json_is(v, JSON_NUMBER) && json_to_i64(v->raw, n));
}

static int64_t
life_s(struct arena *arena, const struct json *o)
{
	int64_t n;

	if (number_in(arena, o, "expires_in", &n))
		return (n < LIFE_MOST_S ? n : LIFE_MOST_S);
	if (!number_in(arena, o, "expires_on", &n))
		return (LIFE_UNSAID_S);
	if (n > INT64_MAX / 1000)
		return (LIFE_MOST_S);
	n -= clock_wall_ms() / 1000;
	return (n < LIFE_MOST_S ? n : LIFE_MOST_S);
}

/* RFC 6750 2.1, so that no token makes a header of its own. */
static bool
is_token(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] <= ' ' || t.at[i] >= 0x7f)
			return (false);
	return (t.len > 0 && t.len <= TOKEN_MOST);
}

/* The endpoint's word for what is wrong, if it is one: "invalid_client". */
static struct text
word_of(struct arena *arena, const struct json *o)
{
	struct text t = string_in(arena, o, "error");

	for (size_t i = 0; i < t.len; i++)
		if (!((t.at[i] >= 'a' && t.at[i] <= 'z') || t.at[i] == '_'))
			return (TEXT(""));
	return (t.len <= 64 ? t : TEXT(""));
}

/* Entra's number for it, which administrators look up: "AADSTS7000215: Invalid client secret …".  The rest of the sentence is not repeated. */
static struct text
number_of(struct arena *arena, const struct json *o)
{
	struct text t = string_in(arena, o, "error_description"), begins = TEXT("AADSTS");
	size_t n = begins.len;

	if (!text_starts(t, begins))
		return (TEXT(""));
	while (n < t.len && n < 20 && t.at[n] >= '0' && t.at[n] <= '9')
		n++;
	return (text_sub(t, 0, n));
}

static void
keep_token(struct renewal *f, struct text token, int64_t life)
{
	struct entry *e = f->entry;
	int64_t now = loop_now_us(e->of->loop), early_us = life < 300 ? life * SECOND_US / 10 : 30 * SECOND_US;

	buf_free(&e->token);
	buf_text(&e->token, token);
	e->end_us = now + life * SECOND_US - early_us;
	e->renew_us = now + life * SECOND_US * 4 / 5;
	e->failures = 0;
	e->retry_us = 0;
	renewal_free(f);
	waiters_tell(&e->waiting);
}

static void
read_answer(struct renewal *f, int status, struct text body)
{
	struct json_fault fault;
	const struct json *o = json_parse(f->arena, body, &fault);
	struct text token = string_in(f->arena, o, "access_token"), word = word_of(f->arena, o);
	struct text number = number_of(f->arena, o);
	int64_t life = life_s(f->arena, o);

	if (status != 200)
		renewal_failed(f, "the token endpoint answered %d%s" TEXT_FMT "%s" TEXT_FMT, status, word.len > 0 ? " " : "", TEXT_ARG(word),
		    number.len > 0 ? " " : "", TEXT_ARG(number));
	else if (!is_token(token))
		renewal_failed(f, "the token endpoint answered without a usable access_token");
	else if (life <= 0)
		renewal_failed(f, "the token endpoint gave a token that has expired");
	else
		keep_token(f, token, life);
}

static void
answered(void *self, const struct fetched *got)
{
	struct renewal *f = self;

	f->fetch = NULL;
	if (got->end == CALL_DONE && !got->too_long) {
		read_answer(f, got->status, got->body);
		return;
	}
	note(NOTE_WARN, "", "token endpoint of " TEXT_FMT ": %s", TEXT_ARG(f->name), got->why);
	renewal_failed(f, "the token endpoint %s", got->end == CALL_DONE ? "sent more than a token" : got->end == CALL_BROKEN ? "broke off its answer" :
	    got->end >= CALL_TIMEOUT_CONNECT && got->end <= CALL_TIMEOUT_TOTAL ? "did not answer in time" : "could not be reached");
}

static void
clock_due(struct timer *t)
{
	renewal_failed((struct renewal *)((char *)t - offsetof(struct renewal, clock)), "the file of its assertion could not be read in time");
}

/* fetching: the request */

static void
call_endpoint(struct renewal *f)
{
	int64_t left_ms = (f->until_us - loop_now_us(f->entry->of->loop)) / 1000;

	timer_stop(f->entry->of->loop, &f->clock);
	f->plan.total_ms = left_ms > 1 ? left_ms : 1;
	f->fetch = fetch_begin(f->entry->of->loop, f->entry->of->upstream, &f->plan, ANSWER_MOST, answered, f);
}

static void
reading_work(struct errand *e)
{
	struct reading *r = (struct reading *)e;

	file_slurp(&r->bytes, r->path, ASSERTION_MOST, &r->why);
}

static void
reading_free(struct errand *e)
{
	struct reading *r = (struct reading *)e;

	buf_free(&r->bytes);
	free(r);
}

static void
reading_done(struct errand *e)
{
	struct reading *r = (struct reading *)e;
	struct renewal *f = r->renewal;
	struct text assertion = text_trim(buf_as_text(&r->bytes));

	if (f == NULL) {
		reading_free(e);
		return;
	}
	f->reading = NULL;
	if (r->why != NULL) {
		note(NOTE_WARN, "", "%s: %s", r->path, r->why);
		renewal_failed(f, "the file of its assertion could not be read");
	} else if (assertion.len == 0)
		renewal_failed(f, "the file of its assertion is empty");
	else {
		f->plan.body = arena_print(f->arena, TEXT_FMT TEXT_FMT, TEXT_ARG(f->plan.body), TEXT_ARG(arena_percent_encode(f->arena, assertion)));
		call_endpoint(f);
	}
	reading_free(e);
}

/* False: there is no room for it now. */
static bool
read_assertion(struct renewal *f, struct text path)
{
	struct reading *r = must_zalloc(sizeof(*r) + path.len + 1);

	memcpy(r->path, path.at, path.len);
	r->errand.work = reading_work;
	r->errand.done = reading_done;
	r->errand.drop = reading_free;
	r->renewal = f;
	if (!lane_send(f->entry->of->disk, &r->errand)) {
		reading_free(&r->errand);
		return (false);
	}
	f->reading = r;
	return (true);
}

static void
set_plan(struct renewal *f, const struct credential *c, bool verify)
{
	struct call_plan *p = &f->plan;

	*p = (struct call_plan){ .url = arena_copy(f->arena, c->url), .host = arena_copy(f->arena, c->host), .port = c->port,
		.proxy = arena_copy(f->arena, c->proxy), .headers = f->headers, .body = arena_copy(f->arena, c->form), .verify = verify };
	if (c->header.len > 0)
		f->headers[p->n_headers++] = arena_copy(f->arena, c->header);
	if (c->form.len > 0)
		f->headers[p->n_headers++] = TEXT("Content-Type: application/x-www-form-urlencoded");
	else
		p->method = TEXT("GET");
	f->headers[p->n_headers++] = TEXT("Accept: application/json");
}

static void
renewal_begin(struct entry *e, const struct credential *c, bool verify)
{
	struct arena *arena = arena_new();
	struct renewal *f = e->renewal = arena_new_of(arena, struct renewal);

	f->arena = arena;
	f->entry = e;
	f->name = arena_copy(arena, c->name);
	f->until_us = loop_now_us(e->of->loop) + FETCH_US;
	f->clock.due = clock_due;
	timer_set(e->of->loop, &f->clock, f->until_us);
	set_plan(f, c, verify);
	if (c->assertion_file.len == 0)
		call_endpoint(f);
	else if (!read_assertion(f, c->assertion_file))
		renewal_failed(f, "the gateway is too busy to read the file of its assertion");
}

/* the table */

static void
entry_free(struct entry *e)
{
	if (e->renewal != NULL)
		renewal_free(e->renewal);
	while (e->waiting != NULL)
		waiter_end(e->waiting);
	buf_free(&e->token);
	free(e);
}

/* Makes room: who was not asked for longest goes, if nothing hangs on it. */
static void
forget_oldest(struct tokens *t)
{
	struct entry **oldest = NULL, *e;

	for (struct entry **at = &t->entries; *at != NULL; at = &(*at)->next)
		if ((*at)->renewal == NULL && (oldest == NULL || (*at)->asked_us < (*oldest)->asked_us))
			oldest = at;
	if (oldest == NULL)
		return;
	e = *oldest;
	*oldest = e->next;
	entry_free(e);
	t->n--;
}

static struct entry *
find(struct tokens *t, const struct credential *c)
{
	struct entry *e = t->entries;

	while (e != NULL && !text_is(c->id, e->id))
		e = e->next;
	return (e);
}

static struct entry *
find_or_make(struct tokens *t, const struct credential *c)
{
	struct entry *e = find(t, c);

	if (e != NULL)
		return (e);
	if (t->n >= ENTRIES_MOST)
		forget_oldest(t);
	e = must_zalloc(sizeof(*e));
	e->of = t;
	snprintf(e->id, sizeof(e->id), TEXT_FMT, TEXT_ARG(c->id));
	e->next = t->entries;
	t->entries = e;
	t->n++;
	return (e);
}

struct tokens *
tokens_new(struct loop *loop, struct upstream *upstream, struct lane *disk)
{
	struct tokens *t = must_zalloc(sizeof(*t));

	t->loop = loop;
	t->upstream = upstream;
	t->disk = disk;
	return (t);
}

void
tokens_free(struct tokens *t)
{
	struct entry *e;

	while ((e = t->entries) != NULL) {
		t->entries = e->next;
		entry_free(e);
	}
	free(t);
}

enum token_state
token_get(struct text *word, struct tokens *t, const struct credential *c, bool verify, struct waiter *w)
{
	struct entry *e = find_or_make(t, c);
	int64_t now = e->asked_us = loop_now_us(t->loop);

	if (now >= e->end_us)
		e->token.len = 0;
	if (e->renewal == NULL && now >= e->retry_us && (e->token.len == 0 || now >= e->renew_us))
		renewal_begin(e, c, verify);
	*word = buf_as_text(&e->token);
	if (e->token.len > 0)
		return (TOKEN_HERE);
	*word = text_of(e->why);
	if (e->renewal == NULL)
		return (TOKEN_FAILED);
	waiter_begin(w, &e->waiting);
	return (TOKEN_WAIT);
}

bool
token_refused(struct tokens *t, const struct credential *c, struct text token)
{
	struct entry *e = find(t, c);
	int64_t now = loop_now_us(t->loop);

	if (e == NULL || !text_eq_secret(buf_as_text(&e->token), token))
		return (e == NULL || e->token.len > 0 || e->renewal != NULL);	/* somebody else was told so before, and there is another now or soon */
	if (e->dropped_us != 0 && now < e->dropped_us + DISTRUST_US)
		return (false);
	e->dropped_us = now;
	e->token.len = 0;
	return (true);
}
