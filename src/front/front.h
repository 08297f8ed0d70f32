/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialects our clients speak: their requests into asks, our events into their answers, our errors into their errors.
 *
 * Pure: bytes in, bytes out.  A front never sees a vendor.
 */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include "chat/ask.h"
#include "chat/event.h"
#include "config/config.h"
#include "provider/provider.h"

struct caller;

enum dialect { DIALECT_CHAT, DIALECT_MESSAGES, DIALECT_RESPONSES };

/* What the client must be told about an answer that the events do not say. */
struct told {
	struct text	 model;			/* the group name the client asked for (unescaped) */
	struct text	 id;			/* our own id, when the vendor gave none or its form is foreign */
	int64_t		 created;		/* seconds since 1970 */
	bool		 usage_asked;
	bool		 old_functions;		/* chat: tool calls are answered as function_call (struct ask) */
	/* The request, for what an answer repeats of it; only while a writer is made: a stream that commits gives the request's memory back. */
	const struct glance *asked;
	const struct ask *ask;			/* NULL: relayed */
};

struct writer;					/* a front's own, in the arena */

/* What is known of a stream that fails behind its first byte. */
struct failing {
	struct text	 request_id;
	const struct told *told;
	struct writer	*writer;		/* NULL: relayed */
	const struct seen *seen;		/* NULL: nothing came */
};

struct front {
	const char	*name;
	enum dialect	 dialect;
	enum wire	 wire;			/* the upstream dialect that is the same */
	/* One pass over the body: is it JSON, an object, are the guarded members given once and spelled right and of the right type. */
	struct error   *(*glance)(struct glance *, struct arena *, struct text body);
	struct error   *(*read_ask)(struct ask *, struct arena *, const struct glance *);
	/* Whole answers: collects events, and at END has the body in `out`. */
	struct writer  *(*whole)(struct arena *, const struct told *, struct buf *out);
	/* Streams: each event appends complete frames to `out`, terminal frames at END; ERROR appends the dialect's error event. */
	struct writer  *(*stream)(struct arena *, const struct told *, struct buf *out);
	event_f		*write;			/* self: the writer */
	/* A relayed event's frame around its (edited) data. */
	void		(*frame)(struct buf *out, struct text name, struct text data);
	/* What a relayed stream still needs at its proven end: the finish reason its vendor forgot, "data: [DONE]" (which is never relayed itself). */
	void		(*frame_end)(struct buf *out, const struct told *, const struct seen *);
	struct text	 heartbeat;		/* a frame that means nothing */
	/* Errors: a body (with its status), and an event of a committed stream. */
	const char	*media;			/* of whole answers; NULL: application/json */
	int		(*error_body)(struct buf *out, const struct error *, struct text request_id);
	void		(*error_event)(struct buf *out, const struct error *, const struct failing *);
};

extern const struct front front_chat, front_messages, front_responses, front_completions, front_embeddings, front_cursor;
extern const struct front front_scim;		/* nothing but errors */
const char	*front_media(const struct front *);
/* Whose words a body is in that a front has looked at: chat's path takes those of Cursor, too. */
const struct front *front_of_body(const struct front *, const struct glance *);

/* As a front's error_body, but in Azure's words where those differ: azure.c. */
#define AZURE_NO_RESOURCE	"404"		/* the code of an E_NOT_FOUND that means the path, as without an api-version */
int	azure_error_body(struct buf *out, const struct front *, const struct error *, struct text request_id);

/* GET /v1/models and /v1/models/{id}, in OpenAI's shape or in Anthropic's. */
enum model_fallbacks { FALLBACKS_UNASKED, FALLBACKS_GENERAL, FALLBACKS_CONTEXT, FALLBACKS_POLICY };
struct model_wish {
	bool		 anthropic;
	bool		 none;			/* only_model_access_groups: there are none */
	bool		 patterns;		/* return_wildcard_routes: patterns too, beside the models they stand for */
	enum model_fallbacks fallbacks;
	int64_t		 limit;			/* Anthropic's pages; 0: all */
	struct text	 after, before;
	const struct caller *caller;		/* only what it may call; NULL: all */
};
struct error	*models_list(struct buf *out, struct arena *, const struct config *, const struct model_wish *);	/* an error: no such cursor */
bool	models_one(struct buf *out, const struct config *, struct text id, const struct model_wish *);	/* false: no such model */

/* LiteLLM's /model/info and /model_group/info (info.c); empty texts ask for all. */
struct info_wish {
	struct text	 id, model, search;
	int64_t		 page, size;		/* size 0: no pages */
	const struct caller *caller;		/* only what it may call; NULL: all */
	bool		 team_models;		/* of all teams somebody who is signed in is in */
};
int64_t	info_deployments(struct buf *out, struct arena *, const struct config *, const struct info_wish *);	/* how many there are, on all pages */
void	info_groups(struct buf *out, struct arena *, const struct config *, struct text only, const struct caller *);
bool	info_params(struct buf *out, const struct config *, struct text model);	/* /utils/supported_openai_params; false: no such model */

/* An estimate of a prompt's tokens that errs high. */
int64_t	count_tokens(const struct ask *);
/* The same of checked JSON texts (a string, or a list of messages or tools) of whatever dialect. */
int64_t	count_raw(const struct text *said, size_t n);

/* LiteLLM's /utils/token_counter (counter.c).  All but `model` are raw JSON of the request's body, or empty. */
struct counting {
	struct text	 model;
	struct text	 prompt, messages, contents, tools, system;
};
struct error	*counter_read(struct counting *, struct arena *, struct text body);
int64_t	counter_estimate(const struct counting *);
/* The same as a body of the Chat API, for an upstream that counts; empty: it can not be said so. */
struct text	counter_as_chat(struct arena *, const struct counting *);
/* `upstream` is the Messages API's answer to count_tokens, checked JSON; empty: there is none, and our estimate is told. */
void	counter_write(struct buf *out, const struct counting *, struct text model_used, struct text upstream);

#endif
