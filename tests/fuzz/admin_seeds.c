/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a call for each row of the management API into a folder, with a body of the members that its nouns know. */
#include "admin/admin.h"

#include <stdio.h>

static const char body[] =
    "{\"key\":\"sk-of-ann-0123456789\",\"keys\":[\"sk-of-ann-0123456789\"],\"key_alias\":\"n\",\"models\":[\"hello\",\"*\"],\"max_budget\":1.5,\"budget_duration\":\"30d\",\"duration\":\"1h\","
    "\"user_id\":\"ann\",\"user_ids\":[\"ann\"],\"user_email\":\"x@y\",\"user_role\":\"internal_user\",\"team_id\":\"red\",\"team_ids\":[\"red\"],\"team_alias\":\"t\","
    "\"organization_id\":\"o\",\"organization_ids\":[\"o\"],\"organization_alias\":\"o\",\"budget_id\":\"b\",\"budgets\":[\"b\"],\"id\":\"b\",\"name\":\"tag\",\"names\":[\"tag\"],"
    "\"member\":{\"role\":\"user\",\"user_id\":\"bob\"},\"members\":[{\"role\":\"user\",\"user_id\":\"bob\"}],\"role\":\"admin\",\"tpm_limit\":10,\"rpm_limit\":5,"
    "\"max_parallel_requests\":2,\"metadata\":{\"a\":1},\"tags\":[\"t\"],\"blocked\":false,\"model_max_budget\":{\"hello\":{\"budget_limit\":1,\"time_period\":\"1d\"}},"
    "\"budget_limits\":[{\"budget_duration\":\"1h\",\"max_budget\":1}],\"model_name\":\"m\",\"model_id\":\"m\",\"litellm_params\":{\"model\":\"openai/x\",\"api_key\":\"k\"},"
    "\"model_info\":{\"id\":\"m\"},\"credential_name\":\"c\",\"credential_info\":{},\"credential_values\":{\"api_key\":\"k\"},\"access_group\":\"g\",\"model_names\":[\"hello\"],"
    "\"access_group_name\":\"g\",\"access_model_names\":[\"hello\"],\"model\":\"hello\",\"fallback_models\":[\"hello\"],\"path\":\"/p\",\"target\":\"https://x.example/\","
    "\"reset_to\":0,\"team_member_permissions\":[\"/key/info\"],\"project_alias\":\"p\",\"project_id\":\"p\",\"aliases\":{\"a\":\"hello\"},\"spend\":0.5,\"soft_budget\":1}";

int
main(int argc, char **argv)
{
	if (argc != 2)
		return (1);
	for (unsigned i = 0; admin_rows[i].method != NULL; i++) {
		char path[300];
		FILE *f;

		snprintf(path, sizeof(path), "%.200s/row-%03u", argv[1], i);
		f = fopen(path, "w");
		if (f == NULL)
			return (1);
		fprintf(f, "%c %s ", "aaauvk"[i % 6], admin_rows[i].method);
		for (const char *p = admin_rows[i].path; *p != '\0'; p++)
			if (*p != '}')
				fputs(*p == '{' ? "sk-of-ann-0123456789" : (const char[]){ *p, '\0' }, f);
		fprintf(f, "?user_id=ann&team_id=red&key=sk-of-ann-0123456789&page=1&size=2&start_date=2026-11-01&end_date=2026-11-30\n%s", body);
		if (fclose(f) != 0)
			return (1);
	}
	return (0);
}
