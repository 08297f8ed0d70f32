/* SPDX-License-Identifier: Apache-2.0 */
/* What reports of spending share. */
#include "admin/report.h"

#include "admin/roles.h"
#include "admin/things.h"
#include "base/date.h"
#include "base/digest.h"

void
sums_read(struct sums *s, const struct rows *rows, unsigned row, unsigned column)
{
	int64_t *const fields[SUMS_COLUMNS] = { &s->requests, &s->failures, &s->prompt, &s->completion, &s->cached, &s->written, &s->reasoning, &s->cost };

	for (unsigned i = 0; i < SUMS_COLUMNS; i++)
		*fields[i] = rows_int(rows, row, column + i, 0);
}

void
sums_add(struct sums *to, const struct sums *s)
{
	to->requests += s->requests;
	to->failures += s->failures;
	to->prompt += s->prompt;
	to->completion += s->completion;
	to->cached += s->cached;
	to->written += s->written;
	to->reasoning += s->reasoning;
	to->cost += s->cost;
}

/* A day, or the day of a moment. */
static struct error *
one_day(int64_t *day, struct admin_call *call, const char *name, int64_t otherwise)
{
	int64_t ms;

	TRY(query_day(&ms, call, name, otherwise * DAY_MS));
	*day = day_of_ms(ms);
	return (NULL);
}

struct error *
report_days(struct report *r, struct admin_call *call, const char *from, const char *to, int64_t days_otherwise)
{
	int64_t today = day_of_ms(call->now_ms);

	if (days_otherwise == 0 && (query_text(call, from).len == 0 || query_text(call, to).len == 0))
		return (admin_bad(call, from, "Please provide %s and %s.", from, to));
	TRY(one_day(&r->to, call, to, today));
	TRY(one_day(&r->from, call, from, days_otherwise > r->to ? 0 : r->to - days_otherwise));
	if (r->from > r->to)
		return (admin_bad(call, from, "%s is after %s.", from, to));
	if (r->to - r->from >= REPORT_DAYS_MOST)
		return (admin_bad(call, from, "A report is of %d days at most.", REPORT_DAYS_MOST));
	return (NULL);
}

/* A key that belongs to nobody sees what it spent itself. */
struct error *
report_caller(struct report *r, struct admin_call *call)
{
	if (sees_all(call))
		return (NULL);
	if (own_user(call).len > 0) {
		r->self = own_user(call);
		return (NULL);
	}
	if (call->caller->digest.len == 0)
		return (admin_forbidden(call, "Nothing is known of this caller, whose spending could be shown."));
	r->key = call->caller->digest;
	return (NULL);
}

struct error *
report_sums(struct rows *rows, struct admin_call *call, const struct report *r, const char *a, const char *b, const char *c,
    const char *order, int64_t most)
{
	return (ASK(call, rows, SQL_DAY_SUMS, V_TEXT(text_of(a)), V_TEXT(text_of(b)), V_TEXT(text_of(c)), V_TEXT(text_of(r->kind)), V_INT(day_code(r->from)),
	    V_INT(day_code(r->to)), V_TEXT(text_of(r->who)), V_TEXT_OR_NULL(r->only), V_TEXT_OR_NULL(r->but), V_TEXT_OR_NULL(r->key), V_TEXT_OR_NULL(r->user),
	    V_TEXT_OR_NULL(r->team), V_TEXT_OR_NULL(r->model), V_TEXT_OR_NULL(r->self), V_TEXT(text_of(order)), V_INT(most)));
}

struct text
report_key(struct arena *arena, struct text key)
{
	return (text_starts(key, TEXT("sk-")) ? sha256_hex(arena, key) : key);
}

struct text
report_list(struct arena *arena, const struct text *list, unsigned n)
{
	return (n > 0 ? texts_raw(arena, list, n) : TEXT(""));
}

struct text
report_id(struct arena *arena, int64_t ms)
{
	return (arena_print(arena, "%08llx-%04llx-0000-0000-000000000000", (unsigned long long)ms >> 16, (unsigned long long)ms & 0xffff));
}
