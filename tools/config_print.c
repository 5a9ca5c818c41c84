/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A model in the words of the configuration file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_print.h"

struct print {
	struct notrack *nt;
	const struct notrack_service *service;
};

/* What is longer goes on in the next line. */
#define LINE_WIDTH 78

void config_print_words(const char *margin, const char *key, const char *const *words,
			size_t count)
{
	int column = printf("%s%s =", margin, key);

	for (size_t i = 0; i < count; i++) {
		if (column + (int)strlen(words[i]) + 2 > LINE_WIDTH) {
			column = printf("\n%s   ", margin);
			column--;
		}
		column += printf(" %s%s", words[i], i + 1 < count ? "," : "");
	}
	putchar('\n');
}

/* Takes a list in words apart, and prints it in lines. */
static int print_list(const char *key, const char *list)
{
	char *copy = strdup(list), *rest = copy, *word;
	const char **words = calloc(strlen(list) / 2 + 1, sizeof(*words));
	size_t count = 0;

	if (!copy || !words) {
		free(copy);
		free(words);
		return -ENOMEM;
	}
	while ((word = strsep(&rest, ",")))
		words[count++] = word + (*word == ' ');
	config_print_words("", key, words, count);
	free(words);
	free(copy);
	return 0;
}

static int print_limit(const struct hashlimit *limit, const char *const *clients, size_t count,
		       void *data)
{
	const struct print *print = data;

	printf("\n[limit %s]\n", print->service->name);
	config_print_words("", "clients", clients, count);
	printf("above = %s\nburst = %u\n", limit->above, limit->burst);
	if (limit->srcmask)
		printf("srcmask = %u\n", limit->srcmask);
	if (limit->htable_max)
		printf("htable-max = %u\n", limit->htable_max);
	if (limit->htable_size)
		printf("htable-size = %u\n", limit->htable_size);
	if (limit->htable_expire_ms)
		printf("htable-expire = %u\n", limit->htable_expire_ms);
	return 0;
}

int config_print_service(const struct notrack_service *service)
{
	const char *key, *value;
	int err = 0;

	printf("[service %s]\n", service->name);
	for (unsigned int i = 0; !err && notrack_service_get(service, i, &key, &value); i++)
		if (value)
			err = print_list(key, value);
	return err;
}

static int print_service(const struct notrack_service *service, void *data)
{
	struct print *print = data;
	int err;

	putchar('\n');
	print->service = service;
	err = config_print_service(service);
	return err ? err : hashlimit_each(print->nt, service, print_limit, print);
}

void config_print_host(void)
{
	puts("[host]\nbackend = auto\ntwins = auto");
}

int config_print_services(struct notrack *nt)
{
	struct print print = { .nt = nt };

	return notrack_each_service(nt, print_service, &print);
}
