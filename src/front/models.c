/* SPDX-License-Identifier: Apache-2.0 */
/* The models a client can ask for: groups and their visible aliases, in OpenAI's list or in Anthropic's. */
#include "front/front.h"

#define CREATED		1677610602		/* LiteLLM's constant: a configuration has no birthday */
#define CREATED_ISO	"2023-02-28T18:56:42Z"

static void
put_openai(struct json_out *o, struct text id, const struct group *g)
{
	const struct deployment *d = g != NULL && g->n_deployments > 0 ? g->deployments[0] : NULL;

	json_open(o, '{');
	json_name(o, "id");
	json_string(o, id);
	json_name(o, "object");
	json_string(o, TEXT("model"));
	json_name(o, "created");
	json_int(o, CREATED);
	json_name(o, "owned_by");
	json_string(o, TEXT("openai"));
	if (d != NULL && (d->max_input_tokens > 0 || d->max_output_tokens > 0)) {	/* only of a model that is known */
		json_name(o, "mode");
		json_string(o, d->mode);
		if (d->max_input_tokens > 0) {
			json_name(o, "max_input_tokens");
			json_int(o, d->max_input_tokens);
		}
		if (d->max_output_tokens > 0) {
			json_name(o, "max_output_tokens");
			json_int(o, d->max_output_tokens);
		}
	}
	json_close(o, '}');
}

static void
put_anthropic(struct json_out *o, struct text id)
{
	json_open(o, '{');
	json_name(o, "type");
	json_string(o, TEXT("model"));
	json_name(o, "id");
	json_string(o, id);
	json_name(o, "display_name");
	json_string(o, id);
	json_name(o, "created_at");
	json_string(o, TEXT(CREATED_ISO));
	json_close(o, '}');
}

static void
put_model(struct json_out *o, struct text id, const struct group *g, bool anthropic)
{
	if (anthropic)
		put_anthropic(o, id);
	else
		put_openai(o, id, g);
}

static const struct group *
group_named(const struct config *c, struct text name)
{
	for (size_t i = 0; i < c->n_groups; i++)
		if (text_eq(c->groups[i].name, name))
			return (&c->groups[i]);
	return (NULL);
}

static void
put_edge(struct json_out *o, const char *name, struct text id)
{
	json_name(o, name);
	if (id.at != NULL)
		json_string(o, id);
	else
		json_null(o);
}

void
models_list(struct buf *out, const struct config *c, bool anthropic)
{
	struct json_out o = { .to = out };
	struct text first = { NULL, 0 }, last = { NULL, 0 };

	json_open(&o, '{');
	json_name(&o, "data");
	json_open(&o, '[');
	for (size_t i = 0; i < c->n_groups; i++) {
		if (c->groups[i].hidden)
			continue;
		put_model(&o, c->groups[i].name, &c->groups[i], anthropic);
		last = c->groups[i].name;
		first = first.at == NULL ? last : first;
	}
	for (size_t i = 0; i < c->n_aliases; i++) {
		if (c->aliases[i].hidden || group_named(c, c->aliases[i].name) != NULL)
			continue;
		put_model(&o, c->aliases[i].name, group_named(c, c->aliases[i].group), anthropic);
		last = c->aliases[i].name;
		first = first.at == NULL ? last : first;
	}
	json_close(&o, ']');
	if (anthropic) {
		put_edge(&o, "first_id", first);
		put_edge(&o, "last_id", last);
		json_name(&o, "has_more");
		json_bool(&o, false);
	} else {
		json_name(&o, "object");
		json_string(&o, TEXT("list"));
	}
	json_close(&o, '}');
}

bool
models_one(struct buf *out, const struct config *c, struct text id, bool anthropic)
{
	struct json_out o = { .to = out };
	struct capture captured = { 0 };
	const struct group *g = config_group(c, id, &captured);

	if (g == NULL)
		return (false);
	put_model(&o, id, g, anthropic);
	return (true);
}
