/* SPDX-License-Identifier: Apache-2.0 */
/* A list of entries, bounded in number and bytes: the oldest go first. */
#include "journal.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdlib.h>

#define ENTRIES_MOST	20000
#define BYTES_MOST	(512u << 20)

struct kept {
	struct entry	 entry;
	struct kept	*next;
	char		*memory;
	size_t		 size;
	bool		 open, hidden;
};

struct journal {
	struct kept	*first, **last;
	size_t		 bytes;
	unsigned	 n;
	uint64_t	 problems;
	int64_t		 start_us;
};

struct journal *
journal_new(void)
{
	struct journal *j = must_zalloc(sizeof(*j));

	j->last = &j->first;
	j->start_us = clock_us();
	return (j);
}

static void
drop(struct journal *j, struct kept **at)
{
	struct kept *k = *at;

	*at = k->next;
	if (j->last == &k->next)
		j->last = at;
	j->n--;
	j->bytes -= k->size;
	buf_free(&k->entry.problems);
	free(k->memory);
	free(k);
}

void
journal_reset(struct journal *j)
{
	for (struct kept **at = &j->first; *at != NULL; ) {
		(*at)->hidden = true;
		if ((*at)->open)
			at = &(*at)->next;
		else
			drop(j, at);
	}
	j->problems = 0;
}

void
journal_free(struct journal *j)
{
	while (j->first != NULL)
		drop(j, &j->first);
	free(j);
}

static struct text
keep(char **at, struct text t)
{
	struct text kept = { *at, t.len };

	memcpy(*at, t.at, t.len);
	*at += t.len;
	return (kept);
}

static void
make_room(struct journal *j, size_t size)
{
	for (struct kept **at = &j->first; *at != NULL && (j->n >= ENTRIES_MOST || j->bytes + size > BYTES_MOST); )
		if ((*at)->open)
			at = &(*at)->next;
		else
			drop(j, at);
}

struct entry *
journal_open(struct journal *j, struct text method, struct text path, struct text head, struct text body)
{
	struct kept *k = must_zalloc(sizeof(*k));
	char *at;

	k->size = method.len + path.len + head.len + body.len;
	make_room(j, k->size);
	at = k->memory = must_alloc(k->size + 1);
	k->entry.method = keep(&at, method);
	k->entry.path = keep(&at, path);
	k->entry.head = keep(&at, head);
	k->entry.body = keep(&at, body);
	k->entry.state = "playing";
	k->entry.at_ms = (clock_us() - j->start_us) / 1000;
	k->open = true;
	*j->last = k;
	j->last = &k->next;
	j->n++;
	j->bytes += k->size;
	return (&k->entry);
}

void
journal_close(struct journal *j, struct entry *e, const char *state)
{
	struct kept *k = (struct kept *)e;

	e->state = state;
	e->over_ms = (clock_us() - j->start_us) / 1000;
	k->open = false;
	for (struct kept **at = &j->first; k->hidden && *at != NULL; at = &(*at)->next)
		if (*at == k) {
			drop(j, at);
			break;
		}
}

void
journal_problem(struct journal *j, struct entry *e, const char *fmt, ...)
{
	struct buf said = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprint(&said, fmt, ap);
	va_end(ap);
	j->problems++;
	if (e != NULL) {
		buf_print(&e->problems, "%s\"", e->problems.len > 0 ? "," : "");
		buf_escape(&e->problems, buf_as_text(&said));
		buf_lit(&e->problems, "\"");
	}
	buf_free(&said);
}

static void
print_headers(struct json_out *out, struct text head)
{
	struct text line, name, value;

	json_name(out, "headers");
	json_open(out, '{');
	text_cut(head, '\n', &line, &head);
	while (text_cut(head, '\n', &line, &head) && text_cut(line, ':', &name, &value)) {
		struct buf lower = { 0 };

		for (size_t i = 0; i < name.len; i++)
			buf_byte(&lower, (char)(name.at[i] >= 'A' && name.at[i] <= 'Z' ? name.at[i] | 0x20 : name.at[i]));
		buf_byte(&lower, '\0');
		json_name(out, lower.at);
		json_string(out, text_trim(value));
		buf_free(&lower);
	}
	json_close(out, '}');
}

static void
print_entry(struct json_out *out, const struct entry *e)
{
	json_open(out, '{');
	json_name(out, "method");
	json_string(out, e->method);
	json_name(out, "path");
	json_string(out, e->path);
	print_headers(out, e->head);
	json_name(out, "head");
	json_string(out, e->head);
	json_name(out, "body");
	json_string(out, e->body);
	json_name(out, "connection");
	json_int(out, (int64_t)e->connection);
	json_name(out, "client");
	json_string(out, text_of(e->client));
	json_name(out, "tls");
	json_bool(out, e->tls);
	json_name(out, "status");
	json_int(out, e->status);
	json_name(out, "events");
	json_int(out, e->events);
	json_name(out, "state");
	json_string(out, text_of(e->state));
	json_name(out, "aborted");
	json_bool(out, strcmp(e->state, "aborted") == 0);
	json_name(out, "at_ms");
	json_int(out, e->at_ms);
	json_name(out, "over_ms");
	json_int(out, e->over_ms);
	json_name(out, "problems");
	json_open(out, '[');
	if (e->problems.len > 0)
		json_raw(out, buf_as_text(&e->problems));
	json_close(out, ']');
	json_close(out, '}');
}

void
journal_print(const struct journal *j, struct buf *to)
{
	struct json_out out = { to, false };

	json_open(&out, '[');
	for (const struct kept *k = j->first; k != NULL; k = k->next)
		if (!k->hidden)
			print_entry(&out, &k->entry);
	json_close(&out, ']');
}

uint64_t
journal_problems(const struct journal *j)
{
	return (j->problems);
}
