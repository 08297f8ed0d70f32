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
#define DECODINGS	3		/* so often a path may be encoded, as in pass_plan.c */

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

/* The next parameter of a header; what stands in quotes ends none.  False: there is no more. */
static bool
next_parameter(struct text *name, struct text *value, struct text *rest)
{
	bool quoted = false;
	struct text one;
	size_t n = 0;

	if (rest->len == 0)
		return (false);
	for (; n < rest->len && (quoted || rest->at[n] != ';'); n++)
		if (quoted && rest->at[n] == '\\')
			n++;
		else if (rest->at[n] == '"')
			quoted = !quoted;
	one = text_sub(*rest, 0, n);
	*rest = text_sub(*rest, n + 1, rest->len);
	if (!text_cut(one, '=', name, value))
		*value = TEXT("");
	*name = text_trim(*name);
	*value = text_trim(*value);
	if (value->len > 1 && value->at[0] == '"' && value->at[value->len - 1] == '"')
		*value = text_sub(*value, 1, value->len - 1);
	return (true);
}

/*
 * The one parameter of that name, without quotes.  False: there is none, or one that another reader could take otherwise: twice, coded (RFC 2231), or with
 * quotes within.
 */
static bool
parameter(struct text *is, struct text header, struct text wanted)
{
	struct text name, value;
	unsigned n = 0;

	while (next_parameter(&name, &value, &header)) {
		if (!text_eq_nocase(text_sub(name, 0, wanted.len), wanted))
			continue;
		if (name.len > wanted.len || n++ > 0 || memchr(value.at, '"', value.len) != NULL || memchr(value.at, '\\', value.len) != NULL)
			return (false);
		*is = value;
	}
	return (n == 1);
}

static size_t
find(struct text in, size_t from, struct text what)
{
	const char *at = from < in.len ? memmem(in.at + from, in.len - from, what.at, what.len) : NULL;

	return (at != NULL ? (size_t)(at - in.at) : in.len);
}

enum form_part { PART_UNCLEAR, PART_OTHER, PART_EXPIRY };	/* unclear: to another reader it could say how long the file is kept */

static enum form_part
part_by(const struct forcing *f, struct text disposition)
{
	struct text member = text_of(f->rule->member), name = TEXT("");

	if (!parameter(&name, disposition, TEXT("name")))
		return (PART_UNCLEAR);
	if (text_starts(name, member))
		return (PART_EXPIRY);
	return (text_has(disposition, member) && memchr(disposition.at, '\\', disposition.len) != NULL ? PART_UNCLEAR : PART_OTHER);
}

/* What the part that begins there (with its delimiter) is. */
static enum form_part
part_of(const struct forcing *f, struct text part)
{
	struct text head = text_sub(part, 0, find(part, 0, TEXT("\r\n\r\n"))), line, name, value;
	enum form_part is = PART_UNCLEAR, said;

	for (bool more = true; more;) {
		more = text_cut(head, '\n', &line, &head);
		if (text_starts(line, TEXT(" ")) || text_starts(line, TEXT("\t")))	/* the line before goes on, for some */
			return (PART_UNCLEAR);
		if (!text_cut(line, ':', &name, &value) || !text_eq_nocase(text_trim(name), TEXT("content-disposition")))
			continue;
		if ((said = part_by(f, text_trim(value))) == PART_UNCLEAR)
			return (said);
		is = is == PART_EXPIRY ? is : said;
	}
	return (is);
}

/* Is it a delimiter's line and what belongs to it, and no other reader's delimiter within? */
static bool
is_part(const struct forcing *f, struct text part, struct text delimiter)
{
	struct text bare = arena_print(f->x->arena, "\n" TEXT_FMT, TEXT_ARG(delimiter));

	return (text_starts(text_sub(part, delimiter.len, part.len), TEXT("\r\n")) && find(part, 0, bare) == part.len);
}

