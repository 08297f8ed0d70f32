/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request as it leaves: the client's text with edits, read piece by piece so that a large one is never copied whole. */
#include "upstream/upstream_priv.h"

size_t
walker_length(const struct walker *w)
{
	size_t n = w->body.len;

	for (size_t i = 0; i < w->n_edits; i++)
		n += w->edits[i].with.len - (w->edits[i].to - w->edits[i].from);
	return (n);
}

void
walker_rewind(struct walker *w)
{
	w->edit = 0;
	w->from = 0;
	w->inside = 0;
}

/* The bytes that come next in one piece; empty at the end. */
static struct text
piece(struct walker *w)
{
	for (;;) {
		const struct json_edit *e = w->edit < w->n_edits ? &w->edits[w->edit] : NULL;
		size_t upto = e != NULL ? e->from : w->body.len;

		if (w->from < upto)
			return (text_sub(w->body, w->from, upto));
		if (e == NULL)
			return ((struct text){ "", 0 });
		if (w->inside < e->with.len)
			return (text_sub(e->with, w->inside, e->with.len));
		w->from = e->to;
		w->inside = 0;
		w->edit++;
	}
}

static void
advance(struct walker *w, size_t n)
{
	if (w->edit < w->n_edits && w->from == w->edits[w->edit].from)
		w->inside += n;
	else
		w->from += n;
}

size_t
walker_read(struct walker *w, char *to, size_t room)
{
	size_t n = 0;

	while (n < room) {
		struct text t = piece(w);
		size_t take = t.len < room - n ? t.len : room - n;

		if (take == 0)
			break;
		memcpy(to + n, t.at, take);
		n += take;
		advance(w, take);
	}
	return (n);
}

void
walker_skip(struct walker *w, size_t n)
{
	while (n > 0) {
		struct text t = piece(w);
		size_t take = t.len < n ? t.len : n;

		if (take == 0)
			return;
		n -= take;
		advance(w, take);
	}
}

unsigned
walker_pieces(const struct walker *from, struct iovec *iov, unsigned room)
{
	struct walker w = *from;
	unsigned n = 0;

	while (n < room) {
		struct text t = piece(&w);

		if (t.len == 0)
			break;
		iov[n++] = (struct iovec){ (void *)(uintptr_t)t.at, t.len };
		advance(&w, t.len);
	}
	return (n);
}

bool
walker_done(const struct walker *w)
{
	struct iovec unused;

	return (walker_pieces(w, &unused, 1) == 0);
}
