/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports as JSON. */
#include <string.h>

#include "report.h"

static bool is_there(const struct column *column, const void *member)
{
	if (column->type == COLUMN_WORD)
		return *(const char *const *)member;
	if (column->type == COLUMN_ANSWER)
		return *(const uint8_t *)member != ANSWER_NONE;
	if (column->type == COLUMN_COUNT || column->type == COLUMN_POSITIVE)
		return report_has_number(column, *(const uint64_t *)member);
	return true;
}

/* NULL if out of memory. */
static json_t *value_of(const struct column *column, const void *member)
{
	switch (column->type) {
	case COLUMN_WORD:
		return json_text(*(const char *const *)member);
	case COLUMN_ANSWER:
		return json_boolean(*(const uint8_t *)member == ANSWER_YES);
	case COLUMN_POSITIVE:
	case COLUMN_COUNT:
		return json_integer((json_int_t)*(const uint64_t *)member);
	default:
		return json_real(*(const double *)member);
	}
}

/* "a.b" is b of the object a, which is made where it is missing. */
static int set(json_t *object, const char *key, json_t *value)
{
	const char *dot = strchr(key, '.');
	char outer[32];
	json_t *inner;

	if (!dot)
		return json_object_set_new(object, key, value);
	memcpy(outer, key, (size_t)(dot - key));
	outer[dot - key] = '\0';
	inner = json_object_get(object, outer);
	if (!inner) {
		inner = json_object();
		json_object_set_new(object, outer, inner);
	}
	return json_object_set_new(inner, dot + 1, value);
}

static json_t *json_row(const struct report *report, const char *row)
{
	json_t *object = json_object();

	for (const struct column *column = report->columns; object && column->name; column++) {
		const void *member = row + column->member;

		if (!column->json || !is_there(column, member))
			continue;
		if (set(object, column->json, value_of(column, member))) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

json_t *report_json(const struct report *report)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < report->count; i++)
		if (json_array_append_new(array, json_row(report, report_row(report, i)))) {
			json_decref(array);
			return NULL;
		}
	return array;
}
