/* SPDX-License-Identifier: Apache-2.0 */
/* Who and what is let in at all: addresses, trusted proxies, lists of routes, end users that are not served. */
#include "config/config_priv.h"

#include <stdio.h>

#define USERS_FILE_MOST	(1u << 20)

const char *const route_groups[] = {
	"openai_routes", "anthropic_routes", "mcp_routes", "agent_routes", "llm_api_routes", "info_routes", "key_management_routes", "management_routes",
	"spend_tracking_routes", "global_spend_tracking_routes", "self_managed_routes", "org_admin_allowed_routes", "admin_viewer_routes",
	"internal_user_routes", "public_routes", NULL
};

static const struct network loopback[] = {
	{ { [10] = 0xff, [11] = 0xff, [12] = 127 }, 104 }, { { [15] = 1 }, 128 }
};

size_t
want_networks(struct load *l, const struct node *n, struct network **list)
{
	struct text *words = NULL;
	size_t n_words = want_texts(l, n, &words), count = 0;

	*list = arena_alloc(l->arena, (n_words + 1) * sizeof(**list));
	for (size_t i = 0; i < n_words; i++)
		if (network_read(&(*list)[count], words[i]))
			count++;
		else
			problem(l, PROBLEM_ERROR, n, TEXT_FMT ": \"" TEXT_FMT "\" is neither an address nor a network such as 10.0.0.0/8", TEXT_ARG(n->name),
			    TEXT_ARG(text_sub(words[i], 0, 80)));
	return (count);
}

void
gate_default(struct load *l)
{
	struct settings *set = &l->config->settings;

	set->n_trusted_proxies = nitems(loopback);
	set->trusted_proxies = arena_alloc(l->arena, sizeof(loopback));
	memcpy(set->trusted_proxies, loopback, sizeof(loopback));
}

static const char *
nth_group(const void *groups, size_t i)
{
	return (((const char *const *)groups)[i]);
}

/* A name that is none would close nothing, or all: it is a slip. */
static void
check_route(struct load *l, const struct node *n, struct text word)
{
	size_t groups = nitems(route_groups) - 1;

	if (text_starts(word, TEXT("/")) || text_is(word, "*") || has_word(word, route_groups, groups))
		return;
	problem(l, PROBLEM_ERROR, n, TEXT_FMT ": \"" TEXT_FMT "\" is neither a path nor a group of routes%s", TEXT_ARG(n->name),
	    TEXT_ARG(text_sub(word, 0, 80)), hint(l, did_you_mean(word, route_groups, groups, nth_group)));
}

static size_t
want_routes(struct load *l, const struct node *map, const char *name, struct text **list)
{
	static const struct text python = { "LiteLLMRoutes.", 14 };
	const struct node *n = node_get(map, name);
	size_t count = want_texts(l, n, list);

	for (size_t i = 0; i < count; i++) {
		if (text_starts((*list)[i], python))
			(*list)[i] = text_sub((*list)[i], python.len, (*list)[i].len);
		check_route(l, n, (*list)[i]);
	}
	return (count);
}

/* One name a line. */
static void
read_users_file(struct load *l, const struct node *n, struct text path)
{
	struct settings *set = &l->config->settings;
	char *bytes = arena_bytes(l->arena, USERS_FILE_MOST + 1);
	FILE *f = fopen(path.at, "re");
	size_t len = f != NULL ? fread(bytes, 1, USERS_FILE_MOST + 1, f) : 0, lines = 1;
	bool good = f != NULL && !ferror(f) && len <= USERS_FILE_MOST;
	struct text rest = { bytes, len }, line;

	if (f != NULL)
		fclose(f);
	if (!good) {
		problem(l, PROBLEM_ERROR, n, "blocked_user_list: " TEXT_FMT " can not be read, or is larger than 1 MB", TEXT_ARG(text_sub(path, 0, 200)));
		return;
	}
	for (size_t i = 0; i < len; i++)
		lines += bytes[i] == '\n';
	set->blocked_users = arena_alloc(l->arena, lines * sizeof(*set->blocked_users));
	for (bool more = true; more;) {
		more = text_cut(rest, '\n', &line, &rest);
		if (text_trim(line).len > 0)
			set->blocked_users[set->n_blocked_users++] = text_trim(line);
	}
}

/* A list of names, or the path of a file of them. */
static void
read_blocked_users(struct load *l, const struct node *n)
{
	struct settings *set = &l->config->settings;
	struct text path;

	if (n != NULL && n->kind == NODE_SCALAR && want_text(l, n, &path))
		read_users_file(l, n, path);
	else
		set->n_blocked_users = want_texts(l, n, &set->blocked_users);
}

void
gate_read(struct load *l, const struct node *litellm, const struct node *general)
{
	struct settings *set = &l->config->settings;
	const struct node *ips = node_get(general, "allowed_ips");

	set->ips_limited = ips != NULL;
	if (ips != NULL)
		set->n_allowed_ips = want_networks(l, ips, &set->allowed_ips);
	want_bool(l, node_get(general, "use_x_forwarded_for"), &set->forwarded_for);
	want_bool(l, node_get(general, "require_end_user_id"), &set->end_user_required);
	set->n_allowed_routes = want_routes(l, general, "allowed_routes", &set->allowed_routes);
	set->n_public_routes = want_routes(l, general, "public_routes", &set->public_routes);
	set->n_admin_routes = want_routes(l, general, "admin_only_routes", &set->admin_routes);
	read_blocked_users(l, node_get(litellm, "blocked_user_list"));
}
