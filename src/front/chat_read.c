/* SPDX-License-Identifier: Apache-2.0 */
/* A chat request as an ask: every role, every kind of content, tools old and new; what is of a wrong type is refused by its path. */
#include "front/chat_priv.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct reading {
	struct arena	*arena;
	struct ask	*ask;
	struct text	 body;
	struct message	**last;			/* where the next message goes */
	struct message	*results;		/* the user message that takes the results of a run of tool messages */
	struct quoted	 old_call;		/* the id made for the latest function_call, for the function message that answers it */
	struct tool	**last_tool;
};

/* Errors. */

static struct error *
wrong(struct reading *r, struct text path, const char *should)
{
	return (error_param(error_new(r->arena, E_BAD_REQUEST, "/chat/completions: " TEXT_FMT ": should be %s", TEXT_ARG(path), should), path.at));
}

static struct text
item_path(struct reading *r, struct text list, unsigned i)
{
	return (arena_print(r->arena, TEXT_FMT "[%u]", TEXT_ARG(list), i));
}

static struct text
member_path(struct reading *r, struct text object, const char *name)
{
	return (arena_print(r->arena, TEXT_FMT ".%s", TEXT_ARG(object), name));
}

/* A member, NULL when it is absent or null: the two are one here. */
static const struct json *
said(const struct json *object, const char *name)
{
	const struct json *v = json_get(object, name);

	return (json_is(v, JSON_NULL) ? NULL : v);
}

static struct error *
take_string(struct quoted *out, struct reading *r, const struct json *object, const char *name, struct text path)
{
	const struct json *v = said(object, name);

	if (v != NULL && v->type != JSON_STRING)
		return (wrong(r, member_path(r, path, name), "a string"));
	*out = json_quoted(v);
	return (NULL);
}

static struct error *
need_string(struct quoted *out, struct reading *r, const struct json *object, const char *name, struct text path)
{
	if (said(object, name) == NULL)
		return (wrong(r, member_path(r, path, name), "a string"));
	return (take_string(out, r, object, name, path));
}

/* Parts. */

static struct part *
add_part(struct reading *r, struct part ***end, enum part_kind kind)
{
	struct part *p = arena_new_of(r->arena, struct part);

	p->kind = kind;
	**end = p;
	*end = &p->next;
	return (p);
}

static struct quoted
quoted_of(struct arena *arena, struct text t)
{
	return (json_escape(arena, t));
}

/* Pictures and documents are what their first bytes say, not what their sender says. */
static struct quoted
sniffed(struct quoted data)
{
	static const struct {
		const char	*begins;
		struct quoted	 type;
	} magic[] = {
		{ "iVBORw0KGgo", { "image/png", 9 } },
		{ "/9j/", { "image/jpeg", 10 } },
		{ "R0lGOD", { "image/gif", 9 } },
		{ "UklGR", { "image/webp", 10 } },
		{ "JVBERi0", { "application/pdf", 15 } },
	};

	for (size_t i = 0; i < nitems(magic); i++)
		if (data.len >= strlen(magic[i].begins) && memcmp(data.at, magic[i].begins, strlen(magic[i].begins)) == 0)
			return (magic[i].type);
	return (QUOTED(""));
}

/* Base64 without white space and in the usual alphabet; copied only where that is not so already. */
static struct text
plain_base64(struct arena *arena, struct text data)
{
	char *clean;
	size_t n = 0;
	bool fine = true;

	for (size_t i = 0; i < data.len && fine; i++)
		fine = (unsigned char)data.at[i] > ' ' && data.at[i] != '-' && data.at[i] != '_';
	if (fine)
		return (data);
	clean = arena_bytes(arena, data.len);
	for (size_t i = 0; i < data.len; i++) {
		if ((unsigned char)data.at[i] <= ' ')
			continue;
		clean[n++] = data.at[i] == '-' ? '+' : data.at[i] == '_' ? '/' : data.at[i];
	}
	return ((struct text){ clean, n });
}

static bool
is_base64(struct text data)
{
	for (size_t i = 0; i < data.len; i++) {
		char c = data.at[i];

		if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '+' || c == '/' || c == '='))
			return (false);
	}
	return (data.len > 0);
}

