/* SPDX-License-Identifier: Apache-2.0 */
/* Images and documents as the vendor's blocks: data URLs taken apart, media types corrected by the bytes themselves. */
#include "provider/anthropic_priv.h"

/* What a part holds, however it was said. */
struct medium {
	struct quoted	 url;			/* http or https, or empty */
	struct text	 type;			/* unescaped, lower case, without parameters */
	struct quoted	 data;			/* base64, in the vendor's alphabet */
};

/* How the base64 of each kind begins. */
static const struct {
	const char	*begins;
	const char	*type;
} magic[] = {
	{ "iVBORw0KGgo",	"image/png" },
	{ "/9j/",		"image/jpeg" },
	{ "R0lGOD",		"image/gif" },
	{ "UklGR",		"image/webp" },
	{ "JVBERi0",		"application/pdf" },
};

static const char *
sniff(struct quoted data)
{
	for (size_t i = 0; i < nitems(magic); i++)
		if (data.len >= strlen(magic[i].begins) && memcmp(data.at, magic[i].begins, strlen(magic[i].begins)) == 0)
			return (magic[i].type);
	return (NULL);
}

static struct text
lower(struct arena *arena, struct text t)
{
	struct text copy = arena_copy(arena, t);
	char *p = (char *)(uintptr_t)copy.at;

	for (size_t i = 0; i < copy.len; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] |= 0x20;
	return (copy);
}

/* Escapes, white space and the URL-safe alphabet are put right; data that is plain already, which is nearly all, is not copied. */
static struct quoted
plain_base64(struct arena *arena, struct quoted data)
{
	struct text t;
	char *p;
	size_t n = 0;

	if (memchr(data.at, '\\', data.len) == NULL && memchr(data.at, '-', data.len) == NULL && memchr(data.at, '_', data.len) == NULL &&
	    memchr(data.at, ' ', data.len) == NULL && data.len % 4 == 0)
		return (data);
	t = json_unescape(arena, data);
	p = arena_bytes(arena, t.len + 4);
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] > ' ')
			p[n++] = t.at[i] == '-' ? '+' : t.at[i] == '_' ? '/' : t.at[i];
	while (n % 4 != 0)
		p[n++] = '=';
	return ((struct quoted){ p, n });
}

/* data:[type][;parameter]…[;base64],data.  Anything but base64 is the words themselves. */
static void
take_apart(struct medium *m, struct arena *arena, struct text url, bool *words)
{
	struct text head, data, type, rest;

	text_cut(text_sub(url, 5, url.len), ',', &head, &data);
	*words = !text_has(head, TEXT(";base64"));
	text_cut(head, ';', &type, &rest);
	m->type = lower(arena, text_trim(type));
	m->data = *words ? json_escape(arena, data) : (struct quoted){ data.at, data.len };
}

static bool
is_bytes_of_base64(struct quoted data)
{
	for (size_t i = 0; i < data.len; i++) {
		char c = data.at[i];

		if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '+' || c == '/' || c == '='))
			return (false);
	}
	return (data.len > 0);
}

static struct error *
medium_of(struct medium *m, struct write *w, const struct part *p, bool *words)
{
	struct text url = json_unescape(w->arena, p->url);

	*m = (struct medium){ 0 };
	*words = p->data_is_text;
	if (text_eq_nocase(text_sub(url, 0, 5), TEXT("data:")))
		take_apart(m, w->arena, url, words);
	else if (url.len > 0) {
		if (!text_eq_nocase(text_sub(url, 0, 7), TEXT("http://")) && !text_eq_nocase(text_sub(url, 0, 8), TEXT("https://")))
			return (error_param(error_new(w->arena, E_BAD_REQUEST, "messages: an image or file needs an http, https or data URL"), "messages"));
		m->url = p->url;
		return (NULL);
	} else {
		m->type = lower(w->arena, json_unescape(w->arena, p->media_type));
		m->data = p->data;
	}
	if (*words)
		return (NULL);
	m->data = plain_base64(w->arena, m->data);
	if (!is_bytes_of_base64(m->data))
		return (error_param(error_new(w->arena, E_BAD_REQUEST, "messages: the data of an image or file is not base64"), "messages"));
	if (sniff(m->data) != NULL)
		m->type = text_of(sniff(m->data));
	else if (text_is(m->type, "image/jpg"))
		m->type = TEXT("image/jpeg");
	return (NULL);
}

