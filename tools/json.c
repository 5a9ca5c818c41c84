/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "json.h"

#define SHARE_DIGITS 6

json_t *json_text(const char *text)
{
	json_t *string = json_string(text);
	char *copy = string ? NULL : strdup(text);

	if (!copy)
		return string;
	for (char *byte = copy; *byte; byte++)
		if ((unsigned char)*byte >= 0x80)
			*byte = '?';
	string = json_string(copy);
	free(copy);
	return string;
}

int json_print(json_t *root, enum json_layout layout)
{
	size_t flags = JSON_REAL_PRECISION(SHARE_DIGITS);

	if (!root)
		return out_of_memory();
	if (layout == JSON_LINES)
		flags |= JSON_INDENT(2);
	/* a write that fails is main()'s to notice */
	if (json_dumpf(root, stdout, flags) && !ferror(stdout)) {
		json_decref(root);
		return out_of_memory();
	}
	putchar('\n');
	json_decref(root);
	return 0;
}
