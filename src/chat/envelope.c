/* SPDX-License-Identifier: Apache-2.0 */
/* Thoughts sealed for the way through a client and back. */
#include "chat/envelope.h"

#include <limits.h>
#include <openssl/evp.h>

#define LEAD	"eyJzbHVpY2Ui"			/* how the base64 of {"sluice" begins */

static void
put(struct json_out *o, const char *name, struct quoted words)
{
	if (words.len == 0)
		return;
	json_name(o, name);
	json_put_quoted(o, words);
}

struct text
envelope_seal(struct arena *arena, struct text model, const struct envelope *e)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct text sealed = TEXT("");
	char *to;

	json_open(&o, '{');
	json_name(&o, "sluice");
	json_int(&o, 1);
	put(&o, "model", json_escape(arena, model));
	put(&o, "thinking", e->thinking);
	put(&o, "signature", e->signature);
	put(&o, "redacted", e->redacted);
	json_close(&o, '}');
	if (b.len < INT_MAX / 2) {
		to = arena_bytes(arena, (b.len + 2) / 3 * 4 + 1);
		sealed = (struct text){ to, (size_t)EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)b.at, (int)b.len) };
	}
	buf_free(&b);
	return (sealed);
}

static struct text
unpacked(struct arena *arena, struct text base64)
{
	char *to = arena_bytes(arena, base64.len + 1);
	int n = base64.len < INT_MAX ? EVP_DecodeBlock((unsigned char *)to, (const unsigned char *)base64.at, (int)base64.len) : -1;

	for (size_t i = base64.len; n > 0 && i > 0 && base64.at[i - 1] == '='; i--)
		n--;				/* the decoder counts the padding too */
	return ((struct text){ to, n > 0 ? (size_t)n : 0 });
}

bool
envelope_open(struct envelope *e, struct arena *arena, struct text model, struct quoted sealed)
{
	struct text base64 = json_unescape(arena, sealed);
	struct json_fault fault;
	const struct json *inside;

	*e = (struct envelope){ 0 };
	if (!text_starts(base64, TEXT(LEAD)))
		return (false);
	inside = json_parse(arena, unpacked(arena, base64), &fault);
	e->thinking = json_quoted(json_get(inside, "thinking"));
	e->redacted = json_quoted(json_get(inside, "redacted"));
	if (text_eq(json_unescape(arena, json_quoted(json_get(inside, "model"))), model))
		e->signature = json_quoted(json_get(inside, "signature"));
	else
		e->redacted = QUOTED("");
	return (true);
}
