/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries that are loaded when they are needed: what they bring along costs memory and milliseconds of every process that needs them not.
 *
 * A library has a table of pointers, one for each function that is used, and a list of rows that says where each goes.  A name that is not in it can not
 * be called.
 */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct library_function {
	const char	*name;
	size_t		 at;		/* in the table */
};

struct library {
	const char	*file;		/* "libpq.so.5" */
	const struct library_function *functions;
	size_t		 n;
	void		*table;
	pthread_mutex_t	 mutex;
	bool		 tried, loaded;
};

/* False: it is not there, or lacks a function, and that was said.  From any thread; it stays loaded. */
bool	library_load(struct library *);

#endif
