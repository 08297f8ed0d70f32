/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of the Prometheus page, and the rows of callers that they make. */
#include "board/metrics_priv.h"

#include <stdlib.h>

static const struct {
	const char	*name;
	size_t		 text;			/* in struct deployment */
	enum series_label of_call;		/* from REQUESTED_MODEL on */
} labels[] = {
	[MODEL_GROUP] =	       { "model_group",	       offsetof(struct deployment, group), 0 },
	[FALLBACK_MODEL] =     { "fallback_model",     offsetof(struct deployment, group), 0 },
	[GROUP_MODEL] =	       { "requested_model",    offsetof(struct deployment, group), 0 },
	[LITELLM_MODEL_NAME] = { "litellm_model_name", offsetof(struct deployment, litellm_model), 0 },
	[MODEL] =	       { "model",	       offsetof(struct deployment, model), 0 },
	[MODEL_ID] =	       { "model_id",	       offsetof(struct deployment, id), 0 },
	[API_BASE] =	       { "api_base",	       offsetof(struct deployment, api_base), 0 },
	[API_PROVIDER] =       { "api_provider",       0 /* its vendor's prefix */, 0 },
	[REQUESTED_MODEL] =    { "requested_model",    0, SERIES_MODEL },
	[KEY_MODEL] =	       { "model",	       0, SERIES_MODEL },
	[ROUTE] =	       { "route",	       0, SERIES_ROUTE },
	[END_USER] =	       { "end_user",	       0, SERIES_END_USER },
	[HASHED_API_KEY] =     { "hashed_api_key",     0, SERIES_KEY },
	[API_KEY_ALIAS] =      { "api_key_alias",      0, SERIES_KEY_ALIAS },
	[TEAM] =	       { "team",	       0, SERIES_TEAM },
	[TEAM_ALIAS] =	       { "team_alias",	       0, SERIES_TEAM_ALIAS },
	[USER] =	       { "user",	       0, SERIES_USER },
	[USER_EMAIL] =	       { "user_email",	       0, SERIES_USER_EMAIL },
};

static bool
is_plain(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] < 0x20 || t.at[i] >= 0x7f || t.at[i] == '"' || t.at[i] == '\\')
			return (false);
	return (true);
}

/*
 * As the inside of a JSON string, which escapes the same and mends what is not UTF-8 (that would spoil the whole page for its reader); but of control
 * characters the page knows only the newline.
 */
static void
print_escaped(struct buf *out, struct text value)
{
	size_t end;

	for (size_t from = 0; from < value.len; from = end + 1) {
		for (end = from; end < value.len && ((unsigned char)value.at[end] >= 0x20 || value.at[end] == '\n'); end++)
			;
		buf_escape(out, text_sub(value, from, end));
		if (end < value.len)
			buf_byte(out, ' ');
	}
}

void
metrics_label(struct buf *out, const char *name, struct text value)
{
	buf_text(out, text_of(name));
	buf_lit(out, "=\"");
	if (is_plain(value))
		buf_text(out, value);
	else
		print_escaped(out, value);
	buf_byte(out, '"');
}

static struct text
label_value(const struct deployment *d, enum label label)
{
	if (d == NULL)
		return (TEXT("other"));
	if (label == API_PROVIDER)
		return (text_of(d->vendor != NULL ? d->vendor->prefix : ""));
	return (*(const struct text *)((const char *)d + labels[label].text));
}

static bool
rule_names(const struct metrics_rule *rule, const char *name)
{
	for (size_t i = 0; rule != NULL && i < rule->n_labels; i++)
		if (text_is(rule->labels[i], name))
			return (true);
	return (false);
}

void
metrics_labels(struct buf *out, const struct metrics *m, const enum label *set, const struct metrics_rule *rule, unsigned slot,
    const struct series_seen *seen)
{
	bool all = rule == NULL || rule->n_labels == 0;

	for (unsigned i = 0; set[i] != NO_LABEL; i++) {
		struct text value;

		if (set[i] == IF_NAMED) {
			all = false;
			continue;
		}
		value = set[i] >= REQUESTED_MODEL ? seen->label[labels[set[i]].of_call] : label_value(m->owner[slot], set[i]);
		if ((value.len == 0 && set[i] >= REQUESTED_MODEL) || (!all && !rule_names(rule, labels[set[i]].name)))
			continue;
		metrics_label(out, labels[set[i]].name, value);
		buf_byte(out, ',');
	}
}

/* rows */

void
rows_begin(struct rows *r, const struct board *b, const enum label *set, const struct metrics_rule *rule)
{
	rows_free(r);
	*r = (struct rows){ .labels = set, .rule = rule, .room = 1024, .n_places = series_places(b) };
	while (r->room < 2 * r->n_places)
		r->room *= 2;
	r->index = must_zalloc(r->room * sizeof(*r->index));
	r->list = must_alloc((r->n_places + 1) * sizeof(*r->list));
	r->places = must_alloc((r->n_places + 1) * sizeof(*r->places));
}

void
rows_free(struct rows *r)
{
	buf_free(&r->text);
	free(r->index);
	free(r->list);
	free(r->places);
	*r = (struct rows){ .labels = NULL };
}

struct text
row_labels(const struct rows *r, unsigned row)
{
	return ((struct text){ r->text.at + r->list[row].at, r->list[row].len });
}

/* The row of the labels that stand at the end of `text`, from `at` on: a new one, or one that has them. */
static struct row *
row_of(struct rows *r, size_t at)
{
	struct text with = { r->text.at + at, r->text.len - at };
	unsigned i = (unsigned)mix(text_hash(with)) & (r->room - 1);

	for (; r->index[i] != 0; i = (i + 1) & (r->room - 1))
		if (text_eq(row_labels(r, r->index[i] - 1), with)) {
			r->text.len = at;
			return (&r->list[r->index[i] - 1]);
		}
	r->list[r->n] = (struct row){ .at = at, .len = with.len };
	r->index[i] = ++r->n;
	return (&r->list[r->n - 1]);
}

bool
rows_more(struct metrics *m)
{
	struct rows *r = &m->rows;
	struct series_seen seen;
	size_t at = r->text.len;
	struct row *row;

	if (r->read >= r->n_places)
		return (false);
	if (series_read(&seen, m->board, r->read)) {
		metrics_labels(&r->text, m, r->labels, r->rule, seen.deployment < BOARD_DEPLOYMENTS ? seen.deployment : BOARD_OTHER, &seen);
		row = row_of(r, at);
		r->places[r->read] = (struct row_place){ .hash = seen.hash, .next = row->first };
		row->first = r->read + 1;
	}
	r->read++;
	return (true);
}

struct series *
row_next(const struct metrics *m, unsigned row, unsigned *at)
{
	const struct row_place *places = m->rows.places;
	struct series *s;

	for (unsigned next = *at == 0 ? m->rows.list[row].first : places[*at - 1].next; next != 0; next = places[next - 1].next) {
		*at = next;
		s = &m->board->file->series[next - 1];
		if (word_get(&s->hash) == places[next - 1].hash)
			return (s);
	}
	return (NULL);
}
