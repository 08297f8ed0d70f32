/* SPDX-License-Identifier: Apache-2.0 */
/* Back: what was made here, and what was spent, into LiteLLM's tables.  Rows that it has keep all but their spend. */
#include "admin/import_priv.h"

#include "admin/entity.h"
#include "admin/overlay.h"
#include "base/clock.h"
#include "base/vault.h"

struct handing {
	const char	*what, *table;
	enum statement	 here;			/* id, spend, JSON of what LiteLLM may have no row of */
	enum statement	 there;			/* that spend into its table; and a row where there is none */
	const char	*sealed;		/* of its members, that whose strings are secrets; NULL: none */
};

/* What others point at comes first. */
static const struct handing handings[] = {
	{ "budgets", "\"LiteLLM_BudgetTable\"", SQL_EXPORT_BUDGETS, SQL_EXPORT_BUDGET, NULL },
	{ "organizations", "\"LiteLLM_OrganizationTable\"", SQL_EXPORT_ORGANIZATIONS, SQL_EXPORT_ORGANIZATION, NULL },
	{ "teams", "\"LiteLLM_TeamTable\"", SQL_EXPORT_TEAMS, SQL_EXPORT_TEAM, NULL },
	{ "users", "\"LiteLLM_UserTable\"", SQL_EXPORT_USERS, SQL_EXPORT_USER, NULL },
	{ "team members", "\"LiteLLM_TeamMembership\"", SQL_EXPORT_TEAM_MEMBERS, SQL_EXPORT_TEAM_MEMBER, NULL },
	{ "projects", "\"LiteLLM_ProjectTable\"", SQL_EXPORT_PROJECTS, SQL_EXPORT_PROJECT, NULL },
	{ "customers", "\"LiteLLM_EndUserTable\"", SQL_EXPORT_CUSTOMERS, SQL_EXPORT_CUSTOMER, NULL },
	{ "tags", "\"LiteLLM_TagTable\"", SQL_EXPORT_TAGS, SQL_EXPORT_TAG, NULL },
	{ "credentials", "\"LiteLLM_CredentialsTable\"", SQL_EXPORT_CREDENTIALS, SQL_EXPORT_CREDENTIAL, "credential_values" },
	{ "models", "\"LiteLLM_ProxyModelTable\"", SQL_EXPORT_MODELS, SQL_EXPORT_MODEL, "litellm_params" },
	{ "keys", "\"LiteLLM_VerificationToken\"", SQL_EXPORT_KEYS, SQL_EXPORT_KEY, NULL },
	{ "keys of projects", "\"LiteLLM_ProjectTable\"", SQL_EXPORT_PROJECT_KEYS, SQL_EXPORT_PROJECT_KEY, NULL },
};

static struct error *
ours_away(struct store *ours, struct arena *arena)
{
	return (error_new(arena, E_BUSY, "Our database: %s", store_why(ours)));
}

/* As LiteLLM seals them: each string of the object, whatever is in it, and none further down. */
static bool
reseal(struct doc *d, const struct import *m, struct arena *arena, const char *name)
{
	struct text shut = TEXT(""), opened = overlay_open(arena, m->salt_key, doc_raw(d, name), &shut);
	struct doc sealed;

	doc_read(&sealed, arena, opened);
	for (unsigned i = 0; i < sealed.n; i++) {
		struct text raw = sealed.members[i].raw;

		if (raw.len > 1 && raw.at[0] == '"')
			doc_set_string(&sealed, arena_copy(arena, sealed.members[i].name).at,
			    vault_seal(arena, m->salt_key, json_unescape(arena, json_inside(raw)), VAULT_BOX));
	}
	doc_set(d, text_of(name), doc_text(&sealed));
	return (shut.len == 0);
}

/* An entity as LiteLLM's columns have it; empty: its secrets do not open. */
static struct text
columns_of(struct arena *arena, const struct import *m, const struct handing *h, const struct rows *rows, unsigned row)
{
	struct doc d;
	struct text expires = TEXT("");
	int64_t ms = rows_int(rows, row, 3, 0);
	char iso[25];

	doc_read(&d, arena, rows_text(rows, row, 2));
	if (ms > 0) {
		clock_iso(iso, ms);
		expires = text_of(iso);
	}
	doc_set_string(&d, "expires", expires);
	if (h->sealed != NULL && !reseal(&d, m, arena, h->sealed))
		return (TEXT(""));
	return (doc_text(&d));
}

