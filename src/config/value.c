/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes to values, with YAML 1.1's idea of what a plain scalar is.
 *
 * The type a scalar looks like matters only where a type is to be guessed (parameters that are sent upstream). Where a number, a truth
 * value or a text is wanted, whatever can be read as one is taken: "30", 0x1e, 1e-6 and 2023-05-15 come from people, not from
 * programs.
 */
#include "config/config_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool
one_of(struct text t, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text_is(t, words[i]))
			return (true);
	return (false);
}

static bool
is_null(struct text t)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	return (one_of(t, words, nitems(words)));
}

bool
scalar_bool(struct text t, bool *value)
{
	static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON" };
	static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF" };

	*value = one_of(t, yes, nitems(yes));
	return (*value || one_of(t, no, nitems(no)));
}

/* The digits without underscores and sign, or false when there are too many. */
static bool
digits_of(struct text t, char *out, size_t room, bool *minus)
{
	size_t n = 0;

	*minus = t.len > 0 && t.at[0] == '-';
	if (t.len > 0 && (t.at[0] == '-' || t.at[0] == '+'))
		t = text_sub(t, 1, t.len);
	for (size_t i = 0; i < t.len; i++) {
		if (t.at[i] == '_' && i > 0)
			continue;
		if (n + 1 >= room)
			return (false);
		out[n++] = t.at[i];
	}
	out[n] = '\0';
	return (n > 0);
}

static int
digit(char c)
{
	return (c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99);
}

static bool
read_base(const char *s, int base, int64_t *value)
{
	int64_t v = 0;

	if (*s == '\0')
		return (false);
	for (; *s != '\0'; s++)
		if (digit(*s) >= base || __builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit(*s), &v))
			return (false);
	*value = v;
	return (true);
}

/* 1:30 is ninety in YAML 1.1. */
static bool
read_sixties(const char *s, int64_t *value)
{
	int64_t v = 0, part;
	bool colon = false;

	while (*s != '\0') {
		size_t n = strspn(s, "0123456789");
		char one[24];

		if (n == 0 || n >= sizeof(one) || (colon && n > 2))
			return (false);
		memcpy(one, s, n);
		one[n] = '\0';
		if (!read_base(one, 10, &part) || (colon && part > 59) ||
		    __builtin_mul_overflow(v, 60, &v) || __builtin_add_overflow(v, part, &v))
			return (false);
		s += n;
		if (*s == ':') {
			colon = true;
			if (*++s == '\0')
				return (false);
		} else if (*s != '\0')
			return (false);
	}
	*value = v;
	return (colon);
}

/* An integer as YAML 1.1 writes them: decimal, 0x, 0b, 0 for octal, underscores, sixties. */
static bool
yaml_int(struct text t, int64_t *value)
{
	char s[72];
	bool minus, fine;

	if (!digits_of(t, s, sizeof(s), &minus))
		return (false);
	if (s[0] == '0' && s[1] == 'x')
		fine = read_base(s + 2, 16, value);
	else if (s[0] == '0' && s[1] == 'b')
		fine = read_base(s + 2, 2, value);
	else if (s[0] == '0' && s[1] != '\0')
		fine = read_base(s + 1, 8, value);
	else
		fine = read_base(s, 10, value) || (s[0] != '0' && read_sixties(s, value));
	if (fine && minus)
		*value = -*value;
	return (fine);
}

/* A fraction as YAML 1.1 writes it: a dot somewhere, and a sign in the exponent. */
static bool
looks_float(struct text t)
{
	size_t i = t.len > 0 && (t.at[0] == '+' || t.at[0] == '-'), digits = 0;
	bool dot = false;

	for (; i < t.len; i++) {
		char c = t.at[i];
		if (c >= '0' && c <= '9')
			digits++;
		else if (c == '.' && !dot)
			dot = true;
		else if ((c == 'e' || c == 'E') && dot && digits > 0)
			break;
		else if (c != '_' || (digits == 0 && !dot))
			return (false);
	}
	if (!dot || digits == 0)
		return (false);
	if (i == t.len)
		return (true);
	if (++i >= t.len || (t.at[i] != '+' && t.at[i] != '-') || ++i == t.len)
		return (false);
	for (; i < t.len; i++)
		if (t.at[i] < '0' || t.at[i] > '9')
			return (false);
	return (true);
}

enum scalar
scalar_of(struct text t, bool plain)
{
	int64_t i;
	bool b;

	if (!plain)
		return (SCALAR_STRING);
	if (is_null(t))
		return (SCALAR_NULL);
	if (scalar_bool(t, &b))
		return (SCALAR_BOOL);
	if (yaml_int(t, &i))
		return (SCALAR_INT);
	return (looks_float(t) ? SCALAR_FLOAT : SCALAR_STRING);
}

