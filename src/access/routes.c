/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of paths, as rows: a path (with a star at its end: and all below it; {}: one segment), or another group. */
#include "access/routes.h"

struct row {
	const char	*group, *route;
};

static const struct row rows[] = {
	{ "openai_routes",	"/chat/completions" },
	{ "openai_routes",	"/completions" },
	{ "openai_routes",	"/embeddings" },
	{ "openai_routes",	"/engines/*" },
	{ "openai_routes",	"/cursor/*" },
	{ "openai_routes",	"/openai/*" },
	{ "openai_routes",	"/responses" },
	{ "openai_routes",	"/responses/*" },
	{ "openai_routes",	"/models" },
	{ "openai_routes",	"/models/*" },
	{ "openai_routes",	"/moderations" },
	{ "openai_routes",	"/rerank" },
	{ "openai_routes",	"/v2/rerank" },
	{ "openai_routes",	"/audio/*" },
	{ "openai_routes",	"/images/*" },
	{ "openai_routes",	"/batches" },
	{ "openai_routes",	"/batches/*" },
	{ "openai_routes",	"/files" },
	{ "openai_routes",	"/files/*" },
	{ "openai_routes",	"/fine_tuning/*" },
	{ "openai_routes",	"/assistants" },
	{ "openai_routes",	"/assistants/*" },
	{ "openai_routes",	"/threads" },
	{ "openai_routes",	"/threads/*" },
	{ "openai_routes",	"/vector_stores" },
	{ "openai_routes",	"/vector_stores/*" },
	{ "openai_routes",	"/realtime" },
	{ "openai_routes",	"/utils/token_counter" },
	{ "openai_routes",	"/utils/supported_openai_params" },

	{ "anthropic_routes",	"/messages" },
	{ "anthropic_routes",	"/messages/*" },
	{ "anthropic_routes",	"/models" },

	{ "mcp_routes",		"/mcp" },
	{ "mcp_routes",		"/mcp/*" },
	{ "agent_routes",	"/agents" },
	{ "agent_routes",	"/agents/*" },
	{ "agent_routes",	"/a2a/*" },

	{ "llm_api_routes",	"openai_routes" },
	{ "llm_api_routes",	"anthropic_routes" },
	{ "llm_api_routes",	"mcp_routes" },
	{ "llm_api_routes",	"agent_routes" },
	{ "llm_api_routes",	"/anthropic/*" },
	{ "llm_api_routes",	"/azure/*" },
	{ "llm_api_routes",	"/bedrock/*" },
	{ "llm_api_routes",	"/cohere/*" },
	{ "llm_api_routes",	"/gemini/*" },
	{ "llm_api_routes",	"/mistral/*" },
	{ "llm_api_routes",	"/vertex_ai/*" },
	{ "llm_api_routes",	"/vllm/*" },

	{ "info_routes",	"/key/info" },
	{ "info_routes",	"/key/health" },
	{ "info_routes",	"/key/list" },
	{ "info_routes",	"/key/aliases" },
	{ "info_routes",	"/v2/key/info" },
	{ "info_routes",	"/team/info" },
	{ "info_routes",	"/team/list" },
	{ "info_routes",	"/v2/team/list" },
	{ "info_routes",	"/team/available" },
	{ "info_routes",	"/team/{}/members/me" },
	{ "info_routes",	"/organization/info" },
	{ "info_routes",	"/organization/list" },
	{ "info_routes",	"/user/info" },
	{ "info_routes",	"/v2/user/info" },
	{ "info_routes",	"/project/info" },
	{ "info_routes",	"/project/list" },
	{ "info_routes",	"/model/info" },
	{ "info_routes",	"/v2/model/info" },
	{ "info_routes",	"/model_group/info" },
	{ "info_routes",	"/models" },
	{ "info_routes",	"/models/*" },
	{ "info_routes",	"/health" },
	{ "info_routes",	"/health/services" },
	{ "info_routes",	"/health/readiness/details" },
	{ "info_routes",	"/routes" },

	{ "key_management_routes", "/key/*" },
	{ "key_management_routes", "/v2/key/info" },
	{ "key_management_routes", "/team/key/*" },

	{ "management_routes",	"key_management_routes" },
	{ "management_routes",	"/team/*" },
	{ "management_routes",	"/v2/team/list" },
	{ "management_routes",	"/user/*" },
	{ "management_routes",	"/v2/user/info" },
	{ "management_routes",	"/invitation/*" },
	{ "management_routes",	"/customer/*" },
	{ "management_routes",	"/end_user/*" },
	{ "management_routes",	"/organization/*" },
	{ "management_routes",	"/project/*" },
	{ "management_routes",	"/budget/*" },
	{ "management_routes",	"/tag/*" },
	{ "management_routes",	"/access_group/*" },
	{ "management_routes",	"/access_group" },
	{ "management_routes",	"/v1/access_group" },
	{ "management_routes",	"/v1/access_group/*" },
	{ "management_routes",	"/credentials" },
	{ "management_routes",	"/credentials/*" },
	{ "management_routes",	"/fallback" },
	{ "management_routes",	"/fallback/*" },
	{ "management_routes",	"/model/*" },
	{ "management_routes",	"/v2/model/info" },
	{ "management_routes",	"/model_group/info" },
	{ "management_routes",	"/jwt/key/mapping/*" },

	{ "spend_tracking_routes", "/spend/*" },
	{ "spend_tracking_routes", "/cost/estimate" },
	{ "global_spend_tracking_routes", "/global/*" },
	{ "global_spend_tracking_routes", "/provider/budgets" },

	{ "self_managed_routes", "/team/member_add" },
	{ "self_managed_routes", "/team/bulk_member_add" },
	{ "self_managed_routes", "/team/member_update" },
	{ "self_managed_routes", "/team/member_delete" },
	{ "self_managed_routes", "/team/permissions_list" },
	{ "self_managed_routes", "/team/permissions_update" },
	{ "self_managed_routes", "/team/daily/activity" },
	{ "self_managed_routes", "/user/daily/activity" },
	{ "self_managed_routes", "/user/daily/activity/aggregated" },
	{ "self_managed_routes", "/organization/daily/activity" },
	{ "self_managed_routes", "/tag/daily/activity" },
	{ "self_managed_routes", "/model/new" },
	{ "self_managed_routes", "/model/update" },
	{ "self_managed_routes", "/model/delete" },
	{ "self_managed_routes", "/model/{}/update" },
	{ "self_managed_routes", "/user/list" },
	{ "self_managed_routes", "/invitation/*" },

	{ "org_admin_allowed_routes", "/organization/info" },
	{ "org_admin_allowed_routes", "/organization/delete" },
	{ "org_admin_allowed_routes", "/organization/member_add" },
	{ "org_admin_allowed_routes", "/organization/member_update" },
	{ "org_admin_allowed_routes", "/organization/member_delete" },
	{ "org_admin_allowed_routes", "management_routes" },
	{ "org_admin_allowed_routes", "self_managed_routes" },

	{ "admin_viewer_routes", "info_routes" },
	{ "admin_viewer_routes", "spend_tracking_routes" },
	{ "admin_viewer_routes", "global_spend_tracking_routes" },
	{ "admin_viewer_routes", "/audit" },
	{ "admin_viewer_routes", "/audit/*" },

	{ "internal_user_routes", "info_routes" },
	{ "internal_user_routes", "key_management_routes" },
	{ "internal_user_routes", "spend_tracking_routes" },
	{ "internal_user_routes", "self_managed_routes" },
	{ "internal_user_routes", "/global/spend/*" },
	{ "internal_user_routes", "/global/activity" },
	{ "internal_user_routes", "/global/activity/*" },

	{ "public_routes",	"/" },
	{ "public_routes",	"/routes" },
	{ "public_routes",	"/test" },
	{ "public_routes",	"/health/liveliness" },
	{ "public_routes",	"/health/liveness" },
	{ "public_routes",	"/health/readiness" },
	{ "public_routes",	"/metrics" },
	{ "public_routes",	"/public/*" },
	{ "public_routes",	"/.well-known/*" },
};