static struct error *
in_form(struct forcing *f, struct text boundary)
{
	struct text body = f->plan->body, delimiter = arena_print(f->x->arena, "--" TEXT_FMT, TEXT_ARG(boundary)),
	    ended = arena_print(f->x->arena, TEXT_FMT "--", TEXT_ARG(delimiter)), between = arena_print(f->x->arena, "\r\n" TEXT_FMT, TEXT_ARG(delimiter));
	size_t at = text_starts(body, delimiter) ? 0 : find(body, 0, between) + 2, next;
	bool clear = text_trim(text_sub(body, 0, at)).len == 0;

	for (; clear && !text_starts(text_sub(body, at, body.len), ended); at = next) {
		struct text part;
		enum form_part is;

		next = find(body, at, between) + 2;
		part = text_sub(body, at, next);
		is = next < body.len && is_part(f, part, delimiter) ? part_of(f, part) : PART_UNCLEAR;
		clear = is != PART_UNCLEAR;
		if (is == PART_EXPIRY && !edit(f, at, next, TEXT("")))
			return (refuse(f, "the form says it too often"));
	}
	if (!clear || text_trim(text_sub(body, at + ended.len, body.len)).len > 0)
		return (refuse(f, "the body is no form that could say it"));
	edit(f, at, at, arena_print(f->x->arena, TEXT_FMT "\r\nContent-Disposition: form-data; name=\"%s[anchor]\"\r\n\r\ncreated_at\r\n" TEXT_FMT
	    "\r\nContent-Disposition: form-data; name=\"%s[seconds]\"\r\n\r\n%lld\r\n", TEXT_ARG(delimiter), f->rule->member, TEXT_ARG(delimiter),
	    f->rule->member, (long long)f->seconds));
	return (NULL);
}

/* which */

/* As a server behind may read it. */
static struct text
path_of(struct arena *arena, struct text url)
{
	struct text path, query;

	(void)text_cut(url, '?', &path, &query);
	for (unsigned i = 0; i < DECODINGS; i++)
		path = arena_percent_decode(arena, path);
	while (text_ends(path, TEXT("/")))
		path.len--;
	return (path);
}

static const struct rule *
rule_of(const struct exchange *x, const struct call_plan *p, const struct standing *team)
{
	struct text path = path_of(x->arena, p->url);

	if (!text_is(x->request->method, "POST") || text_has(path, TEXT("/vector_stores/")))	/* those take files that are there, as they are */
		return (NULL);
	for (size_t i = 0; i < nitems(rules); i++)
		if (text_ends(path, text_of(rules[i].end)) && *(const int64_t *)(const void *)((const char *)team + rules[i].seconds) != 0)
			return (&rules[i]);
	return (NULL);
}

struct error *
expiry_force(struct exchange *x, struct call_plan *p)
{
	const struct standing *team = x->caller->standing[SCOPE_TEAM];
	struct text media = request_param(x->request, "CONTENT_TYPE"), boundary = TEXT("");
	struct forcing f = { .x = x, .plan = p };

	if (team == NULL || (team->file_expiry_s == 0 && team->batch_expiry_s == 0) || (f.rule = rule_of(x, p, team)) == NULL)
		return (NULL);
	f.seconds = *(const int64_t *)(const void *)((const char *)team + f.rule->seconds);
	f.edits = arena_alloc(x->arena, EDITS_MOST * sizeof(*f.edits));
	if (f.seconds < 0)
		return (refuse(&f, "that can not be read: an administrator must mend it (/team/update)"));
	if (x->conduit->wire != WIRE_OPENAI)
		return (refuse(&f, "this vendor can not be told"));
	if (text_starts(media, TEXT("multipart/form-data")) && parameter(&boundary, media, TEXT("boundary")) && boundary.len > 0 &&
	    boundary.len <= BOUNDARY_MOST)
		TRY(in_form(&f, boundary));
	else
		TRY(in_json(&f));
	p->edits = f.edits;
	p->n_edits = f.n;
	return (NULL);
}
