/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that write a request of the OpenAI dialect share: openai_write.c (tools, parameters), openai_turns.c (messages). */
#ifndef PROVIDER_OPENAI_WRITE_PRIV_H
#define PROVIDER_OPENAI_WRITE_PRIV_H

#include "provider/openai_priv.h"

/* Habits of vendors that matter only when a request is written anew. */
enum habit {
	HABIT_OPENAI		= 1 << 0,	/* knows strict, service_tier, parallel_tool_calls: true and the other newer members */
	HABIT_TOP_K		= 1 << 1,
	HABIT_THINKS		= 1 << 2,	/* takes an effort that was only meant as a budget */
	HABIT_NO_EFFORT		= 1 << 3,	/* reasoning_effort "none" is understood */
	HABIT_REASONING_IN	= 1 << 4,	/* wants reasoning_content back in tool loops */
	HABIT_REASONING_ALWAYS	= 1 << 5,	/* refuses a tool loop without it */
	HABIT_DETAILS_IN	= 1 << 6,	/* wants reasoning_details back */
	HABIT_NO_USER		= 1 << 7,
	HABIT_RANDOM_SEED	= 1 << 8,
	HABIT_NINE		= 1 << 9,	/* ids of calls are 9 letters or digits; results repeat the name */
	HABIT_NO_SCHEMA		= 1 << 10,	/* json_object only */
	HABIT_NO_NAME		= 1 << 11,	/* refuses messages[].name */
	HABIT_SEARCHES		= 1 << 12,	/* searches the web when web_search_options asks for it */
};

struct sheet {
	struct json_out	 out;
	struct arena	*arena;
	const struct ask *ask;
	const struct deployment *deployment;
	struct text	 model;
	unsigned	 habits;
	bool		 drop_params;
	const struct message *caller;		/* the assistant whose calls are answered now */
};

static inline bool
has(const struct sheet *s, enum habit h)
{
	return ((s->habits & (unsigned)h) != 0);
}

static inline void
put_member(struct json_out *o, const char *name, struct quoted value)
{
	json_name(o, name);
	json_put_quoted(o, value);
}

static inline void
put_number(struct json_out *o, const char *name, struct text raw)	/* empty: it was not said */
{
	if (raw.len == 0)
		return;
	json_name(o, name);
	json_raw(o, raw);
}

/* The first n letters and digits, or hex digits, of a SHA-256. */
struct quoted	 short_digest(struct arena *, struct quoted of, unsigned n, bool letters);
struct quoted	 openai_data_url(struct arena *, const struct part *);	/* where it is, or itself */
void		 openai_put_messages(struct sheet *);

/* Shared with responses_write.c (openai_write.c). */
bool		 openai_tool_allowed(const struct ask *, const struct tool *);
void		 openai_put_schema(struct sheet *, const struct tool *);
struct error	*openai_refuse(const struct sheet *, const char *param);	/* NULL: it may be left out */
struct error	*openai_check_files(const struct sheet *);		/* none that only another vendor has */

#endif