static struct text
decoded(struct arena *arena, struct text base64)
{
	char *out = arena_bytes(arena, base64.len + 4);
	char *padded = arena_bytes(arena, base64.len + 4);
	size_t n = base64.len;
	int len, pad = 0;

	memcpy(padded, base64.at, n);
	while (n > 0 && padded[n - 1] == '=')
		n--;
	while ((n + (size_t)pad) % 4 != 0)
		padded[n + (size_t)pad++] = '=';
	len = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)padded, (int)n + pad);
	return ((struct text){ out, len > pad ? (size_t)(len - pad) : 0 });
}

static struct text
percent_decoded(struct arena *arena, struct text t)
{
	char *out = arena_bytes(arena, t.len);
	size_t n = 0;

	for (size_t i = 0; i < t.len; i++) {
		char hex[3] = { 0 }, *end;
		long byte;

		if (t.at[i] == '%' && i + 2 < t.len) {
			memcpy(hex, t.at + i + 1, 2);
			byte = strtol(hex, &end, 16);
			if (*end == '\0') {
				out[n++] = (char)byte;
				i += 2;
				continue;
			}
		}
		out[n++] = t.at[i];
	}
	return ((struct text){ out, n });
}

/* data:[type][;parameters][;base64],data — false: not a data URL.  An empty data says it is one that nobody can read. */
static bool
read_data_url(struct part *p, struct reading *r, struct quoted url)
{
	static const struct text scheme = { "data:", 5 };
	struct text whole = { url.at, url.len }, head, data, type, rest, word;
	struct quoted sniff;
	bool base64 = false;

	if (!text_eq_nocase(text_sub(whole, 0, 5), scheme))
		return (false);
	if (memchr(url.at, '\\', url.len) != NULL)
		whole = json_unescape(r->arena, url);
	text_cut(text_sub(whole, 5, whole.len), ',', &head, &data);
	text_cut(head, ';', &type, &rest);
	while (rest.len > 0) {
		text_cut(rest, ';', &word, &rest);
		base64 |= text_eq_nocase(text_trim(word), TEXT("base64"));
	}
	type = text_trim(type);
	p->media_type = text_eq_nocase(type, TEXT("image/jpg")) ? QUOTED("image/jpeg") : quoted_of(r->arena, type);
	if (!base64) {
		p->data = quoted_of(r->arena, percent_decoded(r->arena, data));
		p->data_is_text = true;
		return (true);
	}
	data = plain_base64(r->arena, data);
	if (!is_base64(data))
		data.len = 0;
	p->data = (struct quoted){ data.at, data.len };
	sniff = sniffed(p->data);
	if (sniff.len > 0 && (p->kind == PART_IMAGE || type.len == 0))
		p->media_type = sniff;
	return (true);
}

static struct error *
read_image(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	const struct json *image = said(v, "image_url");
	struct part *p = add_part(r, end, PART_IMAGE);
	struct quoted url = json_quoted(image);		/* some clients send a bare string */

	path = member_path(r, path, "image_url");
	if (json_is(image, JSON_OBJECT)) {
		TRY(need_string(&url, r, image, "url", path));
		TRY(take_string(&p->detail, r, image, "detail", path));
	} else if (!json_is(image, JSON_STRING))
		return (wrong(r, path, "an object"));
	if (url.len == 0)
		return (wrong(r, path, "an address or a data URL"));
	if (!read_data_url(p, r, url))
		p->url = url;
	else if (p->data.len == 0 || p->data_is_text)
		return (wrong(r, path, "a data URL with base64 data"));
	return (NULL);
}

static struct error *
read_audio(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	const struct json *audio = said(v, "input_audio");
	struct part *p = add_part(r, end, PART_AUDIO);
	struct quoted format;
	struct text type;

	path = member_path(r, path, "input_audio");
	if (!json_is(audio, JSON_OBJECT))
		return (wrong(r, path, "an object"));
	TRY(need_string(&p->data, r, audio, "data", path));
	TRY(need_string(&format, r, audio, "format", path));
	type = arena_print(r->arena, "audio/" TEXT_FMT, TEXT_ARG(format));
	p->media_type = quoted_is(format, "mp3") ? QUOTED("audio/mpeg") : (struct quoted){ type.at, type.len };
	return (NULL);
}

/* What a file turns out to be: a picture, words, or a document. */
static void
settle_file(struct reading *r, struct part *p)
{
	struct text type = { p->media_type.at, p->media_type.len };

	if (text_starts(type, TEXT("image/")) && !p->data_is_text)
		p->kind = PART_IMAGE;
	else if (text_starts(type, TEXT("text/")) && !p->data_is_text) {
		p->data = quoted_of(r->arena, decoded(r->arena, (struct text){ p->data.at, p->data.len }));
		p->data_is_text = true;
	}
}

