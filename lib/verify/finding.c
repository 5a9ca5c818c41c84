/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/finding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "support/hash.h"
#include "support/memory.h"
#include "support/text.h"

/* Of a host with many rules there may be as much to say. */
#define SLOTS_MIN 16

/* Where a finding stands in the hash table, or would; there is always a free slot. */
static uint32_t *slot_of(const struct findings *findings, const struct finding *finding)
{
	const uint64_t hash = hash_text(hash_text(HASH_BEGIN, finding->code), finding->text);
	size_t slot = (size_t)(hash ^ hash >> 32) & (findings->slot_count - 1);

	while (findings->slots[slot]) {
		const struct finding *other = &findings->list[findings->slots[slot] - 1];

		if (!strcmp(other->code, finding->code) && !strcmp(other->text, finding->text))
			break;
		slot = (slot + 1) & (findings->slot_count - 1);
	}
	return &findings->slots[slot];
}

static bool is_there(const struct findings *findings, const struct finding *finding)
{
	return findings->slot_count && *slot_of(findings, finding);
}

static void fill_slots(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		*slot_of(findings, &findings->list[i]) = (uint32_t)i + 1;
}

/* No more than half of them are taken. */
static int make_slots(struct findings *findings)
{
	const size_t count = findings->slot_count ? 2 * findings->slot_count : SLOTS_MIN;
	uint32_t *slots;

	if (2 * (findings->count + 1) <= findings->slot_count)
		return 0;
	slots = calloc(count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(findings->slots);
	findings->slots = slots;
	findings->slot_count = count;
	fill_slots(findings);
	return 0;
}

static int add(struct findings *findings, const struct finding *finding)
{
	struct finding *grown;

	if (is_there(findings, finding))
		return 0;
	if (make_slots(findings))
		return -ENOMEM;
	grown = memory_grow(findings->list, findings->count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	findings->list = grown;
	*slot_of(findings, finding) = (uint32_t)findings->count + 1;
	grown[findings->count++] = *finding;
	return 0;
}

static void say(struct finding *finding, const char *format, va_list args)
{
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	text_make_plain(finding->text);
}

int findings_add(struct findings *findings, const char *code, enum notrack_status severity,
		 const char *format, ...)
{
	struct finding finding = { .code = code, .severity = severity };
	va_list args;

	va_start(args, format);
	say(&finding, format, args);
	va_end(args);
	return add(findings, &finding);
}

int findings_add_compared(struct findings *findings, const char *service, const char *code,
			  enum notrack_status severity, const char *format, ...)
{
	struct finding finding = { .code = code, .severity = severity };
	va_list args;

	strncpy(finding.compared, service, sizeof(finding.compared) - 1);
	va_start(args, format);
	say(&finding, format, args);
	va_end(args);
	return add(findings, &finding);
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
		err = add(to, &from->list[i]);
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
	if (kept == findings->count)
		return;
	findings->count = kept;
	memset(findings->slots, 0, findings->slot_count * sizeof(*findings->slots));
	fill_slots(findings);
}

void findings_free(struct findings *findings)
{
	free(findings->list);
	free(findings->slots);
	*findings = (struct findings){ 0 };
}
