/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conntrack/attribute.h"
#include "conntrack/conntrack.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* The kernel fills up to 32 KiB for a reader that has room for them. */
#define BUFFER_SIZE (64 * 1024)
/* Removals under way: their answers must fit the socket's queue. */
#define PENDING_MAX 64

/* --- messages --------------------------------------------------------- */

static int explain(int err, const char *what, struct error *error)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		return error_set(error, -EPERM, "the connection tracking table cannot be %s: not "
			    "permitted; run as root, or with CAP_NET_ADMIN in this network namespace",
			    what);
	/* nfnetlink_rcv_msg() says EINVAL of a subsystem that is not there */
	case -EINVAL:
	case -EOPNOTSUPP:
	case -EPROTONOSUPPORT:
	case -EAFNOSUPPORT:
		return error_set(error, -EPROTONOSUPPORT, "the connection tracking table cannot be %s: the "
			    "kernel has none, or no netlink to it; load module nf_conntrack_netlink, or "
			    "build it with CONFIG_NF_CT_NETLINK", what);
	case -ENOMEM:
	case -ENOBUFS:
		return error_set(error, -ENOMEM, "out of memory");
	default:
		errno = -err;
		return error_set(error, -EIO, "the connection tracking table cannot be %s: %m", what);
	}
}

/* It was there to be read: what is refused now is refused for another reason. */
static int explain_removal(int err, struct error *error)
{
	return explain(err == -EINVAL || err == -EOPNOTSUPP ? -EIO : err, "changed", error);
}

int conntrack_open(struct conntrack *conntrack, struct error *error)
{
	int err;

	*conntrack = (struct conntrack){ .buffer = malloc(BUFFER_SIZE) };
	if (!conntrack->buffer)
		return error_set(error, -ENOMEM, "out of memory");
	conntrack->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (conntrack->socket && !mnl_socket_bind(conntrack->socket, 0, MNL_SOCKET_AUTOPID))
		return 0;
	err = explain(-errno, "read", error);
	conntrack_close(conntrack);
	return err;
}

void conntrack_close(struct conntrack *conntrack)
{
	if (conntrack->socket)
		mnl_socket_close(conntrack->socket);
	free(conntrack->buffer);
	*conntrack = (struct conntrack){ 0 };
}

static struct nlmsghdr *begin_message(void *buffer, unsigned int type, uint16_t flags,
				      uint32_t sequence, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header;

	message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = sequence;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->nfgen_family = family;
	header->version = NFNETLINK_V0;
	return message;
}

static int send_message(const struct conntrack *conntrack, const void *message, size_t size)
{
	return mnl_socket_sendto(conntrack->socket, message, size) < 0 ? -errno : 0;
}

static ssize_t receive(const struct conntrack *conntrack)
{
	ssize_t size;

	do
		size = mnl_socket_recvfrom(conntrack->socket, conntrack->buffer, BUFFER_SIZE);
	while (size < 0 && errno == EINTR);
	return size < 0 ? -errno : size;
}

/* What NLMSG_ERROR and NLMSG_DONE end with. */
static int status_of(const struct nlmsghdr *message)
{
	if (mnl_nlmsg_get_payload_len(message) < sizeof(int))
		return 0;
	return *(const int *)mnl_nlmsg_get_payload(message);
}

/*
 * Sends one request, and hands each answer to @take; @type is a dump's, or
 * that of a request with one answer.  Other than 0 from @take ends it.
 */
static int ask(struct conntrack *conntrack, unsigned int type, bool dump,
	       int (*take)(const struct nlmsghdr *message, void *data), void *data)
{
	struct nlmsghdr *message = begin_message(conntrack->buffer, type, dump ? NLM_F_DUMP : 0,
						 ++conntrack->sequence, AF_UNSPEC);
	int err = send_message(conntrack, message, message->nlmsg_len);

	while (!err) {
		ssize_t received = receive(conntrack);
		int left = (int)received;

		if (received < 0)
			return (int)received;
		message = (struct nlmsghdr *)conntrack->buffer;
		for (; mnl_nlmsg_ok(message, left) && !err; message = mnl_nlmsg_next(message, &left)) {
			if (message->nlmsg_seq != conntrack->sequence)
				continue;
			if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
				return status_of(message);
			err = take(message, data);
			if (!dump)
				return err;
		}
	}
	return err;
}

/* --- entries ---------------------------------------------------------- */

struct dump {
	enum conntrack_part part;
	int (*visit)(const struct tracked *entry, void *data);
	void *data;
	int result;		/* of the visitor: what looks like an errno is none of the kernel */
};

static int take_entry(const struct nlmsghdr *message, void *data)
{
	struct dump *dump = data;
	struct tracked entry;

	if (!tracked_read(&entry, message, dump->part))
		return 0;
	dump->result = dump->visit(&entry, dump->data);
	return dump->result ? 1 : 0;
}

int conntrack_dump(struct conntrack *conntrack, enum conntrack_part part,
		   int (*visit)(const struct tracked *entry, void *data), void *data,
		   struct error *error)
{
	struct dump dump = { part, visit, data, 0 };
	int err = ask(conntrack, IPCTNL_MSG_CT_GET, true, take_entry, &dump);

