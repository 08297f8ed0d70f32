/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of stored responses: the oldest make room. */
#include "stored.h"

#include <inttypes.h>
#include <stdio.h>

#define STORED_MOST	1024

static struct stored {
	struct buf	 id, key, response, input;
	bool		 background;
} ring[STORED_MOST];
static unsigned stored_so_far;

static struct stored *
find(struct text id, struct text key)
{
	for (unsigned i = 0; i < STORED_MOST; i++)
		if (id.len > 0 && text_eq(buf_as_text(&ring[i].id), id) && text_eq(buf_as_text(&ring[i].key), key))
			return (&ring[i]);
	return (NULL);
}

static void
drop(struct stored *s)
{
	buf_free(&s->id);
	buf_free(&s->key);
	buf_free(&s->response);
	buf_free(&s->input);
}

void
stored_forget(void)
{
	for (unsigned i = 0; i < STORED_MOST; i++)
		drop(&ring[i]);
}

static struct play *
refuse(int status, const char *param, const char *code, const char *what, struct text id, const char *why)
{
	struct buf out = { 0 };
	struct play *play;

	buf_print(&out, "{\"error\":{\"message\":\"%s", what);
	buf_escape(&out, id);
	buf_print(&out, "%s\",\"type\":\"invalid_request_error\",\"param\":%s,\"code\":%s}}", why, param, code);
	play = play_plain(status, "application/json", buf_as_text(&out));
	buf_free(&out);
	return (play);
}

static struct play *
not_found(struct text id)
{
	return (refuse(404, "null", "null", "Response with id '", id, "' not found."));
}

/* What is encrypted for another key; other makers' content is not looked at. */
static bool
is_foreign(const struct ask *ask, const struct json *item)
{
	struct quoted q = json_quoted(json_get(item, "encrypted_content"));
	char own[24];

	snprintf(own, sizeof(own), "gAAAkit.%08" PRIx32, ask->mark);
	return (text_starts((struct text){ q.at, q.len }, TEXT("gAAAkit.")) && !quoted_is(q, own));
}

struct play *
stored_refuse(const struct ask *ask, struct text key)
{
	struct quoted previous = json_quoted(json_get(ask->body, "previous_response_id"));
	const struct json *input = json_get(ask->body, "input");
	struct text id = { previous.at, previous.len };

	if (id.len > 0 && find(id, key) == NULL)
		return (refuse(400, "\"previous_response_id\"", "\"previous_response_not_found\"", "Previous response with id '", id, "' not found."));
	for (const struct json *item = json_is(input, JSON_ARRAY) ? input->first : NULL; item != NULL; item = item->next)
		if (is_foreign(ask, item))
			return (refuse(400, "null", "\"invalid_encrypted_content\"", "The encrypted content ", TEXT("gAAAkit"), " could not be verified."));
	return (NULL);
}

static void
keep_input(struct stored *s, const struct ask *ask)
{
	const struct json *input = json_get(ask->body, "input");

	if (json_is(input, JSON_ARRAY))
		buf_text(&s->input, input->raw);
	else
		buf_print(&s->input, "[{\"id\":\"msg_kit_in\",\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"%.*s\"}]}]",
		    (int)json_quoted(input).len, json_quoted(input).at);
}

void
stored_keep(const struct ask *ask, struct text key, struct text response)
{
	struct stored *s = &ring[stored_so_far % STORED_MOST];
	const struct json *store = json_get(ask->body, "store");

	if (response.len == 0 || (store != NULL && !json_true(store)))
		return;
	stored_so_far++;
	drop(s);
	buf_text(&s->id, ask->id);
	buf_text(&s->key, key);
	buf_text(&s->response, response);
	keep_input(s, ask);
	s->background = json_true(json_get(ask->body, "background"));
}

struct play *
stored_show(struct text id, struct text key, bool stream)
{
	const struct stored *s = find(id, key);
	struct buf out = { 0 };
	struct play *play;

	if (s == NULL)
		return (not_found(id));
	if (!stream)
		return (play_plain(200, "application/json", buf_as_text(&s->response)));
	buf_print(&out, "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":41,\"response\":" TEXT_FMT "}\n\n",
	    TEXT_ARG(buf_as_text(&s->response)));
	play = play_plain(200, "text/event-stream", buf_as_text(&out));
	buf_free(&out);
	return (play);
}

struct play *
stored_delete(struct text id, struct text key)
{
	struct stored *s = find(id, key);
	struct buf out = { 0 };
	struct play *play;

	if (s == NULL)
		return (not_found(id));
	buf_print(&out, "{\"id\":\"" TEXT_FMT "\",\"object\":\"response\",\"deleted\":true}", TEXT_ARG(id));
	play = play_plain(200, "application/json", buf_as_text(&out));
	buf_free(&out);
	drop(s);
	return (play);
}

struct play *
stored_inputs(struct text id, struct text key)
{
	const struct stored *s = find(id, key);
	struct buf out = { 0 };
	struct play *play;

	if (s == NULL)
		return (not_found(id));
	buf_print(&out, "{\"object\":\"list\",\"data\":" TEXT_FMT ",\"first_id\":\"msg_kit_in\",\"last_id\":\"msg_kit_in\",\"has_more\":false}",
	    TEXT_ARG(buf_as_text(&s->input)));
	play = play_plain(200, "application/json", buf_as_text(&out));
	buf_free(&out);
	return (play);
}

struct play *
stored_cancel(struct text id, struct text key)
{
	static const char completed[] = "\"status\":\"completed\"";
	const struct stored *s = find(id, key);
	struct text all, front;
	struct buf out = { 0 };
	struct play *play;
	const char *at;

	if (s == NULL)
		return (not_found(id));
	all = buf_as_text(&s->response);
	at = memmem(all.at, all.len, completed, sizeof(completed) - 1);
	if (!s->background || at == NULL)
		return (refuse(400, "null", "null", "Cannot cancel a synchronous response.", TEXT(""), ""));
	front = text_sub(all, 0, (size_t)(at - all.at));
	buf_print(&out, TEXT_FMT "\"status\":\"cancelled\"", TEXT_ARG(front));
	buf_text(&out, text_sub(all, front.len + sizeof(completed) - 1, all.len));
	play = play_plain(200, "application/json", buf_as_text(&out));
	buf_free(&out);
	return (play);
}
