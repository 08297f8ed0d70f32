/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One YAML file into a tree of nodes, with lines, anchors and merge keys.
 *
 * libyaml's events, not its documents: an alias is a second way to the same node, so a file of aliases to aliases costs nothing to
 * read, and what it would be when written out (`weight`) is known before anybody walks it. An anchor counts only once its node is
 * complete, so there are no circles.
 */
#include "config/config_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#define ANCHOR_BUCKETS	256
#define TAG_PREFIX	"tag:yaml.org,2002:"

struct anchor {
	struct text	 name;
	struct node	*node;
	bool		 complete;
	struct anchor	*next;
};

struct frame {				/* a list or map whose end has not come */
	struct node	*node;
	struct pair	**tail;
	struct anchor	*anchor;	/* completed at its end */
	bool		 has_key;
	struct text	 key;
	unsigned	 key_line;
	bool		 key_plain;
};

struct reader {
	struct load	*load;
	const struct source *source;
	yaml_parser_t	 parser;
	struct frame	 stack[DEPTH_MOST];
	unsigned	 depth;
	unsigned	 nodes, anchors, documents;
	struct anchor	*bucket[ANCHOR_BUCKETS];
	struct node	*root;
	bool		 failed;
};

static unsigned
line_of(const yaml_event_t *e)
{
	return ((unsigned)e->start_mark.line + 1);
}

static void
fail(struct reader *r, unsigned line, const char *what)
{
	if (!r->failed)
		problem_at(r->load, PROBLEM_ERROR, r->source, line, "%s", what);
	r->failed = true;
}

static struct text
copy(struct reader *r, const yaml_char_t *at, size_t len)
{
	return (arena_copy(r->load->scratch, (struct text){ (const char *)at, len }));
}

static struct anchor *
anchor_find(struct reader *r, struct text name)
{
	for (struct anchor *a = r->bucket[text_hash(name) % ANCHOR_BUCKETS]; a != NULL; a = a->next)
		if (text_eq(a->name, name))
			return (a);
	return (NULL);
}

/* The newest anchor of a name wins, from where it stands. */
static struct anchor *
anchor_add(struct reader *r, const yaml_char_t *name, struct node *node)
{
	struct anchor *a;
	size_t at;

	if (name == NULL)
		return (NULL);
	if (++r->anchors > ANCHORS_MOST) {
		fail(r, node->line, "too many anchors");
		return (NULL);
	}
	a = arena_new_of(r->load->scratch, struct anchor);
	a->name = copy(r, name, strlen((const char *)name));
	a->node = node;
	at = text_hash(a->name) % ANCHOR_BUCKETS;
	a->next = r->bucket[at];
	r->bucket[at] = a;
	return (a);
}

static struct node *
node_new(struct reader *r, enum node_kind kind, unsigned line)
{
	struct node *n;

	if (++r->nodes > NODES_MOST)
		fail(r, line, "the file has too many values");
	n = arena_new_of(r->load->scratch, struct node);
	n->kind = kind;
	n->line = line;
	n->source = r->source;
	n->weight = 1;
	return (n);
}

static void
weigh(struct reader *r, struct node *n, const struct node *child, unsigned line)
{
	n->weight += child->weight;
	if (child->height >= n->height)
		n->height = child->height + 1;
	if (n->height > DEPTH_MOST)
		fail(r, line, "nested too deep");
	if (n->weight > EXPANDED_MOST) {
		n->weight = EXPANDED_MOST;
		fail(r, line, "aliases make the file too large when they are written out");
	}
}

static struct pair *
pair_new(struct reader *r, struct text key, unsigned line, struct node *value)
{
	struct pair *p = arena_new_of(r->load->scratch, struct pair);

	p->key = key;
	p->line = line;
	p->value = value;
	return (p);
}

/* A complete value, or one that begins, takes its place in what holds it. */
static void
place(struct reader *r, struct node *n, unsigned line, bool alias)
{
	struct frame *f;
	struct pair *p;

	if (r->depth == 0) {
		r->root = n;
		return;
	}
	f = &r->stack[r->depth - 1];
	p = pair_new(r, f->key, f->node->kind == NODE_MAP ? f->key_line : line, n);
	if (f->node->kind == NODE_LIST)
		p->key = arena_print(r->load->scratch, "[%zu]", f->node->n);
	if (!alias) {
		n->parent = f->node;
		n->name = p->key;
	}
	*f->tail = p;
	f->tail = &p->next;
	f->node->n++;
	f->has_key = false;
	weigh(r, f->node, n, line);
}

/* In a map every other value is a key. */
static bool
wants_key(const struct reader *r)
{
	return (r->depth > 0 && r->stack[r->depth - 1].node->kind == NODE_MAP && !r->stack[r->depth - 1].has_key);
}

static void
take_key(struct reader *r, struct text key, unsigned line, bool plain)
{
	struct frame *f = &r->stack[r->depth - 1];

	f->key = key;
	f->key_line = line;
	f->key_plain = plain;
	f->has_key = true;
	/* A merge key is marked by a byte no YAML text can hold, so that a quoted "<<" stays an ordinary key. */
	if (plain && text_is(key, "<<"))
		f->key = TEXT("\x01<<");
}

