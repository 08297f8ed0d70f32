/* SPDX-License-Identifier: Apache-2.0 */
/* SCIM: what identity providers send, and what becomes of users and teams. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "desk.h"

#define CORE	"\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"]"
#define PATCH	"{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":["

static void
a_user_is_made_found_and_removed(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"Ada@Example.org\",\"externalId\":\"00u1\",\"displayName\":\"Ada L\",\"active\":true,"
	    "\"name\":{\"givenName\":\"Ada\",\"familyName\":\"L\"},\"emails\":[{\"value\":\"ada@work.example\",\"type\":\"work\",\"primary\":true}],"
	    "\"password\":\"never\",\"title\":\"Countess\"}", 201);
	desk_expect(d, "id", "\"Ada@Example.org\"");
	desk_expect(d, "active", "true");
	desk_expect(d, "title", "\"Countess\"");
	desk_expect(d, "meta.location", "\"/scim/v2/Users/Ada%40Example.org\"");
	assert_false(text_has(d->out, TEXT("never")));
	desk_calls(d, "GET /user/info?user_id=Ada%40Example.org", NULL, 200);
	desk_expect(d, "user_info.user_email", "\"ada@work.example\"");
	desk_expect(d, "user_info.user_alias", "\"Ada L\"");
	desk_expect(d, "user_info.sso_user_id", "\"00u1\"");
	desk_expect(d, "user_info.user_role", "\"internal_user\"");
	desk_expect(d, "keys", "[]");
	assert_false(text_has(d->out, TEXT("never")));
	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"ada@example.org\"}", 409);
	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"b\",\"externalId\":\"00u1\"}", 409);
	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"b\",\"emails\":[{\"value\":\"ADA@work.example\"}]}", 409);
	desk_calls(d, "POST /scim/v2/Users", "{" CORE "}", 400);
	desk_calls(d, "GET /scim/v2/Users?filter=userName%20eq%20%22ada@example.ORG%22", NULL, 200);
	desk_expect(d, "totalResults", "1");
	desk_expect(d, "Resources.0.externalId", "\"00u1\"");
	desk_calls(d, "GET /scim/v2/Users?filter=externalId+eq+%2200u1%22+and+active+eq+true&attributes=userName", NULL, 200);
	desk_expect(d, "Resources.0.userName", "\"Ada@Example.org\"");
	desk_expect(d, "Resources.0.externalId", "");
	desk_calls(d, "GET /scim/v2/Users?filter=displayName+eq+%22ada+l%22", NULL, 200);
	desk_expect(d, "totalResults", "1");
	desk_calls(d, "GET /scim/v2/Users?filter=userName+eq+%22nobody%22", NULL, 200);
	desk_expect(d, "Resources", "[]");
	desk_calls(d, "GET /scim/v2/Users?filter=title+eq+%22a%22", NULL, 200);
	desk_expect(d, "totalResults", "0");
	desk_calls(d, "GET /scim/v2/Users?filter=userName+eq+%22a", NULL, 400);
	desk_calls(d, "DELETE /scim/v2/Users/Ada%40Example.org", NULL, 204);
	desk_calls(d, "GET /scim/v2/Users/Ada%40Example.org", NULL, 404);
	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"ada@example.org\"}", 201);
}

static void
a_put_replaces_and_keeps_the_id(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"old@a.b\",\"displayName\":\"Old\",\"active\":false,\"title\":\"T\"}", 201);
	desk_calls(d, "PUT /scim/v2/Users/old@a.b", "{" CORE ",\"id\":\"other\",\"userName\":\"new@a.b\"}", 200);
	desk_expect(d, "id", "\"old@a.b\"");
	desk_expect(d, "userName", "\"new@a.b\"");
	desk_expect(d, "displayName", "");
	desk_expect(d, "title", "");
	desk_expect(d, "active", "false");		/* it was not said */
	desk_calls(d, "GET /scim/v2/Users?filter=userName+eq+%22new@a.b%22", NULL, 200);
	desk_expect(d, "Resources.0.id", "\"old@a.b\"");
	desk_calls(d, "GET /scim/v2/Users?filter=userName+eq+%22old@a.b%22", NULL, 200);
	desk_expect(d, "totalResults", "0");
	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"NEW@a.b\"}", 409);
}

