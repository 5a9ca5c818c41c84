/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layout.h"

#include <errno.h>
#include <string.h>

#include "notrack.h"

/* Of a struct that is larger than this version's by so much, the size was not set. */
#define LARGER_MAX 16

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define END(type, member) (offsetof(type, member) + sizeof(((type *)NULL)->member))
#define LAYOUT(id, type, ends) \
	const struct layout id = { #type, sizeof(type), _Alignof(type), ends, COUNT(ends) }

static const size_t service_ends[] = {
	END(struct notrack_service, name),
	END(struct notrack_service, ports),
	END(struct notrack_service, protocols),
	END(struct notrack_service, roles),
	END(struct notrack_service, local),
	END(struct notrack_service, remote),
	END(struct notrack_service, interfaces),
	END(struct notrack_service, reply_ports),
	END(struct notrack_service, mode),
	END(struct notrack_service, icmp_errors),
	END(struct notrack_service, families),
	END(struct notrack_service, from),
	END(struct notrack_service, twins),
};
LAYOUT(layout_service, struct notrack_service, service_ends);

static const size_t limit_ends[] = {
	END(struct hashlimit, above),
	END(struct hashlimit, burst),
	END(struct hashlimit, srcmask),
	END(struct hashlimit, htable_max),
	END(struct hashlimit, htable_size),
	END(struct hashlimit, htable_expire_ms),
};
LAYOUT(layout_limit, struct hashlimit, limit_ends);

static const size_t changes_ends[] = {
	END(struct notrack_changes, added),
	END(struct notrack_changes, removed),
};
LAYOUT(layout_changes, struct notrack_changes, changes_ends);

static const size_t conntrack_ends[] = {
	END(struct notrack_conntrack, count),
	END(struct notrack_conntrack, max),
	END(struct notrack_conntrack, read),
	END(struct notrack_conntrack, dropped),
	END(struct notrack_conntrack, early_dropped),
	END(struct notrack_conntrack, insert_failed),
	END(struct notrack_conntrack, invalid),
};
LAYOUT(layout_conntrack, struct notrack_conntrack, conntrack_ends);

static const size_t usage_request_ends[] = {
	END(struct notrack_usage_request, by),
	END(struct notrack_usage_request, srcmask4),
	END(struct notrack_usage_request, srcmask6),
};
LAYOUT(layout_usage_request, struct notrack_usage_request, usage_request_ends);

static const size_t advise_request_ends[] = {
	END(struct notrack_advise_request, threshold),
	END(struct notrack_advise_request, times),
	END(struct notrack_advise_request, seconds),
};
LAYOUT(layout_advise_request, struct notrack_advise_request, advise_request_ends);

static const size_t flushed_ends[] = {
	END(struct notrack_flushed, removed),
	END(struct notrack_flushed, left),
};
LAYOUT(layout_flushed, struct notrack_flushed, flushed_ends);

const struct layout *const layouts[] = {
	&layout_service, &layout_limit, &layout_changes, &layout_conntrack, &layout_usage_request,
	&layout_advise_request, &layout_flushed, NULL,
};

/* At the end of a member, or of a struct that ended with it, padding included. */
static bool is_boundary(const struct layout *layout, size_t size)
{
	for (size_t i = 0; i < layout->count; i++) {
		size_t end = layout->ends[i];

		if (size == end || size == (end + layout->align - 1) / layout->align * layout->align)
			return true;
	}
	return false;
}

int layout_check(const struct layout *layout, const void *given, struct error *error)
{
	size_t size;

	if (!given)
		return error_set(error, -EINVAL, "%s: it is NULL", layout->name);
	size = *(const size_t *)given;
	if (size <= sizeof(size) || size > LARGER_MAX * layout->size)
		return error_set(error, -EINVAL, "%s: its size member is not set", layout->name);
	if (size < layout->size && !is_boundary(layout, size))
		return error_set(error, -EINVAL, "%s: its size, %zu, cuts a member in two; set it to that "
				 "of the whole struct", layout->name, size);
	return 0;
}

int layout_take(const struct layout *layout, void *to, const void *given, struct error *error)
{
	int err = layout_check(layout, given, error);
	size_t size;

	if (err)
		return err;
	size = *(const size_t *)given;
	/* a newer caller's members that are not zero would be ignored */
	for (size_t i = layout->size; i < size; i++)
		if (((const char *)given)[i])
			return error_set(error, -EINVAL, "%s: uses a member that this version of "
					 "libnotrack does not have", layout->name);
	memset(to, 0, layout->size);
	memcpy(to, given, size < layout->size ? size : layout->size);
	return 0;
}

void layout_give(const struct layout *layout, void *given, const void *from)
{
	size_t room = given ? *(const size_t *)given : 0;

	if (room > layout->size)
		room = layout->size;
	if (room > sizeof(size_t))
		memcpy((char *)given + sizeof(size_t), (const char *)from + sizeof(size_t),
		       room - sizeof(size_t));
}
