/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines to run, for programs that manage the rules of a host. */
#ifndef LIB_MANAGERS_H
#define LIB_MANAGERS_H

#include "model/model.h"

/* So that they fit a sentence of an error, with what else it says. */
#define MANAGER_LINES 680

/* What lets the packets of all services in without a state, separated by "; "; false: no line. */
bool managers_firewalld_lines(const struct model *model, char text[MANAGER_LINES]);
bool managers_ufw_lines(const struct model *model, char text[MANAGER_LINES]);

#endif
