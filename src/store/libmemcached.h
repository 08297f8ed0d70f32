/* SPDX-License-Identifier: Apache-2.0 */
/* libmemcached, loaded with the first question: it brings a C++ runtime with it, which a worker without memcached shall not pay for. */
#ifndef STORE_LIBMEMCACHED_H
#define STORE_LIBMEMCACHED_H

#include <libmemcached/memcached.h>
#include <stdbool.h>

#define LIBMEMCACHED_FUNCTIONS(row)							\
	row(create) row(free) row(behavior_set) row(server_add) row(server_add_unix_socket)	\
	row(increment) row(decrement) row(add) row(version) row(mget) row(fetch_result)	\
	row(result_value) row(result_length) row(result_cas) row(result_free) row(cas)

struct libmemcached {
#define LIBMEMCACHED_POINTER(name)	__typeof__(&memcached_##name) name;
	LIBMEMCACHED_FUNCTIONS(LIBMEMCACHED_POINTER)
#undef LIBMEMCACHED_POINTER
};

extern struct libmemcached libmemcached;

bool	libmemcached_load(void);	/* from any thread; false: it is not there, and said so.  Stays loaded */

#endif
