/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every kind of failure a caller can see, as one table.
 *
 * Columns: kind, HTTP status, OpenAI `type`, OpenAI `code` (NULL is JSON null), Anthropic `error.type`, whose fault, may another
 * deployment do better, what it means.  `status` is what chat clients get; Messages clients differ in two rows (see error_status_messages()).
 */
#ifndef BASE_ERROR_KINDS_H
#define BASE_ERROR_KINDS_H

#define ERROR_KINDS(ROW) \
	ROW(BAD_REQUEST,	400, "invalid_request_error", NULL,			"invalid_request_error", CALLER,   false, "the request is malformed") \
	ROW(CONTEXT_LENGTH,	400, "invalid_request_error", "context_length_exceeded", "invalid_request_error", CALLER,  false, "the prompt is longer than the model's context") \
	ROW(CONTENT_POLICY,	400, "invalid_request_error", "content_policy_violation", "invalid_request_error", CALLER, false, "the vendor's content filter refused") \
	ROW(NO_SUCH_MODEL,	400, "invalid_request_error", NULL,			"not_found_error", CALLER,	   false, "no model group of that name") \
	ROW(AUTH,		401, "invalid_request_error", "invalid_api_key",	"authentication_error", CALLER,    false, "no key, or one we do not know") \
	ROW(BILLING,		402, "insufficient_quota", "insufficient_quota",	"billing_error", CALLER,	   false, "the account has no credit") \
	ROW(FORBIDDEN,		403, "invalid_request_error", NULL,			"permission_error", CALLER,	   false, "this key may not do that") \
	ROW(NOT_FOUND,		404, "invalid_request_error", "not_found",		"not_found_error", CALLER,	   false, "no such path or object") \
	ROW(METHOD,		405, "invalid_request_error", "method_not_allowed",	"invalid_request_error", CALLER,   false, "the path exists, the method does not") \
	ROW(TIMEOUT,		408, "timeout", NULL,					"api_error", UPSTREAM,		   true,  "the upstream did not answer in the time set") \
	ROW(CONFLICT,		409, "invalid_request_error", NULL,			"invalid_request_error", CALLER,   false, "the request conflicts with another") \
	ROW(LENGTH_REQUIRED,	411, "invalid_request_error", "length_required",	"invalid_request_error", CALLER,   false, "the length of the body is missing or malformed") \
	ROW(TOO_LARGE,		413, "invalid_request_error", "request_too_large",	"request_too_large", CALLER,	   false, "the body is over the limit") \
	ROW(UNPROCESSABLE,	422, "invalid_request_error", NULL,			"invalid_request_error", CALLER,   false, "the vendor understood but refused") \
	ROW(RATE_LIMIT,		429, "throttling_error", NULL,				"rate_limit_error", UPSTREAM,	   true,  "too many requests") \
	ROW(LIMITED,		429, "throttling_error", NULL,				"rate_limit_error", CALLER,	   false, "a rate limit of the caller's key, team … is reached") \
	ROW(BUDGET,		429, "budget_exceeded", NULL,				"billing_error", CALLER,	   false, "a budget that stands behind the caller's key is spent") \
	ROW(QUOTA,		429, "insufficient_quota", "insufficient_quota",	"rate_limit_error", UPSTREAM,	   true,  "a quota is spent") \
	ROW(INTERNAL,		500, "server_error", NULL,				"api_error", GATEWAY,		   false, "the gateway itself failed") \
	ROW(NOT_BUILT,		501, "invalid_request_error", "not_implemented",	"api_error", GATEWAY,		   false, "a surface this version does not have yet") \
	ROW(UPSTREAM_FAILED,	502, "server_error", "upstream_failed",			"api_error", UPSTREAM,		   true,  "the upstream answered nonsense, or an error of its own") \
	ROW(UPSTREAM_UNREACHABLE, 502, "server_error", "upstream_unreachable",		"api_error", UPSTREAM,		   true,  "the upstream could not be reached") \
	ROW(UPSTREAM_CREDENTIAL, 502, "server_error", "upstream_credential",		"api_error", UPSTREAM,		   true,  "the upstream refused the gateway's own credential") \
	ROW(UPSTREAM_NOT_FOUND,	404, "invalid_request_error", "model_not_found",	"not_found_error", UPSTREAM,	   true,  "the upstream does not have that model") \
	ROW(UPSTREAM_CUT,	502, "server_error", "upstream_cut",			"api_error", UPSTREAM,		   true,  "the upstream ended its stream without finishing") \
	ROW(OVERLOADED,		503, "server_error", "overloaded",			"overloaded_error", UPSTREAM,	   true,  "the upstream is overloaded") \
	ROW(BUSY,		503, "server_error", "gateway_busy",			"overloaded_error", GATEWAY,	   false, "the gateway has no room for this request now") \
	ROW(STORE_AWAY,		503, "no_db_connection", "503",				"api_error", GATEWAY,		   false, "the store, where keys are looked up, can not be reached") \
	ROW(UPSTREAM_TIMEOUT,	504, "server_error", "timeout",				"timeout_error", UPSTREAM,	   true,  "the upstream reported a time-out of its own") \
	ROW(CLIENT_LEFT,	499, "server_error", "client_left",			"api_error", CALLER,		   false, "the client left; nobody hears this")

#endif