static bool
tag_known(struct reader *r, const yaml_char_t *tag, unsigned line, bool *plain)
{
	static const char *const known[] = { "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value" };
	const char *t = (const char *)tag;

	if (t == NULL || strcmp(t, "!") == 0)
		return (true);
	if (strncmp(t, TAG_PREFIX, strlen(TAG_PREFIX)) == 0) {
		t += strlen(TAG_PREFIX);
		if (strcmp(t, "str") == 0) {
			*plain = false;
			return (true);
		}
		for (size_t i = 0; i < nitems(known); i++)
			if (strcmp(t, known[i]) == 0) {
				*plain = true;
				return (true);
			}
	}
	fail(r, line, "a tag of this kind is not understood; remove it");
	return (false);
}

static void
on_scalar(struct reader *r, const yaml_event_t *e)
{
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct text text = copy(r, e->data.scalar.value, e->data.scalar.length);
	unsigned line = line_of(e);
	struct node *n;

	if (!tag_known(r, e->data.scalar.tag, line, &plain))
		return;
	n = node_new(r, NODE_SCALAR, line);
	n->plain = plain;
	n->text = text;
	n->weight += (uint32_t)(text.len / 16);
	if (e->data.scalar.anchor != NULL) {
		struct anchor *a = anchor_add(r, e->data.scalar.anchor, n);
		if (a != NULL)
			a->complete = true;
	}
	if (wants_key(r))
		take_key(r, text, line, plain);
	else
		place(r, n, line, false);
}

static void
on_alias(struct reader *r, const yaml_event_t *e)
{
	struct text name = text_of((const char *)e->data.alias.anchor);
	struct anchor *a = anchor_find(r, name);
	unsigned line = line_of(e);

	if (a == NULL) {
		problem_at(r->load, PROBLEM_ERROR, r->source, line,
		    "there is no anchor &" TEXT_FMT " before this alias; a name that begins with a star "
		    "must be in quotes: \"*" TEXT_FMT "\"", TEXT_ARG(name), TEXT_ARG(name));
		r->failed = true;
	} else if (!a->complete)
		fail(r, line, "an alias inside its own anchor");
	else if (wants_key(r)) {
		if (a->node->kind == NODE_SCALAR)
			take_key(r, a->node->text, line, false);
		else
			fail(r, line, "a key must be a plain value");
	} else
		place(r, a->node, line, true);
}

static void
on_open(struct reader *r, const yaml_event_t *e, enum node_kind kind, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	unsigned line = line_of(e);
	struct frame *f;
	struct node *n;
	bool plain;

	if (!tag_known(r, tag, line, &plain))
		return;
	if (wants_key(r)) {
		fail(r, line, "a key must be a plain value");
		return;
	}
	if (r->depth == DEPTH_MOST) {
		fail(r, line, "nested too deep");
		return;
	}
	n = node_new(r, kind, line);
	f = &r->stack[r->depth];
	*f = (struct frame){ .node = n, .tail = &n->first, .anchor = anchor_add(r, anchor, n) };
	r->depth++;
}

struct placed {				/* a member on its way into order */
	struct pair	*pair;
	size_t		 at;
	bool		 own;		/* written in this map, not merged into it */
};

static int
by_key_then_place(const void *a, const void *b)
{
	const struct placed *p = a, *q = b;
	struct text s = p->pair->key, t = q->pair->key;
	size_t n = s.len < t.len ? s.len : t.len;
	int c = n > 0 ? memcmp(s.at, t.at, n) : 0;

	if (c == 0 && s.len != t.len)
		c = s.len < t.len ? -1 : 1;
	return (c != 0 ? c : p->at < q->at ? -1 : 1);
}

static void
say_twice(struct reader *r, const struct pair *first, const struct pair *later)
{
	problem_at(r->load, PROBLEM_WARNING, r->source, later->line,
	    "\"" TEXT_FMT "\" is given twice, on line %u and on line %u; the last one counts",
	    TEXT_ARG(later->key), first->line, later->line);
}

/*
 * One member a key: the last value, at the first one's place, as a Python dictionary has it. Two that were written in the same map are
 * worth a warning; one that overrides what was merged in is what merging is for.
 */
static void
unify(struct reader *r, struct node *map, const struct pair *own)
{
	struct placed *all = must_alloc((map->n + 1) * sizeof(*all));
	struct pair **order = must_zalloc((map->n + 1) * sizeof(*order)), **tail = &map->first;
	size_t n = 0, end;
	bool is_own = false;

	for (struct pair *p = map->first; p != NULL; p = p->next, n++) {
		is_own = is_own || p == own;
		all[n] = (struct placed){ p, n, is_own };
	}
	qsort(all, n, sizeof(*all), by_key_then_place);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && text_eq(all[i].pair->key, all[end].pair->key); end++)
			if (all[end - 1].own && all[end].own)
				say_twice(r, all[end - 1].pair, all[end].pair);
		order[all[i].at] = all[end - 1].pair;
	}
	map->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (order[i] == NULL)
			continue;
		*tail = order[i];
		tail = &order[i]->next;
		map->n++;
	}
	*tail = NULL;
	free(all);
	free(order);
}