static bool
is_image(struct text type)
{
	static const char *const types[] = { "image/jpeg", "image/png", "image/gif", "image/webp" };

	for (size_t i = 0; i < nitems(types); i++)
		if (text_is(type, types[i]))
			return (true);
	return (false);
}

static void
begin(struct write *w, const char *type)
{
	json_open(&w->out, '{');
	json_name(&w->out, "type");
	json_string(&w->out, text_of(type));
	json_name(&w->out, "source");
	json_open(&w->out, '{');
	json_name(&w->out, "type");
}

static void
source_url(struct write *w, struct quoted url)
{
	json_string(&w->out, TEXT("url"));
	json_name(&w->out, "url");
	json_put_quoted(&w->out, url);
	json_close(&w->out, '}');
}

static void
source_data(struct write *w, const char *kind, struct text type, struct quoted data)
{
	json_string(&w->out, text_of(kind));
	json_name(&w->out, "media_type");
	json_string(&w->out, type);
	json_name(&w->out, "data");
	json_put_quoted(&w->out, data);
	json_close(&w->out, '}');
}

static void
end(struct write *w, struct quoted title, struct text cache_control)
{
	if (title.len > 0) {
		json_name(&w->out, "title");
		json_put_quoted(&w->out, title);
	}
	write_cache_control(w, cache_control);
	json_close(&w->out, '}');
}

static int
digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c != '\0' ? strchr(digits, c) : NULL;

	return (p != NULL ? (int)(p - digits) : -1);
}

/* The words of a text file that came as base64. */
static struct quoted
decoded(struct arena *arena, struct quoted data)
{
	unsigned char *out = (unsigned char *)arena_bytes(arena, data.len / 4 * 3 + 3);
	unsigned bits = 0;
	size_t n = 0, have = 0;

	for (size_t i = 0; i < data.len && digit(data.at[i]) >= 0; i++) {
		bits = bits << 6 | (unsigned)digit(data.at[i]);
		if (++have % 4 != 1)
			out[n++] = (unsigned char)(bits >> (6 - 2 * ((have - 1) % 4)));
	}
	return (json_escape(arena, (struct text){ (const char *)out, n }));
}

static struct error *
unsupported(struct write *w, const char *what, struct text type)
{
	type = text_sub(type, 0, 64);
	return (error_param(error_new(w->arena, E_BAD_REQUEST, "messages: Anthropic models do not take %s of media type '" TEXT_FMT "'", what,
	    TEXT_ARG(type)), "messages"));
}

static struct error *
write_medium(struct write *w, const struct part *p, const struct medium *m, bool words, bool as_image)
{
	struct text type = m->type;

	if (m->url.len > 0) {
		begin(w, as_image ? "image" : "document");
		source_url(w, m->url);
	} else if (!words && is_image(type)) {
		begin(w, "image");
		source_data(w, "base64", type, m->data);
		as_image = true;
	} else if (!words && text_is(type, "application/pdf")) {
		begin(w, "document");
		source_data(w, "base64", type, m->data);
		as_image = false;
	} else if (!as_image && (words || text_starts(type, TEXT("text/")) || text_is(type, "application/json"))) {
		begin(w, "document");
		source_data(w, "text", TEXT("text/plain"), words ? m->data : decoded(w->arena, m->data));
	} else
		return (unsupported(w, as_image ? "images" : "files", type));
	end(w, as_image ? QUOTED("") : p->name, p->cache_control);
	return (NULL);
}

struct error *
write_image(struct write *w, const struct part *p)
{
	struct medium m;
	bool words;

	TRY(medium_of(&m, w, p, &words));
	return (write_medium(w, p, &m, words, true));
}

struct error *
write_document(struct write *w, const struct part *p)
{
	struct medium m;
	bool words;

	if (p->id.len > 0)
		return (error_param(error_new(w->arena, E_BAD_REQUEST, "messages: files of another vendor's store can not be read by Anthropic models"),
		    "messages"));
	TRY(medium_of(&m, w, p, &words));
	return (write_medium(w, p, &m, words, false));
}
