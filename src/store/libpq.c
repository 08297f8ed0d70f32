/* SPDX-License-Identifier: Apache-2.0 */
/* libpq's functions, found by name. */
#include "store/libpq.h"

#include "base/library.h"
#include "base/text.h"

struct libpq libpq;

static const struct library_function functions[] = {
#define ROW(name)	{ "PQ" #name, offsetof(struct libpq, name) },
	LIBPQ_FUNCTIONS(ROW)
};

bool
libpq_load(void)
{
	static struct library library = { .file = "libpq.so.5", .functions = functions, .n = nitems(functions), .table = &libpq,
	    .mutex = PTHREAD_MUTEX_INITIALIZER };

	return (library_load(&library));
}
