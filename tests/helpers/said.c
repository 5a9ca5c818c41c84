/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "said.h"

#include <string.h>

struct said verify(const char *option)
{
	struct run done = run("notrackctl verify --json %s", option);
	json_error_t error;
	json_t *json = json_loads(done.out, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(json != NULL, "%s: not JSON: %s\n%.2000s%.2000s", done.command, error.text,
		      done.out, done.err);
	return (struct said){ done.code, keep(json) };
}

const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	ck_assert_msg(text != NULL, "%s is missing", key);
	return text;
}

bool is_ok(struct said said)
{
	json_t *ok = json_object_get(said.json, "ok");

	ck_assert(json_is_boolean(ok));
	ck_assert_int_eq(said.code, json_is_true(ok) ? 0 : 1);
	return json_is_true(ok);
}

json_t *row_of(struct said said, const struct family *family, const char *protocol,
	       const char *role, const char *packet)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(said.json, "flows"), i, row)
		if (!strcmp(text_of(row, "family"), family->name) &&
		    !strcmp(text_of(row, "protocol"), protocol) &&
		    !strcmp(text_of(row, "role"), role) && !strcmp(text_of(row, "packet"), packet))
			return row;
	ck_abort_msg("no row: %s %s %s %s", family->name, protocol, role, packet);
}

bool finds(struct said said, const char *code, const char *severity, const char *words)
{
	json_t *finding;
	size_t i;

	json_array_foreach(json_object_get(said.json, "findings"), i, finding)
		if (!strcmp(text_of(finding, "code"), code) &&
		    !strcmp(text_of(finding, "severity"), severity) &&
		    strstr(text_of(finding, "text"), words))
			return true;
	return false;
}
