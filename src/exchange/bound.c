/* SPDX-License-Identifier: Apache-2.0 */
/* The most a call can cost, whoever of those it may go to is asked, and what to send where that is more than there is. */
#include "exchange/exchange.h"

#include "ledger/price.h"

#define IMAGE_TOKENS	2000		/* of a picture that is only named */
#define FILE_TOKENS	50000
#define LOWERED_MOST	16		/* a max_tokens that was said is not lowered to less than this part of it */

static unsigned
occurrences(struct text body, const char *word)
{
	return (text_count(body, text_of(word)));
}

/* What stands in the body is not larger in tokens than in bytes; what it only points to is.  Bodies are large: few passes over them, once. */
static int64_t
media_of(struct text body)
{
	int64_t files = occurrences(body, "\"document\""), pictures = 0;

	if (occurrences(body, "_url\"") > 0) {
		pictures += occurrences(body, "\"image_url\"");
		files += occurrences(body, "\"file_url\"");
	}
	if (occurrences(body, "\"input_") > 0) {
		pictures += occurrences(body, "\"input_image\"");
		files += occurrences(body, "\"input_file\"");
	}
	return (pictures * IMAGE_TOKENS + files * FILE_TOKENS);
}

static bool
has_rate(const struct tariff *t, unsigned kinds)
{
	for (unsigned i = 0; i < t->n; i++)
		if (kinds >> t->rates[i].of & 1)
			return (true);
	return (false);
}

#define SOUND	(1u << RATE_AUDIO_IN | 1u << RATE_AUDIO_OUT)
#define PICTURES	(1u << RATE_IMAGE_IN | 1u << RATE_IMAGE_OUT)
#define WRITES	(1u << RATE_WRITTEN | 1u << RATE_WRITTEN_1H)

/* Dear kinds of tokens that can not occur, because a call must ask for them: sound, pictures, what Anthropic writes into its cache. */
static unsigned
never_of(const struct exchange *x, const struct deployment *d, const struct tariff *t)
{
	unsigned never = 0;

	if (!x->bound_held || d->n_defaults > 0)	/* they may ask for it */
		return (0);
	if (has_rate(t, SOUND) && occurrences(x->glance.body, "audio") == 0)
		never |= SOUND;
	if (has_rate(t, PICTURES) && occurrences(x->glance.body, "image") == 0)
		never |= PICTURES;
	if (d->wire == WIRE_ANTHROPIC && has_rate(t, WRITES) && occurrences(x->glance.body, "cache_control") == 0)
		never |= WRITES;
	return (never);
}

static int64_t
member_number(const struct glance *g, const char *name, int64_t otherwise)
{
	const struct json_spot *spot = glance_member(g, name);
	int64_t n;

	return (spot != NULL && json_to_i64(json_spot_value(g->body, spot), &n) ? n : otherwise);
}

static struct price_ask
ask_of(const struct exchange *x)
{
	struct price_ask a = { .prompt_bytes = x->glance.body.len, .media = x->bound_held ? media_of(x->glance.body) : 0, .max_tokens = x->glance.max_tokens,
		.most_ms = x->config->settings.total_timeout_ms };
	int64_t n = member_number(&x->glance, "n", 1), best = member_number(&x->glance, "best_of", 1);

	if (best > n)
		n = best;
	a.n = n > 1 && n <= 1024 ? (unsigned)n : 1;
	a.tier = x->tier;
	if (x->front->wire == WIRE_EMBEDDINGS)
		a.max_tokens = 0;
	return (a);
}

/* A limit the configuration sends along where the client says none. */
static int64_t
configured_most(const struct deployment *d)
{
	static const char *const names[] = { "max_tokens", "max_completion_tokens", "max_output_tokens" };
	int64_t n;

	for (size_t i = 0; i < d->n_defaults; i++)
		for (size_t k = 0; k < nitems(names); k++)
			if (text_is(d->defaults[i].name, names[k]) && json_to_i64(d->defaults[i].raw, &n) && n > 0)
				return (n);
	return (-1);
}

static const struct tariff *
tariff_of(const struct exchange *x, const struct deployment *d)
{
	return (config_tariff(x->arena, x->config, d, route_model(&x->plan, d)));
}

