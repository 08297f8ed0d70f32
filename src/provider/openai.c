/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's chat completions and the many servers that resemble it, relayed: the client's text goes up and the vendor's comes down with a few edits. */
#include "provider/openai_priv.h"

/* Where calls go. */

struct text
openai_url(struct arena *arena, const struct deployment *d, struct text model, const char *path)
{
	if (d->azure != AZURE_NOT)
		return (azure_url(arena, d, model, path));
	return (arena_print(arena, TEXT_FMT "%s%s" TEXT_FMT, TEXT_ARG(d->root), path, d->query.len > 0 ? "?" : "", TEXT_ARG(d->query)));
}

/* The configuration knows where chat calls go: not every vendor's path ends as OpenAI's. */
static struct text
url(struct arena *arena, const struct deployment *d, struct text model, enum want want, const struct client_says *says)
{
	(void)says;
	if (want != WANT_ANSWER)
		return (TEXT(""));
	return (d->azure != AZURE_NOT ? azure_url(arena, d, model, "/chat/completions") : d->url);
}

/* Headers. */

static void
add_header(struct text *list, size_t room, size_t *n, struct text line)
{
	struct text name, other, rest;

	text_cut(line, ':', &name, &rest);
	for (size_t i = 0; i < line.len; i++)		/* a line break would make two headers of it */
		if ((unsigned char)line.at[i] < ' ' || line.at[i] == 0x7f)
			return;
	for (size_t i = 0; i < *n; i++) {
		text_cut(list[i], ':', &other, &rest);
		if (text_eq_nocase(name, other)) {
			list[i] = line;			/* what the configuration says of its own comes later, and wins */
			return;
		}
	}
	if (*n < room && name.len < line.len)
		list[(*n)++] = line;
}

/* The vendor's own lines, with {api_key} filled in; do they carry the key? */
static bool
vendor_headers(struct text *list, size_t room, size_t *n, struct arena *arena, const struct deployment *d)
{
	static const struct text place = { "{api_key}", 9 };
	struct text line, rest = text_of(d->vendor != NULL ? d->vendor->headers : NULL);
	bool keyed = false;

	while (rest.len > 0) {
		text_cut(rest, '\n', &line, &rest);
		for (size_t i = 0; i + place.len <= line.len; i++) {
			if (!text_eq(text_sub(line, i, i + place.len), place))
				continue;
			keyed = true;
			line = arena_print(arena, TEXT_FMT TEXT_FMT TEXT_FMT, (int)i, line.at, TEXT_ARG(d->key),
			    TEXT_ARG(text_sub(line, i + place.len, line.len)));
			break;
		}
		if (!keyed || d->key.len > 0)
			add_header(list, room, n, line);
	}
	return (keyed);
}

size_t
openai_headers(struct text *list, size_t room, struct arena *arena, const struct deployment *d, const struct client_says *client)
{
	size_t n = 0;

	(void)client;
	add_header(list, room, &n, TEXT("Content-Type: application/json"));
	if (!vendor_headers(list, room, &n, arena, d) && d->key.len > 0)
		add_header(list, room, &n, arena_join(arena, !d->key_is_bearer && openai_quirk(d, QUIRK_API_KEY) ? TEXT("api-key: ") :
		    TEXT("Authorization: Bearer "), d->key));
	if (d->organization.len > 0)
		add_header(list, room, &n, arena_print(arena, "OpenAI-Organization: " TEXT_FMT, TEXT_ARG(d->organization)));
	for (size_t i = 0; i < d->n_headers; i++)
		add_header(list, room, &n, d->headers[i]);
	return (n);
}

/* Requests. */

bool
openai_quirk(const struct deployment *d, enum quirk q)
{
	return ((d->quirks & q) != 0 || (d->vendor != NULL && (d->vendor->quirks & q) != 0));
}

struct text
openai_in_quotes(struct arena *arena, struct text word)
{
	struct quoted q = json_escape(arena, word);
	char *quoted = arena_bytes(arena, q.len + 2);

	quoted[0] = quoted[q.len + 1] = '"';
	memcpy(quoted + 1, q.at, q.len);
	return ((struct text){ quoted, q.len + 2 });
}

