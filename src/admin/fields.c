/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of fields: bodies checked against a noun's table, patched into documents, and shown. */
#include "admin/fields.h"

#include "admin/callbacks.h"
#include "base/date.h"
#include "base/span.h"

#define TEXT_MOST	1024
#define COUNT_MOST	INT64_C(1000000000000)		/* above is no limit but a mistake */
#define ITEMS_MOST	10000

/* values: each reads one JSON value into its one spelling */

typedef struct error *value_f(struct text *raw, struct admin_call *, const struct field *, const struct json *);

/* A number that may come as a text, as forms and some providers send it. */
static struct text
number(struct admin_call *c, const struct json *v)
{
	if (json_is(v, JSON_STRING))
		return (text_trim(json_unescape(c->arena, json_quoted(v))));
	return (json_is(v, JSON_NUMBER) ? v->raw : TEXT(""));
}

static struct error *
money_value(int64_t *nano, struct admin_call *c, const char *name, const struct json *v)
{
	switch (money_read(number(c, v), nano)) {
	case MONEY_FINE:
		return (NULL);
	case MONEY_NEGATIVE:
		return (admin_bad(c, name, "%s cannot be negative.", name));
	case MONEY_TOO_LARGE:
		return (admin_bad(c, name, "%s is above 9,000,000,000 dollars, the most a budget may be.", name));
	case MONEY_NO_NUMBER:
		break;
	}
	return (admin_invalid(c, name, "%s must be a number of dollars.", name));
}

static struct error *
read_money(struct text *raw, struct admin_call *c, const struct field *f, const struct json *v)
{
	int64_t nano;

	TRY(money_value(&nano, c, f->name, v));
	*raw = money_text(c->arena, nano);
	return (NULL);
}

static struct error *
count_value(int64_t *n, struct admin_call *c, const char *name, const struct json *v)
{
	struct text t = number(c, v);

	if (t.len == 0 || !json_to_i64(t, n))
		return (admin_invalid(c, name, "%s must be a whole number.", name));
	if (*n < 0)
		return (admin_bad(c, name, "%s cannot be negative.", name));
	if (*n > COUNT_MOST)
		return (admin_bad(c, name, "%s is above %lld.", name, (long long)COUNT_MOST));
	return (NULL);
}

static struct error *
read_count(struct text *raw, struct admin_call *c, const struct field *f, const struct json *v)
{
	int64_t n;

	TRY(count_value(&n, c, f->name, v));
	*raw = arena_print(c->arena, "%lld", (long long)n);
	return (NULL);
}

static struct error *
text_value(struct text *t, struct admin_call *c, const char *name, size_t most, const struct json *v)
{
	if (!json_is(v, JSON_STRING))
		return (admin_invalid(c, name, "%s must be a text.", name));
	*t = json_unescape(c->arena, json_quoted(v));
	if (t->len > most)
		return (admin_bad(c, name, "%s is longer than %zu bytes.", name, most));
	if (t->len > 0 && memchr(t->at, '\0', t->len) != NULL)
		return (admin_bad(c, name, "%s must not have zero bytes.", name));
	return (NULL);
}

static struct text
string_raw(struct admin_call *c, struct text t)
{
	struct quoted q = json_escape(c->arena, t);
	struct growing g = { 0 };

	arena_append(c->arena, &g, TEXT("\""));
	arena_append(c->arena, &g, (struct text){ q.at, q.len });
	arena_append(c->arena, &g, TEXT("\""));
	return ((struct text){ g.at, g.len });
}

static bool
is_word(const char *const *words, struct text t)
{
	for (; words != NULL && *words != NULL; words++)
		if (text_is(t, *words))
			return (true);
	return (words == NULL);
}

static struct text
words_listed(struct admin_call *c, const char *const *words)
{
	struct growing g = { 0 };

	for (; *words != NULL; words++) {
		if (g.len > 0)
			arena_append(c->arena, &g, TEXT(", "));
		arena_append(c->arena, &g, text_of(*words));
	}
	return ((struct text){ g.at, g.len });
}

static struct error *
read_text(struct text *raw, struct admin_call *c, const struct field *f, const struct json *v)
{
	struct text t;

	TRY(text_value(&t, c, f->name, f->most > 0 ? f->most : TEXT_MOST, v));
	if (t.len > 0 && !is_word(f->words, t))
		return (admin_bad(c, f->name, "%s must be one of " TEXT_FMT ".", f->name, TEXT_ARG(words_listed(c, f->words))));
	*raw = t.len > 0 ? string_raw(c, t) : TEXT("");
	return (NULL);
}

