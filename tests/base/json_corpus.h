/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the tables of json_corpus: one text after the other, its bytes decoded. */
#ifndef TESTS_JSON_CORPUS_H
#define TESTS_JSON_CORPUS_H

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

static inline FILE *
corpus_open(const char *table)
{
	const char *top = getenv("top_srcdir");
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/base/json_corpus/%s", top != NULL ? top : ".", table);
	return (fopen(path, "r"));
}

/* false: no further text. */
static inline bool
corpus_next(FILE *table, char name[128], struct buf *text)
{
	char line[4096], *tab;
	unsigned byte;

	text->len = 0;
	while (fgets(line, sizeof(line), table) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || (tab = strchr(line, '\t')) == NULL)
			continue;
		*tab = '\0';
		snprintf(name, 128, "%.127s", line);
		for (const char *p = tab + 1; *p != '\0'; p++)
			if (*p == '%' && sscanf(p + 1, "%2x", &byte) == 1) {
				buf_byte(text, (char)byte);
				p += 2;
			} else
				buf_byte(text, *p);
		return (true);
	}
	return (false);
}

#endif
