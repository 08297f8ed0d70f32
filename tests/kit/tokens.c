/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of Entra and of the machine's own identity. */
#include "tokens.h"

#include <inttypes.h>
#include <time.h>

#define NAMES_COUNTED	64

static unsigned tokens_given;

/* How often a script was asked before. */
static int64_t
count_script(struct text spec)
{
	static struct {
		uint64_t hash;
		int64_t	 asked;
	} seen[NAMES_COUNTED];
	uint64_t hash = text_hash(spec) | 1;
	unsigned i = 0;

	while (i < NAMES_COUNTED - 1 && seen[i].hash != 0 && seen[i].hash != hash)
		i++;
	seen[i].hash = hash;
	return (seen[i].asked++);
}

struct text
form_field(struct arena *arena, struct text form, const char *name)
{
	struct text one, key, value;

	for (bool more = form.len > 0; more; ) {
		more = text_cut(form, '&', &one, &form);
		if (text_cut(one, '=', &key, &value) && text_is(key, name))
			return (percent_decode(arena, value));
	}
	return (TEXT(""));
}

static struct text
script_in(struct arena *arena, struct text form, const struct kit *kit)
{
	static const char *const fields[] = { "client_secret", "client_assertion", "client_id" };

	for (size_t i = 0; i < nitems(fields); i++) {
		struct text value = form_field(arena, form, fields[i]);

		if (text_starts(value, TEXT("script:")))
			return (text_sub(value, 7, value.len));
	}
	return (kit->script);
}

static struct play *
refuse(int status, const char *error, struct text why)
{
	struct buf out = { 0 };
	struct play *play;

	buf_print(&out, "{\"error\":\"%s\",\"error_description\":\"AADSTS7000215: " TEXT_FMT "\",\"error_codes\":[7000215],\"correlation_id\":\"kit\"}", error,
	    TEXT_ARG(why));
	play = play_plain(status, "application/json; charset=utf-8", buf_as_text(&out));
	buf_free(&out);
	return (play);
}

static void
put_token(struct buf *out, const struct kit *kit)
{
	buf_lit(out, "{\"token_type\":\"Bearer\",\"access_token\":\"");
	if (kit->expect_key.len > 0)
		buf_text(out, kit->expect_key);
	else
		buf_print(out, "entra-kit-%u", ++tokens_given);
}

/* The machine's numbers are strings. */
static struct play *
give(const struct kit *kit, const struct script *s, bool machine)
{
	struct buf out = { 0 };
	struct play *play;

	put_token(&out, kit);
	if (machine)
		buf_print(&out, "\",\"expires_in\":\"%" PRId64 "\",\"expires_on\":\"%" PRId64 "\",\"resource\":\"https://cognitiveservices.azure.com/\"}", s->expires,
		    (int64_t)time(NULL) + s->expires);
	else
		buf_print(&out, "\",\"expires_in\":%" PRId64 ",\"ext_expires_in\":%" PRId64 "}", s->expires, s->expires);
	play = play_plain(200, "application/json; charset=utf-8", buf_as_text(&out));
	buf_free(&out);
	return (play);
}

static struct play *
answer(const struct kit *kit, struct text form, bool machine)
{
	struct arena *arena = arena_new();
	struct text spec = script_in(arena, form, kit);
	int64_t asked = count_script(spec);
	struct buf why = { 0 };
	struct script s;
	struct play *play;

	if (!script_read(&s, spec, arena, &why))
		play = refuse(400, "invalid_request", buf_as_text(&why));
	else if (s.status != 200 && (s.times == 0 || asked < s.times))
		play = refuse((int)s.status, "invalid_client", s.message);
	else if (text_is(s.wire, "html"))
		play = play_plain(200, "text/html", TEXT("<html><body>sign in</body></html>"));
	else
		play = give(kit, &s, machine);
	if (play->n > 0)
		play->moves[0].wait_ms = (uint32_t)s.first;
	buf_free(&why);
	arena_free(arena);
	return (play);
}

struct play *
token_for_secret(const struct kit *kit, const struct http_request *r)
{
	struct arena *arena = arena_new();
	bool form = text_starts(head_find(r->head, "content-type"), TEXT("application/x-www-form-urlencoded"));
	bool grant = text_is(form_field(arena, r->body, "grant_type"), "client_credentials");
	bool whole = form_field(arena, r->body, "client_id").len > 0 && form_field(arena, r->body, "scope").len > 0 &&
	    (form_field(arena, r->body, "client_secret").len > 0 || form_field(arena, r->body, "client_assertion").len > 0);

	arena_free(arena);
	if (!form || !grant || !whole)
		return (refuse(400, "invalid_request", TEXT("a form with grant_type, client_id, scope and a secret or an assertion is wanted")));
	return (answer(kit, r->body, false));
}

struct play *
token_for_machine(const struct kit *kit, const struct http_request *r)
{
	struct text path, query;

	text_cut(r->path, '?', &path, &query);
	if (!text_is(head_find(r->head, "metadata"), "true") && head_find(r->head, "x-identity-header").len == 0)
		return (refuse(400, "invalid_request", TEXT("Required metadata header not specified")));
	return (answer(kit, query, true));
}
