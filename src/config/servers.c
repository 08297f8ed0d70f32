/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of memcached. */
#include "config/config.h"

#include <stdio.h>

static size_t
last_colon(struct text t)
{
	size_t at = t.len;

	while (at > 0 && t.at[at - 1] != ':')
		at--;
	return (at);
}

bool
memcached_server(struct text server, char host[256], unsigned *port)
{
	size_t colon = last_colon(server);
	struct text left = text_sub(server, 0, colon > 0 ? colon - 1 : 0);
	int64_t n;

	*port = 0;
	if (server.len > 0 && server.len < 256 && server.at[0] == '/') {
		snprintf(host, 256, TEXT_FMT, TEXT_ARG(server));
		return (true);
	}
	if (left.len > 2 && left.at[0] == '[' && left.at[left.len - 1] == ']')
		left = text_sub(left, 1, left.len - 1);
	if (left.len == 0 || left.len >= 256 || !text_to_i64(text_sub(server, colon, server.len), &n) || n < 1 || n > 65535)
		return (false);
	for (size_t i = 0; i < left.len; i++)
		if (left.at[i] <= ' ' || left.at[i] == ',' || left.at[i] == 127)
			return (false);
	snprintf(host, 256, TEXT_FMT, TEXT_ARG(left));
	*port = (unsigned)n;
	return (true);
}
