/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and paths against the operator's lists. */
#include "access/gate.h"

#include "access/admit.h"
#include "access/routes.h"

/* From the end: each proxy adds whom it heard. */
static struct text
last_stranger(const struct settings *s, struct text list)
{
	struct text last = list;

	while (list.len > 0) {
		size_t from = list.len;

		while (from > 0 && list.at[from - 1] != ',')
			from--;
		last = text_trim(text_sub(list, from, list.len));
		if (!networks_have(s->trusted_proxies, s->n_trusted_proxies, last))
			break;
		list = text_sub(list, 0, from > 0 ? from - 1 : 0);
	}
	return (last);
}

struct text
gate_address(const struct settings *s, const struct request *req)
{
	struct text peer = request_param(req, "REMOTE_ADDR"), forwarded = request_header(req, "x-forwarded-for");

	if (!s->forwarded_for || forwarded.len == 0 || request_header_count(req, "x-forwarded-for") != 1 ||
	    !networks_have(s->trusted_proxies, s->n_trusted_proxies, peer))
		return (peer);
	return (last_stranger(s, forwarded));
}

struct error *
gate_check(struct arena *arena, const struct settings *s, struct text address, struct text path)
{
	if (s->ips_limited && !networks_have(s->allowed_ips, s->n_allowed_ips, address))
		return (refusal(arena, E_FORBIDDEN, "auth_error", "None", "Access forbidden: IP address " TEXT_FMT " not allowed.",
		    TEXT_ARG(text_sub(address, 0, 64))));
	if (path.len > 0 && s->n_allowed_routes > 0 && !route_is_listed(s->allowed_routes, (unsigned)s->n_allowed_routes, path))
		return (refusal(arena, E_FORBIDDEN, "auth_error", "None", "Access forbidden: Route " TEXT_FMT " not allowed",
		    TEXT_ARG(text_whole(text_sub(path, 0, 200)))));
	return (NULL);
}

bool
gate_is_public(const struct settings *s, struct text path)
{
	return (s->n_public_routes > 0 && route_is_listed(s->public_routes, (unsigned)s->n_public_routes, path));
}

struct error *
gate_admin_only(struct arena *arena, const struct settings *s, struct text path)
{
	if (s->n_admin_routes == 0 || !route_is_listed(s->admin_routes, (unsigned)s->n_admin_routes, path))
		return (NULL);
	return (refusal(arena, E_FORBIDDEN, "auth_error", "None", "user not allowed to access this route. Route=" TEXT_FMT " is an admin only route",
	    TEXT_ARG(text_whole(text_sub(path, 0, 200)))));
}
