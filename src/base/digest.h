/* SPDX-License-Identifier: Apache-2.0 */
/* Digests: SHA-256, as bytes and as lower-case hex. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/arena.h"

#define DIGEST_BYTES	32
#define DIGEST_HEX	64

void		sha256(unsigned char out[DIGEST_BYTES], struct text);
void		hex_print(char *out, const void *bytes, size_t n);	/* 2n characters, no zero byte */
bool		hex_read(void *bytes, size_t n, struct text hex);	/* false: not 2n hex digits */
struct text	sha256_hex(struct arena *, struct text);

#endif
