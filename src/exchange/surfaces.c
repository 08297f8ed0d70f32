/* SPDX-License-Identifier: Apache-2.0 */
/* The paths the gateway answers, as one table. */
#include "exchange/exchange.h"

static const struct surface surfaces[] = {
	{ "/v1/chat/completions",	"POST",	&front_chat,	 COUNT_REQUESTS_CHAT,	  false, NULL, false },
	{ "/v1/messages",		"POST",	&front_messages, COUNT_REQUESTS_MESSAGES, false, NULL, false },
	{ "/v1/messages/count_tokens",	"POST",	&front_messages, COUNT_REQUESTS_OTHER,	  false, NULL, true },
	{ "/v1/models",			"GET",	NULL,		 COUNT_REQUESTS_OTHER,	  false, local_models, false },
	{ "/v1/models/*",		"GET",	NULL,		 COUNT_REQUESTS_OTHER,	  false, local_model, false },
	{ "/",				"GET",	NULL,		 COUNT_REQUESTS_OTHER,	  true,	 local_root, false },
	{ "/health",			"GET",	NULL,		 COUNT_REQUESTS_OTHER,	  false, local_health, false },
	{ "/health/liveliness",		"GET",	NULL,		 COUNT_REQUESTS_OTHER,	  true,	 local_alive, false },
	{ "/health/liveness",		"GET",	NULL,		 COUNT_REQUESTS_OTHER,	  true,	 local_alive, false },
	{ "/health/readiness",		"GET",	NULL,		 COUNT_REQUESTS_OTHER,	  true,	 local_ready, false },
	{ "/metrics",			"GET",	NULL,		 COUNT_REQUESTS_OTHER,	  true,	 local_metrics, false },

	/* surfaces of later versions: they exist, and say so in the caller's dialect */
	{ "/v1/responses",		"GET",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_upgrade, false },
	{ "/v1/responses",		"POST",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/responses/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/openai/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/anthropic/*",		NULL,	&front_messages, COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/vllm/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/messages/batches",	NULL,	&front_messages, COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/messages/batches/*",	NULL,	&front_messages, COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/completions",		"POST",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/embeddings",		"POST",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/moderations",		"POST",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/rerank",			"POST",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v2/rerank",			"POST",	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/audio/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/images/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/batches",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/batches/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/files",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/files/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/fine_tuning/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/assistants",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/assistants/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/threads",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/threads/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/vector_stores",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/vector_stores/*",	NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/realtime",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/utils/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/key/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/user/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/team/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/organization/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/customer/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/end_user/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/budget/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/tag/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/credentials",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/model/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/v1/model/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/model_group/*",		NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/spend/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/global/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/cache/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
	{ "/config/*",			NULL,	&front_chat,	 COUNT_REQUESTS_OTHER,	  false, local_later, false },
};

/* Does the row's path match; `*` at its end takes the (non-empty) rest. */
static bool
matches(struct text row, struct text path, struct text *rest)
{
	if (row.at[row.len - 1] != '*')
		return (text_eq(row, path));
	row.len--;
	if (path.len <= row.len || !text_starts(path, row))
		return (false);
	*rest = text_sub(path, row.len, path.len);
	return (true);
}

static bool
takes(const char *methods, struct text method)
{
	if (methods == NULL)
		return (true);
	return (text_is(method, methods) || (strcmp(methods, "GET") == 0 && text_is(method, "HEAD")));
}

/* A trailing slash and repeated slashes mean nothing: "//v1/models/" is "/v1/models". */
static struct text
tidy(struct text path)
{
	while (path.len > 1 && path.at[1] == '/' && path.at[0] == '/')
		path = text_sub(path, 1, path.len);
	if (path.len > 1 && path.at[path.len - 1] == '/')
		path.len--;
	return (path);
}

const struct surface *
surface_find(struct text path, struct text method, struct text *rest, bool *path_known, const char **allow)
{
	*path_known = false;
	path = tidy(path);
	for (size_t i = 0; i < nitems(surfaces); i++) {
		struct text row = text_of(surfaces[i].path);

		*rest = TEXT("");
		if (!matches(row, path, rest) &&
		    !(text_starts(row, TEXT("/v1/")) && matches(text_sub(row, 3, row.len), path, rest)))
			continue;
		if (takes(surfaces[i].methods, method))
			return (&surfaces[i]);
		*path_known = true;
		*allow = surfaces[i].methods;
	}
	return (NULL);
}

/* By the version header, never by the key header: an Anthropic SDK sends Authorization too. */
bool
is_anthropic_client(const struct request *req)
{
	return (request_header(req, "anthropic-version").len > 0);
}
