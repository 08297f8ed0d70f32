/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this version does not have, and whose paths scripts and Terraform know all the same: lists of it are empty, one of it is not found, none can be
 * made.
 */
#include "admin/admin_priv.h"

#include "admin/nouns.h"

static const struct {
	const char	*kind, *list;
} nouns[] = {
	{ "guardrail", "{\"guardrails\":[]}" },
	{ "prompt", "{\"prompts\":[]}" },
	{ "search_tool", "{\"search_tools\":[]}" },
	{ "vector_store", "{\"object\":\"list\",\"data\":[],\"total_count\":0,\"current_page\":1,\"total_pages\":0}" },
	{ "mcp_server", "[]" },
};

struct error *
absent_list(struct admin_call *c)
{
	for (size_t i = 0; i < nitems(nouns); i++)
		if (strcmp(nouns[i].kind, c->row->kind) == 0)
			buf_text(&c->out, text_of(nouns[i].list));
	return (NULL);
}

struct error *
absent_one(struct admin_call *c)
{
	struct text id = c->id[0];

	if (id.len == 0)
		id = json_unescape(c->arena, json_quoted(json_get(c->body, arena_print(c->arena, "%s_id", c->row->kind).at)));
	if (id.len == 0)
		id = json_unescape(c->arena, json_quoted(json_get(c->body, "server_id")));
	return (admin_missing(c, "id", "The %s '" TEXT_FMT "' was not found: this version has none.", c->row->kind,
	    TEXT_ARG(text_whole(text_sub(id, 0, 200)))));
}

struct error *
absent_make(struct admin_call *c)
{
	return (admin_not_built(c, "This version has no %ss: nothing was made.", c->row->kind));
}

bool
admin_is_absent(const struct admin_row *row)
{
	return (row->run == absent_list || row->run == absent_one || row->run == absent_make);
}