static struct error *
read_file(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	const struct json *file = said(v, "file");
	struct part *p = add_part(r, end, PART_FILE);
	struct quoted data;

	path = member_path(r, path, "file");
	if (!json_is(file, JSON_OBJECT))
		return (wrong(r, path, "an object"));
	TRY(take_string(&p->name, r, file, "filename", path));
	TRY(take_string(&p->id, r, file, "file_id", path));
	TRY(take_string(&data, r, file, "file_data", path));
	if (p->id.len > 0)
		return (NULL);
	if (data.len == 0)
		return (wrong(r, member_path(r, path, "file_data"), "a data URL"));
	if (!read_data_url(p, r, data)) {	/* bare base64 */
		p->data = data;
		p->media_type = sniffed(data).len > 0 ? sniffed(data) : QUOTED("application/pdf");
	}
	if (p->data.len == 0)
		return (wrong(r, member_path(r, path, "file_data"), "a data URL with base64 data"));
	settle_file(r, p);
	return (NULL);
}

static struct error *
read_words(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	struct part *p = add_part(r, end, PART_TEXT);

	return (need_string(&p->text, r, v, "text", path));
}

static struct error *
read_refusal(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	struct part *p = add_part(r, end, PART_REFUSAL);

	return (need_string(&p->text, r, v, "refusal", path));
}

static struct error *
read_thinking(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	struct part *p = add_part(r, end, PART_THINKING);

	TRY(take_string(&p->text, r, v, "thinking", path));
	if (p->text.len == 0)
		TRY(take_string(&p->text, r, v, "text", path));
	TRY(take_string(&p->signature, r, v, "signature", path));
	return (NULL);
}

static struct error *
read_redacted(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	struct part *p = add_part(r, end, PART_REDACTED);

	return (need_string(&p->text, r, v, "data", path));
}

typedef struct error *part_f(struct reading *, struct part ***, const struct json *, struct text);

static const struct part_type {
	const char	*type;
	part_f		*read;
} part_types[] = {
	{ "text", read_words },
	{ "image_url", read_image },
	{ "input_audio", read_audio },
	{ "file", read_file },
	{ "refusal", read_refusal },
	{ "thinking", read_thinking },
	{ "redacted_thinking", read_redacted },
	{ "reasoning.text", read_thinking },
	{ "reasoning.encrypted", read_redacted },
};

static struct error *
read_part(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	const struct json *mark = said(v, "cache_control");
	struct quoted type;
	struct part **at = *end;

	if (!json_is(v, JSON_OBJECT))
		return (wrong(r, path, "an object"));
	TRY(need_string(&type, r, v, "type", path));
	for (size_t i = 0; i < nitems(part_types); i++) {
		if (!quoted_is(type, part_types[i].type))
			continue;
		TRY(part_types[i].read(r, end, v, path));
		if (json_is(mark, JSON_OBJECT) && *at != NULL)
			(*at)->cache_control = mark->raw;
		return (NULL);
	}
	return (wrong(r, member_path(r, path, "type"), "text, image_url, input_audio, file or refusal"));
}

/* Content: a string, a list of parts, or nothing. */
static struct error *
read_content(struct reading *r, struct part ***end, const struct json *message, struct text path)
{
	const struct json *content = said(message, "content");
	unsigned i = 0;

	if (content == NULL)
		return (NULL);
	path = member_path(r, path, "content");
	if (content->type == JSON_STRING) {
		add_part(r, end, PART_TEXT)->text = json_quoted(content);
		return (NULL);
	}
	if (content->type != JSON_ARRAY)
		return (wrong(r, path, "a string or a list"));
	for (const struct json *v = content->first; v != NULL; v = v->next)
		TRY(read_part(r, end, v, item_path(r, path, i++)));
	return (NULL);
}

/* Messages. */

static struct message *
add_message(struct reading *r, enum role role)
{
	struct message *m = arena_new_of(r->arena, struct message);

	m->role = role;
	*r->last = m;
	r->last = &m->next;
	r->results = NULL;
	return (m);
}

