/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inih takes lines apart; this file knows what they mean.  Each value is
 * judged at its line, by giving it to the library on a service of no account.
 */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config_lines.h"
#include "config_sections.h"
#include "complain.h"

const struct number_key config_numbers[NUMBERS] = {
	{ "burst", offsetof(struct hashlimit, burst) },
	{ "srcmask", offsetof(struct hashlimit, srcmask) },
	{ "htable-max", offsetof(struct hashlimit, htable_max) },
	{ "htable-size", offsetof(struct hashlimit, htable_size) },
	{ "htable-expire", offsetof(struct hashlimit, htable_expire_ms) },
};

struct file {
	struct config *config;
	struct lines lines;
	struct section *section;
};

struct config *config_new(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->last = &config->first;
	config->judge = notrack_new();
	if (config->judge)
		return config;
	free(config);
	return NULL;
}

static void free_section(struct section *section)
{
	const char *key, *value;

	for (unsigned int i = 0; notrack_service_get(&section->service, i, &key, &value); i++)
		free((char *)value);
	for (size_t i = 0; i < section->client_count; i++)
		free(section->clients[i].prefix);
	free(section->clients);
	free(section->above);
	free(section->name);
	free(section);
}

void config_free(struct config *config)
{
	struct section *next;

	if (!config)
		return;
	for (struct section *section = config->first; section; section = next) {
		next = section->next;
		free_section(section);
	}
	for (size_t i = 0; i < config->path_count; i++)
		free(config->paths[i]);
	free(config->paths);
	notrack_free(config->judge);
	free(config);
}

/* --- complaints ------------------------------------------------------- */

#define complain_at(file, ...) \
	((file)->lines.code = complain_line((file)->lines.path, (file)->lines.number, __VA_ARGS__))

int complain_line(const char *path, int line, const char *format, ...)
{
	char text[1200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return complain(EXIT_BAD_INPUT, "%s:%d: %s", path, line, text);
}

/* --- sections --------------------------------------------------------- */

static int judge_name(struct file *file, const char *name)
{
	struct notrack_service words = { .size = sizeof(words), .name = name, .ports = "1" };
	int err = notrack_add_service(file->config->judge, &words);

	return err ? complain_at(file, "%s", notrack_error(file->config->judge)) : 0;
}

static int begin_section(struct file *file, const char *title)
{
	static const char *const kinds[] = { "service ", "limit " };
	struct section *section;

	for (int kind = SECTION_SERVICE; kind <= SECTION_LIMIT; kind++) {
		const char *name = title + strlen(kinds[kind]);

		if (strncmp(title, kinds[kind], strlen(kinds[kind])))
			continue;
		name += strspn(name, " \t");
		if (judge_name(file, name))
			return file->lines.code;
		section = calloc(1, sizeof(*section));
		if (!section || !(section->name = strdup(name))) {
			free(section);
			return file->lines.code = out_of_memory();
		}
		section->kind = (enum section_kind)kind;
		section->path = file->lines.path;
		section->line = file->lines.number;
		section->service.size = sizeof(section->service);
		section->limit.size = sizeof(section->limit);
		*file->config->last = section;
		file->config->last = &section->next;
		file->section = section;
		return 0;
	}
	return complain_at(file, "[%s]: a section is [service NAME] or [limit SERVICE]", title);
}

/* --- keys of services ------------------------------------------------- */

static int judge_key(struct file *file, const char *key, const char *value)
{
	struct notrack *judge = file->config->judge;
	struct notrack_service words = {
		.size = sizeof(words), .name = file->section->name, .ports = "1", .roles = "both",
	};

	if (!*value)
		return complain_at(file, "%s: has no value", key);
	notrack_service_set(&words, key, value);
	/* the other family's addresses are not at fault */
	if (notrack_add_service(judge, &words))
		return complain_at(file, "%s: %s", key, notrack_error(judge));
	return 0;
}

static const char *current_value(const struct section *section, const char *key)
{
	const char *name, *value;

	for (unsigned int i = 0; notrack_service_get(&section->service, i, &name, &value); i++)
		if (!strcmp(name, key))
			return value;
	return NULL;
}

static int take_service_key(struct file *file, const char *key, const char *value)
{
	struct section *section = file->section;
	struct notrack_service scratch = { .size = sizeof(scratch) };
	const char *before;
	char *joined;

	if (notrack_service_set(&scratch, key, value))
		return complain_at(file, "%s: not a key of a service", key);
	before = current_value(section, key);
	if (before && !file->lines.continues)
		return complain_at(file, "%s: is given twice", key);
	if (judge_key(file, key, value))
		return file->lines.code;
	if (asprintf(&joined, "%s%s%s", before ? before : "", before ? ", " : "", value) < 0)
		return file->lines.code = out_of_memory();
	free((char *)before);
	notrack_service_set(&section->service, key, joined);
	return 0;
}

/* --- keys of limits --------------------------------------------------- */

static int add_client(struct section *section, const char *word, int line)
{
	if (section->client_count == section->client_room) {
		size_t room = section->client_room ? 2 * section->client_room : 8;
		struct client *grown = realloc(section->clients, room * sizeof(*grown));

		if (!grown)
			return out_of_memory();
		section->clients = grown;
		section->client_room = room;
	}
	section->clients[section->client_count].line = line;
	section->clients[section->client_count].prefix = strdup(word);
	if (!section->clients[section->client_count].prefix)
		return out_of_memory();
	section->client_count++;
	return 0;
}

static const char blanks[] = " \t";

static char *trim(char *word)
{
	size_t size;

	word += strspn(word, blanks);
	size = strlen(word);
	while (size && strchr(blanks, word[size - 1]))
		word[--size] = '\0';
	return word;
}

static int take_clients(struct file *file, char *value)
{
	static const struct hashlimit any = { .size = sizeof(any), .above = "1/sec" };
	struct notrack *judge = file->config->judge;
	char *rest = value, *word;

	while (!file->lines.code && (word = strsep(&rest, ","))) {
		word = trim(word);
		if (!*word)
			return complain_at(file, "clients: an empty word in a list");
		if (strpbrk(word, blanks))
			return complain_at(file, "clients: %s: prefixes of a list have commas between "
					   "them", word);
		if (hashlimit_add_client(judge, file->section->name, word, &any))
			return complain_at(file, "clients: %s", notrack_error(judge));
		file->lines.code = add_client(file->section, word, file->lines.number);
	}
	return file->lines.code;
}

static int judge_limit(struct file *file, const char *key, const struct hashlimit *limit)
{
	struct notrack *judge = file->config->judge;

	if (hashlimit_add_clients(judge, file->section->name, NULL, 0, limit))
		return complain_at(file, "%s: %s", key, notrack_error(judge));
	return 0;
}

static int take_number(struct file *file, const char *key, const char *value, uint32_t *number)
{
	char *end;
	unsigned long parsed;

	errno = 0;
	parsed = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || !parsed || parsed > UINT32_MAX)
		return complain_at(file, "%s: %s: must be 1 to %u", key, value,
				   UINT32_MAX);
	*number = (uint32_t)parsed;
	return 0;
}

