/* SPDX-License-Identifier: Apache-2.0 */
/* Looking names up, off the loop, and remembering what was found. */
#include "upstream/names.h"
#include "base/errand.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define NAMES_MAX	512
#define HOST_MAX	255
#define ADDRESSES_MAX	64
#define THREADS		8		/* so many slow names delay no other */
#define FAILED_US	INT64_C(1000000) /* a failure is believed that long */

int (*names_resolver)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = getaddrinfo;

struct name {
	char		 host[HOST_MAX + 1];	/* lower case: libcurl's key */
	unsigned	 port;
	unsigned	 place;			/* in the table */
	uint32_t	 generation;		/* of `list`; never the same for two lists at one place */
	char		*list;			/* "host:port:address,address"; NULL: not known yet */
	char		 before[HOST_MAX + 16];	/* "-host:port" of the name that was at this place, or empty */
	struct curl_slist nodes[2];		/* the two, for libcurl */
	int64_t		 fresh_until_us, quiet_until_us, used_us;
	unsigned	 holders;		/* calls that may still load it */
	bool		 asking, several;
	struct call	*waiting, **waiting_last;
};

struct names {
	struct loop	*loop;
	struct lane	*lane;
	int64_t		 ttl_us;
	struct name	*table[NAMES_MAX];
	unsigned	 n;
	uint32_t	 generations;
};

struct look_up {
	struct errand	 errand;
	struct names	*names;
	struct name	*name;
	char		 host[HOST_MAX + 1];
	struct buf	 addresses;		/* "a,b,c"; empty: it failed */
};

struct names *
names_new(struct loop *loop, int64_t ttl_ms)
{
	struct names *n = must_zalloc(sizeof(*n));

	n->loop = loop;
	n->lane = lane_new(loop, "names", THREADS, NAMES_MAX);
	n->ttl_us = ttl_ms * 1000;
	return (n);
}

void
names_free(struct names *n)
{
	lane_free(n->lane, 0);
	for (unsigned i = 0; i < n->n; i++) {
		free(n->table[i]->list);
		free(n->table[i]);
	}
	free(n);
}

/* whom a call connects to */

bool
names_authority(struct text url, unsigned usual_port, struct text *host, unsigned *port)
{
	struct text rest = url, skip, number;
	const char *scheme = url.len > 0 ? memmem(url.at, url.len, "://", 3) : NULL;
	int64_t n;

	if (scheme != NULL)
		rest = text_sub(url, (size_t)(scheme - url.at) + 3, url.len);
	for (size_t i = 0; i < rest.len; i++)
		if (rest.at[i] == '/' || rest.at[i] == '?' || rest.at[i] == '#')
			rest.len = i;
	while (text_cut(rest, '@', &skip, &number))
		rest = number;
	*port = usual_port;
	if (rest.len > 0 && rest.at[0] == '[') {
		if (!text_cut(rest, ']', host, &number))
			return (false);
		host->at++;
		host->len--;
		text_cut(number, ':', &skip, &number);
	} else
		text_cut(rest, ':', host, &number);
	if (number.len == 0)
		return (host->len > 0);
	if (!text_to_i64(number, &n) || n < 1 || n > 65535)
		return (false);
	*port = (unsigned)n;
	return (host->len > 0);
}

static bool
is_https(struct text url)
{
	return (text_eq_nocase(text_sub(url, 0, 6), TEXT("https:")));
}

/* libcurl's own default for a proxy without a port is 1080. */
static bool
peer(const struct call_plan *plan, struct text *host, unsigned *port)
{
	if (plan->proxy.len > 0)
		return (names_authority(plan->proxy, is_https(plan->proxy) ? 443 : 1080, host, port));
	if (plan->host.len > 0 && plan->port > 0) {
		*host = plan->host;
		*port = plan->port;
		return (true);
	}
	return (names_authority(plan->url, is_https(plan->url) ? 443 : 80, host, port));
}

