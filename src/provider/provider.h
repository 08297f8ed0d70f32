/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vendor dialects: pure translation, no I/O, no clock, no globals, so that every test is bytes in, bytes out.
 *
 * Two ways through a provider.  *Relay*, when the client speaks the vendor's dialect: the request is spliced (relay_request) and the answer's bytes pass
 * with a few edits (relay_answer, relay_event), while `struct seen` notes what the log and the ledger want.  *Translation*,
 * when it does not: ask -> vendor's body (write_request), vendor's answer -> events (read_answer, read_event).
 */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include "chat/ask.h"
#include "chat/event.h"
#include "config/config.h"

/*
 * What must be known of a request in its own dialect; found in one pass over the body, which nothing here copies.  The caller zeroes it, and says
 * `counting`.
 */
struct glance {
	bool		 counting;		/* in: a count_tokens body, which needs no max_tokens */
	bool		 model_named;		/* in: the path names the model, the body need not */
	struct text	 body;
	struct json_spot *top;			/* its members */
	size_t		 n_top;
	const bool	*ours;			/* NULL, or for each member: it speaks to the gateway and must not go upstream */
	struct text	 model;			/* unescaped */
	bool		 stream;
	bool		 usage_asked;		/* chat: stream_options.include_usage */
	int64_t		 max_tokens;		/* -1 not said */
	int64_t		 afford;		/* in: the most max_tokens to send, which is what the caller's budget buys; 0: any */
	bool		 base64;		/* embeddings: wanted as base64, not as numbers */
	struct text	 previous_response_id;	/* responses: unescaped, or empty */
	bool		 responses_shaped;	/* chat: the body is one of Responses */
	bool		 background;		/* responses */
	bool		 unstored;		/* responses: store is false */
	struct text	 goes_on_from;		/* in, responses: what the vendor calls the answer that previous_response_id names; empty: as the client says */
	bool		 compacting;		/* in, responses: a body of /compact, which takes few parameters */
};

/* The member of that name; NULL: it is not said. */
const struct json_spot *glance_member(const struct glance *, const char *name);

/* What a limit that was said is lowered to where it is above; `model` is the most of the model's answers, 0: unknown. */
int64_t	 glance_most_tokens(const struct glance *, int64_t model);

/* What the client itself said that its own vendor wants to hear; empty, or a NULL pointer, when the dialects differ. */
struct client_says {
	struct text	 anthropic_version, anthropic_beta;	/* header values */
	bool		 beta;			/* ?beta=true */
	struct text	 bearer, key;		/* its own login at the vendor, to be used in place of ours; usually empty */
	/* of a stored response */
	struct text	 stored;		/* what the vendor calls it */
	const char	*part;			/* "/cancel" …, or "" */
	struct text	 query;			/* as sent */
};

/* What is wanted of an upstream: an answer, a count of tokens, a shorter history, a response it has stored (or something to happen to it). */
enum want { WANT_ANSWER, WANT_COUNT, WANT_COMPACT, WANT_STORED };

/* What was noticed while an answer passed. */
struct seen {
	bool		 content;		/* a content byte has passed: nothing may be retried from here on */
	bool		 finished;		/* the terminal event was seen */
	bool		 done;			/* the dialect's very last word was seen ([DONE], message_stop) */
	bool		 reason_missing;	/* finished by the lenient rule: the client still needs a finish reason */
	enum finish	 finish;
	bool		 usage_said;		/* `usage` below means something; the last word wins */
	struct usage	 usage;
	int32_t		 searches, tier;	/* responses: what stands beside its usage; tier is one more than its enum, 0 not said */
	struct text	 served_model;		/* as the vendor says; in the arena */
	struct text	 vendor_id;		/* the vendor's id of the answer; in the arena */
	uint64_t	 produced;		/* bytes of content that passed, for an estimate when usage never comes */
	uint64_t	 usage_at;		/* `produced` when usage was said last: what came later it does not count */
	int64_t		 sequence;		/* responses: number of the event that would come next */
	struct error	*error;			/* an error inside a 200 */
};

enum pass {
	PASS_ON,				/* forward, with the edits */
	PASS_DROP,				/* the client must not see this event */
	PASS_ERROR,				/* seen->error says what */
};

/* The edits of a relayed text, in order: a growing list in the arena; zeroed at its start. */
struct edits {
	struct json_edit *list;
	size_t		 n, room;
};

/* Gives a vendor's id of a stored answer the form that its client may keep: a function, so that this room knows no secret. */
struct sealer {
	struct quoted	(*seal)(void *self, struct text vendor_id);	/* NULL: ids pass as they are */
	void		*self;
};

struct sealed_id {
	struct text	 vendor;
	struct quoted	 sealed;
};

/* State of a relayed answer; zeroed at its start. */
struct relay {
	struct arena	*arena;			/* for seen's texts, error, edits: small */
	struct quoted	 model;			/* what the client asked for: spliced into `model` */
	bool		 hide_usage;		/* the client did not ask for usage in its stream */
	enum want	 want;
	struct sealer	 sealer;
	struct sealed_id id, previous;		/* sealed last: an answer repeats them */
	struct text	 mark;			/* responses: goes before encrypted reasoning (relay_mark); empty: that passes as it is */
	bool		 base64;		/* embeddings: as the glance says */
	struct seen	 seen;
	struct json_edit edit_room[8];		/* where the edits of one event live, so that an event allocates nothing */
	unsigned	 tools_open;		/* R6: a bit for each choice that made a tool call */
};

struct reader;					/* a provider's own, in the arena */

