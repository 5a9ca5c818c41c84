/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stream into memory.  glibc has open_memstream(3), but that leaves out what it has no
 * memory for, and neither ferror(3) nor fclose(3) says so.
 */
#ifndef LIB_STREAM_H
#define LIB_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct stream {
	FILE *out;
	char *text;		/* once it is closed; ends with NUL, which @size leaves out */
	size_t size, room;
	bool failed;
};

/* -ENOMEM, and then there is nothing to close. */
int stream_open(struct stream *stream);
/* -ENOMEM, and then there is no text; else it is for the caller to free. */
int stream_close(struct stream *stream);

#endif
