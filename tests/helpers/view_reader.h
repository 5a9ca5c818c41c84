/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The view of a namespace, for tests that know no type of the library. */
#ifndef NOTRACK_TESTS_VIEW_READER_H
#define NOTRACK_TESTS_VIEW_READER_H

#include <stddef.h>

struct view;

struct view *view_of_namespace(void);
void view_forget(struct view *view);

/* "protocol 17, destination-port 53, accept"; NULL where there is no such rule, from 1 on. */
char *view_rule_text(const struct view *view, const char *family, const char *table,
		     const char *chain, unsigned int rule);

/* The base chains of a hook, as packets meet them: "inet f input -10 drop; filter INPUT 0 accept". */
char *view_hook_text(const struct view *view, const char *hook);

/* "locked", "dormant" or "". */
const char *view_table_text(const struct view *view, const char *family, const char *table);

/*
 * The rules of nftables, read with so many bytes of room to record what the kernel says; returns
 * how many there are, and in @recorded how many bytes were.
 */
unsigned int view_rules_recorded(size_t room, size_t *recorded);

#endif