static int take_limit_key(struct file *file, const char *key, const char *value)
{
	struct section *section = file->section;
	struct hashlimit alone = { .size = sizeof(alone), .above = value };

	if (!strcmp(key, "above")) {
		if (section->above)
			return complain_at(file, "above: is given twice");
		if (judge_limit(file, key, &alone))
			return file->lines.code;
		section->above = strdup(value);
		section->limit.above = section->above;
		return section->above ? 0 : (file->lines.code = out_of_memory());
	}
	for (size_t i = 0; i < NUMBERS; i++) {
		if (strcmp(config_numbers[i].key, key))
			continue;
		if (section->number_lines[i])
			return complain_at(file, "%s: is given twice", key);
		section->number_lines[i] = file->lines.number;
		return take_number(file, key, value, number_of(&section->limit, i));
	}
	return complain_at(file, "%s: not a key of a limit", key);
}

/* --- what inih calls -------------------------------------------------- */

static int take_key(struct file *file, const char *key, char *value)
{
	struct section *section = file->section;
	size_t size = strlen(value);

	if (size && value[size - 1] == ',')	/* the list goes on in the next line */
		value[size - 1] = '\0';
	if (section->kind == SECTION_SERVICE)
		return take_service_key(file, key, value);
	if (strcmp(key, "clients"))
		return take_limit_key(file, key, value);
	if (section->has_clients && !file->lines.continues)
		return complain_at(file, "clients: is given twice");
	section->has_clients = true;
	return take_clients(file, value);
}

/* Returns 0 for an error, as inih wants it; the file's code has it too. */
static int handle(void *data, const char *title, const char *key, const char *value)
{
	struct file *file = data;
	bool key_line = file->lines.unheard;
	char *copy;

	lines_heard(&file->lines);
	if (file->lines.code)
		return 0;
	if (!key_line)		/* then it is the mark */
		return !begin_section(file, title);
	if (!file->section) {
		complain_at(file, "%s: stands ahead of any section", key);
		return 0;
	}
	copy = strdup(value);
	if (copy)
		take_key(file, key, copy);
	else
		file->lines.code = out_of_memory();
	free(copy);
	return !file->lines.code;
}

/* --- files ------------------------------------------------------------ */

static int keep_path(struct config *config, const char *path, struct file *file)
{
	char **grown = realloc(config->paths, (config->path_count + 1) * sizeof(*grown));

	if (!grown)
		return out_of_memory();
	config->paths = grown;
	grown[config->path_count] = strdup(strcmp(path, "-") ? path : "<stdin>");
	if (!grown[config->path_count])
		return out_of_memory();
	file->lines.path = grown[config->path_count++];
	return 0;
}

static FILE *open_file(const char *path)
{
	struct stat status;
	FILE *stream = strcmp(path, "-") ? fopen(path, "re") : stdin;

	if (stream && !fstat(fileno(stream), &status) && S_ISDIR(status.st_mode)) {
		fclose(stream);
		errno = EISDIR;
		return NULL;
	}
	return stream;
}

int config_read(struct config *config, const char *path)
{
	struct file file = { .config = config };
	struct lines *lines = &file.lines;
	int code = keep_path(config, path, &file);

	if (code)
		return code;
	lines->stream = open_file(path);
	if (!lines->stream)
		return complain(EXIT_BAD_INPUT, "%s: %m", lines->path);
	if (ini_parse_stream(lines_next, lines, handle, &file) < 0)
		lines->code = out_of_memory();
	if (!lines->code && ferror(lines->stream))
		lines->code = complain(EXIT_FAILED, "%s: %m", lines->path);
	if (lines->stream != stdin)
		fclose(lines->stream);
	free(lines->text);
	return lines->code;
}
