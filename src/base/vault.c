/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boxes of NaCl (XSalsa20-Poly1305) and of AES-256-GCM.
 *
 * OpenSSL has Poly1305 and AES, but no Salsa20, which is the page below (D. J. Bernstein, "Salsa20 specification" and "Extending the Salsa20 nonce").
 */
#include "base/vault.h"

#include "base/clock.h"
#include "base/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>

#define BOX_NONCE	24u
#define GCM_NONCE	12u
#define MAC		16u
#define BLOCK		64u
#define V2		"v2:gcm:"
#define V3		"v3:gcm:"

/* XSalsa20 */

static uint32_t
load(const unsigned char *p)
{
	return ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}

static void
store(unsigned char *p, uint32_t w)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (unsigned char)(w >> 8 * i);
}

static uint32_t
rotated(uint32_t w, unsigned by)
{
	return (w << by | w >> (32 - by));
}

static void
quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*b ^= rotated(*a + *d, 7);
	*c ^= rotated(*b + *a, 9);
	*d ^= rotated(*c + *b, 13);
	*a ^= rotated(*d + *c, 18);
}

static void
rounds(uint32_t x[16])
{
	for (unsigned i = 0; i < 10; i++) {
		for (unsigned k = 0; k < 4; k++)		/* columns, each from its diagonal on */
			quarter(&x[5 * k], &x[(5 * k + 4) % 16], &x[(5 * k + 8) % 16], &x[(5 * k + 12) % 16]);
		for (unsigned k = 0; k < 4; k++)		/* rows */
			quarter(&x[4 * k + k], &x[4 * k + (k + 1) % 4], &x[4 * k + (k + 2) % 4], &x[4 * k + (k + 3) % 4]);
	}
}

/* The square of a key and 16 bytes: a constant in its diagonal, the key around it. */
static void
square(uint32_t x[16], const unsigned char key[32], const unsigned char in[16])
{
	static const unsigned char sigma[] = "expand 32-byte k";

	for (unsigned i = 0; i < 4; i++) {
		x[5 * i] = load(sigma + 4 * i);
		x[1 + i] = load(key + 4 * i);
		x[6 + i] = load(in + 4 * i);
		x[11 + i] = load(key + 16 + 4 * i);
	}
}

/* HSalsa20: the key of one box. */
static void
box_key(unsigned char out[32], const unsigned char key[32], const unsigned char nonce[16])
{
	uint32_t x[16];

	square(x, key, nonce);
	rounds(x);
	for (unsigned i = 0; i < 4; i++) {
		store(out + 4 * i, x[5 * i]);
		store(out + 16 + 4 * i, x[6 + i]);
	}
	OPENSSL_cleanse(x, sizeof(x));
}

static void
salsa_block(unsigned char out[BLOCK], const unsigned char key[32], const unsigned char nonce[8], uint64_t counter)
{
	unsigned char in[16];
	uint32_t x[16], first[16];

	memcpy(in, nonce, 8);
	store(in + 8, (uint32_t)counter);
	store(in + 12, (uint32_t)(counter >> 32));
	square(x, key, in);
	memcpy(first, x, sizeof(x));
	rounds(x);
	for (unsigned i = 0; i < 16; i++)
		store(out + 4 * i, x[i] + first[i]);
	OPENSSL_cleanse(x, sizeof(x));
	OPENSSL_cleanse(first, sizeof(first));
}

/* The stream's first 32 bytes are the key of the MAC; the text is laid behind them. */
static void
xsalsa(unsigned char *out, unsigned char mac_key[32], const unsigned char *in, size_t n, const unsigned char key[32],
    const unsigned char nonce[BOX_NONCE])
{
	unsigned char sub[32], block[BLOCK];

	box_key(sub, key, nonce);
	salsa_block(block, sub, nonce + 16, 0);
	memcpy(mac_key, block, 32);
	for (size_t i = 0, at = 32; i < n; i++, at++) {
		if (at % BLOCK == 0)
			salsa_block(block, sub, nonce + 16, at / BLOCK);
		out[i] = in[i] ^ block[at % BLOCK];
	}
	OPENSSL_cleanse(sub, sizeof(sub));
	OPENSSL_cleanse(block, sizeof(block));
}

static void
poly1305(unsigned char out[MAC], const unsigned char key[32], const unsigned char *in, size_t n)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
	EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac);
	size_t len;

	if (mac == NULL || c == NULL || !EVP_MAC_init(c, key, 32, NULL) || !EVP_MAC_update(c, in, n) || !EVP_MAC_final(c, out, &len, MAC))
		abort();		/* a libcrypto without Poly1305, or out of memory */
	EVP_MAC_CTX_free(c);
	EVP_MAC_free(mac);
}

/* {nonce, MAC, text}: `out` has room for all. */
static void
box_seal(unsigned char *out, const unsigned char key[32], struct text value)
{
	unsigned char mac_key[32];

	random_bytes(out, BOX_NONCE);
	xsalsa(out + BOX_NONCE + MAC, mac_key, (const unsigned char *)value.at, value.len, key, out);
	poly1305(out + BOX_NONCE, mac_key, out + BOX_NONCE + MAC, value.len);
	OPENSSL_cleanse(mac_key, sizeof(mac_key));
}

static bool
box_open(unsigned char *out, const unsigned char key[32], const unsigned char *in, size_t n)
{
	unsigned char mac_key[32], mac[MAC];
	bool good;

	xsalsa(out, mac_key, in + BOX_NONCE + MAC, n - BOX_NONCE - MAC, key, in);
	poly1305(mac, mac_key, in + BOX_NONCE + MAC, n - BOX_NONCE - MAC);
	good = CRYPTO_memcmp(mac, in + BOX_NONCE, MAC) == 0;
	if (!good)
		OPENSSL_cleanse(out, n - BOX_NONCE - MAC);
	OPENSSL_cleanse(mac_key, sizeof(mac_key));
	return (good);
}