/* What they write, and the path of the resource that shows it. */
static const struct {
	const char	*operation, *at, *shows;
} patches[] = {
	{ "{\"op\":\"Replace\",\"path\":\"active\",\"value\":\"False\"}", "active", "false" },			/* Entra ID, older form */
	{ "{\"op\":\"replace\",\"value\":{\"active\":false}}", "active", "false" },				/* Okta */
	{ "{\"op\":\"Add\",\"path\":\"emails[type eq \\\"work\\\"].value\",\"value\":\"n@x.y\"}", "emails.0.value", "\"n@x.y\"" },
	{ "{\"op\":\"Add\",\"path\":\"emails[type eq \\\"home\\\"].value\",\"value\":\"h@x.y\"}", "emails.1.value", "\"h@x.y\"" },
	{ "{\"op\":\"Replace\",\"path\":\"name.givenName\",\"value\":\"G\"}", "name.givenName", "\"G\"" },
	{ "{\"op\":\"Replace\",\"value\":{\"name.familyName\":\"F\",\"displayName\":\"D\"}}", "name.familyName", "\"F\"" },
	{ "{\"op\":\"replace\",\"path\":\"displayName\",\"value\":[{\"$ref\":null,\"value\":\"D2\"}]}", "displayName", "\"D2\"" },
	{ "{\"op\":\"Add\",\"path\":\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department\",\"value\":\"R\"}",
	  "groups", "[]" },
	{ "{\"op\":\"replace\",\"path\":\"urn:ietf:params:scim:schemas:core:2.0:User:userName\",\"value\":\"u2\"}", "userName", "\"u2\"" },
	{ "{\"op\":\"Remove\",\"path\":\"title\"}", "title", "" },
	{ "{\"op\":\"replace\",\"path\":\"externalId\",\"value\":null}", "externalId", "" },
	{ "{\"op\":\"add\",\"path\":\"ROLES[primary eq \\\"True\\\"].value\",\"value\":\"r\"}", "ROLES.0.primary", "true" },
};

static void
patches_of_entra_and_okta(void **state)
{
	struct desk *d = *state;
	const char *user = "{" CORE ",\"userName\":\"u\",\"externalId\":\"x\",\"title\":\"T\",\"emails\":[{\"value\":\"o@x.y\",\"type\":\"work\"}]}";

	for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
		desk_calls(d, "POST /scim/v2/Users", user, 201);
		desk_calls(d, "PATCH /scim/v2/Users/u", arena_print(d->arena, PATCH "%s]}", patches[i].operation).at, 200);
		desk_expect(d, patches[i].at, patches[i].shows);
		desk_calls(d, "GET /scim/v2/Users/u", NULL, 200);
		desk_expect(d, patches[i].at, patches[i].shows);
		if (strstr(patches[i].operation, "department") != NULL)
			assert_true(text_has(d->out, TEXT("\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":{\"department\":\"R\"}")));
		desk_calls(d, "DELETE /scim/v2/Users/u", NULL, 204);
	}
}

