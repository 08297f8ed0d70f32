/* SPDX-License-Identifier: Apache-2.0 */
/* Events as text completions: a whole body at the end, or a chunk for each text.  Reasoning and calls have no place in them. */
#include "front/completions_priv.h"

#define MOST_CHOICES	2048
#define OBJECT		"text_completion"

struct choice {
	unsigned	 index;
	struct growing	 text;			/* of a whole answer */
	struct half	 half;
	enum finish	 finish;
	struct choice	*next;
};

struct writer {
	struct arena	*arena;
	struct told	 told;
	struct buf	*out;
	struct text	 id;
	bool		 streams;
	struct choice	*choices;
	struct usage	 usage;
	bool		 has_usage;
};

static struct writer *
new_writer(struct arena *arena, const struct told *told, struct buf *out, bool streams)
{
	struct writer *w = arena_new_of(arena, struct writer);

	*w = (struct writer){ .arena = arena, .told = *told, .out = out, .streams = streams, .usage = USAGE_UNSAID };
	return (w);
}

struct writer *
completions_whole(struct arena *arena, const struct told *told, struct buf *out)
{
	return (new_writer(arena, told, out, false));
}

struct writer *
completions_stream(struct arena *arena, const struct told *told, struct buf *out)
{
	return (new_writer(arena, told, out, true));
}

static struct choice *
choice_of(struct writer *w, unsigned index)
{
	struct choice **at;

	if (index >= MOST_CHOICES)
		index = 0;
	for (at = &w->choices; *at != NULL; at = &(*at)->next)
		if ((*at)->index == index)
			return (*at);
	*at = arena_new_of(w->arena, struct choice);
	(*at)->index = index;
	return (*at);
}

/* A vendor's own id of this form is kept; a chat's is none. */
static void
take_id(struct writer *w, struct quoted vendor)
{
	struct text id = json_unescape(w->arena, vendor);

	w->id = text_starts(id, TEXT("cmpl-")) ? arena_copy(w->arena, id) : arena_print(w->arena, "cmpl-" TEXT_FMT, TEXT_ARG(w->told.id));
}

static struct quoted
finish_word(enum finish finish)
{
	switch (finish) {
	case FINISH_LENGTH:	return (QUOTED("length"));
	case FINISH_FILTER:	return (QUOTED("content_filter"));
	default:		return (QUOTED("stop"));
	}
}

static void
put_choice(struct json_out *o, unsigned index, struct quoted text, enum finish finish)
{
	json_open(o, '{');
	json_name(o, "text");
	json_put_quoted(o, text);
	json_name(o, "index");
	json_int(o, index);
	json_name(o, "logprobs");
	json_null(o);
	json_name(o, "finish_reason");
	if (finish != FINISH_NONE)
		json_put_quoted(o, finish_word(finish));
	else
		json_null(o);
	json_close(o, '}');
}

/* Whole answers. */

static void
put_body(struct writer *w)
{
	struct json_out o = { .to = w->out };

	chat_put_head(&o, &w->told, w->id, OBJECT);
	for (const struct choice *c = w->choices; c != NULL; c = c->next)
		put_choice(&o, c->index, (struct quoted){ c->text.at, c->text.len }, c->finish != FINISH_NONE ? c->finish : FINISH_STOP);
	json_close(&o, ']');
	chat_put_usage(&o, &w->usage);
	json_close(&o, '}');
}

/* Streams. */

static void
say(const struct writer *w, unsigned index, struct quoted text, enum finish finish)
{
	struct json_out o = { .to = w->out };

	buf_lit(w->out, "data: ");
	chat_put_head(&o, &w->told, w->id, OBJECT);
	put_choice(&o, index, text, finish);
	chat_close_chunk(&o, &w->told, NULL);
}

static void
say_usage(const struct writer *w)
{
	struct json_out o = { .to = w->out };

	buf_lit(w->out, "data: ");
	chat_put_head(&o, &w->told, w->id, OBJECT);
	chat_close_chunk(&o, &w->told, &w->usage);
}

void
completions_put_finish(struct buf *out, const struct told *told, struct text vendor_id, enum finish finish)
{
	struct writer w = { .told = *told, .out = out, .id = vendor_id };

	w.told.usage_asked = false;
	say(&w, 0, QUOTED(""), finish);
}

/* The hearer. */

static void
take_text(struct writer *w, struct choice *c, struct quoted text)
{
	if (!w->streams)
		arena_append(w->arena, &c->text, (struct text){ text.at, text.len });
	else if (quoted_join(w->arena, &c->half, &text))
		say(w, c->index, text, FINISH_NONE);
}

static void
take_finish(struct writer *w, struct choice *c, enum finish finish)
{
	c->finish = finish;
	if (w->streams)				/* a half that still waits will stay one */
		say(w, c->index, c->half.waits ? (struct quoted){ c->half.at, sizeof(c->half.at) } : QUOTED(""), finish);
}

static void
end(struct writer *w)
{
	if (!w->streams) {
		put_body(w);
		return;
	}
	if (w->has_usage && w->told.usage_asked)
		say_usage(w);
	buf_lit(w->out, "data: [DONE]\n\n");
}

void
completions_write(void *self, const struct event *e)
{
	struct writer *w = self;

	switch (e->kind) {
	case EVENT_START:
		take_id(w, e->id);
		break;
	case EVENT_TEXT:
	case EVENT_REFUSAL:
		take_text(w, choice_of(w, e->choice), e->text);
		break;
	case EVENT_FINISH:
		take_finish(w, choice_of(w, e->choice), e->finish);
		break;
	case EVENT_USAGE:
		w->usage = e->usage;
		w->has_usage = true;
		break;
	case EVENT_END:
		end(w);
		break;
	case EVENT_ERROR:
		if (w->streams)
			chat_error_event(w->out, e->error, &(struct failing){ .told = &w->told, .writer = w });
		else
			(void)chat_error_body(w->out, e->error, TEXT(""));
		break;
	default:
		break;
	}
}
