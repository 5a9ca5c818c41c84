/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Floors.  The kernel's: what reading a table and giving it back unchanged costs, in two
 * calls, with no work of ours between them.  That of libiptc: the same through the library.
 */
#include <errno.h>
#include <libiptc/libiptc.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "floor.h"

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int round_trip(int sockfd, const char *table, double *get_ms, double *set_ms)
{
	struct ipt_getinfo info = { 0 };
	struct ipt_get_entries *entries;
	struct ipt_replace *replace;
	socklen_t size = sizeof(info);
	double start = now_ms(), got;
	int err = 0;

	strcpy(info.name, table);
	if (getsockopt(sockfd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &size))
		return -errno;
	size = (socklen_t)(sizeof(*entries) + info.size);
	/* one block serves both calls: the header of the second is the longer one */
	replace = malloc(sizeof(*replace) + info.size);
	entries = (void *)((char *)replace + sizeof(*replace) - sizeof(*entries));
	strcpy(entries->name, table);
	entries->size = info.size;
	if (getsockopt(sockfd, IPPROTO_IP, IPT_SO_GET_ENTRIES, entries, &size))
		err = -errno;
	got = now_ms();
	memset(replace, 0, sizeof(*replace));
	strcpy(replace->name, table);
	replace->valid_hooks = info.valid_hooks;
	replace->num_entries = info.num_entries;
	replace->size = info.size;
	memcpy(replace->hook_entry, info.hook_entry, sizeof(info.hook_entry));
	memcpy(replace->underflow, info.underflow, sizeof(info.underflow));
	replace->num_counters = info.num_entries;
	replace->counters = malloc(info.num_entries * sizeof(struct xt_counters));
	if (!err && setsockopt(sockfd, IPPROTO_IP, IPT_SO_SET_REPLACE, replace,
			       (socklen_t)(sizeof(*replace) + info.size)))
		err = -errno;
	*get_ms = got - start;
	*set_ms = now_ms() - got;
	free(replace->counters);
	free(replace);
	return err;
}

double floor_ms(const char *table)
{
	int sockfd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), err;
	double get_ms = 0, set_ms = 0;

	err = sockfd < 0 ? -errno : round_trip(sockfd, table, &get_ms, &set_ms);
	if (sockfd >= 0)
		close(sockfd);
	if (!err)
		return get_ms + set_ms;
	fprintf(stderr, "floor: %s\n", strerror(-err));
	exit(1);
}

/* A policy that is set is a change, also where it is the one that was there. */
double libiptc_ms(const char *table)
{
	double start = now_ms();
	struct xtc_handle *handle = iptc_init(table);
	const xt_chainlabel chain = "OUTPUT";
	xt_chainlabel policy = "";
	struct xt_counters counters;

	if (handle)
		strncpy(policy, iptc_get_policy(chain, &counters, handle), sizeof(policy) - 1);
	if (!handle || !iptc_set_policy(chain, policy, NULL, handle) || !iptc_commit(handle)) {
		fprintf(stderr, "libiptc: %s\n", iptc_strerror(errno));
		exit(1);
	}
	iptc_free(handle);
	return now_ms() - start;
}