static struct error *
span_value(struct text *t, struct admin_call *c, const char *name, const struct json *v)
{
	struct span s;

	TRY(text_value(t, c, name, 64, v));
	*t = text_trim(*t);
	if (t->len == 0 || span_read(*t, &s))
		return (NULL);
	return (admin_bad(c, name, "%s: '" TEXT_FMT "' is no duration; write a number and s, m, h, d, w or mo, e.g. 30s, 12h, 7d, 1mo.", name,
	    TEXT_ARG(text_whole(text_sub(*t, 0, 40)))));
}

static struct error *
read_span(struct text *raw, struct admin_call *c, const struct field *f, const struct json *v)
{
	struct text t;

	TRY(span_value(&t, c, f->name, v));
	*raw = t.len > 0 ? string_raw(c, t) : TEXT("");
	return (NULL);
}

static struct error *
bool_value(bool *is, struct admin_call *c, const char *name, const struct json *v)
{
	struct text t = json_is(v, JSON_STRING) ? json_unescape(c->arena, json_quoted(v)) : v->raw;

	*is = text_eq_nocase(t, TEXT("true"));
	if (!*is && !text_eq_nocase(t, TEXT("false")))
		return (admin_invalid(c, name, "%s must be true or false.", name));
	return (NULL);
}

static struct error *
read_bool(struct text *raw, struct admin_call *c, const struct field *f, const struct json *v)
{
	bool is;

	TRY(bool_value(&is, c, f->name, v));
	*raw = is ? TEXT("true") : TEXT("false");
	return (NULL);
}

static struct error *
read_moment(struct text *raw, struct admin_call *c, const struct field *f, const struct json *v)
{
	struct text t;
	int64_t ms;

	TRY(text_value(&t, c, f->name, 64, v));
	if (t.len > 0 && !moment_read(t, &ms))
		return (admin_bad(c, f->name, "%s must be a moment as 2026-11-30T12:00:00Z.", f->name));
	*raw = t.len > 0 ? string_raw(c, t) : TEXT("");
	return (NULL);
}

static struct error *
must_be(struct admin_call *c, const struct field *f, const struct json *v, enum json_type type, const char *what)
{
	if (!json_is(v, type))
		return (admin_invalid(c, f->name, "%s must be %s.", f->name, what));
	if (v->count > ITEMS_MOST)
		return (admin_bad(c, f->name, "%s has more than %d entries.", f->name, ITEMS_MOST));
	return (NULL);
}

static struct error *
read_texts(struct text *raw, struct admin_call *c, const struct field *f, const struct json *v)
{
	struct text t;

	TRY(must_be(c, f, v, JSON_ARRAY, "a list of texts"));
	for (const struct json *i = v->first; i != NULL; i = i->next) {
		TRY(text_value(&t, c, f->name, TEXT_MOST, i));
		if (t.len > 0 && !is_word(f->words, t))
			return (admin_bad(c, f->name, "%s: '" TEXT_FMT "' is none of " TEXT_FMT ".", f->name, TEXT_ARG(text_whole(text_sub(t, 0, 80))),
			    TEXT_ARG(words_listed(c, f->words))));
	}
	*raw = v->raw;
	return (NULL);
}

static struct error *
read_object(struct text *raw, struct admin_call *c, const struct field *f, const struct json *v)
{
	TRY(must_be(c, f, v, JSON_OBJECT, "an object"));
	*raw = v->raw;
	return (NULL);
}

static struct error *
read_counts(struct text *raw, struct admin_call *c, const struct field *f, const struct json *v)
{
	int64_t n;

	TRY(must_be(c, f, v, JSON_OBJECT, "an object of names and whole numbers"));
	for (const struct json *m = v->first; m != NULL; m = m->next)
		if (m->type != JSON_NULL)
			TRY(count_value(&n, c, f->name, m));
	*raw = v->raw;
	return (NULL);
}

static struct error *
read_lists(struct text *raw, struct admin_call *c, const struct field *f, const struct json *v)
{
	struct text one;

	TRY(must_be(c, f, v, JSON_OBJECT, "an object of lists of texts"));
	for (const struct json *m = v->first; m != NULL; m = m->next)
		if (m->type != JSON_NULL)
			TRY(read_texts(&one, c, f, m));
	*raw = v->raw;
	return (NULL);
}