/* A mark on the message itself counts for its last part. */
static void
mark_last(struct part *parts, const struct json *message)
{
	const struct json *mark = said(message, "cache_control");

	if (parts == NULL || !json_is(mark, JSON_OBJECT))
		return;
	while (parts->next != NULL)
		parts = parts->next;
	if (parts->cache_control.len == 0)
		parts->cache_control = mark->raw;
}

static struct error *
read_plain(struct reading *r, const struct json *v, enum role role, struct text path)
{
	struct message *m = add_message(r, role);
	struct part **end = &m->parts;

	TRY(take_string(&m->name, r, v, "name", path));
	if (said(v, "content") == NULL)
		return (wrong(r, member_path(r, path, "content"), "a string or a list"));
	TRY(read_content(r, &end, v, path));
	mark_last(m->parts, v);
	return (NULL);
}

/* Arguments are a string that holds JSON (some clients send the object itself); nothing means no arguments. */
static struct error *
read_arguments(struct text *input, struct reading *r, const struct json *v, struct text path)
{
	struct json_fault fault;
	enum json_type type;
	size_t n;

	*input = TEXT("{}");
	if (v == NULL)
		return (NULL);
	if (v->type == JSON_OBJECT) {
		*input = v->raw;
		return (NULL);
	}
	if (v->type != JSON_STRING)
		return (wrong(r, path, "a string"));
	if (quoted_blank(json_quoted(v)))
		return (NULL);
	*input = text_trim(json_unescape(r->arena, json_quoted(v)));
	if (!json_scan(*input, &type, NULL, 0, &n, &fault))
		return (wrong(r, path, "a string that holds JSON"));
	if (type != JSON_OBJECT)
		*input = arena_print(r->arena, "{\"value\":%.*s}", (int)input->len, input->at);
	return (NULL);
}

static struct error *
read_call(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	const struct json *function = said(v, "function"), *custom = said(v, "custom");
	struct part *p = add_part(r, end, PART_CALL);
	struct quoted words;

	if (!json_is(v, JSON_OBJECT))
		return (wrong(r, path, "an object"));
	TRY(take_string(&p->id, r, v, "id", path));
	if (json_is(custom, JSON_OBJECT)) {
		path = member_path(r, path, "custom");
		TRY(need_string(&p->name, r, custom, "name", path));
		TRY(take_string(&words, r, custom, "input", path));
		p->input = arena_print(r->arena, "{\"input\":\"%.*s\"}", (int)words.len, words.at);
		return (NULL);
	}
	path = member_path(r, path, "function");
	if (!json_is(function, JSON_OBJECT))
		return (wrong(r, path, "an object"));
	TRY(need_string(&p->name, r, function, "name", path));
	return (read_arguments(&p->input, r, said(function, "arguments"), member_path(r, path, "arguments")));
}

static struct error *
read_calls(struct reading *r, struct part ***end, const struct json *message, struct text path)
{
	const struct json *calls = said(message, "tool_calls"), *old = said(message, "function_call");
	struct part *p;
	struct text id;
	unsigned i = 0;

	if (calls != NULL && calls->type != JSON_ARRAY)
		return (wrong(r, member_path(r, path, "tool_calls"), "a list"));
	for (const struct json *v = calls != NULL ? calls->first : NULL; v != NULL; v = v->next)
		TRY(read_call(r, end, v, item_path(r, member_path(r, path, "tool_calls"), i++)));
	if (old == NULL)
		return (NULL);
	path = member_path(r, path, "function_call");
	if (old->type != JSON_OBJECT)
		return (wrong(r, path, "an object"));
	p = add_part(r, end, PART_CALL);
	TRY(need_string(&p->name, r, old, "name", path));
	id = arena_print(r->arena, "call_%zu", (size_t)(old->raw.at - r->body.at));
	r->old_call = p->id = (struct quoted){ id.at, id.len };
	return (read_arguments(&p->input, r, said(old, "arguments"), member_path(r, path, "arguments")));
}

