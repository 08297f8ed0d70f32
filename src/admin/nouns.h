/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of the table's rows, by the file they are in. */
#ifndef ADMIN_NOUNS_H
#define ADMIN_NOUNS_H

#include "admin/admin.h"

/* key_calls.c, key_list.c */
admin_f key_generate, key_generate_service, key_update, key_bulk_update, key_delete, key_info, key_info_many, key_block, key_unblock, key_regenerate,
    key_reset_spend, key_list, key_aliases, team_key_bulk_update;
/* team_calls.c, member_calls.c */
admin_f team_new, team_update, team_patch, team_delete, team_info, team_list, team_pages, team_available, team_block, team_unblock, team_model_add,
    team_model_delete, team_permissions, team_permissions_update, team_member_add, team_bulk_member_add, team_member_update, team_member_delete,
    team_member_reset, team_member_me;
/* user_calls.c */
admin_f user_new, user_update, user_bulk_update, user_delete, user_info, user_info_flat, user_list, user_filter, user_roles, user_seats;
/* activity.c */
admin_f user_activity, user_activity_whole, team_activity, organization_activity, customer_activity, tag_activity, agent_activity;
/* audits.c */
admin_f audit_list, audit_one;
/* logs.c */
admin_f spend_logs_paged, spend_logs, spend_log_one, spend_logs_session;
/* spend.c */
admin_f global_spend_keys, spend_keys, global_spend_models, global_spend_provider, spend_tags, spend_users, global_spend_tags,
    global_tag_names, global_spend_customers, global_spend, global_spend_logs, global_spend_teams, global_spend_report, global_activity,
    global_activity_model, global_activity_cache, global_activity_exceptions, provider_budgets, global_spend_reset;
/* budgets.c */
admin_f budget_new, budget_update, budget_info, budget_list, budget_settings, budget_delete;
/* customers.c */
admin_f customer_new, customer_update, customer_info, customer_list, customer_delete, customer_block, customer_unblock;
/* organizations.c */
admin_f organization_new, organization_update, organization_info, organization_info_many, organization_list, organization_delete,
    organization_member_add, organization_member_update, organization_member_delete;
extern const struct noun organization_noun;
struct error	*organizations_leave(struct admin_call *, struct text user_id);	/* all of them: the user is deleted */
/* projects.c */
admin_f project_new, project_update, project_info, project_list, project_delete;
/* tags.c */
admin_f tag_new, tag_update, tag_info, tag_list, tag_delete;
/* credentials.c */
admin_f credential_new, credential_update, credential_delete, credential_list, credential_by_name, credential_by_model;
/* models.c */
admin_f model_new, model_update, model_patch, model_delete, model_block, model_unblock;
/* access_groups.c */
admin_f access_group_new, access_group_update, access_group_delete, access_group_info, access_group_list, group_new, group_update,
    group_info, group_list, group_delete;
/* scim_about.c, scim_users.c, scim_groups.c */
admin_f scim_service, scim_types, scim_type, scim_schemas, scim_schema, scim_user_list, scim_user_new, scim_user_get, scim_user_put, scim_user_patch,
    scim_user_delete, scim_group_list, scim_group_new, scim_group_get, scim_group_put, scim_group_patch, scim_group_delete;
/* invitations.c */
admin_f invitation_new, invitation_info, invitation_update, invitation_delete, onboarding_get, onboarding_claim;
/* jwt_mappings.c */
admin_f jwt_mapping_new, jwt_mapping_update, jwt_mapping_delete, jwt_mapping_info, jwt_mapping_list;
/* fallbacks.c */
admin_f fallback_set, fallback_get, fallback_delete;
/* settings.c */
admin_f config_update, config_list, config_field_info, config_field_update, config_field_delete, config_sections, cost_discounts, cost_discounts_update,
    cost_margins, cost_margins_update;
/* gate.c */
admin_f allowed_ips, allowed_ip_add, allowed_ip_delete;
/* pages.c */
admin_f router_settings, router_fields, user_defaults, user_defaults_update, team_defaults, team_defaults_update, ui_settings, ui_settings_update,
    sso_settings, sso_settings_update, theme_settings, theme_settings_update, config_callbacks, callback_delete, active_callbacks, callbacks_list,
    callback_configs;
/* callbacks.c */
admin_f key_health, team_callback_add, team_callbacks, team_callback_delete, team_logging_off;
/* health.c, trial.c */
admin_f health_services, health_license, health_shared, health_history, test_connection;
/* tag_reports.c */
admin_f tag_daily_users, tag_weekly_users, tag_monthly_users, tag_distinct, tag_summary, tag_users_page;
/* agents.c */
admin_f agent_list, agent_new, agent_info, agent_put, agent_patch, agent_delete;
/* forecast.c */
admin_f global_predict;
/* absent.c */
admin_f absent_list, absent_one, absent_make;
/* endpoints.c, cache.c */
admin_f endpoint_of_team, endpoint_list, endpoint_new, endpoint_update, endpoint_delete, cache_none;

#endif
