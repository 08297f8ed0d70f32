/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli): by the processor's own instruction, or by tables, eight bytes at a time. */
#include "ledger/spool_priv.h"

#include <pthread.h>

#define POLYNOMIAL	0x82f63b78u

static uint32_t table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
fill(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (unsigned bit = 0; bit < 8; bit++)
			c = c >> 1 ^ ((c & 1) != 0 ? POLYNOMIAL : 0);
		table[0][i] = c;
	}
	for (unsigned k = 1; k < 8; k++)
		for (uint32_t i = 0; i < 256; i++)
			table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
}

static uint32_t
little32(const unsigned char *p)
{
	return ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}

uint32_t
crc32c_by_table(uint32_t seed, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint32_t c = ~seed;

	pthread_once(&once, fill);
	for (; n >= 8; n -= 8, p += 8) {
		uint32_t low = c ^ little32(p), high = little32(p + 4);

		c = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^ table[4][low >> 24] ^
		    table[3][high & 0xff] ^ table[2][high >> 8 & 0xff] ^ table[1][high >> 16 & 0xff] ^ table[0][high >> 24];
	}
	for (; n > 0; n--, p++)
		c = c >> 8 ^ table[0][(c ^ *p) & 0xff];
	return (~c);
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t seed, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t c = ~seed, word;

	for (; n >= sizeof(word); n -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		c = __builtin_ia32_crc32di(c, word);
	}
	for (; n > 0; n--, p++)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p);
	return (~(uint32_t)c);
}

uint32_t
crc32c(uint32_t seed, const void *bytes, size_t n)
{
	return (__builtin_cpu_supports("sse4.2") ? by_instruction(seed, bytes, n) : crc32c_by_table(seed, bytes, n));
}

#else

uint32_t
crc32c(uint32_t seed, const void *bytes, size_t n)
{
	return (crc32c_by_table(seed, bytes, n));
}

#endif

uint32_t
frame_crc(uint32_t seed, uint32_t length, const void *bytes)
{
	return (crc32c(crc32c(seed, &length, sizeof(length)), bytes, length));
}
