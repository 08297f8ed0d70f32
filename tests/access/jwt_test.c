/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: good ones of every algorithm, and everything that has been tried against others. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/jwt.h"
#include "access/people.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include <stdio.h>
#include <stdlib.h>

#define NOW	1785000000

static struct arena *arena;
static EVP_PKEY *rsa, *small, *p256, *p384, *ed, *other;
static struct jwk_set *set;

static struct text
encode(const void *bytes, size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *from = bytes;
	struct buf b = { 0 };
	struct text t;
	uint32_t held = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < n; i++) {
		held = held << 8 | from[i];
		for (bits += 8; bits >= 6; bits -= 6)
			buf_byte(&b, letters[held >> (bits - 6) & 63]);
	}
	if (bits > 0)
		buf_byte(&b, letters[held << (6 - bits) & 63]);
	t = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	return (t);
}

static struct text
encode_text(const char *s)
{
	return (encode(s, strlen(s)));
}

static struct text
number(EVP_PKEY *key, const char *param, int len)
{
	unsigned char bytes[512];
	BIGNUM *n = NULL;
	int size;

	assert_int_equal(EVP_PKEY_get_bn_param(key, param, &n), 1);
	size = len > 0 ? len : BN_num_bytes(n);
	BN_bn2binpad(n, bytes, size);
	BN_free(n);
	return (encode(bytes, (size_t)size));
}

static struct text
raw_public(EVP_PKEY *key)
{
	unsigned char bytes[64];
	size_t n = sizeof(bytes);

	assert_int_equal(EVP_PKEY_get_raw_public_key(key, bytes, &n), 1);
	return (encode(bytes, n));
}

static const char *
keys_json(void)
{
	return (arena_print(arena,
	    "{\"keys\":[7,{},{\"kty\":\"oct\",\"kid\":\"s\",\"k\":\"AAAA\"},"
	    "{\"kty\":\"RSA\",\"kid\":\"r\",\"use\":\"sig\",\"n\":\"" TEXT_FMT "\",\"e\":\"AQAB\"},"
	    "{\"kty\":\"RSA\",\"kid\":\"only256\",\"alg\":\"RS256\",\"n\":\"" TEXT_FMT "\",\"e\":\"AQAB\"},"
	    "{\"kty\":\"RSA\",\"kid\":\"enc\",\"use\":\"enc\",\"n\":\"" TEXT_FMT "\",\"e\":\"AQAB\"},"
	    "{\"kty\":\"RSA\",\"kid\":\"small\",\"n\":\"" TEXT_FMT "\",\"e\":\"AQAB\"},"
	    "{\"kty\":\"EC\",\"kid\":\"e\",\"crv\":\"P-256\",\"x\":\"" TEXT_FMT "\",\"y\":\"" TEXT_FMT "\"},"
	    "{\"kty\":\"EC\",\"kid\":\"f\",\"crv\":\"P-384\",\"x\":\"" TEXT_FMT "\",\"y\":\"" TEXT_FMT "\"},"
	    "{\"kty\":\"EC\",\"kid\":\"off\",\"crv\":\"P-256\",\"x\":\"" TEXT_FMT "\",\"y\":\"" TEXT_FMT "\"},"
	    "{\"kty\":\"OKP\",\"kid\":\"d\",\"crv\":\"Ed25519\",\"x\":\"" TEXT_FMT "\"}]}",
	    TEXT_ARG(number(rsa, OSSL_PKEY_PARAM_RSA_N, 0)), TEXT_ARG(number(rsa, OSSL_PKEY_PARAM_RSA_N, 0)), TEXT_ARG(number(rsa, OSSL_PKEY_PARAM_RSA_N, 0)),
	    TEXT_ARG(number(small, OSSL_PKEY_PARAM_RSA_N, 0)), TEXT_ARG(number(p256, OSSL_PKEY_PARAM_EC_PUB_X, 32)),
	    TEXT_ARG(number(p256, OSSL_PKEY_PARAM_EC_PUB_Y, 32)), TEXT_ARG(number(p384, OSSL_PKEY_PARAM_EC_PUB_X, 48)),
	    TEXT_ARG(number(p384, OSSL_PKEY_PARAM_EC_PUB_Y, 48)), TEXT_ARG(number(p256, OSSL_PKEY_PARAM_EC_PUB_Y, 32)),
	    TEXT_ARG(number(p256, OSSL_PKEY_PARAM_EC_PUB_X, 32)), TEXT_ARG(raw_public(ed))).at);
}

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new();
	rsa = EVP_RSA_gen(2048);
	small = EVP_RSA_gen(1024);
	other = EVP_RSA_gen(2048);
	p256 = EVP_EC_gen("P-256");
	p384 = EVP_EC_gen("P-384");
	ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	set = jwk_set_read(text_of(keys_json()));
	assert_non_null(set);
	return (0);
}

