/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files that read a chat request share: chat_read.c (parameters), chat_turns.c (messages), chat_parts.c (content), chat_tools.c.  Those that
 * read a Responses request take what is spelled the same from here.
 */
#ifndef FRONT_CHAT_READ_PRIV_H
#define FRONT_CHAT_READ_PRIV_H

#include "front/chat_priv.h"

struct reading {
	struct arena	*arena;
	struct ask	*ask;
	const char	*path;			/* "/chat/completions" */
	struct text	 body;
	struct message	**last;			/* where the next message goes */
	struct message	*results;		/* the user message that takes the results of a run of tool messages */
	struct quoted	 old_call;		/* the id made for the latest function_call, for the function message that answers it */
	struct tool	**last_tool;
	struct extra	**last_extra;
};

/* "/chat/completions: PATH: should be …", with the path as the member to blame. */
struct error	*chat_wrong(struct reading *, struct text path, const char *should);
struct text	 chat_item_path(struct reading *, struct text list, unsigned i);
struct text	 chat_member_path(struct reading *, struct text object, const char *name);
/* A member, NULL when it is absent or null: the two are one here. */
const struct json *chat_said(const struct json *object, const char *name);
struct error	*chat_take_string(struct quoted *, struct reading *, const struct json *object, const char *name, struct text path);
struct error	*chat_need_string(struct quoted *, struct reading *, const struct json *object, const char *name, struct text path);

/* Parts go to the end of a list, which moves on. */
struct part	*chat_add_part(struct reading *, struct part ***end, enum part_kind);
struct error	*chat_read_part(struct reading *, struct part ***end, const struct json *, struct text path);
struct error	*chat_read_image(struct reading *, struct part ***end, const struct json *, struct text path);	/* image_url: a string or an object */
struct error	*chat_read_file(struct reading *, struct part *, const struct json *file, struct text path);	/* filename, file_id or file_data */
struct error	*chat_read_content(struct reading *, struct part ***end, const struct json *message, struct text path);

/* Arguments are a string that holds JSON; the result is an object whatever they were. */
struct error	*chat_read_arguments(struct text *input, struct reading *, const struct json *, struct text path);
/* A tool from the object that has its name, description and parameters; `mark`: cache_control, or NULL. */
struct error	*chat_add_tool(struct reading *, const struct json *, const struct json *mark, struct text path);
bool		 chat_choice_word(enum tool_choice *, struct quoted word);
/* name, schema and strict from the object that holds them. */
struct error	*chat_read_schema(struct reading *, const struct json *, struct text path);

typedef struct error *member_f(struct reading *, const struct json *, const char *name);

/* Reads a body's members, but those that are null or speak to the gateway, with `member`. */
struct error	*chat_read_body(struct ask *, struct arena *, const struct glance *, const char *path,
    struct error *(*member)(struct reading *, const struct json *));
struct error	*chat_read_member(struct reading *, const struct json *);	/* of a chat request; unknown ones become extras */
member_f	 chat_read_messages, chat_read_tools, chat_read_functions, chat_read_choice, chat_read_old_choice, chat_read_effort, chat_read_parallel,
    chat_read_tier, chat_read_user;

#endif
