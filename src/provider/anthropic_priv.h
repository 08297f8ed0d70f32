/* SPDX-License-Identifier: Apache-2.0 */
/* What only the files of the Anthropic provider share. */
#ifndef PROVIDER_ANTHROPIC_PRIV_H
#define PROVIDER_ANTHROPIC_PRIV_H

#include "provider/provider.h"

/* One JSON text whose members were found: an event, or a whole answer. */
#define MOST_SPOTS	24
struct found {
	struct text	 text;
	struct json_spot spot[MOST_SPOTS];
	size_t		 n;
};
bool		 find_members(struct found *, struct text);		/* false: not a JSON object */
const struct json_spot *found_spot(const struct found *, const char *name);	/* NULL: no such member */
struct text	 found_raw(const struct found *, const char *name);	/* empty: no such member */
struct quoted	 found_string(const struct found *, const char *name);	/* empty unless a string */
struct text	 raw_member(struct text object, const char *name);	/* of a checked text; empty when absent, or when it is no object */
struct quoted	 string_member(struct text object, const char *name);

/* Kinds of stream events; data.type decides, the SSE name where it is missing. */
enum word {
	WORD_UNKNOWN, WORD_PING, WORD_MESSAGE_START, WORD_BLOCK_START, WORD_BLOCK_DELTA, WORD_BLOCK_STOP, WORD_MESSAGE_DELTA,
	WORD_MESSAGE_STOP, WORD_ERROR,
};
enum word	 word_of(const struct found *, struct text name);

void		 note_usage(struct seen *, struct text raw);		/* cumulative: what is present overwrites */
void		 note_message(struct seen *, struct arena *, struct quoted id, struct quoted model, struct text usage);
enum finish	 finish_of(struct quoted stop_reason);
/* An error object inside a 200: {"type":"error","error":{…}}. */
struct error	*error_inside(struct arena *, struct text data);
bool		 is_error(const struct found *, struct text name);

/* What a model of that name takes (a table that follows the vendor's pages). */
enum trait {
	TRAIT_BUDGET	= 1 << 0,	/* thinking {type: enabled, budget_tokens} */
	TRAIT_ADAPTIVE	= 1 << 1,	/* thinking {type: adaptive} */
	TRAIT_EFFORT	= 1 << 2,	/* output_config.effort */
	TRAIT_XHIGH	= 1 << 3,	/* effort xhigh */
	TRAIT_MAX	= 1 << 4,	/* effort max */
	TRAIT_SCHEMA	= 1 << 5,	/* output_config.format */
	TRAIT_PREFILL	= 1 << 6,	/* a last assistant message is continued */
	TRAIT_ONE_SAMPLER = 1 << 7,	/* refuses temperature together with top_p */
	TRAIT_NO_SAMPLERS = 1 << 8,	/* refuses temperature, top_p and top_k */
};
unsigned	 model_traits(struct text model);

/* The tool that carries an answer's JSON where the model has no output_config.format. */
#define JSON_TOOL	"json_tool_call"

/* A schema as output_config.format takes it: constraints it refuses left out, every object closed. */
struct text	 strict_schema(struct arena *, struct text schema);

/* A request being written. */
struct write {
	struct json_out	 out;
	struct arena	*arena;
	const struct ask *ask;
	unsigned	 traits;
	bool		 thinks;		/* this request asks for thinking */
	unsigned	 skip, marks;		/* cache_control: leave out so many, then write so many */
};
void		 write_cache_control(struct write *, struct text raw);
void		 write_text_block(struct write *, struct quoted text, struct text cache_control);
/* anthropic_media.c: images and documents as blocks. */
struct error	*write_image(struct write *, const struct part *);
struct error	*write_document(struct write *, const struct part *);
/* anthropic_turns.c: messages that alternate, each call with its result in the next one. */
struct turn;
struct turn	*turns_of(struct arena *, const struct ask *);
bool		 turns_end_unthought(const struct turn *);	/* the tool loop under way was begun without thinking */
unsigned	 turns_marks(const struct turn *);		/* how many cache_control they hold */
struct error	*write_turns(struct write *, const struct turn *);
/* anthropic_tools.c: definitions and names. */
unsigned	 tools_marks(const struct ask *);
void		 write_tools(struct write *, bool json_tool);		/* tools and tool_choice, if there are any */
struct quoted	 tool_name_out(struct arena *, struct quoted);		/* as the vendor's alphabet has it */

struct reader	*anthropic_reader(struct arena *, struct seen *, const struct ask *);
struct error	*anthropic_read_answer(struct reader *, struct text body, struct hearer);
bool		 anthropic_read_event(struct reader *, struct text name, struct text data, struct hearer);
void		 anthropic_read_end(struct reader *, struct hearer);
struct error	*anthropic_write_request(struct buf *, struct arena *, const struct ask *, const struct deployment *, struct text model,
		    bool drop_params);

#endif
