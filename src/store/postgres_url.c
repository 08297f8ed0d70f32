/* SPDX-License-Identifier: Apache-2.0 */
/* A database URL as people have it, for libpq: which refuses what it does not know, and whose complaints cite what it took for a host or a port. */
#include "store/postgres.h"

#include "store/libpq.h"

/* libpq's own settings that one may write behind the question mark. */
static bool
is_libpqs(const PQconninfoOption *options, struct text name)
{
	for (const PQconninfoOption *o = options; o->keyword != NULL; o++)
		if (text_is(name, o->keyword))
			return (true);
	return (false);
}

/* Prisma's parameters (schema, connection_limit, pgbouncer …) are none of libpq's. */
static struct text
without_strangers(struct arena *a, struct text url)
{
	struct text base, query, one;
	struct growing out = { 0 };
	PQconninfoOption *options;
	char before = '?';

	if (!text_cut(url, '?', &base, &query) || (options = libpq.conndefaults()) == NULL)
		return (arena_copy(a, url));
	arena_append(a, &out, base);
	while (query.len > 0) {
		struct text name, value;

		if (!text_cut(query, '&', &one, &query))
			query = TEXT("");
		text_cut(one, '=', &name, &value);
		if (!is_libpqs(options, name) || text_is(name, "connect_timeout"))
			continue;
		arena_append(a, &out, (struct text){ &before, 1 });
		arena_append(a, &out, one);
		before = '&';
	}
	libpq.conninfoFree(options);
	return (arena_copy(a, (struct text){ out.at, out.len }));
}

/* An unencoded @ or / of a password makes what is behind it a host or a port, which libpq would cite. */
static bool
is_host(const char *host)
{
	return (host == NULL || host[0] == '/' || strpbrk(host, "@?#/ ") == NULL);
}

const char *
postgres_url(struct arena *a, struct text given, struct text *password, const char **why)
{
	static const char complaint[] = "the address of the database can not be read; in user and password everything but letters, digits and -._~"
	    " must be percent-encoded";
	struct text url = without_strangers(a, given);
	PQconninfoOption *options = libpq.conninfoParse(url.at, NULL);
	bool fine = options != NULL;

	*password = TEXT("");
	for (const PQconninfoOption *o = options; fine && o != NULL && o->keyword != NULL; o++) {
		if (o->val != NULL && strcmp(o->keyword, "password") == 0)
			*password = arena_copy(a, text_of(o->val));
		if (o->val != NULL && (strcmp(o->keyword, "host") == 0 || strcmp(o->keyword, "hostaddr") == 0))
			fine = is_host(o->val);
		if (o->val != NULL && strcmp(o->keyword, "port") == 0)
			fine = fine && strspn(o->val, "0123456789,") == strlen(o->val);
	}
	if (options != NULL)
		libpq.conninfoFree(options);
	*why = complaint;
	return (fine ? url.at : NULL);
}
