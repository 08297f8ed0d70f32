/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request in our own words: what a front has read and a provider writes.
 *
 * Words are `struct quoted`: the inside of a JSON string as its sender escaped it.  All our dialects are JSON, so a writer copies
 * words verbatim; nothing is decoded and encoded again, and half a surrogate pair survives.  Numbers and schemas are raw texts for the same reason.
 * Everything points into the request's body or lives in the exchange's arena.
 */
#ifndef CHAT_ASK_H
#define CHAT_ASK_H

#include "base/json.h"

enum role { ROLE_SYSTEM, ROLE_DEVELOPER, ROLE_USER, ROLE_ASSISTANT };

enum part_kind {
	PART_TEXT,
	PART_IMAGE,
	PART_AUDIO,
	PART_FILE,		/* a document */
	PART_REFUSAL,		/* assistant */
	PART_THINKING,		/* assistant: text and signature; unsigned when signature is empty */
	PART_REDACTED,		/* assistant: opaque data in `text` */
	PART_CALL,		/* assistant: a tool call */
	PART_RESULT,		/* user: what the tool answered */
};

struct part {
	enum part_kind	 kind;
	struct quoted	 text;
	struct quoted	 signature;
	struct quoted	 url;		/* IMAGE, FILE, AUDIO: where it is, when it is not inline */
	struct quoted	 media_type;	/* inline: "image/png" */
	struct quoted	 data;		/* inline: base64, or for FILE of text/plain the words themselves with data_is_text */
	bool		 data_is_text;
	struct quoted	 detail;	/* IMAGE */
	struct quoted	 name;		/* CALL: the tool; FILE: title */
	struct quoted	 id;		/* CALL and RESULT: the call */
	struct text	 input;		/* CALL: arguments, plain JSON text of an object */
	bool		 failed;	/* RESULT: the tool failed */
	struct part	*inner;		/* RESULT: texts, images, files */
	struct text	 cache_control;	/* raw object, or empty */
	struct part	*next;
};

struct message {
	enum role	 role;
	struct quoted	 name;
	struct part	*parts;		/* in order; RESULT parts stand in user messages */
	struct message	*next;
};

struct tool {
	struct quoted	 name, description;
	struct text	 schema;	/* raw object; empty: none given */
	int		 strict;	/* -1 not said */
	bool		 freeform;	/* OpenAI's custom tool: takes text */
	struct quoted	 space, short_name;	/* responses: the namespace it stands in, or empty, and its name there */
	unsigned	 form;		/* responses: what its calls are answered as (responses_priv.h) */
	struct text	 cache_control;
	struct tool	*next;
};

enum tool_choice { CHOICE_UNSAID, CHOICE_AUTO, CHOICE_NONE, CHOICE_REQUIRED, CHOICE_NAMED };
enum answer_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SCHEMA };
enum effort { EFFORT_UNSAID, EFFORT_NONE, EFFORT_MINIMAL, EFFORT_LOW, EFFORT_MEDIUM, EFFORT_HIGH, EFFORT_XHIGH, EFFORT_MAX };

/* A parameter of the request that has no word of ours; providers that know it may take it, else drop_params decides. */
struct extra {
	struct quoted	 name;
	struct text	 raw;
	struct extra	*next;
};

struct words {				/* a list of strings */
	struct quoted	 word;
	struct words	*next;
};

struct ask {
	struct message	*messages;	/* system and developer messages too, in their places */
	struct tool	*tools;
	enum tool_choice choice;
	struct quoted	 choice_name;
	struct words	*allowed_tools;	/* a restriction to these names, or NULL */
	int		 parallel;	/* -1 not said, 0 one call at a time, 1 */
	int64_t		 max_tokens;	/* -1 not said */
	struct text	 temperature, top_p, top_k, seed;	/* raw numbers, or empty */
	struct text	 presence_penalty, frequency_penalty;
	int64_t		 n;		/* 1 */
	struct words	*stop;
	enum answer_format format;
	struct quoted	 schema_name;
	struct text	 schema;	/* raw, FORMAT_SCHEMA */
	int		 schema_strict;	/* -1 not said */
	enum effort	 effort;
	int64_t		 thinking_budget;	/* -1 not said */
	bool		 thinking_adaptive;
	struct quoted	 user;
	struct quoted	 service_tier;
	bool		 stream;
	bool		 usage_asked;	/* the client wants the usage in its stream */
	bool		 thoughts_wanted;	/* responses: reasoning shall come in a form that the next turn can send back */
	bool		 old_functions;	/* the client speaks chat's deprecated functions and function_call */
	struct extra	*extras;
};

#endif