/* Any spelling of a number that means one: what YAML reads, what Python would convert, without infinities. */
bool
scalar_number(struct text t, double *value)
{
	char s[72], *end;
	int64_t i;
	bool minus;

	t = text_trim(t);
	if (yaml_int(t, &i)) {
		*value = (double)i;
		return (true);
	}
	if (!digits_of(t, s, sizeof(s), &minus) || strspn(s, "0123456789.eE+-") != strlen(s) || s[0] == '+' || s[0] == '-')
		return (false);
	*value = strtod(s, &end);
	if (*end != '\0' || !isfinite(*value))
		return (false);
	if (minus)
		*value = -*value;
	return (true);
}

bool
scalar_int(struct text t, int64_t *value)
{
	double d;

	if (yaml_int(text_trim(t), value))
		return (true);
	if (!scalar_number(t, &d) || d > 9e15 || d < -9e15 || d != (double)(int64_t)d)
		return (false);
	*value = (int64_t)d;
	return (true);
}

int64_t
whole(double d)
{
	int64_t i = (int64_t)d;

	return ((double)i < d ? i + 1 : i);
}

const struct pair *
node_pair(const struct node *map, const char *key)
{
	if (map != NULL && map->kind == NODE_MAP)
		for (const struct pair *p = map->first; p != NULL; p = p->next)
			if (text_is(p->key, key))
				return (p);
	return (NULL);
}

bool
node_is_null(const struct node *n)
{
	return (n == NULL || n->null || (n->kind == NODE_SCALAR && n->plain && is_null(n->text)));
}

struct node *
node_get(const struct node *map, const char *key)
{
	const struct pair *p = node_pair(map, key);

	return (p == NULL || node_is_null(p->value) ? NULL : p->value);
}

bool
node_is_true(const struct node *n)
{
	double d;
	bool b;

	if (node_is_null(n))
		return (false);
	if (n->kind != NODE_SCALAR)
		return (n->n > 0);
	if (scalar_bool(n->text, &b))
		return (b);
	if (scalar_number(n->text, &d))
		return (d != 0);
	return (n->text.len > 0);
}

bool
want_kind(struct load *l, const struct node *n, enum node_kind kind)
{
	static const char *const name[] = { [NODE_SCALAR] = "a single value", [NODE_LIST] = "a list", [NODE_MAP] = "a map" };

	if (node_is_null(n))
		return (false);
	if (n->kind == kind)
		return (true);
	problem(l, PROBLEM_ERROR, n, TEXT_FMT " must be %s, not %s", TEXT_ARG(n->name), name[kind], name[n->kind]);
	return (false);
}

bool
want_text(struct load *l, const struct node *n, struct text *t)
{
	if (!want_kind(l, n, NODE_SCALAR))
		return (false);
	if (memchr(n->text.at, '\0', n->text.len) != NULL) {
		problem(l, PROBLEM_ERROR, n, TEXT_FMT " holds a zero byte", TEXT_ARG(n->name));
		return (false);
	}
	*t = arena_copy(l->arena, n->text);
	return (true);
}

bool
want_bool(struct load *l, const struct node *n, bool *value)
{
	int64_t i;

	if (!want_kind(l, n, NODE_SCALAR))
		return (false);
	if (scalar_bool(text_trim(n->text), value))
		return (true);
	if (scalar_int(n->text, &i) && (i == 0 || i == 1)) {
		*value = i == 1;
		return (true);
	}
	problem(l, PROBLEM_ERROR, n, TEXT_FMT " must be true or false", TEXT_ARG(n->name));
	return (false);
}

bool
want_int(struct load *l, const struct node *n, int64_t least, int64_t most, int64_t *value)
{
	int64_t i;

	if (!want_kind(l, n, NODE_SCALAR))
		return (false);
	if (scalar_int(n->text, &i) && i >= least && i <= most) {
		*value = i;
		return (true);
	}
	problem(l, PROBLEM_ERROR, n, TEXT_FMT " must be a whole number from %lld to %lld", TEXT_ARG(n->name), (long long)least,
	    (long long)most);
	return (false);
}

#define SECONDS_MOST	1e8

bool
want_ms(struct load *l, const struct node *n, int64_t *ms)
{
	double d;

	if (!want_kind(l, n, NODE_SCALAR))
		return (false);
	if (!scalar_number(n->text, &d) || d > SECONDS_MOST || d < 0) {
		problem(l, PROBLEM_ERROR, n, TEXT_FMT " must be a number of seconds, at most %.0f", TEXT_ARG(n->name), SECONDS_MOST);
		return (false);
	}
	if (d <= 0)
		return (false);
	*ms = whole(d * 1000);
	return (true);
}

size_t
want_texts(struct load *l, const struct node *n, struct text **list)
{
	size_t count = 0;

	if (node_is_null(n))
		return (0);
	if (n->kind == NODE_SCALAR) {
		*list = arena_new_of(l->arena, struct text);
		return (want_text(l, n, *list));
	}
	if (!want_kind(l, n, NODE_LIST))
		return (0);
	*list = arena_alloc(l->arena, (n->n + 1) * sizeof(**list));
	for (const struct pair *p = n->first; p != NULL; p = p->next)
		if (want_text(l, p->value, &(*list)[count]))
			count++;
	return (count);
}

