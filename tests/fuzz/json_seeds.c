/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the texts of the JSON corpus into a folder, a file each. */
#include "base/json_corpus.h"

static bool
write_table(const char *table, const char *folder)
{
	FILE *f = corpus_open(table);
	struct buf text = { 0 };
	char name[128];

	if (f == NULL)
		return (false);
	for (unsigned i = 0; corpus_next(f, name, &text); i++) {
		struct buf path = { 0 };
		FILE *to;

		buf_print(&path, "%s/%s-%03u%c", folder, table, i, '\0');
		to = fopen(path.at, "w");
		buf_free(&path);
		if (to == NULL)
			return (false);
		if (text.len > 0)
			fwrite(text.at, 1, text.len, to);
		if (fclose(to) != 0)
			return (false);
	}
	buf_free(&text);
	fclose(f);
	return (true);
}

int
main(int argc, char **argv)
{
	if (argc != 2 || !write_table("accept", argv[1]) || !write_table("reject", argv[1])) {
		fprintf(stderr, "usage: json_seeds FOLDER\n");
		return (1);
	}
	return (0);
}
