/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what the clients of the cases send into a folder, a file each, behind the byte that chooses their front. */
#include "base/text.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const clients[] = { "chat", "messages", "responses", "completions", "embeddings" };	/* as front.c has them */

static void
read_file(struct buf *text, const char *path)
{
	FILE *f = fopen(path, "rb");
	char block[4096];
	size_t n;

	if (f == NULL)
		exit(1);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(text, block, n);
	fclose(f);
}

/* The section `client` of a case. */
static struct text
body_of(struct text kase)
{
	static const char title[] = "\n== client\n";
	const char *from = memmem(kase.at, kase.len, title, sizeof(title) - 1), *to;

	if (from == NULL)
		return (TEXT(""));
	from += sizeof(title) - 1;
	kase = (struct text){ from, (size_t)(kase.at + kase.len - from) };
	to = memmem(kase.at, kase.len, "\n== ", 4);
	return (to != NULL ? (struct text){ from, (size_t)(to - from) } : kase);
}

static void
write_seed(const char *folder, const char *client, unsigned front, unsigned nth, struct text body)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s-%03u", folder, client, nth);
	f = fopen(path, "wb");
	if (f == NULL)
		exit(1);
	fputc((int)front, f);
	fwrite(body.at, 1, body.len, f);
	if (fclose(f) != 0)
		exit(1);
}

static void
write_seeds(const char *top, const char *folder, unsigned front)
{
	char pattern[512];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/tests/cases/%s-*/*.case", top, clients[front]);
	if (glob(pattern, 0, NULL, &found) != 0)
		exit(1);
	for (unsigned i = 0; i < found.gl_pathc; i++) {
		struct buf kase = { 0 };

		read_file(&kase, found.gl_pathv[i]);
		write_seed(folder, clients[front], front, i, body_of(buf_as_text(&kase)));
		buf_free(&kase);
	}
	globfree(&found);
}

int
main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir");

	if (argc != 2 || top == NULL) {
		fprintf(stderr, "usage: top_srcdir=FOLDER front_seeds FOLDER\n");
		return (1);
	}
	for (unsigned front = 0; front < nitems(clients); front++)
		write_seeds(top, argv[1], front);
	return (0);
}
