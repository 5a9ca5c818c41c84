/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* notrack.conf(5) */
#ifndef CONFIG_H
#define CONFIG_H

#include "command.h"

struct config;

struct config *config_new(void);
void config_free(struct config *config);

/* Adds what a file says, "-" being standard input; an exit code, after a complaint. */
int config_read(struct config *config, const char *path);

/* Where it is when no file is named. */
#define CONFIG_FILE "/etc/notrack.conf"
#define CONFIG_PARTS "/etc/notrack.conf.d/*.conf"

/* Adds the file that the command was given, or else those; an exit code, after a complaint. */
int config_read_files(struct config *config, const struct options *options);

/* How many clients were read. */
size_t config_clients(const struct config *config);

/*
 * Adds all that was read to a context with an empty model; what the options say goes first.  An
 * exit code.
 */
int config_build(const struct config *config, const struct options *options, struct notrack *nt);

#endif
