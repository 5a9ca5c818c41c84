/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_MIN = 256 };

/* One byte more than @size, for the NUL. */
static bool make_room(struct stream *stream, size_t size)
{
	size_t room = stream->room ? stream->room : ROOM_MIN;
	char *grown;

	while (room <= size)
		room *= 2;
	if (room == stream->room)
		return true;
	grown = realloc(stream->text, room);
	if (!grown)
		return false;
	stream->text = grown;
	stream->room = room;
	return true;
}

static ssize_t write_text(void *cookie, const char *bytes, size_t size)
{
	struct stream *stream = cookie;

	if (stream->failed || !make_room(stream, stream->size + size)) {
		stream->failed = true;
		errno = ENOMEM;
		return 0;
	}
	memcpy(stream->text + stream->size, bytes, size);
	stream->size += size;
	return (ssize_t)size;
}

/* For ftell(): there is no way but on. */
static int tell(void *cookie, off64_t *position, int whence)
{
	const struct stream *stream = cookie;

	if (whence != SEEK_CUR || *position)
		return -1;
	*position = (off64_t)stream->size;
	return 0;
}

int stream_open(struct stream *stream)
{
	*stream = (struct stream){ .size = 0 };
	stream->out = fopencookie(stream, "w", (cookie_io_functions_t){ .write = write_text,
									.seek = tell });
	return stream->out ? 0 : -ENOMEM;
}

int stream_close(struct stream *stream)
{
	if (fclose(stream->out) || !make_room(stream, stream->size))
		stream->failed = true;
	stream->out = NULL;
	if (stream->failed) {
		free(stream->text);
		stream->text = NULL;
		stream->size = 0;
		return -ENOMEM;
	}
	stream->text[stream->size] = '\0';
	return 0;
}