static void
patches_that_make_no_sense(void **state)
{
	static const char *const bodies[] = {
		"{}", "{\"Operations\":{}}", "{\"Operations\":[]}", PATCH "1]}", PATCH "{\"op\":\"move\",\"path\":\"a\",\"value\":1}]}",
		PATCH "{\"op\":\"add\",\"path\":\"displayName\"}]}", PATCH "{\"op\":\"remove\"}]}", PATCH "{\"op\":\"add\",\"value\":\"x\"}]}",
		PATCH "{\"op\":\"add\",\"path\":\"emails[type eq\",\"value\":\"x\"}]}", PATCH "{\"op\":\"add\",\"path\":\"emails[type gt \\\"a\\\"]\",\"value\":1}]}",
		PATCH "{\"op\":\"replace\",\"path\":\"active\",\"value\":\"perhaps\"}]}", PATCH "{\"op\":\"remove\",\"path\":\"userName\"}]}",
		PATCH "{\"op\":\"replace\",\"path\":\"userName\",\"value\":{\"a\":1}}]}", PATCH "{\"op\":\"add\",\"path\":\"[\",\"value\":1}]}",
	};
	struct desk *d = *state;

	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"u\"}", 201);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		desk_calls(d, "PATCH /scim/v2/Users/u", bodies[i], 400);
	desk_calls(d, "GET /scim/v2/Users/u", NULL, 200);
	desk_expect(d, "userName", "\"u\"");
	desk_expect(d, "active", "true");
}

/* active is nobody else's to say: neither metadata that is replaced nor the user itself brings it back. */
static void
who_is_not_active_stays_so(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"u\",\"active\":false}", 201);
	desk_calls(d, "POST /user/update", "{\"user_id\":\"u\",\"metadata\":{\"a\":1}}", 200);
	desk_expect(d, "data.metadata.scim_active", "false");
	d->caller = (struct caller){ .kind = CALLER_KEY, .role = USER_INTERNAL, .user_id = TEXT("u"), .digest = TEXT("") };
	desk_calls(d, "POST /user/update", "{\"user_id\":\"u\",\"metadata\":{\"scim_active\":true}}", 403);
}

static void
groups_are_teams(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"u1\"}", 201);
	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"u2\"}", 201);
	desk_calls(d, "POST /scim/v2/Groups", "{\"displayName\":\"Data\",\"externalId\":\"g-1\",\"members\":[{\"value\":\"u1\"}]}", 201);
	desk_expect(d, "id", "\"g-1\"");
	desk_expect(d, "members.0.value", "\"u1\"");
	desk_calls(d, "POST /scim/v2/Groups", "{\"displayName\":\"Data2\",\"externalId\":\"g-1\"}", 409);
	desk_calls(d, "POST /scim/v2/Groups", "{\"displayName\":\"x\",\"members\":[{\"value\":\"nobody\"}]}", 400);
	desk_calls(d, "POST /scim/v2/Groups", "{\"externalId\":\"g-2\"}", 400);
	desk_calls(d, "GET /team/info?team_id=g-1", NULL, 200);
	desk_expect(d, "team_info.team_alias", "\"Data\"");
	desk_calls(d, "PATCH /scim/v2/Groups/g-1", PATCH "{\"op\":\"Add\",\"path\":\"members\",\"value\":[{\"value\":\"u2\"},{\"value\":\"u1\"}]}]}", 200);
	desk_expect(d, "members.1.value", "\"u2\"");
	desk_calls(d, "PATCH /scim/v2/Groups/g-1", PATCH "{\"op\":\"remove\",\"path\":\"members[value eq \\\"u1\\\"]\"}]}", 200);
	desk_expect(d, "members.0.value", "\"u2\"");
	desk_calls(d, "PATCH /scim/v2/Groups/g-1", PATCH "{\"op\":\"Remove\",\"path\":\"members\",\"value\":[{\"value\":\"u2\"}]}]}", 200);
	desk_expect(d, "members", "[]");
	desk_calls(d, "PATCH /scim/v2/Groups/g-1", PATCH "{\"op\":\"replace\",\"value\":{\"id\":\"zzz\",\"displayName\":\"New\"}}]}", 200);
	desk_expect(d, "id", "\"g-1\"");
	desk_expect(d, "displayName", "\"New\"");
	desk_calls(d, "PUT /scim/v2/Groups/g-1", "{\"displayName\":\"New\",\"members\":[{\"value\":\"u1\"},{\"value\":\"u2\"}]}", 200);
	desk_calls(d, "GET /scim/v2/Groups?filter=displayName+eq+%22new%22&excludedAttributes=members", NULL, 200);
	desk_expect(d, "totalResults", "1");
	desk_expect(d, "Resources.0.members", "");
	desk_calls(d, "GET /scim/v2/Groups?filter=id+eq+%22g-1%22+and+members+eq+%22u2%22", NULL, 200);
	desk_expect(d, "totalResults", "1");
	desk_calls(d, "GET /scim/v2/Users/u1", NULL, 200);
	desk_expect(d, "groups.0.value", "\"g-1\"");
	desk_calls(d, "DELETE /scim/v2/Groups/g-1", NULL, 204);
	desk_calls(d, "GET /scim/v2/Groups/g-1", NULL, 404);
	desk_calls(d, "POST /scim/v2/Groups", "{\"displayName\":\"Data\",\"externalId\":\"g-1\"}", 201);
}

