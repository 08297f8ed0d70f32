/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and keys, by OpenSSL's libcrypto. */
#include "access/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <math.h>
#include <stdlib.h>

#define KEYS_MOST	32
#define KID_MOST	256
#define SKEW_S		30			/* clocks of two machines */
#define RSA_BITS_LEAST	2048

/* base64url without padding (RFC 7515 2) */

static int
six_bits(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (c - 'A');
	if (c >= 'a' && c <= 'z')
		return (c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (c - '0' + 52);
	return (c == '-' ? 62 : c == '_' ? 63 : -1);
}

static bool
decode(struct text *out, struct arena *arena, struct text in)
{
	char *to = arena_bytes(arena, in.len * 3 / 4 + 3);
	uint32_t held = 0;
	unsigned bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < in.len; i++) {
		int six = six_bits(in.at[i]);

		if (six < 0)
			return (false);
		held = held << 6 | (uint32_t)six;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			to[n++] = (char)(held >> bits);
		}
	}
	*out = (struct text){ to, n };
	return (bits < 6);
}

/* tokens */

bool
jwt_looks_like(struct text key)
{
	unsigned dots = 0;

	for (size_t i = 0; i < key.len; i++)
		if (key.at[i] == '.')
			dots++;
		else if (six_bits(key.at[i]) < 0)
			return (false);
	return (dots == 2 && text_starts(key, TEXT("eyJ")) && key.len <= JWT_MOST);
}

static const struct json *
object(struct arena *arena, struct text encoded)
{
	struct json_fault fault;
	struct text text;
	const struct json *o;

	if (!decode(&text, arena, encoded) || (o = json_parse(arena, text, &fault)) == NULL || o->type != JSON_OBJECT)
		return (NULL);
	return (o);
}

bool
jwt_read(struct jwt *t, struct arena *arena, struct text token)
{
	struct text header, claims, rest;
	const struct json *h, *c;

	if (!jwt_looks_like(token))
		return (false);
	text_cut(token, '.', &header, &rest);
	text_cut(rest, '.', &claims, &rest);
	h = object(arena, header);
	c = object(arena, claims);
	if (h == NULL || c == NULL || json_get(h, "crit") != NULL || !decode(&t->signature, arena, rest))
		return (false);
	t->alg = json_unescape(arena, json_quoted(json_get(h, "alg")));
	t->kid = json_unescape(arena, json_quoted(json_get(h, "kid")));
	t->signed_part = text_sub(token, 0, header.len + 1 + claims.len);
	t->claims = c->raw;
	return (true);
}

/* algorithms */

enum family { FAMILY_RSA, FAMILY_PSS, FAMILY_EC, FAMILY_ED };
static const struct alg {
	const char	*name;
	enum family	 family;
	const char	*kty, *crv, *group;
	const EVP_MD	*(*digest)(void);
	size_t		 half;			/* of an EC signature */
} algs[] = {
	{ "RS256", FAMILY_RSA, "RSA", NULL, NULL, EVP_sha256, 0 },
	{ "RS384", FAMILY_RSA, "RSA", NULL, NULL, EVP_sha384, 0 },
	{ "RS512", FAMILY_RSA, "RSA", NULL, NULL, EVP_sha512, 0 },
	{ "PS256", FAMILY_PSS, "RSA", NULL, NULL, EVP_sha256, 0 },
	{ "PS384", FAMILY_PSS, "RSA", NULL, NULL, EVP_sha384, 0 },
	{ "PS512", FAMILY_PSS, "RSA", NULL, NULL, EVP_sha512, 0 },
	{ "ES256", FAMILY_EC, "EC", "P-256", "P-256", EVP_sha256, 32 },
	{ "ES384", FAMILY_EC, "EC", "P-384", "P-384", EVP_sha384, 48 },
	{ "ES512", FAMILY_EC, "EC", "P-521", "P-521", EVP_sha512, 66 },
	{ "EdDSA", FAMILY_ED, "OKP", "Ed25519", NULL, NULL, 0 },
};

static const struct alg *
alg_of(struct text name)
{
	for (size_t i = 0; i < nitems(algs); i++)
		if (text_is(name, algs[i].name))
			return (&algs[i]);
	return (NULL);
}

/* keys */

struct jwk {
	char		 kid[KID_MOST];
	size_t		 kid_len;
	char		 kty[4], crv[8];
	char		 alg[8];		/* "" : any of its kind */
	EVP_PKEY	*key;
};
struct jwk_set {
	struct jwk	 keys[KEYS_MOST];
	unsigned	 n;
};

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return (key);
}

static bool
bytes_in(struct text *out, struct arena *arena, const struct json *o, const char *name)
{
	return (decode(out, arena, json_unescape(arena, json_quoted(json_get(o, name)))) && out->len > 0);
}