static bool
is_empty_object(struct text object)
{
	struct json_walk walk = json_walk(object);
	struct json_item item;

	return (!json_next(&walk, &item));
}

/*
 * The object with include_usage true, its other members as they are.  Running counts are asked for only where the client did not ask for usage: it would
 * add them up.
 */
static struct text
with_usage(struct arena *arena, struct text options, bool running)
{
	struct text more = running ? TEXT(",\"continuous_usage_stats\":true") : TEXT("");
	struct json_item item;

	if (options.len == 0 || options.at[0] != '{')
		return (running ? TEXT("{\"include_usage\":true,\"continuous_usage_stats\":true}") : TEXT("{\"include_usage\":true}"));
	if (json_find(options, "include_usage", &item)) {
		size_t before = (size_t)(item.raw.at - options.at);

		if (text_is(item.raw, "true"))
			return (options);
		return (arena_print(arena, TEXT_FMT "true" TEXT_FMT, (int)before, options.at,
		    TEXT_ARG(text_sub(options, before + item.raw.len, options.len))));
	}
	return (arena_print(arena, "{\"include_usage\":true" TEXT_FMT "%s" TEXT_FMT, TEXT_ARG(more), is_empty_object(options) ? "" : ",",
	    TEXT_ARG(text_sub(options, 1, options.len))));
}

void
openai_put_model(struct splice *s, struct text model)
{
	if (!text_eq(model, s->glance->model))
		splice_set(s, "model", openai_in_quotes(s->arena, model));
}

void
openai_ask_for_usage(struct splice *s, const struct deployment *d)
{
	const struct glance *g = s->glance;
	const struct json_spot *spot = glance_member(g, "stream_options");
	struct text said = spot != NULL ? json_spot_value(g->body, spot) : TEXT("");
	struct text wanted;

	if (spot != NULL && (!g->stream || openai_quirk(d, QUIRK_NO_STREAM_OPTIONS))) {
		s->cut[spot - g->top] = true;
		return;
	}
	if (!g->stream || openai_quirk(d, QUIRK_NO_STREAM_OPTIONS))
		return;
	wanted = with_usage(s->arena, said, openai_quirk(d, QUIRK_CONTINUOUS_USAGE));
	if (!text_eq(wanted, said))
		splice_set(s, "stream_options", wanted);
}

/* The limit under the name the vendor knows it by. */
static void
rename_limit(struct splice *s, const struct json_spot *from, const char *to, int64_t most)
{
	struct text raw = json_spot_value(s->glance->body, from);
	int64_t said;

	s->cut[from - s->glance->top] = true;
	splice_set(s, to, json_to_i64(raw, &said) && said > most ? arena_print(s->arena, "%lld", (long long)most) : raw);
}

static bool
is_said(const struct json_spot *spot)
{
	return (spot != NULL && spot->type != JSON_NULL);
}

void
openai_limit_tokens(struct splice *s, const struct deployment *d)
{
	static const char *const names[] = { "max_tokens", "max_completion_tokens" };
	const struct json_spot *spots[nitems(names)];
	const struct glance *g = s->glance;
	int64_t most = glance_most_tokens(g, d->max_output_tokens), said;

	for (size_t i = 0; i < nitems(names); i++) {
		spots[i] = glance_member(g, names[i]);
		if (spots[i] != NULL && json_to_i64(json_spot_value(g->body, spots[i]), &said) && said > most)
			splice_set(s, names[i], arena_print(s->arena, "%lld", (long long)most));
	}
	if (openai_quirk(d, QUIRK_MAX_TOKENS_OLD) && is_said(spots[1]))
		rename_limit(s, spots[1], names[0], most);
	else if (openai_quirk(d, QUIRK_NO_MAX_TOKENS) && is_said(spots[0]) && is_said(spots[1]))
		s->cut[spots[0] - g->top] = true;
	else if (openai_quirk(d, QUIRK_NO_MAX_TOKENS) && is_said(spots[0]))
		rename_limit(s, spots[0], names[1], most);
	if (g->afford > 0 && g->max_tokens < 0)
		splice_set(s, names[openai_quirk(d, QUIRK_NO_MAX_TOKENS)], arena_print(s->arena, "%lld", (long long)g->afford));
}

