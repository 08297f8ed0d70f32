/* SPDX-License-Identifier: Apache-2.0 */
/* Shared counters: add, incr and decr of memcached's text protocol; records: gets and cas. */
#include "store/counters.h"

#include "config/config.h"
#include "store/libmemcached.h"

#include <stdio.h>
#include <stdlib.h>

struct counters {
	struct server {
		char	 host[256];
		unsigned port;		/* 0: a socket's path */
	}		*servers;
	size_t		 n;
	unsigned	 answer_ms;
	memcached_st	*memcached;	/* NULL: not connected, or after a failure */
};

/* asking */

struct counters *
counters_new(const struct text *servers, size_t n, unsigned answer_ms)
{
	struct counters *c = must_zalloc(sizeof(*c));

	c->answer_ms = answer_ms > 0 ? answer_ms : 1;
	c->servers = must_zalloc(n * sizeof(*c->servers));
	for (size_t i = 0; i < n; i++)
		if (memcached_server(servers[i], c->servers[c->n].host, &c->servers[c->n].port))
			c->n++;
	return (c);
}

static void
disconnect(struct counters *c)
{
	if (c->memcached != NULL)
		libmemcached.free(c->memcached);
	c->memcached = NULL;
}

void
counters_free(struct counters *c)
{
	if (c == NULL)
		return;
	disconnect(c);
	free(c->servers);
	free(c);
}

static bool
connected(struct counters *c)
{
	const struct {
		memcached_behavior_t	 behavior;
		uint64_t		 value;
	} settings[] = {
		{ MEMCACHED_BEHAVIOR_NO_BLOCK, 1 }, { MEMCACHED_BEHAVIOR_TCP_NODELAY, 1 }, { MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, c->answer_ms },
		{ MEMCACHED_BEHAVIOR_POLL_TIMEOUT, c->answer_ms }, { MEMCACHED_BEHAVIOR_SND_TIMEOUT, (uint64_t)c->answer_ms * 1000 },
		{ MEMCACHED_BEHAVIOR_RCV_TIMEOUT, (uint64_t)c->answer_ms * 1000 }, { MEMCACHED_BEHAVIOR_DISTRIBUTION, MEMCACHED_DISTRIBUTION_CONSISTENT },
		{ MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1 },
	};

	if (c->memcached != NULL)
		return (true);
	if (!libmemcached_load() || (c->memcached = libmemcached.create(NULL)) == NULL)
		return (false);
	for (unsigned i = 0; i < nitems(settings); i++)
		libmemcached.behavior_set(c->memcached, settings[i].behavior, settings[i].value);
	for (size_t i = 0; i < c->n; i++)
		if (c->servers[i].port == 0)
			libmemcached.server_add_unix_socket(c->memcached, c->servers[i].host);
		else
			libmemcached.server_add(c->memcached, c->servers[i].host, (in_port_t)c->servers[i].port);
	return (true);
}

/* After a time-out an answer may still come: the connection is of no use any more. */
static bool
failed(struct counters *c)
{
	disconnect(c);
	return (false);
}

/* *to: what the counter is now.  A counter that is not there begins with what this host had, and what it takes now. */
static bool
raise_counter(struct counters *c, const struct take *t, uint64_t by, uint64_t *to)
{
	for (unsigned tries = 0; tries < 3; tries++) {
		memcached_return_t rc = libmemcached.increment(c->memcached, t->key.at, t->key.len, (uint32_t)by, to);
		char first[24];
		int n;

		if (rc == MEMCACHED_SUCCESS)
			return (true);
		if (rc != MEMCACHED_NOTFOUND)
			return (failed(c));
		n = snprintf(first, sizeof(first), "%llu", (unsigned long long)((uint64_t)t->had + by));
		rc = libmemcached.add(c->memcached, t->key.at, t->key.len, first, (size_t)n, (time_t)t->ttl_s, 0);
		*to = (uint64_t)t->had + by;
		if (rc == MEMCACHED_SUCCESS)
			return (true);
		if (rc != MEMCACHED_NOTSTORED)			/* else another host was faster */
			return (failed(c));
	}
	return (failed(c));
}

static bool
lower_counter(struct counters *c, const struct take *t, uint64_t by)
{
	uint64_t now;
	memcached_return_t rc = by == 0 ? MEMCACHED_SUCCESS : libmemcached.decrement(c->memcached, t->key.at, t->key.len, (uint32_t)by, &now);

	return (rc == MEMCACHED_SUCCESS || rc == MEMCACHED_NOTFOUND ? true : failed(c));
}

