/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors travel as -errno; the sentence is set where the cause is known. */
#ifndef LIB_ERROR_H
#define LIB_ERROR_H

#include <errno.h>

struct error {
	char text[1024];
};

/*
 * Sets the sentence, returns @err.  What others wrote into it, such as the comment of a
 * rule, may have what terminals obey: control bytes become question marks.
 */
int error_set(struct error *error, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * What a failure of the system is to a caller who is told by %m: no descriptor left passes by,
 * as a lack of memory does.
 */
static inline int error_of_system(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM ? -ENOMEM : -EIO;
}

#endif
