/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line on a terminal that says that work is under way. */
#ifndef PROGRESS_H
#define PROGRESS_H

/* Shows "@what: N s" on standard error, if that is a terminal, from one second on. */
void progress_begin(const char *what);
void progress_end(void);

#endif
