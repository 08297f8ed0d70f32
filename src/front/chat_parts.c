/* SPDX-License-Identifier: Apache-2.0 */
/* The content of chat messages: words, pictures, sounds, files and thoughts, with data URLs in every form that is met. */
#include "front/chat_read_priv.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct part *
chat_add_part(struct reading *r, struct part ***end, enum part_kind kind)
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
		p->data = quoted_of(r->arena, arena_percent_decode(r->arena, data));
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

struct error *
chat_read_image(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	const struct json *image = chat_said(v, "image_url");
	struct part *p = chat_add_part(r, end, PART_IMAGE);
	struct quoted url = json_quoted(image);		/* some clients send a bare string */

	path = chat_member_path(r, path, "image_url");
	if (json_is(image, JSON_OBJECT)) {
		TRY(chat_need_string(&url, r, image, "url", path));
		TRY(chat_take_string(&p->detail, r, image, "detail", path));
	} else if (!json_is(image, JSON_STRING))
		return (chat_wrong(r, path, "an object"));
	if (url.len == 0)
		return (chat_wrong(r, path, "an address or a data URL"));
	if (!read_data_url(p, r, url))
		p->url = url;
	else if (p->data.len == 0 || p->data_is_text)
		return (chat_wrong(r, path, "a data URL with base64 data"));
	return (NULL);
}

static struct error *
read_audio(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	const struct json *audio = chat_said(v, "input_audio");
	struct part *p = chat_add_part(r, end, PART_AUDIO);
	struct quoted format;
	struct text type;

	path = chat_member_path(r, path, "input_audio");
	if (!json_is(audio, JSON_OBJECT))
		return (chat_wrong(r, path, "an object"));
	TRY(chat_need_string(&p->data, r, audio, "data", path));
	TRY(chat_need_string(&format, r, audio, "format", path));
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

struct error *
chat_read_file(struct reading *r, struct part *p, const struct json *file, struct text path)
{
	struct quoted data;

	TRY(chat_take_string(&p->name, r, file, "filename", path));
	TRY(chat_take_string(&p->id, r, file, "file_id", path));
	TRY(chat_take_string(&data, r, file, "file_data", path));
	if (p->id.len > 0)
		return (NULL);
	if (data.len == 0)
		return (chat_wrong(r, chat_member_path(r, path, "file_data"), "a data URL"));
	if (!read_data_url(p, r, data)) {	/* bare base64 */
		p->data = data;
		p->media_type = sniffed(data).len > 0 ? sniffed(data) : QUOTED("application/pdf");
	}
	if (p->data.len == 0)
		return (chat_wrong(r, chat_member_path(r, path, "file_data"), "a data URL with base64 data"));
	settle_file(r, p);
	return (NULL);
}

static struct error *
read_file(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	const struct json *file = chat_said(v, "file");

	path = chat_member_path(r, path, "file");
	if (!json_is(file, JSON_OBJECT))
		return (chat_wrong(r, path, "an object"));
	return (chat_read_file(r, chat_add_part(r, end, PART_FILE), file, path));
}

static struct error *
read_words(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	struct part *p = chat_add_part(r, end, PART_TEXT);

	return (chat_need_string(&p->text, r, v, "text", path));
}

static struct error *
read_refusal(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	struct part *p = chat_add_part(r, end, PART_REFUSAL);

	return (chat_need_string(&p->text, r, v, "refusal", path));
}

static struct error *
read_thinking(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	struct part *p = chat_add_part(r, end, PART_THINKING);

	TRY(chat_take_string(&p->text, r, v, "thinking", path));
	if (p->text.len == 0)
		TRY(chat_take_string(&p->text, r, v, "text", path));
	TRY(chat_take_string(&p->signature, r, v, "signature", path));
	return (NULL);
}

static struct error *
read_redacted(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	struct part *p = chat_add_part(r, end, PART_REDACTED);

	return (chat_need_string(&p->text, r, v, "data", path));
}

typedef struct error *part_f(struct reading *, struct part ***, const struct json *, struct text);

static const struct part_type {
	const char	*type;
	part_f		*read;
} part_types[] = {
	{ "text", read_words },
	{ "image_url", chat_read_image },
	{ "input_audio", read_audio },
	{ "file", read_file },
	{ "refusal", read_refusal },
	{ "thinking", read_thinking },
	{ "redacted_thinking", read_redacted },
	{ "reasoning.text", read_thinking },
	{ "reasoning.encrypted", read_redacted },
};

struct error *
chat_read_part(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	const struct json *mark = chat_said(v, "cache_control");
	struct quoted type;
	struct part **at = *end;

	if (!json_is(v, JSON_OBJECT))
		return (chat_wrong(r, path, "an object"));
	TRY(chat_need_string(&type, r, v, "type", path));
	for (size_t i = 0; i < nitems(part_types); i++) {
		if (!quoted_is(type, part_types[i].type))
			continue;
		TRY(part_types[i].read(r, end, v, path));
		if (json_is(mark, JSON_OBJECT) && *at != NULL)
			(*at)->cache_control = mark->raw;
		return (NULL);
	}
	return (chat_wrong(r, chat_member_path(r, path, "type"), "text, image_url, input_audio, file or refusal"));
}

/* Content: a string, a list of parts, or nothing. */
struct error *
chat_read_content(struct reading *r, struct part ***end, const struct json *message, struct text path)
{
	const struct json *content = chat_said(message, "content");
	unsigned i = 0;

	if (content == NULL)
		return (NULL);
	path = chat_member_path(r, path, "content");
	if (content->type == JSON_STRING) {
		chat_add_part(r, end, PART_TEXT)->text = json_quoted(content);
		return (NULL);
	}
	if (content->type != JSON_ARRAY)
		return (chat_wrong(r, path, "a string or a list"));
	for (const struct json *v = content->first; v != NULL; v = v->next)
		TRY(chat_read_part(r, end, v, chat_item_path(r, path, i++)));
	return (NULL);
}
