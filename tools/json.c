/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "json.h"

#define SHARE_DIGITS 6

/* Since json_print() last said so. */
static bool lacked_memory;

static void *allocate(size_t size)
{
	void *block = malloc(size);

	if (!block)
		lacked_memory = true;
	return block;
}

void json_begin(void)
{
	json_set_alloc_funcs(allocate, free);
}

json_t *json_text(const char *text)
{
	json_t *string = json_string(text);
	char *copy = string ? NULL : strdup(text);

	if (string)
		return string;
	if (!copy) {
		lacked_memory = true;
		return NULL;
	}
	for (char *byte = copy; *byte; byte++)
		if ((unsigned char)*byte >= 0x80)
			*byte = '?';
	string = json_string(copy);
	free(copy);
	return string;
}

/* Some of @root may have had no memory, or printing it. */
static int give_up(json_t *root)
{
	json_decref(root);
	lacked_memory = false;
	return out_of_memory();
}

int json_print(json_t *root, enum json_layout layout)
{
	size_t flags = JSON_REAL_PRECISION(SHARE_DIGITS);

	if (!root || lacked_memory)
		return give_up(root);
	if (layout == JSON_LINES)
		flags |= JSON_INDENT(2);
	/* a write that fails is main()'s to notice */
	if (json_dumpf(root, stdout, flags) && !ferror(stdout))
		return give_up(root);
	putchar('\n');
	json_decref(root);
	return 0;
}