/* Thoughts of an earlier turn, signed ones by preference: they are what can be replayed. */
static struct error *
read_thoughts(struct reading *r, struct part ***end, const struct json *message, struct text path)
{
	static const char *const lists[] = { "thinking_blocks", "reasoning_details" };
	static const char *const words[] = { "reasoning_content", "reasoning" };
	struct quoted text;
	unsigned i = 0;

	for (size_t k = 0; k < nitems(lists); k++) {
		const struct json *list = said(message, lists[k]);

		if (!json_is(list, JSON_ARRAY) || list->first == NULL)
			continue;
		for (const struct json *v = list->first; v != NULL; v = v->next) {
			if (json_is(v, JSON_OBJECT) && quoted_is(json_quoted(json_get(v, "type")), "reasoning.summary"))
				continue;
			TRY(read_part(r, end, v, item_path(r, member_path(r, path, lists[k]), i++)));
		}
		return (NULL);
	}
	for (size_t k = 0; k < nitems(words); k++) {
		TRY(take_string(&text, r, message, words[k], path));
		if (text.len > 0) {
			add_part(r, end, PART_THINKING)->text = text;
			return (NULL);
		}
	}
	return (NULL);
}

static struct error *
read_assistant(struct reading *r, const struct json *v, struct text path)
{
	struct message *m = add_message(r, ROLE_ASSISTANT);
	struct part **end = &m->parts, **words;
	struct quoted refusal;

	TRY(take_string(&m->name, r, v, "name", path));
	TRY(read_thoughts(r, &end, v, path));
	words = end;
	TRY(read_content(r, &end, v, path));
	if (*words != NULL && (*words)->next == NULL && (*words)->kind == PART_TEXT && (*words)->text.len == 0) {
		*words = NULL;			/* "" beside calls means no words */
		end = words;
	}
	TRY(take_string(&refusal, r, v, "refusal", path));
	if (refusal.len > 0)
		add_part(r, &end, PART_REFUSAL)->text = refusal;
	mark_last(m->parts, v);
	return (read_calls(r, &end, v, path));
}

static struct error *
read_result(struct reading *r, const struct json *v, bool old, struct text path)
{
	struct part **end, *p;

	if (r->results == NULL) {
		struct message *m = add_message(r, ROLE_USER);

		r->results = m;
	}
	for (end = &r->results->parts; *end != NULL;)
		end = &(*end)->next;
	p = add_part(r, &end, PART_RESULT);
	if (old)
		p->id = r->old_call;
	else
		TRY(need_string(&p->id, r, v, "tool_call_id", path));
	TRY(take_string(&p->name, r, v, "name", path));
	end = &p->inner;
	TRY(read_content(r, &end, v, path));
	mark_last(p, v);
	return (NULL);
}

static struct error *
read_message(struct reading *r, const struct json *v, struct text path)
{
	static const struct {
		const char	*word;
		enum role	 role;
	} plain[] = { { "system", ROLE_SYSTEM }, { "developer", ROLE_DEVELOPER }, { "user", ROLE_USER } };
	struct quoted role;

	if (!json_is(v, JSON_OBJECT))
		return (wrong(r, path, "an object"));
	TRY(need_string(&role, r, v, "role", path));
	for (size_t i = 0; i < nitems(plain); i++)
		if (quoted_is(role, plain[i].word))
			return (read_plain(r, v, plain[i].role, path));
	if (quoted_is(role, "assistant"))
		return (read_assistant(r, v, path));
	if (quoted_is(role, "tool"))
		return (read_result(r, v, false, path));
	if (quoted_is(role, "function"))
		return (read_result(r, v, true, path));
	return (wrong(r, member_path(r, path, "role"), "system, developer, user, assistant or tool"));
}

static struct error *
read_messages(struct reading *r, const struct json *v, const char *name)
{
	struct text path = text_of(name);
	unsigned i = 0;

	for (const struct json *m = v->first; m != NULL; m = m->next)
		TRY(read_message(r, m, item_path(r, path, i++)));
	return (NULL);
}

/* Tools. */

static struct error *
add_tool(struct reading *r, const struct json *f, const struct json *mark, struct text path)
{
	const struct json *schema = said(f, "parameters"), *strict = said(f, "strict");
	struct tool *t = arena_new_of(r->arena, struct tool);

	if (!json_is(f, JSON_OBJECT))
		return (wrong(r, path, "an object"));
	TRY(need_string(&t->name, r, f, "name", path));
	TRY(take_string(&t->description, r, f, "description", path));
	if (schema != NULL && schema->type != JSON_OBJECT)
		return (wrong(r, member_path(r, path, "parameters"), "an object"));
	if (strict != NULL && strict->type != JSON_BOOL)
		return (wrong(r, member_path(r, path, "strict"), "true or false"));
	if (schema != NULL)
		t->schema = schema->raw;
	t->strict = strict == NULL ? -1 : json_true(strict);
	if (!json_is(mark, JSON_OBJECT))
		mark = said(f, "cache_control");
	if (json_is(mark, JSON_OBJECT))
		t->cache_control = mark->raw;
	*r->last_tool = t;
	r->last_tool = &t->next;
	return (NULL);
}