static bool
is_own_default(struct text name)		/* of these the gateway or the client decides */
{
	return (!text_is(name, "stream_options") && !text_is(name, "stream") && !text_is(name, "model") && !text_is(name, "messages"));
}

static bool
is_default_for(struct text name)		/* a limit under its other name was said already */
{
	return (is_own_default(name) && !text_is(name, "max_tokens") && !text_is(name, "max_completion_tokens"));
}

/* Texts of a content list as one string, put in its place; lists with anything else in them stay. */
static bool
flat_content(struct buf *out, struct text content)
{
	size_t start = out->len;
	struct json_walk walk = json_walk(content);
	struct json_item part, type, words;
	bool first = true;

	buf_byte(out, '"');
	while (json_next(&walk, &part)) {
		if (part.type != JSON_OBJECT || !json_find(part.raw, "type", &type) || type.type != JSON_STRING ||
		    !quoted_is(json_inside(type.raw), "text") || !json_find(part.raw, "text", &words) || words.type != JSON_STRING) {
			out->len = start;
			return (false);
		}
		if (!first)
			buf_lit(out, "\\n\\n");
		first = false;
		buf_add(out, words.raw.at + 1, words.raw.len - 2);
	}
	buf_byte(out, '"');
	return (true);
}

static struct text
flat_messages(struct arena *arena, struct text messages)
{
	struct json_walk walk = json_walk(messages);
	struct json_item message, content;
	const char *done = messages.at;
	struct buf out = { 0 };
	struct text flat;

	if (messages.at[0] != '[')
		return (messages);
	while (json_next(&walk, &message)) {
		if (message.type != JSON_OBJECT || !json_find(message.raw, "content", &content) || content.type != JSON_ARRAY)
			continue;
		buf_add(&out, done, (size_t)(content.raw.at - done));
		done = content.raw.at;
		if (flat_content(&out, content.raw))
			done += content.raw.len;
	}
	if (done == messages.at)
		return (messages);
	buf_add(&out, done, (size_t)(messages.at + messages.len - done));
	flat = arena_copy(arena, buf_as_text(&out));
	buf_free(&out);
	return (flat);
}

static struct error *
relay_request(struct edits *edits, struct arena *arena, const struct glance *g, const struct deployment *d, struct text model, bool drop_params)
{
	struct splice s = splice_new(arena, g);
	const struct json_spot *messages;

	(void)drop_params;			/* the vendor's own dialect: what it refuses it says itself */
	openai_put_model(&s, model);
	openai_ask_for_usage(&s, d);
	openai_limit_tokens(&s, d);
	splice_defaults(&s, d, g->max_tokens >= 0 ? is_default_for : is_own_default);
	if (openai_quirk(d, QUIRK_NO_STORE))
		splice_set(&s, "store", TEXT("false"));
	if (openai_quirk(d, QUIRK_FLATTEN_CONTENT) && (messages = glance_member(g, "messages")) != NULL)
		splice_set(&s, "messages", flat_messages(arena, json_spot_value(g->body, messages)));
	splice_drop(&s, d);
	splice_finish(edits, &s);
	return (NULL);
}

struct error *
openai_read_error(struct arena *arena, int status, struct text content_type, struct text body, int64_t retry_after_ms)
{
	return (provider_read_error(arena, "OpenAI", status, content_type, body, retry_after_ms));
}

const struct provider provider_openai = {
	.name = "openai",
	.url = url,
	.headers = openai_headers,
	.relay_request = relay_request,
	.relay_answer = openai_relay_answer,
	.relay_event = openai_relay_event,
	.write_request = openai_write_request,
	.reader = openai_reader,
	.read_answer = openai_read_answer,
	.read_event = openai_read_event,
	.read_end = openai_read_end,
	.read_error = openai_read_error,
};
