/* SPDX-License-Identifier: Apache-2.0 */
/* Shared counters: add, incr and decr of memcached's text protocol. */
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

bool
counters_probe(struct counters *c)
{
	return (connected(c) && (libmemcached.version(c->memcached) == MEMCACHED_SUCCESS || failed(c)));
}