static int
tear_down(void **state)
{
	EVP_PKEY *keys[] = { rsa, small, other, p256, p384, ed };

	(void)state;
	for (size_t i = 0; i < nitems(keys); i++)
		EVP_PKEY_free(keys[i]);
	jwk_set_free(set);
	arena_free(arena);
	return (0);
}

static struct text
raw_ec(const unsigned char *der, size_t len, int half)
{
	unsigned char bytes[200];
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);

	BN_bn2binpad(ECDSA_SIG_get0_r(sig), bytes, half);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), bytes + half, half);
	ECDSA_SIG_free(sig);
	return (encode(bytes, (size_t)half * 2));
}

/* A token signed by that key with that digest, whatever its header says. */
static struct text
token_with(const char *header, const char *claims, EVP_PKEY *key, const EVP_MD *md, bool pss, int half)
{
	struct text head = arena_print(arena, TEXT_FMT "." TEXT_FMT, TEXT_ARG(encode_text(header)), TEXT_ARG(encode_text(claims))), sig;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;
	unsigned char bytes[600];
	size_t n = sizeof(bytes);

	assert_int_equal(EVP_DigestSignInit(ctx, &how, md, NULL, key), 1);
	if (pss) {
		EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST);
	}
	assert_int_equal(EVP_DigestSign(ctx, bytes, &n, (const unsigned char *)head.at, head.len), 1);
	EVP_MD_CTX_free(ctx);
	sig = half > 0 ? raw_ec(bytes, n, half) : encode(bytes, n);
	return (arena_print(arena, TEXT_FMT "." TEXT_FMT, TEXT_ARG(head), TEXT_ARG(sig)));
}

static bool
verifies(struct text token)
{
	struct jwt t;

	return (jwt_read(&t, arena, token) && jwt_verify(&t, set));
}

#define CLAIMS	"{\"sub\":\"ada\",\"exp\":1785000060}"

static void
every_algorithm_verifies(void **state)
{
	(void)state;
	assert_true(verifies(token_with("{\"alg\":\"RS256\",\"kid\":\"r\"}", CLAIMS, rsa, EVP_sha256(), false, 0)));
	assert_true(verifies(token_with("{\"alg\":\"RS512\",\"kid\":\"r\"}", CLAIMS, rsa, EVP_sha512(), false, 0)));
	assert_true(verifies(token_with("{\"alg\":\"PS256\",\"kid\":\"r\"}", CLAIMS, rsa, EVP_sha256(), true, 0)));
	assert_true(verifies(token_with("{\"alg\":\"ES256\",\"kid\":\"e\"}", CLAIMS, p256, EVP_sha256(), false, 32)));
	assert_true(verifies(token_with("{\"alg\":\"ES384\",\"kid\":\"f\"}", CLAIMS, p384, EVP_sha384(), false, 48)));
	assert_true(verifies(token_with("{\"alg\":\"EdDSA\",\"kid\":\"d\"}", CLAIMS, ed, NULL, false, 0)));
	/* without a name every key is tried */
	assert_true(verifies(token_with("{\"alg\":\"RS256\"}", CLAIMS, rsa, EVP_sha256(), false, 0)));
}

