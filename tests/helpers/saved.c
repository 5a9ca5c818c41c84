/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "saved.h"

#include <ctype.h>
#include <string.h>

#include "run.h"

/* One table of iptables-save: from its name to its COMMIT. */
static bool is_empty_table(const char *table, const char *end)
{
	for (const char *line = table; line < end; line = strchr(line, '\n') + 1)
		if (*line == '-' || (*line == ':' && !strstr(line, " ACCEPT")) ||
		    (*line == ':' && strstr(line, " ACCEPT") > (const char *)strchr(line, '\n')))
			return false;
	return true;
}

/* "[12:345]" counts. */
static void forget_counters(char *line)
{
	char *bracket = strstr(line, " [");

	if (*line == ':' && bracket)
		*bracket = '\0';
}

static char *put_line(char *to, const char *from, size_t size)
{
	char line[4096];

	if (size >= sizeof(line))
		size = sizeof(line) - 1;
	memcpy(line, from, size);
	line[size] = '\0';
	forget_counters(line);
	size = strlen(line);
	memcpy(to, line, size);
	to[size] = '\n';
	return to + size + 1;
}

/* In place: it only ever gets shorter. */
static void tidy_tables(char *text)
{
	char *to = text;

	for (char *line = text; *line;) {
		char *end = strchr(line, '\n') + 1;
		char *commit = *line == '*' ? strstr(line, "\nCOMMIT\n") : NULL;

		if (commit && is_empty_table(line, commit + 1))
			end = commit + strlen("\nCOMMIT\n");
		else if (*line != '#')
			to = put_line(to, line, (size_t)(end - line - 1));
		line = end;
	}
	*to = '\0';
}

static const char *tables(const char *program)
{
	char *text = must("%s", program).out;

	tidy_tables(text);
	return text;
}

const char *saved_rules(void)
{
	return format_text("%s%s%s", tables("iptables-legacy-save"), tables("ip6tables-legacy-save"),
			   must("nft -s -t list ruleset").out);
}

const char *saved_difference(const char *found, const char *expected)
{
	return first_difference(found, expected);
}
