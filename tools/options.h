/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "notrackctl.h"

struct parse {
	struct options options;
	bool help, version;
	bool seen[128];			/* a command's own options, by value */
};

/* Exit codes; what stands behind the options is from optind on. */
int options_parse(struct parse *parse, int argc, char **argv);
/* Whether the options that were given, and so many words, go with @command. */
int options_check(const struct parse *parse, const struct command *command);

#endif