static struct price_ask
ask_of_deployment(const struct price_ask *ask, const struct deployment *d)
{
	struct price_ask a = *ask;

	if (a.max_tokens < 0)
		a.max_tokens = configured_most(d);
	a.max_output = d->max_output_tokens;
	a.window = d->max_input_tokens;
	return (a);
}

/* instalments */

static bool
says(const struct exchange *x, const char *word)
{
	return (occurrences(x->glance.body, word) > 0);
}

/* Sound and pictures have more tokens than bytes of theirs pass us; what runs in the background goes on when its stream is cut. */
static bool
can_part(const struct exchange *x, const struct price_ask *ask)
{
	const struct settings *s = &x->config->settings;

	return (x->bound_held && s->budget_strict && s->budget_instalment > 0 && x->glance.stream && !x->glance.background && ask->n == 1 &&
	    x->surface->want == WANT_ANSWER && !says(x, "\"modalities\"") && !says(x, "\"audio\"") && !says(x, "image_generation"));
}

static bool
facts_reason(const struct facts *f)
{
	static int bit = -1;

	for (int i = 0; bit < 0 && facts_flag((unsigned)i) != NULL; i++)
		if (strcmp(facts_flag((unsigned)i), "reasoning") == 0)
			bit = i;
	return (bit < 0 || (f->can >> bit & 1) != 0);
}

/* Anthropic's think only where they are told to. */
static bool
may_think_unseen(const struct exchange *x, const struct deployment *d)
{
	struct json_item said;
	bool told;

	if (json_find(d->model_info, "supports_reasoning", &said) ? text_is(said.raw, "false") : d->facts != NULL && !facts_reason(d->facts))
		return (false);
	told = d->n_defaults > 0 || says(x, "\"thinking\"") || says(x, "\"reasoning");
	return (d->wire != WIRE_ANTHROPIC || told);
}

/* What it reserves before it is sent to that deployment. */
static int64_t
part_of(const struct tariff *t, const struct price_ask *whole, int64_t tokens)
{
	struct price_ask part = *whole;

	if (part.max_tokens < 0 || part.max_tokens > tokens)
		part.max_tokens = tokens;
	return (price_bound(t, &part));
}

static void
part_first(struct exchange *x, const struct deployment *d, const struct tariff *t, const struct price_ask *whole)
{
	const struct settings *s = &x->config->settings;
	int64_t first = part_of(t, whole, s->budget_instalment), floor = part_of(t, whole, s->least_max_tokens);

	x->parts.hides |= may_think_unseen(x, d);
	if (d->mock || (x->parts.hides && s->budget_hidden_tokens == 0))
		x->parts.on = false;
	if (first > x->parts.first)
		x->parts.first = first;
	if (floor > x->parts.floor)
		x->parts.floor = floor;
}

void
bound_part(struct exchange *x)
{
	x->parts.tariff = tariff_of(x, x->deployment);
	x->parts.ask = ask_of_deployment(&x->price_ask, x->deployment);
	x->parts.ask.never = never_of(x, x->deployment, x->parts.tariff);
}

/* the bound */

/* A limit of tokens can be sent, or a lower one: not below what was asked for thinking, and not so low that it would be another call. */
static int64_t
least_tokens(const struct exchange *x, const struct price_ask *a)
{
	int64_t least = x->config->settings.least_max_tokens;

	if (a->max_tokens < 0)
		return (least);
	if (!x->bound_held || x->glance.max_tokens < 0 || x->front->wire == WIRE_EMBEDDINGS || says(x, "\"budget_tokens\""))
		return (a->max_tokens);		/* the client's own may be lowered, not what the configuration sends along */
	return (a->max_tokens / LOWERED_MOST > least ? a->max_tokens / LOWERED_MOST : least < a->max_tokens ? least : a->max_tokens);
}

/* The dearest of a group counts; x->unpriced is one of it that has no price. */
static void
bound_group(struct exchange *x, const struct group *g, const struct price_ask *ask)
{
	for (size_t i = 0; i < g->n_deployments; i++) {
		const struct deployment *d = g->deployments[i];
		struct price_ask a = ask_of_deployment(ask, d), least = a;
		const struct tariff *t = tariff_of(x, d);
		int64_t bound, floor;

		if (t == NULL) {
			x->unpriced = d;
			continue;
		}
		x->free_model &= t->free;
		a.never = least.never = never_of(x, d, t);
		least.max_tokens = least_tokens(x, &a);
		bound = price_bound(t, &a);
		floor = price_bound(t, &least);
		if (x->parts.on)
			part_first(x, d, t, &a);
		if (bound > x->bound)
			x->bound = bound;
		if (floor > x->floor)
			x->floor = floor;
	}
}

