/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What notrackctl verify says. */
#ifndef NOTRACK_TESTS_SAID_H
#define NOTRACK_TESTS_SAID_H

#include "run.h"

/* Exit code, and JSON that can be read. */
struct said {
	int code;
	json_t *json;
};

/* @option: words behind the command. */
struct said verify(const char *option);

/* A string that has to be there. */
const char *text_of(json_t *object, const char *key);

/* What it says, which the exit code says as well. */
bool is_ok(struct said said);

/* Of a service with one inbound and one outbound flow a protocol, one row. */
json_t *row_of(struct said said, const struct family *family, const char *protocol,
	       const char *role, const char *packet);

/* Whether there is such a finding, and these words in its text. */
bool finds(struct said said, const char *code, const char *severity, const char *words);

#define assert_finds(said, code, severity, words)					\
	ck_assert_msg(finds(said, code, severity, words), "not found: %s %s %s\n%.2000s", code,	\
		      severity, words, json_dumps(json_object_get((said).json, "findings"), 0))

#endif
