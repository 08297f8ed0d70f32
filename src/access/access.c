/* SPDX-License-Identifier: Apache-2.0 */
/* The check of the master key, and who is local. */
#include "access/access.h"

#define KEY_MOST	4096

/* In the order in which they decide, after the configured header. */
static const char *const key_headers[] = {
	"x-litellm-api-key", "authorization", "x-api-key", "api-key", "x-goog-api-key", "ocp-apim-subscription-key",
};

/* A header's key: without its Bearer.  Basic credentials are the web server's, not a key. */
static struct text
key_in(struct text value)
{
	value = text_trim(value);
	if (value.len > 7 && text_eq_nocase(text_sub(value, 0, 7), TEXT("bearer ")))
		return (text_trim(text_sub(value, 7, value.len)));
	if (value.len > 6 && text_eq_nocase(text_sub(value, 0, 6), TEXT("basic ")))
		return (TEXT(""));
	return (value);
}

static struct text
configured_header(const struct settings *s, const struct request *req)
{
	char name[128];

	if (s->key_header.len == 0 || s->key_header.len >= sizeof(name))
		return (TEXT(""));
	memcpy(name, s->key_header.at, s->key_header.len);
	name[s->key_header.len] = '\0';
	return (key_in(request_header(req, name)));
}

struct text
access_key(const struct settings *s, const struct request *req)
{
	struct text key = configured_header(s, req);

	for (size_t i = 0; i < nitems(key_headers) && key.len == 0; i++)
		key = key_in(request_header(req, key_headers[i]));
	return (key);
}

struct text
access_other_key(const struct settings *s, const struct request *req, const char *header)
{
	struct text key = key_in(request_header(req, header)), known_by = access_key(s, req);

	if (key.len > KEY_MOST || request_header_count(req, header) != 1)
		return (TEXT(""));
	if (s->master_key.len > 0 && (text_eq_secret(key, known_by) || text_eq_secret(key, s->master_key)))
		return (TEXT(""));
	return (key);
}

/* Is X_API_KEY what a web server makes of x-api-key? */
static bool
is_variable_of(struct text variable, struct text header)
{
	if (variable.len != header.len)
		return (false);
	for (size_t i = 0; i < header.len; i++) {
		char c = header.at[i] >= 'a' && header.at[i] <= 'z' ? (char)(header.at[i] & ~0x20) : header.at[i] == '-' ? '_' : header.at[i];

		if (variable.at[i] != c)
			return (false);
	}
	return (true);
}

bool
access_is_key(const struct settings *s, struct text variable, struct text value, bool open)
{
	bool takes = s->key_header.len > 0 && is_variable_of(variable, s->key_header);

	for (size_t i = 0; i < nitems(key_headers); i++)
		takes |= is_variable_of(variable, text_of(key_headers[i]));
	return (takes && (!open || text_eq_secret(key_in(value), s->master_key)));
}

static bool
is_loopback(struct text addr)
{
	return (text_starts(addr, TEXT("127.")) || text_is(addr, "::1") || text_starts(addr, TEXT("::ffff:127.")));
}

bool
access_is_local(const struct request *req)
{
	for (size_t i = 0; i < req->n_params; i++) {
		struct text name = req->params[i].name;

		if (text_starts(name, TEXT("HTTP_X_FORWARDED_")) || text_is(name, "HTTP_FORWARDED") || text_is(name, "HTTP_VIA"))
			return (false);
	}
	return (is_loopback(request_param(req, "REMOTE_ADDR")) && is_loopback(request_param(req, "SERVER_ADDR")));
}

struct error *
access_door(bool *open, struct arena *arena, const struct settings *s, const struct request *req)
{
	*open = false;
	if (s->loopback_only && !access_is_local(req))
		return (error_new(arena, E_FORBIDDEN, "This gateway serves its own machine only (sluice.loopback_only)."));
	if (s->master_key.len > 0)
		return (NULL);
	*open = s->open_on_loopback && access_is_local(req);
	if (!*open && access_key(s, req).len == 0)
		return (error_new(arena, E_AUTH, "Authentication Error: this gateway answers without a key only to callers on its own machine."));
	return (NULL);
}

struct error *
access_check(struct arena *arena, const struct settings *s, const struct request *req)
{
	struct text key = access_key(s, req);
	bool open;

	TRY(access_door(&open, arena, s, req));
	if (open || (s->master_key.len > 0 && key.len <= KEY_MOST && text_eq_secret(key, s->master_key)))
		return (NULL);
	if (key.len == 0)
		return (error_new(arena, E_AUTH, "Authentication Error, No api key passed in. Send it as 'Authorization: Bearer <key>'."));
	return (error_new(arena, E_AUTH, "Authentication Error, Invalid proxy server token passed. The key is not known to this gateway."));
}

struct web_identity
access_identity(const struct request *req)
{
	struct web_identity who = { request_param(req, "REMOTE_USER"), request_param(req, "AUTH_TYPE") };

	if (req->twice)
		who = (struct web_identity){ TEXT(""), TEXT("") };
	return (who);
}