static struct text
filtered(struct desk *d, const char *filter)
{
	struct text coded = arena_percent_encode(d->arena, text_of(filter));

	return (arena_print(d->arena, "GET /scim/v2/Users?filter=" TEXT_FMT, TEXT_ARG(coded)));
}

static void
finds(struct desk *d, const char *filter, const char *n)
{
	desk_calls(d, filtered(d, filter).at, NULL, 200);
	desk_expect(d, "totalResults", n);
}

static void
filters(void **state)
{
	static const char *const bad[] = { "userName", "userName eq", "userName is \"a\"", "(userName pr", "userName pr)", "not userName pr", "userName pr and",
		"userName pr or or title pr", "emails[type eq \"work\"", "userName eq \"a\" title eq \"b\"", "\"a\" eq userName",
		"((((((((((((((((((((((((((((((((((((a pr", "a pr or a pr or a pr or a pr or a pr or a pr or a pr or a pr or a pr or a pr or a pr or a pr or a pr or a pr "
		"or a pr or a pr or a pr" };
	struct desk *d = *state;

	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"ada@x.org\",\"externalId\":\"E1\",\"displayName\":\"Ada\",\"active\":true,"
	    "\"title\":\"Countess\",\"emails\":[{\"value\":\"ada@work.org\",\"type\":\"work\",\"primary\":true},"
	    "{\"value\":\"ada@home.org\",\"type\":\"home\"}]}", 201);
	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"bob@x.org\",\"active\":false,\"name\":{\"familyName\":\"B\"}}", 201);
	desk_calls(d, "POST /scim/v2/Users", "{" CORE ",\"userName\":\"cy@y.org\"}", 201);
	finds(d, "userName co \"X.ORG\"", "2");
	finds(d, "userName sw \"ada\" or userName ew \"y.org\"", "2");
	finds(d, "userName sw \"ada\" or userName sw \"bob\" and active eq true", "1");
	finds(d, "(userName sw \"ada\" or userName sw \"bob\") and active eq false", "1");
	finds(d, "not (active eq false)", "2");
	finds(d, "title pr", "1");
	finds(d, "title ne \"countess\"", "2");
	finds(d, "externalId eq \"e1\"", "0");
	finds(d, "externalId co \"E\"", "1");
	finds(d, "name.familyName eq \"b\"", "1");
	finds(d, "emails[type eq \"work\" and value co \"work\"]", "1");
	finds(d, "emails[type eq \"home\" and value co \"work\"]", "0");
	finds(d, "emails co \"home.org\"", "1");
	finds(d, "emails.value eq \"ada@work.org\"", "1");
	finds(d, "emails.type eq \"home\"", "1");
	finds(d, "meta.lastModified gt \"2011-05-13T04:42:34Z\"", "3");
	finds(d, "meta.lastModified lt \"2011-05-13T04:42:34Z\" or meta.created ge \"2999-01-01T00:00:00+09:00\"", "0");
	finds(d, "userName le \"bob@x.org\"", "2");
	finds(d, "userName eq \"ada@x.org\" and title sw \"C\"", "1");
	for (size_t i = 0; i < nitems(bad); i++) {
		desk_calls(d, filtered(d, bad[i]).at, NULL, 400);
		assert_true(text_has(d->out, TEXT("is not understood")));
	}
	desk_calls(d, filtered(d, arena_print(d->arena, "userName eq \"%02000d\"", 0).at).at, NULL, 200);
	desk_calls(d, filtered(d, arena_print(d->arena, "userName eq \"%02050d\"", 0).at).at, NULL, 400);
}

