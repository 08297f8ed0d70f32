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

static struct facts
facts_at(size_t i)
{
	return ((struct facts){ .name = name_at(i), .vendor = text_of(fact_vendors[fact_vendor[i]]), .mode = text_of(fact_modes[fact_mode[i]]),
	    .max_input = fact_max_input[i], .max_output = fact_max_output[i], .input = fact_input[i], .output = fact_output[i],
	    .cache_read = fact_cache_read[i], .cache_write = fact_cache_write[i], .can = fact_can[i] });
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

static bool
find_exact(struct facts *f, struct text model)
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
	if (find_exact(f, model))
		return (true);
	return (text_cut(model, '/', &head, &tail) && tail.len > 0 && find_exact(f, tail));
}

bool
deployment_chats_only(const struct deployment *d, struct text model)
{
	struct facts f;

	return (!text_is(d->mode, "completion") && facts_find(&f, model) && !text_is(f.mode, "completion"));
}
