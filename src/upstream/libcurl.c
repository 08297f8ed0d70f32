/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's functions, found by name. */
#include "upstream/libcurl.h"

#include "base/library.h"
#include "base/text.h"

struct libcurl libcurl;

static const struct library_function functions[] = {
#define ROW(name)	{ "curl_" #name, offsetof(struct libcurl, name) },
	LIBCURL_FUNCTIONS(ROW)
};

bool
libcurl_load(void)
{
	static struct library library = { .file = "libcurl.so.4", .functions = functions, .n = nitems(functions), .table = &libcurl,
	    .mutex = PTHREAD_MUTEX_INITIALIZER };

	return (library_load(&library));
}
