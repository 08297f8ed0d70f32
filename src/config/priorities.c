/* SPDX-License-Identifier: Apache-2.0 */
/* priority_reservation: {"prod": 0.9, "dev": {"type": "rpm", "value": 10}}, and what all others have. */
#include "config/config_priv.h"

#define WHOLE		1000000
#define REST		0.25		/* LiteLLM's */
#define THRESHOLD	0.5

static bool
want_part(struct load *l, const struct node *n, int64_t *millionths)
{
	double part;

	if (n == NULL || !want_kind(l, n, NODE_SCALAR))
		return (false);
	if (scalar_number(n->text, &part) && part >= 0 && part <= 1) {
		*millionths = (int64_t)(part * WHOLE + 0.5);
		return (true);
	}
	problem(l, PROBLEM_ERROR, n, TEXT_FMT " must be a part of 1", TEXT_ARG(n->name));
	return (false);
}

static bool
read_share(struct load *l, const struct node *n, struct priority *p)
{
	const struct node *type = node_get(n, "type"), *value = node_get(n, "value");
	struct text kind = TEXT("");

	p->of = SHARE_PART;
	if (n->kind == NODE_SCALAR)
		return (want_part(l, n, &p->value));
	if (!want_text(l, type, &kind) || value == NULL)
		problem(l, PROBLEM_ERROR, n, "a priority is a part of 1, or has a type (rpm, tpm, percent) and a value");
	else if (text_is(kind, "percent"))
		return (want_part(l, value, &p->value));
	else if (text_is(kind, "rpm") || text_is(kind, "tpm")) {
		p->of = text_is(kind, "rpm") ? SHARE_RPM : SHARE_TPM;
		return (want_int(l, value, 0, INT64_MAX / WHOLE, &p->value));
	} else
		problem(l, PROBLEM_ERROR, type, "type must be rpm, tpm or percent");
	return (false);
}

/* Parts that are more than the whole all get smaller. */
static void
fit(struct priorities *all)
{
	int64_t sum = all->rest.value;

	for (size_t i = 0; i < all->n; i++)
		sum += all->list[i].of == SHARE_PART ? all->list[i].value : 0;
	if (sum <= WHOLE)
		return;
	all->rest.value = all->rest.value * WHOLE / sum;
	for (size_t i = 0; i < all->n; i++)
		if (all->list[i].of == SHARE_PART)
			all->list[i].value = all->list[i].value * WHOLE / sum;
}

void
priorities_read(struct load *l, const struct node *shares, const struct node *settings)
{
	struct priorities *all = &l->config->settings.priorities;

	if (!want_kind(l, shares, NODE_MAP))
		return;
	all->rest = (struct priority){ TEXT("default"), SHARE_PART, (int64_t)(REST * WHOLE) };
	all->threshold = (int64_t)(THRESHOLD * WHOLE);
	want_part(l, node_get(settings, "default_priority"), &all->rest.value);
	want_part(l, node_get(settings, "saturation_threshold"), &all->threshold);
	all->list = arena_alloc(l->arena, (shares->n + 1) * sizeof(*all->list));
	for (const struct pair *p = shares->first; p != NULL; p = p->next) {
		all->list[all->n].name = arena_copy(l->arena, p->key);
		all->n += read_share(l, p->value, &all->list[all->n]);
	}
	fit(all);
}
