/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The form of a configuration file: sections, keys, values, and lists over several lines. */
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "config_sections.h"
#include "lines.h"

#define LINE_LENGTH_MAX 198
#define TITLE_MAX 49

/* Blanks within a line; the input may come from a system that ends lines with "\r\n". */
static const char blanks[] = " \t\r\f\v";

struct config *config_new(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->last = &config->first;
	config->left = LINES_SIZE_MAX;
	return config;
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
	free(config);
}

size_t config_clients(const struct config *config)
{
	size_t count = 0;

	for (const struct section *section = config->first; section; section = section->next)
		count += section->client_count;
	return count;
}

/* --- lines ------------------------------------------------------------ */

struct file {
	struct config *config;
	const char *path;		/* kept as long as the configuration */
	unsigned int line;
	struct section *section;	/* NULL ahead of the first one */
	char key[LINE_LENGTH_MAX + 1];	/* that an indented line goes on with; "": there is none */
};

#define complain_here(file, ...) complain_line((file)->path, (file)->line, __VA_ARGS__)

/* Takes the blanks off both ends. */
static char *trim(char *text)
{
	size_t size;

	text += strspn(text, blanks);
	size = strlen(text);
	while (size && strchr(blanks, text[size - 1]))
		size--;
	text[size] = '\0';
	return text;
}

/* A ";" with a blank ahead of it begins a comment. */
static void cut_comment(char *text)
{
	for (char *at = text; (at = strchr(at, ';')); at++)
		if (at > text && strchr(blanks, at[-1])) {
			*at = '\0';
			return;
		}
}

/* --- sections --------------------------------------------------------- */

static struct section *add_section(struct file *file, enum section_kind kind, const char *name)
{
	struct section *section = calloc(1, sizeof(*section));

	if (!section)
		return NULL;
	section->kind = kind;
	section->path = file->path;
	section->line = file->line;
	section->service.size = sizeof(section->service);
	section->limit.size = sizeof(section->limit);
	*file->config->last = section;
	file->config->last = &section->next;
	if (name && !(section->name = strdup(name)))
		return NULL;		/* freed with the configuration */
	return section;
}

static int begin_section(struct file *file, const char *title)
{
	static const char *const kinds[] = {
		[SECTION_HOST] = "host", [SECTION_SERVICE] = "service ", [SECTION_LIMIT] = "limit ",
	};
	enum section_kind kind = SECTION_HOST;
	const char *name = NULL;
	char sentence[SENTENCE_SIZE];
	int err = 0;

	if (strcmp(title, kinds[SECTION_HOST])) {
		for (kind = SECTION_SERVICE; kind <= SECTION_LIMIT; kind++)
			if (!strncmp(title, kinds[kind], strlen(kinds[kind])))
				break;
		if (kind > SECTION_LIMIT)
			return complain_here(file, "[%s]: a section is [host], [service NAME] or "
					     "[limit SERVICE]", title);
		name = title + strlen(kinds[kind]);
		name += strspn(name, blanks);
		err = notrack_check_value("name", name, sentence, sizeof(sentence));
	}
	if (err)
		return complain_here(file, "%s", sentence);
	file->section = add_section(file, kind, name);
	*file->key = '\0';
	return file->section ? 0 : out_of_memory();
}

/* @text begins with "[". */
static int take_title(struct file *file, char *text)
{
	char *end = strchr(text, ']'), *rest;

	if (!end)
		return complain_here(file, "%s: a [section] that has no ]", text);
	*end = '\0';
	if (end - text - 1 > TITLE_MAX)
		return complain_here(file, "[%s]: longer than %d characters", text + 1, TITLE_MAX);
	rest = end + 1 + strspn(end + 1, blanks);
	if (*rest && !strchr(";#", *rest))
		return complain_here(file, "[%s]: has something behind it", text + 1);
	return begin_section(file, text + 1);
}

/* --- keys ------------------------------------------------------------- */

static int take_value(struct file *file, char *value, bool continues)
{
	size_t size = strlen(value);

	if (size && value[size - 1] == ',')	/* the list goes on in the next line */
		value[size - 1] = '\0';
	return config_take_key(file->section, file->line, file->key, value, continues);
}

static int take_key(struct file *file, char *text)
{
	char *separator = text + strcspn(text, "=:");

	if (!*separator)
		return complain_here(file, "is neither a [section] nor key = value");
	*separator = '\0';
	text = trim(text);
	if (!file->section)
		return complain_here(file, "%s: stands ahead of any section", text);
	strcpy(file->key, text);
	return take_value(file, trim(separator + 1), false);
}

static int take_line(struct file *file, char *line)
{
	char *text = line + strspn(line, blanks);

	if (*text == '[')
		return take_title(file, text);
	cut_comment(text);
	text = trim(text);
	if (!*text)
		return 0;
	if (text == line || !*file->key)
		return take_key(file, text);
	/* no word of a list has it but a name of an interface, and who indents keys has it in each */
	if (strchr(text, '=') && strcmp(file->key, "interfaces"))
		return complain_here(file, "begins with a blank, and so goes on with %s: a key stands at the "
				     "beginning of its line", file->key);
	return take_value(file, text, true);
}

/* --- files ------------------------------------------------------------ */

static int keep_path(struct config *config, struct file *file, const char *path)
{
	char **grown = realloc(config->paths, (config->path_count + 1) * sizeof(*grown));

	if (!grown)
		return out_of_memory();
	config->paths = grown;
	grown[config->path_count] = strdup(path);
	if (!grown[config->path_count])
		return out_of_memory();
	file->path = grown[config->path_count++];
	return 0;
}

int config_read(struct config *config, const char *path)
{
	struct lines lines = { .line_max = LINE_LENGTH_MAX, .comments = ";#", .left = &config->left,
			       .too_long = "; a list may go on in the next line, which then begins "
			       "with a blank" };
	struct file file = { .config = config };
	char *line;
	int code = lines_open(&lines, path);

	if (code)
		return code;
	code = keep_path(config, &file, lines.path);
	while (!code && (line = lines_next(&lines))) {
		file.line = lines.number;
		code = take_line(&file, line);
	}
	lines_close(&lines);
	return code ? code : lines.code;
}
