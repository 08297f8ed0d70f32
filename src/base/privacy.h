/* SPDX-License-Identifier: Apache-2.0 */
/* Whom else on this machine our secrets and books could reach: memory in core dumps, folders, files, sockets. */
#ifndef BASE_PRIVACY_H
#define BASE_PRIVACY_H

#include "base/text.h"

/* Memory holds keys and prompts: no core dump, and no debugger of the same user.  `dumps` true: as the machine has it, for who looks for a fault. */
void	privacy_of_memory(bool dumps);

/*
 * Is it ours or root's, and nobody else's to change (a folder; /tmp's sticky bit will do), or to read or change (a file)?  What is not there yet is
 * fine.
 */
bool	privacy_of_folder(const char *path, struct buf *why);
bool	privacy_of_file(const char *path, struct buf *why);
/* May all users of this machine connect to that listening socket? */
bool	privacy_socket_is_open(int fd);

#endif