/* The group that is asked, then those it falls back to; NULL: no more. */
static const struct group *
group_nth(const struct exchange *x, size_t n)
{
	const struct group *first = x->plan.group;
	struct capture captured;

	return (n == 0 ? first : n <= first->n_fallbacks ? config_group(x->config, first->fallbacks[n - 1], &captured) : NULL);
}

static void
bound_all(struct exchange *x)
{
	x->price_ask = ask_of(x);
	x->bound = x->floor = 0;
	x->unpriced = NULL;
	x->free_model = true;
	x->parts = (struct instalments){ .on = can_part(x, &x->price_ask) };
	for (size_t n = 0; n <= x->plan.group->n_fallbacks; n++) {
		const struct group *g = group_nth(x, n);

		if (g != NULL)
			bound_group(x, g, &x->price_ask);
		if (n == 0 && x->unpriced != NULL)
			x->free_model = false;
	}
}

/* What passes through costs so much a call, or what its model costs: it names one in its body. */
static void
bound_passed(struct exchange *x)
{
	static const char *const names[] = { "max_tokens", "max_completion_tokens", "max_output_tokens" };
	struct text body = x->request != NULL ? x->request->body : TEXT("");
	struct price_ask a = { .prompt_bytes = body.len, .max_tokens = -1, .most_ms = x->config->settings.total_timeout_ms, .tier = -1 };
	const struct tariff *t = price_tariff(x);
	struct json_item item;
	struct facts f;
	int64_t n;

	x->bound = x->floor = 0;
	x->unpriced = t == NULL && x->model.len > 0 ? x->conduit->to : NULL;
	x->free_model = t != NULL && t->free;
	if (t == NULL)
		return;
	if (x->model.len == 0) {		/* a price for each call: no tokens are counted */
		a.prompt_bytes = 0;
		a.max_tokens = 0;
	}
	for (size_t i = 0; i < nitems(names) && x->model.len > 0; i++)
		if (json_find(body, names[i], &item) && json_to_i64(item.raw, &n) && n > a.max_tokens)
			a.max_tokens = n;
	if (facts_find(&f, x->model)) {
		a.max_output = f.max_output;
		a.window = f.max_input;
	}
	a.media = x->bound_held ? media_of(body) : 0;
	x->bound = x->floor = price_bound(t, &a);
}

/* Where no budget holds the call its bound is only what a killed worker's row would say: nobody looks through a large body for that. */
void
bound_call(struct exchange *x, bool held)
{
	x->bound_held = held;
	if (x->conduit != NULL)
		bound_passed(x);
	else
		bound_all(x);
}

/* How many tokens so much money buys at the dearest of a group. */
static int64_t
bought_of(const struct exchange *x, const struct group *g, int64_t nano)
{
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < g->n_deployments; i++) {
		const struct deployment *d = g->deployments[i];
		struct price_ask a = ask_of_deployment(&x->price_ask, d);
		const struct tariff *t = tariff_of(x, d);
		int64_t bought;

		if (t == NULL || (a.max_tokens >= 0 && x->glance.max_tokens < 0))
			continue;
		a.never = never_of(x, d, t);
		bought = price_bought(t, &a, nano);
		if (bought < least)
			least = bought;
	}
	return (least);
}

/* Less was reserved than it can cost: then it is sent with the limit of tokens that this buys from whoever may be asked, which makes it true. */
void
bound_fit(struct exchange *x)
{
	int64_t least = INT64_MAX;

	if (x->conduit != NULL || x->parts.on || x->reservation.reserved >= x->bound)
		return;
	for (size_t n = 0; n <= x->plan.group->n_fallbacks; n++) {
		const struct group *g = group_nth(x, n);
		int64_t bought = g != NULL ? bought_of(x, g, x->reservation.reserved) : INT64_MAX;

		if (bought < least)
			least = bought;
	}
	if (least < INT64_MAX)
		x->glance.afford = least;
}
