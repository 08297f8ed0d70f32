/* SPDX-License-Identifier: Apache-2.0 */
/* libmemcached's functions, found by name. */
#include "store/libmemcached.h"

#include "base/log.h"
#include "base/text.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

#define SONAME	"libmemcached.so.11"

struct libmemcached libmemcached;

static bool loaded;

static const struct {
	const char	*name;
	size_t		 at;
} functions[] = {
#define ROW(name)	{ "memcached_" #name, offsetof(struct libmemcached, name) },
	LIBMEMCACHED_FUNCTIONS(ROW)
};

static void
load(void)
{
	void *library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; library != NULL && i < nitems(functions); i++) {
		void *found = dlsym(library, functions[i].name);

		if (found == NULL)
			library = NULL;
		*(void **)((char *)&libmemcached + functions[i].at) = found;
	}
	if (library == NULL)
		note(NOTE_ERROR, "", "libmemcached can not be loaded: %s", dlerror());
	loaded = library != NULL;
}

bool
libmemcached_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return (loaded);
}
