/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /health/test_connection: which deployment is to be called once.
 *
 * One that is configured is called as it is; with parameters of his own an admin tries a deployment before it is made, and nothing of a configured one
 * goes along: no key of ours reaches a host that a caller chose.
 */
#include "admin/models.h"

#include "admin/nouns.h"

#define TRIAL	"test-connection"	/* one place on the board for all of them */

static const struct deployment *
named(const struct config *config, struct text model)
{
	struct capture captured;
	const struct group *g = config_group(config, model, &captured);

	if (g != NULL && g->n_deployments > 0 && !g->pattern)
		return (g->deployments[0]);
	for (size_t i = 0; i < config->n_deployments; i++)
		if (text_eq(config->deployments[i]->litellm_model, model))
			return (config->deployments[i]);
	return (NULL);
}

static bool
has_own_params(const struct json *params)
{
	for (const struct json *m = params->first; m != NULL; m = m->next)
		if (!quoted_is(m->name, "model") && !quoted_is(m->name, "mode") && m->type != JSON_NULL)
			return (true);
	return (false);
}

/* A configuration with that one more. */
static struct error *
make(struct admin_call *c, const struct json *params, struct text mode)
{
	struct config_more more = c->config->more != NULL ? *c->config->more : (struct config_more){ 0 };
	struct more_entry *models = arena_alloc(c->arena, (more.n_models + 1) * sizeof(*models));
	struct quoted q = json_escape(c->arena, mode.len > 0 ? mode : TEXT("chat"));
	struct text why;

	for (unsigned i = 0; i < more.n_models; i++)
		models[i] = more.models[i];
	models[more.n_models++] = (struct more_entry){ TEXT("model " TRIAL), arena_print(c->arena,
	    "{\"model_name\":\"" TRIAL "\",\"litellm_params\":" TEXT_FMT ",\"model_info\":{\"id\":\"" TRIAL "\",\"mode\":\"%.*s\"}}", TEXT_ARG(params->raw),
	    (int)q.len, q.at), TEXT("") };
	more.models = models;
	config_release(c->trial);
	c->trial = config_load_more(c->config->path, c->config->given, &more);
	if (config_deployment(c->trial, TEXT(TRIAL)) != NULL)
		return (NULL);
	why = models_problems(c, c->trial, TEXT("model " TRIAL));
	return (admin_bad(c, "litellm_params", "This model can not be served: " TEXT_FMT,
	    TEXT_ARG(why.len > 0 ? why : TEXT("the configuration has errors now"))));
}

struct error *
test_connection(struct admin_call *c)
{
	const struct json *params = json_get(c->body, "litellm_params");
	struct text id, model, mode;
	const struct deployment *d;

	if (!c->can_probe)
		return (admin_not_built(c, "Only a running gateway can test a connection."));
	if (!json_is(params, JSON_OBJECT))
		return (admin_invalid(c, "litellm_params", "litellm_params is required: an object."));
	if (text_has(params->raw, TEXT("os.environ/")))
		return (admin_bad(c, "litellm_params", "References to variables (os.environ/) are not taken here."));
	TRY(body_text(&id, c, json_get(c->body, "model_info"), "id"));
	TRY(body_text(&mode, c, c->body, "mode"));
	TRY(body_id(&model, c, params, "model"));
	d = has_own_params(params) ? NULL : id.len > 0 ? config_deployment(c->config, id) : named(c->config, model);
	if (d == NULL && id.len > 0 && !has_own_params(params))
		return (admin_missing(c, "id", "Model id = " TEXT_FMT " not found on litellm proxy", TEXT_ARG(text_whole(text_sub(id, 0, 200)))));
	if (d == NULL)
		TRY(make(c, params, mode));
	c->probe = d != NULL ? d->id : TEXT(TRIAL);
	return (NULL);
}