	return err < 0 ? explain(err, "read", error) : dump.result;
}

/* --- totals ----------------------------------------------------------- */

static int take_global(const struct nlmsghdr *message, void *data)
{
	struct conntrack_totals *totals = data;
	const struct nlattr *attr;

	each_attribute(attr, attributes(message), mnl_nlmsg_get_payload_tail(message)) {
		switch (type_of(attr)) {
		case CTA_STATS_GLOBAL_ENTRIES:
			totals->count = number_in(attr);
			break;
		case CTA_STATS_GLOBAL_MAX_ENTRIES:
			totals->max = number_in(attr);
			break;
		}
	}
	return 0;
}

static int take_processor(const struct nlmsghdr *message, void *data)
{
	struct conntrack_totals *totals = data;
	const struct nlattr *attr;

	each_attribute(attr, attributes(message), mnl_nlmsg_get_payload_tail(message)) {
		uint64_t *sum = NULL;

		switch (type_of(attr)) {
		case CTA_STATS_INVALID:
			sum = &totals->invalid;
			break;
		case CTA_STATS_INSERT_FAILED:
			sum = &totals->insert_failed;
			break;
		case CTA_STATS_DROP:
			sum = &totals->dropped;
			break;
		case CTA_STATS_EARLY_DROP:
			sum = &totals->early_dropped;
			break;
		}
		if (sum)
			*sum += number_in(attr);
	}
	return 0;
}

/* Kernels before 4.18 do not say it over netlink. */
static uint64_t read_most(void)
{
	FILE *file = fopen("/proc/sys/net/netfilter/nf_conntrack_max", "re");
	uint64_t max = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%" SCNu64, &max) != 1)
		max = 0;
	fclose(file);
	return max;
}

int conntrack_read_totals(struct conntrack *conntrack, struct conntrack_totals *totals,
			  struct error *error)
{
	int err;

	*totals = (struct conntrack_totals){ 0 };
	err = ask(conntrack, IPCTNL_MSG_CT_GET_STATS, false, take_global, totals);
	if (!err)
		err = ask(conntrack, IPCTNL_MSG_CT_GET_STATS_CPU, true, take_processor, totals);
	if (err)
		return explain(err, "read", error);
	if (!totals->max)
		totals->max = read_most();
	return 0;
}

/* --- removal ---------------------------------------------------------- */

int conntrack_begin_removal(struct conntrack_removal *removal, struct conntrack *conntrack)
{
	*removal = (struct conntrack_removal){ .conntrack = conntrack };
	removal->data = malloc(2 * BUFFER_SIZE);	/* libmnl writes past the end of a batch */
	if (removal->data)
		removal->batch = mnl_nlmsg_batch_start(removal->data, BUFFER_SIZE);
	return removal->batch ? 0 : -ENOMEM;
}

/* -ENOENT: it went by itself, or the one there now has another ID. */
static int take_answers(struct conntrack_removal *removal)
{
	while (removal->pending) {
		ssize_t received = receive(removal->conntrack);
		const struct nlmsghdr *message = (const void *)removal->conntrack->buffer;
		int left = (int)received;

		if (received < 0)
			return (int)received;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
			int status = status_of(message);

			if (message->nlmsg_type != NLMSG_ERROR)
				continue;
			if (status && status != -ENOENT)
				return status;
			removal->removed += status == 0;
			removal->pending--;
		}
	}
	return 0;
}

static int hand_over(struct conntrack_removal *removal)
{
	int err = 0;

	if (!removal->pending)
		return 0;
	err = send_message(removal->conntrack, mnl_nlmsg_batch_head(removal->batch),
			   mnl_nlmsg_batch_size(removal->batch));
	mnl_nlmsg_batch_reset(removal->batch);
	return err ? err : take_answers(removal);
}

static void put_copy(struct nlmsghdr *message, const struct nlattr *attr)
{
	if (attr)
		mnl_attr_put(message, attr->nla_type, mnl_attr_get_payload_len(attr),
			     mnl_attr_get_payload(attr));
}

int conntrack_remove(struct conntrack_removal *removal, const struct tracked *entry,
		     struct error *error)
{
	struct nlmsghdr *message = begin_message(mnl_nlmsg_batch_current(removal->batch),
						 IPCTNL_MSG_CT_DELETE, NLM_F_ACK,
						 ++removal->conntrack->sequence,
						 entry->family == IPV6 ? AF_INET6 : AF_INET);
	int err;

	put_copy(message, entry->tuple);
	put_copy(message, entry->zone);
	put_copy(message, entry->id);
	mnl_nlmsg_batch_next(removal->batch);
	if (++removal->pending < PENDING_MAX)
		return 0;
	err = hand_over(removal);
	return err ? explain_removal(err, error) : 0;
}

int conntrack_end_removal(struct conntrack_removal *removal, int err, struct error *error)
{
	int last = err ? 0 : hand_over(removal);

	if (removal->batch)
		mnl_nlmsg_batch_stop(removal->batch);
	free(removal->data);
	removal->batch = NULL;
	removal->data = NULL;
	return last ? explain_removal(last, error) : err;
}
