/* SPDX-License-Identifier: Apache-2.0 */
/* Records of prompts: cleaned in one pass over their JSON, and packed. */
#include "ledger/prompt.h"

#include <assert.h>

#define VERSION		1
#define TEAM_MOST	255
#define DATA_MOST	1024		/* longer strings of nothing but base64 are no words */
#define KEY_LEAST	16		/* characters of a key behind its beginning */
#define MARK_ROOM	64
#define WORD_MOST	256

struct cleaning {
	struct buf	*out;
	size_t		 start, most;	/* where it began; bytes it may get */
	size_t		 longest;	/* string that stays whole */
	const struct text *secrets;
	unsigned	 n_secrets;
	uint64_t	 objects;	/* a bit for each level that is open: is it an object? */
	unsigned	 depth;
	unsigned	 hidden;	/* the level within which all strings are secrets; 0: none */
	struct text	 name;		/* of the value that comes, raw */
};

/* names of secrets, without the - and _ in them */
static const char *const secret_names[] = {
	"accesskey", "accesstoken", "apikey", "authorization", "authorizationtoken", "awssecretaccesskey", "awssessiontoken", "bearertoken", "clientsecret",
	"cookie", "credentials", "extraheaders", "headers", "password", "passwd", "privatekey", "refreshtoken", "secret", "secretkey", "sessiontoken",
	"setcookie", "xapikey",
};

static bool
is_secret_name(struct text name)
{
	char plain[24];
	size_t n = 0;

	for (size_t i = 0; i < name.len; i++) {
		if (name.at[i] == '_' || name.at[i] == '-')
			continue;
		if (n == sizeof(plain))
			return (false);
		plain[n++] = name.at[i] >= 'A' && name.at[i] <= 'Z' ? (char)(name.at[i] | 0x20) : name.at[i];
	}
	for (size_t i = 0; i < nitems(secret_names); i++)
		if (text_is((struct text){ plain, n }, secret_names[i]))
			return (true);
	return (false);
}

/* strings */

static bool
is_key_character(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.');
}

static size_t
key_length(struct text t)
{
	size_t n = 0;

	while (n < t.len && is_key_character(t.at[n]))
		n++;
	return (n);
}

/* The n of \n: raw strings have their escapes still. */
static bool
is_escape_letter(struct text t, size_t i)
{
	size_t n = 0;

	while (n < i && t.at[i - n - 1] == '\\')
		n++;
	return (n % 2 == 1);
}

/* Behind an escape too, and one of a text within the text (arguments of tools). */
static bool
begins_word(struct text t, size_t i)
{
	return (i == 0 || !is_key_character(t.at[i - 1]) || (i >= 2 && t.at[i - 2] == '\\') || (i >= 6 && t.at[i - 6] == '\\' && t.at[i - 5] == 'u'));
}

/* Where that is, before *at; false: nowhere. */
static bool
find(struct text t, size_t from, struct text what, size_t *at)
{
	while (what.len > 0 && from < *at) {
		const char *s = memmem(t.at + from, *at - from, what.at, what.len);

		if (s == NULL)
			return (false);
		from = (size_t)(s - t.at) + 1;
		if (is_escape_letter(t, from - 1))
			continue;
		*at = from - 1;
		return (true);
	}
	return (false);
}

/* Keys, tokens of programs, headers that carry them: where the next one is, from `from`, and how much of it goes; false: there is none. */
static bool
next_secret(const struct cleaning *c, struct text t, size_t from, size_t *at, size_t *len)
{
	static const struct text begins[] = { { "sk-", 3 }, { "eyJ", 3 }, { "Bearer ", 7 } };
	bool found = false;
	size_t n;

	*at = t.len;
	for (unsigned i = 0; i < c->n_secrets; i++)
		if (find(t, from, c->secrets[i], at)) {
			*len = c->secrets[i].len;
			found = true;
		}
	for (size_t i = 0; i < nitems(begins); i++)
		for (size_t look = from, next = *at; find(t, look, begins[i], &next); look = next + 1, next = *at) {
			n = key_length(text_sub(t, next + begins[i].len, t.len));
			if (n < KEY_LEAST || !begins_word(t, next))
				continue;
			*at = next;
			*len = begins[i].len + n;
			found = true;
			break;
		}
	return (found);
}

static void
put_masked(const struct cleaning *c, struct text t)
{
	size_t from = 0, at, len;

	while (next_secret(c, t, from, &at, &len)) {
		buf_text(c->out, text_sub(t, from, at));
		buf_lit(c->out, "[redacted]");
		from = at + len;
	}
	buf_text(c->out, text_sub(t, from, t.len));
}

