/* SPDX-License-Identifier: Apache-2.0 */
/* Are the brackets of a JSON text closed that comes in pieces? */
#include "base/json.h"

static void
weigh(struct json_balance *b, char c)
{
	if (b->in_string) {
		if (b->escaped)
			b->escaped = false;
		else if (c == '\\')
			b->escaped = true;
		else if (c == '"')
			b->in_string = false;
	} else if (c == '"')
		b->in_string = true;
	else if (c == '{' || c == '[') {
		b->began = true;
		b->depth++;
	} else if ((c == '}' || c == ']') && b->depth > 0)
		b->depth--;
}

/* What an escape stands for, as far as it matters here; *i is left on its last byte. */
static char
unescaped(struct quoted q, size_t *i)
{
	char c = q.at[++*i];
	bool whole = *i + 4 < q.len;
	const char *digits = q.at + *i + 1;

	if (c != 'u')
		return (c == '"' || c == '\\' ? c : ' ');
	*i += 4;
	if (whole && memcmp(digits, "0022", 4) == 0)
		return ('"');
	return (whole && (memcmp(digits, "005c", 4) == 0 || memcmp(digits, "005C", 4) == 0) ? '\\' : ' ');
}

void
json_balance_add(struct json_balance *b, struct quoted piece)
{
	for (size_t i = 0; i < piece.len; i++)
		weigh(b, piece.at[i] == '\\' && i + 1 < piece.len ? unescaped(piece, &i) : piece.at[i]);
}

bool
json_balanced(const struct json_balance *b)
{
	return (b->depth == 0 && !b->in_string);
}
