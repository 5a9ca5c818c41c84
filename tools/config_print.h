/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CONFIG_PRINT_H
#define CONFIG_PRINT_H

#include <stdbool.h>

#include "notrack.h"

/* The services and limits of a model; @again: behind something else. */
int config_print(struct notrack *nt, bool again);

/* One service, without its limits. */
int config_print_service(const struct notrack_service *service);

/* "KEY = a, b, c", in lines that inih can read. */
void config_print_words(const char *key, const char *const *words, size_t count);

#endif
