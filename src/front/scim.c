/* SPDX-License-Identifier: Apache-2.0 */
/* SCIM's errors (RFC 7644 3.12), for paths of the management API that speak it. */
#include "front/front.h"

#include "base/error.h"
#include "base/json.h"

#include <stdio.h>

/* What an error says as its type counts only if the RFC knows it. */
static bool
is_scim_type(struct text type)
{
	static const char *const types[] = { "invalidFilter", "tooMany", "uniqueness", "mutability", "invalidSyntax", "invalidPath", "noTarget", "invalidValue" };

	for (size_t i = 0; i < nitems(types); i++)
		if (text_is(type, types[i]))
			return (true);
	return (false);
}

static int
error_body(struct buf *out, const struct error *e, struct text request_id)
{
	struct json_out o = { .to = out };
	int status = error_status(e);
	char code[12];

	(void)request_id;
	if (status == 422)			/* no JSON, or not of that type */
		status = 400;
	snprintf(code, sizeof(code), "%d", status);
	json_open(&o, '{');
	json_name(&o, "schemas");
	json_raw(&o, TEXT("[\"urn:ietf:params:scim:api:messages:2.0:Error\"]"));
	json_pair(&o, "status", text_of(code));
	if (is_scim_type(e->type))
		json_pair(&o, "scimType", e->type);
	else if (status == 400)
		json_pair(&o, "scimType", error_status(e) == 422 ? TEXT("invalidSyntax") : TEXT("invalidValue"));
	json_pair(&o, "detail", e->message.len > 0 ? e->message : text_of(error_kinds[e->kind].what));
	json_close(&o, '}');
	return (status);
}

const struct front front_scim = { .name = "scim", .dialect = DIALECT_CHAT, .wire = WIRE_NONE, .media = "application/scim+json", .error_body = error_body };

const char *
front_media(const struct front *front)
{
	return (front->media != NULL ? front->media : "application/json");
}
