/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the keys of a configuration file mean.  Each value is checked at its line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "config_sections.h"

const struct host_key config_host_keys[HOST_KEYS] = {
	[HOST_BACKEND] = { "backend", { "auto", "legacy", "nft" } },
	[HOST_TWINS] = { "twins", { "auto", "none" } },
};

const struct number_key config_numbers[NUMBERS] = {
	{ "burst", offsetof(struct hashlimit, burst) },
	{ "srcmask", offsetof(struct hashlimit, srcmask) },
	{ "htable-max", offsetof(struct hashlimit, htable_max) },
	{ "htable-size", offsetof(struct hashlimit, htable_size) },
	{ "htable-expire", offsetof(struct hashlimit, htable_expire_ms) },
};

/* A key that is being taken. */
struct line {
	struct section *section;
	unsigned int number;
	const char *key;
	bool continues;
};

#define complain_here(line, ...) complain_line((line)->section->path, (line)->number, __VA_ARGS__)

/* --- [host] ----------------------------------------------------------- */

static int take_host_word(const struct line *line, size_t index, const char *value)
{
	const struct host_key *key = &config_host_keys[index];
	const char *const *word = key->words;

	if (line->section->host[index])
		return complain_here(line, "%s: is given twice", line->key);
	while (*word && strcmp(*word, value))
		word++;
	if (!*word)
		return complain_here(line, "%s: %s: must be %s, %s%s%s", line->key, value,
				     key->words[0], key->words[1], key->words[2] ? " or " : "",
				     key->words[2] ? key->words[2] : "");
	line->section->host[index] = *word;
	line->section->host_lines[index] = line->number;
	return 0;
}

static int take_host_key(const struct line *line, const char *value)
{
	for (size_t i = 0; i < HOST_KEYS; i++)
		if (!strcmp(config_host_keys[i].key, line->key))
			return take_host_word(line, i, value);
	return complain_here(line, "%s: not a key of [host]", line->key);
}

/* --- [service NAME] --------------------------------------------------- */

/* More than a rule can describe; a list that grows without end would only take time. */
#define LIST_SIZE_MAX 65536

static const char *current_value(const struct section *section, const char *key)
{
	const char *name, *value;

	for (unsigned int i = 0; notrack_service_get(&section->service, i, &name, &value); i++)
		if (!strcmp(name, key))
			return value;
	return NULL;
}

static int take_service_key(const struct line *line, const char *value)
{
	struct section *section = line->section;
	struct notrack_service scratch = { .size = sizeof(scratch) };
	const char *before = current_value(section, line->key);
	char sentence[SENTENCE_SIZE], *joined;
	int err;

	if (notrack_service_set(&scratch, line->key, value))
		return complain_here(line, "%s: not a key of a service", line->key);
	if (before && !line->continues)
		return complain_here(line, "%s: is given twice", line->key);
	if (!*value)
		return complain_here(line, "%s: has no value", line->key);
	err = notrack_check_value(line->key, value, sentence, sizeof(sentence));
	if (err)
		return complain_check(section->path, line->number, err, line->key, sentence);
	if (before && strlen(before) + strlen(value) > LIST_SIZE_MAX)
		return complain_here(line, "%s: is longer than %d characters", line->key, LIST_SIZE_MAX);
	if (asprintf(&joined, "%s%s%s", before ? before : "", before ? ", " : "", value) < 0)
		return out_of_memory();
	free((char *)before);
	notrack_service_set(&section->service, line->key, joined);
	return 0;
}

/* --- [limit SERVICE] -------------------------------------------------- */

static int add_client(struct section *section, const char *word, unsigned int family,
		      unsigned int line)
{
	if (section->client_count == section->client_room) {
		size_t room = section->client_room ? 2 * section->client_room : 8;
		struct client *grown = reallocarray(section->clients, room, sizeof(*grown));

		if (!grown)
			return out_of_memory();
		section->clients = grown;
		section->client_room = room;
	}
	section->clients[section->client_count] = (struct client){ strdup(word), family, line };
	if (!section->clients[section->client_count].prefix)
		return out_of_memory();
	section->client_count++;
	return 0;
}

static int take_client(const struct line *line, char *word)
{
	static const char blanks[] = " \t";
	char sentence[SENTENCE_SIZE];
	unsigned int family;
	size_t size;

	word += strspn(word, blanks);
	size = strlen(word);
	while (size && strchr(blanks, word[size - 1]))
		word[--size] = '\0';
	if (!*word)
		return complain_here(line, "clients: an empty word in a list");
	if (strpbrk(word, blanks))
		return complain_here(line, "clients: %s: prefixes of a list have commas between them",
				     word);
	if (hashlimit_check(NULL, word, &family, sentence, sizeof(sentence)))
		return complain_here(line, "clients: %s", sentence);
	return add_client(line->section, word, family, line->number);
}

static int take_clients(const struct line *line, char *value)
{
	char *rest = value, *word;
	int code = 0;

	if (line->section->has_clients && !line->continues)
		return complain_here(line, "clients: is given twice");
	line->section->has_clients = true;
	while (!code && (word = strsep(&rest, ",")))
		code = take_client(line, word);
	return code;
}

static int take_above(const struct line *line, const char *value)
{
	struct section *section = line->section;
	char sentence[SENTENCE_SIZE];

	if (section->above)
		return complain_here(line, "above: is given twice");
	section->limit.above = value;
	if (hashlimit_check(&section->limit, NULL, NULL, sentence, sizeof(sentence)))
		return complain_here(line, "above: %s", sentence);
	section->above = strdup(value);
	section->limit.above = section->above;
	return section->above ? 0 : out_of_memory();
}

static int take_limit_number(const struct line *line, const char *value, uint32_t *number)
{
	char *end;
	unsigned long parsed;

	errno = 0;
	parsed = strtoul(value, &end, 10);
	if (*value == '0' && !parsed && !*end)
		return complain_here(line, "%s: %s: must be at least 1", line->key, value);
	if (*value < '0' || *value > '9' || *end || errno || !parsed || parsed > UINT32_MAX)
		return complain_here(line, "%s: %s: must be 1 to %u", line->key, value, UINT32_MAX);
	*number = (uint32_t)parsed;
	return 0;
}

static int take_limit_key(const struct line *line, char *value)
{
	struct section *section = line->section;

	if (!strcmp(line->key, "clients"))
		return take_clients(line, value);
	if (!strcmp(line->key, "above"))
		return take_above(line, value);
	for (size_t i = 0; i < NUMBERS; i++) {
		if (strcmp(config_numbers[i].key, line->key))
			continue;
		if (section->number_lines[i])
			return complain_here(line, "%s: is given twice", line->key);
		section->number_lines[i] = line->number;
		return take_limit_number(line, value, number_of(&section->limit, i));
	}
	return complain_here(line, "%s: not a key of a limit", line->key);
}

int config_take_key(struct section *section, unsigned int number, const char *key, char *value,
		    bool continues)
{
	const struct line line = { section, number, key, continues };

	if (section->kind == SECTION_HOST)
		return take_host_key(&line, value);
	if (section->kind == SECTION_SERVICE)
		return take_service_key(&line, value);
	return take_limit_key(&line, value);
}
