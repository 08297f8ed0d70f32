/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the OpenAI family share: headers, edits of a request, looking at a chunk or a body, finish reasons, usage. */
#ifndef PROVIDER_OPENAI_PRIV_H
#define PROVIDER_OPENAI_PRIV_H

#include "provider/provider.h"

#define CHUNK_MEMBERS	32
#define CHUNK_LIMIT	512		/* members of a chunk; more is nonsense */

/* The members of a chunk or a body that mean something here; NULL: it has none such. */
struct chunk {
	struct text	 data;
	struct json_spot *top;
	size_t		 n;
	const struct json_spot *choices, *list, *error, *id, *model, *object, *type, *usage, *x_groq, *base_resp;	/* list: `data` */
	struct json_spot room[CHUNK_MEMBERS];
};
/* False: not a JSON object (or one with absurdly many members); *fault says why. */
bool		chunk_read(struct chunk *, struct arena *, struct text data, struct json_fault *);
/* An error inside a 200: the object that says so; empty: none. */
struct text	chunk_error(const struct chunk *, struct text event_name);
/* Why an upstream's answer can not be used; the detail is for the log. */
struct error	*not_an_answer(struct arena *, struct text data, const struct json_fault *);
bool		is_done_word(struct text data);			/* [DONE], which some servers follow with more */

/* The members of one of its choices; a type of JSON_NONE: not there. */
struct choice_spots {
	unsigned	 index;
	struct json_item delta;		/* delta, or message */
	struct json_item text;		/* of a completion; JSON_NONE where there is a delta, which some repeat there */
	struct json_item finish_reason, usage, stop;
};
void		choice_read(struct choice_spots *, struct text choice);
#define VENDOR_FAILED	"The upstream ended its answer with an error of its own."
#define EMPTY_ANSWER	"The upstream's answer is empty."
#define MAX_CHOICES	2048		/* completions: prompts times n */

enum finish_word { FINISH_WORD_NONE, FINISH_WORD_KNOWN, FINISH_WORD_VENDOR, FINISH_WORD_FAILED };
enum finish_word finish_read(enum finish *, struct quoted word);	/* VENDOR: a word of its own with a meaning; FAILED: the vendor failed */
struct quoted	 finish_chat(enum finish);			/* "stop", … */

int32_t		chunk_tier(const struct chunk *);		/* by its service_tier; -1: not said */

/* The name an OpenAI-like vendor is asked by: at most 64 characters (longer: 55, '_', 8 hex digits of its SHA-256). */
struct quoted	 tool_name_fit(struct arena *, struct quoted name);

bool		 openai_quirk(const struct deployment *, enum quirk);

/* Azure's shapes of openai_url() (azure.c). */
struct text	 azure_url(struct arena *, const struct deployment *, struct text model, const char *path);

/* For the rows of all its surfaces (openai.c). */
size_t		 openai_headers(struct text *list, size_t room, struct arena *, const struct deployment *, const struct client_says *);
struct text	 openai_in_quotes(struct arena *, struct text word);
void		 openai_put_model(struct splice *, struct text model);
void		 openai_ask_for_usage(struct splice *, const struct deployment *);	/* of a stream, by stream_options */
void		 openai_limit_tokens(struct splice *, const struct deployment *);
struct error	*openai_read_error(struct arena *, int status, struct text content_type, struct text body, int64_t retry_after_ms);

/* The functions of the row, file by file (openai_relay.c, openai_write.c, openai_read.c). */
enum pass	 openai_relay_answer(struct relay *, struct text body, struct edits *);
/* The start of openai_relay_answer(), for bodies without choices: refuses errors, notes id and usage, edits the model.  False: seen.error says why. */
bool		 openai_relay_head(struct relay *, struct chunk *, struct text body, struct edits *);
void		 edits_sort(struct edits *);			/* edits are found member by member, but must stand in the order of the text */
enum pass	 openai_relay_event(struct relay *, struct text name, struct text data, struct edits *);
struct error	*openai_write_request(struct buf *, struct arena *, const struct ask *, const struct deployment *, struct text model, bool drop_params);
struct reader	*openai_reader(struct arena *, struct seen *, const struct ask *);
struct error	*openai_read_answer(struct reader *, struct text body, struct hearer);
bool		 openai_read_event(struct reader *, struct text name, struct text data, struct hearer);
void		 openai_read_end(struct reader *, struct hearer);

#endif
