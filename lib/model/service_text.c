/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Services as words: for users, and for the comment that describes one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/service.h"
#include "support/stream.h"
#include "support/words.h"

/* The keys of the configuration file, in the order in which they are shown. */
static const struct {
	const char *key;
	size_t member;
} keys[] = {
	{ "ports", offsetof(struct notrack_service, ports) },
	{ "protocols", offsetof(struct notrack_service, protocols) },
	{ "roles", offsetof(struct notrack_service, roles) },
	{ "from", offsetof(struct notrack_service, from) },
	{ "local", offsetof(struct notrack_service, local) },
	{ "remote", offsetof(struct notrack_service, remote) },
	{ "interfaces", offsetof(struct notrack_service, interfaces) },
	{ "reply-ports", offsetof(struct notrack_service, reply_ports) },
	{ "mode", offsetof(struct notrack_service, mode) },
	{ "icmp-errors", offsetof(struct notrack_service, icmp_errors) },
	{ "twins", offsetof(struct notrack_service, twins) },
	{ "families", offsetof(struct notrack_service, families) },
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

static const char **member(struct notrack_service *words, size_t key)
{
	return (const char **)((char *)words + keys[key].member);
}

int notrack_service_set(struct notrack_service *words, const char *key, const char *value)
{
	if (!words || !key)
		return -EINVAL;
	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].key, key))
			continue;
		if (keys[i].member + sizeof(value) > words->size)
			break;		/* of a caller who does not know it */
		*member(words, i) = value;
		return 0;
	}
	return -EINVAL;
}

int notrack_service_get(const struct notrack_service *words, unsigned int index,
			const char **key, const char **value)
{
	if (!words || !key || !value)
		return -EINVAL;
	if (index >= KEYS)
		return 0;
	*key = keys[index].key;
	*value = keys[index].member + sizeof(*value) > words->size ? NULL :
		 *(const char *const *)((const char *)words + keys[index].member);
	return 1;
}

static void put_range(FILE *list, const struct port_range *range)
{
	char word[16];

	if (range->first == range->last)
		snprintf(word, sizeof(word), "%u", range->first);
	else
		snprintf(word, sizeof(word), "%u:%u", range->first, range->last);
	words_append(list, word);
}

static void put_prefixes(FILE *list, const struct prefix *prefixes, size_t count)
{
	char text[PREFIX_TEXT];

	for (size_t i = 0; i < count; i++)
		words_append(list, prefix_format(&prefixes[i], true, text));
}

static void put_bits(FILE *list, unsigned int bits, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (bits & 1u << i && strcmp(names[i], "both"))
			words_append(list, names[i]);
}

static void put_key(FILE *list, const struct service *service, const char *key)
{
	if (!strcmp(key, "ports"))
		for (size_t i = 0; i < service->port_count; i++)
			put_range(list, &service->ports[i]);
	else if (!strcmp(key, "protocols"))
		put_bits(list, service->protocols, protocol_names);
	else if (!strcmp(key, "roles"))
		put_bits(list, service->roles, role_names);
	else if (!strcmp(key, "from"))
		put_prefixes(list, service->from, service->from_count);
	else if (!strcmp(key, "local"))
		put_prefixes(list, service->local, service->local_count);
	else if (!strcmp(key, "remote"))
		put_prefixes(list, service->remote, service->remote_count);
	else if (!strcmp(key, "interfaces"))
		for (size_t i = 0; i < service->interface_count; i++)
			words_append(list, service->interfaces[i]);
	else if (!strcmp(key, "reply-ports") && !service->usual_reply_ports)
		put_range(list, &service->reply_ports);
	else if (!strcmp(key, "mode") && service->classic)
		words_append(list, "classic");
	else if (!strcmp(key, "icmp-errors") && !service->icmp_errors)
		words_append(list, "no");
	else if (!strcmp(key, "twins") && service->no_twins)
		words_append(list, "none");
}

