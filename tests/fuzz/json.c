/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON against an oracle: a slow recursive checker of RFC 8259 that shares nothing with the scanner.
 *
 * Scan (in every way of striding), parse and walk must agree with it and with each other; what is edited must stay JSON; strings must
 * survive being unescaped and escaped.
 */
#include "base/json_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MUST(what)	do { if (!(what)) { fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); abort(); } } while (0)

/* the oracle: each function takes a place and answers the place behind, or NULL */

struct oracle {
	const unsigned char	*p, *end;
	unsigned		 depth;
};

static bool	oracle_value(struct oracle *);

static bool
oracle_takes(struct oracle *o, unsigned char c)
{
	if (o->p == o->end || *o->p != c)
		return (false);
	o->p++;
	return (true);
}

static void
oracle_blank(struct oracle *o)
{
	while (oracle_takes(o, ' ') || oracle_takes(o, '\t') || oracle_takes(o, '\n') || oracle_takes(o, '\r'))
		;
}

static bool
oracle_word(struct oracle *o, const char *word)
{
	while (*word != '\0')
		if (!oracle_takes(o, (unsigned char)*word++))
			return (false);
	return (true);
}

static bool
oracle_digits(struct oracle *o)
{
	unsigned n = 0;

	while (o->p < o->end && *o->p >= '0' && *o->p <= '9') {
		o->p++;
		n++;
	}
	return (n > 0);
}

static bool
oracle_number(struct oracle *o)
{
	oracle_takes(o, '-');
	if (!oracle_takes(o, '0') && !oracle_digits(o))
		return (false);
	if (oracle_takes(o, '.') && !oracle_digits(o))
		return (false);
	if (oracle_takes(o, 'e') || oracle_takes(o, 'E')) {
		if (!oracle_takes(o, '+'))
			oracle_takes(o, '-');
		return (oracle_digits(o));
	}
	return (true);
}

/* Decodes, then judges the number: not by the bytes, as the scanner does. */
static bool
oracle_character(struct oracle *o)
{
	unsigned char first = *o->p++;
	unsigned more = first < 0x80 ? 0 : (first & 0xe0) == 0xc0 ? 1 : (first & 0xf0) == 0xe0 ? 2 : (first & 0xf8) == 0xf0 ? 3 : 9;
	static const uint32_t least[4] = { 0, 0x80, 0x800, 0x10000 };
	uint32_t c;

	if (more == 9)
		return (false);
	c = more == 0 ? first : first & (0x3fu >> more);
	for (unsigned i = 0; i < more; i++) {
		if (o->p == o->end || (*o->p & 0xc0) != 0x80)
			return (false);
		c = c << 6 | (*o->p++ & 0x3f);
	}
	return (c >= least[more] && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff) && c >= 0x20);
}

static bool
oracle_escape(struct oracle *o)
{
	static const char hex[] = "0123456789abcdefABCDEF";

	if (oracle_takes(o, 'u')) {
		for (unsigned i = 0; i < 4; i++) {
			if (o->p == o->end || memchr(hex, *o->p, sizeof(hex) - 1) == NULL)
				return (false);
			o->p++;
		}
		return (true);
	}
	for (const char *c = "\"\\/bfnrt"; *c != '\0'; c++)
		if (oracle_takes(o, (unsigned char)*c))
			return (true);
	return (false);
}

static bool
oracle_string(struct oracle *o)
{
	if (!oracle_takes(o, '"'))
		return (false);
	while (!oracle_takes(o, '"'))
		if (o->p == o->end || !(oracle_takes(o, '\\') ? oracle_escape(o) : oracle_character(o)))
			return (false);
	return (true);
}

static bool
oracle_items(struct oracle *o, bool object)
{
	unsigned char close = object ? '}' : ']';

	o->p++;
	if (++o->depth > JSON_DEPTH)
		return (false);
	oracle_blank(o);
	if (!oracle_takes(o, close)) {
		do {
			oracle_blank(o);
			if (object) {
				if (!oracle_string(o))
					return (false);
				oracle_blank(o);
				if (!oracle_takes(o, ':'))
					return (false);
			}
			if (!oracle_value(o))
				return (false);
		} while (oracle_takes(o, ','));
		if (!oracle_takes(o, close))
			return (false);
	}
	o->depth--;
	return (true);
}