struct provider {
	const char	*name;
	/* Where a call for that model of the upstream goes.  Empty: this vendor has no such call. */
	struct text	(*url)(struct arena *, const struct deployment *, struct text model, enum want, const struct client_says *);
	/* Headers of a request ("Name: value" each), credential and content type too.  Writes at most `room`, returns how many. */
	size_t		(*headers)(struct text *list, size_t room, struct arena *, const struct deployment *, const struct client_says *);
	/* Same dialect: the edits that make the client's body the vendor's: model, defaults, forbidden and dropped members, usage asked for. */
	struct error   *(*relay_request)(struct edits *, struct arena *, const struct glance *, const struct deployment *, struct text model, bool drop_params);
	/* Same dialect, whole answer: edits to apply before it passes. */
	enum pass	(*relay_answer)(struct relay *, struct text body, struct edits *);
	/* Same dialect, one event of a stream. */
	enum pass	(*relay_event)(struct relay *, struct text name, struct text data, struct edits *);
	/* Other dialects. */
	struct error   *(*write_request)(struct buf *body, struct arena *, const struct ask *, const struct deployment *, struct text model, bool drop_params);
	/* For one answer; the ask (or NULL) tells what write_request had to rename. */
	struct reader  *(*reader)(struct arena *, struct seen *, const struct ask *);
	struct error   *(*read_answer)(struct reader *, struct text body, struct hearer);	/* whole: START … END */
	bool		(*read_event)(struct reader *, struct text name, struct text data, struct hearer);	/* false: nothing more is wanted */
	void		(*read_end)(struct reader *, struct hearer);			/* the bytes ended: END if that is allowed (lenient rule), else ERROR */
	/* The vendor's error body, any make: whose fault, may another do better. */
	struct error   *(*read_error)(struct arena *, int status, struct text content_type, struct text body, int64_t retry_after_ms);
};

extern const struct provider provider_openai, provider_anthropic, provider_responses, provider_completions, provider_embeddings;
const struct provider *provider_of(enum wire);		/* NULL: WIRE_NONE */
/* Whose answer that is, a whole body or the data of an event, by its members; NULL: of no dialect we know. */
const struct provider *provider_of_answer(struct text data);
/* What a usage object of an OpenAI-like vendor says, whatever its spelling; false: nothing. */
bool		 usage_read(struct usage *, struct text object);
/*
 * In which dialect a call for that model of the deployment is held for a client of the dialect `asked`: that one where the vendor has it, else the
 * vendor's own.
 */
enum wire wire_for(const struct deployment *, struct text model, enum wire asked);

/* Shared by the surfaces of the OpenAI family (openai.c): the address of the one with that path behind the deployment's root. */
struct text	 openai_url(struct arena *, const struct deployment *, struct text model, const char *path);

/*
 * Encrypted reasoning can be read only by the credential that made it, so it carries a mark of its deployment while the client has it
 * (responses_mark.c).
 */
struct text	 mark_print(struct arena *, uint64_t deployment);
bool		 mark_find(struct text body, uint64_t *deployment);	/* the last one in a request; false: none */

/* Which parameters of OpenAI's API a call to the deployment can carry (supported.c); ends with NULL. */
const char *const *supported_params(const struct deployment *);
bool		 is_supported_param(const struct deployment *, const char *name);

/* Shared by the files of this room (splice.c): edits of a relayed request, put in order. */
struct splice {
	struct arena	*arena;
	const struct glance *glance;
	bool		*cut;			/* of each member: leave it out */
	struct text	*replace;		/* of each member: its new value, or empty */
	struct buf	 more;			/* members to add: "name":value, each with its comma behind it */
};
struct splice	 splice_new(struct arena *, const struct glance *);	/* `ours` is cut already */
bool		 splice_has(const struct splice *, struct text name);	/* does the client say that member (unescaped, exact) */
void		 splice_set(struct splice *, const char *name, struct text raw);	/* replace its value, or add it */
void		 splice_defaults(struct splice *, const struct deployment *, bool (*known)(struct text name));	/* what the client left out; `known` NULL takes all */
void		 splice_drop(struct splice *, const struct deployment *);	/* additional_drop_params, but for `model` */
void		 splice_finish(struct edits *, struct splice *);
void		 edits_add(struct edits *, struct arena *, size_t from, size_t to, struct text with);

/* Shared (params.c): may a default of a deployment be sent to that surface of the OpenAI family, or is it meant for another? */
bool		 param_fits(struct text name, enum wire);

/*
 * Shared (params.c): the ask with the deployment's defaults where the client said nothing, and without what the deployment drops.  Shallow: the rest is
 * shared.
 */
struct ask	 ask_for_deployment(struct arena *, const struct ask *, const struct deployment *);

/* Shared with the fronts (effort.c): words and budgets of reasoning. */
enum effort	 effort_named(struct quoted);			/* EFFORT_UNSAID: no such word */
const char	*effort_name(enum effort);
enum effort	 effort_of_budget(int64_t tokens);
int64_t		 budget_of_effort(enum effort);			/* EFFORT_MAX is as large as max_tokens allows: INT64_MAX */

/*
 * Shared by the files of this room (names.c): tools whose names had to be changed for the vendor get them back.  The reader of a stream outlives the
 * request, so what it needs of the ask's tools is copied.  NULL: no name was changed.
 */
struct renamed {
	struct quoted	 out, name;
	struct renamed	*next;
};
typedef struct quoted quoted_f(struct arena *, struct quoted);
struct renamed	*names_changed(struct arena *, const struct ask *, quoted_f *);
struct quoted	 names_back(const struct renamed *, struct quoted out);

/* Shared by the files of this room (errors.c): the reading of an error body of unknown make.  `vendor` is a name for people: "OpenAI".  Status 200 is
 * an error inside an answer. */
struct error	*provider_read_error(struct arena *, const char *vendor, int status, struct text content_type, struct text body, int64_t retry_after_ms);

#endif
