/* SPDX-License-Identifier: Apache-2.0 */
/* What this SCIM service says of itself (RFC 7643 5 to 7): what it can, its resources, their attributes. */
#include "admin/nouns.h"
#include "admin/scim.h"

enum { MANY = 1, NEEDED = 2, READ_ONLY = 4, EXACT = 8, UNIQUE = 16 };

struct attribute {
	const char	*of;			/* the attribute it is part of; NULL: it stands at the top */
	const char	*name, *type;
	unsigned	 flags;
	const char	*what;
};

static const struct attribute user_attributes[] = {
	{ NULL, "userName", "string", NEEDED | UNIQUE, "The name users are looked for by; the id of a new one." },
	{ NULL, "externalId", "string", EXACT | UNIQUE, "What the identity provider calls the user: sso_user_id." },
	{ NULL, "displayName", "string", 0, "user_alias" },
	{ NULL, "name", "complex", 0, "Kept, and shown again." },
	{ "name", "formatted", "string", 0, "" },
	{ "name", "familyName", "string", 0, "" },
	{ "name", "givenName", "string", 0, "" },
	{ NULL, "active", "boolean", 0, "False stops all keys of the user at once." },
	{ NULL, "emails", "complex", MANY, "The primary one is user_email." },
	{ "emails", "value", "string", NEEDED | UNIQUE, "" },
	{ "emails", "type", "string", 0, "" },
	{ "emails", "primary", "boolean", 0, "" },
	{ NULL, "groups", "complex", MANY | READ_ONLY, "The teams the user is in." },
	{ "groups", "value", "string", READ_ONLY | EXACT, "" },
	{ "groups", "display", "string", READ_ONLY, "" },
	{ NULL, NULL, NULL, 0, NULL },
};

static const struct attribute group_attributes[] = {
	{ NULL, "displayName", "string", NEEDED, "team_alias" },
	{ NULL, "externalId", "string", EXACT | UNIQUE, "What the identity provider calls the group; the team_id of a new team." },
	{ NULL, "members", "complex", MANY, "The users in the team." },
	{ "members", "value", "string", NEEDED | EXACT, "The id of a user." },
	{ "members", "display", "string", READ_ONLY, "" },
	{ "members", "type", "string", 0, "" },
	{ NULL, NULL, NULL, 0, NULL },
};

static const struct resource {
	const char	*name, *path, *schema, *what;
	const struct attribute *attributes;
} resources[] = {
	{ "User", "/Users", SCIM_USER, "A user of the gateway", user_attributes },
	{ "Group", "/Groups", SCIM_GROUP, "A team of the gateway", group_attributes },
};

static void
put_text(struct json_out *o, const char *name, const char *value)
{
	json_name(o, name);
	json_string(o, text_of(value));
}

static void
put_bool(struct json_out *o, const char *name, bool is)
{
	json_name(o, name);
	json_bool(o, is);
}

static void
put_meta(struct json_out *o, const char *type, const char *path, const char *id)
{
	json_name(o, "meta");
	json_open(o, '{');
	put_text(o, "resourceType", type);
	json_name(o, "location");
	buf_print(o->to, "\"/scim/v2%s%s%s\"", path, id[0] != '\0' ? "/" : "", id);
	o->comma = true;
	json_close(o, '}');
}

static const struct resource *
resource_named(struct text said)
{
	for (size_t i = 0; i < nitems(resources); i++)
		if (scim_is(said, resources[i].name) || scim_is(said, resources[i].schema))
			return (&resources[i]);
	return (NULL);
}

/* A list of all, or the one that the path names. */
typedef void put_f(struct json_out *, const struct resource *);

static struct error *
say_all(struct admin_call *c, put_f *put)
{
	struct json_out o;

	scim_list_open(&o, c);
	for (size_t i = 0; i < nitems(resources); i++)
		put(&o, &resources[i]);
	scim_list_close(&o, 1, nitems(resources), nitems(resources));
	return (NULL);
}

static struct error *
say_one(struct admin_call *c, put_f *put)
{
	struct json_out o = { .to = &c->out };
	const struct resource *r = resource_named(c->id[0]);

	if (r == NULL)
		return (scim_missing(c, "It", c->id[0]));
	put(&o, r);
	return (NULL);
}

