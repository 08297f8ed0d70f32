/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a token, as an issuer's keys and as claims, one behind the other with line ends between: none of it is a good signature, and nobody's claims
 * are believed.
 */
#include "access/jwt.h"
#include "access/people.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* All fields of a token that can be configured, by their usual names. */
static const struct jwt_rules rules = {
	.on = true, .admin_scope = TEXT("litellm_proxy_admin"), .user_id = TEXT("sub"), .user_email = TEXT("email"), .user_roles = TEXT("a.roles"),
	.team_id = TEXT("team.id"), .team_ids = TEXT("groups"), .organization_id = TEXT("org"), .end_user_id = TEXT("customer"),
};

static void
look_at_claims(struct arena *arena, struct text claims)
{
	const struct jwt_wanted wanted = { TEXT("gateway"), TEXT("https://issuer.example,other"), 1785000000 };
	struct person who = { .name = TEXT("") };
	struct json_fault fault;
	const struct json *c = json_parse(arena, claims, &fault);

	if (c == NULL || c->type != JSON_OBJECT)
		return;
	(void)jwt_fault(c, &wanted);
	(void)jwt_expires_s(c);
	if (program_read(&who, arena, &rules, claims) == NULL && who.n_teams > PERSON_TEAMS)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text rest = { (const char *)data, size }, token, keys;
	struct arena *arena = arena_new();
	struct jwk_set *set;
	struct jwt jwt;

	(void)text_cut(rest, '\n', &token, &rest);
	(void)text_cut(rest, '\n', &keys, &rest);
	set = jwk_set_read(keys);
	if (jwt_read(&jwt, arena, token)) {
		if (!jwt_looks_like(token) || (set != NULL && jwk_set_has(set, jwt.kid) && jwt_verify(&jwt, set)))
			abort();
		look_at_claims(arena, jwt.claims);
	}
	look_at_claims(arena, rest);
	jwk_set_free(set);
	arena_free(arena);
	return (0);
}
