/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's functions, found by name. */
#include "upstream/libcurl.h"

#include "base/log.h"
#include "base/text.h"

#include <dlfcn.h>
#include <stddef.h>

#define SONAME	"libcurl.so.4"

struct libcurl libcurl;

static const struct {
	const char	*name;
	size_t		 at;
} functions[] = {
#define ROW(name)	{ "curl_" #name, offsetof(struct libcurl, name) },
	LIBCURL_FUNCTIONS(ROW)
};

bool
libcurl_load(void)
{
	void *library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; library != NULL && i < nitems(functions); i++) {
		void *found = dlsym(library, functions[i].name);

		if (found == NULL)
			library = NULL;
		*(void **)((char *)&libcurl + functions[i].at) = found;
	}
	if (library == NULL)
		note(NOTE_ERROR, "", "libcurl can not be loaded: %s", dlerror());
	return (library != NULL);
}
