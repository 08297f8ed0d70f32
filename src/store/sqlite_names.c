/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's functions, found by name. */
#include "store/sqlite.h"

#include "base/log.h"
#include "base/text.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

#define SONAME	"libsqlite3.so.0"

struct libsqlite libsqlite;

static bool loaded;

static const struct {
	const char	*name;
	size_t		 at;
} functions[] = {
#define ROW(name)	{ "sqlite3_" #name, offsetof(struct libsqlite, name) },
	LIBSQLITE_FUNCTIONS(ROW)
};

static void
load(void)
{
	void *library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; library != NULL && i < nitems(functions); i++) {
		void *found = dlsym(library, functions[i].name);

		if (found == NULL)
			library = NULL;
		*(void **)((char *)&libsqlite + functions[i].at) = found;
	}
	if (library == NULL)
		note(NOTE_ERROR, "", "SQLite can not be loaded: %s", dlerror());
	loaded = library != NULL;
}

bool
libsqlite_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return (loaded);
}