/* In lower case, as libcurl keeps it; false: no name of a host. */
static bool
fold(char to[HOST_MAX + 1], struct text host)
{
	if (host.len == 0 || host.len > HOST_MAX)
		return (false);
	for (size_t i = 0; i < host.len; i++) {
		char c = host.at[i];

		if (c <= ' ' || c > '~' || strchr(",;'\"\\/", c) != NULL)
			return (false);
		to[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	to[host.len] = '\0';
	return (true);
}

/* What libcurl knows without asking anybody: addresses, in any spelling, and localhost (RFC 6761). */
static bool
needs_nobody(const char *host)
{
	struct in_addr a;

	return (host[0] == '[' || strchr(host, ':') != NULL || inet_aton(host, &a) != 0 ||
	    strcmp(host, "localhost") == 0 || text_ends(text_of(host), TEXT(".localhost")));
}

/* the table */

static struct name *
find(struct names *n, const char *host, unsigned port)
{
	for (unsigned i = 0; i < n->n; i++)
		if (n->table[i]->port == port && strcmp(n->table[i]->host, host) == 0)
			return (n->table[i]);
	return (NULL);
}

static struct name *
least_used(struct names *n)
{
	struct name *least = NULL;

	for (unsigned i = 0; i < n->n; i++) {
		struct name *x = n->table[i];

		if (!x->asking && x->holders == 0 && (least == NULL || x->used_us < least->used_us))
			least = x;
	}
	return (least);
}

/* A place for a new name; when all are taken, that of the name least used of late.  NULL: all are being looked up. */
static struct name *
place_for(struct names *n, const char *host, unsigned port)
{
	struct name *x;

	if (n->n < NAMES_MAX) {
		x = must_zalloc(sizeof(*x));
		x->place = n->n;
		n->table[n->n++] = x;
	} else {
		char before[sizeof(x->before)];
		unsigned place;

		if ((x = least_used(n)) == NULL)
			return (NULL);
		place = x->place;
		snprintf(before, sizeof(before), "-%s:%u", x->host, x->port);
		free(x->list);
		memset(x, 0, sizeof(*x));
		x->place = place;
		memcpy(x->before, before, sizeof(before));
	}
	memcpy(x->host, host, strlen(host) + 1);
	x->port = port;
	x->waiting_last = &x->waiting;
	return (x);
}

/* the look-up */

static void
add_address(struct buf *b, const struct addrinfo *a)
{
	char address[INET6_ADDRSTRLEN];
	const void *raw;

	if (a->ai_family == AF_INET)
		raw = &((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr;
	else if (a->ai_family == AF_INET6)
		raw = &((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr;
	else
		return;
	if (inet_ntop(a->ai_family, raw, address, sizeof(address)) != NULL)
		buf_print(b, "%s%s", b->len > 0 ? "," : "", address);
}

static void
work(struct errand *errand)
{
	struct look_up *l = (struct look_up *)errand;
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list = NULL, *a;
	unsigned n = 0;

	if (names_resolver(l->host, NULL, &hints, &list) != 0)
		return;
	for (a = list; a != NULL && n < ADDRESSES_MAX; a = a->ai_next, n++)
		add_address(&l->addresses, a);
	freeaddrinfo(list);
}

static bool
several(struct text addresses)
{
	unsigned of_family[2] = { 0 };
	struct text one;

	while (addresses.len > 0) {
		text_cut(addresses, ',', &one, &addresses);
		if (of_family[memchr(one.at, ':', one.len) != NULL]++ > 0)
			return (true);
	}
	return (false);
}

static void
learn(struct names *n, struct name *x, struct text addresses)
{
	struct buf list = { 0 };

	x->fresh_until_us = loop_now_us(n->loop) + n->ttl_us;
	buf_print(&list, "%s:%u:%.*s", x->host, x->port, TEXT_ARG(addresses));
	if (x->list != NULL && strcmp(x->list, list.at) == 0) {
		buf_free(&list);
		return;
	}
	free(x->list);
	x->list = list.at;
	x->several = several(addresses);
	x->generation = ++n->generations;
	x->nodes[0] = (struct curl_slist){ x->before, &x->nodes[1] };
	x->nodes[1] = (struct curl_slist){ x->list, NULL };
}

static void
tell_waiting(struct name *x)
{
	struct call *c = x->waiting;

	x->waiting = NULL;
	x->waiting_last = &x->waiting;
	while (c != NULL) {
		struct call *next = c->name_next;

		if (x->list != NULL)
			call_named(c);
		else
			call_fail_later(c, CALL_NO_NAME, "the host's name is not known");
		c = next;
	}
}

static void
drop(struct errand *errand)
{
	struct look_up *l = (struct look_up *)errand;

	buf_free(&l->addresses);
	free(l);
}

static void
done(struct errand *errand)
{
	struct look_up *l = (struct look_up *)errand;
	struct name *x = l->name;

	x->asking = false;
	if (l->addresses.len > 0)
		learn(l->names, x, buf_as_text(&l->addresses));
	else
		x->quiet_until_us = loop_now_us(l->names->loop) + FAILED_US;
	tell_waiting(x);
	drop(errand);
}

/* False: too many look-ups are under way. */
static bool
look_up(struct names *n, struct name *x)
{
	struct look_up *l = must_zalloc(sizeof(*l));

	l->errand.work = work;
	l->errand.done = done;
	l->errand.drop = drop;
	l->names = n;
	l->name = x;
	memcpy(l->host, x->host, sizeof(l->host));
	x->asking = lane_send(n->lane, &l->errand);
	if (!x->asking)
		free(l);
	return (x->asking);
}

static void
wait_for(struct call *c, struct name *x)
{
	c->name_next = NULL;
	*x->waiting_last = c;
	x->waiting_last = &c->name_next;
}

static void
use(struct call *c, struct names *n, struct name *x)
{
	int64_t now = loop_now_us(n->loop);
	bool quiet = x->quiet_until_us > now;

	c->name = x;
	x->holders++;
	x->used_us = now;
	if (!x->asking && !quiet && (x->list == NULL || x->fresh_until_us <= now))
		(void)look_up(n, x);
	if (x->list != NULL)
		call_named(c);
	else if (x->asking)
		wait_for(c, x);
	else
		call_fail_later(c, CALL_NO_NAME, quiet ? "the host's name is not known" : "too many names are being looked up");
}

void
names_ask(struct call *c, const struct call_plan *plan)
{
	struct names *n = c->up->names;
	char host[HOST_MAX + 1];
	struct text given;
	struct name *x;
	unsigned port;

	c->name = NULL;
	c->literal = false;
	if (!peer(plan, &given, &port) || !fold(host, given)) {
		call_fail_later(c, CALL_NO_NAME, "the address names no host");
		return;
	}
	if (needs_nobody(host)) {
		c->literal = true;
		call_named(c);
		return;
	}
	x = find(n, host, port);
	if (x == NULL)
		x = place_for(n, host, port);
	if (x == NULL)
		call_fail_later(c, CALL_NO_NAME, "too many names are being looked up");
	else
		use(c, n, x);
}

static void
stop_waiting(struct call *c)
{
	struct call **at = &c->name->waiting;

	while (*at != NULL && *at != c)
		at = &(*at)->name_next;
	if (*at == NULL)
		return;
	*at = c->name_next;
	if (c->name->waiting_last == &c->name_next)
		c->name->waiting_last = at;
}

void
names_leave(struct call *c)
{
	if (c->name == NULL)
		return;
	if (c->phase == PHASE_NAME)
		stop_waiting(c);
	c->name->holders--;
	c->name = NULL;
}

bool
names_load(struct call *c, struct multi *m)
{
	struct name *x = c->name;
	bool old;

	if (x == NULL)
		return (false);
	if (x->place >= m->n_loaded) {
		unsigned n = x->place + 16;

		m->loaded = must_realloc(m->loaded, n * sizeof(*m->loaded));
		memset(m->loaded + m->n_loaded, 0, (n - m->n_loaded) * sizeof(*m->loaded));
		m->n_loaded = n;
	}
	old = m->loaded[x->place] != x->generation;
	m->loaded[x->place] = x->generation;
	if (old)
		libcurl.easy_setopt(c->easy, CURLOPT_RESOLVE, x->before[0] != '\0' ? &x->nodes[0] : &x->nodes[1]);
	return (old);
}

bool
names_several(const struct call *c)
{
	return (c->name != NULL && c->name->several);
}

/* addresses for connections of our own */

static bool
address_of(struct text t, unsigned port, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	char copy[INET6_ADDRSTRLEN + 1];

	if (t.len > 1 && t.at[0] == '[')
		t = text_sub(t, 1, t.len - 1);
	if (t.len == 0 || t.len >= sizeof(copy))
		return (false);
	memcpy(copy, t.at, t.len);
	copy[t.len] = '\0';
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET6, copy, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		*len = sizeof(*six);
		return (true);
	}
	if (inet_aton(copy, &four->sin_addr) == 0)
		return (false);
	four->sin_family = AF_INET;
	four->sin_port = htons((uint16_t)port);
	*len = sizeof(*four);
	return (true);
}

bool
names_address(const struct call *c, struct text host, unsigned port, unsigned i, struct sockaddr_storage *out, socklen_t *len)
{
	static const struct text local[] = { TEXT("127.0.0.1"), TEXT("::1") };
	struct text rest, one;

	if (c->name == NULL && !c->literal)
		return (false);
	if (c->name == NULL) {		/* an address, or localhost in some spelling */
		if (address_of(host, port, out, len))
			return (i == 0);
		return (i < nitems(local) && address_of(local[i], port, out, len));
	}
	rest = text_of(c->name->list);
	for (int colons = 0; colons < 2; colons++)
		text_cut(rest, ':', &one, &rest);
	do {
		if (!text_cut(rest, ',', &one, &rest) && one.len == 0)
			return (false);
	} while (i-- > 0);
	return (address_of(one, port, out, len));
}
