/* SPDX-License-Identifier: Apache-2.0 */
/* A library's functions, found by name. */
#include "base/library.h"

#include "base/log.h"

#include <dlfcn.h>

static bool
load(struct library *l)
{
	void *library = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; library != NULL && i < l->n; i++) {
		void *found = dlsym(library, l->functions[i].name);

		if (found == NULL)
			library = NULL;
		*(void **)((char *)l->table + l->functions[i].at) = found;
	}
	if (library == NULL)
		note(NOTE_ERROR, "", "%s can not be loaded: %s", l->file, dlerror());
	return (library != NULL);
}

bool
library_load(struct library *l)
{
	pthread_mutex_lock(&l->mutex);
	if (!l->tried)
		l->loaded = load(l);
	l->tried = true;
	pthread_mutex_unlock(&l->mutex);
	return (l->loaded);
}
