/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is publicly known of models: how much they read and write, what they cost, what they can do.
 *
 * The table is made of data/model-facts.tsv when the gateway is built: one string of names and arrays beside it, so that it is shared
 * by all workers and costs nothing at start.
 */
#include "config/config_priv.h"

#include "src/config/facts_table.h"

static struct text
name_at(size_t i)
{
	return ((struct text){ fact_names + fact_name[i], fact_name[i + 1] - fact_name[i] });
}

static struct rate
rate_at(unsigned k)
{
	unsigned of_tier = tariff_rates[k].of_tier;

	return ((struct rate){ .of = of_tier & 15, .tier = (uint8_t)(of_tier >> 4), .above = tariff_steps[tariff_rates[k].step],
	    .pico = tariff_prices[tariff_rates[k].price] });
}

/* The plain one: of the default tier, whatever the prompt; -1: not published. */
static int64_t
price_at(size_t i, enum rate_of of)
{
	unsigned t = fact_tariff[i];

	for (unsigned k = tariff_at[t]; k < tariff_at[t + 1]; k++)
		if (tariff_rates[k].of_tier == of && tariff_rates[k].step == 0)
			return (tariff_prices[tariff_rates[k].price]);
	return (-1);
}

unsigned
facts_rates(struct rate *list, unsigned most, const struct facts *f)
{
	unsigned from = tariff_at[f->tariff], n = tariff_at[f->tariff + 1] - from;

	if (n > most)
		n = most;
	for (unsigned i = 0; i < n; i++)
		list[i] = rate_at(from + i);
	return (n);
}

static struct facts
facts_at(size_t i)
{
	return ((struct facts){ .name = name_at(i), .vendor = text_of(fact_vendors[fact_vendor[i]]), .mode = text_of(fact_modes[fact_mode[i]]),
	    .max_input = fact_max_input[i], .max_output = fact_max_output[i], .input = price_at(i, RATE_INPUT), .output = price_at(i, RATE_OUTPUT),
	    .cache_read = price_at(i, RATE_CACHED), .cache_write = price_at(i, RATE_WRITTEN), .can = fact_can[i], .tariff = fact_tariff[i] });
}

bool
facts_nth(struct facts *f, size_t i)
{
	if (i >= FACTS)
		return (false);
	*f = facts_at(i);
	return (true);
}

const char *
facts_flag(unsigned bit)
{
	return (bit < nitems(fact_flags) ? fact_flags[bit] : NULL);
}

bool
facts_find_exactly(struct facts *f, struct text model)
{
	size_t low = 0, high = FACTS;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct text name = name_at(middle);
		size_t n = name.len < model.len ? name.len : model.len;
		int c = memcmp(model.at, name.at, n);
		if (c == 0 && model.len == name.len) {
			*f = facts_at(middle);
			return (true);
		}
		if (c < 0 || (c == 0 && model.len < name.len))
			high = middle;
		else
			low = middle + 1;
	}
	return (false);
}

bool
facts_find(struct facts *f, struct text model)
{
	struct text head, tail;

	if (model.len == 0 || memchr(model.at, '*', model.len) != NULL)
		return (false);
	if (facts_find_exactly(f, model))
		return (true);
	return (text_cut(model, '/', &head, &tail) && tail.len > 0 && facts_find_exactly(f, tail));
}

bool
deployment_chats_only(const struct deployment *d, struct text model)
{
	struct facts f;

	return (!text_is(d->mode, "completion") && facts_find(&f, model) && !text_is(f.mode, "completion"));
}
