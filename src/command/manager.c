/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the management API from a command, and printing what they answer. */
#include "command/manager.h"

#include "access/calendar.h"
#include "base/clock.h"
#include "command/command.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CELL_MOST	64			/* characters: a digest fits */

static struct text
who_is_there(struct arena *a)
{
	const struct passwd *p = getpwuid(getuid());
	const char *by = getenv("SUDO_USER");

	if (by != NULL && by[0] != '\0' && strlen(by) < 64)
		return (arena_print(a, "operator:%s", by));
	return (p != NULL ? arena_print(a, "operator:%s", p->pw_name) : arena_print(a, "operator:%u", (unsigned)getuid()));
}

/* Periods of budgets are those of the gateway, whatever configuration there is here, or none; a store that is away is told of later. */
static void
go_by_calendar(struct store_pool *pool)
{
	struct store *store = store_lend(pool, 0);

	if (store != NULL)
		(void)calendar_take(store);
	store_return(pool, store);
}

bool
manager_open(struct manager *m, const char *config, const char *database)
{
	struct text url;

	*m = (struct manager){ .config = command_config(config) };
	if (m->config == NULL)
		return (false);
	m->arena = arena_new();
	m->who = who_is_there(m->arena);
	url = database != NULL ? text_of(database) : m->config->settings.database;
	m->pool = store_pool_new(url, 1, NULL);
	go_by_calendar(m->pool);
	m->caller = (struct caller){ .kind = CALLER_MASTER, .role = USER_ADMIN, .user_id = TEXT(MASTER_USER), .digest = TEXT(""), .team_id = TEXT(""),
		.organization_id = TEXT("") };
	return (true);
}

void
manager_close(struct manager *m)
{
	store_pool_free(m->pool);
	config_release(m->config);
	arena_free(m->arena);
}

void
manager_ask(struct manager *m, struct growing *query, const char *name, struct text value)
{
	if (query->len > 0)
		arena_append(m->arena, query, TEXT("&"));
	arena_append(m->arena, query, text_of(name));
	arena_append(m->arena, query, TEXT("="));
	arena_append(m->arena, query, arena_percent_encode(m->arena, value));
}

/* Whose database is away has most often named none: what was looked for says the line before. */
static void
complain(const struct error *e)
{
	fprintf(stderr, "sluice: " TEXT_FMT "\n", TEXT_ARG(e->message));
	if (text_is(e->type, "no_db_connection"))
		fputs("sluice: --config FILE (or SLUICE_CONFIG) names the configuration that says where the database is, --database the database itself\n", stderr);
}

const struct json *
manager_call(struct manager *m, const char *method, struct text path, struct text query, struct text body)
{
	struct admin_call call = { .arena = m->arena, .config = m->config, .caller = &m->caller, .query = query, .sent = body, .changed_by = m->who,
		.now_ms = clock_wall_ms() };
	const struct json *answer = NULL;
	struct json_fault fault;
	struct error *e;
	struct text allow;

	call.row = admin_find(call.id, &allow, m->arena, text_of(method), path);
	if (call.row == NULL) {
		fprintf(stderr, "sluice: there is no %s " TEXT_FMT "%s%s\n", method, TEXT_ARG(path), allow.len > 0 ? "; it takes " : "", allow.at);
		return (NULL);
	}
	e = admin_run(&call, m->pool);
	if (call.made != NULL)
		config_release(call.made);
	if (e != NULL)
		complain(e);
	else
		answer = json_parse(m->arena, arena_copy(m->arena, buf_as_text(&call.out)), &fault);
	if (e == NULL && answer == NULL)		/* an answer of no words */
		answer = json_parse(m->arena, TEXT("{}"), &fault);
	buf_free(&call.out);
	return (answer);
}

/* printing */

static struct text
harmless(struct arena *a, struct text t)
{
	char *copy;

	t = arena_copy(a, t);
	copy = (char *)(uintptr_t)t.at;
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)copy[i] < ' ' || copy[i] == 0x7f)
			copy[i] = '?';
	return (t);
}

static struct text
listed(struct arena *a, const struct json *list)
{
	struct growing g = { 0 };

	for (const struct json *i = list->first; i != NULL; i = i->next) {
		if (g.len > 0)
			arena_append(a, &g, TEXT(","));
		arena_append(a, &g, shown(a, i));
	}
	return (g.len > 0 ? (struct text){ g.at, g.len } : TEXT("-"));
}

struct text
shown(struct arena *a, const struct json *v)
{
	struct text t;

	if (v == NULL || v->type == JSON_NULL)
		return (TEXT("-"));
	if (v->type == JSON_ARRAY)
		return (listed(a, v));
	if (v->type == JSON_OBJECT && v->count == 0)
		return (TEXT("-"));
	t = v->type == JSON_STRING ? json_unescape(a, json_quoted(v)) : v->raw;
	return (t.len > 0 ? harmless(a, t) : TEXT("-"));
}

static size_t
characters(struct text t)
{
	size_t n = 0;

	for (size_t i = 0; i < t.len; i++)
		n += ((unsigned char)t.at[i] & 0xc0) != 0x80;
	return (n);
}

static struct text
cut(struct arena *a, struct text t)
{
	size_t n = t.len;

	if (characters(t) <= CELL_MOST)
		return (t);
	while (n > 0 && characters(text_sub(t, 0, n)) > CELL_MOST - 1)
		n--;
	return (arena_print(a, TEXT_FMT "~", TEXT_ARG(text_whole(text_sub(t, 0, n)))));
}

static void
print_cell(struct text t, size_t width, bool last)
{
	fwrite(t.at, 1, t.len, stdout);
	for (size_t n = characters(t); !last && n < width + 2; n++)
		putchar(' ');
	if (last)
		putchar('\n');
}

void
print_table(struct arena *a, const char *const *titles, const struct text *cells, unsigned rows, unsigned columns)
{
	size_t *width = arena_alloc(a, columns * sizeof(*width));

	for (unsigned c = 0; c < columns; c++) {
		width[c] = strlen(titles[c]);
		for (unsigned r = 0; r < rows; r++)
			if (characters(cut(a, cells[r * columns + c])) > width[c])
				width[c] = characters(cut(a, cells[r * columns + c]));
	}
	for (unsigned c = 0; c < columns; c++)
		print_cell(text_of(titles[c]), width[c], c + 1 == columns);
	for (unsigned r = 0; r < rows; r++)
		for (unsigned c = 0; c < columns; c++)
			print_cell(cut(a, cells[r * columns + c]), width[c], c + 1 == columns);
}

void
print_line(const char *name, struct text value)
{
	printf("%s: " TEXT_FMT "\n", name, TEXT_ARG(value));
}