/* One budget of an object: LiteLLM's older and newer names of both members. */
static struct error *
check_budget(struct admin_call *c, const struct field *f, const struct json *b, bool needs_span)
{
	static const char *const moneys[] = { "budget_limit", "max_budget" }, *const spans[] = { "time_period", "budget_duration" };
	struct text t = TEXT("");
	int64_t nano;
	bool has = false;

	TRY(must_be(c, f, b, JSON_OBJECT, "made of objects with a budget and its duration"));
	for (size_t i = 0; i < nitems(moneys); i++)
		if (body_has(b, moneys[i])) {
			TRY(money_value(&nano, c, f->name, json_get(b, moneys[i])));
			has = true;
		}
	for (size_t i = 0; i < nitems(spans); i++)
		if (body_has(b, spans[i]))
			TRY(span_value(&t, c, f->name, json_get(b, spans[i])));
	if (needs_span && (!has || t.len == 0))
		return (admin_invalid(c, f->name, "%s: each entry needs max_budget and budget_duration.", f->name));
	return (NULL);
}

static struct error *
read_budgets(struct text *raw, struct admin_call *c, const struct field *f, const struct json *v)
{
	int64_t nano;

	TRY(must_be(c, f, v, JSON_OBJECT, "an object of models and their budgets"));
	for (const struct json *m = v->first; m != NULL; m = m->next)
		if (m->type == JSON_OBJECT)
			TRY(check_budget(c, f, m, false));
		else if (m->type != JSON_NULL)
			TRY(money_value(&nano, c, f->name, m));
	*raw = v->raw;
	return (NULL);
}

static struct error *
read_windows(struct text *raw, struct admin_call *c, const struct field *f, const struct json *v)
{
	TRY(must_be(c, f, v, JSON_ARRAY, "a list of budgets"));
	if (v->count > 8)
		return (admin_bad(c, f->name, "%s has more than 8 windows.", f->name));
	for (const struct json *i = v->first; i != NULL; i = i->next)
		TRY(check_budget(c, f, i, true));
	*raw = v->raw;
	return (NULL);
}

static struct error *
read_any(struct text *raw, struct admin_call *c, const struct field *f, const struct json *v)
{
	(void)c;
	(void)f;
	*raw = v->raw;
	return (NULL);
}

static value_f *const readers[] = {
	[FIELD_TEXT] = read_text, [FIELD_INT] = read_count, [FIELD_MONEY] = read_money, [FIELD_SPAN] = read_span, [FIELD_BOOL] = read_bool,
	[FIELD_MOMENT] = read_moment, [FIELD_TEXTS] = read_texts, [FIELD_OBJECT] = read_object, [FIELD_COUNTS] = read_counts, [FIELD_LISTS] = read_lists,
	[FIELD_BUDGETS] = read_budgets, [FIELD_WINDOWS] = read_windows, [FIELD_ANY] = read_any,
};

/* patches */

static const struct field *
field_of(const struct noun *n, struct text name)
{
	for (const struct field *f = n->fields; f->name != NULL; f++)
		if (text_is(name, f->name))
			return (f);
	return (NULL);
}

static struct error *
put_field(struct doc *into, struct admin_call *c, const struct field *f, const struct json *v)
{
	struct text raw = TEXT("");

	if (v->type != JSON_NULL)
		TRY(readers[f->kind](&raw, c, f, v));
	if (!(f->flags & FIELD_SAID))
		doc_set(into, text_of(f->name), raw);
	return (NULL);
}

static bool
lives_inside(const struct noun *n, struct text name)
{
	const struct field *f = field_of(n, name);

	return (f != NULL && (f->flags & FIELD_INSIDE) != 0);
}

/* Metadata as given: what is the caller's own replaces the caller's own; what we know there is patched. */
static struct error *
patch_metadata(struct doc *inside, struct admin_call *c, const struct noun *n, const struct json *given)
{
	struct text logging = doc_raw(inside, "logging"), raw;

	if (given->type != JSON_NULL && given->type != JSON_OBJECT)
		return (admin_invalid(c, "metadata", "metadata must be an object."));
	for (unsigned i = inside->n; i-- > 0;)
		if (!lives_inside(n, inside->members[i].name))
			doc_set(inside, inside->members[i].name, TEXT(""));
	for (const struct json *m = given->first; m != NULL; m = m->next) {
		struct text name = json_unescape(c->arena, m->name);

		raw = m->raw;
		if (text_is(name, "logging"))
			TRY(callbacks_seal(&raw, c, m, logging));
		if (lives_inside(n, name))
			TRY(put_field(inside, c, field_of(n, name), m));
		else
			doc_set(inside, name, raw);
	}
	return (NULL);
}

