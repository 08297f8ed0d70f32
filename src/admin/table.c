/* SPDX-License-Identifier: Apache-2.0 */
/* The management API, row by row: who may call what, and who answers. */
#include "admin/nouns.h"

const struct admin_row admin_rows[] = {
	/* what was spent */
	{ "GET", "/user/daily/activity", ROLE_ANY, user_activity, false, NULL, NULL },
	{ "GET", "/user/daily/activity/aggregated", ROLE_ANY, user_activity_whole, false, NULL, NULL },
	{ "GET", "/team/daily/activity", ROLE_ANY, team_activity, false, NULL, NULL },
	{ "GET", "/organization/daily/activity", ROLE_ANY, organization_activity, false, NULL, NULL },
	{ "GET", "/customer/daily/activity", ROLE_VIEWER, customer_activity, false, NULL, NULL },
	{ "GET", "/end_user/daily/activity", ROLE_VIEWER, customer_activity, false, NULL, NULL },
	{ "GET", "/tag/daily/activity", ROLE_VIEWER, tag_activity, false, NULL, NULL },
	{ "GET", "/agent/daily/activity", ROLE_VIEWER, agent_activity, false, NULL, NULL },
	{ "GET", "/spend/logs", ROLE_ANY, spend_logs, false, NULL, NULL },
	{ "GET", "/spend/logs/v2", ROLE_ANY, spend_logs_paged, false, NULL, NULL },
	{ "GET", "/spend/logs/ui", ROLE_ANY, spend_logs_paged, false, NULL, NULL },
	{ "GET", "/spend/logs/session/ui", ROLE_ANY, spend_logs_session, false, NULL, NULL },
	{ "GET", "/spend/logs/ui/{}", ROLE_ANY, spend_log_one, false, NULL, NULL },
	{ "GET", "/spend/keys", ROLE_ANY, spend_keys, false, NULL, NULL },
	{ "GET", "/spend/users", ROLE_ANY, spend_users, false, NULL, NULL },
	{ "GET", "/spend/tags", ROLE_ANY, spend_tags, false, NULL, NULL },
	{ "GET", "/global/spend", ROLE_ANY, global_spend, false, NULL, NULL },
	{ "GET", "/global/spend/logs", ROLE_ANY, global_spend_logs, false, NULL, NULL },
	{ "GET", "/global/spend/keys", ROLE_ANY, global_spend_keys, false, NULL, NULL },
	{ "GET", "/global/spend/teams", ROLE_ANY, global_spend_teams, false, NULL, NULL },
	{ "GET", "/global/spend/models", ROLE_ANY, global_spend_models, false, NULL, NULL },
	{ "GET", "/global/spend/provider", ROLE_ANY, global_spend_provider, false, NULL, NULL },
	{ "GET", "/global/spend/tags", ROLE_ANY, global_spend_tags, false, NULL, NULL },
	{ "GET", "/global/spend/all_tag_names", ROLE_VIEWER, global_tag_names, false, NULL, NULL },
	{ "GET", "/global/spend/report", ROLE_ANY, global_spend_report, false, NULL, NULL },
	{ "POST", "/global/spend/end_users", ROLE_ANY, global_spend_customers, false, NULL, NULL },
	{ "POST", "/global/spend/reset", ROLE_MASTER, global_spend_reset, true, "reset", "spend" },
	{ "GET", "/global/activity", ROLE_ANY, global_activity, false, NULL, NULL },
	{ "GET", "/global/activity/model", ROLE_ANY, global_activity_model, false, NULL, NULL },
	{ "GET", "/global/activity/cache_hits", ROLE_ANY, global_activity_cache, false, NULL, NULL },
	{ "GET", "/global/activity/exceptions", ROLE_VIEWER, global_activity_exceptions, false, NULL, NULL },
	{ "GET", "/provider/budgets", ROLE_VIEWER, provider_budgets, false, NULL, NULL },
	{ "GET", "/audit", ROLE_VIEWER, audit_list, false, NULL, NULL },
	{ "GET", "/audit/{}", ROLE_VIEWER, audit_one, false, NULL, NULL },

	{ NULL, NULL, ROLE_MASTER, NULL, false, NULL, NULL },
};
