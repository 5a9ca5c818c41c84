/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A view in words, for comparing. */
#ifndef NOTRACK_TESTS_VIEW_TEXT_H
#define NOTRACK_TESTS_VIEW_TEXT_H

#include "rules/view.h"

/* "protocol 17, destination-port 53, accept"; lives as long as the test. */
char *rule_text(const struct view_rule *rule);

#endif
