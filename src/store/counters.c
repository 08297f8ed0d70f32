/* SPDX-License-Identifier: Apache-2.0 */
/* Shared counters: add, incr and decr of memcached's text protocol. */
#include "store/counters.h"

#include "store/libmemcached.h"

#include <stdio.h>
#include <stdlib.h>

struct counters {
	char		*servers;
	memcached_st	*memcached;	/* NULL: not connected, or after a failure */
};

/* the list of servers */

static bool
split_port(struct text server, char host[256], unsigned *port)
{
	struct text left = server, number;
	size_t at = server.len;
	int64_t n;

	while (at > 0 && server.at[at - 1] != ':')
		at--;
	if (at < 2)
		return (false);
	left.len = at - 1;
	number = text_sub(server, at, server.len);
	if (left.len > 2 && left.at[0] == '[' && left.at[left.len - 1] == ']')
		left = text_sub(left, 1, left.len - 1);
	if (left.len >= 256 || !text_to_i64(number, &n) || n < 1 || n > 65535)
		return (false);
	snprintf(host, 256, TEXT_FMT, TEXT_ARG(left));
	*port = (unsigned)n;
	return (true);
}

static bool
next_server(struct text *rest, struct text *server)
{
	struct text tail = { "", 0 };

	text_cut(*rest, ',', server, &tail);
	*rest = tail;
	*server = text_trim(*server);
	return (server->len > 0);
}

bool
counters_servers_fit(struct text servers)
{
	char host[256];
	struct text server;
	unsigned port;
	bool any = false;

	while (servers.len > 0) {
		if (!next_server(&servers, &server) || server.len > 255)
			return (false);
		if (server.at[0] != '/' && !split_port(server, host, &port))
			return (false);
		any = true;
	}
	return (any);
}

static void
add_servers(memcached_st *m, struct text servers)
{
	char host[256];
	struct text server;
	unsigned port;

	while (servers.len > 0 && next_server(&servers, &server))
		if (server.at[0] == '/') {
			snprintf(host, sizeof(host), TEXT_FMT, TEXT_ARG(server));
			libmemcached.server_add_unix_socket(m, host);
		} else if (split_port(server, host, &port))
			libmemcached.server_add(m, host, (in_port_t)port);
}

/* asking */

struct counters *
counters_new(struct text servers)
{
	struct counters *c = must_zalloc(sizeof(*c));

	c->servers = must_alloc(servers.len + 1);
	memcpy(c->servers, servers.at, servers.len);
	c->servers[servers.len] = '\0';
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
	static const struct {
		memcached_behavior_t	 behavior;
		uint64_t		 value;
	} settings[] = {
		{ MEMCACHED_BEHAVIOR_NO_BLOCK, 1 }, { MEMCACHED_BEHAVIOR_TCP_NODELAY, 1 }, { MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, COUNTERS_MS },
		{ MEMCACHED_BEHAVIOR_POLL_TIMEOUT, COUNTERS_MS }, { MEMCACHED_BEHAVIOR_SND_TIMEOUT, COUNTERS_MS * 1000 },
		{ MEMCACHED_BEHAVIOR_RCV_TIMEOUT, COUNTERS_MS * 1000 }, { MEMCACHED_BEHAVIOR_DISTRIBUTION, MEMCACHED_DISTRIBUTION_CONSISTENT },
	};

	if (c->memcached != NULL)
		return (true);
	if (!libmemcached_load() || (c->memcached = libmemcached.create(NULL)) == NULL)
		return (false);
	for (unsigned i = 0; i < nitems(settings); i++)
		libmemcached.behavior_set(c->memcached, settings[i].behavior, settings[i].value);
	add_servers(c->memcached, text_of(c->servers));
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