/* What went over the limit is given back; what is left of it is kept if it covers the need. */
bool
counters_take(struct counters *c, struct take *t)
{
	uint64_t ask = (uint64_t)(t->need + t->extra), taken = 0;
	int64_t over;

	t->got = t->taken = 0;
	if (ask > UINT32_MAX)
		ask = (uint64_t)t->need;
	if (ask > UINT32_MAX || !connected(c) || !raise_counter(c, t, ask, &taken))
		return (false);
	over = (int64_t)taken > t->limit ? (int64_t)taken - t->limit : 0;
	if ((int64_t)ask - over < t->need)
		over = (int64_t)ask;
	t->got = (int64_t)ask - over;
	t->taken = (int64_t)taken - over;
	return (lower_counter(c, t, (uint64_t)over));
}

/* records: "who count until;", hexadecimal, for each */

#define RECORD_MOST	65536
#define TRIES		8

static bool
read_part(struct text *rest, uint64_t *who, int64_t *count, int64_t *until)
{
	struct text part;
	char word[64];
	unsigned long long w, n, u;

	if (!text_cut(*rest, ';', &part, rest) || part.len >= sizeof(word))
		return (false);
	memcpy(word, part.at, part.len);
	word[part.len] = '\0';
	if (sscanf(word, "%llx %llx %llx", &w, &n, &u) != 3)
		return (false);
	*who = w;
	*count = (int64_t)n;
	*until = (int64_t)u;
	return (true);
}

static void
write_part(struct buf *b, uint64_t who, int64_t count, int64_t until)
{
	if (count > 0)
		buf_print(b, "%llx %llx %llx;", (unsigned long long)who, (unsigned long long)count, (unsigned long long)until);
}

/* The record anew: others' parts that still count, then ours. */
static void
change_record(struct buf *to, struct hold *h, struct text record)
{
	int64_t own = h->had, count, until, left;
	uint64_t who;

	h->got = h->others = 0;
	while (read_part(&record, &who, &count, &until)) {
		if (who == h->who)
			own = h->set ? h->had : count;
		else if (until >= h->now_ms) {
			h->others += count;
			write_part(to, who, count, until);
		}
	}
	left = h->limit - h->others - own;
	if (!h->set && left >= h->need)
		h->got = left < h->need + h->extra ? left : h->need + h->extra;
	write_part(to, h->who, own + h->got, h->until_ms);
}

/* *cas 0: there is none yet. */
static bool
read_record(struct counters *c, const struct hold *h, struct buf *record, uint64_t *cas)
{
	const char *keys[] = { h->key.at };
	memcached_return_t rc = libmemcached.mget(c->memcached, keys, &h->key.len, 1);
	memcached_result_st *found;

	*cas = 0;
	record->len = 0;
	if (rc != MEMCACHED_SUCCESS)
		return (failed(c));
	while ((found = libmemcached.fetch_result(c->memcached, NULL, &rc)) != NULL) {
		*cas = libmemcached.result_cas(found);
		if (libmemcached.result_length(found) <= RECORD_MOST)
			buf_add(record, libmemcached.result_value(found), libmemcached.result_length(found));
		libmemcached.result_free(found);
	}
	return (rc == MEMCACHED_END || rc == MEMCACHED_NOTFOUND || rc == MEMCACHED_SUCCESS ? true : failed(c));
}

static memcached_return_t
write_record(struct counters *c, const struct hold *h, const struct buf *record, uint64_t cas)
{
	time_t ttl = (time_t)h->ttl_s;

	if (cas == 0 && record->len == 0)
		return (MEMCACHED_SUCCESS);
	return (cas == 0 ? libmemcached.add(c->memcached, h->key.at, h->key.len, record->at, record->len, ttl, 0) :
	    libmemcached.cas(c->memcached, h->key.at, h->key.len, record->len > 0 ? record->at : "", record->len, ttl, 0, cas));
}

bool
counters_hold(struct counters *c, struct hold *h)
{
	struct buf record = { 0 }, changed = { 0 };
	memcached_return_t rc = MEMCACHED_FAILURE;
	uint64_t cas;
	bool asked = connected(c), done = false;

	for (unsigned i = 0; asked && !done && i < TRIES; i++) {	/* others change their parts meanwhile */
		if (!(asked = read_record(c, h, &record, &cas)))
			break;
		changed.len = 0;
		change_record(&changed, h, buf_as_text(&record));
		rc = write_record(c, h, &changed, cas);
		done = rc == MEMCACHED_SUCCESS;
		asked = done || rc == MEMCACHED_NOTSTORED || rc == MEMCACHED_DATA_EXISTS || rc == MEMCACHED_NOTFOUND || failed(c);
	}
	buf_free(&record);
	buf_free(&changed);
	if (!done)
		h->got = 0;
	return (done);
}

bool
counters_probe(struct counters *c)
{
	return (connected(c) && (libmemcached.version(c->memcached) == MEMCACHED_SUCCESS || failed(c)));
}