/* resource types */

static void
put_type(struct json_out *o, const struct resource *r)
{
	json_open(o, '{');
	json_name(o, "schemas");
	json_raw(o, TEXT("[\"urn:ietf:params:scim:schemas:core:2.0:ResourceType\"]"));
	put_text(o, "id", r->name);
	put_text(o, "name", r->name);
	put_text(o, "endpoint", r->path);
	put_text(o, "description", r->what);
	put_text(o, "schema", r->schema);
	put_meta(o, "ResourceType", "/ResourceTypes", r->name);
	json_close(o, '}');
}

struct error *
scim_types(struct admin_call *c)
{
	return (say_all(c, put_type));
}

struct error *
scim_type(struct admin_call *c)
{
	return (say_one(c, put_type));
}

/* schemas */

static void
put_attribute(struct json_out *o, const struct attribute *all, const struct attribute *a)
{
	bool whole = strcmp(a->type, "complex") == 0;

	json_open(o, '{');
	put_text(o, "name", a->name);
	put_text(o, "type", a->type);
	put_bool(o, "multiValued", a->flags & MANY);
	put_text(o, "description", a->what);
	put_bool(o, "required", a->flags & NEEDED);
	if (!whole)
		put_bool(o, "caseExact", a->flags & EXACT);
	put_text(o, "mutability", a->flags & READ_ONLY ? "readOnly" : "readWrite");
	put_text(o, "returned", "default");
	put_text(o, "uniqueness", a->flags & UNIQUE ? "server" : "none");
	if (whole) {
		json_name(o, "subAttributes");
		json_open(o, '[');
		for (const struct attribute *s = all; s->name != NULL; s++)
			if (s->of != NULL && strcmp(s->of, a->name) == 0)
				put_attribute(o, all, s);
		json_close(o, ']');
	}
	json_close(o, '}');
}

static void
put_schema(struct json_out *o, const struct resource *r)
{
	json_open(o, '{');
	json_name(o, "schemas");
	json_raw(o, TEXT("[\"urn:ietf:params:scim:schemas:core:2.0:Schema\"]"));
	put_text(o, "id", r->schema);
	put_text(o, "name", r->name);
	put_text(o, "description", r->what);
	json_name(o, "attributes");
	json_open(o, '[');
	for (const struct attribute *a = r->attributes; a->name != NULL; a++)
		if (a->of == NULL)
			put_attribute(o, r->attributes, a);
	json_close(o, ']');
	put_meta(o, "Schema", "/Schemas", r->schema);
	json_close(o, '}');
}

struct error *
scim_schemas(struct admin_call *c)
{
	return (say_all(c, put_schema));
}

struct error *
scim_schema(struct admin_call *c)
{
	return (say_one(c, put_schema));
}

/* what it can */

struct error *
scim_service(struct admin_call *c)
{
	static const struct {
		const char	*name;
		bool		 can;
	} parts[] = { { "patch", true }, { "changePassword", false }, { "sort", false }, { "etag", false } };
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	json_name(&o, "schemas");
	json_raw(&o, TEXT("[\"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig\"]"));
	for (size_t i = 0; i < nitems(parts); i++) {
		json_name(&o, parts[i].name);
		json_open(&o, '{');
		put_bool(&o, "supported", parts[i].can);
		json_close(&o, '}');
	}
	json_name(&o, "bulk");
	json_raw(&o, TEXT("{\"supported\":false,\"maxOperations\":0,\"maxPayloadSize\":0}"));
	json_name(&o, "filter");
	json_open(&o, '{');
	put_bool(&o, "supported", true);
	json_pair_int(&o, "maxResults", SCIM_RESULTS_MOST);
	json_close(&o, '}');
	json_name(&o, "authenticationSchemes");
	json_raw(&o, TEXT("[{\"type\":\"oauthbearertoken\",\"name\":\"Bearer token\",\"description\":\"A key whose allowed_routes have "
	    "/scim/*\",\"primary\":true}]"));
	put_meta(&o, "ServiceProviderConfig", "/ServiceProviderConfig", "");
	json_close(&o, '}');
	return (NULL);
}
