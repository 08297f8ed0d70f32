/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A team's word on how long files, and what batches put out, are kept at the vendor (enforced_file_expires_after, enforced_batch_output_expires_after):
 * what passes through says that, whatever its client said.
 *
 * OpenAI's surface has a member for it: of a form two fields, of JSON an object.  What can not be made to say it is refused.
 */
#include "exchange/exchange.h"

#include "access/admit.h"

#define EDITS_MOST	256
#define MEMBERS_MOST	256
#define BOUNDARY_MOST	256

struct rule {
	const char	*end;			/* of a path that is sent POST */
	size_t		 seconds;		/* where in the standing */
	const char	*member;		/* of the body */
	const char	*setting;
};

static const struct rule rules[] = {
	{ "/files", offsetof(struct standing, file_expiry_s), "expires_after", "enforced_file_expires_after" },
	{ "/uploads", offsetof(struct standing, file_expiry_s), "expires_after", "enforced_file_expires_after" },
	{ "/batches", offsetof(struct standing, batch_expiry_s), "output_expires_after", "enforced_batch_output_expires_after" },
};

struct forcing {
	struct exchange	*x;
	struct call_plan *plan;
	const struct rule *rule;
	int64_t		 seconds;
	struct json_edit *edits;
	size_t		 n;
};

static struct error *
refuse(const struct forcing *f, const char *why)
{
	return (refusal(f->x->arena, E_BAD_REQUEST, "bad_request_error", f->rule->member, "Team=" TEXT_FMT " has %s, and %s. Call id: %s",
	    TEXT_ARG(f->x->caller->team_id), f->rule->setting, why, f->x->id));
}

static bool
edit(struct forcing *f, size_t from, size_t to, struct text with)
{
	if (f->n == EDITS_MOST)
		return (false);
	f->edits[f->n++] = (struct json_edit){ (uint32_t)from, (uint32_t)to, with };
	return (true);
}

/* JSON */

static struct error *
in_json(struct forcing *f)
{
	struct text body = f->plan->body, value = arena_print(f->x->arena, "{\"anchor\":\"created_at\",\"seconds\":%lld}", (long long)f->seconds), with;
	struct json_spot spots[MEMBERS_MOST];
	struct json_fault fault;
	enum json_type type;
	bool said = false;
	size_t n = 0, at;

	if (!json_scan(body, &type, spots, nitems(spots), &n, &fault) || type != JSON_OBJECT || n > nitems(spots))
		return (refuse(f, "the body is no JSON object that could say it"));
	for (size_t i = 0; i < n; i++)
		if (quoted_is_nocase(json_spot_name(body, &spots[i]), f->rule->member)) {
			said = true;
			if (!edit(f, spots[i].value, spots[i].value + spots[i].value_len, value))
				return (refuse(f, "the body says it too often"));
		}
	if (said)
		return (NULL);
	with = arena_print(f->x->arena, "\"%s\":" TEXT_FMT "%s", f->rule->member, TEXT_ARG(value), n > 0 ? "," : "");
	at = (size_t)((const char *)memchr(body.at, '{', body.len) - body.at) + 1;
	edit(f, at, at, with);
	return (NULL);
}

/* forms (RFC 7578) */

/* The value of a parameter of a header, without quotes; empty: it has none of that name. */
static struct text
parameter(struct text header, const char *name)
{
	struct text one, rest = header, key, value;

	for (bool more = true; more;) {
		more = text_cut(rest, ';', &one, &rest);
		if (!text_cut(one, '=', &key, &value) || !text_eq_nocase(text_trim(key), text_of(name)))
			continue;
		value = text_trim(value);
		return (value.len > 1 && value.at[0] == '"' && value.at[value.len - 1] == '"' ? text_sub(value, 1, value.len - 1) : value);
	}
	return (TEXT(""));
}

static size_t
find(struct text in, size_t from, struct text what)
{
	const char *at = from < in.len ? memmem(in.at + from, in.len - from, what.at, what.len) : NULL;

	return (at != NULL ? (size_t)(at - in.at) : in.len);
}