static void
lists_come_in_pages(void **state)
{
	struct desk *d = *state;

	for (int i = 1; i <= 5; i++)
		desk_calls(d, "POST /scim/v2/Users", arena_print(d->arena, "{\"userName\":\"p%d\"}", i).at, 201);
	desk_calls(d, "GET /scim/v2/Users?startIndex=2&count=3", NULL, 200);
	desk_expect(d, "totalResults", "5");
	desk_expect(d, "itemsPerPage", "3");
	desk_expect(d, "startIndex", "2");
	desk_expect(d, "Resources.0.id", "\"p2\"");
	desk_calls(d, "GET /scim/v2/Users?startIndex=0&count=0", NULL, 200);
	desk_expect(d, "totalResults", "5");
	desk_expect(d, "Resources", "[]");
	desk_calls(d, "GET /scim/v2/Users?startIndex=-3&count=-1", NULL, 200);
	desk_calls(d, "GET /scim/v2/Groups?startIndex=9", NULL, 200);
	desk_expect(d, "itemsPerPage", "0");
}

static void
who_may(void **state)
{
	static struct text scim = { "/scim/*", 7 }, all = { "management_routes", 17 };
	struct standing key = { .routes = &scim, .n_routes = 1 };
	struct desk *d = *state;

	d->caller = (struct caller){ .kind = CALLER_KEY, .role = USER_INTERNAL, .user_id = TEXT("u"), .digest = TEXT("") };
	desk_calls(d, "GET /scim/v2/Users", NULL, 403);
	desk_calls(d, "POST /key/generate", "{\"allowed_routes\":[\"/scim/*\"]}", 403);
	d->caller.standing[SCOPE_KEY] = &key;
	desk_calls(d, "GET /scim/v2/Users", NULL, 200);
	desk_calls(d, "POST /scim/v2/Users", "{\"userName\":\"u\"}", 201);
	desk_calls(d, "PATCH /scim/v2/Users/u", PATCH "{\"op\":\"replace\",\"value\":{\"active\":false}}]}", 200);
	desk_calls(d, "GET /scim/v2/ServiceProviderConfig", NULL, 200);
	desk_expect(d, "patch.supported", "true");
	desk_calls(d, "GET /scim/v2/Schemas", NULL, 200);
	desk_expect(d, "totalResults", "2");
	desk_calls(d, "GET /scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", NULL, 200);
	desk_expect(d, "attributes.0.name", "\"userName\"");
	desk_calls(d, "GET /scim/v2/ResourceTypes/Group", NULL, 200);
	desk_expect(d, "endpoint", "\"/Groups\"");
	desk_calls(d, "GET /scim/v2/ResourceTypes/Robot", NULL, 404);
	key.routes = &all;
	desk_calls(d, "GET /scim/v2/Users", NULL, 403);
	d->caller = (struct caller){ .kind = CALLER_MASTER };
	desk_calls(d, "GET /audit?table_name=user&object_id=u", NULL, 200);
	desk_expect(d, "total", "2");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_user_is_made_found_and_removed, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(a_put_replaces_and_keeps_the_id, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(patches_of_entra_and_okta, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(patches_that_make_no_sense, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(who_is_not_active_stays_so, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(groups_are_teams, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(filters, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(lists_come_in_pages, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(who_may, desk_setup, desk_teardown),
	};

	return (desk_main(tests, sizeof(tests) / sizeof(tests[0])));
}