/* YAML's 1., .5, +1 and 1_000 are not JSON's: those are written anew, the rest as spelled. */
static void
number_json(struct buf *b, struct text t, enum scalar type)
{
	double d;
	int64_t i;

	if (type == SCALAR_INT && yaml_int(t, &i))
		buf_print(b, "%lld", (long long)i);
	else if (json_to_double(t, &d))
		buf_text(b, t);
	else if (scalar_number(t, &d))
		buf_print(b, "%.17g", d);
	else
		buf_lit(b, "null");
}

static void
string_json(struct buf *b, struct text t)
{
	buf_byte(b, '"');
	buf_escape(b, t);
	buf_byte(b, '"');
}

static void
scalar_json(struct buf *b, const struct node *n)
{
	enum scalar type = n->null ? SCALAR_NULL : scalar_of(n->text, n->plain);
	bool v;

	switch (type) {
	case SCALAR_NULL:
		buf_lit(b, "null");
		break;
	case SCALAR_BOOL:
		scalar_bool(n->text, &v);
		buf_print(b, "%s", v ? "true" : "false");
		break;
	case SCALAR_STRING:
		string_json(b, n->text);
		break;
	default:
		number_json(b, n->text, type);
	}
}

static void
json_with(struct buf *b, const struct node *n, const char *comma, const char *colon)
{
	if (n->kind == NODE_SCALAR || n->null) {
		scalar_json(b, n);
		return;
	}
	buf_byte(b, n->kind == NODE_MAP ? '{' : '[');
	for (const struct pair *p = n->first; p != NULL; p = p->next) {
		if (p != n->first)
			buf_print(b, "%s", comma);
		if (n->kind == NODE_MAP) {
			string_json(b, p->key);
			buf_print(b, "%s", colon);
		}
		json_with(b, p->value, comma, colon);
	}
	buf_byte(b, n->kind == NODE_MAP ? '}' : ']');
}

void
node_json(struct buf *b, const struct node *n)
{
	json_with(b, n, ",", ":");
}

/* The shortest decimal that reads back as the same number, in Python's notation. */
static void
double_python(struct buf *b, double d)
{
	char s[40], *e;
	int precision = 1;

	while (precision < 17) {
		snprintf(s, sizeof(s), "%.*e", precision - 1, d);
		if (strtod(s, NULL) == d)
			break;
		precision++;
	}
	snprintf(s, sizeof(s), "%.*e", precision - 1, d);
	e = strchr(s, 'e');
	if (e != NULL && atoi(e + 1) >= -4 && atoi(e + 1) < 16) {
		int after = precision - 1 - atoi(e + 1);
		snprintf(s, sizeof(s), "%.*f", after > 1 ? after : 1, d);
	}
	buf_print(b, "%s", s);
}

static void
scalar_python(struct buf *b, const struct node *n, bool quoted)
{
	bool v = false;
	double d = 0;
	int64_t i = 0;

	switch (n->null ? SCALAR_NULL : scalar_of(n->text, n->plain)) {
	case SCALAR_NULL:
		buf_lit(b, "None");
		break;
	case SCALAR_BOOL:
		scalar_bool(n->text, &v);
		buf_print(b, "%s", v ? "True" : "False");
		break;
	case SCALAR_INT:
		yaml_int(n->text, &i);
		buf_print(b, "%lld", (long long)i);
		break;
	case SCALAR_FLOAT:
		scalar_number(n->text, &d);
		double_python(b, d);
		break;
	case SCALAR_STRING:
		if (quoted)
			buf_byte(b, '\'');
		buf_text(b, n->text);
		if (quoted)
			buf_byte(b, '\'');
	}
}

static void
inner_python(struct buf *b, const struct node *n)
{
	if (n->kind == NODE_SCALAR || n->null) {
		scalar_python(b, n, true);
		return;
	}
	buf_byte(b, n->kind == NODE_MAP ? '{' : '[');
	for (const struct pair *p = n->first; p != NULL; p = p->next) {
		if (p != n->first)
			buf_lit(b, ", ");
		if (n->kind == NODE_MAP)
			buf_print(b, "'" TEXT_FMT "': ", TEXT_ARG(p->key));
		inner_python(b, p->value);
	}
	buf_byte(b, n->kind == NODE_MAP ? '}' : ']');
}

/* A map goes through json.dumps(), with its blanks; everything else through str(). */
void
node_python(struct buf *b, const struct node *n)
{
	if (n->kind == NODE_MAP && !n->null)
		json_with(b, n, ", ", ": ");
	else if (n->kind == NODE_SCALAR)
		scalar_python(b, n, false);
	else
		inner_python(b, n);
}
