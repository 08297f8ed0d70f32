/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A completion as an ask, for models that only chat: each prompt is said by the user, in one conversation, as LiteLLM has it.
 *
 * What a chat can not do is refused: to go on from tokens, to repeat the prompt, to fill a gap.  Counts it has no word for are left to the
 * provider, which drops or refuses them.
 */
#include "front/chat_read_priv.h"
#include "front/completions_priv.h"

static void
say(struct reading *r, struct quoted words)
{
	struct message *m = arena_new_of(r->arena, struct message);
	struct part **end = &m->parts;

	m->role = ROLE_USER;
	chat_add_part(r, &end, PART_TEXT)->text = words;
	*r->last = m;
	r->last = &m->next;
}

static struct error *
can_not(struct reading *r, const char *name, const char *what)
{
	return (error_param(error_new(r->arena, E_BAD_REQUEST, "%s: %s: this model only chats, it can not %s", r->path, name, what), name));
}

static struct error *
read_prompt(struct reading *r, const struct json *v, const char *name)
{
	if (v->type == JSON_STRING)
		say(r, json_quoted(v));
	for (const struct json *one = v->first; one != NULL; one = one->next) {
		if (one->type != JSON_STRING)
			return (can_not(r, name, "go on from tokens"));
		say(r, json_quoted(one));
	}
	return (NULL);
}

static struct error *
read_echo(struct reading *r, const struct json *v, const char *name)
{
	return (json_true(v) ? can_not(r, name, "repeat its prompt") : NULL);
}

static struct error *
read_suffix(struct reading *r, const struct json *v, const char *name)
{
	return (json_quoted(v).len > 0 ? can_not(r, name, "fill a gap") : NULL);
}

static struct error *
read_messages(struct reading *r, const struct json *v, const char *name)
{
	(void)v;
	return (can_not(r, name, "take both a prompt and messages"));
}

/* As many as are wanted is what is made anyway. */
static struct error *
read_best_of(struct reading *r, const struct json *v, const char *name)
{
	int64_t n = 1, best_of = 1;
	struct json_item item;

	(void)name;
	(void)json_to_i64(v->raw, &best_of);		/* the first look has checked both */
	if (json_find(r->body, "n", &item))
		(void)json_to_i64(item.raw, &n);
	return (best_of > n ? chat_read_member(r, v) : NULL);
}

static struct error *
read_member(struct reading *r, const struct json *v)
{
	static const struct {
		const char	*name;
		member_f	*read;
	} members[] = {
		{ "best_of", read_best_of }, { "echo", read_echo }, { "messages", read_messages }, { "prompt", read_prompt }, { "suffix", read_suffix },
	};

	for (size_t i = 0; i < nitems(members); i++)
		if (quoted_is(v->name, members[i].name))
			return (members[i].read(r, v, members[i].name));
	return (chat_read_member(r, v));
}

struct error *
completions_read_ask(struct ask *ask, struct arena *arena, const struct glance *g)
{
	return (chat_read_body(ask, arena, g, COMPLETIONS_PATH, read_member));
}