static EVP_PKEY *
rsa_key(struct arena *arena, const struct json *o)
{
	OSSL_PARAM_BLD *build;
	struct text n, e;
	BIGNUM *bn, *be;
	EVP_PKEY *key = NULL;

	if (!bytes_in(&n, arena, o, "n") || !bytes_in(&e, arena, o, "e") || n.len > 2048 || e.len > 8)
		return (NULL);
	build = OSSL_PARAM_BLD_new();
	bn = BN_bin2bn((const unsigned char *)n.at, (int)n.len, NULL);
	be = BN_bin2bn((const unsigned char *)e.at, (int)e.len, NULL);
	if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn) == 1 && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, be) == 1 &&
	    BN_num_bits(bn) >= RSA_BITS_LEAST)
		key = from_params("RSA", build);
	OSSL_PARAM_BLD_free(build);
	BN_free(bn);
	BN_free(be);
	return (key);
}

static EVP_PKEY *
ec_key(struct arena *arena, const struct json *o, const struct alg *a)
{
	OSSL_PARAM_BLD *build;
	unsigned char point[1 + 2 * 66] = { 4 };		/* uncompressed */
	struct text x, y;
	EVP_PKEY *key = NULL;

	if (!bytes_in(&x, arena, o, "x") || !bytes_in(&y, arena, o, "y") || x.len != a->half || y.len != a->half)
		return (NULL);
	memcpy(point + 1, x.at, x.len);
	memcpy(point + 1 + x.len, y.at, y.len);
	build = OSSL_PARAM_BLD_new();
	if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, a->group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * a->half) == 1)
		key = from_params("EC", build);
	OSSL_PARAM_BLD_free(build);
	return (key);
}

static EVP_PKEY *
ed_key(struct arena *arena, const struct json *o)
{
	struct text x;

	if (!bytes_in(&x, arena, o, "x") || x.len != 32)
		return (NULL);
	return (EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.at, x.len));
}

static bool
keep_word(char *to, size_t room, struct text word)
{
	if (word.len >= room)
		return (false);
	memcpy(to, word.at, word.len);
	to[word.len] = '\0';
	return (true);
}

/* Only keys for signatures, of a kind and curve we know. */
static bool
read_key(struct jwk *k, struct arena *arena, const struct json *o)
{
	struct text kty = json_unescape(arena, json_quoted(json_get(o, "kty"))), crv = json_unescape(arena, json_quoted(json_get(o, "crv")));
	struct text use = json_unescape(arena, json_quoted(json_get(o, "use"))), alg = json_unescape(arena, json_quoted(json_get(o, "alg")));
	struct text kid = json_unescape(arena, json_quoted(json_get(o, "kid")));
	const struct alg *a = NULL;

	for (size_t i = 0; i < nitems(algs) && a == NULL; i++)
		if (text_is(kty, algs[i].kty) && (algs[i].crv == NULL || text_is(crv, algs[i].crv)))
			a = &algs[i];
	if (a == NULL || (use.len > 0 && !text_is(use, "sig")) || (alg.len > 0 && alg_of(alg) == NULL) || !keep_word(k->kid, sizeof(k->kid), kid) ||
	    !keep_word(k->kty, sizeof(k->kty), kty) || !keep_word(k->crv, sizeof(k->crv), crv) || !keep_word(k->alg, sizeof(k->alg), alg))
		return (false);
	k->kid_len = kid.len;
	k->key = a->family == FAMILY_RSA ? rsa_key(arena, o) : a->family == FAMILY_EC ? ec_key(arena, o, a) : ed_key(arena, o);
	return (k->key != NULL);
}

struct jwk_set *
jwk_set_read(struct text json)
{
	struct arena *arena = arena_new();
	struct json_fault fault;
	const struct json *o = json_parse(arena, json, &fault), *keys = json_get(o, "keys");
	struct jwk_set *set = NULL;

	if (json_is(keys, JSON_ARRAY)) {
		set = must_zalloc(sizeof(*set));
		for (const struct json *k = keys->first; k != NULL && set->n < KEYS_MOST; k = k->next)
			if (k->type == JSON_OBJECT && read_key(&set->keys[set->n], arena, k))
				set->n++;
	}
	arena_free(arena);
	return (set);
}

void
jwk_set_free(struct jwk_set *set)
{
	for (unsigned i = 0; set != NULL && i < set->n; i++)
		EVP_PKEY_free(set->keys[i].key);
	free(set);
}

static bool
is_named(const struct jwk *k, struct text kid)
{
	return (kid.len == 0 || text_eq((struct text){ k->kid, k->kid_len }, kid));
}

bool
jwk_set_has(const struct jwk_set *set, struct text kid)
{
	for (unsigned i = 0; set != NULL && i < set->n; i++)
		if (is_named(&set->keys[i], kid))
			return (true);
	return (false);
}

