/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: exactly one row for every exchange, whatever its end.
 *
 * A row is appended to the spool of the host in the exchange's own process, or by the sweeper that finds the exchange of a dead one; the housekeeper ships
 * the spool into the store, once by request id, in the transaction that charges the accounts.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "base/arena.h"
#include "base/money.h"

#define LEDGER_ROW_MOST	4096	/* bytes of a packed row; longer texts are cut, the document first */

struct ledger_row {
	char		 id[37];		/* UUIDv7, of the exchange */
	int64_t		 began_ms, first_token_ms, ended_ms;	/* since 1970; first_token 0: none */
	struct text	 call_type;		/* "acompletion", "aembedding", … as LiteLLM's */
	struct text	 ended;			/* complete, cut, left, refused, swept */
	int		 status;
	bool		 streamed, estimated;
	struct text	 key_digest, user_id, team_id, organization_id, project_id, customer;
	struct text	 model_group, model, model_id, provider, api_base;
	int64_t		 prompt, completion, cached, written, reasoning;	/* tokens */
	int64_t		 cost;			/* nano-dollars */
	struct charge	 charges[CHARGES_MOST];
	unsigned	 n_charges;
	struct text	 tags;			/* a JSON array of strings */
	struct text	 doc;			/* a JSON object: price in force, attempts, the client's ids, session, error, metadata */
	/* Of one that was unpacked: where both are equal, all texts but the document are, and (if as many) the charges.  Empty: unknown. */
	struct text	 shape, alike;
};

void		 ledger_row_pack(struct buf *, const struct ledger_row *);
/* Its id, as numbers that sort like ids; false: it is no row that this version can unpack. */
bool		 ledger_row_key(uint64_t key[2], struct text packed);
bool		 ledger_row_unpack(struct ledger_row *, struct arena *, struct text);	/* texts point into it */

#endif
