/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of a relayed request: what goes, what is replaced and what is added, put in the order of the text. */
#include "provider/provider.h"

const struct json_spot *
glance_member(const struct glance *g, const char *name)
{
	for (size_t i = 0; i < g->n_top; i++)
		if (quoted_is(json_spot_name(g->body, &g->top[i]), name))
			return (&g->top[i]);
	return (NULL);
}

int64_t
glance_most_tokens(const struct glance *g, int64_t model)
{
	int64_t most = model > 0 ? model : INT64_MAX;

	return (g->afford > 0 && g->afford < most ? g->afford : most);
}

void
edits_add(struct edits *e, struct arena *arena, size_t from, size_t to, struct text with)
{
	if (e->n == e->room) {
		size_t room = e->room > 0 ? e->room * 2 : 4;
		struct json_edit *list = arena_alloc(arena, room * sizeof(*list));

		if (e->n > 0)
			memcpy(list, e->list, e->n * sizeof(*list));
		e->list = list;
		e->room = room;
	}
	e->list[e->n++] = (struct json_edit){ (uint32_t)from, (uint32_t)to, with };
}

struct splice
splice_new(struct arena *arena, const struct glance *g)
{
	struct splice s = { .arena = arena, .glance = g };

	s.cut = arena_alloc(arena, g->n_top + 1);
	s.replace = arena_alloc(arena, (g->n_top + 1) * sizeof(*s.replace));
	if (g->ours != NULL)
		memcpy(s.cut, g->ours, g->n_top);
	return (s);
}

static bool
name_is(const struct splice *s, size_t i, struct text name)
{
	struct quoted q = json_spot_name(s->glance->body, &s->glance->top[i]);

	if (memchr(q.at, '\\', q.len) != NULL)
		return (text_eq(json_unescape(s->arena, q), name));
	return (text_eq((struct text){ q.at, q.len }, name));
}

bool
splice_has(const struct splice *s, struct text name)
{
	for (size_t i = 0; i < s->glance->n_top; i++)
		if (name_is(s, i, name))
			return (true);
	return (false);
}

static void
add_member(struct buf *more, struct text name, struct text raw)
{
	buf_byte(more, '"');
	buf_escape(more, name);
	buf_lit(more, "\":");
	buf_text(more, raw);
	buf_byte(more, ',');
}

void
splice_set(struct splice *s, const char *name, struct text raw)
{
	struct text as = text_of(name);

	for (size_t i = 0; i < s->glance->n_top; i++) {
		if (name_is(s, i, as)) {
			s->cut[i] = false;
			s->replace[i] = raw;
			return;
		}
	}
	add_member(&s->more, as, raw);
}

void
splice_defaults(struct splice *s, const struct deployment *d, bool (*known)(struct text name))
{
	for (size_t i = 0; i < d->n_defaults; i++) {
		const struct default_param *p = &d->defaults[i];

		if ((known == NULL || known(p->name)) && !splice_has(s, p->name))
			add_member(&s->more, p->name, p->raw);
	}
}

void
splice_drop(struct splice *s, const struct deployment *d)
{
	for (size_t k = 0; k < d->n_drop; k++)
		for (size_t i = 0; i < s->glance->n_top; i++)
			if (name_is(s, i, d->drop[k]) && !text_is(d->drop[k], "model"))
				s->cut[i] = true;
}

static void
replacements(struct edits *out, const struct splice *s, size_t *i, size_t before)
{
	const struct glance *g = s->glance;

	for (; *i < g->n_top && g->top[*i].value < before; (*i)++)
		if (s->replace[*i].len > 0 && !s->cut[*i])
			edits_add(out, s->arena, g->top[*i].value, g->top[*i].value + g->top[*i].value_len, s->replace[*i]);
}

/* The members to add, for behind the opening brace; without their last comma when nothing follows. */
static struct text
added(struct splice *s, size_t n_cut)
{
	struct text more = arena_copy(s->arena, buf_as_text(&s->more));

	buf_free(&s->more);
	return (n_cut == s->glance->n_top ? text_sub(more, 0, more.len - (more.len > 0)) : more);
}

void
splice_finish(struct edits *out, struct splice *s)
{
	const struct glance *g = s->glance;
	struct json_edit *cuts = arena_alloc(s->arena, (g->n_top + 1) * sizeof(*cuts));
	size_t n, n_cut = 0, at = 0;
	struct text more;

	for (size_t i = 0; i < g->n_top; i++)
		n_cut += s->cut[i];
	more = added(s, n_cut);
	if (more.len > 0) {
		size_t inside = (size_t)((const char *)memchr(g->body.at, '{', g->body.len) + 1 - g->body.at);

		edits_add(out, s->arena, inside, inside, more);
	}
	n = n_cut > 0 ? json_cut_many(cuts, g->body, g->top, g->n_top, s->cut) : 0;
	for (size_t k = 0; k < n; k++) {
		replacements(out, s, &at, cuts[k].from);
		edits_add(out, s->arena, cuts[k].from, cuts[k].to, cuts[k].with);
	}
	replacements(out, s, &at, g->body.len);
}
