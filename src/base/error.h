/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as values: NULL is fine; anything else carries a kind, a sentence that is safe for the client, and a detail for the log.
 *
 * Errors live in the arena they were made in.  Functions that can fail return `struct error *`; TRY() passes one up.
 * Only the fronts turn an error into bytes.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/arena.h"
#include "base/error_kinds.h"

enum error_kind {
#define ROW(kind, status, otype, ocode, atype, fault, again, what)	E_##kind,
	ERROR_KINDS(ROW)
#undef ROW
	ERROR_KIND_COUNT
};

enum error_fault { FAULT_CALLER, FAULT_UPSTREAM, FAULT_GATEWAY };

struct error_kind_row {
	const char	*name;			/* for the log: "RATE_LIMIT" */
	int		 status;
	const char	*openai_type, *openai_code, *anthropic_type;
	enum error_fault fault;
	bool		 another;		/* may another deployment do better */
	const char	*what;
};

extern const struct error_kind_row error_kinds[ERROR_KIND_COUNT];

struct error {
	enum error_kind	 kind;
	int		 status;		/* overrides the kind's when not 0 (an upstream's own 4xx is kept) */
	struct text	 message;		/* for the client; never a secret, never a vendor's raw HTML */
	struct text	 detail;		/* for the log only; may be empty */
	struct text	 param, code, type;	/* override the kind's when not empty (unescaped text) */
	struct text	 inner;			/* JSON: the vendor's findings, which are shown as `innererror`; or empty */
	int64_t		 retry_after_ms;	/* 0: say nothing */
	bool		 useless_to_retry;	/* sends x-should-retry: false */
};

struct error	*error_new(struct arena *, enum error_kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
struct error	*error_param(struct error *, const char *param);	/* the same error, naming the member to blame */
int		 error_status(const struct error *);			/* what a chat client gets */
int		 error_status_messages(const struct error *);		/* what a Messages client gets: 529 when overloaded, 404 for a model */

#define TRY(call)	do { struct error *try_error_ = (call); if (try_error_ != NULL) return (try_error_); } while (0)

#endif
