/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool: where rows wait for the store, a folder of the host that survives crashes and restarts.
 *
 * All processes of a host append to its newest segment, one write(2) for all rows of a turn.  When that is large enough whoever sees it begins the next.
 * A row that was appended survives the end of its process at once, and of the machine after the next fdatasync, which is made for all rows of 50 ms
 * together.  What can not be written waits in memory, and no new call is let in until it is written.
 *
 * A `struct spool` belongs to one thread.  Readers: ledger/reader.h.
 */
#ifndef LEDGER_SPOOL_H
#define LEDGER_SPOOL_H

#include "base/errand.h"
#include "board/running.h"
#include "ledger/ledger.h"

struct spool;

/* The folder of an instance: STATE_DIR/INSTANCE.spool. */
struct text	 spool_path(struct arena *, struct text state_dir, struct text instance);

struct spool_settings {
	const char	*dir;			/* the folder itself, made when missing */
	size_t		 segment;		/* bytes, about */
	size_t		 most;			/* of one frame; 0: a row's */
	bool		 private;		/* its folder and files are for nobody else to read */
	void		(*written)(void *self, void *whose);	/* a row that was queued, or had to wait (whose: NULL), is in the file now; may be NULL */
	void		*self;
};

/* NULL and *why: no such folder, another's, or no spool. */
struct spool	*spool_open(const struct spool_settings *, struct buf *why);
/* Whatever waits is tried once more.  What was appended is made safe here only if it was attached: else the housekeeper does so within a second. */
void		 spool_close(struct spool *);
/*
 * fdatasync in an errand of `disk`, `after_ms` after the first row that needs it; and once a second a look at the room.  Without it, spool_sync() is for
 * that.  The spool is closed before its lane is freed.
 */
void		 spool_attach(struct spool *, struct loop *, struct lane *disk, unsigned after_ms);

/* False: it could not be written now and waits in memory; settings.written will tell. */
bool		 spool_append(struct spool *, const struct ledger_row *);
/* Written with all others of this turn of the loop, or at once where there is none; settings.written tells whose it is, perhaps before this returns. */
void		 spool_queue(struct spool *, const struct ledger_row *, void *whose);
bool		 spool_put(struct spool *, struct text frame);		/* any bytes, as they are; false: they could not be written, and are not kept */
void		 spool_rest(struct spool *);		/* lets the segment go until there is more to write */
void		 spool_follow(struct spool *);		/* begins the next segment, so that this one can be removed when it has been read */
uint64_t	 spool_takes(const struct spool *);	/* bytes of its segments */
void		 spool_print(struct buf *, const struct spool *);	/* that, and what is kept aside, as metrics */
/* May so many calls be running, as far as the disk goes? */
bool		 spool_has_room(struct spool *, unsigned running);
/* Blocks: what waits is tried again, and what was appended here, and by one-request processes, is made safe; false: not all of it. */
bool		 spool_sync(struct spool *);

/* The row of an exchange whose process died, for running_sweep(); `spool` is a struct spool. */
bool		 spool_swept(void *spool, const struct running_view *);

#endif
