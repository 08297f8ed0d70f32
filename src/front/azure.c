/* SPDX-License-Identifier: Apache-2.0 */
/* Azure's own words, where its clients look for them; the rest is OpenAI's, on Azure's paths too. */
#include "front/front.h"

static int
say(struct buf *out, int status, const char *code, const char *message)
{
	buf_print(out, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code, message);
	return (status);
}

int
azure_error_body(struct buf *out, const struct front *front, const struct error *e, struct text request_id)
{
	if (e->kind == E_AUTH)
		return (say(out, 401, "401", "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key "
		    "for an active subscription and use a correct regional API endpoint for your resource."));
	if (e->kind == E_NO_SUCH_MODEL)
		return (say(out, 404, "DeploymentNotFound", "The API deployment for this resource does not exist. If you created the deployment "
		    "within the last 5 minutes, please wait a moment and try again."));
	if (e->kind == E_NOT_FOUND && text_is(e->code, AZURE_NO_RESOURCE))
		return (say(out, 404, AZURE_NO_RESOURCE, "Resource not found"));
	return (front->error_body(out, e, request_id));
}
