/* SPDX-License-Identifier: Apache-2.0 */
/* Images and documents as the vendor's blocks; the fronts have taken data URLs apart and told media types by the bytes. */
#include "provider/anthropic_priv.h"

static struct error *
refused(struct write *w, const char *why)
{
	return (error_param(error_new(w->arena, E_BAD_REQUEST, "messages: %s", why), "messages"));
}

static void
begin(struct write *w, const char *type, const char *source)
{
	json_open(&w->out, '{');
	json_name(&w->out, "type");
	json_string(&w->out, text_of(type));
	json_name(&w->out, "source");
	json_open(&w->out, '{');
	json_name(&w->out, "type");
	json_string(&w->out, text_of(source));
}

static void
end(struct write *w, const struct part *p, bool titled)
{
	json_close(&w->out, '}');
	if (titled && p->name.len > 0) {
		json_name(&w->out, "title");
		json_put_quoted(&w->out, p->name);
	}
	write_cache_control(w, p->cache_control);
	json_close(&w->out, '}');
}

static struct error *
by_url(struct write *w, const struct part *p, const char *type)
{
	struct text url = json_unescape(w->arena, p->url);

	if (!text_eq_nocase(text_sub(url, 0, 7), TEXT("http://")) && !text_eq_nocase(text_sub(url, 0, 8), TEXT("https://")))
		return (refused(w, "an image or file needs an http, https or data URL"));
	begin(w, type, "url");
	json_name(&w->out, "url");
	json_put_quoted(&w->out, p->url);
	end(w, p, p->kind == PART_FILE);
	return (NULL);
}

/* What the vendor takes inline, by media type. */
static const struct {
	const char	*media_type, *block;
} inline_types[] = {
	{ "image/jpeg", "image" }, { "image/png", "image" }, { "image/gif", "image" }, { "image/webp", "image" },
	{ "application/pdf", "document" },
};

static struct error *
by_data(struct write *w, const struct part *p, const char *plural)
{
	struct text type;

	for (size_t i = 0; i < nitems(inline_types); i++) {
		if (!quoted_is_nocase(p->media_type, inline_types[i].media_type))
			continue;
		begin(w, inline_types[i].block, "base64");
		json_name(&w->out, "media_type");
		json_string(&w->out, text_of(inline_types[i].media_type));
		json_name(&w->out, "data");
		json_put_quoted(&w->out, p->data);
		end(w, p, inline_types[i].block[0] == 'd');
		return (NULL);
	}
	type = text_sub(json_unescape(w->arena, p->media_type), 0, 64);
	return (refused(w, arena_print(w->arena, "Anthropic models do not take %s of media type '" TEXT_FMT "'", plural, TEXT_ARG(type)).at));
}

static struct error *
elsewhere(struct write *w)
{
	return (refused(w, "files of another vendor's store can not be read by Anthropic models"));
}

struct error *
write_image(struct write *w, const struct part *p)
{
	if (p->id.len > 0)
		return (elsewhere(w));
	return (p->url.len > 0 ? by_url(w, p, "image") : by_data(w, p, "images"));
}

struct error *
write_document(struct write *w, const struct part *p)
{
	if (p->id.len > 0)
		return (elsewhere(w));
	if (p->url.len > 0)
		return (by_url(w, p, "document"));
	if (!p->data_is_text)
		return (by_data(w, p, "files"));
	begin(w, "document", "text");
	json_name(&w->out, "media_type");
	json_string(&w->out, TEXT("text/plain"));
	json_name(&w->out, "data");
	json_put_quoted(&w->out, p->data);
	end(w, p, true);
	return (NULL);
}
