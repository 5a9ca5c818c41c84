/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files a configuration is read from. */
#include <errno.h>
#include <glob.h>

#include "complain.h"
#include "config.h"

/* A folder that is not there is one without parts; one that cannot be read is not. */
static int is_fatal(const char *path, int err)
{
	if (err == ENOENT || err == ENOTDIR)
		return 0;
	errno = err;
	complain(0, "%s: %m", path);
	return 1;
}

/* The file, then the parts in order of name. */
static int read_default(struct config *config)
{
	int code = config_read(config, CONFIG_FILE), found;
	glob_t parts;

	if (code)
		return code;
	found = glob(CONFIG_PARTS, 0, is_fatal, &parts);
	if (found == GLOB_NOMATCH)
		return 0;
	if (found)
		return found == GLOB_NOSPACE ? out_of_memory() : EXIT_BAD_INPUT;
	for (size_t i = 0; i < parts.gl_pathc && !code; i++)
		code = config_read(config, parts.gl_pathv[i]);
	globfree(&parts);
	return code;
}

int config_read_files(struct config *config, const struct options *options)
{
	return options->word_count ? config_read(config, options->words[0]) : read_default(config);
}
