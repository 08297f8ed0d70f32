/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of a process, lent to its threads. */
#include "store/store_priv.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define IDLE_US		30000000
#define AWAY_US		1000000		/* how long it is not tried again */
#define TRY_US		5000000		/* how long one that tries may take */
#define MOST		64

struct lent {
	struct store	*store;
	int64_t		 idle_since_us;		/* 0: lent */
};

struct store_pool {
	char		*url;			/* secret */
	unsigned	 most;
	struct store_permits permits;
	pthread_mutex_t	 lock;			/* of all below */
	pthread_cond_t	 returned;
	struct lent	 lent[MOST];		/* the first n */
	unsigned	 n;
	int64_t		 away_until_us;
	bool		 away;			/* opening one failed; whoever comes when the time is over tries alone */
	bool		 fit;			/* the schema was seen to be new enough */
	bool		 said;			/* that it is away, or not fit */
};

struct store_pool *
store_pool_new(struct text url, unsigned most, const struct store_permits *permits)
{
	struct store_pool *p = must_zalloc(sizeof(*p));
	pthread_condattr_t steady;

	p->url = must_alloc(url.len + 1);
	memcpy(p->url, url.at, url.len);
	p->url[url.len] = '\0';
	p->most = most < 1 ? 1 : most > MOST ? MOST : most;
	if (permits != NULL)
		p->permits = *permits;
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->returned, &steady);
	pthread_condattr_destroy(&steady);
	return (p);
}

static bool
take_permit(struct store_pool *p)
{
	return (p->permits.take == NULL || p->permits.take(p->permits.self));
}

static void
give_permit(struct store_pool *p)
{
	if (p->permits.give != NULL)
		p->permits.give(p->permits.self);
}

static bool
is_scarce(const struct store_pool *p)
{
	return (p->permits.scarce != NULL && p->permits.scarce(p->permits.self));
}

/* Takes the i-th out; the lock is held. */
static struct store *
take_out(struct store_pool *p, unsigned i)
{
	struct store *s = p->lent[i].store;

	p->lent[i] = p->lent[--p->n];
	give_permit(p);
	return (s);
}

/* Whether an errand that hangs has one; the lock is held. */
static bool
is_lent(const struct store_pool *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->lent[i].idle_since_us == 0)
			return (true);
	return (false);
}

void
store_pool_free(struct store_pool *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	if (is_lent(p)) {
		p->permits = (struct store_permits){ 0 };	/* what they are counted on goes too */
		pthread_mutex_unlock(&p->lock);
		return;
	}
	pthread_mutex_unlock(&p->lock);
	while (p->n > 0)
		store_free(take_out(p, p->n - 1));
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->returned);
	explicit_bzero(p->url, strlen(p->url));
	free(p->url);
	free(p);
}

/* One that nobody has, the one used last: the others get old and go.  The lock is held. */
static struct store *
find_idle(struct store_pool *p)
{
	struct lent *best = NULL;

	for (unsigned i = 0; i < p->n; i++)
		if (p->lent[i].idle_since_us > 0 && (best == NULL || p->lent[i].idle_since_us > best->idle_since_us))
			best = &p->lent[i];
	if (best == NULL)
		return (NULL);
	best->idle_since_us = 0;
	return (best->store);
}

/* Nobody waits for a store that is away but the one who finds out; the lock is held. */
static bool
may_try(struct store_pool *p)
{
	int64_t now_us = clock_us();

	if (!p->away)
		return (true);
	if (now_us < p->away_until_us)
		return (false);
	p->away_until_us = now_us + TRY_US;
	return (true);
}

static struct store *
make(struct store_pool *p)
{
	struct store *s;

	if (p->n >= p->most || !take_permit(p))
		return (NULL);
	s = store_new(text_of(p->url));
	p->lent[p->n++] = (struct lent){ s, 0 };
	return (s);
}