/* base64 as JSON may have it, with escaped slashes and line ends */
static bool
is_data(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (!is_key_character(t.at[i]) && strchr("+/=", t.at[i]) == NULL) {
			if (t.at[i] != '\\' || i + 1 == t.len || strchr("/nr", t.at[i + 1]) == NULL)
				return (false);
			i++;
		}
	return (true);
}

/* The last place at or before `at` that is neither within an escape nor within a UTF-8 character. */
static size_t
border(struct text t, size_t at)
{
	size_t from = at > 12 ? at - 12 : 0, slash = from;

	while (slash > 0 && t.at[slash - 1] == '\\')
		slash--;
	if ((from - slash) % 2 == 1)
		from++;				/* what is escaped there */
	for (size_t i = from; i < at;) {
		size_t n = t.at[i] != '\\' ? 1 : i + 1 < t.len && t.at[i + 1] == 'u' ? 6 : 2;

		if (i + n > at)
			return (i);
		i += n;
	}
	while (at > 0 && at < t.len && ((unsigned char)t.at[at] & 0xc0) == 0x80)
		at--;
	return (at);
}

/* The middle that goes: whole words of it, because half a key is one half too much. */
static void
middle(struct text t, size_t longest, size_t *from, size_t *to)
{
	*from = longest / 3;
	*to = border(t, t.len - (longest - longest / 3));
	for (size_t n = 0; n < WORD_MOST && *from > 0 && is_key_character(t.at[*from - 1]); n++)
		--*from;
	*from = border(t, *from);
	for (size_t n = 0; n < WORD_MOST && *to < t.len && is_key_character(t.at[*to]); n++)
		++*to;
}

static void
put_cut(struct buf *out, size_t bytes)
{
	buf_print(out, "[cut: %zu bytes]", bytes);
}

static void
put_string(const struct cleaning *c, struct text t)
{
	struct text head, rest;
	size_t from, to;

	if (c->hidden > 0) {
		buf_lit(c->out, "[redacted]");
	} else if (t.len > 100 && text_starts(t, TEXT("data:")) && text_cut(text_sub(t, 0, 200), ',', &head, &rest)) {
		put_masked(c, head);
		buf_byte(c->out, ',');
		put_cut(c->out, t.len - head.len - 1);
	} else if (t.len > DATA_MOST && is_data(t)) {
		put_cut(c->out, t.len);
	} else if (t.len > c->longest) {
		middle(t, c->longest, &from, &to);
		put_masked(c, text_sub(t, 0, from));
		buf_lit(c->out, " ");
		put_cut(c->out, to - from);
		buf_lit(c->out, " ");
		put_masked(c, text_sub(t, to, t.len));
	} else
		put_masked(c, t);
}

/* the walk */

static bool
in_object(const struct cleaning *c)
{
	return (c->depth > 0 && (c->objects >> (c->depth - 1) & 1) != 0);
}

/* Behind the string's closing quote. */
static size_t
string_end(struct text t, size_t at)
{
	for (at++; at < t.len; at++) {
		const char *q = memchr(t.at + at, '"', t.len - at), *s;

		if (q == NULL)
			break;
		s = memchr(t.at + at, '\\', (size_t)(q - (t.at + at)));
		if (s == NULL)
			return ((size_t)(q - t.at) + 1);
		at = (size_t)(s - t.at) + 1;
	}
	return (t.len);
}

static bool
is_name(struct text t, size_t end)
{
	while (end < t.len && strchr(" \t\r\n", t.at[end]) != NULL)
		end++;
	return (end < t.len && t.at[end] == ':');
}

static void
open_level(struct cleaning *c, char bracket)
{
	assert(c->depth < JSON_DEPTH);
	if (c->hidden == 0 && in_object(c) && is_secret_name(c->name))
		c->hidden = c->depth + 1;
	c->objects &= ~(UINT64_C(1) << c->depth);
	c->objects |= (uint64_t)(bracket == '{') << c->depth;
	c->depth++;
}

static void
close_level(struct cleaning *c)
{
	if (c->hidden == c->depth)
		c->hidden = 0;
	c->depth--;
}

static void
take_string(struct cleaning *c, struct text t, size_t at, size_t end)
{
	struct text inside = text_sub(t, at + 1, end - 1);
	bool secret;

	buf_byte(c->out, '"');
	if (in_object(c) && is_name(t, end)) {
		c->name = inside;
		put_masked(c, inside);
	} else {
		secret = c->hidden == 0 && in_object(c) && is_secret_name(c->name);
		if (secret)
			c->hidden = c->depth;
		put_string(c, inside);
		if (secret)
			c->hidden = 0;
	}
	buf_byte(c->out, '"');
}

