/* SPDX-License-Identifier: Apache-2.0 */
/* Who comes with a token that was not seen lately: the rows it wants are made, beside the loop, before it is looked for them. */
#include "exchange/exchange.h"

#include "admin/provide.h"
#include "base/log.h"

static void
put_list(struct json_out *o, const char *name, const struct text *list, unsigned n)
{
	json_name(o, name);
	json_open(o, '[');
	for (unsigned i = 0; i < n; i++)
		json_string(o, list[i]);
	json_close(o, ']');
}

static void
write_body(struct buf *b, const struct person *who, bool with_key)
{
	struct json_out o = { .to = b };

	json_open(&o, '{');
	json_pair(&o, "user_id", who->name);
	json_pair(&o, "user_email", who->email);
	json_pair(&o, "role", text_of(role_names[who->role == USER_ADMIN ? USER_ADMIN : who->mapped]));
	json_pair(&o, "organization_id", who->organization_id);
	put_list(&o, "teams", who->teams, who->n_teams);
	json_name(&o, "says_teams");
	json_bool(&o, who->says_teams);
	if (with_key)
		json_pair(&o, "claim", who->key_claim);
	json_close(&o, '}');
}

static void
begin(struct exchange *x, bool with_key)
{
	struct caller system;
	struct buf body = { 0 };

	caller_nobody(&system);
	system.kind = CALLER_PERSON;
	system.role = USER_ADMIN;
	write_body(&body, x->person, with_key);
	x->error = admin_send(x, &provide_row, &system, buf_as_text(&body), TEXT("litellm_jwtauth"));
	buf_free(&body);
}

enum provided
exchange_provide(struct exchange *x, bool with_key)
{
	struct error *e = NULL;

	if (x->admin == NULL)
		begin(x, with_key);
	if (x->error == NULL && !admin_is_done(x))
		return (PROVIDED_LATER);
	if (x->error == NULL)
		e = admin_error(x);
	else
		e = x->error;
	x->error = NULL;
	if (e != NULL)
		note(NOTE_WARN, x->id, "the rows of a token could not be made: " TEXT_FMT, TEXT_ARG(e->message));
	x->provide_error = e;
	admin_forget(x);
	lookup_forget(&x->lookup);
	lookup_free(&x->lookup);
	x->lookup = (struct lookup){ .ready = x->lookup.ready, .arena = x->lookup.arena };
	return (e == NULL ? PROVIDED : PROVIDED_NOT);
}