static void
who_signs_with_another_key_is_nobody(void **state)
{
	struct text good = token_with("{\"alg\":\"RS256\",\"kid\":\"r\"}", CLAIMS, rsa, EVP_sha256(), false, 0);

	(void)state;
	assert_false(verifies(token_with("{\"alg\":\"RS256\",\"kid\":\"r\"}", CLAIMS, other, EVP_sha256(), false, 0)));
	assert_false(verifies(token_with("{\"alg\":\"RS256\",\"kid\":\"x\"}", CLAIMS, rsa, EVP_sha256(), false, 0)));
	assert_false(verifies(token_with("{\"alg\":\"RS384\",\"kid\":\"only256\"}", CLAIMS, rsa, EVP_sha384(), false, 0)));
	assert_true(verifies(token_with("{\"alg\":\"RS256\",\"kid\":\"only256\"}", CLAIMS, rsa, EVP_sha256(), false, 0)));
	assert_false(verifies(token_with("{\"alg\":\"RS256\",\"kid\":\"enc\"}", CLAIMS, rsa, EVP_sha256(), false, 0)));
	assert_false(verifies(token_with("{\"alg\":\"RS256\",\"kid\":\"small\"}", CLAIMS, small, EVP_sha256(), false, 0)));
	for (size_t i = 30; i < good.len; i += 37) {
		struct text bad = arena_copy(arena, good);

		((char *)(uintptr_t)bad.at)[i] = bad.at[i] == 'A' ? 'B' : bad.at[i] == '.' ? '.' : 'A';
		if (!text_eq(bad, good))
			assert_false(verifies(bad));
	}
}

/* The old tricks: no signature, and the public key as a shared secret. */
static void
none_and_shared_secrets_never_count(void **state)
{
	static const char *const names[] = { "none", "None", "NONE", "", "HS256", "hs256", "RS256 ", "rs256" };
	unsigned char mac[64];
	unsigned n = 0;
	struct text head, pub = text_of(keys_json());

	(void)state;
	for (size_t i = 0; i < nitems(names); i++) {
		head = arena_print(arena, TEXT_FMT "." TEXT_FMT, TEXT_ARG(encode_text(arena_print(arena, "{\"alg\":\"%s\",\"kid\":\"r\"}", names[i]).at)),
		    TEXT_ARG(encode_text(CLAIMS)));
		assert_false(verifies(arena_print(arena, TEXT_FMT ".", TEXT_ARG(head))));
		HMAC(EVP_sha256(), pub.at, (int)pub.len, (const unsigned char *)head.at, head.len, mac, &n);
		assert_false(verifies(arena_print(arena, TEXT_FMT "." TEXT_FMT, TEXT_ARG(head), TEXT_ARG(encode(mac, n)))));
	}
	assert_false(verifies(token_with("{\"alg\":\"ES256\",\"kid\":\"r\"}", CLAIMS, p256, EVP_sha256(), false, 32)));
	assert_false(verifies(token_with("{\"alg\":\"RS256\",\"kid\":\"r\",\"crit\":[\"x\"]}", CLAIMS, rsa, EVP_sha256(), false, 0)));
}

static void
what_is_no_token_is_none(void **state)
{
	static const char *const bad[] = { "", ".", "..", "eyJ", "eyJ..", "eyJh.eyJh.", "eyJhbGciOiJSUzI1NiJ9", "eyJhbGciOiJSUzI1NiJ9.e30", "sk-1.2.3",
		"eyJhbGciOiJSUzI1NiJ9.e30.a.b", "eyJhbGciOiJSUzI1NiJ9.W10.AA", "eyJhbGciOiJSUzI1NiJ9.e30.A=", "eyJhbGciOiJSUzI1NiJ9.e30.\xff" };
	struct jwt t;

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++)
		assert_false(jwt_read(&t, arena, text_of(bad[i])) && jwt_verify(&t, set));
	assert_null(jwk_set_read(TEXT("")));
	assert_null(jwk_set_read(TEXT("[]")));
	assert_null(jwk_set_read(TEXT("{\"keys\":{}}")));
	assert_false(jwt_verify(&(struct jwt){ .alg = TEXT("RS256") }, NULL));
}

static const char *
fault(const char *claims, const char *audience, const char *issuer)
{
	struct json_fault f;

	return (jwt_fault(json_parse(arena, text_of(claims), &f), &(struct jwt_wanted){ text_of(audience), text_of(issuer), NOW }));
}

