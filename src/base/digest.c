/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 by OpenSSL, and hex. */
#define OPENSSL_SUPPRESS_DEPRECATED	/* says why: sha256() */
#include "base/digest.h"

#include <openssl/sha.h>

/* The old interface: the one-shot of OpenSSL 3 looks the algorithm up by its name each time, which takes longer than the digest. */
void
sha256(unsigned char out[DIGEST_BYTES], struct text t)
{
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Update(&ctx, t.at, t.len);
	SHA256_Final(out, &ctx);
}

void
hex_print(char *out, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		unsigned char c = ((const unsigned char *)bytes)[i];

		out[2 * i] = digits[c >> 4];
		out[2 * i + 1] = digits[c & 15];
	}
}

/* One more than the value; 0: it is no digit.  Digits and letters come in no order, so a processor can not foresee which it will be: no branches. */
static const unsigned char hex_digits[256] = {
	['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ['a'] = 11, 12, 13, 14, 15, 16, ['A'] = 11, 12, 13, 14, 15, 16,
};

/* Above 15: it is none. */
static unsigned
hex_value(char c)
{
	return (hex_digits[(unsigned char)c] - 1u);
}

bool
hex_read(void *bytes, size_t n, struct text hex)
{
	unsigned all = 0;

	if (hex.len != 2 * n)
		return (false);
	for (size_t i = 0; i < n; i++) {
		unsigned high = hex_value(hex.at[2 * i]), low = hex_value(hex.at[2 * i + 1]);

		all |= high | low;
		((unsigned char *)bytes)[i] = (unsigned char)(high << 4 | low);
	}
	return (all < 16);
}

struct text
sha256_hex(struct arena *a, struct text t)
{
	unsigned char bytes[DIGEST_BYTES];
	char hex[DIGEST_HEX];

	sha256(bytes, t);
	hex_print(hex, bytes, sizeof(bytes));
	return (arena_copy(a, (struct text){ hex, sizeof(hex) }));
}
