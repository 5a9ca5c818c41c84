/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/finding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "support/memory.h"
#include "support/text.h"

static bool is_there(const struct findings *findings, const struct finding *finding)
{
	for (size_t i = 0; i < findings->count; i++)
		if (!strcmp(findings->list[i].code, finding->code) &&
		    !strcmp(findings->list[i].text, finding->text))
			return true;
	return false;
}

int findings_add(struct findings *findings, const char *code, enum notrack_status severity,
		 const char *format, ...)
{
	struct finding finding = { .code = code, .severity = severity }, *grown;
	va_list args;

	va_start(args, format);
	vsnprintf(finding.text, sizeof(finding.text), format, args);
	va_end(args);
	text_make_plain(finding.text);
	if (is_there(findings, &finding))
		return 0;
	grown = memory_grow(findings->list, findings->count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	findings->list = grown;
	grown[findings->count++] = finding;
	return 0;
}

const struct finding *findings_failure(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].severity == NOTRACK_FAILED)
			return &findings->list[i];
	return NULL;
}

size_t findings_count_failures(const struct findings *findings)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->list[i].severity == NOTRACK_FAILED;
	return count;
}

int findings_join(struct findings *to, const struct findings *from)
{
	int err = 0;

	for (size_t i = 0; i < from->count && !err; i++)
		err = findings_add(to, from->list[i].code, from->list[i].severity, "%s",
				   from->list[i].text);
	return err;
}

void findings_excuse(struct findings *findings, const struct findings *others,
		     const struct findings *own)
{
	for (size_t i = 0; i < findings->count; i++)
		if (is_there(others, &findings->list[i]) && !is_there(own, &findings->list[i]))
			findings->list[i].severity = NOTRACK_WARNING;
}

void findings_remove(struct findings *findings, const char *code)
{
	size_t kept = 0;

	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->list[i].code, code))
			findings->list[kept++] = findings->list[i];
	findings->count = kept;
}

void findings_free(struct findings *findings)
{
	free(findings->list);
	*findings = (struct findings){ 0 };
}