static struct error *
hand_page(struct import *m, const struct handing *h, struct import_count *count, const struct rows *rows, struct arena *arena)
{
	int64_t failed = 0;

	if (store_begin(m->from) != STORE_FINE)
		return (import_away(m, arena));
	for (unsigned i = 0; i < rows->n; i++) {
		struct text columns = columns_of(arena, m, h, rows, i);

		if (columns.len == 0) {
			import_say(m, h->what, rows_text(rows, i, 0), TEXT("its secrets do not open with this salt key"));
			failed++;
			continue;
		}
		if (STORE(m->from, arena, NULL, h->there, V_TEXT(rows_text(rows, i, 0)), V_TEXT(money_text(arena, rows_int(rows, i, 1, 0))),
		    V_TEXT(columns)) != STORE_FINE) {
			store_rollback(m->from);
			return (import_away(m, arena));
		}
	}
	if (store_commit(m->from) != STORE_FINE)
		return (import_away(m, arena));
	count->failed += failed;
	count->brought += rows->n - failed;
	return (NULL);
}

/* What they have of our spending now is nothing that was spent there: an import that follows must not bring it back. */
static struct error *
remember_handed(const struct handing *h, struct store *ours, const struct rows *rows, struct arena *arena)
{
	bool fine = store_begin(ours) == STORE_FINE;

	for (unsigned i = 0; fine && i < rows->n; i++) {
		struct text name = import_name(arena, h->what, rows_text(rows, i, 0));
		struct rows before;
		struct doc d;

		fine = STORE(ours, arena, &before, SQL_IMPORT_BROUGHT, V_TEXT(name)) == STORE_FINE;
		doc_read(&d, arena, fine && before.n > 0 ? rows_text(&before, 0, 0) : TEXT(""));
		doc_set_money(&d, "spend", rows_int(rows, i, 1, 0));
		fine = fine && STORE(ours, arena, NULL, SQL_IMPORT_REMEMBER, V_TEXT(name), V_INT(clock_wall_ms()), V_TEXT(doc_text(&d))) == STORE_FINE;
	}
	if (fine && store_commit(ours) == STORE_FINE)
		return (NULL);
	store_rollback(ours);
	return (ours_away(ours, arena));
}

static struct error *
hand(struct import *m, const struct handing *h, struct store *ours, struct arena *arena)
{
	struct import_count *count = &m->counts[m->n_counts++];
	struct text last = TEXT("");
	struct error *e = NULL;
	struct rows rows;
	bool there;

	*count = (struct import_count){ .what = h->what };
	TRY(import_is_there(&there, m, arena, h->table));
	if (!there)
		return (NULL);
	do {
		struct arena *page = arena_new();

		if (STORE(ours, page, &rows, h->here, V_TEXT(last), V_INT(clock_wall_ms())) != STORE_FINE)
			e = ours_away(ours, arena);
		else if (rows.n > 0) {
			struct error *failed = hand_page(m, h, count, &rows, page);

			if (failed == NULL)
				failed = remember_handed(h, ours, &rows, page);
			e = failed != NULL ? import_kept(arena, failed) : NULL;
			count->seen += rows.n;
			last = arena_copy(arena, rows_text(&rows, rows.n - 1, 0));
		}
		arena_free(page);
	} while (e == NULL && rows.n == IMPORT_BATCH);
	return (e);
}

struct error *
export_litellm(struct import *m, struct arena *arena)
{
	struct store *ours = store_lend(m->to, 2000);
	struct error *e = NULL;
	bool there;

	if (ours == NULL)
		return (error_new(arena, E_BUSY, "Our database can not be reached."));
	m->n_counts = 0;
	if ((e = import_is_there(&there, m, arena, "\"LiteLLM_VerificationToken\"")) == NULL && !there)
		e = error_new(arena, E_NOT_FOUND, "That database has no tables of LiteLLM.");
	for (size_t i = 0; e == NULL && i < nitems(handings); i++)
		e = hand(m, &handings[i], ours, arena);
	store_return(m->to, ours);
	return (e);
}