static void
claims_are_held_to_time_and_place(void **state)
{
	(void)state;
	assert_null(fault("{\"exp\":1785000001}", "", ""));
	assert_null(fault("{\"exp\":1785000000.5}", "", ""));
	assert_string_equal(fault("{\"exp\":1785000000}", "", ""), "has expired");
	assert_string_equal(fault("{}", "", ""), "says no time at which it expires");
	assert_string_equal(fault("{\"exp\":\"1785009999\"}", "", ""), "says no time at which it expires");
	assert_string_equal(fault("{\"exp\":1785009999,\"nbf\":1785000031}", "", ""), "is not valid yet");
	assert_string_equal(fault("{\"exp\":1785009999,\"nbf\":\"x\"}", "", ""), "is not valid yet");
	assert_null(fault("{\"exp\":1785009999,\"nbf\":1785000030,\"iat\":1785000030}", "", ""));
	assert_string_equal(fault("{\"exp\":1785009999,\"iat\":1785000031}", "", ""), "was issued in the future");
	assert_null(fault("{\"exp\":1785009999,\"aud\":\"gw\",\"iss\":\"a\"}", "x, gw", "a"));
	assert_null(fault("{\"exp\":1785009999,\"aud\":[1,\"gw\"],\"iss\":\"a\"}", "gw", "b,a"));
	assert_non_null(fault("{\"exp\":1785009999,\"aud\":\"gwx\"}", "gw", ""));
	assert_non_null(fault("{\"exp\":1785009999}", "gw", ""));
	assert_non_null(fault("{\"exp\":1785009999,\"aud\":\"\"}", "gw,", ""));
	assert_non_null(fault("{\"exp\":1785009999,\"iss\":\"https://evil\"}", "", "https://good"));
}

static struct jwt_rules
rules(void)
{
	return ((struct jwt_rules){ .on = true, .admin_scope = TEXT("litellm_proxy_admin"), .user_id = TEXT("sub"), .user_email = TEXT("email"),
	    .email_domain = TEXT(""), .user_roles = TEXT("realm.roles"), .team_id = TEXT("my\\.team"), .team_ids = TEXT("groups"), .team_default = TEXT(""),
	    .organization_id = TEXT("org.id"), .end_user_id = TEXT("for") });
}

static void
claims_say_who_it_is(void **state)
{
	static struct text routes[] = { { "openai_routes", 13 } }, allowed[] = { { "chat", 4 } };
	static struct jwt_role map[] = { { { "boss", 4 }, { "proxy_admin_viewer", 18 } } };
	struct jwt_rules j = rules();
	struct person p;

	(void)state;
	j.team_routes = routes;
	j.n_team_routes = 1;
	assert_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"ada\",\"email\":\"a@b.c\",\"org\":{\"id\":7},\"for\":\"cust\",\"groups\":[\"t1\",3,null],"
	    "\"my.team\":\"t2\"}")));
	assert_true(text_is(p.name, "ada") && text_is(p.organization_id, "7") && text_is(p.customer, "cust") && p.role == USER_INTERNAL && p.by_token);
	assert_true(p.n_teams == 3 && text_is(p.teams[0], "t1") && text_is(p.teams[1], "3") && text_is(p.teams[2], "t2") && p.n_routes == 1);
	assert_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"ada\",\"scope\":\"a litellm_proxy_admin\"}")));
	assert_true(p.role == USER_ADMIN && p.n_routes == 0);
	assert_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"ada\",\"scope\":\"litellm_proxy_admins\"}")));
	assert_int_equal(p.role, USER_INTERNAL);
	j.roles = map;
	j.n_roles = 1;
	assert_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"ada\",\"realm\":{\"roles\":[\"x\",\"boss\"]}}")));
	assert_int_equal(p.role, USER_ADMIN_VIEWER);
	assert_non_null(program_read(&p, arena, &j, TEXT("{\"client_id\":\"x\"}")));
	j.team_default = TEXT("rest");
	assert_null(program_read(&p, arena, &j, TEXT("{\"client_id\":\"x\"}")));
	assert_true(p.n_teams == 1 && text_is(p.teams[0], "rest"));
	j.allowed_roles = allowed;
	j.n_allowed_roles = 1;
	assert_non_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"ada\",\"realm\":{\"roles\":[\"boss\"]}}")));
	assert_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"ada\",\"realm\":{\"roles\":\"a chat\"}}")));
	j.email_domain = TEXT("good.org");
	assert_non_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"a\",\"realm\":{\"roles\":\"chat\"},\"email\":\"a@evilgood.org\"}")));
	assert_non_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"a\",\"realm\":{\"roles\":\"chat\"},\"email\":\"@good.org\"}")));
	assert_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"a\",\"realm\":{\"roles\":\"chat\"},\"email\":\"a@Good.org\"}")));
}