static bool
oracle_value(struct oracle *o)
{
	bool good;

	oracle_blank(o);
	if (o->p == o->end)
		return (false);
	switch (*o->p) {
	case '{':
	case '[':
		good = oracle_items(o, *o->p == '{');
		break;
	case '"':
		good = oracle_string(o);
		break;
	case 't':
		good = oracle_word(o, "true");
		break;
	case 'f':
		good = oracle_word(o, "false");
		break;
	case 'n':
		good = oracle_word(o, "null");
		break;
	default:
		good = oracle_number(o);
	}
	oracle_blank(o);
	return (good);
}

static bool
oracle(struct text t)
{
	struct oracle o = { (const unsigned char *)t.at, (const unsigned char *)t.at + t.len, 0 };

	return (oracle_value(&o) && o.p == o.end);
}

/* what must hold */

static void
check_string(struct arena *a, struct quoted q)
{
	struct text plain = json_unescape(a, q);
	struct quoted again = json_escape(a, plain), half;
	struct text twice = json_unescape(a, again), as_string;

	MUST(plain.len <= q.len);
	MUST(text_eq(plain, twice));
	as_string = arena_print(a, "\"%.*s\"", (int)again.len, again.at);
	MUST(oracle(as_string));
	if (memchr(plain.at, '\0', plain.len) == NULL) {
		struct text zero = arena_copy(a, plain);

		MUST(quoted_is(again, zero.at));
		MUST(quoted_is(q, zero.at));
		MUST(quoted_is_nocase(q, zero.at));
	}
	if (quoted_ends_in_half(q, &half)) {
		MUST(half.len == 6 && half.at + 6 == q.at + q.len);
		MUST(plain.len >= 3 && memcmp(plain.at + plain.len - 3, "\xef\xbf\xbd", 3) == 0);
	}
	quoted_blank(q);
}

static void
check_number(struct text raw)
{
	int64_t i = 0;
	double d = 0;

	if (json_to_i64(raw, &i) && json_to_double(raw, &d))
		MUST(d == (double)i);
	else if (raw.len < 16 && memchr(raw.at, 'e', raw.len) == NULL && memchr(raw.at, 'E', raw.len) == NULL) {
		MUST(json_to_double(raw, &d));
		MUST(d != trunc(d));
	}
}

/* A walk over a container sees what the index has. */
static void
check_walk(struct arena *a, const struct json *node)
{
	struct json_walk walk = json_walk(node->raw);
	const struct json *child = node->first;
	struct json_item item;
	unsigned n = 0;

	for (; json_next(&walk, &item); child = child->next) {
		MUST(child != NULL && child->type == item.type);
		MUST(child->raw.at == item.raw.at && child->raw.len == item.raw.len);
		MUST(child->name.len == item.name.len);
		if (node->type == JSON_OBJECT) {
			MUST(child->name.at == item.name.at && item.from == item.name.at - 1);
			check_string(a, item.name);
		}
		if (item.type == JSON_STRING)
			check_string(a, json_quoted(child));
		if (item.type == JSON_NUMBER)
			check_number(item.raw);
		if (item.type >= JSON_ARRAY)
			check_walk(a, child);
		n++;
	}
	MUST(child == NULL && n == node->count);
}

#define ROOM	12

