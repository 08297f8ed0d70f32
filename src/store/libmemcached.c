/* SPDX-License-Identifier: Apache-2.0 */
/* libmemcached's functions, found by name. */
#include "store/libmemcached.h"

#include "base/library.h"
#include "base/text.h"

struct libmemcached libmemcached;

static const struct library_function functions[] = {
#define ROW(name)	{ "memcached_" #name, offsetof(struct libmemcached, name) },
	LIBMEMCACHED_FUNCTIONS(ROW)
};

bool
libmemcached_load(void)
{
	static struct library library = { .file = "libmemcached.so.11", .functions = functions, .n = nitems(functions), .table = &libmemcached,
	    .mutex = PTHREAD_MUTEX_INITIALIZER };

	return (library_load(&library));
}
