/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main file and what it includes, merged as LiteLLM merges them: lists grow, everything else is replaced as a whole.
 *
 * Paths are relative to the main file's folder, in files that are included too.
 */
#include "config/config_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool
file_slurp(struct buf *b, const char *path, size_t most, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n = 0;

	*why = NULL;
	if (fd < 0 || fstat(fd, &st) < 0)
		*why = strerror(errno);
	else if (S_ISDIR(st.st_mode))
		*why = "is a folder";
	else if (!S_ISREG(st.st_mode))
		*why = "is not a file";
	while (*why == NULL) {
		buf_reserve(b, 16384);
		n = read(fd, b->at + b->len, b->cap - b->len);
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		b->len += n > 0 ? (size_t)n : 0;
		if (b->len > most)
			*why = "is too large";
	}
	if (*why == NULL && n < 0)
		*why = strerror(errno);
	if (fd >= 0)
		close(fd);
	return (*why == NULL);
}

static struct text
real_path(struct load *l, const char *path)
{
	char *real = realpath(path, NULL);
	struct text t = arena_copy(l->scratch, text_of(real != NULL ? real : path));

	free(real);
	return (t);
}

/* NULL: not read, and said why. */
static struct node *
read_one(struct load *l, struct text path, const struct node *asked)
{
	struct source *s = &l->sources[l->n_sources++];
	struct buf bytes = { 0 };
	const char *why;
	struct node *root = NULL;

	*s = (struct source){ .name = path, .real = real_path(l, path.at) };
	if (asked == NULL && l->given.at != NULL)
		root = yaml_read(l, s, l->given);
	else if (!file_slurp(&bytes, path.at, FILE_BYTES_MOST, &why)) {
		if (asked != NULL)
			problem(l, PROBLEM_ERROR, asked, "cannot include " TEXT_FMT ": %s", TEXT_ARG(path), why);
		else
			problem_at(l, PROBLEM_ERROR, s, 0, "cannot read it: %s", why);
		l->config->unreadable = l->config->unreadable || asked == NULL;
		l->broken = true;
	} else
		root = yaml_read(l, s, buf_as_text(&bytes));
	buf_free(&bytes);
	if (root != NULL && root->kind != NODE_MAP) {
		if (!node_is_null(root)) {
			problem_at(l, PROBLEM_ERROR, s, root->line, "the file must be a map of sections, such as model_list:");
			l->broken = true;
		}
		root = NULL;
	}
	return (root);
}

static void
extend(struct node *list, const struct node *more)
{
	struct pair **tail = &list->first;

	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = more->first;
	list->n += more->n;
}

static void
merge(struct load *l, struct node *root, struct node *more)
{
	struct pair **tail = &root->first, *next;

	while (*tail != NULL)
		tail = &(*tail)->next;
	for (struct pair *p = more->first; p != NULL; p = next) {
		struct pair *old = (struct pair *)node_pair(root, arena_copy(l->scratch, p->key).at);
		next = p->next;
		p->value->parent = root;
		if (old == NULL) {
			p->next = NULL;
			*tail = p;
			tail = &p->next;
			root->n++;
		} else if (old->value->kind == NODE_LIST && p->value->kind == NODE_LIST)
			extend(old->value, p->value);
		else {
			problem_key(l, PROBLEM_WARNING, more, p, "this replaces " TEXT_FMT " of " TEXT_FMT ", line %u, as a whole",
			    TEXT_ARG(p->key),
			    TEXT_ARG(old->value->source->name), old->line);
			old->value = p->value;
		}
	}
}

static struct text
beside(struct load *l, struct text main, struct text path)
{
	size_t n = main.len;

	while (n > 0 && main.at[n - 1] != '/')
		n--;
	if (n == 0 || path.at[0] == '/')
		return (arena_copy(l->scratch, path));
	return (arena_print(l->scratch, TEXT_FMT TEXT_FMT, (int)n, main.at, TEXT_ARG(path)));
}

static bool
was_read(const struct load *l, struct text real)
{
	for (unsigned i = 0; i < l->n_sources; i++)
		if (text_eq(l->sources[i].real, real))
			return (true);
	return (false);
}

static void
include_one(struct load *l, struct node *root, struct node *item)
{
	struct text name, path;
	struct node *more;

	if (!want_text(l, item, &name) || name.len == 0)
		return;
	path = beside(l, l->sources[0].name, name);
	if (l->n_sources == FILES_MOST)
		problem(l, PROBLEM_ERROR, item, "more than %d files", FILES_MOST);
	else if (was_read(l, real_path(l, path.at)))
		problem(l, PROBLEM_WARNING, item, TEXT_FMT " was read already", TEXT_ARG(name));
	else if ((more = read_one(l, path, item)) != NULL)
		merge(l, root, more);
}

struct node *
files_read(struct load *l, const char *path)
{
	struct node *root = read_one(l, arena_copy(l->scratch, text_of(path)), NULL), *include;

	if (root == NULL)
		return (NULL);
	include = node_get(root, "include");
	if (include != NULL && include->kind == NODE_SCALAR)
		problem(l, PROBLEM_ERROR, include, "include must be a list of paths");
	else if (want_kind(l, include, NODE_LIST))
		/* The list may grow while it is walked: an included file's own `include` extends it. */
		for (struct pair *p = include->first; p != NULL && l->n_sources <= FILES_MOST; p = p->next)
			include_one(l, root, p->value);
	return (root);
}