/* Is the part that begins there (with its boundary) a field that says how long the file is kept? */
static bool
says_expiry(const struct forcing *f, struct text part)
{
	struct text head = text_sub(part, 0, find(part, 0, TEXT("\r\n\r\n"))), line, name, value;

	for (bool more = true; more;) {
		more = text_cut(head, '\n', &line, &head);
		if (text_cut(line, ':', &name, &value) && text_eq_nocase(text_trim(name), TEXT("content-disposition")) &&
		    text_starts(parameter(text_trim(value), "name"), text_of(f->rule->member)))
			return (true);
	}
	return (false);
}

static struct error *
in_form(struct forcing *f, struct text boundary)
{
	struct text body = f->plan->body, delimiter = arena_print(f->x->arena, "--" TEXT_FMT, TEXT_ARG(boundary)),
	    ended = arena_print(f->x->arena, TEXT_FMT "--", TEXT_ARG(delimiter)), between = arena_print(f->x->arena, "\r\n" TEXT_FMT, TEXT_ARG(delimiter));
	size_t at = text_starts(body, delimiter) ? 0 : find(body, 0, between) + 2, next;

	for (; at < body.len && !text_starts(text_sub(body, at, body.len), ended); at = next) {
		next = find(body, at, between) + 2;
		if (next >= body.len)
			break;
		if (says_expiry(f, text_sub(body, at, next)) && !edit(f, at, next, TEXT("")))
			return (refuse(f, "the form says it too often"));
	}
	if (at >= body.len || !text_starts(text_sub(body, at, body.len), ended))
		return (refuse(f, "the body is no form that could say it"));
	edit(f, at, at, arena_print(f->x->arena, TEXT_FMT "\r\nContent-Disposition: form-data; name=\"%s[anchor]\"\r\n\r\ncreated_at\r\n" TEXT_FMT
	    "\r\nContent-Disposition: form-data; name=\"%s[seconds]\"\r\n\r\n%lld\r\n", TEXT_ARG(delimiter), f->rule->member, TEXT_ARG(delimiter),
	    f->rule->member, (long long)f->seconds));
	return (NULL);
}

/* which */

static const struct rule *
rule_of(const struct exchange *x, const struct standing *team)
{
	struct text path = x->rest;

	if (!text_is(x->request->method, "POST"))
		return (NULL);
	while (text_ends(path, TEXT("/")))
		path.len--;
	for (size_t i = 0; i < nitems(rules); i++)
		if (text_ends(path, text_of(rules[i].end)) && *(const int64_t *)(const void *)((const char *)team + rules[i].seconds) != 0)
			return (&rules[i]);
	return (NULL);
}

struct error *
expiry_force(struct exchange *x, struct call_plan *p)
{
	const struct standing *team = x->caller->standing[SCOPE_TEAM];
	struct text media = request_param(x->request, "CONTENT_TYPE"), boundary = parameter(media, "boundary");
	struct forcing f = { .x = x, .plan = p };

	if (team == NULL || (team->file_expiry_s == 0 && team->batch_expiry_s == 0) || (f.rule = rule_of(x, team)) == NULL)
		return (NULL);
	f.seconds = *(const int64_t *)(const void *)((const char *)team + f.rule->seconds);
	f.edits = arena_alloc(x->arena, EDITS_MOST * sizeof(*f.edits));
	if (f.seconds < 0)
		return (refuse(&f, "that can not be read: an administrator must mend it (/team/update)"));
	if (x->conduit->wire != WIRE_OPENAI)
		return (refuse(&f, "this vendor can not be told"));
	if (text_starts(media, TEXT("multipart/form-data")) && boundary.len > 0 && boundary.len <= BOUNDARY_MOST)
		TRY(in_form(&f, boundary));
	else
		TRY(in_json(&f));
	p->edits = f.edits;
	p->n_edits = f.n;
	return (NULL);
}