/* What rules of access make of a token. */
static void
claims_say_what_it_may(void **state)
{
	static struct text m1[] = { { "m1", 2 } }, m2[] = { { "m2", 2 }, { "m3", 2 } }, chat[] = { { "/chat", 5 } }, open[] = { { "/open", 5 } };
	static struct jwt_grant scopes[] = { { { "one", 3 }, m1, chat, 1, 1 }, { { "two", 3 }, m2, NULL, 2, 0 } };
	static struct jwt_grant permissions[] = { { { "team", 4 }, m1, chat, 1, 1 }, { { "internal_user", 13 }, NULL, open, 0, 1 } };
	static struct jwt_role mappings[] = { { { "crew", 4 }, { "team", 4 } }, { { "human", 5 }, { "internal_user", 13 } }, { { "king", 4 }, { "proxy_admin", 11 } } };
	struct jwt_rules j = rules();
	struct person p;

	(void)state;
	j.object_id = TEXT("oid");
	j.mapped_roles = TEXT("kinds");
	j.mappings = mappings;
	j.n_mappings = 3;
	assert_null(program_read(&p, arena, &j, TEXT("{\"oid\":\"o1\",\"kinds\":[\"crew\"]}")));
	assert_true(p.n_teams == 1 && text_is(p.teams[0], "o1") && p.name.len == 0);
	assert_null(program_read(&p, arena, &j, TEXT("{\"oid\":\"o1\",\"kinds\":[\"human\"]}")));
	assert_true(p.n_teams == 0 && text_is(p.name, "o1"));
	assert_null(program_read(&p, arena, &j, TEXT("{\"oid\":\"o1\",\"kinds\":[\"king\"]}")));
	assert_int_equal(p.role, USER_ADMIN);
	assert_non_null(program_read(&p, arena, &j, TEXT("{\"oid\":\"o1\",\"kinds\":[\"other\"]}")));
	j.public_routes = open;
	j.n_public_routes = 1;
	assert_null(program_read(&p, arena, &j, TEXT("{\"oid\":\"o1\"}")));
	assert_true(p.n_routes == 1 && text_is(p.routes[0], "/open") && p.name.len == 0);

	j.scopes = scopes;
	j.n_scopes = 2;
	j.by_scope = true;
	assert_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"a\",\"scope\":\"one x\"}")));
	assert_true(p.n_only == 1 && p.only[0].n == 1 && text_is(p.only[0].list[0], "m1") && p.n_routes == 1 && text_is(p.routes[0], "/chat"));
	assert_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"a\",\"scp\":\"two one\"}")));
	assert_true(p.only[0].n == 3 && p.n_routes == 0);		/* one of them opens all paths */
	assert_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"a\",\"scope\":\"neither\"}")));
	assert_true(p.n_only == 1 && p.only[0].n == 0);

	j.by_scope = false;
	j.by_role = true;
	j.permissions = permissions;
	j.n_permissions = 2;
	assert_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"a\",\"groups\":[\"t\"]}")));
	assert_true(p.n_only == 1 && text_is(p.only[0].list[0], "m1") && text_is(p.routes[0], "/chat") && p.says_teams);
	assert_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"a\"}")));
	assert_true(p.n_only == 0 && text_is(p.routes[0], "/open") && !p.says_teams);
	assert_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"a\",\"groups\":[]}")));
	assert_true(p.says_teams && p.n_teams == 0);
	j.key_claim = TEXT("client.id");
	assert_null(program_read(&p, arena, &j, TEXT("{\"sub\":\"a\",\"client\":{\"id\":\"c1\"}}")));
	assert_true(text_is(p.key_claim, "c1"));
}

#define TEST(f)	cmocka_unit_test(f)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_algorithm_verifies), TEST(who_signs_with_another_key_is_nobody), TEST(none_and_shared_secrets_never_count),
		TEST(what_is_no_token_is_none), TEST(claims_are_held_to_time_and_place), TEST(claims_say_who_it_is), TEST(claims_say_what_it_may),
	};

	return (cmocka_run_group_tests(tests, set_up, tear_down));
}
