/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl, loaded with the first call that needs it.
 *
 * It brings thirty libraries with it: half the time in which a process starts and answers, which a CGI program pays for with each request, and a megabyte
 * of each worker. Calls to plain http need none of it. What is not in the table can not be called: a name that is missing here does not link.
 */
#ifndef UPSTREAM_LIBCURL_H
#define UPSTREAM_LIBCURL_H

#include <curl/curl.h>
#include <stdbool.h>

#define LIBCURL_FUNCTIONS(row)									\
	row(easy_cleanup) row(easy_getinfo) row(easy_init) row(easy_pause) row(easy_perform) row(easy_setopt) row(easy_strerror) \
	row(global_cleanup) row(global_init)							\
	row(multi_add_handle) row(multi_cleanup) row(multi_info_read) row(multi_init)		\
	row(multi_remove_handle) row(multi_setopt) row(multi_socket_action)			\
	row(share_cleanup) row(share_init) row(share_setopt)					\
	row(slist_append) row(slist_free_all)

struct libcurl {
#define LIBCURL_POINTER(name)	__typeof__(&curl_##name) name;
	LIBCURL_FUNCTIONS(LIBCURL_POINTER)
#undef LIBCURL_POINTER
};

extern struct libcurl libcurl;

bool	libcurl_load(void);		/* false: it is not there, and said so.  Stays loaded */

#endif
