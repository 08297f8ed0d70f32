/* SPDX-License-Identifier: Apache-2.0 */
/* model_info.access_windows: times of the day in which a deployment is some teams' only, each by the clocks of a zone. */
#include "config/config_priv.h"

#include "base/zone.h"

#define DAY_S	86400

static bool
take_two(struct text *t, int most, int *n)
{
	if (t->len < 2 || t->at[0] < '0' || t->at[0] > '9' || t->at[1] < '0' || t->at[1] > '9')
		return (false);
	*n = (t->at[0] - '0') * 10 + t->at[1] - '0';
	*t = text_sub(*t, 2, t->len);
	return (*n <= most);
}

static bool
take_colon(struct text *t)
{
	if (t->len == 0 || t->at[0] != ':')
		return (false);
	*t = text_sub(*t, 1, t->len);
	return (true);
}

/* "18:00" or "18:00:30" */
static bool
read_time(struct text t, int *second)
{
	int hour, minute, rest = 0;

	if (!take_two(&t, 23, &hour) || !take_colon(&t) || !take_two(&t, 59, &minute) || (t.len > 0 && (!take_colon(&t) || !take_two(&t, 59, &rest))))
		return (false);
	*second = hour * 3600 + minute * 60 + rest;
	return (t.len == 0);
}

static bool
want_time(struct load *l, const struct node *map, const char *name, struct text *said, int *second)
{
	if (want_text(l, node_get(map, name), said) && read_time(*said, second))
		return (true);
	problem(l, PROBLEM_ERROR, map, "access_windows: %s must be a time of the day such as 18:00", name);
	return (false);
}

static bool
read_window(struct load *l, const struct node *map, struct access_window *w)
{
	static const char *const members[] = { "start", "end", "timezone", "team_ids" };

	for (const struct pair *p = map->first; p != NULL; p = p->next)
		if (!has_word(p->key, members, nitems(members))) {
			problem_key(l, PROBLEM_ERROR, map, p, "access_windows: there is no " TEXT_FMT " in a window", TEXT_ARG(p->key));
			return (false);
		}
	if (!want_time(l, map, "start", &w->from, &w->from_s) || !want_time(l, map, "end", &w->to, &w->to_s))
		return (false);
	if (w->from_s == w->to_s)
		problem(l, PROBLEM_ERROR, map, "access_windows: start and end must differ");
	if (!want_text(l, node_get(map, "timezone"), &w->zone_name) || (w->zone = zone_read(l->arena, w->zone_name)) == NULL) {
		problem(l, PROBLEM_ERROR, map, "access_windows: timezone must be a zone such as Asia/Seoul");
		return (false);
	}
	w->n_teams = want_texts(l, node_get(map, "team_ids"), &w->teams);
	for (size_t i = 0; i < w->n_teams; i++)
		if (w->teams[i].len == 0)
			w->n_teams = 0;
	if (w->n_teams == 0)
		problem(l, PROBLEM_ERROR, map, "access_windows: team_ids must name a team at least");
	return (true);
}

void
windows_read(struct load *l, const struct node *list, struct deployment *d)
{
	if (node_is_null(list) || !want_kind(l, list, NODE_LIST))
		return;
	d->windows = arena_alloc(l->arena, (list->n + 1) * sizeof(*d->windows));
	for (const struct pair *p = list->first; p != NULL; p = p->next)
		if (want_kind(l, p->value, NODE_MAP) && read_window(l, p->value, &d->windows[d->n_windows]))
			d->n_windows++;
}

static bool
is_open(const struct access_window *w, int64_t now_s)
{
	int64_t local = now_s + zone_offset(w->zone, now_s), second = (local % DAY_S + DAY_S) % DAY_S;

	return (w->from_s < w->to_s ? second >= w->from_s && second < w->to_s : second >= w->from_s || second < w->to_s);
}

static bool
has_team(const struct access_window *w, struct text team)
{
	for (size_t i = 0; i < w->n_teams; i++)
		if (text_eq(w->teams[i], team))
			return (true);
	return (false);
}

const struct access_window *
deployment_window(const struct deployment *d, struct text team, int64_t now_ms)
{
	const struct access_window *keeps = NULL;

	for (size_t i = 0; i < d->n_windows; i++) {
		if (!is_open(&d->windows[i], now_ms / 1000))
			continue;
		if (has_team(&d->windows[i], team))
			return (NULL);
		keeps = keeps != NULL ? keeps : &d->windows[i];
	}
	return (keeps);
}
