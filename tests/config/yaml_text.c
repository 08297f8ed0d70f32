/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations written inside a test. */
#include "yaml_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEY	"sk-a-key-nobody-published"

static char folder[64];
static char files[32][160];
static size_t n_files;

static void
clean_up(void)
{
	for (size_t i = 0; i < n_files; i++)
		unlink(files[i]);
	rmdir(folder);
}

int
clean_env(void **state)
{
	const char *keep[] = { "top_srcdir", "PATH", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS" };
	char *value[nitems(keep)];

	(void)state;
	for (size_t i = 0; i < nitems(keep); i++)
		value[i] = getenv(keep[i]) != NULL ? strdup(getenv(keep[i])) : NULL;
	clearenv();
	for (size_t i = 0; i < nitems(keep); i++) {
		if (value[i] != NULL)
			setenv(keep[i], value[i], 1);
		free(value[i]);
	}
	setenv("LITELLM_MASTER_KEY", KEY, 1);
	return (0);
}

const char *
temp_path(const char *name)
{
	static char path[160];

	if (folder[0] == '\0') {
		snprintf(folder, sizeof(folder), "/tmp/sluice-config-XXXXXX");
		if (mkdtemp(folder) == NULL)
			abort();
		atexit(clean_up);
	}
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return (path);
}

static void
remember(const char *path)
{
	for (size_t i = 0; i < n_files; i++)
		if (strcmp(files[i], path) == 0)
			return;
	if (n_files == nitems(files))
		abort();
	snprintf(files[n_files++], sizeof(files[0]), "%s", path);
}

void
write_file(const char *name, const char *text)
{
	const char *path = temp_path(name);
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
	remember(path);
}

struct config *
load_text(const char *yaml)
{
	write_file("config.yaml", yaml);
	return (config_load(temp_path("config.yaml")));
}

struct config *
load_params(const char *params)
{
	struct buf b = { 0 };
	struct config *c;

	buf_print(&b, "model_list:\n  - model_name: m\n    litellm_params:\n%s", params);
	buf_byte(&b, '\0');
	c = load_text(b.at);
	buf_free(&b);
	return (c);
}

bool
says(const struct config *c, enum problem_level level, unsigned line, const char *words)
{
	for (const struct problem *p = c->problems; p != NULL; p = p->next)
		if (p->level == level && (line == 0 || p->line == line) && text_has(p->message, text_of(words)))
			return (true);
	return (false);
}

const char *
talk(const struct config *c)
{
	static struct buf b;

	buf_free(&b);
	problems_print(&b, c);
	buf_byte(&b, '\0');
	return (b.at);
}

const char *
text_string(struct text t)
{
	static char room[8][4096];
	static unsigned at;
	char *s = room[at++ % 8];

	snprintf(s, sizeof(room[0]), "%.*s", (int)t.len, t.at);
	return (s);
}
