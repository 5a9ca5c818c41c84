/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CONFIG_PRINT_H
#define CONFIG_PRINT_H

#include "notrack.h"

/* The section that comes first, so that what is printed is never empty. */
void config_print_host(void);

/* The services and limits of a model, each section with an empty line ahead of it. */
int config_print_services(struct notrack *nt);

/* One service, without its limits. */
int config_print_service(const struct notrack_service *service);

/* "KEY = a, b, c", in lines that are not too long to be read. */
void config_print_words(const char *margin, const char *key, const char *const *words,
			size_t count);

#endif