/* An embedding: numbers, which nobody reads. */
static size_t
skip_numbers(const struct cleaning *c, struct text t, size_t at)
{
	const char *end = memchr(t.at + at, ']', t.len - at);

	buf_byte(c->out, '"');
	put_cut(c->out, (size_t)(end - (t.at + at)) + 1);
	buf_byte(c->out, '"');
	return ((size_t)(end - t.at) + 1);
}

static bool
is_embedding(const struct cleaning *c, struct text t, size_t at)
{
	const char *end;

	if (t.at[at] != '[' || !in_object(c) || !text_is(c->name, "embedding"))
		return (false);
	end = memchr(t.at + at, ']', t.len - at);
	return (end != NULL && memchr(t.at + at + 1, '"', (size_t)(end - (t.at + at))) == NULL &&
	    memchr(t.at + at + 1, '[', (size_t)(end - (t.at + at))) == NULL);
}

/* One pass; false: it gets too long. */
static bool
clean(struct cleaning *c, struct text t)
{
	size_t end;

	c->out->len = c->start;
	c->depth = c->hidden = 0;
	c->name = TEXT("");
	for (size_t at = 0; at < t.len; at = end) {
		char b = t.at[at];

		end = at + 1;
		if (is_embedding(c, t, at)) {
			end = skip_numbers(c, t, at);
		} else if (b == '"') {
			end = string_end(t, at);
			take_string(c, t, at, end);
		} else if (b != ' ' && b != '\t' && b != '\r' && b != '\n') {
			if (b == '{' || b == '[')
				open_level(c, b);
			else if (b == '}' || b == ']')
				close_level(c);
			buf_byte(c->out, b);
		}
		if (c->out->len - c->start > c->most)
			return (false);
	}
	return (true);
}

/* Strings cut ever shorter did not help: its beginning, as a text. */
static void
keep_beginning(const struct cleaning *c, size_t whole)
{
	struct buf begun = { 0 };
	struct text t = text_sub((struct text){ c->out->at + c->start, c->out->len - c->start }, 0, (c->most - MARK_ROOM) / 2);
	struct quoted q;
	struct arena *arena = arena_new();

	buf_text(&begun, text_whole(t));
	c->out->len = c->start;
	q = json_escape(arena, buf_as_text(&begun));
	buf_print(c->out, "{\"cut\":%zu,\"begins\":\"", whole);
	buf_add(c->out, q.at, q.len);
	buf_lit(c->out, "\"}");
	arena_free(arena);
	buf_free(&begun);
}

void
prompt_clean(struct buf *out, struct text json, size_t most, const struct text *secrets, unsigned n_secrets)
{
	struct cleaning c = { .out = out, .start = out->len, .most = most, .secrets = secrets, .n_secrets = n_secrets };

	for (size_t part = 1; part <= 256; part *= 8) {
		c.longest = most / part < 128 ? 128 : most / part;
		if (clean(&c, json))
			return;
	}
	keep_beginning(&c, json.len);
}

/* records: version, id, then each text behind its length */

static void
put_text(struct buf *b, struct text t)
{
	uint32_t n = (uint32_t)t.len;

	buf_add(b, &n, sizeof(n));
	buf_text(b, t);
}

static bool
take_text(struct text *t, struct text *rest)
{
	uint32_t n;

	if (rest->len < sizeof(n))
		return (false);
	memcpy(&n, rest->at, sizeof(n));
	*t = text_sub(*rest, sizeof(n), sizeof(n) + n);
	if (t->len != n)
		return (false);
	*rest = text_sub(*rest, sizeof(n) + n, rest->len);
	return (true);
}

void
prompt_pack(struct buf *b, const struct prompt *p)
{
	buf_byte(b, VERSION);
	buf_add(b, p->id, sizeof(p->id) - 1);
	put_text(b, text_whole(text_sub(p->team_id, 0, TEAM_MOST)));
	put_text(b, p->request);
	put_text(b, p->answer);
}

bool
prompt_unpack(struct prompt *p, struct text t)
{
	const size_t id = sizeof(p->id) - 1;
	struct text rest = text_sub(t, 1 + id, t.len);

	if (t.len < 1 + id || t.at[0] != VERSION)
		return (false);
	memcpy(p->id, t.at + 1, id);
	p->id[id] = '\0';
	return (take_text(&p->team_id, &rest) && take_text(&p->request, &rest) && take_text(&p->answer, &rest) && rest.len == 0);
}
