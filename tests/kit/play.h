/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scripted upstream answers: a script's options become a play, all bytes of the answer with the moves in which they are sent.
 *
 * A script is a name and options, `cut,after=3`: the name is a row of presets (play.c), every option may be given to every
 * script.  Plays that depend on nothing but the script, the model and the kind of request are made once and shared.
 */
#ifndef KIT_PLAY_H
#define KIT_PLAY_H

#include "base/arena.h"
#include "base/json.h"

enum dialect { CHAT, MESSAGES, RESPONSES, COMPLETIONS, EMBEDDINGS };

/* What was asked, as far as an answer depends on it.  Texts live as long as the request. */
struct ask {
	enum dialect	 dialect;
	bool		 stream;
	bool		 wants_usage;		/* stream_options.include_usage */
	bool		 count;			/* tokens only: count_tokens, input_tokens */
	bool		 compact;		/* /responses/compact */
	bool		 azure;			/* asked at a deployment's path */
	struct quoted	 model;
	const struct json *body;		/* NULL in a hurry (--bench) */
	int64_t		 asked;			/* how many requests named this model before */
	struct text	 id;			/* of the response; empty: always the same, and the play may be shared */
	uint32_t	 mark;			/* of the key: what is encrypted for one opens with it only */
	struct buf	*kept;			/* takes the response as it can be retrieved; NULL: nobody wants it */
};

/* Every option of a script; doc/ and tests speak these names.  Numbers first, then words. */
struct script {
	int64_t	 after, azure, bom, by, bytes, choice, chunks, comments, each, early, expires, first, floats, gap, gzip, headers, in, interleave, n, noargs,
		 nospace, nulls, out, pause, reasoning, retry_after, seed, size, split, stamp, status, tags, times, twodata, whole;
	struct text args, as, call, code, done, event, fault, field, finish, framing, index, kind, line, make, message, mode, say, text, type, usage, wire;
};

struct move {
	uint32_t	 upto;			/* bytes of the play sent when it is made */
	uint32_t	 wait_ms;		/* before it */
	uint32_t	 times;			/* it is made */
	uint32_t	 event;			/* events sent when it is made */
};

enum play_end { PLAY_KEEP, PLAY_CLOSE, PLAY_RESET, PLAY_HANG };

struct play {
	struct buf	 bytes;
	struct move	*moves;
	unsigned	 n, room, refs;
	enum play_end	 end;
	int		 status;		/* 0: none is sent */
	bool		 struck;		/* it ends by the script's fault */
	bool		 stamped;		/* moves have a place for the time they are made */
	struct play	*next;			/* of the shared ones */
	struct buf	 key;
};

/* Reads "name,option=value,…" into *s; false: *why says what is wrong.  Words point into `spec` or `arena`. */
bool		 script_read(struct script *, struct text spec, struct arena *, struct buf *why);
/* The play of an answer; shared ones are found again. */
struct play	*play_of(struct text spec, const struct ask *);
struct text	 percent_decode(struct arena *, struct text);
struct play	*play_plain(int status, const char *type, struct text body);	/* any whole answer */
struct play	*play_whole(int status, struct text headers, struct text body);	/* the same with all its headers but the length */
struct play	*play_refusal(enum dialect, int status, const char *message);
void		 play_drop(struct play *);
void		 play_forget_shared(void);

#endif