/* Permits of other processes come back without a word, so it looks again now and then. */
static bool
await(struct store_pool *p, int64_t until_us)
{
	int64_t left_us = until_us - clock_us();
	struct timespec t;

	if (left_us <= 0)
		return (false);
	if (left_us > 20000)
		left_us = 20000;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += left_us * 1000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	pthread_cond_timedwait(&p->returned, &p->lock, &t);
	return (true);
}

/* The first of a process sees to the schema: a file of our own is brought up to date, a database that others share is its operator's matter. */
static bool
is_fit(struct store *s, struct buf *why)
{
	unsigned version, to;
	enum store_end end = store_version(s, &version);

	if (end == STORE_FINE && version < store_newest && !store_is_postgres(s))
		end = store_migrate(s, &version, &to);
	else if (end == STORE_FINE && version < store_newest) {
		buf_print(why, "its schema is at version %u, and this program needs %u: run sluice db migrate", version, store_newest);
		return (false);
	}
	if (end != STORE_FINE)
		buf_print(why, "%s", store_why(s));
	return (end == STORE_FINE);
}

/* Opens it, and says once that it is away, and once that it is back. */
static bool
is_good(struct store_pool *p, struct store *s)
{
	struct buf why = { 0 };
	bool good = is_fit(s, &why), news;

	pthread_mutex_lock(&p->lock);
	news = p->said == good;
	p->said = !good;
	p->fit = good;
	if (good)
		__atomic_store_n(&p->away, false, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&p->lock);
	if (news && good)
		note(NOTE_INFO, "", "the database is back");
	else if (news)
		note(NOTE_ERROR, "", "the database is away: " TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
	buf_free(&why);
	s->away = !good;
	return (good);
}

struct store *
store_lend(struct store_pool *p, int wait_ms)
{
	bool fit;

	int64_t until_us = clock_us() + (int64_t)wait_ms * 1000;
	struct store *s = NULL;

	pthread_mutex_lock(&p->lock);
	if (may_try(p))
		do {
			s = find_idle(p);
			if (s == NULL)
				s = make(p);
		} while (s == NULL && await(p, until_us));
	fit = p->fit && !p->away;
	pthread_mutex_unlock(&p->lock);
	if (s == NULL)
		return (NULL);
	store_patience(s, 0);
	if (!fit && !is_good(p, s)) {
		store_return(p, s);
		s = NULL;
	}
	return (s);
}

/* Takes out what was not used for long, one at a time; the lock is held. */
static struct store *
find_old(struct store_pool *p, int64_t now_us)
{
	int64_t idle_us = is_scarce(p) ? -1 : IDLE_US;

	for (unsigned i = 0; i < p->n; i++)
		if (p->lent[i].idle_since_us > 0 && now_us - p->lent[i].idle_since_us > idle_us)
			return (take_out(p, i));
	return (NULL);
}

void
store_pool_tidy(struct store_pool *p)
{
	struct store *old;

	do {
		pthread_mutex_lock(&p->lock);
		old = find_old(p, clock_us());
		pthread_mutex_unlock(&p->lock);
		store_free(old);
	} while (old != NULL);
}

/* What became of it while it was lent; the lock is held. */
static void
learn(struct store_pool *p, const struct store *s, int64_t now_us)
{
	if (s->away)
		p->away_until_us = now_us + AWAY_US;
	__atomic_store_n(&p->away, s->away, __ATOMIC_RELAXED);
}

void
store_return(struct store_pool *p, struct store *s)
{
	int64_t now_us;
	bool open;

	if (s == NULL)
		return;
	store_rollback(s);
	now_us = clock_us();
	pthread_mutex_lock(&p->lock);
	learn(p, s, now_us);
	open = s->engine_self != NULL && !s->away;
	for (unsigned i = 0; i < p->n; i++)
		if (p->lent[i].store == s) {
			p->lent[i].idle_since_us = now_us;
			if (!open)
				take_out(p, i);
			break;
		}
	pthread_cond_signal(&p->returned);
	pthread_mutex_unlock(&p->lock);
	if (!open)
		store_free(s);
	store_pool_tidy(p);
}

bool
store_is_away(const struct store_pool *p)
{
	return (__atomic_load_n(&p->away, __ATOMIC_RELAXED));
}