int service_format(const struct service *service, struct notrack_service *words,
		   struct arena *arena)
{
	*words = (struct notrack_service){ .size = sizeof(*words) };
	words->name = arena_strdup(arena, service->name);
	for (size_t i = 0; i < KEYS; i++) {
		struct stream list;

		if (stream_open(&list))
			return -ENOMEM;
		put_key(list.out, service, keys[i].key);
		if (stream_close(&list))
			return -ENOMEM;
		if (list.size)
			*member(words, i) = arena_strdup(arena, list.text);
		free(list.text);
		if (list.size && !*member(words, i))
			return -ENOMEM;
	}
	return words->name ? 0 : -ENOMEM;
}

int service_describe(const struct service *service, char **line, struct arena *arena)
{
	struct notrack_service words;
	const char *separator = ": ";
	struct stream stream;
	int err = service_format(service, &words, arena);

	if (!err)
		err = stream_open(&stream);
	if (err)
		return err;
	fprintf(stream.out, "service %s", service->name);
	for (size_t i = 0; i < KEYS; i++) {
		if (!*member(&words, i))
			continue;
		fprintf(stream.out, "%s%s = %s", separator, keys[i].key, *member(&words, i));
		separator = "; ";
	}
	*line = stream_close(&stream) ? NULL : arena_strdup(arena, stream.text);
	free(stream.text);
	return *line ? 0 : -ENOMEM;
}

/* A rule holds this much of a description, with room to spare. */
#define DESCRIPTION_MAX 40000

int service_check_description(const struct service *service, struct error *error)
{
	struct arena arena = { 0 };
	char *line;
	int err = service_describe(service, &line, &arena);

	if (err)
		err = error_set(error, err, "out of memory");
	else if (strlen(line) > DESCRIPTION_MAX)
		err = error_set(error, -EINVAL, "service %s: its lists are too long for a rule to "
				"describe; use wider prefixes or port ranges", service->name);
	arena_free(&arena);
	return err;
}

int service_read(struct service **service, char *line, unsigned int *families,
		 struct error *error)
{
	struct notrack_service words = { .size = sizeof(words) };
	char *rest = strstr(line, ": "), *pair;

	if (strncmp(line, "service ", strlen("service ")) || !rest)
		return error_set(error, -EINVAL, "\"%.60s\" does not describe a service", line);
	*rest = '\0';
	words.name = line + strlen("service ");
	rest += strlen(": ");
	while ((pair = strsep(&rest, ";"))) {
		char *equals = strstr(pair, " = ");

		pair += strspn(pair, " ");
		if (!equals)
			return error_set(error, -EINVAL, "\"%.60s\" is not key = value", pair);
		*equals = '\0';
		if (notrack_service_set(&words, pair, equals + strlen(" = ")))
			return error_set(error, -EINVAL, "%.60s: not a key of a service", pair);
	}
	return service_parse(service, &words, families, error);
}

bool service_same(const struct service *a, const struct service *b)
{
	return a == b ||
	       (!strcmp(a->name, b->name) && a->protocols == b->protocols &&
		a->roles == b->roles && a->classic == b->classic &&
		a->icmp_errors == b->icmp_errors && a->no_twins == b->no_twins &&
		!memcmp(&a->reply_ports, &b->reply_ports, sizeof(a->reply_ports)) &&
		a->port_count == b->port_count && a->local_count == b->local_count &&
		a->remote_count == b->remote_count && a->interface_count == b->interface_count &&
		!memcmp(a->ports, b->ports, a->port_count * sizeof(*a->ports)) &&
		(!a->local_count || !memcmp(a->local, b->local, a->local_count * sizeof(*a->local))) &&
		(!a->remote_count || !memcmp(a->remote, b->remote, a->remote_count * sizeof(*a->remote))) &&
		a->from_count == b->from_count &&
		(!a->from_count || !memcmp(a->from, b->from, a->from_count * sizeof(*a->from))) &&
		(!a->interface_count || !memcmp(a->interfaces, b->interfaces,
						a->interface_count * sizeof(*a->interfaces))));
}