/* Members of a merged map go before the map's own; returns where to go on. */
static struct pair **
merge_one(struct reader *r, struct node *map, struct pair **tail, const struct node *from, unsigned line)
{
	if (from->kind != NODE_MAP) {
		fail(r, line, "<< takes a map, or a list of maps");
		return (tail);
	}
	for (const struct pair *p = from->first; p != NULL && !r->failed; p = p->next) {
		*tail = pair_new(r, p->key, p->line, p->value);
		tail = &(*tail)->next;
		map->n++;
		r->nodes++;
		weigh(r, map, p->value, line);
		if (r->nodes > EXPANDED_MOST)
			fail(r, line, "merge keys make the file too large");
	}
	return (tail);
}

static struct pair **
merge_list(struct reader *r, struct node *map, struct pair **tail, const struct node *list, unsigned line)
{
	const struct node *at[DEPTH_MOST];
	size_t n = 0;

	for (const struct pair *p = list->first; p != NULL; p = p->next) {
		if (n == nitems(at)) {
			fail(r, line, "<< merges too many maps");
			return (tail);
		}
		at[n++] = p->value;
	}
	while (n > 0)		/* an earlier map of the list wins, so it comes last */
		tail = merge_one(r, map, tail, at[--n], line);
	return (tail);
}

static void
close_map(struct reader *r, struct node *map)
{
	struct pair *own = map->first, **own_tail = &own, *merged = NULL, **tail = &merged, *next;
	bool any = false;

	for (struct pair *p = map->first; p != NULL; p = next) {
		next = p->next;
		if (!text_is(p->key, "\x01<<")) {
			*own_tail = p;
			own_tail = &p->next;
			continue;
		}
		any = true;
		map->n--;
		tail = p->value->kind == NODE_LIST ? merge_list(r, map, tail, p->value, p->line) :
		    merge_one(r, map, tail, p->value, p->line);
	}
	*own_tail = NULL;
	*tail = own;
	if (any)
		map->first = merged;
	else
		map->first = own;
	if (!r->failed)
		unify(r, map, own);
}

static void
on_close(struct reader *r, const yaml_event_t *e)
{
	struct frame f = r->stack[--r->depth];

	if (f.node->kind == NODE_MAP)
		close_map(r, f.node);
	if (f.anchor != NULL)
		f.anchor->complete = true;
	if (!r->failed)
		place(r, f.node, f.node->line, false);
}

static void
on_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++r->documents > 1)
			fail(r, line_of(e), "a second document begins here (---); there may be one only");
		break;
	case YAML_SCALAR_EVENT:
		on_scalar(r, e);
		break;
	case YAML_ALIAS_EVENT:
		on_alias(r, e);
		break;
	case YAML_SEQUENCE_START_EVENT:
		on_open(r, e, NODE_LIST, e->data.sequence_start.anchor, e->data.sequence_start.tag);
		break;
	case YAML_MAPPING_START_EVENT:
		on_open(r, e, NODE_MAP, e->data.mapping_start.anchor, e->data.mapping_start.tag);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_close(r, e);
		break;
	default:
		break;
	}
}

static void
say_syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *context = p->context != NULL ? p->context : "", *what = p->problem != NULL ? p->problem : "unreadable";
	unsigned line = (unsigned)p->problem_mark.line + 1;
	const char *advice = "";

	if (strstr(context, "alias") != NULL)
		advice = "; a value that begins with a star must be in quotes: \"*\"";
	else if (strstr(what, "cannot start any token") != NULL)
		advice = "; tabs may not indent, and values that begin with a special character must be in quotes";
	problem_at(r->load, PROBLEM_ERROR, r->source, line, "not YAML: %s%s%s%s", context, context[0] != '\0' ? ", " : "", what, advice);
	r->failed = true;
}

static void
read_events(struct reader *r)
{
	yaml_event_t e;
	bool end = false;

	while (!end && !r->failed) {
		if (!yaml_parser_parse(&r->parser, &e)) {
			say_syntax(r);
			return;
		}
		end = e.type == YAML_STREAM_END_EVENT;
		on_event(r, &e);
		yaml_event_delete(&e);
	}
}

struct node *
yaml_read(struct load *l, const struct source *source, struct text bytes)
{
	struct reader *r = must_zalloc(sizeof(*r));
	struct node *root;

	r->load = l;
	r->source = source;
	if (!yaml_parser_initialize(&r->parser))
		abort();		/* out of memory */
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)bytes.at, bytes.len);
	read_events(r);
	yaml_parser_delete(&r->parser);
	root = r->failed ? NULL : r->root;
	l->broken = l->broken || r->failed;
	free(r);
	return (root);
}