/* Without "/v1", repeated slashes in front and one at the end. */
static struct text
plain(struct text path)
{
	while (path.len > 1 && path.at[0] == '/' && path.at[1] == '/')
		path = text_sub(path, 1, path.len);
	if (path.len > 1 && path.at[path.len - 1] == '/')
		path.len--;
	if (text_starts(path, TEXT("/v1/")))
		path = text_sub(path, 3, path.len);
	return (path);
}

/* A star takes what is left, "{…}" a segment. */
static bool
takes(struct text route, struct text path)
{
	while (route.len > 0) {
		if (route.at[0] == '*' && route.len == 1)
			return (path.len > 0);
		if (route.at[0] == '{') {
			struct text name, segment;

			if (!text_cut(route, '}', &name, &route))
				return (false);
			text_cut(path, '/', &segment, &name);
			if (segment.len == 0)
				return (false);
			path = text_sub(path, segment.len, path.len);
			continue;
		}
		if (path.len == 0 || path.at[0] != route.at[0])
			return (false);
		route = text_sub(route, 1, route.len);
		path = text_sub(path, 1, path.len);
	}
	return (path.len == 0);
}

/* Groups do not go round in circles: each names such that stand above it. */
static bool
is_in_group(struct text group, struct text path)
{
	for (size_t i = 0; i < nitems(rows); i++) {
		struct text route = text_of(rows[i].route);

		if (text_is(group, rows[i].group) && (route.at[0] == '/' ? takes(route, path) : is_in_group(route, path)))
			return (true);
	}
	return (false);
}

bool
route_is_listed(const struct text *list, unsigned n, struct text path)
{
	path = plain(path);
	for (unsigned i = 0; i < n; i++) {
		if (list[i].len > 0 && list[i].at[0] == '/' ? takes(plain(list[i]), path) : is_in_group(list[i], path))
			return (true);
		if (text_is(list[i], "*"))
			return (true);
	}
	return (false);
}

bool
route_is_group(struct text name)
{
	for (size_t i = 0; i < nitems(rows); i++)
		if (text_is(name, rows[i].group))
			return (true);
	return (false);
}

struct text
route_of_key_type(struct text key_type)
{
	static const struct row types[] = {
		{ "llm_api", "llm_api_routes" }, { "management", "management_routes" }, { "read_only", "info_routes" },
	};

	for (size_t i = 0; i < nitems(types); i++)
		if (text_is(key_type, types[i].group))
			return (text_of(types[i].route));
	return (TEXT(""));
}
