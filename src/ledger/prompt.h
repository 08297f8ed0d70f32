/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was asked and answered, kept only where somebody asked for that (exchange/scribe.c), and apart from the rows of the ledger.
 *
 * Before anything is written it is cleaned: what looks like a key or is called like one is gone, images and other opaque data are cut, and the whole is
 * bounded.  Records then wait in a spool of their own, INSTANCE.prompts, for the housekeeper.  They are worth less than rows: where the disk is slow or
 * full they are dropped, and nobody waits for them.
 */
#ifndef LEDGER_PROMPT_H
#define LEDGER_PROMPT_H

#include "base/errand.h"
#include "base/json.h"

#define PROMPT_MOST	(1 << 20)			/* bytes of what was asked, and of what was answered; sluice.prompt_limit is less */
#define PROMPT_FRAME	(2 * PROMPT_MOST + 1024)	/* of a packed record */

struct prompt {
	char		 id[37];		/* of the exchange */
	struct text	 team_id;		/* at most 255 bytes are kept */
	struct text	 request, answer;	/* JSON, clean; or empty */
};

void		 prompt_pack(struct buf *, const struct prompt *);
bool		 prompt_unpack(struct prompt *, struct text);	/* texts point into it; false: of another version, or none */

/*
 * Appends the JSON text, which was checked, clean and in at most `most` bytes (which are 512 at least).  Of strings that are too long the middle is cut,
 * of a text of too many pieces the end; both with a mark.  `secrets` are cut out wherever they stand.
 */
void		 prompt_clean(struct buf *, struct text json, size_t most, const struct text *secrets, unsigned n_secrets);

/* Writing, in a thread of its own, which begins with the first record: a worker that stores none has neither thread nor folder. */

struct prompts;

struct prompts_setup {
	struct loop	*loop;
	const char	*dir;			/* prompts_path() */
	size_t		 segment;		/* bytes of a file, about */
	uint64_t	 most;			/* bytes of all that wait */
	void		(*dropped)(void *self, const char *why);	/* a record was; on the loop */
	void		*self;
};

struct text	 prompts_path(struct arena *, struct text state_dir, struct text instance);	/* STATE_DIR/INSTANCE.prompts */
struct prompts	*prompts_new(const struct prompts_setup *);
void		 prompts_free(struct prompts *);		/* writes what waits */
/* Memory of exchanges that are being recorded, as a change; false: there is too much of it, so do not record (it is not changed then). */
bool		 prompts_hold(struct prompts *, int64_t bytes);
void		 prompts_put(struct prompts *, const struct prompt *);	/* copied; never blocks */

#endif