static void
check_edits(struct text t, const struct json_spot *top, size_t count, uint64_t choice)
{
	size_t known = count < ROOM ? count : ROOM, gone = 0, after, n;
	struct json_edit edits[ROOM];
	struct json_fault fault;
	struct buf out = { 0 };
	enum json_type type;
	bool cut[ROOM];

	for (size_t i = 0; i < known; i++)
		gone += cut[i] = (choice >> i & 1) != 0;
	n = json_cut_many(edits, t, top, known, cut);
	MUST(n <= known);
	json_apply(&out, t, edits, n);
	MUST(oracle(buf_as_text(&out)));
	MUST(json_scan(buf_as_text(&out), &type, NULL, 0, &after, &fault));
	MUST(after == count - gone);
	for (size_t i = 0; i < known; i++) {
		out.len = 0;
		edits[0] = json_cut(t, top, known, i);
		json_apply(&out, t, edits, 1);
		MUST(oracle(buf_as_text(&out)));
		edits[i] = (struct json_edit){ top[i].value, top[i].value + top[i].value_len, TEXT("[\"new\"]") };
	}
	out.len = 0;
	for (size_t i = 0; i < known; i++)
		edits[i] = (struct json_edit){ top[i].value, top[i].value + top[i].value_len, TEXT("[\"new\"]") };
	json_apply(&out, t, edits, known);
	MUST(oracle(buf_as_text(&out)));
	buf_free(&out);
}

static void
check_compact(struct arena *a, struct text t)
{
	struct text inner = json_unescape(a, json_escape_compact(a, t));
	struct quoted again = json_escape(a, inner), compact = json_escape_compact(a, inner);

	MUST(oracle(inner));
	MUST(inner.len <= t.len);
	MUST(again.len == compact.len && memcmp(again.at, compact.at, again.len) == 0);
}

static void
check_good(struct arena *a, struct text t, const struct json *root, enum json_type type, const struct json_spot *top, size_t count, uint64_t choice)
{
	const struct json *child = root->first;
	struct json_item item;

	MUST(root->type == type);
	MUST(count == (type == JSON_OBJECT ? root->count : 0));
	for (size_t i = 0; i < count && i < ROOM; i++, child = child->next) {
		MUST(child->raw.at == json_spot_value(t, &top[i]).at && child->raw.len == top[i].value_len);
		MUST(child->type == top[i].type && child->name.at == json_spot_name(t, &top[i]).at && child->name.len == top[i].name_len);
		if (memchr(child->name.at, '\\', child->name.len) == NULL) {
			const char *name = arena_copy(a, (struct text){ child->name.at, child->name.len }).at;
			const struct json *found = json_get(root, name);

			MUST(found != NULL && json_find(t, name, &item));
			MUST(found->raw.at == item.raw.at);
		}
	}
	check_walk(a, root);
	check_compact(a, t);
	if (type == JSON_OBJECT)
		check_edits(t, top, count, choice);
	if (type == JSON_STRING)
		check_string(a, json_quoted(root));
	if (type == JSON_NUMBER)
		check_number(root->raw);
}

static void
check(struct text t, uint64_t choice)
{
	struct json_spot top[ROOM];
	struct json_fault by_scan = { 0 }, by_parse = { 0 };
	struct arena *a = arena_new();
	enum json_type type;
	size_t count;
	bool good = json_scan(t, &type, top, ROOM, &count, &by_scan);
	struct json *root = json_parse(a, t, &by_parse);
	struct buf said = { 0 };

	MUST(good == oracle(t));
	MUST(good == (root != NULL));
	if (good)
		check_good(a, t, root, type, top, count, choice);
	else {
		MUST(strcmp(by_scan.what, by_parse.what) == 0 && by_scan.at == by_parse.at && by_scan.too_deep == by_parse.too_deep);
		MUST(by_scan.at <= t.len);
		json_fault_print(&said, t, &by_scan);
		buf_free(&said);
	}
	arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t choice = text_hash((struct text){ (const char *)data, size });
	char *copy = malloc(size > 0 ? size : 1);		/* of exactly that size: a byte read behind it is seen */
	struct buf escaped = { 0 };

	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	for (size_t i = 0; i < nitems(json_stride_ways); i++)
		if (json_stride_ways[i].usable) {
			json_stride = json_stride_ways[i].stride;
			check((struct text){ copy, size }, choice);
		}
	buf_byte(&escaped, '"');
	buf_escape(&escaped, (struct text){ copy, size });
	buf_byte(&escaped, '"');
	MUST(oracle(buf_as_text(&escaped)));
	buf_free(&escaped);
	free(copy);
	return (0);
}