static struct error *
read_tool(struct reading *r, const struct json *v, struct text path)
{
	const struct json *custom = said(v, "custom");
	struct tool **at = r->last_tool;
	struct quoted type;

	if (!json_is(v, JSON_OBJECT))
		return (wrong(r, path, "an object"));
	TRY(take_string(&type, r, v, "type", path));
	if (quoted_is(type, "custom")) {
		TRY(add_tool(r, custom, said(v, "cache_control"), member_path(r, path, "custom")));
		(*at)->freeform = true;
		return (NULL);
	}
	if (type.len > 0 && !quoted_is(type, "function"))
		return (wrong(r, member_path(r, path, "type"), "function or custom"));
	return (add_tool(r, said(v, "function"), said(v, "cache_control"), member_path(r, path, "function")));
}

static struct error *
read_tools(struct reading *r, const struct json *v, const char *name)
{
	unsigned i = 0;

	if (v->type != JSON_ARRAY)
		return (wrong(r, text_of(name), "a list"));
	for (const struct json *t = v->first; t != NULL; t = t->next)
		TRY(read_tool(r, t, item_path(r, text_of(name), i++)));
	return (NULL);
}

static struct error *
read_functions(struct reading *r, const struct json *v, const char *name)
{
	unsigned i = 0;

	if (v->type != JSON_ARRAY)
		return (wrong(r, text_of(name), "a list"));
	r->ask->old_functions = true;
	for (const struct json *f = v->first; f != NULL; f = f->next)
		TRY(add_tool(r, f, NULL, item_path(r, text_of(name), i++)));
	return (NULL);
}

static bool
choice_word(enum tool_choice *choice, struct quoted word)
{
	static const struct {
		const char	*word;
		enum tool_choice choice;
	} words[] = { { "auto", CHOICE_AUTO }, { "none", CHOICE_NONE }, { "required", CHOICE_REQUIRED }, { "any", CHOICE_REQUIRED } };

	for (size_t i = 0; i < nitems(words); i++) {
		if (quoted_is(word, words[i].word)) {
			*choice = words[i].choice;
			return (true);
		}
	}
	return (false);
}

static struct error *
read_allowed(struct reading *r, const struct json *v, struct text path)
{
	const struct json *allowed = json_is(said(v, "allowed_tools"), JSON_OBJECT) ? said(v, "allowed_tools") : v;
	const struct json *tools = said(allowed, "tools"), *named;
	struct words **last = &r->ask->allowed_tools;
	unsigned i = 0;

	if (!choice_word(&r->ask->choice, json_quoted(said(allowed, "mode"))))
		return (wrong(r, member_path(r, path, "allowed_tools.mode"), "auto or required"));
	if (!json_is(tools, JSON_ARRAY) || tools->first == NULL)
		return (wrong(r, member_path(r, path, "allowed_tools.tools"), "a list of tools"));
	for (const struct json *t = tools->first; t != NULL; t = t->next, i++) {
		named = json_is(said(t, "function"), JSON_OBJECT) ? said(t, "function") : json_is(said(t, "custom"), JSON_OBJECT) ? said(t, "custom") : t;
		*last = arena_new_of(r->arena, struct words);
		TRY(need_string(&(*last)->word, r, named, "name", item_path(r, member_path(r, path, "allowed_tools.tools"), i)));
		last = &(*last)->next;
	}
	return (NULL);
}

static struct error *
read_choice(struct reading *r, const struct json *v, const char *name)
{
	static const char *const kinds[] = { "function", "custom" };
	struct text path = text_of(name);

	if (v->type == JSON_STRING) {
		if (!choice_word(&r->ask->choice, json_quoted(v)))
			return (wrong(r, path, "none, auto, required or an object"));
		return (NULL);
	}
	if (v->type != JSON_OBJECT)
		return (wrong(r, path, "none, auto, required or an object"));
	if (quoted_is(json_quoted(said(v, "type")), "allowed_tools"))
		return (read_allowed(r, v, path));
	r->ask->choice = CHOICE_NAMED;
	for (size_t i = 0; i < nitems(kinds); i++)
		if (json_is(said(v, kinds[i]), JSON_OBJECT))
			return (need_string(&r->ask->choice_name, r, said(v, kinds[i]), "name", member_path(r, path, kinds[i])));
	return (need_string(&r->ask->choice_name, r, v, "name", path));
}