static bool
has_inside(const struct noun *n)
{
	return (field_of(n, TEXT("metadata")) != NULL);
}

static struct error *
read_inside(struct doc *d, struct admin_call *c, const struct noun *n, const struct json *body)
{
	const struct json *given = json_get(body, "metadata");
	struct doc inside;

	doc_inner(&inside, d, "metadata");
	if (given != NULL)
		TRY(patch_metadata(&inside, c, n, given));
	for (const struct field *f = n->fields; f->name != NULL; f++)
		if ((f->flags & FIELD_INSIDE) && json_get(body, f->name) != NULL)
			TRY(put_field(&inside, c, f, json_get(body, f->name)));
	doc_set(d, TEXT("metadata"), inside.n > 0 ? doc_text(&inside) : TEXT(""));
	return (NULL);
}

struct error *
fields_read(struct doc *d, struct admin_call *c, const struct noun *n, const struct json *body)
{
	size_t size;

	for (const struct field *f = n->fields; f->name != NULL; f++)
		if (!(f->flags & FIELD_INSIDE) && strcmp(f->name, "metadata") != 0 && json_get(body, f->name) != NULL)
			TRY(put_field(d, c, f, json_get(body, f->name)));
	if (has_inside(n))
		TRY(read_inside(d, c, n, body));
	size = doc_text(d).len;
	if (size > DOC_MOST)
		return (admin_bad(c, "metadata", "This %s takes %zu bytes with its metadata; %d is the most.", n->name, size, DOC_MOST));
	return (NULL);
}

/* rows */

/* What services are called with is kept and not told. */
static struct text
shown(const struct doc *d, const struct field *f)
{
	struct text raw = doc_raw(d, f->name);
	struct doc inside;

	if (strcmp(f->name, "metadata") != 0 || !text_has(raw, TEXT("\"logging\"")))
		return (raw);
	doc_read(&inside, d->arena, raw);
	doc_set(&inside, TEXT("logging"), callbacks_masked(d->arena, doc_raw(&inside, "logging")));
	return (doc_text(&inside));
}

void
fields_put(struct json_out *o, const struct noun *n, const struct doc *d)
{
	for (const struct field *f = n->fields; f->name != NULL; f++)
		if (!(f->flags & (FIELD_INSIDE | FIELD_SAID | FIELD_HIDDEN)))
			put_raw(o, f->name, shown(d, f), f->shown != NULL ? f->shown : "null");
}

void
fields_put_inside(struct json_out *o, const struct noun *n, const struct doc *d)
{
	struct doc inside;

	doc_inner(&inside, d, "metadata");
	for (const struct field *f = n->fields; f->name != NULL; f++)
		if ((f->flags & FIELD_INSIDE) && !(f->flags & FIELD_HIDDEN))
			put_raw(o, f->name, doc_raw(&inside, f->name), f->shown != NULL ? f->shown : "null");
}

struct text
field_raw(const struct doc *d, const struct noun *n, const char *name)
{
	const struct field *f = field_of(n, text_of(name));
	struct doc inside;

	if (f == NULL || !(f->flags & FIELD_INSIDE))
		return (doc_raw(d, name));
	doc_inner(&inside, d, "metadata");
	return (doc_raw(&inside, name));
}

/* what no document keeps */

struct error *
body_money(int64_t *nano, struct admin_call *c, const struct json *o, const char *name)
{
	*nano = NO_LIMIT;
	return (body_has(o, name) ? money_value(nano, c, name, json_get(o, name)) : NULL);
}

struct error *
body_span(struct text *t, struct admin_call *c, const struct json *o, const char *name)
{
	const struct json *v = json_get(o, name);

	*t = TEXT("");
	if (!body_has(o, name) || text_is(v->raw, "-1") || text_is(v->raw, "\"-1\""))
		return (NULL);
	return (span_value(t, c, name, v));
}

struct error *
body_bool(bool *is, struct admin_call *c, const struct json *o, const char *name, bool otherwise)
{
	*is = otherwise;
	return (body_has(o, name) ? bool_value(is, c, name, json_get(o, name)) : NULL);
}