/* AES-256-GCM: {nonce, text, MAC} */

static void
gcm_seal(unsigned char *out, const unsigned char key[32], struct text value)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0, last = 0;

	random_bytes(out, GCM_NONCE);
	if (c == NULL || !EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, out) ||
	    !EVP_EncryptUpdate(c, out + GCM_NONCE, &n, (const unsigned char *)value.at, (int)value.len) ||
	    !EVP_EncryptFinal_ex(c, out + GCM_NONCE + n, &last) ||
	    !EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, MAC, out + GCM_NONCE + value.len))
		abort();
	EVP_CIPHER_CTX_free(c);
}

static bool
gcm_open(unsigned char *out, const unsigned char key[32], const unsigned char *in, size_t n)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	unsigned char mac[MAC];
	int len = 0, last = 0;
	bool good;

	memcpy(mac, in + n - MAC, MAC);
	good = c != NULL && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, in) &&
	    EVP_DecryptUpdate(c, out, &len, in + GCM_NONCE, (int)(n - GCM_NONCE - MAC)) && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, MAC, mac) &&
	    EVP_DecryptFinal_ex(c, out + len, &last);
	EVP_CIPHER_CTX_free(c);
	return (good);
}

/* HKDF (RFC 5869) of one block, without a salt. */
static void
hkdf(unsigned char out[32], struct text secret)
{
	static const unsigned char no_salt[32], info[] = "litellm-at-rest-v3\001";
	unsigned char middle[32];
	unsigned len;

	HMAC(EVP_sha256(), no_salt, sizeof(no_salt), (const unsigned char *)secret.at, secret.len, middle, &len);
	HMAC(EVP_sha256(), middle, sizeof(middle), info, sizeof(info) - 1, out, &len);
	OPENSSL_cleanse(middle, sizeof(middle));
}

/* base64: written for URLs and padded, read in both alphabets */

static struct text
encode(struct arena *arena, const unsigned char *bytes, size_t n)
{
	char *out = arena_bytes(arena, (n + 2) / 3 * 4 + 1);
	size_t len = (size_t)EVP_EncodeBlock((unsigned char *)out, bytes, (int)n);

	for (size_t i = 0; i < len; i++)
		out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
	return ((struct text){ out, len });
}

/* NULL: not base64. */
static unsigned char *
decode(struct arena *arena, struct text t, size_t *n)
{
	size_t pads = 0;
	unsigned char *in, *out;
	int len;

	while (pads < t.len && pads < 2 && t.at[t.len - pads - 1] == '=')
		pads++;
	if (t.len % 4 != 0 || t.len == 0 || t.len > 1u << 24)
		return (NULL);
	in = (unsigned char *)arena_copy(arena, t).at;
	for (size_t i = 0; i < t.len; i++) {
		if (in[i] <= ' ' || (in[i] == '=' && i < t.len - pads))
			return (NULL);
		in[i] = in[i] == '-' ? '+' : in[i] == '_' ? '/' : in[i];
	}
	out = (unsigned char *)arena_bytes(arena, t.len);
	len = EVP_DecodeBlock(out, in, (int)t.len);
	*n = len < 0 ? 0 : (size_t)len - pads;
	return (len < 0 ? NULL : out);
}

/* the door */

struct text
vault_seal(struct arena *arena, struct text salt_key, struct text value, enum vault_form form)
{
	size_t n = (form == VAULT_GCM ? GCM_NONCE : BOX_NONCE) + MAC + value.len;
	unsigned char *out = (unsigned char *)arena_bytes(arena, n), key[32];
	struct text t;

	sha256(key, salt_key);
	if (form == VAULT_GCM)
		gcm_seal(out, key, value);
	else
		box_seal(out, key, value);
	OPENSSL_cleanse(key, sizeof(key));
	t = encode(arena, out, n);
	return (form == VAULT_GCM ? arena_print(arena, V2 TEXT_FMT, TEXT_ARG(t)) : t);
}

static bool
is_gcm(struct text t)
{
	return (text_starts(t, TEXT(V2)) || text_starts(t, TEXT(V3)));
}

bool
vault_open(struct text *value, struct arena *arena, struct text salt_key, struct text sealed)
{
	bool gcm = is_gcm(sealed), good;
	size_t n, outside = (gcm ? GCM_NONCE : BOX_NONCE) + MAC;
	unsigned char key[32], *in = decode(arena, gcm ? text_sub(sealed, strlen(V2), sealed.len) : sealed, &n), *out;

	if (in == NULL || n < outside)
		return (false);
	if (text_starts(sealed, TEXT(V3)))
		hkdf(key, salt_key);
	else
		sha256(key, salt_key);
	out = (unsigned char *)arena_bytes(arena, n - outside + 1);
	good = gcm ? gcm_open(out, key, in, n) : box_open(out, key, in, n);
	OPENSSL_cleanse(key, sizeof(key));
	*value = (struct text){ (const char *)out, good ? n - outside : 0 };
	return (good);
}

bool
vault_is_sealed(struct text t)
{
	if (is_gcm(t))
		return (true);
	if (t.len % 4 != 0 || t.len < (BOX_NONCE + MAC) / 3 * 4)
		return (false);
	for (size_t i = 0; i < t.len; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=", t.at[i]) == NULL || t.at[i] == '\0')
			return (false);
	return (true);
}