static struct error *
read_old_choice(struct reading *r, const struct json *v, const char *name)
{
	r->ask->old_functions = true;
	return (read_choice(r, v, name));
}

/* Parameters. */

static struct error *
read_stop(struct reading *r, const struct json *v, const char *name)
{
	struct words **last = &r->ask->stop;
	const struct json *first = v->type == JSON_ARRAY ? v->first : v;

	if (v->type != JSON_STRING && v->type != JSON_ARRAY)
		return (wrong(r, text_of(name), "a string or a list of strings"));
	for (const struct json *s = first; s != NULL; s = v->type == JSON_ARRAY ? s->next : NULL) {
		if (s->type != JSON_STRING)
			return (wrong(r, text_of(name), "a string or a list of strings"));
		*last = arena_new_of(r->arena, struct words);
		(*last)->word = json_quoted(s);
		last = &(*last)->next;
	}
	return (NULL);
}

static struct error *
read_format(struct reading *r, const struct json *v, const char *name)
{
	const struct json *schema = said(v, "json_schema"), *strict;
	struct text path = text_of(name);
	struct quoted type;

	if (v->type != JSON_OBJECT)
		return (wrong(r, path, "an object"));
	TRY(need_string(&type, r, v, "type", path));
	if (quoted_is(type, "text"))
		return (NULL);
	r->ask->format = FORMAT_JSON;
	if (quoted_is(type, "json_object"))
		return (NULL);
	if (!quoted_is(type, "json_schema"))
		return (wrong(r, member_path(r, path, "type"), "text, json_object or json_schema"));
	path = member_path(r, path, "json_schema");
	if (!json_is(schema, JSON_OBJECT) || !json_is(said(schema, "schema"), JSON_OBJECT))
		return (wrong(r, member_path(r, path, "schema"), "an object"));
	TRY(take_string(&r->ask->schema_name, r, schema, "name", path));
	strict = said(schema, "strict");
	r->ask->format = FORMAT_SCHEMA;
	r->ask->schema = said(schema, "schema")->raw;
	r->ask->schema_strict = strict == NULL ? -1 : json_true(strict);
	return (NULL);
}

static struct error *
read_effort(struct reading *r, const struct json *v, const char *name)
{
	r->ask->effort = effort_named(json_quoted(v));
	if (r->ask->effort == EFFORT_UNSAID)
		return (wrong(r, text_of(name), "none, minimal, low, medium, high, xhigh or max"));
	return (NULL);
}

/* Anthropic's parameter, which LiteLLM's clients send to any model: {"type":"enabled","budget_tokens":1024} */
static struct error *
read_thinking_wish(struct reading *r, const struct json *v, const char *name)
{
	struct quoted type = json_quoted(said(v, "type"));
	const struct json *budget = said(v, "budget_tokens");

	if (v->type != JSON_OBJECT)
		return (wrong(r, text_of(name), "an object"));
	if (quoted_is(type, "disabled"))
		r->ask->effort = r->ask->effort == EFFORT_UNSAID ? EFFORT_NONE : r->ask->effort;
	else if (quoted_is(type, "adaptive"))
		r->ask->thinking_adaptive = true;
	else if (budget == NULL || !json_to_i64(budget->raw, &r->ask->thinking_budget) || r->ask->thinking_budget < 0)
		return (wrong(r, member_path(r, text_of(name), "budget_tokens"), "an integer"));
	return (NULL);
}

/* OpenRouter's: {"effort":"high"} or {"max_tokens":2000} */
static struct error *
read_reasoning_wish(struct reading *r, const struct json *v, const char *name)
{
	const struct json *effort = said(v, "effort"), *budget = said(v, "max_tokens");

	if (v->type != JSON_OBJECT)
		return (wrong(r, text_of(name), "an object"));
	if (effort != NULL)
		return (read_effort(r, effort, "reasoning.effort"));
	if (budget != NULL && (!json_to_i64(budget->raw, &r->ask->thinking_budget) || r->ask->thinking_budget < 0))
		return (wrong(r, member_path(r, text_of(name), "max_tokens"), "an integer"));
	return (NULL);
}

static struct error *
read_parallel(struct reading *r, const struct json *v, const char *name)
{
	if (v->type != JSON_BOOL)
		return (wrong(r, text_of(name), "true or false"));
	r->ask->parallel = json_true(v);
	return (NULL);
}

