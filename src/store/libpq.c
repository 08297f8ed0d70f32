/* SPDX-License-Identifier: Apache-2.0 */
/* libpq's functions, found by name. */
#include "store/libpq.h"

#include "base/log.h"
#include "base/text.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

#define SONAME	"libpq.so.5"

struct libpq libpq;

static bool loaded;

static const struct {
	const char	*name;
	size_t		 at;
} functions[] = {
#define ROW(name)	{ "PQ" #name, offsetof(struct libpq, name) },
	LIBPQ_FUNCTIONS(ROW)
};

static void
load(void)
{
	void *library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; library != NULL && i < nitems(functions); i++) {
		void *found = dlsym(library, functions[i].name);

		if (found == NULL)
			library = NULL;
		*(void **)((char *)&libpq + functions[i].at) = found;
	}
	if (library == NULL)
		note(NOTE_ERROR, "", "libpq can not be loaded: %s", dlerror());
	loaded = library != NULL;
}

bool
libpq_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return (loaded);
}
