/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sources that hashlimit counts now. */
#include "legacy/image.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/*
 * dl_seq_print() in xt_hashlimit.c: seconds to live, source and port,
 * destination and port, credit, its most, and what a request costs.
 */
static bool parse(struct bucket *bucket, const char *line, enum family family)
{
	char source[INET6_ADDRSTRLEN];
	uint64_t credit, max, cost;
	char *port;
	long expires;

	if (sscanf(line, "%ld %45[0-9a-f.:]->%*s %" SCNu64 " %" SCNu64 " %" SCNu64, &expires, source,
		   &credit, &max, &cost) != 5 || !cost)
		return false;
	port = strrchr(source, ':');
	if (!port)
		return false;
	*port = '\0';
	bucket->source = (struct prefix){ .family = (uint8_t)family,
					  .length = (uint8_t)bucket->rate->srcmask };
	bucket->available = (uint32_t)(credit / cost);
	bucket->expires_ms = expires > 0 ? (uint32_t)expires * 1000 : 0;
	return inet_pton(family == IPV6 ? AF_INET6 : AF_INET, source, bucket->source.address) == 1;
}

static int read_limit(const char *service, const struct limit_rate *rate, enum family family,
		      int (*visit)(const struct bucket *bucket, void *data), void *data)
{
	static const char *const folders[FAMILIES] = { "ipt_hashlimit", "ip6t_hashlimit" };
	char name[HASHLIMIT_NAME_MAX + 1], path[96], line[256];
	struct bucket bucket = { .rate = rate };
	FILE *file;
	int err = 0;

	name_hashlimit(name, service, rate);
	snprintf(path, sizeof(path), "/proc/thread-self/net/%s/%s", folders[family], name);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno;	/* in the model, but not in the kernel */
	while (!err && fgets(line, sizeof(line), file))
		if (parse(&bucket, line, family))
			err = visit(&bucket, data);
	if (!err && ferror(file))
		err = -EIO;
	fclose(file);
	return err;
}

int legacy_buckets(const struct session *session, const char *service,
		   const struct clients *clients, enum family family,
		   int (*visit)(const struct bucket *bucket, void *data), void *data)
{
	int err = 0;

	for (const struct limit *limit = clients->limits; limit && !err; limit = limit->next)
		err = read_limit(service, &limit->rate, family, visit, data);
	errno = -err;
	return err == -ENOMEM ? error_set(session->error, err, "out of memory") :
	       err < 0 ? error_set(session->error, err == -EACCES ? -EPERM : -EIO, "the sources of "
				   "service %s's limits cannot be read: %m", service) : err;
}
