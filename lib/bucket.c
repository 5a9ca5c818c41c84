/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sources that limits count, from /proc/net/ipt_hashlimit and ip6t_hashlimit. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "memory.h"
#include "name.h"

struct bucket {
	struct prefix source;
	const struct limit_rate *rate;
	uint32_t available;
	uint32_t expires_ms;
};

struct buckets {
	const char *service;
	struct bucket *list;
	size_t count;
};

static int add(struct buckets *buckets, const struct bucket *bucket)
{
	struct bucket *grown = memory_grow(buckets->list, buckets->count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	buckets->list = grown;
	grown[buckets->count++] = *bucket;
	return 0;
}

/*
 * dl_seq_print() in xt_hashlimit.c: seconds to live, source and port,
 * destination and port, credit, its most, and what a request costs.
 */
static bool parse(struct bucket *bucket, const char *line, enum family family)
{
	char source[INET6_ADDRSTRLEN];
	uint64_t credit, most, cost;
	long expires;

	if (sscanf(line, "%ld %45[0-9a-f.:]->%*s %" SCNu64 " %" SCNu64 " %" SCNu64, &expires, source,
		   &credit, &most, &cost) != 5 || !cost)
		return false;
	*strrchr(source, ':') = '\0';		/* the port */
	bucket->source = (struct prefix){ .family = (uint8_t)family,
					  .length = (uint8_t)bucket->rate->srcmask };
	bucket->available = (uint32_t)(credit / cost);
	bucket->expires_ms = expires > 0 ? (uint32_t)expires * 1000 : 0;
	return inet_pton(family == IPV6 ? AF_INET6 : AF_INET, source, bucket->source.address) == 1;
}

static int read_limit(struct buckets *buckets, const struct limit_rate *rate, enum family family)
{
	static const char *const folders[FAMILIES] = { "ipt_hashlimit", "ip6t_hashlimit" };
	char name[HASHLIMIT_NAME_MOST + 1], path[96], line[256];
	struct bucket bucket = { .rate = rate };
	FILE *file;
	int err = 0;

	name_hashlimit(name, buckets->service, rate);
	snprintf(path, sizeof(path), "/proc/thread-self/net/%s/%s", folders[family], name);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno;	/* in the model, but not in the kernel */
	while (!err && fgets(line, sizeof(line), file))
		if (parse(&bucket, line, family))
			err = add(buckets, &bucket);
	if (!err && ferror(file))
		err = -EIO;
	fclose(file);
	return err;
}

static int read_in_kernel(struct notrack *nt, void *data)
{
	struct buckets *buckets = data;
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES; family++) {
		const struct served *served = model_find(&nt->model.families[family], buckets->service);

		if (!served || !context_has(nt, family))
			continue;
		for (const struct limit *limit = served->clients.limits; limit && !err;
		     limit = limit->next)
			err = read_limit(buckets, &limit->rate, family);
	}
	errno = -err;
	return err == -ENOMEM ? fail(&nt->error, err, "out of memory") :
	       err ? fail(&nt->error, err == -EACCES ? -EPERM : -EIO, "the sources of service %s's "
			  "limits cannot be read: %m", buckets->service) : 0;
}

static int compare(const void *a, const void *b)
{
	const struct bucket *one = a, *other = b;

	if (one->available != other->available)
		return one->available < other->available ? -1 : 1;
	return prefix_compare(&one->source, &other->source);
}

static int tell(const struct bucket *bucket,
		int (*visit)(const struct hashlimit_bucket *, void *), void *data)
{
	char text[PREFIX_TEXT], above[LIMIT_ABOVE_TEXT];
	const struct hashlimit_bucket told = {
		.size = sizeof(told),
		.source = prefix_format(&bucket->source, true, text),
		.above = above,
		.burst = bucket->rate->burst,
		.available = bucket->available,
		.expires_ms = bucket->expires_ms,
	};

	limit_format_above(bucket->rate->period, above);
	return visit(&told, data);
}

int hashlimit_each_bucket(struct notrack *nt, const char *service,
			  int (*visit)(const struct hashlimit_bucket *bucket, void *data),
			  void *data)
{
	struct buckets buckets = { .service = service };
	int result;

	context_begin(nt);
	result = service_check_name(service, &nt->error);
	if (!result && !model_find(&nt->model.families[IPV4], service) &&
	    !model_find(&nt->model.families[IPV6], service))
		result = fail(&nt->error, -ENOENT, "service %s: there is none of that name", service);
	if (!result)
		result = context_in_kernel(nt, read_in_kernel, &buckets);
	if (!result && buckets.count)
		qsort(buckets.list, buckets.count, sizeof(*buckets.list), compare);
	for (size_t i = 0; i < buckets.count && !result; i++)
		result = tell(&buckets.list[i], visit, data);
	free(buckets.list);
	return result;
}