static struct error *
read_n(struct reading *r, const struct json *v, const char *name)
{
	(void)name;
	(void)json_to_i64(v->raw, &r->ask->n);		/* the first look has checked it */
	return (NULL);
}

static struct error *
read_nothing(struct reading *r, const struct json *v, const char *name)
{
	(void)r;
	(void)v;
	(void)name;				/* the first look has taken it */
	return (NULL);
}

static struct error *
read_user(struct reading *r, const struct json *v, const char *name)
{
	if (v->type != JSON_STRING)
		return (wrong(r, text_of(name), "a string"));
	if (r->ask->user.len == 0 || strcmp(name, "user") == 0)
		r->ask->user = json_quoted(v);
	return (NULL);
}

static struct error *
read_tier(struct reading *r, const struct json *v, const char *name)
{
	(void)name;
	r->ask->service_tier = json_quoted(v);
	return (NULL);
}

typedef struct error *member_f(struct reading *, const struct json *, const char *name);

static const struct member {
	const char	*name;
	member_f	*read;			/* NULL: a number, kept raw at `at` */
	size_t		 at;
} members[] = {
	{ "frequency_penalty", NULL, offsetof(struct ask, frequency_penalty) },
	{ "function_call", read_old_choice, 0 },
	{ "functions", read_functions, 0 },
	{ "max_completion_tokens", read_nothing, 0 },
	{ "max_tokens", read_nothing, 0 },
	{ "messages", read_messages, 0 },
	{ "model", read_nothing, 0 },
	{ "n", read_n, 0 },
	{ "parallel_tool_calls", read_parallel, 0 },
	{ "presence_penalty", NULL, offsetof(struct ask, presence_penalty) },
	{ "reasoning", read_reasoning_wish, 0 },
	{ "reasoning_effort", read_effort, 0 },
	{ "response_format", read_format, 0 },
	{ "safety_identifier", read_user, 0 },
	{ "seed", NULL, offsetof(struct ask, seed) },
	{ "service_tier", read_tier, 0 },
	{ "stop", read_stop, 0 },
	{ "stream", read_nothing, 0 },
	{ "stream_options", read_nothing, 0 },
	{ "temperature", NULL, offsetof(struct ask, temperature) },
	{ "thinking", read_thinking_wish, 0 },
	{ "tool_choice", read_choice, 0 },
	{ "tools", read_tools, 0 },
	{ "top_k", NULL, offsetof(struct ask, top_k) },
	{ "top_p", NULL, offsetof(struct ask, top_p) },
	{ "user", read_user, 0 },
};

static struct error *
read_number(struct reading *r, const struct json *v, const struct member *m)
{
	if (v->type != JSON_NUMBER)
		return (wrong(r, text_of(m->name), "a number"));
	*(struct text *)(void *)((char *)r->ask + m->at) = v->raw;
	return (NULL);
}

static struct error *
read_member(struct reading *r, const struct json *v, struct extra ***extras)
{
	struct extra *e;

	for (size_t i = 0; i < nitems(members); i++)
		if (quoted_is(v->name, members[i].name))
			return (members[i].read != NULL ? members[i].read(r, v, members[i].name) : read_number(r, v, &members[i]));
	e = arena_new_of(r->arena, struct extra);
	*e = (struct extra){ .name = v->name, .raw = v->raw };
	**extras = e;
	*extras = &e->next;
	return (NULL);
}

struct error *
chat_read_ask(struct ask *ask, struct arena *arena, const struct glance *g)
{
	struct reading r = { .arena = arena, .ask = ask, .body = g->body, .last_tool = &ask->tools };
	struct extra **extras = &ask->extras;
	struct json_fault fault;
	struct json *body;
	size_t i = 0;

	*ask = (struct ask){ .parallel = -1, .max_tokens = g->max_tokens, .n = 1, .schema_strict = -1, .thinking_budget = -1,
		.stream = g->stream, .usage_asked = g->usage_asked };
	r.last = &ask->messages;
	body = json_parse(arena, g->body, &fault);
	for (const struct json *v = body != NULL ? body->first : NULL; v != NULL; v = v->next, i++)
		if (v->type != JSON_NULL && (g->ours == NULL || !g->ours[i]))
			TRY(read_member(&r, v, &extras));
	return (NULL);
}