/* signatures */

/* r and s behind one another (RFC 7518 3.4), as OpenSSL wants them. */
static bool
ec_signature(struct text raw, size_t half, unsigned char **der, size_t *len)
{
	ECDSA_SIG *sig;
	BIGNUM *r, *s;
	int n;

	if (raw.len != 2 * half)
		return (false);
	sig = ECDSA_SIG_new();
	r = BN_bin2bn((const unsigned char *)raw.at, (int)half, NULL);
	s = BN_bin2bn((const unsigned char *)raw.at + half, (int)half, NULL);
	ECDSA_SIG_set0(sig, r, s);
	*der = NULL;
	n = i2d_ECDSA_SIG(sig, der);
	ECDSA_SIG_free(sig);
	*len = n > 0 ? (size_t)n : 0;
	return (n > 0);
}

static bool
check(const struct jwk *k, const struct alg *a, const unsigned char *sig, size_t len, struct text data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;
	bool good = EVP_DigestVerifyInit(ctx, &how, a->digest != NULL ? a->digest() : NULL, NULL, k->key) == 1;

	if (good && a->family == FAMILY_PSS)
		good = EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 && EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1;
	good = good && EVP_DigestVerify(ctx, sig, len, (const unsigned char *)data.at, data.len) == 1;
	EVP_MD_CTX_free(ctx);
	return (good);
}

static bool
verify_with(const struct jwk *k, const struct alg *a, const struct jwt *t)
{
	unsigned char *der = NULL;
	size_t len;
	bool good;

	if (strcmp(k->kty, a->kty) != 0 || (a->crv != NULL && strcmp(k->crv, a->crv) != 0) || (k->alg[0] != '\0' && strcmp(k->alg, a->name) != 0))
		return (false);
	if (a->family != FAMILY_EC)
		return (check(k, a, (const unsigned char *)t->signature.at, t->signature.len, t->signed_part));
	good = ec_signature(t->signature, a->half, &der, &len) && check(k, a, der, len, t->signed_part);
	OPENSSL_free(der);
	return (good);
}

bool
jwt_verify(const struct jwt *t, const struct jwk_set *set)
{
	const struct alg *a = alg_of(t->alg);

	for (unsigned i = 0; a != NULL && set != NULL && i < set->n; i++)
		if (is_named(&set->keys[i], t->kid) && verify_with(&set->keys[i], a, t))
			return (true);
	return (false);
}

/* claims */

/* NumericDate may have a fraction (RFC 7519 2); NAN: not said, or no number. */
static double
moment(const struct json *claims, const char *name)
{
	const struct json *v = json_get(claims, name);
	double s;

	return (json_is(v, JSON_NUMBER) && json_to_double(v->raw, &s) ? s : (double)NAN);
}

static bool
is_one_of(struct text list, struct quoted word)
{
	struct text one;

	for (bool more = true; more;) {
		char name[512];

		more = text_cut(list, ',', &one, &list);
		one = text_trim(one);
		if (one.len == 0 || one.len >= sizeof(name))
			continue;
		memcpy(name, one.at, one.len);
		name[one.len] = '\0';
		if (quoted_is(word, name))
			return (true);
	}
	return (false);
}

/* A text, or a list of which one is enough (RFC 7519 4.1.3). */
static bool
is_for(const struct json *v, struct text list)
{
	if (json_is(v, JSON_STRING))
		return (is_one_of(list, json_quoted(v)));
	for (const struct json *one = json_is(v, JSON_ARRAY) ? v->first : NULL; one != NULL; one = one->next)
		if (one->type == JSON_STRING && is_one_of(list, json_quoted(one)))
			return (true);
	return (false);
}

const char *
jwt_fault(const struct json *claims, const struct jwt_wanted *wanted)
{
	double expires = moment(claims, "exp"), begins = moment(claims, "nbf"), issued = moment(claims, "iat"), now = (double)wanted->now_s;

	if (!(expires > now))
		return (isnan(expires) ? "says no time at which it expires" : "has expired");
	if (json_get(claims, "nbf") != NULL && !(begins <= now + SKEW_S))
		return ("is not valid yet");
	if (json_get(claims, "iat") != NULL && !(issued <= now + SKEW_S))
		return ("was issued in the future");
	if (wanted->audience.len > 0 && !is_for(json_get(claims, "aud"), wanted->audience))
		return ("is meant for somebody else (aud)");
	if (wanted->issuer.len > 0 && !is_for(json_get(claims, "iss"), wanted->issuer))
		return ("is from an issuer that is not trusted here (iss)");
	return (NULL);
}

int64_t
jwt_expires_s(const struct json *claims)
{
	double s = moment(claims, "exp");

	return (s > 0 && s < 9e15 ? (int64_t)s : 0);
}
