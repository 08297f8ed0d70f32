/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice.keys: virtual keys that stand in the file, by their digests, so that they work without any store.
 *
 * What a key may is said in LiteLLM's words and read where rows of the store are read (access/load.h); here it is checked and kept as JSON.
 */
#include "config/config_priv.h"

#include "base/date.h"
#include "base/digest.h"
#include "base/money.h"
#include "base/span.h"

#include <stdlib.h>

static const char *const members[] = {
	"digest", "hash", "token", "key_alias", "alias", "models", "aliases", "user_id", "team_id", "organization_id", "project_id", "agent_id",
	"expires", "max_budget", "soft_budget", "budget_duration", "rpm_limit", "tpm_limit", "max_parallel_requests", "model_rpm_limit",
	"model_tpm_limit", "tag_rpm_limit", "tag_tpm_limit",
	"allowed_routes", "key_type", "tags", "metadata", "enforced_params", "blocked", "access_group_ids", "may_assert_user", "permissions",
};

/* The first of these names that is said. */
static struct node *
first_of(const struct node *map, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (node_get(map, names[i]) != NULL)
			return (node_get(map, names[i]));
	return (NULL);
}

static bool
read_digest(struct load *l, const struct node *map, struct text *digest)
{
	static const char *const names[] = { "digest", "hash", "token" };
	const struct node *n = first_of(map, names, nitems(names));
	unsigned char bytes[DIGEST_BYTES];
	char hex[DIGEST_HEX];

	if (n == NULL) {
		problem(l, PROBLEM_ERROR, map, "a key is known by its digest: what `printf %%s KEY | sha256sum` prints");
		return (false);
	}
	if (!want_text(l, n, digest))
		return (false);
	if (!hex_read(bytes, sizeof(bytes), *digest)) {
		/* not repeated: somebody may have written the key itself */
		problem(l, PROBLEM_ERROR, n, "a digest has 64 hexadecimal digits: what `printf %%s KEY | sha256sum` prints, never the key itself");
		return (false);
	}
	hex_print(hex, bytes, sizeof(bytes));
	*digest = arena_copy(l->arena, (struct text){ hex, sizeof(hex) });
	return (true);
}

/* Seven fields that would otherwise be read as "no limit" where somebody meant one. */
static void
check_values(struct load *l, const struct node *map)
{
	static const char *const counts[] = { "rpm_limit", "tpm_limit", "max_parallel_requests" }, *const money[] = { "max_budget", "soft_budget" };
	const struct node *duration = node_get(map, "budget_duration");
	struct text t;
	struct span span;
	int64_t n;

	for (size_t i = 0; i < nitems(counts); i++)
		want_int(l, node_get(map, counts[i]), 0, INT64_C(1000000000000), &n);
	for (size_t i = 0; i < nitems(money); i++)
		if (want_text(l, node_get(map, money[i]), &t) && money_read(t, &n) != MONEY_FINE)
			problem(l, PROBLEM_ERROR, node_get(map, money[i]), "%s must be an amount of dollars, at most 9000000000", money[i]);
	if (want_text(l, duration, &t) && !span_read(t, &span))
		problem(l, PROBLEM_ERROR, duration, "budget_duration must be a time such as 30s, 12h, 7d or 1mo");
}

static void
read_expiry(struct load *l, const struct node *n, struct known_key *k)
{
	struct text t;

	if (want_text(l, n, &t) && !moment_read(t, &k->expires_ms))
		problem(l, PROBLEM_ERROR, n, "expires must be a moment such as 2026-12-31T00:00:00Z");
}

static bool
read_key(struct load *l, const struct node *map, struct known_key *k)
{
	struct buf doc = { 0 };

	for (const struct pair *p = map->first; p != NULL; p = p->next)
		if (!own_key_known(l, map, p, members, nitems(members)))
			return (false);
	if (!read_digest(l, map, &k->digest))
		return (false);
	check_values(l, map);
	read_expiry(l, node_get(map, "expires"), k);
	k->has_budget = node_get(map, "max_budget") != NULL || node_get(map, "soft_budget") != NULL;
	node_json(&doc, map);
	k->doc = arena_copy(l->arena, buf_as_text(&doc));
	buf_free(&doc);
	return (true);
}

static int
by_digest(const void *a, const void *b)
{
	return (memcmp(((const struct known_key *)a)->digest.at, ((const struct known_key *)b)->digest.at, DIGEST_HEX));
}

void
keys_read(struct load *l, const struct node *list)
{
	struct config *c = l->config;

	if (!want_kind(l, list, NODE_LIST))
		return;
	c->keys = arena_alloc(l->arena, (list->n + 1) * sizeof(*c->keys));
	for (const struct pair *p = list->first; p != NULL; p = p->next)
		if (want_kind(l, p->value, NODE_MAP) && read_key(l, p->value, &c->keys[c->n_keys]))
			c->n_keys++;
	qsort(c->keys, c->n_keys, sizeof(*c->keys), by_digest);
	for (size_t i = 1; i < c->n_keys; i++)
		if (by_digest(&c->keys[i - 1], &c->keys[i]) == 0)
			problem(l, PROBLEM_ERROR, list, "the digest " TEXT_FMT " stands there twice", TEXT_ARG(c->keys[i].digest));
}

struct known_key *
config_key(const struct config *c, struct text digest)
{
	struct known_key wanted = { .digest = digest };

	if (c->n_keys == 0 || digest.len != DIGEST_HEX)
		return (NULL);
	return (bsearch(&wanted, c->keys, c->n_keys, sizeof(*c->keys), by_digest));
}
