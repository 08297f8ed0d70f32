/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a configuration: collecting it, sorting it, printing it, and guessing what was meant. */
#include "config/config_priv.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const level_name[] = { [PROBLEM_ERROR] = "error", [PROBLEM_WARNING] = "warning", [PROBLEM_NOTE] = "note" };

static void
add(struct load *l, enum problem_level level, const struct source *source, unsigned line, struct text key, const char *fmt, va_list args)
{
	struct buf message = { 0 };
	struct problem *p;

	if (level == PROBLEM_ERROR && source != NULL && source->stored) {
		((struct source *)(uintptr_t)source)->n_errors++;
		level = PROBLEM_WARNING;
	}
	if (level == PROBLEM_ERROR)
		l->config->n_errors++;
	else if (level == PROBLEM_WARNING)
		l->config->n_warnings++;
	if (++l->n_said[level] > PROBLEMS_MOST)
		return;
	p = arena_new_of(l->arena, struct problem);
	p->level = level;
	p->file = source != NULL ? arena_copy(l->arena, source->name) : TEXT("");
	p->line = line;
	p->key = key;
	if (l->n_said[level] == PROBLEMS_MOST)
		buf_lit(&message, "(the last of many) ");
	buf_vprint(&message, fmt, args);
	p->message = arena_copy(l->arena, buf_as_text(&message));
	buf_free(&message);
	*l->problem_tail = p;
	l->problem_tail = &p->next;
}

static void
path_of(struct buf *b, const struct node *n)
{
	if (n == NULL || n->parent == NULL)
		return;
	path_of(b, n->parent);
	if (b->len > 0 && n->name.len > 0 && n->name.at[0] != '[')
		buf_byte(b, '.');
	buf_text(b, n->name);
}

static struct text
path(struct load *l, const struct node *n, struct text more)
{
	struct buf b = { 0 };
	struct text t;

	path_of(&b, n);
	if (more.len > 0) {
		if (b.len > 0)
			buf_byte(&b, '.');
		buf_text(&b, more);
	}
	t = arena_copy(l->arena, buf_as_text(&b));
	buf_free(&b);
	return (t);
}

void
problem(struct load *l, enum problem_level level, const struct node *at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(l, level, at != NULL ? at->source : &l->sources[0], at != NULL ? at->line : 0, path(l, at, TEXT("")), fmt, args);
	va_end(args);
}

void
problem_key(struct load *l, enum problem_level level, const struct node *map, const struct pair *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(l, level, map->source, p->line, path(l, map, p->key), fmt, args);
	va_end(args);
}

void
problem_at(struct load *l, enum problem_level level, const struct source *source, unsigned line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(l, level, source, line, TEXT(""), fmt, args);
	va_end(args);
}

struct ordered {
	struct problem	*problem;
	unsigned	 file;
	size_t		 at;
};

static int
in_file_order(const void *a, const void *b)
{
	const struct ordered *p = a, *q = b;

	if (p->file != q->file)
		return (p->file < q->file ? -1 : 1);
	if (p->problem->line != q->problem->line)
		return (p->problem->line < q->problem->line ? -1 : 1);
	return (p->at < q->at ? -1 : 1);
}

static unsigned
order_of(const struct source *sources, unsigned n, struct text file)
{
	for (unsigned i = 0; i < n; i++)
		if (text_eq(sources[i].name, file))
			return (i);
	return (n);
}

void
problems_sort(struct config *c, struct arena *scratch, const struct source *sources, unsigned n_sources)
{
	struct problem **tail = &c->problems;
	struct ordered *all;
	size_t n = 0;

	for (struct problem *p = c->problems; p != NULL; p = p->next)
		n++;
	all = arena_alloc(scratch, (n + 1) * sizeof(*all));
	n = 0;
	for (struct problem *p = c->problems; p != NULL; p = p->next, n++)
		all[n] = (struct ordered){ p, order_of(sources, n_sources, p->file), n };
	qsort(all, n, sizeof(*all), in_file_order);
	for (size_t i = 0; i < n; i++) {
		*tail = all[i].problem;
		tail = &all[i].problem->next;
	}
	*tail = NULL;
}

/* Names of the file are printed as they are, but for what could fool a terminal. */
static void
print_clean(struct buf *b, struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		buf_byte(b, (unsigned char)t.at[i] < 0x20 || t.at[i] == 0x7f ? '?' : t.at[i]);
}

void
problems_print_upto(struct buf *b, const struct config *c, enum problem_level upto)
{
	for (const struct problem *p = c->problems; p != NULL; p = p->next) {
		if (p->level > upto)
			continue;
		print_clean(b, p->file.len > 0 ? p->file : TEXT("config"));
		if (p->line > 0)
			buf_print(b, ":%u", p->line);
		buf_print(b, ": %s: ", level_name[p->level]);
		print_clean(b, p->message);
		buf_byte(b, '\n');
	}
}

void
problems_print(struct buf *b, const struct config *c)
{
	problems_print_upto(b, c, PROBLEM_NOTE);
}

void
problems_print_json(struct buf *b, const struct config *c)
{
	struct json_out out = { .to = b };

	json_open(&out, '[');
	for (const struct problem *p = c->problems; p != NULL; p = p->next) {
		json_open(&out, '{');
		json_name(&out, "file");
		json_string(&out, p->file);
		json_name(&out, "line");
		json_int(&out, p->line);
		json_name(&out, "level");
		json_string(&out, text_of(level_name[p->level]));
		json_name(&out, "key");
		json_string(&out, p->key);
		json_name(&out, "message");
		json_string(&out, p->message);
		json_close(&out, '}');
	}
	json_close(&out, ']');
}

static unsigned
least(unsigned a, unsigned b)
{
	return (a < b ? a : b);
}

static char
folded(char c)
{
	return (c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c == '-' ? '_' : c);
}

#define WORD_MOST	48

/* Changes, insertions, removals and swapped neighbours; case and the kind of dash do not count. */
unsigned
edit_distance(struct text a, struct text b, unsigned most)
{
	unsigned row[3][WORD_MOST + 1];

	if (a.len > WORD_MOST || b.len > WORD_MOST || (a.len > b.len ? a.len - b.len : b.len - a.len) > most)
		return (most + 1);
	for (unsigned j = 0; j <= b.len; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];
		now[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			char x = folded(a.at[i - 1]), y = folded(b.at[j - 1]);
			now[j] = least(before[j - 1] + (x != y), least(before[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && x == folded(b.at[j - 2]) && folded(a.at[i - 2]) == y)
				now[j] = least(now[j], earlier[j - 2] + 1);
		}
	}
	return (least(row[a.len % 3][b.len], most + 1));
}

const char *
did_you_mean(struct text wrong, const void *table, size_t n, word_f *nth)
{
	unsigned most = wrong.len < 4 ? 1 : wrong.len < 8 ? 2 : 3, best = most + 1;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned d = edit_distance(wrong, text_of(nth(table, i)), most);
		if (d < best && d < wrong.len) {
			best = d;
			found = nth(table, i);
		}
	}
	return (found);
}

const char *
hint(struct load *l, const char *near)
{
	return (near != NULL ? arena_print(l->scratch, "; did you mean %s?", near).at : "");
}
