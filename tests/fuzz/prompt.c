/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any JSON, cleaned to be stored: what comes out is JSON, not longer than it may be, and no secret is in it.
 *
 * The first byte says how long it may be; the rest is the text, which may have the secret in it.
 */
#include "ledger/prompt.h"

#include <stdlib.h>

#define SECRET	"@the-secret"	/* no letter of an escape, so that raw texts can be looked at */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct text secrets[] = { TEXT(SECRET), TEXT("") };
	struct prompt p = { .id = "" };
	struct json_fault fault;
	enum json_type type;
	struct buf out = { 0 };
	struct text t;
	size_t n, most;

	(void)prompt_unpack(&p, (struct text){ (const char *)data, size });
	if (size < 1 || !json_scan((struct text){ (const char *)data + 1, size - 1 }, &type, NULL, 0, &n, &fault))
		return (0);
	most = 512 + (size_t)data[0] * 8;
	buf_lit(&out, "x");
	prompt_clean(&out, (struct text){ (const char *)data + 1, size - 1 }, most, secrets, nitems(secrets));
	t = text_sub(buf_as_text(&out), 1, out.len);
	if (t.len > most || !json_scan(t, &type, NULL, 0, &n, &fault))
		abort();
	if (memmem(t.at, t.len, SECRET, strlen(SECRET)) != NULL)
		abort();
	buf_free(&out);
	return (0);
}
