/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that are let in, kept in the store: general_settings.allowed_ips, one by one. */
#include "admin/settings.h"

#include "admin/nouns.h"
#include "base/network.h"

static const char section[] = "general_settings", key[] = "allowed_ips";

/* The list in force, as JSON; NULL: there is none. */
static const struct json *
list_now(struct admin_call *c)
{
	struct json_fault fault;
	const struct json *list = json_parse(c->arena, setting_raw(c->config, section, key, "null"), &fault);

	return (json_is(list, JSON_ARRAY) ? list : NULL);
}

static struct error *
address_in(struct text *address, struct admin_call *c)
{
	struct network unused;

	TRY(body_id(address, c, c->body, "ip"));
	*address = text_trim(*address);
	if (!network_read(&unused, *address))
		return (admin_bad(c, "ip", "\"" TEXT_FMT "\" is neither an address nor a network such as 10.0.0.0/8.", TEXT_ARG(text_whole(text_sub(*address, 0, 64)))));
	return (NULL);
}

/* The list without that address; *n: how many are left, *there: it was one of them. */
static void
put_others(struct json_out *o, struct admin_call *c, struct text address, unsigned *n, bool *there)
{
	const struct json *list = list_now(c);

	*n = 0;
	*there = false;
	for (const struct json *i = list != NULL ? list->first : NULL; i != NULL; i = i->next) {
		struct text one = json_unescape(c->arena, json_quoted(i));

		if (text_eq(one, address)) {
			*there = true;
			continue;
		}
		json_string(o, one);
		(*n)++;
	}
}

static struct error *
keep(struct admin_call *c, const struct buf *list, struct text address, const char *done)
{
	struct json_out o = { .to = &c->out };
	struct changing all = { 0 };
	struct json_fault fault;

	TRY(setting_change(&all, c, section, text_of(key), json_parse(c->arena, arena_copy(c->arena, buf_as_text(list)), &fault)));
	TRY(settings_try(&all, c));
	json_open(&o, '{');
	json_pair(&o, "message", arena_print(c->arena, "IP " TEXT_FMT " %s", TEXT_ARG(address), done));
	json_pair(&o, "status", TEXT("success"));
	json_close(&o, '}');
	return (NULL);
}

/* One more, or one less. */
static struct error *
change(struct admin_call *c, bool add)
{
	struct text address;
	struct buf list = { 0 };
	struct json_out o = { .to = &list };
	struct error *e;
	unsigned n;
	bool there;

	TRY(address_in(&address, c));
	json_open(&o, '[');
	put_others(&o, c, address, &n, &there);
	if (add)
		json_string(&o, address);
	json_close(&o, ']');
	if (add && there)
		e = admin_bad(c, "ip", "IP address already exists");
	else if (!add && !there)
		e = admin_missing(c, "ip", "IP address not found");
	else if (!add && n == 0)
		e = admin_bad(c, "ip", "IP " TEXT_FMT " is the last one: without it nobody could call any more.  POST /config/field/delete takes the whole list back.",
		    TEXT_ARG(address));
	else
		e = keep(c, &list, address, add ? "address added successfully" : "deleted successfully");
	buf_free(&list);
	return (e);
}

struct error *
allowed_ips(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	json_name(&o, "data");
	json_raw(&o, setting_raw(c->config, section, key, "null"));
	json_close(&o, '}');
	return (NULL);
}

struct error *
allowed_ip_add(struct admin_call *c)
{
	return (change(c, true));
}

struct error *
allowed_ip_delete(struct admin_call *c)
{
	return (change(c, false));
}
