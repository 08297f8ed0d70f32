/* SPDX-License-Identifier: Apache-2.0 */
/* Where calls to Azure OpenAI go: some paths belong to a deployment, others to the resource. */
#include "provider/openai_priv.h"

/* A version before this has no /responses; Azure's v1 has. */
#define RESPONSES_FIRST	"api-version=2025-03-01"

static bool
is_of_deployment(const char *path)
{
	static const char *const begins[] = { "/chat/completions", "/completions", "/embeddings", "/audio/", "/images/" };

	for (size_t i = 0; i < nitems(begins); i++)
		if (strncmp(path, begins[i], strlen(begins[i])) == 0)
			return (true);
	return (false);
}

static bool
lacks_responses(struct text query)
{
	struct text first = TEXT(RESPONSES_FIRST);

	return (text_starts(query, TEXT("api-version=20")) && query.len >= first.len && memcmp(query.at, first.at, first.len) < 0);
}

struct text
azure_url(struct arena *arena, const struct deployment *d, struct text model, const char *path)
{
	struct text name = d->azure_name.len > 0 ? d->azure_name : arena_percent_encode(arena, model);

	if (is_of_deployment(path))
		return (arena_print(arena, TEXT_FMT "%s/" TEXT_FMT "%s?" TEXT_FMT, TEXT_ARG(d->root),
		    d->azure == AZURE_CLASSIC ? "/openai/deployments" : "", TEXT_ARG(name), path, TEXT_ARG(d->query)));
	if (strncmp(path, "/responses", 10) == 0 && lacks_responses(d->query))
		return (arena_print(arena, TEXT_FMT "/openai/v1%s?api-version=preview", TEXT_ARG(d->root), path));
	return (arena_print(arena, TEXT_FMT "/openai%s?" TEXT_FMT, TEXT_ARG(d->root), path, TEXT_ARG(d->query)));
}
