/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed ids: {kind, deployment, id, MAC} in the alphabet of URLs. */
#include "access/seal.h"

#define OPENSSL_SUPPRESS_DEPRECATED	/* the plain digest needs no provider: the first HMAC() of a process takes 3 ms, a request 10 us */
#include <openssl/sha.h>

#define PREFIX		"resp_"
#define DIGEST_BYTES	SHA256_DIGEST_LENGTH
#define BLOCK_BYTES	SHA256_CBLOCK
#define MAC_BYTES	16
#define HEAD_BYTES	9			/* kind, deployment */
#define VENDOR_ID_MOST	256
#define PLAIN_MOST	(HEAD_BYTES + VENDOR_ID_MOST + MAC_BYTES)

enum kind { KIND_STORED = 0x11, KIND_NOT_STORED = 0x12 };	/* the high half is the version */

/* HMAC (RFC 2104) of two texts, one behind the other. */
static void
hmac(unsigned char out[DIGEST_BYTES], struct text key, struct text a, struct text b)
{
	unsigned char pad[BLOCK_BYTES] = { 0 };
	SHA256_CTX inner, outer;

	if (key.len > BLOCK_BYTES)
		SHA256((const unsigned char *)key.at, key.len, pad);
	else if (key.len > 0)
		memcpy(pad, key.at, key.len);
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		pad[i] ^= 0x36;
	SHA256_Init(&inner);
	SHA256_Update(&inner, pad, BLOCK_BYTES);
	SHA256_Update(&inner, a.at, a.len);
	SHA256_Update(&inner, b.at, b.len);
	SHA256_Final(out, &inner);
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	SHA256_Init(&outer);
	SHA256_Update(&outer, pad, BLOCK_BYTES);
	SHA256_Update(&outer, out, DIGEST_BYTES);
	SHA256_Final(out, &outer);
}

static struct text
text_at(const unsigned char *bytes, size_t n)
{
	return ((struct text){ (const char *)bytes, n });
}

void
seal_key_make(struct seal_key *key, struct text secret, struct text caller)
{
	unsigned char digest[DIGEST_BYTES];

	SHA256((const unsigned char *)caller.at, caller.len, digest);
	hmac(key->bytes, secret, TEXT("sluice: ids of stored answers"), text_at(digest, sizeof(digest)));
}

/* base64url without padding (RFC 4648) */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t
encode(char *out, const unsigned char *bytes, size_t n)
{
	size_t len = 0;
	uint32_t held = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < n; i++) {
		held = held << 8 | bytes[i];
		for (bits += 8; bits >= 6; bits -= 6)
			out[len++] = letters[held >> (bits - 6) & 63];
	}
	if (bits > 0)
		out[len++] = letters[held << (6 - bits) & 63];
	return (len);
}

/* How many bytes; 0: a letter that is none, or bits at the end that no encoder leaves. */
static size_t
decode(unsigned char *out, struct text in)
{
	uint32_t held = 0;
	unsigned bits = 0;
	size_t len = 0;

	for (size_t i = 0; i < in.len; i++) {
		const char *at = in.at[i] != '\0' ? strchr(letters, in.at[i]) : NULL;

		if (at == NULL)
			return (0);
		held = held << 6 | (uint32_t)(at - letters);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[len++] = (unsigned char)(held >> bits);
		}
	}
	return (bits < 6 && (held & ((1u << bits) - 1)) == 0 ? len : 0);
}

/* sealing */

static size_t
put_mac(unsigned char *plain, size_t n, const struct seal_key *key)
{
	unsigned char mac[DIGEST_BYTES];

	hmac(mac, text_at(key->bytes, sizeof(key->bytes)), text_at(plain, n), TEXT(""));
	memcpy(plain + n, mac, MAC_BYTES);
	return (n + MAC_BYTES);
}

struct text
seal(struct arena *arena, const struct seal_key *key, const struct sealed *s)
{
	bool stored = s->stored && s->id.len > 0 && s->id.len <= VENDOR_ID_MOST;
	struct text id = text_sub(s->id, 0, VENDOR_ID_MOST);
	unsigned char plain[PLAIN_MOST];
	char *out;
	size_t n;

	plain[0] = stored ? KIND_STORED : KIND_NOT_STORED;
	for (unsigned i = 0; i < 8; i++)
		plain[1 + i] = (unsigned char)(s->deployment >> (56 - 8 * i));
	if (id.len > 0)
		memcpy(plain + HEAD_BYTES, id.at, id.len);
	n = put_mac(plain, HEAD_BYTES + id.len, key);
	out = arena_bytes(arena, sizeof(PREFIX) + n * 4 / 3 + 2);
	memcpy(out, PREFIX, sizeof(PREFIX) - 1);
	return ((struct text){ out, sizeof(PREFIX) - 1 + encode(out + sizeof(PREFIX) - 1, plain, n) });
}

bool
seal_open(struct sealed *s, struct arena *arena, const struct seal_key *key, struct text id)
{
	unsigned char plain[PLAIN_MOST + 3], again[PLAIN_MOST];
	size_t n;

	if (!text_starts(id, TEXT(PREFIX)) || id.len - (sizeof(PREFIX) - 1) > (PLAIN_MOST * 4 + 2) / 3)
		return (false);
	n = decode(plain, text_sub(id, sizeof(PREFIX) - 1, id.len));
	if (n < HEAD_BYTES + MAC_BYTES)
		return (false);
	n -= MAC_BYTES;
	memcpy(again, plain, n);
	put_mac(again, n, key);
	if (!text_eq_secret(text_at(plain + n, MAC_BYTES), text_at(again + n, MAC_BYTES)) || (plain[0] != KIND_STORED && plain[0] != KIND_NOT_STORED))
		return (false);
	*s = (struct sealed){ .stored = plain[0] == KIND_STORED, .id = arena_copy(arena, text_at(plain + HEAD_BYTES, n - HEAD_BYTES)) };
	for (unsigned i = 0; i < 8; i++)
		s->deployment = s->deployment << 8 | plain[1 + i];
	return (true);
}
